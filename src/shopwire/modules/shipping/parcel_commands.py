"""How parcels and what carriers say of them are decided."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.errors import AlreadyExists, InvalidField, NotFound
from shopwire.kernel.rows import View
from shopwire.kernel.validation import check_name
from shopwire.modules.shipping.api import RecordShipment, RecordTracking, Units
from shopwire.modules.shipping.book import Book, check_units, home_of, needs_of
from shopwire.modules.shipping.domain import Shipment, TrackingEvent, shipment_document
from shopwire.modules.shipping.events import (
    PurchaseOrderDelivered,
    PurchaseOrderShipped,
    ShipmentEvent,
    ShipmentFacts,
    ShipmentRecorded,
    ShipmentTracked,
)
from shopwire.modules.shipping.purchasing import delivered, in_own_skus, shipped
from shopwire.modules.shipping.tracking import tracked

TRACKING_EVENTS_MAX: Final = 200
"""What a carrier saw of one parcel, kept one by one; later words still count for the status."""
CLOCK_SKEW_MS_MAX: Final = 24 * 3_600_000
"""How far ahead of ours a carrier's moment may be: some tell local time without its zone."""


def tracking_number(text: str) -> str:
    """A tracking number as it is kept: blanks and case are written as everybody likes."""
    return check_name("".join(text.split()).upper(), "tracking")


def carrier_name(text: str) -> str:
    """A carrier's name as it is kept."""
    return check_name(text.strip().lower(), "carrier")


def do_record_shipment(command: RecordShipment, view: View, context: Context) -> Decision:
    """Books a parcel, and its units at its purchase order; never more than were accepted."""
    if not check_units(command.lines):
        raise InvalidField("A parcel has units.", field="lines", reason="it is empty")
    book = Book(view, context.tenant, command.purchase_order)
    sheet = book.sheet(command.purchase_order, of=command.supplier)
    lines = in_own_skus(sheet.lines, command.lines)
    check_units(lines)
    reference = check_name(command.reference, "reference")
    carrier, tracking = carrier_name(command.carrier), tracking_number(command.tracking)
    for known in view.all(Shipment, book.order_id):
        if (known.purchase_order, known.reference) == (sheet.order.id, reference):
            return _again(lines, known, carrier, tracking)
    at_ms = _moment(command.shipped_at_ms, context.now_ms)
    move = shipped(sheet, lines, context.now_ms)
    number = book.fulfilment.shipments + 1
    shipment = Shipment(
        tenant=context.tenant,
        order_id=book.order_id,
        id=f"{book.order_id}/S{number}",
        version=1,
        purchase_order=sheet.order.id,
        supplier=sheet.order.supplier,
        reference=reference,
        carrier=carrier,
        tracking=tracking,
        lines=tuple(sorted(lines, key=lambda line: line.sku)),
        shipped_at_ms=at_ms,
    )
    # Before an acknowledgement the parcel is one: the supplier booked what it sent.
    booked = at_ms if move.accepted else None
    book.tell(PurchaseOrderShipped, move, wish=sheet.order.wish, booked_at_ms=booked)
    event = _told(ShipmentRecorded, shipment, [])
    fulfilment = replace(book.fulfilment, shipments=number)
    return Decision(
        put=[fulfilment, shipment, *book.rows],
        events=[*book.events, event],
        result={"applied": True, "shipment": shipment.id},
    )


def _again(lines: Iterable[Units], known: Shipment, carrier: str, tracking: str) -> Decision:
    """The same parcel again has no effect; another one under its name is refused."""
    same = (known.carrier, known.tracking, set(known.lines)) == (
        carrier,
        tracking,
        set(lines),
    )
    if not same:
        raise AlreadyExists(what="shipment", id=f"{known.purchase_order} {known.reference}")
    return Decision(result={"applied": False, "shipment": known.id})


def do_record_tracking(command: RecordTracking, view: View, context: Context) -> Decision:
    """Takes a carrier's word; the status follows from all words, not from their order."""
    book = Book(view, context.tenant, command.shipment)
    shipment = view.one(Shipment, book.order_id, command.shipment)
    if shipment is None:
        raise NotFound(what="shipment", id=command.shipment)
    event_id = check_name(command.event, "event")
    history = [one for one in view.all(TrackingEvent, book.order_id) if one.shipment == shipment.id]
    if any(one.event == event_id for one in history):
        return Decision(result={"applied": False, "status": shipment.status})
    at_ms = _moment(command.at_ms, context.now_ms)
    after = tracked(shipment, command.status, at_ms)
    if len(history) < TRACKING_EVENTS_MAX:
        word = TrackingEvent(
            tenant=context.tenant,
            order_id=book.order_id,
            shipment=shipment.id,
            event=event_id,
            seq=shipment.events + 1,
            status=command.status,
            at_ms=at_ms,
            recorded_at_ms=context.now_ms,
        )
        history.append(word)
        book.rows.append(word)
        after = replace(after, events=word.seq)
    if after == shipment:
        return Decision(result={"applied": False, "status": shipment.status})
    after = replace(after, version=shipment.version + 1)
    if after.delivered_at_ms is not None and shipment.delivered_at_ms is None:
        sheet = book.sheet(shipment.purchase_order)
        book.tell(PurchaseOrderDelivered, delivered(sheet, shipment.lines, context.now_ms))
    return Decision(
        put=[after, *book.rows],
        events=[*book.events, _told(ShipmentTracked, after, history)],
        result={"applied": True, "status": after.status},
    )


def _told(
    kind: type[ShipmentEvent], shipment: Shipment, history: list[TrackingEvent]
) -> ShipmentEvent:
    return kind(
        entity=shipment.id,
        version=shipment.version,
        document=shipment_document(shipment, history),
        facts=ShipmentFacts(
            order_id=shipment.order_id,
            purchase_order=shipment.purchase_order,
            supplier=shipment.supplier,
            reference=shipment.reference,
            skus=tuple(line.sku for line in shipment.lines),
        ),
    )


def _moment(at_ms: int | None, now_ms: int) -> int:
    """A moment that others tell, ours if they do not; raises InvalidField beyond reason."""
    if at_ms is None:
        return now_ms
    if not 0 < at_ms <= now_ms + CLOCK_SKEW_MS_MAX:
        raise InvalidField(
            "The moment lies before 1970 or more than a day ahead.",
            field="at_ms",
            reason="out of range",
            value=at_ms,
        )
    return at_ms


def _needs(own_id: str) -> Any:
    return needs_of(own_id, Shipment, TrackingEvent)


HANDLERS: Final = (
    Handler(
        command=RecordShipment,
        partition_key=lambda command: home_of(command.purchase_order),
        needs=lambda command: needs_of(command.purchase_order, Shipment),
        decide=do_record_shipment,
    ),
    Handler(
        command=RecordTracking,
        partition_key=lambda command: home_of(command.shipment),
        needs=lambda command: _needs(command.shipment),
        decide=do_record_tracking,
    ),
)
