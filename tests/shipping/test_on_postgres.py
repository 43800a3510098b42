"""What the schema refuses where the application forgot to, and what the audit finds."""

import asyncio

import asyncpg
import msgspec
import pytest
from msgspec.structs import replace
from tests.modules.shop import Shop, drifts, error_of, handlers, postgres_shop, result_of
from tests.shipping.desk import ORDER, accept, plan_of, po, send, ship, units

from shopwire.kernel.commands import Context, Decision
from shopwire.kernel.queries import Reads
from shopwire.kernel.rows import View
from shopwire.modules.shipping import parcel_commands, return_commands
from shopwire.modules.shipping.api import (
    AcknowledgePurchaseOrder,
    BeginSending,
    CancelPurchaseOrders,
    CloseReturn,
    KeepNotice,
    OpenReturn,
    ReceiveReturn,
    RecordCancellation,
    RecordSending,
    RecordShipment,
    RecordTracking,
    RefusePurchaseOrder,
    TrackingNotice,
)
from shopwire.modules.shipping.book import Book, needs_of
from shopwire.modules.shipping.domain import PurchaseOrder, PurchaseOrderLine
from shopwire.modules.shipping.purchasing import ship as booked
from shopwire.modules.shipping.store import CHECKS

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


async def own_drifts(shop: Shop) -> list:
    return [one for one in await drifts(shop) if one.check.startswith("shipping.")]


# -- the checks removed -----------------------------------------------------------------------


async def test_the_schema_refuses_to_ship_more_than_was_accepted(database_url, monkeypatch):
    def unchecked(sheet, lines, now_ms):
        return booked(sheet, {line.sku: line.quantity for line in lines}, now_ms)

    monkeypatch.setattr(parcel_commands, "shipped", unchecked)
    async with postgres_shop(database_url) as shop:
        await shop.do(plan_of({"acme": {"A": 3}}))
        own = await accept(shop, "acme", A=2)
        parcels = [
            RecordShipment(
                purchase_order=own,
                reference=f"P{number}",
                carrier="dhl",
                tracking=str(number),
                lines=units(A=1),
            )
            for number in range(9)
        ]
        outcomes = await shop.many(parcels)
        assert sum(one.ok for one in outcomes) == 2
        refused = [error_of(one) for one in outcomes if not one.ok]
        assert {one["name"] for one in refused} == {"ConstraintRefused"}
        assert {one["data"]["constraint"] for one in refused} <= {
            "purchase_order_line_shipped",
            "purchase_order_line_cancelling",
        }
        assert await own_drifts(shop) == []


async def test_the_schema_refuses_to_take_back_more_than_was_shipped(database_url, monkeypatch):
    def unchecked(lines, wanted, _return_id):
        return [(next(iter(lines)), one.quantity) for one in wanted]

    monkeypatch.setattr(return_commands, "announced", unchecked)
    async with postgres_shop(database_url) as shop:
        await shop.do(plan_of({"acme": {"A": 3}}))
        await ship(shop, await accept(shop, "acme", A=3), A=2)
        opened = await shop.many([OpenReturn(order_id=ORDER, lines=units(A=1))] * 5)
        assert sum(one.ok for one in opened) == 2
        for one in opened[2:]:
            assert error_of(one)["data"]["constraint"] == "purchase_order_line_returned"


async def test_the_schema_refuses_a_second_purchase_order_of_one_plan(database_url, monkeypatch):
    """With the memory of plans removed, the numbers and the plan's name are still unique."""

    class Forgetful(Book):
        def __init__(self, view: View, tenant: str, own_id: str) -> None:
            super().__init__(view, tenant, own_id)
            self.fulfilment = replace(self.fulfilment, plans=())

    monkeypatch.setattr("shopwire.modules.shipping.order_commands.Book", Forgetful)
    async with postgres_shop(database_url) as shop:
        outcomes = await shop.many([plan_of({"acme": {"A": 1}})] * 4)
        assert [one.ok for one in outcomes] == [True, False, False, False]
        names = {error_of(one)["data"]["constraint"] for one in outcomes[1:]}
        assert names == {"purchase_order_plan_once"}


