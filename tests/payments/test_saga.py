"""Orders that are paid for, whatever the provider does: what it really took is what we booked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from tests.modules.shop import drifts as all_drifts
from tests.payments.market import Market, market

from shopwire.adapters.payments.books import FileBook
from shopwire.adapters.payments.scripts import SCRIPTS, Chaos
from shopwire.kernel.activities import Job
from shopwire.kernel.events import Position, Recorded
from shopwire.kernel.ids import partition_of
from shopwire.modules.orders.api import CancelOrder
from shopwire.modules.payments.api import RequestRefund, RequestVoid
from shopwire.modules.payments.consumers import owe_for_what_was_shipped
from shopwire.services.activities import Activities

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

ORDER = "cart-0001.1"
TOTAL = 2 * 2_095


async def bought(shop: Market, method: str, cart: str = "cart-0001", quantity: int = 2) -> Any:
    await shop.put("A", quantity, cart)
    return await shop.buy(cart, method)


async def agree(shop: Market) -> None:
    """The provider's books and ours say the same, order by order."""
    for entry in shop.simulator.book.entries():
        payment = await shop.payment(entry.id)
        assert payment is not None, entry
        told = (payment["captured_minor"], payment["refunded_minor"])
        assert told == (entry.captured_minor, entry.refunded_minor), (entry, payment)
        assert payment["charged_back_minor"] == sum(entry.disputed.values())
        assert len(entry.captures) <= 1
        assert not payment["capturing_minor"]
        assert not payment["voiding"], (entry, payment)
    assert await shop.drifts() == []


PLACED = {
    "card", "card_slow", "card_too_slow", "card_away", "card_lost", "card_pending",
    "card_told_first", "card_told_twice", "card_told_reversed", "card_told_late",
    "card_never_told", "card_lost_and_never_told", "card_pending_silent", "card_capture_fails",
    "card_promise_expires",
    "card_refund_fails", "card_refund_returns", "card_charged_back",
}  # fmt: skip
UNPAID = {"card_capture_fails", "card_promise_expires"}


@pytest.mark.parametrize("card", sorted([*SCRIPTS, "card_nobody_knows"]))
async def test_every_card_ends_in_one_charge_or_none(database_url, card):
    async with market(database_url) as shop:
        await shop.article("A", acme=5)
        await bought(shop, card)
        await shop.settle()
        order = await shop.order(ORDER)
        payment = await shop.payment(ORDER)
        if card in PLACED - UNPAID:
            assert order["status"] == "placed"
            assert payment["captured_minor"] == TOTAL
            assert await shop.stock("A") == 3
        elif card in UNPAID:
            assert payment["state"] == "failed"
        else:
            assert order["status"] == "failed"
            assert payment["captured_minor"] == 0
            assert await shop.stock("A") == 5
        await agree(shop)
        assert shop.refused == []
        assert await all_drifts(shop.shop) == []
        assert set(shop.outcomes) <= {"applied", "unchanged", "early"}


async def test_a_cancellation_while_the_capture_is_under_way_gives_the_money_back(database_url):
    async with market(database_url) as shop:
        await shop.article("A", acme=5)
        await bought(shop, "card_never_told")
        payment = await shop.payment(ORDER)
        assert (payment["state"], payment["capturing_minor"]) == ("authorised", TOTAL)
        await shop.do(RequestVoid(order_id=ORDER, reason="cancelled"))
        await shop.settle()
        assert (await shop.payment(ORDER))["state"] == "refunded"
        assert shop.entry().captured_minor == shop.entry().refunded_minor == TOTAL
        await agree(shop)


async def test_a_cancelled_order_has_its_money_back(database_url):
    async with market(database_url) as shop:
        await shop.article("A", acme=5)
        await bought(shop, "card_told_first")
        await shop.settle()
        await shop.do(RequestVoid(order_id=ORDER, reason="cancelled"))
        await shop.settle()
        assert (await shop.payment(ORDER))["state"] == "refunded"
        assert shop.entry().refunded_minor == TOTAL
        await agree(shop)


