"""An order that a medium carries leaves once, whatever ends in between."""

import asyncio

import asyncpg
import msgspec
import pytest
from tests.channels.world import ADA, WEBHOOK, Remembered, road
from tests.modules.shop import drifts, error_of, memory_shop
from tests.shipping.desk import ORDER, plan_of, po, units

from shopwire.kernel.posting import NotLeft
from shopwire.kernel.purchasing import LineAnswer
from shopwire.kernel.trade_errors import ProviderUnavailable
from shopwire.modules.channels import domain
from shopwire.modules.channels.api import (
    BeginBundle,
    FetchWay,
    LetterLine,
    PostLetter,
    PutChannel,
    RecordBundle,
    SettleBundle,
    StageBundle,
    Way,
)
from shopwire.modules.channels.consumers import CONSUMERS
from shopwire.modules.shipping.api import (
    AcknowledgePurchaseOrder,
    CancelPurchaseOrders,
    RefusePurchaseOrder,
)
from shopwire.services.consumers import Consumers
from shopwire.testing.conformance.purchasing import order_of

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]
OWN = po("acme")


@pytest.fixture(autouse=True)
def _quick_tries(monkeypatch):
    """What did not leave is tried again after a moment."""
    monkeypatch.setattr(domain, "RETRY_MS_MIN", 1)
    monkeypatch.setattr(domain, "RETRY_MS_MAX", 1)


async def test_orders_that_are_due_together_leave_together_and_with_their_address(database_url):
    medium = Remembered()
    orders = [f"cart-{number:04}-abc.1" for number in range(3)]
    async with road(
        database_url, {"webhook": medium}, way=WEBHOOK, gather_ms=60_000, orders_max=3
    ) as it:
        await it.shop.many(plan_of({"acme": {"A": 2}}, order_id=one) for one in orders)
        await it.bundle_is("acme/1", "left")
        (bundle,) = medium.left
        assert sorted(one.order.id for one in bundle.orders) == [po("acme", one) for one in orders]
        assert {one.order.ship_to for one in bundle.orders} == {ADA}
        assert [one.number for one in bundle.orders] == ["P000001", "P000002", "P000003"]
        assert [one for one in await drifts(it.shop) if one.check.startswith("channels.")] == []


async def test_what_surely_did_not_leave_is_tried_again_under_the_same_number(database_url):
    medium = Remembered()
    medium.fault = NotLeft("nobody answers")
    async with road(database_url, {"webhook": medium}, way=WEBHOOK) as it:
        await it.shop.do(plan_of({"acme": {"A": 2}}))
        await it.bundle_is("acme/1", "left")
        assert [bundle.control for bundle in medium.left] == [1]
        assert (await it.shop.document("bundle:acme/1"))["tries"] == 1


async def test_what_may_have_left_waits_for_a_person(database_url):
    medium = Remembered()
    medium.fault = ProviderUnavailable(provider="acme", retry_ms=1)
    async with road(database_url, {"webhook": medium}, way=WEBHOOK) as it:
        await it.shop.do(plan_of({"acme": {"A": 2}}))
        await it.bundle_is("acme/1", "doubtful")
        assert medium.left == []
        settle = SettleBundle(supplier="acme", bundle="acme/1", letters=(OWN,), arrived=False)
        await it.shop.do(settle)
        await it.bundle_is("acme/1", "left")
        assert medium.orders == [OWN]
        again = await it.shop.ask(settle)
        assert b'"applied":false' in again.body


