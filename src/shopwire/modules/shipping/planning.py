"""How an order is split by supplier."""

from collections.abc import Iterable, Mapping

import msgspec

from shopwire.kernel.errors import AlreadyExists, InvalidField
from shopwire.kernel.validation import check_amount, check_name, check_quantity
from shopwire.modules.shipping.api import (
    Allocation,
    CancelReason,
    Units,
    first_purchase_order,
)
from shopwire.modules.shipping.departures import leaves_at
from shopwire.modules.shipping.domain import (
    CancelAhead,
    OfferCost,
    PurchaseOrder,
    PurchaseOrderLine,
    SupplierRules,
)
from shopwire.modules.shipping.purchasing import Sheet


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What one supplier is to send of one SKU."""

    sku: str
    supplier: str
    quantity: int
    value_minor: int
    reference: str


def shares_of(allocations: Iterable[Allocation], order_id: str) -> list[Share]:
    """Allocations added up by supplier and SKU, in that order.

    Raises InvalidField where two of them were booked as different sales: the inventory could not
    tell later which of the two a supplier acknowledged.
    """
    shares: dict[tuple[str, str], Share] = {}
    for one in allocations:
        key = (check_supplier(one.supplier), check_name(one.sku, "sku"))
        units = check_quantity(one.quantity, least=1)
        value = units * check_amount(one.price_minor, "price_minor")
        reference = check_name(one.reference or order_id, "reference")
        known = shares.get(key)
        if known is not None and known.reference != reference:
            reason = f"{one.sku!r} comes of two sales"
            raise InvalidField(f"{reason}.", field="allocations", reason=reason)
        shares[key] = Share(
            sku=one.sku,
            supplier=one.supplier,
            quantity=units + (known.quantity if known else 0),
            value_minor=check_amount(value + (known.value_minor if known else 0), "price_minor"),
            reference=reference,
        )
    return [shares[key] for key in sorted(shares)]


def check_supplier(supplier: str) -> str:
    """Returns a supplier's id; raises InvalidField where it has a slash: ids are made with it."""
    if "/" in check_name(supplier, "supplier"):
        reason = "a supplier's id has no slash"
        raise InvalidField(f"supplier cannot be used: {reason}.", field="supplier", reason=reason)
    return supplier


def check_same_plan(plan: str, shares: Iterable[Share], sheets: Iterable[Sheet]) -> None:
    """Raises AlreadyExists where a plan that was taken comes again with other units."""
    wanted = {(one.supplier, one.sku): one.quantity for one in shares}
    known = {
        (sheet.order.supplier, line.sku): line.ordered
        for sheet in sheets
        if sheet.order.plan == plan
        for line in sheet.lines
    }
    if wanted != known:
        raise AlreadyExists(what="plan", id=plan)


def planned(
    tenant: str,
    order_id: str,
    plan: str,
    shares: Iterable[Share],
    numbers: Mapping[str, int],
    rules: Mapping[str, SupplierRules],
    costs: Mapping[tuple[str, str], OfferCost],
    now_ms: int,
) -> list[Sheet]:
    """One purchase order a supplier; `numbers` says how many it has of this order already."""
    by_supplier: dict[str, list[Share]] = {}
    for share in shares:
        by_supplier.setdefault(share.supplier, []).append(share)
    sheets = []
    for supplier, own in by_supplier.items():
        n = numbers.get(supplier, 0) + 1
        own_id = (
            first_purchase_order(order_id, supplier) if n == 1 else f"{order_id}/{supplier}/{n}"
        )
        terms = rules.get(supplier) or SupplierRules(tenant=tenant, supplier=supplier)
        order = PurchaseOrder(
            tenant=tenant,
            order_id=order_id,
            id=own_id,
            supplier=supplier,
            n=n,
            plan=plan,
            acknowledge_within_ms=terms.acknowledge_within_ms,
            ship_within_ms=terms.ship_within_ms,
            planned_at_ms=now_ms,
            send_at_ms=leaves_at(terms.departures, now_ms + terms.send_after_ms),
        )
        lines = tuple(_line(order, share, costs.get((share.sku, supplier))) for share in own)
        sheets.append(Sheet(order=order, lines=lines))
    return sheets


def _line(order: PurchaseOrder, share: Share, cost: OfferCost | None) -> PurchaseOrderLine:
    # An offer that ended meanwhile still says what the units were sold by.
    return PurchaseOrderLine(
        tenant=order.tenant,
        order_id=order.order_id,
        purchase_order=order.id,
        sku=share.sku,
        reference=share.reference,
        value_minor=share.value_minor,
        cost_minor=cost.cost_minor if cost else None,
        cost_currency=cost.currency if cost else None,
        supplier_sku=cost.supplier_sku if cost else None,
        ordered=share.quantity,
    )


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is still to be cancelled of a wish, while it is spread over purchase orders."""

    wish: str
    reason: CancelReason
    left: dict[str, int] | None
    """Units by SKU; None for everything."""

    @classmethod
    def ahead(cls, row: CancelAhead) -> "Wish":
        """One that came before the plan."""
        return cls(wish=row.wish, reason=row.reason, left=_by_sku(row.lines))

    def share(self, sheet: Sheet) -> dict[str, int]:
        """The part of it that this sheet can take; what it takes is left out for the next one."""
        taken = {}
        for line in sheet.lines:
            most = line.expected - line.cancelling
            units = most if self.left is None else min(most, self.left.get(line.sku, 0))
            if units:
                taken[line.sku] = units
                if self.left is not None:
                    self.left[line.sku] -= units
        return taken

    def too_late(self, sheet: Sheet) -> dict[str, int]:
        """Units that are wanted and were shipped by this sheet, once no sheet takes more."""
        late = {}
        for line in sheet.lines:
            units = min(line.shipped - line.returned, (self.left or {}).get(line.sku, 0))
            if units > 0 and self.left is not None:
                late[line.sku] = units
                self.left[line.sku] -= units
        return late


def _by_sku(lines: tuple[Units, ...] | None) -> dict[str, int] | None:
    return None if lines is None else {line.sku: line.quantity for line in lines}
