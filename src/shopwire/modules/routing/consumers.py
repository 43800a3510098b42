"""What routing follows: who sends what, what is in question, how suppliers keep their word."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.events import Event, Recorded
from shopwire.kernel.module import Consumer
from shopwire.modules.inventory.events import SalesBooked, StockFacts, StockReported
from shopwire.modules.orders.events import (
    ConflictDocument,
    ConflictOpened,
    ConflictSettled,
    OrderAllocated,
    OrderFacts,
)
from shopwire.modules.routing.api import NoteConflict, Observe, shares_of_order
from shopwire.modules.routing.domain import late_question
from shopwire.modules.routing.events import RouteDocument, RouteShared
from shopwire.modules.routing.scoring import DAY_MS
from shopwire.modules.shipping.events import (
    PurchaseOrderAcknowledged,
    PurchaseOrderDocument,
    PurchaseOrderFacts,
    PurchaseOrderLate,
    PurchaseOrderShipped,
    PurchaseOrderTimedOut,
)

TIMED_OUT_MS: Final = 15 * 60_000
"""How long a supplier that cannot be reached is asked before somebody else is looked for."""

_React = Callable[[Recorded], Iterable[Command]]

_order: Final = msgspec.json.Decoder(OrderFacts).decode
_conflict: Final = msgspec.json.Decoder(ConflictDocument).decode
_route: Final = msgspec.json.Decoder(RouteDocument).decode
_purchase: Final = msgspec.json.Decoder(PurchaseOrderDocument).decode
_purchase_facts: Final = msgspec.json.Decoder(PurchaseOrderFacts).decode
_stock: Final = msgspec.json.Decoder(StockFacts).decode


def _entity(recorded: Recorded) -> str:
    return recorded.topic.partition(":")[2]


def follow_allocation(recorded: Recorded) -> Iterable[Command]:
    """The explanation says who really sends the units, unless that was noted with the plan."""
    if b'"planned":true' in recorded.facts:
        return
    facts, order_id = _order(recorded.facts), _entity(recorded)
    if facts.allocations and facts.plan is None:
        yield shares_of_order(order_id, facts)


def follow_conflict(recorded: Recorded) -> Iterable[Command]:
    """Another supplier is looked for, or not any more."""
    conflict = _conflict(recorded.document)
    yield NoteConflict(
        conflict_id=conflict.id,
        order_id=conflict.order_id,
        sku=conflict.sku,
        supplier=conflict.supplier,
        quantity=conflict.quantity,
        reason=conflict.reason,
        open=conflict.status == "open",
    )


def follow_shares(recorded: Recorded) -> Iterable[Command]:
    """A supplier's parcel is measured by the longest lead time of what it sends."""
    document = _route(recorded.document)
    days: dict[str, int] = {}
    for pick in document.choice.picks:
        if pick.lead_time_days is not None:
            days[pick.supplier] = max(pick.lead_time_days, days.get(pick.supplier, 0))
    for supplier in dict.fromkeys(share.supplier for share in document.shares):
        if supplier in days:
            yield Observe(
                supplier=supplier,
                purchase_order=f"{document.order_id}/{supplier}",
                what="promised",
                at_ms=recorded.recorded_at_ms,
                lead_ms=days[supplier] * DAY_MS,
            )


def follow_purchase_order(recorded: Recorded) -> Iterable[Command]:
    """When the supplier answered and shipped, since when it knew; and what it would not send.

    That it got the order is told by its first word, so that nothing is written for it before.
    """
    document, facts = _purchase(recorded.document), _purchase_facts(recorded.facts)
    planned = sum(line.ordered - line.cancelled for line in document.lines)
    # Some suppliers ship without another word before.
    answered = recorded.event_type == PurchaseOrderAcknowledged.event_type
    for what in ("answered",) if answered else ("answered", "shipped"):
        yield Observe(
            supplier=document.supplier,
            purchase_order=document.id,
            what=what,  # type: ignore[arg-type]
            at_ms=recorded.recorded_at_ms,
            due_ms=document.due_at_ms,
            sent_at_ms=facts.sent_at_ms,
            sent_due_ms=facts.sent_due_ms,
            planned=planned,
            accepted=sum(line.accepted for line in document.lines),
            refused=sum(line.refused for line in document.lines),
        )


def follow_late(recorded: Recorded) -> Iterable[Command]:
    """Units whose supplier does not answer: somebody else may send them."""
    document = _purchase(recorded.document)
    yield Observe(
        supplier=document.supplier,
        purchase_order=document.id,
        what="late",
        at_ms=recorded.recorded_at_ms,
    )
    if document.late == "acknowledgement":
        yield from _unanswered(document, 0)


def follow_timeout(recorded: Recorded) -> Iterable[Command]:
    """Nobody knows whether the supplier has it; for a while it is only asked."""
    return _unanswered(_purchase(recorded.document), TIMED_OUT_MS)


def _unanswered(document: PurchaseOrderDocument, wait_ms: int) -> Iterable[Command]:
    for line in document.lines:
        unanswered = line.ordered - line.accepted - line.refused - line.cancelled - line.cancelling
        if unanswered > 0:
            yield NoteConflict(
                conflict_id=late_question(document.id, line.sku),
                order_id=document.order_id,
                sku=line.sku,
                supplier=document.supplier,
                quantity=unanswered,
                reason="late",
                open=True,
                wait_ms=wait_ms,
            )


def follow_stock(recorded: Recorded) -> Iterable[Command]:
    """Units that were sold from a count, and that its supplier turned out to lack."""
    # Most counts say nothing of the kind, and there are many of them.
    if b'"overpromised"' not in recorded.facts:
        return
    sku = _entity(recorded)
    for one in _stock(recorded.facts).overpromised:
        yield Observe(
            supplier=one.supplier,
            purchase_order=f"{one.reference}#{sku}",
            what="short",
            at_ms=recorded.recorded_at_ms,
            short=one.quantity,
        )


_REACTIONS: Final[dict[_React, tuple[type[Event], ...]]] = {
    follow_allocation: (OrderAllocated,),
    follow_conflict: (ConflictOpened, ConflictSettled),
    follow_shares: (RouteShared,),
    follow_purchase_order: (PurchaseOrderAcknowledged, PurchaseOrderShipped),
    follow_late: (PurchaseOrderLate,),
    follow_timeout: (PurchaseOrderTimedOut,),
    follow_stock: (StockReported, SalesBooked),
}
_BY_TYPE: Final[dict[str, _React]] = {
    kind.event_type: react for react, kinds in _REACTIONS.items() for kind in kinds
}


def react(recorded: Recorded) -> Iterable[Command]:
    """One consumer for all: it reads the log once, in order."""
    return _BY_TYPE[recorded.event_type](recorded)


CONSUMERS: Final[tuple[Any, ...]] = (
    Consumer(name="routing.follow", event_types=frozenset(_BY_TYPE), react=react),
)