async def test_a_supplier_that_accepts_ends_the_doubt(database_url):
    medium = Remembered()
    medium.fault = ProviderUnavailable(provider="acme", retry_ms=1)
    async with road(database_url, {"webhook": medium}, way=WEBHOOK) as it:
        await it.shop.do(plan_of({"acme": {"A": 2}}))
        await it.bundle_is("acme/1", "doubtful")
        await it.shop.do(RefusePurchaseOrder(purchase_order=OWN, reason="a person's"))
        followed = Consumers(it.shop.log, it.shop.write_path, it.shop.reads, CONSUMERS)
        running = asyncio.create_task(followed.run())
        await followed.catch_up((await it.shop.log.heads()).next)
        assert (await it.shop.document("bundle:acme/1"))["state"] == "doubtful"
        again = po("acme", "cart-0007-abc.1")
        medium.fault = ProviderUnavailable(provider="acme", retry_ms=1)
        await it.shop.do(plan_of({"acme": {"A": 2}}, order_id="cart-0007-abc.1"))
        await it.bundle_is("acme/2", "doubtful")
        await it.shop.do(AcknowledgePurchaseOrder(purchase_order=again, lines=units(A=1)))
        await it.bundle_is("acme/2", "left")
        assert medium.left == []
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_an_order_that_waits_is_held_back_for_ever(database_url):
    medium = Remembered()
    async with road(database_url, {"webhook": medium}, way=WEBHOOK, gather_ms=60_000) as it:
        await it.shop.do(plan_of({"acme": {"A": 2}}))

        async def sent() -> bool:
            return await it.ledger.state(OWN) == "queued"

        await it.until(sent)
        await it.shop.do(CancelPurchaseOrders(order_id=ORDER, wish="w", reason="shopper"))

        async def gone() -> bool:
            found = await it.shop.document(f"purchase_order:{OWN}")
            return found["status"] == "cancelled"

        await it.until(gone)
        answer = await it.ways.send(order_of(OWN, A=2))
        assert (answer.state, answer.reason) == ("refused", "cancelled")
        assert medium.left == []
        first = order_of("cart-0000-zzz.1/acme", A=1)
        lines = (LineAnswer(sku="A", quantity=1),)
        assert (await it.ways.cancel("acme", first.id, lines)).never_received
        assert (await it.ways.send(first)).state == "refused"


class Closed(Remembered):
    """Nothing can be prepared until it opens."""

    closed = True

    async def stage(self, bundle) -> None:
        if self.closed:
            raise NotLeft("closed")
        await super().stage(bundle)


async def test_an_order_is_taken_out_of_a_bundle_that_cannot_leave(database_url):
    medium = Closed()
    orders = [f"cart-{number:04}-abc.1" for number in range(2)]
    first, second = (po("acme", one) for one in orders)
    async with road(database_url, {"webhook": medium}, way=WEBHOOK, gather_ms=60_000) as it:
        await it.ways.send(order_of(first, A=2))
        await it.ways.send(order_of(second, A=2))
        await it.shop.do(PutChannel(supplier="acme", way=WEBHOOK, gather_ms=0))
        await it.bundle_is("acme/1", "staging")
        part = (LineAnswer(sku="A", quantity=1),)
        with pytest.raises(ProviderUnavailable):
            await it.ways.cancel("acme", first, part)
        whole = (LineAnswer(sku="A", quantity=2),)
        assert (await it.ways.cancel("acme", first, whole)).never_received
        medium.closed = False
        await it.bundle_is("acme/1", "left")
        assert medium.orders == [second]
        assert (await it.ways.send(order_of(first, A=2))).state == "refused"
        medium.closed = True
        third = po("acme", "cart-0009-abc.1")
        await it.ways.send(order_of(third, A=2))
        await it.shop.do(PutChannel(supplier="acme", way=WEBHOOK, gather_ms=0, orders_max=9))
        await it.bundle_is("acme/2", "staging")
        assert (await it.ways.cancel("acme", third, whole)).never_received
        await it.bundle_is("acme/2", "void")
        assert [one for one in await drifts(it.shop) if one.check.startswith("channels.")] == []


