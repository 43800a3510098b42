"""What becomes of sales once they are made: booked, seen, refused, cancelled, returned, short."""

from typing import Any

import msgspec
import pytest
from tests.modules.inventory_shop import HeldShop, held_shop
from tests.modules.shop import error_of, result_of

from shopwire.modules.inventory.api import (
    Booked,
    BookSales,
    Count,
    ExpireHolds,
    HoldLine,
    HoldRef,
    HoldStock,
    Part,
    PostHold,
    PutBundle,
    ReleaseSale,
    ReportStock,
    ReportStocks,
    SellStock,
    SetPolicy,
    VoidHold,
)
from shopwire.modules.inventory.domain import Pool, Sale
from shopwire.modules.inventory.events import MOVEMENTS
from shopwire.sync.reducer import Held, Replica

pytestmark = pytest.mark.anyio


async def sold(shop: HeldShop, reference: str, quantity: int, sku: str = "A") -> None:
    line = HoldLine(sku=sku, quantity=quantity)
    await shop.do(HoldStock(hold_id=reference, lines=(line,), ttl_ms=60_000))
    await shop.do(PostHold(hold_id=reference, skus=(sku,)))


def report(quantity: int, **more: Any) -> ReportStock:
    return ReportStock(sku="A", supplier="s", quantity=quantity, **more)


def release(reference: str, quantity: int, reason: str, **more: Any) -> ReleaseSale:
    fields = {"sku": "A", "supplier": "s", "reference": reference, "quantity": quantity}
    return ReleaseSale(**fields, reason=reason, **more)


def book(reference: str, quantity: int | None = None, booking: str = "", **mark: Any) -> BookSales:
    sale = Booked(sku="A", reference=reference, quantity=quantity, booking=booking)
    return BookSales(supplier="s", sales=(sale,), **mark)


async def available(shop: HeldShop) -> int:
    return (await shop.document("stock:A"))["available"]


def pool(shop: HeldShop) -> Pool:
    return shop.state.rows[Pool]["main", "A", "s"]


def facts_of(events: list[Any], event_type: str) -> Any:
    found = [event for event in events if event.event_type == event_type]
    return msgspec.json.decode(found[-1].facts)


async def test_an_order_outlives_a_count_that_was_taken_before_it():
    async with held_shop() as shop:
        now_ms = shop.clock.ms
        await shop.do(report(5, as_of_ms=now_ms - 9_000))
        await sold(shop, "order", 3)
        # Taken before the supplier saw the order, and only now here.
        await shop.do(report(5, as_of_ms=now_ms - 5_000))
        assert await available(shop) == 2
        # It has seen it: its count lacks the units, and nothing is taken off twice.
        await shop.do(book("order", at_ms=now_ms - 1_000))
        await shop.do(report(2, as_of_ms=now_ms - 500))
        assert await available(shop) == 2
        assert (
            result_of(await shop.do(report(5, as_of_ms=now_ms - 5_000)))["reason"] == "superseded"
        )
        assert await available(shop) == 2


async def test_a_count_that_had_it_already_is_known_by_the_late_acknowledgement():
    async with held_shop() as shop:
        now_ms = shop.clock.ms
        await shop.do(report(5, as_of_ms=now_ms - 9_000))
        await sold(shop, "order", 3)
        await shop.do(report(2, as_of_ms=now_ms - 100))
        assert pool(shop).shortfall == 1
        await shop.do(book("order", at_ms=now_ms - 100))
        assert (await available(shop), pool(shop).shortfall) == (2, 0)
        for again in (book("order", at_ms=now_ms - 100), book("order", at_ms=now_ms - 50)):
            version = await shop.version("stock:A")
            await shop.do(again)
            assert await shop.version("stock:A") == version


async def test_an_older_count_that_comes_late_still_tells_what_it_has_seen():
    async with held_shop() as shop:
        await shop.do(report(5, sequence=1))
        await sold(shop, "order", 3)
        await shop.do(report(2, sequence=3))
        await shop.do(report(2, sequence=2, seen=("order",)))
        assert (await available(shop), pool(shop).sequence) == (2, 3)