async def put(shop: Shop, change) -> str:
    """Writes rows of a purchase order as no command would; returns what the schema said."""

    def decide(_command: CloseReturn, view: View, context: Context) -> Decision:
        orders = view.all(PurchaseOrder, ORDER)
        lines = view.all(PurchaseOrderLine, ORDER)
        return Decision(put=[change(row) for row in (*orders, *lines)])

    rogue = next(one for one in handlers() if one.command is CloseReturn)
    rogue = replace(rogue, decide=decide, needs=lambda command: needs_of(command.return_id))
    own = [rogue if one.command is CloseReturn else one for one in handlers()]
    async with postgres_shop(shop.dsn, own) as other:
        outcome = await other.ask(CloseReturn(return_id=f"{ORDER}/R1"), key=str(change))
    return "" if outcome.ok else error_of(outcome)["data"]["constraint"]


def on(kind: type, **fields: object):
    def change(row):
        return replace(row, **fields) if isinstance(row, kind) else row

    return change


async def test_what_happened_cannot_be_taken_back_in_the_schema(database_url):
    async with postgres_shop(database_url) as shop:
        shop.dsn = database_url
        await shop.do(plan_of({"acme": {"A": 5}}))
        own = await send(shop, "acme")
        await shop.do(
            AcknowledgePurchaseOrder(purchase_order=own, lines=units(A=4), supplier_reference="X")
        )
        await ship(shop, own, A=2)
        refused = {
            "sent again": on(PurchaseOrder, step="sending"),
            "planned again": on(PurchaseOrder, step="planned"),
            "another number": on(PurchaseOrder, supplier_reference="Y"),
            "another supplier": on(PurchaseOrder, supplier="bolt"),
            "fewer attempts": on(PurchaseOrder, attempts=0),
            "fewer shipped": on(PurchaseOrderLine, shipped=1),
            "fewer refused": on(PurchaseOrderLine, refused=0),
            "more ordered": on(PurchaseOrderLine, ordered=9),
            "another message": on(PurchaseOrderLine, sent=4),
            "fewer accepted than shipped": on(PurchaseOrderLine, accepted=1),
            "more delivered than shipped": on(PurchaseOrderLine, delivered=3),
            "more accepted than ordered": on(PurchaseOrderLine, accepted=5),
            "more asked back than is left": on(PurchaseOrderLine, cancelling=3),
            "cancelled though shipped": on(PurchaseOrderLine, cancelled=3, accepted=2),
        }
        said = {name: await put(shop, change) for name, change in refused.items()}
        assert all(said.values()), said
        assert said["fewer accepted than shipped"] == "purchase_order_line_shipped"
        assert said["sent again"] == said["planned again"] == "purchase_order_sent_once"
        assert await put(shop, on(PurchaseOrder)) == ""


async def test_one_number_of_a_supplier_is_one_purchase_order_also_in_a_race(database_url):
    async with postgres_shop(database_url) as shop:
        orders = [f"cart-{number:04}-abc.1" for number in range(12)]
        await shop.many([plan_of({"acme": {"A": 1}}, order_id=one) for one in orders])
        for one in orders:
            await send(shop, "acme", one)
        outcomes = await shop.many(
            AcknowledgePurchaseOrder(
                purchase_order=po("acme", one), lines=units(A=1), supplier_reference="X-1"
            )
            for one in orders
        )
        assert sum(one.ok for one in outcomes) == 1
        names = {error_of(one)["name"] for one in outcomes if not one.ok}
        assert names <= {"PurchaseOrderState", "ConstraintRefused"}
        assert await own_drifts(shop) == []


# -- at once ----------------------------------------------------------------------------------


