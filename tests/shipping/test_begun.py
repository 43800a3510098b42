"""Who sends a purchase order that was begun with its plan: whoever saw it begin asks nobody."""

from typing import Any

import msgspec
import pytest
from tests.shipping.desk import po

from shopwire.adapters.suppliers import Habits, SimulatedSuppliers
from shopwire.kernel.activities import Job
from shopwire.kernel.events import Position, Recorded
from shopwire.modules.shipping.activities import activities
from shopwire.modules.shipping.events import (
    PurchaseOrderAcknowledged,
    PurchaseOrderSending,
    PurchaseOrderSent,
)

pytestmark = pytest.mark.anyio
OWN = po("acme")


async def forever(_seconds: float) -> None:
    """Nothing comes by itself."""


def event_of(kind: Any, version: int, **document: Any) -> Recorded:
    return Recorded(
        position=Position(1, 0, 7),
        tenant="main",
        topic=f"purchase_order:{OWN}",
        version=version,
        event_type=kind.event_type,
        document=msgspec.json.encode(document),
        facts=b"{}",
        command_id="c",
        recorded_at_ms=1_000,
    )


def job(attempts: int = 1) -> Job:
    lines = [{"sku": "A", "quantity": 1, "cost_minor": 1, "currency": "EUR", "supplier_sku": None}]
    payload = {"purchase_order": OWN, "order_id": OWN.partition("/")[0], "supplier": "acme"}
    return Job(
        id="j", tenant="main", due_ms=0, payload=payload | {"attempts": attempts, "lines": lines}
    )


def named(channel: SimulatedSuppliers, name: str):
    return next(one for one in activities(channel) if one.name == f"shipping.{name}")


@pytest.mark.parametrize(
    ("version", "attempts", "asked"), [(1, 1, 0), (1, 2, 1), (3, 1, 1), (None, 1, 1)]
)
async def test_only_who_saw_it_begin_with_its_plan_sends_without_a_question(
    version, attempts, asked
):
    channel = SimulatedSuppliers(habits=Habits(answers="now"), sleep=forever)
    sending = named(channel, "send_purchase_order")
    if version is not None:
        assert sending.notice(event_of(PurchaseOrderSending, version))
    await sending.perform(job(attempts))
    (entry,) = channel.book.entries()
    assert entry.taken == 1
    assert entry.tries.get("fetch", 0) == asked


def test_events_that_nothing_follows_from_wake_nobody():
    channel = SimulatedSuppliers(habits=Habits(), sleep=forever)
    ask, cancel = named(channel, "ask_purchase_order"), named(channel, "cancel_purchase_order")
    for due_at_ms, soon in [(None, True), (2_000, True), (10_000_000, False)]:
        event = event_of(PurchaseOrderSent, 2, due_at_ms=due_at_ms)
        assert ask.notice(event) == soon
    for cancelling, wakes in [(0, False), (1, True)]:
        lines = [{"cancelling": 0}, {"cancelling": cancelling}]
        assert cancel.notice(event_of(PurchaseOrderAcknowledged, 3, lines=lines)) == wakes
