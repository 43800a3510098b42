"""What happened to suppliers and their offers. Costs are for operators only."""

from typing import Literal

import msgspec
from typing_extensions import override

from shopwire.kernel.events import Event


class SupplierDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier as operators see it."""

    id: str
    name: str
    status: Literal["active", "paused"]


class SupplierRegistered(Event, frozen=True, kw_only=True):
    """A supplier is known, or has another name."""

    event_type = "suppliers.supplier_registered"
    topic_kind = "supplier"
    audience = "operator"

    document: SupplierDocument


class OfferDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a supplier offers a SKU for."""

    sku: str
    supplier: str
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


class OfferPut(Event, frozen=True, kw_only=True):
    """A supplier offers a SKU, on these terms."""

    event_type = "suppliers.offer_put"
    topic_kind = "offer"
    audience = "operator"

    document: OfferDocument

    @property
    @override
    def home(self) -> str:
        return self.document.sku


class OfferWithdrawn(Event, frozen=True, kw_only=True):
    """A supplier no longer offers a SKU; its last terms stay on record."""

    event_type = "suppliers.offer_withdrawn"
    topic_kind = "offer"
    audience = "operator"

    document: OfferDocument

    @property
    @override
    def home(self) -> str:
        return self.document.sku
