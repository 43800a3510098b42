"""What may come back, and what it is worth."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from shopwire.kernel.trade_errors import ReturnState
from shopwire.modules.shipping.api import Units
from shopwire.modules.shipping.domain import PurchaseOrderLine, Return, ReturnLine

LineKey = tuple[str, str]
"""Purchase order and SKU."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one line that arrived."""

    line: ReturnLine
    of: PurchaseOrderLine
    quantity: int
    worth_minor: int


def announced(
    lines: Iterable[PurchaseOrderLine], units: Iterable[Units], return_id: str
) -> list[tuple[PurchaseOrderLine, int]]:
    """Which lines of purchase orders the units belong to; all of them, or raises ReturnState."""
    lines = list(lines)
    chosen = []
    for wanted in units:
        left = wanted.quantity
        for line in lines:
            part = min(left, line.returnable) if line.sku == wanted.sku else 0
            if part:
                chosen.append((line, part))
                left -= part
        if left:
            raise ReturnState(
                f"Only {wanted.quantity - left} units of {wanted.sku} can be sent back.",
                return_id=return_id,
                state="announced",
                reason=wanted.sku,
            )
    return chosen


def arrived(
    order: Return,
    lines: Iterable[ReturnLine],
    of: Mapping[LineKey, PurchaseOrderLine],
    units: Iterable[Units] | None,
) -> list[Arrival]:
    """Which lines the arrived units belong to; raises ReturnState for more than are missing."""
    if order.status in ("received", "closed"):
        raise refusal(order, "Nothing of it is missing.")
    missing = [line for line in lines if line.announced > line.received]
    wanted = Counter[str]()
    for one in missing if units is None else ():
        wanted[one.sku] += one.announced - one.received
    for came in units or ():
        wanted[came.sku] += came.quantity
    arrivals = []
    for sku, quantity in wanted.items():
        left = quantity
        for line in missing:
            part = min(left, line.announced - line.received) if line.sku == sku else 0
            if part:
                own = of[line.purchase_order, sku]
                worth = own.worth(part)
                arrivals.append(Arrival(line=line, of=own, quantity=part, worth_minor=worth))
                left -= part
        if left:
            raise refusal(order, f"{quantity} units of {sku} are more than are missing.")
    return arrivals


def refusal(order: Return, why: str) -> ReturnState:
    """The error for what does not fit the return."""
    return ReturnState(why, return_id=order.id, state=order.status, reason="")