async def test_units_of_what_left_are_given_back_by_the_supplier_alone(database_url):
    medium = Remembered()
    async with road(database_url, {"webhook": medium}, way=WEBHOOK) as it:
        await it.shop.do(plan_of({"acme": {"A": 2}}))
        await it.bundle_is("acme/1", "left")
        await it.shop.do(
            CancelPurchaseOrders(order_id=ORDER, wish="w", reason="shopper", lines=units(A=1))
        )
        with pytest.raises(ProviderUnavailable):
            await it.ways.cancel("acme", OWN, (LineAnswer(sku="A", quantity=1),))
        assert (await it.shop.document(f"purchase_order:{OWN}"))["status"] == "cancelling"


async def test_an_order_stays_with_the_way_that_took_it(database_url):
    medium = Remembered()
    async with road(database_url, {"webhook": medium}, way=WEBHOOK, gather_ms=60_000) as it:
        await it.ways.send(order_of(OWN, A=2))
        await it.shop.do(PutChannel(supplier="acme", way=FetchWay()))
        with pytest.raises(ProviderUnavailable):
            await it.ways.cancel("acme", OWN, (LineAnswer(sku="A", quantity=1),))
        assert (await it.ways.cancel("acme", OWN, (LineAnswer(sku="A", quantity=2),))).lines


async def test_the_schema_lets_nothing_leave_twice(database_url):
    """The rules of the code before it are not what holds."""
    medium = Remembered()
    async with road(database_url, {"webhook": medium}, way=WEBHOOK) as it:
        await it.shop.do(plan_of({"acme": {"A": 2}}))
        await it.bundle_is("acme/1", "left")
        connection = await asyncpg.connect(database_url)
        for change in (
            "UPDATE channel_bundle SET state = 'staging', left_at_ms = NULL",
            "UPDATE channel_letter SET state = 'queued', bundle = NULL, left_at_ms = NULL",
            "UPDATE channel_letter SET bundle = 'acme/2'",
            "UPDATE channel_bundle SET state = 'void', letters = '[]', left_at_ms = NULL",
            """UPDATE channel_bundle SET letters = '["another"]'""",
        ):
            with pytest.raises(asyncpg.CheckViolationError, match="would leave twice"):
                await connection.execute(change)
        await connection.close()


async def test_a_doubt_of_another_process_ends_with_what_the_first_one_knows():
    letters = (OWN,)
    named = {"supplier": "acme", "bundle": "acme/1", "letters": letters}
    async with memory_shop() as shop:
        await shop.do(PutChannel(supplier="acme", way=WEBHOOK))
        lines = (LetterLine(sku="A", quantity=1),)
        await shop.do(PostLetter(supplier="acme", purchase_order=OWN, lines=lines))
        await shop.do(BeginBundle(supplier="acme", letters=letters))
        await shop.do(StageBundle(**named))
        await shop.do(RecordBundle(**named, outcome="doubtful"))
        await shop.do(RecordBundle(**named, outcome="not_left"))
        assert (await shop.document("bundle:acme/1"))["state"] == "doubtful"
        await shop.do(RecordBundle(**named, outcome="left"))
        assert (await shop.document("bundle:acme/1"))["state"] == "left"


@pytest.mark.parametrize(
    ("way", "field"),
    [
        ({"type": "webhook", "url": "ftp://acme.example"}, "way.url"),
        ({"type": "webhook", "url": "https://user:word@acme.example"}, "way.url"),
        ({"type": "api", "url": "https://acme.example", "secret": "../key"}, "way.secret"),
        ({"type": "x12", "place": "folder:../../etc", "sender": "S", "receiver": "A"}, "way.place"),
        (
            {"type": "x12", "place": "sftp://acme.example/in", "sender": "S", "receiver": "A"},
            "way.host_key",
        ),
        (
            {"type": "email", "to": ["a@b.example\r\nBcc: x@y"], "sender": "s@s.example",
             "host": "mail"},
            "way.to",
        ),
    ],
)  # fmt: skip
async def test_ways_that_cannot_be_used_are_refused_with_the_field(way, field):
    async with memory_shop() as shop:
        refused = await shop.ask(PutChannel(supplier="acme", way=msgspec.convert(way, Way)))
        assert error_of(refused)["data"]["field"] == field