async def test_an_order_cancelled_before_it_was_placed_was_never_charged(database_url):
    async with market(database_url) as shop:
        await shop.article("A", acme=5)
        await bought(shop, "card_pending")
        order = await shop.order(ORDER)
        assert order["status"] == "checking_out"
        await shop.do(CancelOrder(order_id=ORDER, skus=tuple(order["skus"])))
        await shop.settle()
        assert (await shop.payment(ORDER))["state"] == "voided"
        assert shop.entry().captures == {}
        assert shop.entry().voided
        await agree(shop)


@pytest.mark.parametrize(
    ("card", "state", "left"),
    [
        ("card", "partly_refunded", TOTAL - 1_000),
        ("card_lost", "partly_refunded", TOTAL - 1_000),
        ("card_away", "partly_refunded", TOTAL - 1_000),
        ("card_refund_fails", "captured", TOTAL),
        ("card_refund_returns", "captured", TOTAL),
    ],
)
async def test_a_refund_reaches_the_shopper_once_or_visibly_not(database_url, card, state, left):
    async with market(database_url) as shop:
        await shop.article("A", acme=5)
        await bought(shop, card)
        await shop.settle()
        wish = RequestRefund(order_id=ORDER, refund_id="return-1", amount_minor=1_000)
        for _ in range(3):
            await shop.do(wish)
        await shop.settle()
        payment = await shop.payment(ORDER)
        assert payment["state"] == state
        assert shop.entry().captured_minor - shop.entry().refunded_minor == left
        assert bool(payment["reason"]) == (state == "captured")
        await agree(shop)


async def test_a_refund_waits_for_its_capture(database_url):
    async with market(database_url) as shop:
        await shop.article("A", acme=5)
        await bought(shop, "card")
        capture, _void, refund = shop.activities
        await shop.do(RequestRefund(order_id=ORDER, refund_id="line-1", amount_minor=500))
        await shop.pump()
        assert await shop.work(refund) == 0
        assert await shop.work(capture) == 1
        assert await shop.work(refund) == 1
        await shop.settle()
        await agree(shop)


async def test_a_job_that_is_done_twice_has_one_effect(database_url):
    """A process died between the call and its answer; another found the same row."""
    async with market(database_url) as shop:
        await shop.article("A", acme=5)
        await bought(shop, "card_never_told")
        await shop.pump()
        capture, _void, refund = shop.activities
        (row,) = await shop.shop.reads.fetch(capture.due, 10)
        await capture.perform(Job(**row))
        await asyncio.gather(*(shop.perform(capture, Job(**row)) for _ in range(10)))
        await shop.do(RequestRefund(order_id=ORDER, refund_id="r", amount_minor=700))
        (row,) = await shop.shop.reads.fetch(refund.due, 10)
        await refund.perform(Job(**row))
        await asyncio.gather(*(shop.perform(refund, Job(**row)) for _ in range(10)))
        assert (shop.entry().captured_minor, shop.entry().refunded_minor) == (TOTAL, 700)
        await agree(shop)


class Alone:
    """A leader without rivals."""

    @asynccontextmanager
    async def elected(self) -> AsyncIterator[asyncio.Event]:
        yield asyncio.Event()


async def test_the_runner_is_woken_by_the_log_and_tries_until_it_is_done(database_url):
    """Lost answers, an office without rivals, and nobody who looks after it by hand."""
    async with market(database_url) as shop:
        parts = (shop.shop.log, shop.shop.write_path, shop.shop.reads)
        runner = Activities(*parts, shop.activities, shop.clock, Alone())
        running = asyncio.create_task(runner.run())
        await shop.article("A", acme=5)
        await bought(shop, "card_away")
        await shop.sweep()
        await shop.pump()
        await heard_of(shop, "payments.payment_captured")
        await shop.do(RequestRefund(order_id=ORDER, refund_id="r", amount_minor=700))
        await heard_of(shop, "payments.payment_refunded")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert shop.entry().tries["capture/.capture-1"] == 3
        await agree(shop)


async def heard_of(shop: Market, event_type: str) -> None:
    """Reads the log of the order until it tells of something."""
    partition = partition_of("main", "cart-0001", shop.shop.log.partitions)
    async with asyncio.timeout(120):
        async for batch in shop.shop.log.tail(partition, 0):
            if event_type in {event.event_type for event in batch}:
                return


