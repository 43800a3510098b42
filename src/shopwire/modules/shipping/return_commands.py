"""How returns are decided."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.errors import InvalidField, NotFound, RuleBroken
from shopwire.kernel.rows import Row, View
from shopwire.modules.shipping.api import CloseReturn, OpenReturn, ReceiveReturn, Units
from shopwire.modules.shipping.book import (
    Book,
    check_order_id,
    check_units,
    home_of,
    needs_of,
)
from shopwire.modules.shipping.domain import (
    PurchaseOrderLine,
    Receipt,
    Return,
    ReturnLine,
    return_document,
)
from shopwire.modules.shipping.events import (
    ReturnClosed,
    ReturnedUnits,
    ReturnEvent,
    ReturnFacts,
    ReturnOpened,
    ReturnReceived,
)
from shopwire.modules.shipping.returning import Arrival, announced, arrived, refusal

RETURNS_MAX: Final = 50
"""Returns of one order; more is a caller that repeats itself."""


def do_open_return(command: OpenReturn, view: View, context: Context) -> Decision:
    """Announces units that come back; each unit is on one return only."""
    units = check_units(command.lines)
    if not units:
        raise InvalidField("A return needs units.", field="lines", reason="it is empty")
    book = Book(view, context.tenant, check_order_id(command.order_id))
    number = book.fulfilment.returns + 1
    if number > RETURNS_MAX:
        raise RuleBroken(rule="returns_max", reason=f"{RETURNS_MAX} returns of one order")
    own_id = f"{book.order_id}/R{number}"
    owned = [line for sheet in book.sheets.values() for line in sheet.lines]
    chosen = announced(owned, command.lines, own_id)
    changed = [replace(line, coming_back=line.coming_back + part) for line, part in chosen]
    lines = [
        ReturnLine(
            tenant=context.tenant,
            order_id=book.order_id,
            return_id=own_id,
            purchase_order=line.purchase_order,
            sku=line.sku,
            announced=part,
        )
        for line, part in chosen
    ]
    order = Return(
        tenant=context.tenant,
        order_id=book.order_id,
        id=own_id,
        version=1,
        reason=command.reason,
        currency=book.fulfilment.currency,
        value_minor=sum(line.worth(line.coming_back + part) - line.worth(line.coming_back)
                        for line, part in chosen),
        opened_at_ms=context.now_ms,
    )  # fmt: skip
    fulfilment = replace(book.fulfilment, returns=number)
    event = _told(ReturnOpened, order, lines, _units(book, chosen))
    rows: list[Row] = [fulfilment, order, *changed, *lines]
    result = {"return": own_id, "value_minor": order.value_minor, "currency": order.currency}
    return Decision(put=rows, events=[event], result=result)


def do_receive_return(command: ReceiveReturn, view: View, context: Context) -> Decision:
    """Takes a parcel of a return once; its refund and its stock follow from the event."""
    book = Book(view, context.tenant, command.return_id)
    order, lines = _found(view, book, command.return_id)
    if command.lines is not None and not check_units(command.lines):
        raise InvalidField("A parcel has units.", field="lines", reason="it is empty")
    receipts = [one for one in view.all(Receipt, book.order_id) if one.return_id == order.id]
    for one in receipts:
        if one.n == command.receipt:
            if (one.asked, one.restock) != (command.lines, command.restock):
                raise refusal(order, f"Receipt {one.n} was another one.")
            return Decision(result={"applied": False, "refund_minor": one.refund_minor})
    if command.receipt != len(receipts) + 1:
        raise refusal(order, f"The next receipt is {len(receipts) + 1}.")
    of = {(line.purchase_order, line.sku): line for sheet in book.sheets.values()
          for line in sheet.lines}  # fmt: skip
    arrivals = arrived(order, lines, of, command.lines)
    receipt = _receipt(command, arrivals, order, context)
    lines = _received(lines, arrivals)
    missing = any(line.announced > line.received for line in lines)
    order = replace(
        order,
        version=order.version + 1,
        status="partly_received" if missing else "received",
        refund_minor=order.refund_minor + receipt.refund_minor,
    )
    back = [
        replace(
            one.of,
            coming_back=one.of.coming_back - one.quantity,
            returned=one.of.returned + one.quantity,
        )
        for one in arrivals
    ]
    event = _told(
        ReturnReceived,
        order,
        lines,
        _units(book, [(one.of, one.quantity) for one in arrivals]),
        receipt=f"{order.id}/{receipt.n}",
        refund_minor=receipt.refund_minor,
        restock=receipt.restock,
    )
    return Decision(
        put=[order, receipt, *lines, *back],
        events=[event],
        result={"applied": True, "refund_minor": receipt.refund_minor, "status": order.status},
    )


def _receipt(
    command: ReceiveReturn, arrivals: Sequence[Arrival], order: Return, context: Context
) -> Receipt:
    came: dict[str, int] = {}
    for one in arrivals:
        came[one.line.sku] = came.get(one.line.sku, 0) + one.quantity
    return Receipt(
        tenant=context.tenant,
        order_id=order.order_id,
        return_id=order.id,
        n=command.receipt,
        lines=tuple(Units(sku=sku, quantity=units) for sku, units in sorted(came.items())),
        asked=command.lines,
        restock=command.restock,
        refund_minor=sum(one.worth_minor for one in arrivals),
        at_ms=context.now_ms,
    )


def _received(lines: Sequence[ReturnLine], arrivals: Sequence[Arrival]) -> list[ReturnLine]:
    came = {(one.line.purchase_order, one.line.sku): one.quantity for one in arrivals}
    return [
        replace(line, received=line.received + came.get((line.purchase_order, line.sku), 0))
        for line in lines
    ]


def do_close_return(command: CloseReturn, view: View, context: Context) -> Decision:
    """What did not arrive stays with the shopper and may be announced again."""
    book = Book(view, context.tenant, command.return_id)
    order, lines = _found(view, book, command.return_id)
    if order.status in ("received", "closed"):
        return Decision(result={"applied": False, "status": order.status})
    missing = {(line.purchase_order, line.sku): line.announced - line.received for line in lines}
    kept = [
        (line, missing[line.purchase_order, line.sku])
        for sheet in book.sheets.values()
        for line in sheet.lines
        if missing.get((line.purchase_order, line.sku))
    ]
    changed = [replace(line, coming_back=line.coming_back - part) for line, part in kept]
    order = replace(order, version=order.version + 1, status="closed")
    event = _told(ReturnClosed, order, lines, _units(book, kept))
    return Decision(
        put=[order, *changed], events=[event], result={"applied": True, "status": order.status}
    )


def _found(view: View, book: Book, return_id: str) -> tuple[Return, list[ReturnLine]]:
    order = view.one(Return, book.order_id, return_id)
    if order is None:
        raise NotFound(what="return", id=return_id)
    lines = [line for line in view.all(ReturnLine, book.order_id) if line.return_id == return_id]
    return order, lines


def _units(book: Book, parts: Sequence[tuple[PurchaseOrderLine, int]]) -> tuple[ReturnedUnits, ...]:
    return tuple(
        ReturnedUnits(
            sku=line.sku,
            quantity=part,
            supplier=book.sheets[line.purchase_order].order.supplier,
            reference=line.reference,
            purchase_order=line.purchase_order,
        )
        for line, part in parts
    )


def _told(
    kind: type[ReturnEvent],
    order: Return,
    lines: Sequence[ReturnLine],
    units: tuple[ReturnedUnits, ...],
    **facts: Any,
) -> ReturnEvent:
    skus = tuple(dict.fromkeys(one.sku for one in units))
    return kind(
        entity=order.id,
        version=order.version,
        document=return_document(order, lines),
        facts=ReturnFacts(order_id=order.order_id, units=units, skus=skus, **facts),
    )


HANDLERS: Final = (
    Handler(
        command=OpenReturn,
        partition_key=lambda command: home_of(command.order_id),
        needs=lambda command: needs_of(command.order_id, Return, ReturnLine),
        decide=do_open_return,
    ),
    Handler(
        command=ReceiveReturn,
        partition_key=lambda command: home_of(command.return_id),
        needs=lambda command: needs_of(command.return_id, Return, ReturnLine, Receipt),
        decide=do_receive_return,
    ),
    Handler(
        command=CloseReturn,
        partition_key=lambda command: home_of(command.return_id),
        needs=lambda command: needs_of(command.return_id, Return, ReturnLine),
        decide=do_close_return,
    ),
)
