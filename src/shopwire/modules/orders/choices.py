"""How the wishes of shoppers and operators are decided: to cancel, and what to do instead."""

from collections.abc import Iterable

from msgspec.structs import replace

from shopwire.kernel.commands import Command, Context, Decision
from shopwire.kernel.errors import InvalidField, NotFound
from shopwire.kernel.rows import View
from shopwire.kernel.trade_errors import ConflictSettled, OrderState
from shopwire.kernel.validation import check_quantity
from shopwire.modules.inventory.api import HoldLine, HoldStock, PostHold
from shopwire.modules.orders.api import (
    CancelOrder,
    LineCut,
    MoveUnits,
    SettleConflict,
    Source,
)
from shopwire.modules.orders.checkout import cancelled_checkout
from shopwire.modules.orders.domain import (
    HOLD_GRACE_MS,
    ORDER_AGAIN_MS,
    Conflict,
    Line,
    Order,
)
from shopwire.modules.orders.folder import Folder
from shopwire.modules.orders.lots import Awaited, Lot, settled
from shopwire.modules.shipping.api import CancelPurchaseOrders, Units

# -- cancelling -------------------------------------------------------------------------------


def do_cancel_order(command: CancelOrder, view: View, context: Context) -> Decision:
    """Cancels what was not shipped; raises OrderState where nothing is left to cancel."""
    order = view.one(Order, command.order_id)
    if order is None:
        raise NotFound(what="order", id=command.order_id)
    if set(command.skus) != set(order.skus):
        reason = "they are not those of the order's document"
        raise InvalidField(f"skus: {reason}.", field="skus", reason=reason)
    if order.status == "checking_out":
        if command.lines is not None:
            raise OrderState(order=order.order_id, state=order.status, allowed=["cancel_all"])
        return cancelled_checkout(order, command, context)
    folder = Folder(order, view.all(Conflict, order.order_id), context)
    folder.change(cuts=order.cuts + 1)
    if command.lines is None:
        _cut_all(folder, command, context)
    else:
        _cut(folder, command.lines, command)
    return folder.decision(cause=command.by)


def _cut_all(folder: Folder, command: CancelOrder, context: Context) -> None:
    order = folder.order
    open_units = sum(lot.expected - lot.unwanted for lot in order.lots)
    open_units += sum(lot.asked + lot.backlog for lot in order.lots)
    open_units += sum(one.quantity for one in order.awaited)
    if order.placed_at_ms is None or not open_units:
        raise OrderState(order=order.order_id, state=order.status, allowed=_allowed(order))
    folder.change(
        lines=tuple(replace(line, cut=line.quantity) for line in order.lines),
        reason=command.by,
    )
    for lot in order.lots:
        for conflict in folder.conflicts:
            refused = conflict.lot_name == lot.name and conflict.reason == "refused"
            if refused and conflict.status == "open":
                _settle(folder, conflict, "cancel", command.by, context)
        unneeded = lot.asked + lot.backlog
        after = replace(lot, asked=0, backlog=0, refusal="", dropped=lot.dropped + unneeded)
        folder.pay_back(lot, after)
        folder.release(lot, unneeded, reason="refused")
        wanted = after.expected - after.cancelling
        if after.purchase_order or after.plan == order.order_id:
            after = replace(after, cancelling=after.cancelling + wanted)
        else:
            # Its purchase order is about to be planned: it is called back then.
            after = replace(after, recall=after.expected)
        folder.put_lots([settled(after)])
    folder.then.append(_purchase_orders_cancelled(folder, command, None))