async def test_a_provider_that_is_not_set_up_keeps_its_payments_waiting(database_url):
    async with market(database_url) as shop:
        await shop.article("A", acme=5)
        await bought(shop, "card_never_told")
        await shop.pump()
        capture, *_ = shop.activities
        (row,) = await shop.shop.reads.fetch(capture.due, 10)
        payload = {**row["payload"], "provider": "another"}
        await shop.perform(capture, Job(**{**row, "payload": payload}))
        assert len(shop.troubles) == 1
        assert (await shop.payment(ORDER))["capturing_minor"] == TOTAL


def shipped(*units: tuple[str, int], costs: dict[str, tuple[int | None, str]]) -> Recorded:
    lines = [
        {
            "sku": sku, "ordered": 9, "accepted": 9, "refused": 0, "cancelling": 0,
            "cancelled": 0, "shipped": 0, "delivered": 0, "cost_minor": cost,
            "cost_currency": currency,
        }
        for sku, (cost, currency) in costs.items()
    ]  # fmt: skip
    document = {
        "id": f"{ORDER}/acme", "order_id": ORDER, "supplier": "acme", "status": "shipped",
        "answer": "accepted", "late": None, "supplier_reference": None, "lines": lines,
        "reason": "", "planned_at_ms": 0, "due_at_ms": None,
    }  # fmt: skip
    moved = [{"sku": sku, "quantity": count, "reference": "r"} for sku, count in units]
    facts = {"order_id": ORDER, "supplier": "acme", "plan": ORDER, "shipped": moved}
    return Recorded(
        Position(1, 0, 7), "main", f"purchase_order:{ORDER}/acme", 4,
        "shipping.purchase_order_shipped", msgspec.json.encode(document),
        msgspec.json.encode(facts), "command", 0,
    )  # fmt: skip


def test_a_parcels_units_are_owed_for_at_their_agreed_cost_in_each_currency():
    costs = {"A": (250, "EUR"), "B": (100, "USD"), "C": (None, "EUR"), "D": (7, "EUR")}
    event = shipped(("A", 2), ("B", 3), ("C", 5), costs=costs)
    owed = list(owe_for_what_was_shipped(event))
    assert [(one.payable_id, one.amount_minor, one.currency) for one in owed] == [
        ("acme/4/EUR", 500, "EUR"),
        ("acme/4/USD", 300, "USD"),
    ]


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 50))]
)
async def test_a_day_of_trouble_charges_each_order_once(database_url, seed, tmp_path):
    """Forty orders with a provider that loses, repeats, delays and mixes up everything."""
    chaos = Chaos(declined=0.1, away=0.2, lost=0.3, pending=0.2, misled=0.7)
    book = FileBook(tmp_path / "book.sqlite")
    async with market(database_url, seed=seed, chaos=chaos, book=book) as shop:
        await shop.article("A", acme=1_000)
        carts = [f"cart-{seed}-{number:04d}" for number in range(40)]
        for cart in carts:
            await shop.put("A", 1, cart)
        await asyncio.gather(*(shop.buy(cart) for cart in carts), return_exceptions=True)
        await shop.settle()
        placed = 0
        for cart in carts:
            order = await shop.order(f"{cart}.1")
            payment = await shop.payment(f"{cart}.1")
            assert order["status"] in ("placed", "failed"), order
            placed += order["status"] == "placed"
            paid = payment["captured_minor"]
            assert paid == (2_095 if order["status"] == "placed" else 0), (order, payment)
        assert placed == sum(bool(entry.captures) for entry in book.entries())
        assert 10 < placed < 40
        await agree(shop)
        assert await shop.stock("A") == 1_000 - placed
        assert await all_drifts(shop.shop) == []
        seen = {one["outcome"] for one in await webhooks(shop)}
        assert seen <= {"applied", "unchanged"}


async def webhooks(shop: Market) -> list[Any]:
    query = "SELECT outcome, name, order_id FROM webhook_received"
    return [msgspec.to_builtins(dict(row)) for row in await shop.shop.reads.fetch(query)]
