"""How orders follow what inventory, payments and shipping tell.

The senders are consumers: what they tell has happened, so none of these decisions refuses. What
has no place in an order, or was told before, has no effect.
"""

from collections.abc import Iterable, Sequence
from functools import partial

from msgspec.structs import replace

from shopwire.kernel.commands import Command, Context, Decision
from shopwire.kernel.rows import View
from shopwire.modules.carts.api import check_insider
from shopwire.modules.orders.api import (
    NoteAllocation,
    NotePayment,
    NotePurchaseOrder,
    NoteReturn,
    NoteShipment,
    OpenConflict,
    OrderAgain,
)
from shopwire.modules.orders.domain import Conflict, Order, Parcel, plan_of
from shopwire.modules.orders.events import OrderFacts
from shopwire.modules.orders.folder import Folder
from shopwire.modules.orders.lots import Awaited, Lot, questioned, settled, shares_of, told
from shopwire.modules.routing.api import shares_of_order
from shopwire.modules.shipping.api import first_purchase_order, purchase_plan

_NOTHING = Decision(result={"applied": False})


def do_note_allocation(command: NoteAllocation, view: View, context: Context) -> Decision:
    """Notes who sends the units of one SKU; tells it once all SKUs of the plan are known."""
    check_insider(context.principal, command.operation)
    order = view.one(Order, command.order_id)
    plan = plan_of(command.plan)
    if order is None or order.placed_at_ms is None:
        return _NOTHING
    waiting = [one for one in order.awaited if (one.plan, one.sku) == (plan, command.sku)]
    if not waiting:
        return _NOTHING
    folder = Folder(order, view.all(Conflict, order.order_id), context)
    shares = {share.supplier: share.quantity for share in command.shares}
    left, lots = [], []
    for one in waiting:
        parts: list[tuple[str, int]] = []
        for supplier, units in shares.items():
            taken = min(units, one.quantity - sum(count for _, count in parts))
            if taken > 0:
                parts.append((supplier, taken))
                shares[supplier] -= taken
        missing = one.quantity - sum(count for _, count in parts)
        counts = [count for _, count in parts] + ([missing] if missing else [])
        values = shares_of(one.value_minor, counts)
        lots += [
            Lot(
                plan=plan,
                line=one.line,
                sku=one.sku,
                supplier=supplier,
                quantity=count,
                value_minor=value,
                reference=command.plan,
            )
            for (supplier, count), value in zip(parts, values, strict=False)
        ]
        if missing:
            # The audit tells of it: units that were sold and that nobody sends.
            left.append(replace(one, quantity=missing, value_minor=values[-1], spare=0))
    lots = _not_needed(order, waiting, lots)
    others = tuple(one for one in order.awaited if one not in waiting)
    folder.change(awaited=(*others, *left))
    folder.put_lots(lots)
    if any(one.plan == plan for one in folder.order.awaited):
        # Nothing that anybody sees has changed: promised units are promised.
        return Decision(put=[folder.order], result={"applied": True, "complete": False})
    own = [lot for lot in folder.order.lots if lot.plan == plan]
    if plan != order.order_id or not {lot.supplier for lot in own} <= {*command.suppliers}:
        return folder.allocation(own, plan)
    folder.put_lots(
        replace(lot, purchase_order=first_purchase_order(plan, lot.supplier), seen=1) for lot in own
    )
    return folder.allocation(own, plan, planners=partial(planning, plan))


def planning(order_id: str, facts: OrderFacts) -> Sequence[Command]:
    """What an order's own allocation leads to where it is planned in the same transaction."""
    return purchase_plan(order_id, facts, known=True), shares_of_order(order_id, facts)


def _not_needed(order: Order, waiting: Iterable[Awaited], lots: Iterable[Lot]) -> list[Lot]:
    """A replacement whose first supplier shipped after all, or whose order was cancelled."""
    spare, result = sum(one.spare for one in waiting), []
    for lot in lots:
        units = min(spare, lot.quantity)
        spare -= units
        line = order.line(lot.line)
        given_up = line is not None and line.cut >= line.quantity and lot.plan != order.order_id
        recall = lot.quantity if given_up else units
        result.append(settled(replace(lot, swapped=units, recall=recall)))
    return result


def do_note_payment(command: NotePayment, view: View, context: Context) -> Decision:
    """Shows how the payment stands, while there is something to show."""
    if not context.scope:  # what belongs to another command was let in with it
        check_insider(context.principal, command.operation)
    order = view.one(Order, command.order_id)
    if order is None:
        return _NOTHING
    folder = Folder(order, (), context)
    folder.change(payment=command.state, refunded_minor=command.refunded_minor)
    return folder.decision(cause=command.order_id)


def do_note_purchase_order(command: NotePurchaseOrder, view: View, context: Context) -> Decision:
    """Takes the totals of a purchase order over, and draws the consequences of what is new.

    Refused units are in question; cancelled ones are free and paid back, unless another lot
    stands for them.
    """
    check_insider(context.principal, command.operation)
    order = view.one(Order, command.order_id)
    if order is None:
        return _NOTHING
    folder = Folder(order, view.all(Conflict, order.order_id), context)
    folder.decided_at = (command.at_ms, command.sequence)
    for now in command.units:
        lots = [
            lot
            for lot in order.lots
            if (lot.plan, lot.supplier, lot.sku) == (command.plan, command.supplier, now.sku)
            and lot.seen < command.version
        ]
        wished = {line.sku: line.cut for line in order.lines if line.cut}
        known = [
            replace(
                lot, purchase_order=command.purchase_order, seen=command.version, sent=command.sent
            )
            for lot in lots
        ]
        late = sum(one.quantity for one in command.too_late if one.sku == now.sku)
        for before, after in zip(lots, told(known, now, wished), strict=True):
            folder.pay_back(before, after)
            folder.release(before, after.cancelled - before.cancelled, reason="cancelled")
            beyond = max(late, after.swapped - after.expected)
            still, late = _too_late(folder, after, beyond)
            folder.put_lots([_called_back(folder, still)])
    return folder.decision(cause=command.purchase_order)


