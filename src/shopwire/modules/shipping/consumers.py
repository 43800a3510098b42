"""What shipping follows, and what follows from what suppliers and shoppers did.

An acknowledgement is booked by a consumer and not inside its own transaction: what a supplier said
is a fact, which must not be lost because another book disagrees, and a popular SKU's partition is
not held up by every acknowledgement. The booking takes effect once all the same, since a
consumer's position moves with it, and the inventory takes it after a count as well as before.
The refund and the stock of a return follow in the same way.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.events import Recorded
from shopwire.kernel.module import Consumer
from shopwire.kernel.queries import Reads
from shopwire.modules.inventory.api import Booked, BookSales, ReleaseSale
from shopwire.modules.orders.events import OrderAllocated, OrderFacts
from shopwire.modules.payments.api import RequestRefund
from shopwire.modules.shipping.api import (
    ApplyNotice,
    ApplyOffer,
    Notice,
    TrackingNotice,
    purchase_plan,
)
from shopwire.modules.shipping.events import (
    NoticeDocument,
    NoticeKept,
    NoticeReplayed,
    PurchaseOrderAcknowledged,
    PurchaseOrderFacts,
    PurchaseOrderShipped,
    ReturnFacts,
    ReturnReceived,
    ShipmentDocument,
    ShipmentRecorded,
)
from shopwire.modules.shipping.parcel_commands import carrier_name, tracking_number
from shopwire.modules.shipping.store import find_notices, find_shipments
from shopwire.modules.suppliers.events import OfferDocument, OfferPut, OfferWithdrawn

_decode_offer: Final = msgspec.json.Decoder(OfferDocument).decode
_decode_order: Final = msgspec.json.Decoder(OrderFacts).decode
_decode_purchase_order: Final = msgspec.json.Decoder(PurchaseOrderFacts).decode
_decode_return: Final = msgspec.json.Decoder(ReturnFacts).decode
_decode_notice: Final = msgspec.json.Decoder(NoticeDocument).decode
_decode_shipment: Final = msgspec.json.Decoder(ShipmentDocument).decode


def follow_offer(recorded: Recorded) -> Iterable[Command]:
    """What a unit costs, for the purchase orders to come."""
    offer = _decode_offer(recorded.document)
    return (
        ApplyOffer(
            sku=offer.sku,
            supplier=offer.supplier,
            cost_minor=offer.cost_minor,
            currency=offer.currency,
            active=offer.active,
            supplier_sku=offer.supplier_sku,
        ),
    )


def follow_allocation(recorded: Recorded) -> Iterable[Command]:
    """It is known who sends what: one purchase order a supplier.

    The completion plans in its own transaction; what it could not plan is planned here.
    """
    if b'"planned":true' in recorded.facts:
        return ()
    facts = _decode_order(recorded.facts)
    order_id = recorded.topic.partition(":")[2]
    if not facts.allocations:
        return ()
    return (purchase_plan(order_id, facts),)


def book_accepted(recorded: Recorded) -> Iterable[Command]:
    """The supplier has seen the sale: its counts from that moment on contain it."""
    facts = _decode_purchase_order(recorded.facts)
    if not facts.accepted:
        return ()
    booking = f"{recorded.topic.partition(':')[2]}#{recorded.version}"
    return (
        BookSales(
            supplier=facts.supplier,
            sales=tuple(
                Booked(
                    sku=one.sku,
                    reference=one.reference,
                    quantity=one.quantity,
                    booking=booking,
                )
                for one in facts.accepted
            ),
            at_ms=facts.booked_at_ms,
            sequence=facts.sequence,
        ),
    )


def refund_received(recorded: Recorded) -> Iterable[Command]:
    """The money of a receipt, once by the receipt's id."""
    facts = _decode_return(recorded.facts)
    if not facts.refund_minor:
        return ()
    return (
        RequestRefund(
            order_id=facts.order_id,
            refund_id=facts.receipt,
            amount_minor=facts.refund_minor,
            reason="returned",
        ),
    )


def restock_received(recorded: Recorded) -> Iterable[Command]:
    """The units of a receipt are their suppliers' again, if they can be sold again."""
    facts = _decode_return(recorded.facts)
    if not facts.restock:
        return ()
    return [
        ReleaseSale(
            sku=one.sku,
            supplier=one.supplier,
            reference=one.reference,
            quantity=one.quantity,
            reason="returned",
        )
        for one in facts.units
    ]


async def place_notice(recorded: Recorded, reads: Reads) -> AsyncIterator[Sequence[Command]]:
    """A notice and its parcel find each other, whichever of the two came first."""
    if recorded.event_type == ShipmentRecorded.event_type:
        parcel = _decode_shipment(recorded.document)
        for row in await find_notices(reads, recorded.tenant, parcel.carrier, parcel.tracking):
            notice: Notice = msgspec.convert(row["notice"], Notice)
            yield [_apply(row, notice, (parcel.id,))]
        return
    kept = _decode_notice(recorded.document)
    row = {"source": kept.source, "id": kept.id}
    if isinstance(kept.notice, TrackingNotice):
        carrier = carrier_name(kept.notice.carrier)
        tracking = tracking_number(kept.notice.tracking)
        found = await find_shipments(reads, recorded.tenant, carrier, tracking)
        if found:
            yield [_apply(row, kept.notice, found)]
    elif recorded.event_type == NoticeReplayed.event_type:
        yield [_apply(row, kept.notice, ())]


def _apply(row: Any, notice: Notice, shipments: Iterable[str]) -> ApplyNotice:
    return ApplyNotice(
        source=row["source"], id=row["id"], notice=notice, shipments=tuple(sorted(shipments))
    )


CONSUMERS: Final = (
    Consumer(
        name="shipping.offers",
        event_types=frozenset({OfferPut.event_type, OfferWithdrawn.event_type}),
        react=follow_offer,
    ),
    Consumer(
        name="shipping.orders",
        event_types=frozenset({OrderAllocated.event_type}),
        react=follow_allocation,
    ),
    Consumer(
        name="shipping.bookings",
        event_types=frozenset(
            {PurchaseOrderAcknowledged.event_type, PurchaseOrderShipped.event_type}
        ),
        react=book_accepted,
    ),
    Consumer(
        name="shipping.refunds",
        event_types=frozenset({ReturnReceived.event_type}),
        react=refund_received,
    ),
    Consumer(
        name="shipping.restock",
        event_types=frozenset({ReturnReceived.event_type}),
        react=restock_received,
    ),
    Consumer(
        name="shipping.notices",
        event_types=frozenset(
            {ShipmentRecorded.event_type, NoticeKept.event_type, NoticeReplayed.event_type}
        ),
        expand=place_notice,
    ),
)