def _cut(folder: Folder, cuts: Iterable[LineCut], command: CancelOrder) -> None:
    order = folder.order
    wanted: dict[str, int] = {}
    for cut in cuts:
        check_quantity(cut.quantity, least=1)
        wanted[cut.sku] = wanted.get(cut.sku, 0) + cut.quantity
    if order.placed_at_ms is None or not wanted:
        raise OrderState(order=order.order_id, state=order.status, allowed=_allowed(order))
    units: dict[str, int] = {}
    for sku, quantity in wanted.items():
        line = order.line(sku)
        if line is None:
            reason = "the order does not have it"
            raise InvalidField(f"{sku!r}: {reason}.", field="lines", reason=reason)
        if quantity > _cancellable(order, line):
            raise OrderState(
                f"Fewer than {quantity} of {sku} can be cancelled.",
                order=order.order_id,
                state=order.status,
                allowed=_allowed(order),
            )
        for part, count in line.units.items():
            units[part] = units.get(part, 0) + count * quantity
            _mark(folder, line.sku, part, count * quantity)
    lines = tuple(replace(line, cut=line.cut + wanted.get(line.sku, 0)) for line in order.lines)
    folder.change(lines=lines)
    folder.then.append(_purchase_orders_cancelled(folder, command, units))


def _mark(folder: Folder, line: str, sku: str, quantity: int) -> int:
    """Shows at once that units are being cancelled, and tells how many of them can be.

    Their purchase orders tell for certain.
    """
    marked = 0
    for lot in folder.order.lots:
        if (lot.line, lot.sku) == (line, sku):
            units = min(quantity - marked, lot.expected - lot.unwanted)
            marked += units
            folder.put_lots([settled(replace(lot, cancelling=lot.cancelling + units))])
    return marked