async def test_a_hundred_plans_at_once_are_one(database_url):
    async with postgres_shop(database_url) as shop:
        outcomes = await shop.many([plan_of({"acme": {"A": 1}, "bolt": {"B": 1}})] * 100)
        assert sum(result_of(one)["applied"] for one in outcomes) == 1
        rows = await shop.reads.fetch("SELECT count(*) AS n FROM purchase_order")
        assert rows[0]["n"] == 2


async def test_a_cancellation_and_a_parcel_race_and_both_ends_are_told(database_url):
    """Over many orders: whichever is first wins, and nothing is both shipped and cancelled."""
    async with postgres_shop(database_url) as shop:
        orders = [f"cart-{number:04}-abc.1" for number in range(24)]
        for one in orders:
            await shop.do(plan_of({"acme": {"A": 2}}, order_id=one))
            await accept(shop, "acme", one, A=2)
            await shop.do(CancelPurchaseOrders(order_id=one, wish="order", reason="shopper"))
        asked = [
            RecordCancellation(
                purchase_order=po("acme", one), asked=units(A=2), cancelled=units(A=2)
            )
            for one in orders
        ]
        parcels = [
            RecordShipment(
                purchase_order=po("acme", one),
                reference="P",
                carrier="dhl",
                tracking=one,
                lines=units(A=1),
            )
            for one in orders
        ]
        races = [
            pair[::-1] if number % 2 else pair
            for number, pair in enumerate(zip(asked, parcels, strict=True))
        ]
        await asyncio.gather(*(shop.many(race) for race in races))
        for one in orders:
            (line,) = (await shop.document(f"purchase_order:{po('acme', one)}"))["lines"]
            assert (line["shipped"], line["cancelled"]) in [(1, 1), (0, 2)]
            assert line["cancelling"] == 0
        assert await own_drifts(shop) == []


# -- the audit --------------------------------------------------------------------------------


async def everything(shop: Shop) -> None:
    """Something of all that is audited."""
    await shop.do(plan_of({"acme": {"A": 4}, "bolt": {"A": 1}, "core": {"A": 1}}, price_minor=333))
    own = await send(shop, "acme")
    await shop.do(
        AcknowledgePurchaseOrder(purchase_order=own, lines=units(A=3), supplier_reference="X")
    )
    await ship(shop, own, A=2)
    await shop.do(BeginSending(purchase_order=po("bolt")))
    await shop.do(RecordSending(purchase_order=po("bolt"), outcome="timed_out"))
    await shop.do(RefusePurchaseOrder(purchase_order=po("bolt"), reason="none"))
    await shop.do(CancelPurchaseOrders(order_id=ORDER, wish="order", reason="shopper"))
    await shop.do(RecordCancellation(purchase_order=own, asked=units(A=1), cancelled=units(A=1)))
    for number, status in enumerate(["in_transit", "exception", "delivered", "in_transit"]):
        await shop.do(
            RecordTracking(
                shipment=f"{ORDER}/S1", event=str(number), status=status, at_ms=number + 1
            )
        )
    await shop.do(OpenReturn(order_id=ORDER, lines=units(A=2)))
    await shop.do(ReceiveReturn(return_id=f"{ORDER}/R1", lines=units(A=1)))
    seen = TrackingNotice(carrier="dhl", tracking="1", event="e", status="label", at_ms=5)
    await shop.do(KeepNotice(source="carrier:dhl", id="m", notice=seen, because="NotFound"))