async def test_cancelled_units_come_back_once_by_us_or_by_the_suppliers_count():
    async with held_shop() as shop:
        await shop.do(report(9, sequence=1))
        await sold(shop, "open", 2)
        await sold(shop, "inside", 2)
        await shop.do(book("inside", sequence=2))
        await shop.do(report(7, sequence=2))
        assert await available(shop) == 5
        result = result_of(await shop.do(release("open", 2, "cancelled")))
        assert (result, await available(shop)) == ({"asked": 2, "freed": 2, "released": 2}, 7)
        result = result_of(await shop.do(release("inside", 2, "returned")))
        assert (result, await available(shop)) == ({"asked": 2, "freed": 0, "released": 2}, 7)
        await shop.do(report(9, sequence=3))
        assert await available(shop) == 9
        # Nothing is left to give back, whoever asks.
        for reference in ("open", "inside"):
            result = result_of(await shop.do(release(reference, 1, "cancelled")))
            assert result == {"asked": 1, "freed": 0, "released": 0}
        assert await available(shop) == 9
        assert error_of(await shop.ask(release("none", 1, "cancelled")))["name"] == "NotFound"


async def test_an_acknowledgement_of_what_is_over_changes_nothing():
    async with held_shop() as shop:
        await shop.do(report(9, sequence=1))
        await sold(shop, "order", 3)
        await shop.do(book("order", 2, "po/1", sequence=2))
        await shop.do(release("order", 3, "cancelled"))
        for again in (book("order", 2, "po/1", sequence=2, at_ms=5), book("order", 1, "po/2")):
            await shop.do(again)
        assert await available(shop) == 9
        states = {sale.state for sale in shop.state.rows[Sale].values()}
        assert states == {"released"}


async def test_refused_units_are_not_offered_again_before_the_next_count():
    async with held_shop() as shop:
        await shop.do(report(9, sequence=1))
        await sold(shop, "order", 3)
        await shop.do(release("order", 2, "refused"))
        assert (await available(shop), pool(shop).withheld) == (6, 2)
        # The same count again says nothing new; the next one does.
        await shop.do(report(9, sequence=1))
        assert await available(shop) == 6
        await shop.do(report(8, sequence=2))
        assert (await available(shop), pool(shop).withheld) == (7, 0)


async def test_a_sale_that_several_acknowledgements_book_is_booked_by_each():
    async with held_shop() as shop:
        await shop.do(report(9, sequence=1))
        await sold(shop, "order", 5)
        await shop.do(book("order", 2, "po/1", sequence=2))
        await shop.do(book("order", 2, "po/1", sequence=2))
        await shop.do(report(7, sequence=3))
        assert (await available(shop), pool(shop).sold) == (4, 3)
        await shop.do(book("order", 3, "po/2", sequence=4))
        await shop.do(report(4, sequence=4))
        assert (await available(shop), pool(shop).sold) == (4, 0)


async def test_acknowledgements_of_many_articles_are_heard_together():
    async with held_shop() as shop:
        skus = [f"S{number}" for number in range(6)]
        counts = tuple(Count(sku=sku, quantity=5) for sku in skus)
        for sku in skus:
            await shop.do(ReportStock(sku=sku, supplier="s", quantity=5, sequence=1))
        lines = tuple(HoldLine(sku=sku, quantity=2) for sku in skus)
        await shop.do(HoldStock(hold_id="order", lines=lines, ttl_ms=60_000))
        await shop.do(PostHold(hold_id="order", skus=tuple(skus)))
        await shop.do(ReportStocks(supplier="s", counts=counts, sequence=2))
        assert (await shop.document("stock:S3"))["available"] == 3
        sales = tuple(Booked(sku=sku, reference="order") for sku in skus)
        unknown = Booked(sku="S1", reference="unknown")
        outcome = await shop.do(BookSales(supplier="s", sales=(*sales, unknown), sequence=2))
        assert result_of(outcome)["unknown"] == ["unknown"]
        for sku in skus:
            assert (await shop.document(f"stock:{sku}"))["available"] == 5


# -- promised too much ------------------------------------------------------------------------