def _cancellable(order: Order, line: Line) -> int:
    """How many of a line can be asked back: as many as all of its parts allow."""
    found = [line.quantity - line.cut]
    for sku, count in line.units.items():
        units = sum(
            one.quantity
            for one in order.awaited
            if (one.plan, one.line, one.sku) == (order.order_id, line.sku, sku)
        )
        units += sum(
            lot.expected - lot.unwanted
            for lot in order.lots
            if (lot.line, lot.sku) == (line.sku, sku)
        )
        found.append(units // count)
    return min(found)


def _allowed(order: Order) -> list[str]:
    """What can be done instead of cancelling."""
    shipped = any(lot.shipped > lot.returned for lot in order.lots)
    return ["return"] if shipped else []


def _purchase_orders_cancelled(
    folder: Folder, command: CancelOrder, units: dict[str, int] | None
) -> CancelPurchaseOrders:
    order = folder.order
    return CancelPurchaseOrders(
        order_id=order.order_id,
        wish=f"{order.order_id}/X{order.cuts}",
        reason=command.by,
        lines=None if units is None else _units(units),
    )


def _units(units: dict[str, int]) -> tuple[Units, ...]:
    return tuple(Units(sku=sku, quantity=count) for sku, count in units.items() if count)


# -- conflicts --------------------------------------------------------------------------------


def do_settle_conflict(command: SettleConflict, view: View, context: Context) -> Decision:
    """Takes the first choice; raises ConflictSettled with it for every other one."""
    order_id = command.conflict_id.partition("/")[0]
    order = view.one(Order, order_id)
    conflict = view.one(Conflict, order_id, command.conflict_id)
    if order is None or conflict is None:
        raise NotFound(what="conflict", id=command.conflict_id)
    if (command.sku, command.supplier or conflict.supplier) != (conflict.sku, conflict.supplier):
        reason = "it is not what the conflict is about"
        raise InvalidField(f"sku: {reason}.", field="sku", reason=reason)
    if conflict.status != "open":
        chosen = conflict.choice or conflict.status
        raise ConflictSettled(conflict=conflict.conflict_id, choice=chosen)
    _check_sources(command, conflict)
    folder = Folder(order, view.all(Conflict, order_id), context)
    lot = next(one for one in order.lots if one.name == conflict.lot_name)
    _settle(folder, conflict, command.choice, command.by, context)
    if conflict.reason == "refused":
        _settle_refused(folder, conflict, lot, command)
    else:
        _settle_short(folder, conflict, lot, command)
    if command.choice == "replace":
        folder.then += replacing(command, conflict.quantity, avoid=(conflict.supplier,))
    return folder.decision(
        cause=conflict.conflict_id,
        result={"applied": True, "choice": command.choice, "quantity": conflict.quantity},
    )


def _check_sources(command: SettleConflict, conflict: Conflict) -> None:
    """Shoppers name no suppliers; who does names others than the one that lacks the units."""
    if not command.sources:
        return
    reason = ""
    if command.by == "shopper" or command.choice != "replace":
        reason = "they go with replace, and shoppers name none"
    elif any(one.supplier == conflict.supplier for one in command.sources):
        reason = f"{conflict.supplier} is who lacks the units"
    elif sum(one.quantity for one in command.sources) != conflict.quantity:
        reason = f"{conflict.quantity} units are in question"
    if reason:
        raise InvalidField(f"sources: {reason}.", field="sources", reason=reason)


def _settle(folder: Folder, conflict: Conflict, choice: str, by: str, context: Context) -> None:
    again = context.now_ms + ORDER_AGAIN_MS
    waits = choice == "wait" and conflict.reason == "refused"
    folder.keep(
        replace(
            conflict,
            status="settled",
            choice=choice,
            by=by,
            settled_at_ms=context.now_ms,
            again_at_ms=again if waits else None,
        )
    )


def _settle_short(folder: Folder, conflict: Conflict, lot: Lot, command: SettleConflict) -> None:
    """The supplier has not decided yet: it is asked not to ship what is not wanted any more."""
    units = lot.questioned
    lot = replace(lot, questioned=0, short="")
    if command.choice == "wait":
        folder.put_lots([replace(lot, waiting=lot.waiting + units)])
        return
    lot = replace(lot, cancelling=lot.cancelling + units)
    if command.choice == "replace":
        lot = replace(lot, swapped=lot.swapped + units)
        _await(folder, conflict, lot, units)
    folder.put_lots([lot])
    wanted = {lot.sku: units}
    if command.choice == "cancel":
        for sku, count in _rest_of_sets(folder, lot, units).items():
            wanted[sku] = wanted.get(sku, 0) + count
    only = lot.purchase_order if set(wanted) == {lot.sku} else ""
    folder.then.append(_ask_back(conflict, wanted, only))


def _settle_refused(folder: Folder, conflict: Conflict, lot: Lot, command: SettleConflict) -> None:
    """The supplier will not send them: what is free and paid back is decided here."""
    units = lot.asked
    after = replace(lot, asked=0, refusal="")
    if command.choice == "wait":
        folder.put_lots([replace(after, backlog=after.backlog + units)])
        return
    if command.choice == "replace":
        folder.put_lots([replace(after, moved=after.moved + units)])
        _await(folder, conflict, lot, units)
    else:
        after = replace(after, dropped=after.dropped + units)
        folder.pay_back(lot, after)
        folder.put_lots([after])
        if wanted := _rest_of_sets(folder, lot, units):
            folder.then.append(_ask_back(conflict, wanted, ""))
    folder.release(
        lot,
        units,
        reason="refused",
        at_ms=conflict.decided_at_ms,
        sequence=conflict.decided_sequence,
    )


def _ask_back(conflict: Conflict, wanted: dict[str, int], only: str) -> CancelPurchaseOrders:
    return CancelPurchaseOrders(
        order_id=conflict.order_id,
        wish=conflict.conflict_id,
        reason="conflict",
        lines=_units(wanted),
        purchase_order=only or None,
    )


def _await(folder: Folder, conflict: Conflict, lot: Lot, units: int) -> None:
    """Units that come from somebody else: who it is, the inventory tells."""
    waiting = Awaited(
        plan=conflict.conflict_id,
        line=lot.line,
        sku=lot.sku,
        quantity=units,
        value_minor=lot.worth(units),
    )
    folder.change(awaited=(*folder.order.awaited, waiting))


def _rest_of_sets(folder: Folder, lot: Lot, units: int) -> dict[str, int]:
    """Who does not get a part does not want the rest of the set: as much as can be asked back."""
    line = folder.order.line(lot.line)
    each = line.units if line is not None else {lot.sku: 1}
    sets = -(-units // each[lot.sku])
    wanted = {sku: sets * count for sku, count in each.items()}
    wanted[lot.sku] -= units
    return {
        sku: marked
        for sku, count in wanted.items()
        if (marked := _mark(folder, lot.line, sku, count))
    }


def replacing(
    command: SettleConflict, quantity: int, *, avoid: tuple[str, ...] = ()
) -> list[Command]:
    """The same units from anybody else, sold at once."""
    lines = _lines_from(command.sku, command.sources)
    if not lines:
        lines = (HoldLine(sku=command.sku, quantity=quantity, avoid=avoid),)
    return _held_and_sold(command.conflict_id, command.sku, lines)


def _lines_from(sku: str, sources: Iterable[Source]) -> tuple[HoldLine, ...]:
    return tuple(HoldLine(sku=sku, quantity=one.quantity, supplier=one.supplier) for one in sources)


def _held_and_sold(hold_id: str, sku: str, lines: tuple[HoldLine, ...]) -> list[Command]:
    return [
        HoldStock(hold_id=hold_id, lines=lines, ttl_ms=HOLD_GRACE_MS),
        PostHold(hold_id=hold_id, skus=(sku,)),
    ]


# -- moving -----------------------------------------------------------------------------------


def do_move_units(command: MoveUnits, view: View, context: Context) -> Decision:
    """Moves units as if a conflict about them had been settled by somebody else's units."""
    order = view.one(Order, command.order_id)
    if order is None:
        raise NotFound(what="order", id=command.order_id)
    conflict_id = move_of(command)
    if view.one(Conflict, order.order_id, conflict_id) is not None:
        return Decision(result={"applied": False})
    units = sum(check_quantity(one.quantity, least=1) for one in command.sources)
    lot = next((one for one in order.lots if _can_move(one, command, units)), None)
    if lot is None:
        raise OrderState(
            f"{command.supplier} has no {units} of {command.sku} that can be moved.",
            order=order.order_id,
            state=order.status,
            allowed=_allowed(order),
        )
    folder = Folder(order, view.all(Conflict, order.order_id), context)
    conflict = Conflict(
        tenant=order.tenant,
        order_id=order.order_id,
        conflict_id=conflict_id,
        plan=lot.plan,
        line=lot.line,
        sku=lot.sku,
        supplier=lot.supplier,
        reference=lot.reference,
        quantity=units,
        reason=command.reason,
        status="settled",
        choice="replace",
        by=command.by,
        opened_at_ms=context.now_ms,
        settled_at_ms=context.now_ms,
    )
    folder.keep(conflict)
    _await(folder, conflict, lot, units)
    moved = replace(lot, cancelling=lot.cancelling + units, swapped=lot.swapped + units)
    folder.put_lots([settled(moved)])
    folder.then += [
        _ask_back(conflict, {lot.sku: units}, lot.purchase_order),
        *_held_and_sold(conflict_id, lot.sku, _lines_from(lot.sku, command.sources)),
    ]
    return folder.decision(cause=conflict_id, result={"applied": True, "quantity": units})


def _can_move(lot: Lot, command: MoveUnits, units: int) -> bool:
    """Whether so many of its units are still to come, and a purchase order can be asked."""
    same = (lot.sku, lot.supplier) == (command.sku, command.supplier)
    free = lot.expected - lot.unwanted - lot.questioned
    others = all(one.supplier != lot.supplier for one in command.sources)
    known = lot.purchase_order and command.purchase_order in {"", lot.purchase_order}
    return same and others and free >= units > 0 and bool(known)


def move_of(command: MoveUnits) -> str:
    """Under which id the units of a move are sold."""
    return f"{command.order_id}/{command.move}"


def moving(command: MoveUnits) -> list[Command]:
    """What a move may take with it."""
    lines = _lines_from(command.sku, command.sources)
    return _held_and_sold(move_of(command), command.sku, lines)