def _too_late(folder: Folder, lot: Lot, late: int) -> tuple[Lot, int]:
    """Units that another lot stands for were shipped after all: the other lot is not needed."""
    for conflict in folder.conflicts:
        units = min(late, lot.swapped)
        if not units:
            return lot, late
        if conflict.lot_name != lot.name or conflict.choice != "replace":
            continue
        given = _not_replaced(folder, conflict.conflict_id, units)
        late -= given
        lot = replace(lot, swapped=lot.swapped - given)
    # Nothing stands for these, or what does comes as well.
    units = min(late, lot.swapped)
    return replace(lot, swapped=lot.swapped - units, surplus=lot.surplus + units), late - units


def _not_replaced(folder: Folder, plan: str, units: int) -> int:
    """Calls a replacement back, as far as it is not on its way; returns how many units of it."""
    left = units
    for lot in folder.order.lots:
        free = lot.expected - lot.unwanted
        spare = min(left, free) if lot.plan == plan else 0
        if spare > 0:
            left -= spare
            more = replace(lot, swapped=lot.swapped + spare, recall=lot.recall + spare)
            folder.put_lots([_called_back(folder, settled(more))])
    awaited = []
    for one in folder.order.awaited:
        spare = min(left, one.quantity - one.spare) if one.plan == plan else 0
        left -= spare
        awaited.append(replace(one, spare=one.spare + spare))
    folder.change(awaited=tuple(awaited))
    return units - left


def _called_back(folder: Folder, lot: Lot) -> Lot:
    """Calls units back, as soon as there is a purchase order to call them back from."""
    units = min(lot.recall, max(0, lot.expected - lot.cancelling))
    if not lot.recall or not lot.purchase_order:
        return lot
    if units:
        folder.recall(lot, units)
    return settled(replace(lot, recall=0, cancelling=lot.cancelling + units))


def do_note_shipment(command: NoteShipment, view: View, context: Context) -> Decision:
    """Shows a parcel and where it was seen last."""
    check_insider(context.principal, command.operation)
    order = view.one(Order, command.order_id)
    if order is None:
        return _NOTHING
    known = {parcel.id: parcel for parcel in order.shipments}
    before = known.get(command.shipment)
    if before is not None and before.version >= command.version:
        return _NOTHING
    known[command.shipment] = Parcel(
        id=command.shipment,
        version=command.version,
        carrier=command.carrier,
        tracking=command.tracking,
        status=command.status,
    )
    folder = Folder(order, (), context)
    folder.change(shipments=tuple(known.values()))
    return folder.decision(cause=command.shipment)


def do_note_return(command: NoteReturn, view: View, context: Context) -> Decision:
    """Counts what came back; the money is shipping's and payments' affair."""
    check_insider(context.principal, command.operation)
    order = view.one(Order, command.order_id)
    if order is None or command.receipt in order.receipts:
        return _NOTHING
    folder = Folder(order, view.all(Conflict, order.order_id), context)
    for one in command.units:
        left = one.quantity
        for lot in folder.order.lots:
            if (lot.sku, lot.supplier, lot.reference) != (one.sku, one.supplier, one.reference):
                continue
            units = min(left, lot.shipped - lot.returned)
            left -= units
            folder.put_lots([replace(lot, returned=lot.returned + units)])
    folder.change(receipts=(*order.receipts, command.receipt))
    return folder.decision(cause=command.receipt)


def do_open_conflict(command: OpenConflict, view: View, context: Context) -> Decision:
    """Puts units in question that a supplier turned out not to have."""
    check_insider(context.principal, command.operation)
    order = view.one(Order, command.order_id)
    if order is None or order.placed_at_ms is None:
        return _NOTHING
    lots = [
        lot
        for lot in order.lots
        if (lot.reference, lot.sku, lot.supplier) == (command.plan, command.sku, command.supplier)
    ]
    folder = Folder(order, view.all(Conflict, order.order_id), context)
    folder.put_lots(questioned(lots, command.quantity))
    return folder.decision(cause=command.supplier)


def do_order_again(command: OrderAgain, view: View, context: Context) -> Decision:
    """Orders units again that a supplier had refused and the shopper waits for."""
    check_insider(context.principal, command.operation)
    order_id = command.conflict_id.partition("/")[0]
    order, conflict = (
        view.one(Order, order_id),
        view.one(Conflict, order_id, command.conflict_id),
    )
    if order is None or conflict is None or conflict.again_at_ms is None:
        return _NOTHING
    folder = Folder(order, view.all(Conflict, order_id), context)
    folder.keep(replace(conflict, again_at_ms=None), told=False)
    lot = next((one for one in order.lots if one.name == conflict.lot_name), None)
    units = min(conflict.quantity, lot.backlog) if lot is not None else 0
    if lot is None or not units:
        return folder.decision()
    again = Lot(
        plan=conflict.conflict_id,
        line=lot.line,
        sku=lot.sku,
        supplier=lot.supplier,
        quantity=units,
        value_minor=lot.worth(units),
        reference=lot.reference,
    )
    folder.put_lots([replace(lot, backlog=lot.backlog - units, moved=lot.moved + units), again])
    return folder.allocation([again], conflict.conflict_id)
