"""Suppliers and offers as rows."""

from typing import Final, Literal

from shopwire.kernel.rows import Row
from shopwire.modules.suppliers.events import OfferDocument, SupplierDocument

LEAD_TIME_DAYS_MAX: Final = 365
"""A longer lead time is a mistake in a feed, not an offer."""

REGISTRY: Final = "suppliers"
"""All suppliers of a shop live in one partition: they are few and change rarely."""


class Supplier(Row, frozen=True, kw_only=True):
    """Somebody who holds stock for the shop."""

    table = "supplier"
    group_field = "id"
    key_fields = ("id",)

    id: str
    name: str
    status: Literal["active", "paused"] = "active"
    version: int = 0

    def document(self) -> SupplierDocument:
        """The supplier as operators see it."""
        return SupplierDocument(id=self.id, name=self.name, status=self.status)


class Offer(Row, frozen=True, kw_only=True):
    """The terms of one supplier for one SKU."""

    table = "offer"
    group_field = "sku"
    key_fields = ("sku", "supplier")
    born_often = True

    sku: str
    supplier: str
    version: int = 0
    cost_minor: int
    currency: str
    lead_time_days: int | None
    order_min: int
    order_max: int | None
    map_minor: int | None
    msrp_minor: int | None
    active: bool
    supplier_sku: str | None = None
    """What the supplier calls it; None: as the shop does."""

    @property
    def entity(self) -> str:
        """The id of the offer's topic."""
        return f"{self.sku}/{self.supplier}"

    def document(self) -> OfferDocument:
        """The terms as operators see them."""
        return OfferDocument(
            sku=self.sku,
            supplier=self.supplier,
            cost_minor=self.cost_minor,
            currency=self.currency,
            lead_time_days=self.lead_time_days,
            order_min=self.order_min,
            order_max=self.order_max,
            map_minor=self.map_minor,
            msrp_minor=self.msrp_minor,
            active=self.active,
            supplier_sku=self.supplier_sku,
        )
