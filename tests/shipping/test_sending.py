"""Purchase orders leave once, whatever suppliers and calls do, and both books agree in the end."""

import random

import pytest
from tests.modules.shop import drifts
from tests.shipping.desk import ORDER, plan_of, po, units
from tests.shipping.world import World, world

from shopwire.adapters.suppliers import Habits
from shopwire.modules.shipping import purchasing
from shopwire.modules.shipping.api import CancelPurchaseOrders, SetSupplierRules

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


@pytest.fixture(autouse=True)
def _quick_questions(monkeypatch):
    """Suppliers are asked again after a moment instead of seconds."""
    monkeypatch.setattr(purchasing, "ASK_MS_MIN", 1)
    monkeypatch.setattr(purchasing, "ASK_MS_MAX", 50)


async def status(it: World, own: str) -> str:
    found = await it.shop.document(f"purchase_order:{own}")
    return found["status"] if found else ""


async def agreed(it: World, own: str) -> bool:
    """Nothing is expected any more, or never will be, on either side."""
    found = await it.shop.document(f"purchase_order:{own}")
    return found is not None and found["status"] in ("delivered", "refused", "cancelled")


async def compare(it: World, orders: list[str]) -> None:
    """The shop's book beside the supplier's, unit by unit."""
    book = {entry.id: entry for entry in it.suppliers.book.entries()}
    for order_id in orders:
        own = po("acme", order_id)
        document = await it.shop.document(f"purchase_order:{own}")
        entry = book.get(own)
        if entry is None or not entry.taken:
            assert document["status"] == "cancelled", own
            continue
        assert entry.taken == 1, f"{own} was taken {entry.taken} times"
        for line in document["lines"]:
            sku = line["sku"]
            assert line["shipped"] == entry.shipped(sku), own
            accepted = entry.accepted.get(sku, 0) - entry.cancelled.get(sku, 0)
            assert line["accepted"] == accepted, own
    assert [one for one in await drifts(it.shop) if one.check.startswith("shipping.")] == []


CHAOS = Habits(
    refuses=0.1,
    partial=0.2,
    request_lost=0.15,
    answer_lost=0.15,
    delayed=0.15,
    away=0.2,
    silent=0.2,
    twice=0.3,
    splits=0.4,
    shuffles=0.4,
    troubled=0.2,
)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_each_is_received_once_and_the_books_agree(database_url, seed):
    dice = random.Random(seed)
    orders = [f"cart-{number:04}-abc.1" for number in range(25)]
    async with world(database_url, CHAOS, seed=seed) as it:
        await it.shop.do(
            SetSupplierRules(supplier="acme", acknowledge_within_ms=30, ship_within_ms=30)
        )
        await it.shop.many(
            plan_of({"acme": {"A": dice.randint(1, 4), "B": 1}}, order_id=one) for one in orders
        )
        await it.shop.many(
            CancelPurchaseOrders(
                order_id=one,
                wish="some",
                reason="shopper",
                lines=dice.choice([None, units(A=1), units(A=2, B=1)]),
            )
            for one in dice.sample(orders, 10)
        )

        async def over() -> bool:
            return all([await agreed(it, po("acme", one)) for one in orders])

        await it.until(over)
        await it.suppliers.settled()
        await it.followed()
        await compare(it, orders)
        assert not it.consumers.stalls


@pytest.mark.parametrize("answers", ["now", "later"])
async def test_a_supplier_that_forgets_is_never_handed_an_order_twice(database_url, answers):
    """Such a supplier would take a repetition for another order: it has to be asked first."""
    habits = Habits(answers=answers, forgets=True, request_lost=0.3, answer_lost=0.5)
    orders = [f"cart-{number:04}-abc.1" for number in range(20)]
    async with world(database_url, habits) as it:
        await it.shop.many(plan_of({"acme": {"A": 1}}, order_id=one) for one in orders)

        async def over() -> bool:
            return all([await agreed(it, po("acme", one)) for one in orders])

        await it.until(over)
        await it.suppliers.settled()
        assert {entry.taken for entry in it.suppliers.book.entries()} == {1}
        tries = [entry.tries for entry in it.suppliers.book.entries()]
        assert any("fetch" in one for one in tries), "no answer was lost"


async def test_a_supplier_that_never_speaks_is_asked_and_shown_as_late(database_url):
    async with world(database_url, Habits(silent=1.0, keeps=1.0)) as it:
        await it.shop.do(
            SetSupplierRules(supplier="acme", acknowledge_within_ms=1, ship_within_ms=1)
        )
        await it.shop.do(plan_of({"acme": {"A": 1}}))

        async def late() -> bool:
            found = await it.shop.document(f"purchase_order:{po('acme')}")
            return found is not None and found["late"] == "shipment"

        await it.until(late)
        document = await it.shop.document(f"purchase_order:{po('acme')}")
        assert (document["status"], document["answer"]) == ("acknowledged", "accepted")


async def test_it_waits_its_time_before_it_leaves(database_url):
    async with world(database_url) as it:
        await it.shop.do(SetSupplierRules(supplier="acme", send_after_ms=3_600_000))
        await it.shop.do(plan_of({"acme": {"A": 1}, "bolt": {"A": 1}}))

        async def bolt() -> bool:
            return await status(it, po("bolt")) == "delivered"

        await it.until(bolt)
        assert await status(it, po("acme")) == "planned"
        await it.shop.do(CancelPurchaseOrders(order_id=ORDER, wish="w", reason="shopper"))
        assert await status(it, po("acme")) == "cancelled"
        assert [entry.supplier for entry in it.suppliers.book.entries()] == ["bolt"]
