"""An order's purchase orders as one decision finds and changes them."""

import re
from collections.abc import Iterable
from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Command
from shopwire.kernel.errors import InvalidField, NotFound
from shopwire.kernel.ids import home_of_order
from shopwire.kernel.rows import Need, Row, View
from shopwire.kernel.validation import check_name, check_quantity
from shopwire.modules.orders.api import NotePurchaseOrder, UnitsNow
from shopwire.modules.shipping.api import Units
from shopwire.modules.shipping.domain import (
    Fulfilment,
    PurchaseOrder,
    PurchaseOrderLine,
    purchase_order_document,
)
from shopwire.modules.shipping.events import (
    PurchaseOrderAcknowledged,
    PurchaseOrderEvent,
    PurchaseOrderFacts,
    PurchaseOrderShipped,
)
from shopwire.modules.shipping.purchasing import Move, Sheet, sent_at_ms

LINES_MAX: Final = 500
"""Lines of one command about units; an order has fewer."""
_WORDS: Final = (PurchaseOrderAcknowledged, PurchaseOrderShipped)
"""What a supplier says of an order that it got."""
_ORDER_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\.[0-9]{1,6}")


def order_of(own_id: str) -> str:
    """The order that a purchase order, a shipment or a return belongs to."""
    return own_id.partition("/")[0]


def home_of(own_id: str) -> str:
    """The key of the partition in which everything about the order lives."""
    return home_of_order(own_id)


def needs_of(own_id: str, *kinds: type[Row]) -> Iterable[Need]:
    """The order's purchase orders, and rows of other kinds about the same order."""
    order_id = order_of(own_id)
    own: tuple[type[Row], ...] = (Fulfilment, PurchaseOrder, PurchaseOrderLine)
    return [Need(kind, order_id) for kind in (*own, *kinds)]


def check_order_id(value: str) -> str:
    """Returns an order's id, `{cart}.{attempt}`, or raises InvalidField."""
    if not _ORDER_ID.fullmatch(value):
        reason = "it is no order's id"
        raise InvalidField(
            f"order_id cannot be used: {reason}.",
            field="order_id", reason=reason, value=value[:60],
        )  # fmt: skip
    return value


def check_units(lines: Iterable[Units], field: str = "lines", *, least: int = 1) -> dict[str, int]:
    """Units by SKU; raises InvalidField for a SKU that is there twice, and for too many."""
    units: dict[str, int] = {}
    for line in lines:
        if check_name(line.sku, "sku") in units or len(units) == LINES_MAX:
            reason = f"{line.sku!r} is there twice" if line.sku in units else "too many lines"
            raise InvalidField(f"{reason}.", field=field, reason=reason)
        units[line.sku] = check_quantity(line.quantity, least=least)
    return units


def telling(own_id: str) -> Iterable[Command]:
    """What a decision that tells the order may name; nothing for what is no order's."""
    if order_id := order_of(own_id):
        yield NotePurchaseOrder(
            order_id=order_id,
            plan="",
            supplier="",
            purchase_order="",
            version=0,
            sent=False,
            units=(),
        )


class Book:
    """What is kept of one order, with what this decision changed so far."""

    def __init__(self, view: View, tenant: str, own_id: str) -> None:
        self.order_id = order_of(own_id)
        self.tenant = tenant
        found = view.one(Fulfilment, self.order_id)
        self.fulfilment = found or Fulfilment(tenant=tenant, order_id=self.order_id)
        lines: dict[str, list[PurchaseOrderLine]] = {}
        for line in view.all(PurchaseOrderLine, self.order_id):
            lines.setdefault(line.purchase_order, []).append(line)
        self.sheets = {
            order.id: Sheet(order=order, lines=tuple(lines[order.id]))
            for order in view.all(PurchaseOrder, self.order_id)
        }
        self.rows: list[Row] = []
        self.events: list[Any] = []
        self.then: list[Command] = []

    def sheet(self, purchase_order: str, of: str | None = None) -> Sheet:
        """Raises NotFound, also where it is not the purchase order of the supplier `of`."""
        sheet = self.sheets.get(purchase_order)
        if sheet is None or of not in (None, sheet.order.supplier):
            raise NotFound(what="purchase order", id=purchase_order)
        return sheet

    def put(self, sheet: Sheet) -> None:
        """Keeps a changed sheet of which there is nothing to tell."""
        before = self.sheets.get(sheet.order.id)
        self.sheets[sheet.order.id] = sheet
        known = (before.order, *before.lines) if before else ()
        self.rows += [row for row in (sheet.order, *sheet.lines) if row not in known]

    def tell_order(self, kind: type[PurchaseOrderEvent], sheet: Sheet) -> None:
        """Keeps a changed sheet, appends its event, and tells its order in the same transaction.

        For what the shop does itself; what a supplier says of units reaches the order by the log,
        and is kept whatever the order makes of it.
        """
        self.tell(kind, sheet, told=True)
        told = self.sheets[sheet.order.id]
        self.then.append(
            NotePurchaseOrder(
                order_id=self.order_id,
                plan=told.order.plan,
                supplier=told.order.supplier,
                purchase_order=told.order.id,
                version=told.order.version,
                sent=told.order.step == "sent",
                units=tuple(
                    UnitsNow(
                        sku=line.sku,
                        ordered=line.ordered,
                        accepted=line.accepted,
                        refused=line.refused,
                        cancelling=line.cancelling,
                        cancelled=line.cancelled,
                        shipped=line.shipped,
                        delivered=line.delivered,
                    )
                    for line in told.lines
                ),
            )
        )

    def tell(self, kind: type[PurchaseOrderEvent], move: Move | Sheet, **facts: Any) -> None:
        """Keeps a changed sheet and appends its event, with the units that moved."""
        if isinstance(move, Sheet):
            move = Move(sheet=move)
        before = self.sheets.get(move.sheet.order.id)
        if before is not None and before.order.step == "sent" and kind in _WORDS:
            facts |= {"sent_at_ms": sent_at_ms(before.order), "sent_due_ms": before.order.due_at_ms}
        order = replace(move.sheet.order, version=move.sheet.order.version + 1)
        sheet = replace(move.sheet, order=order)
        self.put(sheet)
        self.events.append(
            kind(
                entity=order.id,
                version=order.version,
                document=purchase_order_document(order, sheet.lines),
                facts=PurchaseOrderFacts(
                    order_id=order.order_id,
                    supplier=order.supplier,
                    plan=order.plan,
                    accepted=move.accepted,
                    refused=move.refused,
                    cancelled=move.cancelled,
                    shipped=move.shipped,
                    delivered=move.delivered,
                    too_late=move.too_late,
                    **facts,
                ),
            )
        )
