"""Who may send which command. What is not listed here only operators may."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from shopwire.kernel.access_errors import Forbidden
from shopwire.kernel.commands import Command
from shopwire.kernel.identity import Caller, owner_of_cart
from shopwire.kernel.ids import home_of_order
from shopwire.sync.rights import Standing

Own = Callable[[Any, Caller], bool]
"""Whether a command is about what is the caller's own."""


def _cart(command: Any, caller: Caller) -> bool:
    shopper = getattr(command, "shopper", caller.subject)
    return owner_of_cart(command.cart_id) == caller.subject == shopper


def _order(command: Any, caller: Caller) -> bool:
    by = getattr(command, "by", "shopper")
    return owner_of_cart(home_of_order(command.order_id)) == caller.subject and by == "shopper"


def _conflict(command: Any, caller: Caller) -> bool:
    owner = owner_of_cart(home_of_order(command.conflict_id))
    return owner == caller.subject and command.by == "shopper"


def _stock(command: Any, caller: Caller) -> bool:
    return command.shopper in {"", caller.subject}


def _suppliers_own(command: Any, caller: Caller) -> bool:
    return bool(caller.supplier) and command.supplier == caller.supplier


def _purchase_order(command: Any, caller: Caller) -> bool:
    parts = command.purchase_order.split("/")
    named = command.supplier in {None, "", caller.supplier}
    return len(parts) > 1 and parts[1] == caller.supplier and named


SHOPPER: Final[Mapping[str, Own]] = {
    "carts.put_line": _cart,
    "carts.accept_prices": _cart,
    "inventory.check_stock": _stock,
    "orders.cancel_order": _order,
    "orders.settle_conflict": _conflict,
    "shipping.open_return": _order,
}
"""A shopper's, about the shopper's own carts and orders."""

SUPPLIER: Final[Mapping[str, Own]] = {
    "inventory.report_stock": _suppliers_own,
    "inventory.report_stocks": _suppliers_own,
    "suppliers.put_offer": _suppliers_own,
    "suppliers.put_offers": _suppliers_own,
    "suppliers.withdraw_offer": _suppliers_own,
    "shipping.acknowledge_purchase_order": _purchase_order,
    "shipping.refuse_purchase_order": _purchase_order,
    "shipping.record_shipment": _purchase_order,
}
"""A supplier's, about its own stock, offers and purchase orders."""


def check_command(caller: Caller, command: Command, standing: Standing) -> None:
    """Raises Forbidden where the caller may not send that."""
    operation, role = command.operation, caller.role
    if role == "operator":
        return
    if role == "service" and standing.granted(caller, operation):
        return
    own = {"shopper": SHOPPER, "supplier": SUPPLIER}.get(role, {}).get(operation)
    if own is None or not own(command, caller):
        raise Forbidden(operation=operation, role=role, allowed=allowed_roles(operation))


def allowed_roles(operation: str) -> list[str]:
    """Roles that may send a command, some of them only about their own."""
    tables = {"shopper": SHOPPER, "supplier": SUPPLIER}
    return ["operator", *(role for role, table in tables.items() if operation in table)]
