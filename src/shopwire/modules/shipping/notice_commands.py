"""How notices are kept that do not fit, and applied once they do."""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from shopwire.kernel.commands import Command, Context, Decision, Handler
from shopwire.kernel.errors import InvalidField, NotFound, QueueFull
from shopwire.kernel.rows import Need, View
from shopwire.kernel.validation import check_name
from shopwire.modules.carts.api import check_insider
from shopwire.modules.shipping.api import (
    AcknowledgePurchaseOrder,
    ApplyNotice,
    DismissNotice,
    KeepNotice,
    Notice,
    ParcelNotice,
    RecordShipment,
    RecordTracking,
    RefusePurchaseOrder,
    ReplayNotice,
    TrackingNotice,
)
from shopwire.modules.shipping.domain import KeptNotice, NoticeBox
from shopwire.modules.shipping.events import (
    NoticeEvent,
    NoticeKept,
    NoticeReplayed,
    NoticeSettled,
)
from shopwire.modules.shipping.parcel_commands import carrier_name, tracking_number

NOTICES_WAITING_MAX: Final = 10_000
"""Notices of one source that wait for somebody; one more is refused with QueueFull."""
RETRY_MS: Final = 60_000
"""When a source whose notices fill the box may try again."""


def commands_of(source: str, notice: Notice, shipments: Iterable[str]) -> tuple[Command, ...]:
    """What a notice asks for; a supplier speaks of its own purchase orders only."""
    if isinstance(notice, TrackingNotice):
        return tuple(
            RecordTracking(
                shipment=shipment, event=notice.event, status=notice.status, at_ms=notice.at_ms
            )
            for shipment in shipments
        )
    supplier = source.partition(":")[2]
    if isinstance(notice, ParcelNotice):
        return (
            RecordShipment(
                purchase_order=notice.purchase_order,
                reference=notice.reference,
                carrier=notice.carrier,
                tracking=notice.tracking,
                lines=notice.lines,
                shipped_at_ms=notice.shipped_at_ms,
                supplier=supplier,
            ),
        )
    if notice.reason:
        return (
            RefusePurchaseOrder(
                purchase_order=notice.purchase_order,
                reason=notice.reason,
                supplier_reference=notice.supplier_reference,
                supplier=supplier,
            ),
        )
    return (
        AcknowledgePurchaseOrder(
            purchase_order=notice.purchase_order,
            lines=notice.lines,
            supplier_reference=notice.supplier_reference,
            booked_at_ms=notice.booked_at_ms,
            sequence=notice.sequence,
            supplier=supplier,
        ),
    )


def do_keep_notice(command: KeepNotice, view: View, context: Context) -> Decision:
    """Keeps it once by its own id; raises QueueFull where too many wait already."""
    if context.principal != command.source:
        # Who signed it is its source; nobody else can put words into somebody's mouth.
        check_insider(context.principal, command.operation)
    source, own_id = check_name(command.source, "source"), check_name(command.id, "id")
    known = view.one(KeptNotice, own_id, source)
    if known is not None:
        return Decision(result={"applied": False, "status": known.status})
    box = view.one(NoticeBox, source) or NoticeBox(tenant=context.tenant, source=source)
    if box.waiting >= NOTICES_WAITING_MAX:
        raise QueueFull(queue=f"notices of {source}", retry_ms=RETRY_MS)
    notice = command.notice
    found_by = ("", "")
    if isinstance(notice, TrackingNotice):
        found_by = (carrier_name(notice.carrier), tracking_number(notice.tracking))
    kept = KeptNotice(
        tenant=context.tenant,
        id=own_id,
        source=source,
        version=1,
        carrier=found_by[0],
        tracking=found_by[1],
        notice=notice,
        because=check_name(command.because, "because"),
        kept_at_ms=context.now_ms,
    )
    rows = [kept, replace(box, waiting=box.waiting + 1)]
    return Decision(put=rows, events=[_told(NoticeKept, kept)], result={"applied": True})


def do_replay_notice(command: ReplayNotice, view: View, context: Context) -> Decision:
    """Asks the consumer to look again where it belongs."""
    kept = _found(view, command.source, command.id)
    if kept.status != "open":
        return Decision(result={"applied": False, "status": kept.status})
    kept = replace(kept, version=kept.version + 1, replays=kept.replays + 1)
    return Decision(put=[kept], events=[_told(NoticeReplayed, kept)], result={"applied": True})


def do_apply_notice(command: ApplyNotice, view: View, context: Context) -> Decision:
    """Applies it and settles it together; if it still does not fit, it stays as it is."""
    check_insider(context.principal, command.operation)
    kept = _found(view, command.source, command.id)
    if kept.notice != command.notice:
        raise InvalidField("It was kept with other words.", field="notice", reason="it differs")
    if kept.status != "open":
        return Decision(result={"applied": False, "status": kept.status})
    then = commands_of(kept.source, kept.notice, command.shipments)
    if not then:
        raise NotFound(what="shipment", id=kept.tracking)
    decision = _settle(kept, "applied", view)
    return replace(decision, then=then)


def do_dismiss_notice(command: DismissNotice, view: View, _context: Context) -> Decision:
    """Takes it out of the box; it stays on record."""
    kept = _found(view, command.source, command.id)
    if kept.status != "open":
        return Decision(result={"applied": False, "status": kept.status})
    return _settle(kept, "dismissed", view)


def _found(view: View, source: str, own_id: str) -> KeptNotice:
    kept = view.one(KeptNotice, own_id, source)
    if kept is None:
        raise NotFound(what="notice", id=f"{source}/{own_id}")
    return kept


def _settle(kept: KeptNotice, status: str, view: View) -> Decision:
    box = view.one(NoticeBox, kept.source)
    assert box is not None, "a kept notice is counted"
    after = replace(kept, version=kept.version + 1, status=status)
    return Decision(
        put=[after, replace(box, waiting=box.waiting - 1)],
        events=[_told(NoticeSettled, after)],
        result={"applied": True, "status": status},
    )


def _told(kind: type[NoticeEvent], kept: KeptNotice) -> NoticeEvent:
    return kind(entity=kept.entity, version=kept.version, document=kept.document())


def _needs(
    command: KeepNotice | ReplayNotice | ApplyNotice | DismissNotice,
) -> Iterable[Need]:
    return (Need(KeptNotice, command.id), Need(NoticeBox, command.source))


def _includes(command: ApplyNotice) -> Iterable[Command]:
    return commands_of(command.source, command.notice, command.shipments)


HANDLERS: Final = (
    Handler(
        command=KeepNotice,
        partition_key=lambda command: command.source,
        needs=_needs,
        decide=do_keep_notice,
    ),
    Handler(
        command=ReplayNotice,
        partition_key=lambda command: command.source,
        needs=_needs,
        decide=do_replay_notice,
    ),
    Handler(
        command=ApplyNotice,
        partition_key=lambda command: command.source,
        needs=_needs,
        includes=_includes,
        decide=do_apply_notice,
    ),
    Handler(
        command=DismissNotice,
        partition_key=lambda command: command.source,
        needs=_needs,
        decide=do_dismiss_notice,
    ),
)