async def test_a_report_that_shows_a_shortfall_names_the_newest_orders():
    async with held_shop() as shop:
        await shop.do(report(9))
        for reference, quantity in (("first", 3), ("second", 2), ("third", 2)):
            await sold(shop, reference, quantity)
        await shop.do(report(4))
        facts = facts_of(await shop.events(), "inventory.stock_reported")
        assert (facts["shortfall"], await available(shop)) == (3, 0)
        assert facts["overpromised"] == [
            {"reference": "third", "supplier": "s", "quantity": 2},
            {"reference": "second", "supplier": "s", "quantity": 1},
        ]
        await shop.do(release("third", 2, "cancelled"))
        assert facts_of(await shop.events(), "inventory.sale_released")["shortfall"] == 1
        await shop.do(report(7))
        assert "overpromised" not in facts_of(await shop.events(), "inventory.stock_reported")


async def test_a_hold_that_became_short_is_told_when_it_becomes_an_order():
    async with held_shop() as shop:
        await shop.do(report(5))
        await sold(shop, "first", 2)
        line = HoldLine(sku="A", quantity=3)
        await shop.do(HoldStock(hold_id="late", lines=(line,), ttl_ms=60_000))
        await shop.do(report(3))
        assert "overpromised" not in facts_of(await shop.events(), "inventory.stock_reported")
        await shop.do(PostHold(hold_id="late", skus=("A",)))
        facts = facts_of(await shop.events(), "inventory.hold_posted")
        assert facts["overpromised"] == [{"reference": "late", "supplier": "s", "quantity": 2}]
        assert facts["shares"] == [{"supplier": "s", "quantity": 3}]


async def test_an_acknowledgement_that_books_less_than_was_seen_may_show_a_shortfall():
    async with held_shop() as shop:
        await shop.do(report(3, sequence=1))
        await sold(shop, "order", 3)
        await shop.do(report(2, sequence=2, seen=("order",)))
        await sold(shop, "other", 2)
        await shop.do(book("order", 1, sequence=2))
        facts = facts_of(await shop.events(), "inventory.sales_booked")
        assert facts["overpromised"] == [{"reference": "order", "supplier": "s", "quantity": 2}]
        assert (pool(shop).shortfall, pool(shop).sold) == (2, 4)


async def test_whoever_was_told_to_wait_is_no_conflict():
    async with held_shop() as shop:
        await shop.do(report(1))
        await shop.do(SetPolicy(sku="A", backorder_max=4))
        await sold(shop, "waits", 4)
        for quantity in (6, 1):
            await shop.do(report(quantity))
            assert pool(shop).shortfall == 0
        await shop.do(report(0))
        facts = facts_of(await shop.events(), "inventory.stock_reported")
        assert facts["overpromised"] == [{"reference": "waits", "supplier": "s", "quantity": 1}]


# -- what screens hear ------------------------------------------------------------------------


async def test_an_old_document_and_the_events_make_the_fresh_document():
    """For each type of event: a client that held the state before holds the state after."""
    line = HoldLine(sku="A", quantity=1)
    holds = [
        HoldStock(hold_id=name, lines=(line,), ttl_ms=ttl_ms)
        for name, ttl_ms in (("sold", 60_000), ("voided", 60_000), ("brief", 5))
    ]
    steps = [
        report(9, sequence=1),
        PutBundle(sku="SET", parts=(Part(sku="A", quantity=2),)),
        *holds,
        PostHold(hold_id="sold", skus=("A",)),
        VoidHold(hold_id="voided", skus=("A",)),
        SellStock(sku="A", quantity=1),
        report(8, sequence=2),
        book("sold", sequence=2),
        release("sold", 1, "returned"),
        ExpireHolds(holds=(HoldRef(hold_id="brief", skus=("A",)),)),
        SetPolicy(sku="A", buffer=1),
    ]
    seen = set()
    async with held_shop() as shop:
        for step in steps:
            if isinstance(step, ExpireHolds):
                shop.clock.ms += 5
            before = {event.topic: event for event in await shop.events()}
            held = {
                topic: Held(event.version, await shop.document(topic))
                for topic, event in before.items()
            }
            replica, at = Replica(1, held), len(await shop.events())
            await shop.do(step)
            events = await shop.events()
            assert len(events) > at, step
            for event in sorted(events, key=lambda one: one.version):
                seen.add(event.event_type)
                document = msgspec.json.decode(event.document)
                replica.apply(
                    {"t": "snap", "topic": event.topic, "v": event.version, "doc": document}
                )
            for topic, one in replica.docs.items():
                assert one.document == await shop.document(topic)
                assert one.version == await shop.version(topic)
    assert seen >= {kind.event_type for kind in MOVEMENTS}
