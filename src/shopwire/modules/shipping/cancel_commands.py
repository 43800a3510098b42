"""How cancellations are decided. The supplier is who knows whether it shipped first."""

from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.errors import RuleBroken
from shopwire.kernel.rows import View
from shopwire.kernel.validation import check_name
from shopwire.modules.shipping.api import CancelPurchaseOrders, RecordCancellation, Units
from shopwire.modules.shipping.book import (
    Book,
    check_order_id,
    check_units,
    home_of,
    needs_of,
)
from shopwire.modules.shipping.domain import CancelAhead
from shopwire.modules.shipping.events import (
    Moved,
    PurchaseOrderCancelled,
    PurchaseOrderCancelling,
)
from shopwire.modules.shipping.planning import Wish
from shopwire.modules.shipping.purchasing import (
    Move,
    cancel_answered,
    cancel_wanted,
    in_own_skus,
    refusal,
)

WISHES_MAX: Final = 200
"""Cancellations that one order remembers; more is a caller that repeats itself."""


def do_cancel_purchase_orders(
    command: CancelPurchaseOrders, view: View, context: Context
) -> Decision:
    """Gives up what is not shipped: at once, or as soon as the supplier agrees."""
    order_id = check_order_id(command.order_id)
    name = check_name(command.wish, "wish")
    wanted = None if command.lines is None else check_units(command.lines)
    book = Book(view, context.tenant, order_id)
    known = book.fulfilment.wishes
    if name in known:
        return Decision(result={"applied": False, "reason": "known"})
    if len(known) == WISHES_MAX:
        raise RuleBroken(rule="wishes_max", reason=f"{WISHES_MAX} cancellations of one order")
    fulfilment = replace(book.fulfilment, wishes=(*known, name))
    if not known_plan(book):
        ahead = CancelAhead(
            tenant=context.tenant,
            order_id=order_id,
            wish=name,
            reason=command.reason,
            lines=command.lines,
        )
        return Decision(put=[fulfilment, ahead], result={"applied": True, "kept": True})
    wish = Wish(wish=name, reason=command.reason, left=wanted)
    result = _spread(book, wish, command.purchase_order, context.now_ms)
    return Decision(
        put=[fulfilment, *book.rows],
        events=book.events,
        result={"applied": True, "kept": False, **result},
    )


def known_plan(book: Book) -> bool:
    """Whether the order itself was planned; a cancellation before that is kept for its plan."""
    return bool(book.fulfilment.plans)


def _spread(book: Book, wish: Wish, only: str | None, now_ms: int) -> dict[str, Any]:
    """First what costs nothing, then what suppliers have to be asked for."""
    sheets = [book.sheet(only)] if only else list(book.sheets.values())
    sheets.sort(key=lambda sheet: (not sheet.untold, sheet.order.id))
    cancelled: list[Units] = []
    asked: list[Units] = []
    for sheet in sheets:
        before = {line.sku: line.cancelling for line in sheet.lines}
        move = give_up(book, sheet.order.id, wish, now_ms)
        if move is not None:
            cancelled += [Units(sku=one.sku, quantity=one.quantity) for one in move.cancelled]
            asked += [
                Units(sku=line.sku, quantity=line.cancelling - before[line.sku])
                for line in move.sheet.lines
                if line.cancelling > before[line.sku]
            ]
    too_late: list[Units] = []
    for sheet in sheets:
        late = wish.too_late(sheet)
        if late:
            current = book.sheet(sheet.order.id)
            moved = tuple(
                Moved(sku=line.sku, quantity=late[line.sku], reference=line.reference)
                for line in current.lines
                if line.sku in late
            )
            told = Move(sheet=current, too_late=moved)
            book.tell(PurchaseOrderCancelled, told, wish=wish.wish, reason=wish.reason)
            too_late += [Units(sku=sku, quantity=units) for sku, units in late.items()]
    return {"cancelled": cancelled, "asked": asked, "too_late": too_late}


def give_up(book: Book, purchase_order: str, wish: Wish, now_ms: int) -> Move | None:
    """Takes a sheet's share of a wish; None where it has none."""
    sheet = book.sheet(purchase_order)
    wanted = wish.share(sheet)
    if not wanted:
        return None
    named = replace(sheet.order, wish=wish.wish, reason=wish.reason)
    move = cancel_wanted(replace(sheet, order=named), wanted, now_ms)
    kind = PurchaseOrderCancelled if move.cancelled else PurchaseOrderCancelling
    book.tell(kind, move, wish=wish.wish, reason=wish.reason)
    return move


def do_record_cancellation(command: RecordCancellation, view: View, context: Context) -> Decision:
    """Takes the supplier's answer, which decides the race between cancelling and shipping."""
    check_units(command.asked)
    check_units(command.cancelled, least=0)
    book = Book(view, context.tenant, command.purchase_order)
    sheet = book.sheet(command.purchase_order)
    asked = check_units(in_own_skus(sheet.lines, command.asked))
    granted = check_units(in_own_skus(sheet.lines, command.cancelled), least=0)
    for sku in (*asked, *granted):
        sheet.line(sku)
    if command.unanswered and sheet.order.answer is not None:
        # It answered while the question was on its way: the next question finds that.
        raise refusal(sheet, "The supplier has answered this purchase order.")
    move = cancel_answered(sheet, asked, granted, context.now_ms)
    if move.sheet == sheet:
        return Decision(result={"applied": False, "status": sheet.order.status})
    order = sheet.order
    book.tell(PurchaseOrderCancelled, move, wish=order.wish, reason=order.reason)
    return Decision(
        put=book.rows,
        events=book.events,
        result={"applied": True, "status": move.sheet.order.status},
    )


HANDLERS: Final = (
    Handler(
        command=CancelPurchaseOrders,
        partition_key=lambda command: home_of(command.order_id),
        needs=lambda command: needs_of(command.order_id, CancelAhead),
        decide=do_cancel_purchase_orders,
    ),
    Handler(
        command=RecordCancellation,
        partition_key=lambda command: home_of(command.purchase_order),
        needs=lambda command: needs_of(command.purchase_order),
        decide=do_record_cancellation,
    ),
)