ANOTHER_PARCEL = (
    "INSERT INTO shipment SELECT tenant, order_id, 'x/S9', version, purchase_order, supplier,"
    " 'P9', carrier, tracking, lines, shipped_at_ms, status, progress, progress_at_ms,"
    " exception_at_ms, delivered_at_ms, returned_at_ms, events FROM shipment"
)
PLANTED = {
    ANOTHER_PARCEL: "shipping.units",
    "UPDATE return_line SET received = 2": "shipping.units",
    "DELETE FROM return_line": "shipping.units",
    "DELETE FROM return_receipt": "shipping.receipts",
    "UPDATE return_order SET refund_minor = refund_minor + 1": "shipping.receipts",
    "UPDATE purchase_order SET status = 'shipped' WHERE supplier = 'acme'": "shipping.statuses",
    "DELETE FROM purchase_order_line WHERE sku = 'A'": "shipping.statuses",
    "UPDATE shipment SET status = 'in_transit'": "shipping.parcels",
    "DELETE FROM tracking_event WHERE status = 'delivered'": "shipping.parcels",
    "DELETE FROM supplier_reference": "shipping.references",
    "UPDATE notice_box SET waiting = 7": "shipping.boxes",
    "UPDATE documents SET body = '{}' WHERE topic LIKE 'purchase_order:%acme'": (
        "shipping.purchase_order_documents"
    ),
    "UPDATE purchase_order SET reason = 'other'": "shipping.purchase_order_documents",
    "UPDATE documents SET body = '{}' WHERE topic ~ '^shipment:'": "shipping.shipment_documents",
    "UPDATE return_order SET reason = 'late'": "shipping.return_documents",
    "UPDATE kept_notice SET because = 'other'": "shipping.notice_documents",
}


class OnConnection(Reads):
    """Reads inside somebody's transaction."""

    def __init__(self, con) -> None:
        self._con = con

    async def fetch(self, query, *args: object):
        return await self._con.fetch(query, *args)


async def test_the_audit_finds_what_was_damaged(database_url):
    missed = []
    async with postgres_shop(database_url) as shop:
        await everything(shop)
        assert await own_drifts(shop) == []
    con = await asyncpg.connect(database_url)
    try:
        for damage, check in PLANTED.items():
            undone = con.transaction()
            await undone.start()
            await con.execute(damage)
            found = {one.check for own in CHECKS for one in await own.run(OnConnection(con))}
            await undone.rollback()
            if check not in found:
                missed.append((damage, found))
    finally:
        await con.close()
    assert missed == []


async def test_the_audit_compares_plans_with_what_their_orders_allocated(database_url):
    allocated = {
        "skus": ["A"],
        "amount_minor": 1,
        "currency": "EUR",
        "allocations": [{"sku": "A", "supplier": "acme", "quantity": 3}],
    }
    async with postgres_shop(database_url) as shop:
        await shop.do(plan_of({"acme": {"A": 2}}))
        con = await asyncpg.connect(database_url)
        try:
            await con.execute(
                "INSERT INTO events SELECT 0, next, epoch, 'main', $1, 1, $2, '{}', $3, 'c', 1"
                " FROM head WHERE partition = 0",
                f"order:{ORDER}",
                "orders.order_allocated",
                msgspec.json.encode(allocated).decode(),
            )
            await con.execute("UPDATE head SET next = next + 1 WHERE partition = 0")
            assert await own_drifts(shop) == [], "its consumer has not seen it"
            await con.execute("INSERT INTO consumer_position VALUES ('shipping.orders', 0, 99)")
        finally:
            await con.close()
        (found,) = [d for d in await own_drifts(shop) if d.check == "shipping.allocations"]
        assert (found.expected, found.found) == ("3", "2")


async def test_the_audit_finds_a_return_whose_money_nobody_asked_for(database_url):
    async with postgres_shop(database_url) as shop:
        await everything(shop)
        con = await asyncpg.connect(database_url)
        try:
            await con.execute(
                "INSERT INTO consumer_position SELECT 'shipping.refunds', partition, next FROM head"
            )
        finally:
            await con.close()
        (found,) = await own_drifts(shop)
        assert (found.check, found.expected) == ("shipping.refunds", "a refund of 333")
        assert found.where == f"main/{ORDER}/R1/1"
