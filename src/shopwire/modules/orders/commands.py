"""How orders decide: everything that they take."""

from collections.abc import Iterable
from typing import Any, Final

from shopwire.kernel.commands import Command, Handler
from shopwire.kernel.ids import home_of_order
from shopwire.kernel.rows import Need
from shopwire.modules.carts.api import FinishCart, ReopenCart
from shopwire.modules.inventory.api import HoldLine, VoidHold
from shopwire.modules.orders.api import (
    AnswerLater,
    AskAgain,
    CancelOrder,
    CompleteOrder,
    FailCheckout,
    MoveUnits,
    NoteAllocation,
    NotePayment,
    NotePurchaseOrder,
    NoteReturn,
    NoteShipment,
    OpenConflict,
    OrderAgain,
    SettleConflict,
    StartCheckout,
)
from shopwire.modules.orders.checkout import (
    do_answer_later,
    do_ask_again,
    do_complete_order,
    do_fail_checkout,
    do_start_checkout,
    opening,
    selling,
)
from shopwire.modules.orders.choices import (
    do_cancel_order,
    do_move_units,
    do_settle_conflict,
    moving,
    replacing,
)
from shopwire.modules.orders.domain import Conflict, Order
from shopwire.modules.orders.fulfilment import (
    do_note_allocation,
    do_note_payment,
    do_note_purchase_order,
    do_note_return,
    do_note_shipment,
    do_open_conflict,
    do_order_again,
)
from shopwire.modules.payments.api import RecordAuthorisation, RequestCapture, RequestVoid
from shopwire.modules.routing.api import NoteShares
from shopwire.modules.shipping.api import Allocation, CancelPurchaseOrders, PlanPurchaseOrders


def _starting(command: StartCheckout) -> Iterable[Command]:
    return opening(command, command.lines, 1)


def _completing(command: CompleteOrder) -> Iterable[Command]:
    order_id = command.order_id
    yield RecordAuthorisation(order_id=order_id, reference="", amount_minor=0, currency="")
    lines = tuple(HoldLine(sku=sku, quantity=1) for sku in command.skus)
    yield from selling(command, lines, command.shopper)
    yield RequestCapture(order_id=order_id)
    yield FinishCart(cart_id=home_of_order(order_id), order_id=order_id)
    if command.suppliers and command.skus:
        # Every SKU and every supplier that may be planned is named once.
        pairs = [(sku, command.suppliers[0]) for sku in command.skus]
        pairs += [(command.skus[0], supplier) for supplier in command.suppliers[1:]]
        yield PlanPurchaseOrders(
            order_id=order_id,
            currency="",
            allocations=tuple(
                Allocation(sku=sku, supplier=supplier, quantity=1) for sku, supplier in pairs
            ),
        )
        yield NoteShares(order_id=order_id, plan=order_id, shares=())


def _giving_up(command: FailCheckout | CancelOrder) -> Iterable[Command]:
    order_id = command.order_id
    return (
        RequestVoid(order_id=order_id, reason=""),
        VoidHold(hold_id=order_id, skus=command.skus),
        ReopenCart(cart_id=home_of_order(order_id), order_id=order_id),
        *([_asking_back(order_id)] if isinstance(command, CancelOrder) else []),
    )


def _settling(command: SettleConflict) -> Iterable[Command]:
    yield _asking_back(command.conflict_id.partition("/")[0])
    if command.choice == "replace":
        yield from replacing(command, 1)


def _moving(command: MoveUnits) -> Iterable[Command]:
    yield _asking_back(command.order_id)
    yield from moving(command)


def _asking_back(order_id: str) -> CancelPurchaseOrders:
    return CancelPurchaseOrders(order_id=order_id, wish="", reason="conflict")


def _id(command: Any) -> str:
    """The order that a command is about."""
    found: str = getattr(command, "order_id", "") or command.conflict_id.partition("/")[0]
    return found


def _handler(kind: Any, decide: Any, includes: Any = None, *, conflicts: bool = True) -> Any:
    kinds = (Order, Conflict) if conflicts else (Order,)
    return Handler(
        command=kind,
        partition_key=lambda command: home_of_order(_id(command)),
        needs=lambda command: [Need(row, _id(command)) for row in kinds],
        decide=decide,
        includes=includes,
    )


HANDLERS: Final[tuple[Handler[Any], ...]] = (
    _handler(StartCheckout, do_start_checkout, _starting, conflicts=False),
    _handler(CompleteOrder, do_complete_order, _completing, conflicts=False),
    _handler(FailCheckout, do_fail_checkout, _giving_up, conflicts=False),
    _handler(AskAgain, do_ask_again, conflicts=False),
    _handler(AnswerLater, do_answer_later, conflicts=False),
    _handler(NoteAllocation, do_note_allocation),
    _handler(NotePayment, do_note_payment, conflicts=False),
    _handler(NotePurchaseOrder, do_note_purchase_order),
    _handler(NoteShipment, do_note_shipment, conflicts=False),
    _handler(NoteReturn, do_note_return),
    _handler(OpenConflict, do_open_conflict),
    _handler(OrderAgain, do_order_again),
    _handler(CancelOrder, do_cancel_order, _giving_up),
    _handler(SettleConflict, do_settle_conflict, _settling),
    _handler(MoveUnits, do_move_units, _moving),
)
