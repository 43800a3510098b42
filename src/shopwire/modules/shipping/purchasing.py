"""The state machine of a purchase order: pure functions from one sheet to the next.

Units move and never appear: `ordered` is what is accepted, refused, cancelled or not answered. The
conversation with the supplier is a `step`; what people read, the `status`, follows from the step
and the units, so that no order of messages can leave the two apart.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from shopwire.kernel.trade_errors import PurchaseOrderState
from shopwire.modules.shipping.api import Units
from shopwire.modules.shipping.domain import PurchaseOrder, PurchaseOrderLine
from shopwire.modules.shipping.events import Answer, Late, Moved, PurchaseOrderStatus

ASK_MS_MIN: Final = 2_000
"""First wait before a supplier is asked what came of a call without an answer; it doubles."""
ASK_MS_MAX: Final = 15 * 60_000
"""Longest wait between two questions about one purchase order."""


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase order with its lines, in the order of their SKUs."""

    order: PurchaseOrder
    lines: tuple[PurchaseOrderLine, ...]

    def line(self, sku: str) -> PurchaseOrderLine:
        """Raises PurchaseOrderState where the supplier was not asked for the SKU."""
        for line in self.lines:
            if line.sku == sku:
                return line
        raise refusal(self, f"It has no line for {sku}.")

    @property
    def untold(self) -> bool:
        """Whether the supplier cannot know of it."""
        return not self.order.attempts


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet after a message, and the units that the message moved."""

    sheet: Sheet
    accepted: tuple[Moved, ...] = ()
    refused: tuple[Moved, ...] = ()
    cancelled: tuple[Moved, ...] = ()
    too_late: tuple[Moved, ...] = ()
    shipped: tuple[Moved, ...] = ()
    delivered: tuple[Moved, ...] = ()


def in_own_skus(lines: Iterable[PurchaseOrderLine], named: Iterable[Units]) -> tuple[Units, ...]:
    """What a supplier said, in the shop's SKUs, whichever of the two it named.

    Where a name is the shop's SKU of one line and the supplier's of another, it is the shop's. A
    name that is no line's, or the supplier's of several lines, stays: nobody was asked for it.
    """
    lines = tuple(lines)
    theirs: dict[str, list[str]] = {}
    for line in lines:
        if line.supplier_sku is not None:
            theirs.setdefault(line.supplier_sku, []).append(line.sku)
    own = {sku: skus[0] for sku, skus in theirs.items() if len(skus) == 1}
    own |= {line.sku: line.sku for line in lines}
    return tuple(replace(one, sku=own.get(one.sku, one.sku)) for one in named)


def refusal(sheet: Sheet, why: str) -> PurchaseOrderState:
    """The error for a message that does not fit the purchase order."""
    return PurchaseOrderState(why, purchase_order=sheet.order.id, state=sheet.order.status)


def status_of(step: str, lines: Iterable[PurchaseOrderLine]) -> PurchaseOrderStatus:
    """What people read of a purchase order; the audit computes the same in SQL."""
    lines = tuple(lines)
    if any(line.cancelling for line in lines):
        return "cancelling"
    live = sum(line.ordered - line.refused - line.cancelled for line in lines)
    if not live:
        return "cancelled" if any(line.cancelled for line in lines) else "refused"
    shipped = sum(line.shipped for line in lines)
    if not shipped:
        return step  # type: ignore[return-value]  # every step is a status
    if shipped < live:
        return "partly_shipped"
    return "delivered" if sum(line.delivered for line in lines) == live else "shipped"


def answer_of(lines: Iterable[PurchaseOrderLine]) -> Answer:
    """What an acknowledgement came to."""
    lines = tuple(lines)
    if not any(line.refused for line in lines):
        return "accepted"
    return "partial" if any(line.accepted for line in lines) else "refused"


def wait_ms(asks: int) -> int:
    """How long to wait before a supplier is asked again."""
    return min(ASK_MS_MAX, ASK_MS_MIN << min(asks, 20))


# -- the conversation -------------------------------------------------------------------------


def waits(sheet: Sheet) -> bool:
    """Whether it is still to be sent: planned, and not all of it is to be cancelled."""
    wanted = any(line.expected > line.cancelling for line in sheet.lines)
    return sheet.order.step == "planned" and wanted


def begun(sheet: Sheet, now_ms: int) -> Sheet:
    """It is handed over from now on: the lines of the message are fixed."""
    if not waits(sheet):
        raise refusal(sheet, "It is not waiting to be sent.")
    order, lines = sheet.order, sheet.lines
    if sheet.untold:
        lines = tuple(replace(line, sent=line.ordered - line.cancelled) for line in lines)
    order = replace(order, step="sending", attempts=order.attempts + 1, asks=0, late=None)
    return _settled(order, lines, due_at_ms=None, ask_at_ms=None, now_ms=now_ms)


def received(sheet: Sheet, now_ms: int, asked: int | None = None) -> Sheet:
    """The supplier has it, and owes an acknowledgement.

    `asked`: when the question was due that this answers, None where it came by itself.
    """
    order = sheet.order
    if sheet.untold:
        raise refusal(sheet, "It was never sent.")
    if order.step in ("sent", "acknowledged"):
        return reminded(sheet, now_ms, asked)
    due = now_ms + order.acknowledge_within_ms
    order = replace(order, step="sent", asks=0, late=None)
    return _settled(order, sheet.lines, due_at_ms=due, ask_at_ms=due, now_ms=now_ms)


def sent_at_ms(order: PurchaseOrder) -> int | None:
    """Since when its supplier has had it, while its first word is due; None where none is."""
    return None if order.due_at_ms is None else order.due_at_ms - order.acknowledge_within_ms


def timed_out(sheet: Sheet, now_ms: int, asked: int | None = None) -> Sheet:
    """Nobody knows whether the supplier has it; it is asked for after a while."""
    order = sheet.order
    if order.step not in ("sending", "timed_out"):
        return reminded(sheet, now_ms, asked)
    asks = order.asks + 1 if order.step == "timed_out" else 0
    order = replace(order, step="timed_out", asks=asks)
    ask = now_ms + wait_ms(asks)
    return _settled(order, sheet.lines, due_at_ms=None, ask_at_ms=ask, now_ms=now_ms)


def lost(sheet: Sheet, now_ms: int, asked: int | None = None) -> Sheet:
    """The supplier never got it: it may be sent again, the same message under the same id."""
    order = sheet.order
    if order.step not in ("sending", "timed_out"):
        # It had it before. That is a question for a person, not a reason to send it twice.
        return reminded(sheet, now_ms, asked)
    order = replace(order, step="planned", asks=0, send_at_ms=now_ms)
    return _settled(order, sheet.lines, due_at_ms=None, ask_at_ms=None, now_ms=now_ms)


def reminded(sheet: Sheet, now_ms: int, asked: int | None) -> Sheet:
    """No news: late where it is overdue, and asked again later. No effect on a newer schedule."""
    order = sheet.order
    if asked is None or order.ask_at_ms != asked or order.due_at_ms is None:
        return sheet
    # A clock that is ahead may have asked before our time; the question was due all the same.
    now_ms = max(now_ms, asked)
    if order.due_at_ms > now_ms:
        return replace(sheet, order=replace(order, ask_at_ms=order.due_at_ms))
    ask_at_ms, asks = now_ms + wait_ms(order.asks), order.asks + 1
    owed: Late = "shipment" if order.step == "acknowledged" else "acknowledgement"
    return replace(sheet, order=replace(order, late=owed, asks=asks, ask_at_ms=ask_at_ms))


# -- units ------------------------------------------------------------------------------------


def acknowledged(sheet: Sheet, accepted: Mapping[str, int], now_ms: int) -> Move:
    """The supplier's word on each line: at first it decides, later it can only withdraw.

    So the outcome is the least that it ever accepted, in whatever order its words arrive. Units
    that it gave back since are among those that it accepted: the two counts are independent, and
    an acknowledgement and a cancellation may cross. What it shipped stays accepted.
    """
    if sheet.untold:
        raise refusal(sheet, "It was never sent.")
    for sku in accepted:
        sheet.line(sku)
    first = sheet.order.answer is None
    if not any(line.expected or line.shipped for line in sheet.lines):
        if first and any(accepted.values()):
            # It may not know so yet; whoever asks again is told, and a person sees it.
            raise refusal(sheet, "All of it was cancelled.")
        return Move(sheet=sheet)
    lines, took, refused = [], [], []
    for line in sheet.lines:
        open_units = line.ordered - line.refused - line.cancelled if first else line.accepted
        said = accepted.get(line.sku, 0) - max(0, line.given_back)
        kept = max(line.shipped, min(said, open_units))
        after = replace(
            line,
            accepted=kept,
            refused=line.refused + open_units - kept,
            cancelling=min(line.cancelling, kept - line.shipped),
        )
        lines.append(after)
        if kept > line.accepted:
            took.append(_moved(line, kept - line.accepted))
        if after.refused > line.refused:
            more = after.refused - line.refused
            refused.append(_moved(line, more, line.worth(more)))
    if not first and not refused:
        return Move(sheet=sheet)
    order = replace(sheet.order, step="acknowledged", answer=answer_of(lines), asks=0, late=None)
    due = now_ms + order.ship_within_ms
    after_all = _settled(order, tuple(lines), due_at_ms=due, ask_at_ms=due, now_ms=now_ms)
    return Move(sheet=after_all, accepted=tuple(took), refused=tuple(refused))


def shipped(sheet: Sheet, units: Iterable[Units], now_ms: int) -> Move:
    """Units left the supplier. Whoever is first wins: those asked to be cancelled are shipped."""
    if sheet.untold:
        raise refusal(sheet, "It was never sent.")
    wanted = {one.sku: one.quantity for one in units}
    for sku, quantity in wanted.items():
        if quantity > sheet.line(sku).expected:
            left = sheet.line(sku).expected
            raise refusal(sheet, f"{quantity} units of {sku} are more than the {left} accepted.")
    return ship(sheet, wanted, now_ms)


def ship(sheet: Sheet, wanted: Mapping[str, int], now_ms: int) -> Move:
    """Books units as shipped. Checks nothing: the schema refuses more than were accepted.

    Where the supplier did not acknowledge before, what it ships is what it accepts.
    """
    lines, moved, too_late = [], [], []
    taken = 0 if sheet.order.answer else 1
    for line in sheet.lines:
        quantity = wanted.get(line.sku, 0)
        after = replace(
            line,
            shipped=line.shipped + quantity,
            accepted=line.accepted + quantity * taken,
        )
        overtaken = max(0, line.cancelling - max(0, after.expected))
        lines.append(replace(after, cancelling=line.cancelling - overtaken))
        if quantity:
            moved.append(_moved(line, quantity))
        if overtaken:
            too_late.append(_moved(line, overtaken))
    due = now_ms + sheet.order.ship_within_ms
    order = replace(sheet.order, asks=0, late=None)
    after_all = _settled(order, tuple(lines), due_at_ms=due, ask_at_ms=due, now_ms=now_ms)
    units = tuple(moved)
    return Move(
        sheet=after_all,
        shipped=units,
        accepted=units * taken,
        too_late=tuple(too_late),
    )


def delivered(sheet: Sheet, units: Iterable[Units], now_ms: int) -> Move:
    """A parcel arrived; its units were shipped, so they fit."""
    arrived = {one.sku: one.quantity for one in units}
    lines = tuple(
        replace(line, delivered=line.delivered + arrived.get(line.sku, 0)) for line in sheet.lines
    )
    moved = tuple(_moved(line, arrived[line.sku]) for line in sheet.lines if arrived.get(line.sku))
    order = sheet.order
    after = _settled(
        order, lines, due_at_ms=order.due_at_ms, ask_at_ms=order.ask_at_ms, now_ms=now_ms
    )
    return Move(sheet=after, delivered=moved)


def cancel_wanted(sheet: Sheet, wanted: Mapping[str, int], now_ms: int) -> Move:
    """Gives up units: at once where no supplier can know of them, else the supplier is asked.

    `wanted` are at most the units that are expected and not asked for already.
    """
    lines, gone = [], []
    for line in sheet.lines:
        units = min(wanted.get(line.sku, 0), line.expected - line.cancelling)
        if units and sheet.untold:
            lines.append(replace(line, cancelled=line.cancelled + units))
            gone.append(_moved(line, units, line.worth(units)))
        else:
            lines.append(replace(line, cancelling=line.cancelling + units))
    order = sheet.order
    after = _settled(
        order, tuple(lines), due_at_ms=order.due_at_ms, ask_at_ms=order.ask_at_ms, now_ms=now_ms
    )
    return Move(sheet=after, cancelled=tuple(gone))


def cancel_answered(
    sheet: Sheet, asked: Mapping[str, int], granted: Mapping[str, int], now_ms: int
) -> Move:
    """The supplier's answer, both counts in total since the order was sent.

    Units that were asked for after the question stay asked for.
    """
    lines, gone, too_late = [], [], []
    for line in sheet.lines:
        before = max(0, line.given_back) if line.sent else 0
        answered = max(0, min(asked.get(line.sku, 0) - before, line.cancelling))
        given = max(0, min(granted.get(line.sku, 0) - before, answered))
        after = replace(
            line,
            cancelling=line.cancelling - answered,
            cancelled=line.cancelled + given,
            accepted=line.accepted - given if sheet.order.answer else line.accepted,
        )
        lines.append(after)
        if given:
            gone.append(_moved(line, given, line.worth(given)))
        if answered > given:
            too_late.append(_moved(line, answered - given))
    order = sheet.order
    after_all = _settled(
        order, tuple(lines), due_at_ms=order.due_at_ms, ask_at_ms=order.ask_at_ms, now_ms=now_ms
    )
    return Move(sheet=after_all, cancelled=tuple(gone), too_late=tuple(too_late))


# -- inside -----------------------------------------------------------------------------------


def _settled(
    order: PurchaseOrder,
    lines: tuple[PurchaseOrderLine, ...],
    *,
    due_at_ms: int | None,
    ask_at_ms: int | None,
    now_ms: int,
) -> Sheet:
    """The sheet with its status; nothing is due of a supplier who owes nothing."""
    order = replace(order, status=status_of(order.step, lines))
    if not any(line.expected for line in lines):
        due_at_ms = ask_at_ms = None
        order = replace(order, late=None)
    elif ask_at_ms is not None:
        ask_at_ms = max(ask_at_ms, now_ms)
    return Sheet(order=replace(order, due_at_ms=due_at_ms, ask_at_ms=ask_at_ms), lines=lines)


def _moved(line: PurchaseOrderLine, quantity: int, value_minor: int = 0) -> Moved:
    return Moved(sku=line.sku, quantity=quantity, reference=line.reference, value_minor=value_minor)
