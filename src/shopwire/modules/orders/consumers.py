"""What orders follow: who sends the units, how payment and purchase orders go, what it leads to."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.events import Event, Recorded
from shopwire.kernel.module import Consumer
from shopwire.modules.inventory.api import ReleaseSale
from shopwire.modules.inventory.events import HoldPosted, SalesBooked, StockFacts, StockReported
from shopwire.modules.orders.api import (
    LineCut,
    NoteAllocation,
    NotePayment,
    NotePurchaseOrder,
    NoteReturn,
    NoteShipment,
    OpenConflict,
    Returned,
    Share,
    UnitsNow,
)
from shopwire.modules.orders.domain import order_of
from shopwire.modules.orders.events import (
    OrderAllocated,
    OrderCancelled,
    OrderChanged,
    OrderFacts,
)
from shopwire.modules.payments.api import RequestRefund
from shopwire.modules.payments.events import (
    PaymentCaptured,
    PaymentChargedBack,
    PaymentDocument,
    PaymentFacts,
    PaymentFailed,
    PaymentRefunded,
    PaymentVoided,
)
from shopwire.modules.shipping.api import CancelPurchaseOrders, Units
from shopwire.modules.shipping.events import (
    PurchaseOrderAcknowledged,
    PurchaseOrderCancelled,
    PurchaseOrderCancelling,
    PurchaseOrderDelivered,
    PurchaseOrderDocument,
    PurchaseOrderFacts,
    PurchaseOrderPlanned,
    PurchaseOrderSent,
    PurchaseOrderShipped,
    ReturnFacts,
    ReturnReceived,
    ShipmentDocument,
    ShipmentFacts,
    ShipmentRecorded,
    ShipmentTracked,
)

_React = Callable[[Recorded], Iterable[Command]]
_UNSENT: Final = ("planned", "sending", "timed_out")

_stock: Final = msgspec.json.Decoder(StockFacts).decode
_payment: Final = msgspec.json.Decoder(PaymentDocument).decode
_payment_facts: Final = msgspec.json.Decoder(PaymentFacts).decode
_purchase: Final = msgspec.json.Decoder(PurchaseOrderDocument).decode
_purchase_facts: Final = msgspec.json.Decoder(PurchaseOrderFacts).decode
_shipment: Final = msgspec.json.Decoder(ShipmentDocument).decode
_shipment_facts: Final = msgspec.json.Decoder(ShipmentFacts).decode
_return_facts: Final = msgspec.json.Decoder(ReturnFacts).decode
_own: Final = msgspec.json.Decoder(OrderFacts).decode


def _entity(recorded: Recorded) -> str:
    return recorded.topic.partition(":")[2]


def follow_stock(recorded: Recorded) -> Iterable[Command]:
    """Sold units have their suppliers; units that a supplier turns out to lack are a conflict."""
    posted = recorded.event_type == HoldPosted.event_type and b'"told":true' not in recorded.facts
    # Most say neither, and there are many of them.
    if not posted and b'"overpromised"' not in recorded.facts:
        return
    facts, sku = _stock(recorded.facts), _entity(recorded)
    if posted and (order_id := order_of(facts.hold)) is not None:
        yield NoteAllocation(
            order_id=order_id,
            plan=facts.hold,
            sku=sku,
            shares=tuple(
                Share(supplier=share.supplier, quantity=share.quantity) for share in facts.shares
            ),
        )
    for one in facts.overpromised:
        if (order_id := order_of(one.reference)) is not None:
            yield OpenConflict(
                order_id=order_id,
                plan=one.reference,
                sku=sku,
                supplier=one.supplier,
                quantity=one.quantity,
            )


def follow_payment(recorded: Recorded) -> Iterable[Command]:
    """The order shows how its payment stands, unless it was told with the change."""
    if _payment_facts(recorded.facts).told:
        return
    payment = _payment(recorded.document)
    yield NotePayment(
        order_id=payment.order_id, state=payment.state, refunded_minor=payment.refunded_minor
    )


def follow_purchase_order(recorded: Recorded) -> Iterable[Command]:
    """Lines follow the totals of their purchase orders, unless they were told with the change."""
    if b'"told":true' in recorded.facts:
        return
    document, facts = _purchase(recorded.document), _purchase_facts(recorded.facts)
    yield NotePurchaseOrder(
        order_id=document.order_id,
        plan=facts.plan,
        supplier=document.supplier,
        purchase_order=document.id,
        version=recorded.version,
        sent=document.status not in _UNSENT,
        units=tuple(
            UnitsNow(
                sku=line.sku,
                ordered=line.ordered,
                accepted=line.accepted,
                refused=line.refused,
                cancelling=line.cancelling,
                cancelled=line.cancelled,
                shipped=line.shipped,
                delivered=line.delivered,
            )
            for line in document.lines
        ),
        too_late=tuple(LineCut(sku=one.sku, quantity=one.quantity) for one in facts.too_late),
        at_ms=facts.booked_at_ms,
        sequence=facts.sequence,
    )


def follow_shipment(recorded: Recorded) -> Iterable[Command]:
    """The order names its parcels."""
    document = _shipment(recorded.document)
    yield NoteShipment(
        order_id=document.order_id,
        shipment=document.id,
        version=recorded.version,
        carrier=document.carrier,
        tracking=document.tracking,
        status=document.status,
    )


def follow_return(recorded: Recorded) -> Iterable[Command]:
    """The order counts what came back."""
    facts = _return_facts(recorded.facts)
    yield NoteReturn(
        order_id=facts.order_id,
        receipt=facts.receipt,
        units=tuple(
            Returned(
                sku=one.sku,
                quantity=one.quantity,
                supplier=one.supplier,
                reference=one.reference,
            )
            for one in facts.units
        ),
    )


def follow_order(recorded: Recorded) -> Iterable[Command]:
    """What an order gave up is free again, is paid back, and is not to be shipped."""
    if not any(word in recorded.facts for word in (b'"released"', b'"refund_id"', b'"recalls"')):
        return
    facts, order_id = _own(recorded.facts), _entity(recorded)
    for one in facts.released:
        yield ReleaseSale(
            sku=one.sku,
            supplier=one.supplier,
            reference=one.reference,
            quantity=one.quantity,
            reason=one.reason,
            at_ms=one.at_ms,
            sequence=one.sequence,
        )
    for wish in facts.recalls:
        yield CancelPurchaseOrders(
            order_id=order_id,
            wish=wish.wish,
            reason="conflict",
            lines=(Units(sku=wish.sku, quantity=wish.quantity),),
            purchase_order=wish.purchase_order,
        )
    if facts.refund_minor:
        yield RequestRefund(
            order_id=order_id,
            refund_id=facts.refund_id,
            amount_minor=facts.refund_minor,
            reason="cancelled",
        )


_REACTIONS: Final[dict[_React, tuple[type[Event], ...]]] = {
    follow_stock: (HoldPosted, StockReported, SalesBooked),
    follow_payment: (
        PaymentCaptured,
        PaymentVoided,
        PaymentRefunded,
        PaymentFailed,
        PaymentChargedBack,
    ),
    follow_purchase_order: (
        PurchaseOrderPlanned,
        PurchaseOrderSent,
        PurchaseOrderAcknowledged,
        PurchaseOrderShipped,
        PurchaseOrderDelivered,
        PurchaseOrderCancelling,
        PurchaseOrderCancelled,
    ),
    follow_shipment: (ShipmentRecorded, ShipmentTracked),
    follow_return: (ReturnReceived,),
    follow_order: (OrderChanged, OrderCancelled, OrderAllocated),
}
_BY_TYPE: Final[dict[str, _React]] = {
    kind.event_type: react for react, kinds in _REACTIONS.items() for kind in kinds
}


def react(recorded: Recorded) -> Iterable[Command]:
    """One consumer for all: it reads the log once, and tells each order what happened in order."""
    return _BY_TYPE[recorded.event_type](recorded)


CONSUMERS: Final[tuple[Any, ...]] = (
    Consumer(name="orders.follow", event_types=frozenset(_BY_TYPE), react=react),
)
