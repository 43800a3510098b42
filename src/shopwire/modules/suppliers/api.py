"""What others may ask of the suppliers."""

from typing import Any, Final

import msgspec

from shopwire.kernel.commands import Command

NO_SUPPLIER_SKU: Final = b',"supplier_sku":null'
"""How terms without a SKU of the supplier's own say so as JSON. Digests of what a feed said leave
it out: else all that was kept before there were such SKUs would count as news."""


class RegisterSupplier(Command, frozen=True, kw_only=True):
    """Makes a supplier known, or gives a known one another name."""

    operation = "suppliers.register_supplier"

    id: str
    name: str


class PutOffer(Command, frozen=True, kw_only=True):
    """What a supplier offers a SKU for; replaces its earlier offer."""

    operation = "suppliers.put_offer"

    sku: str
    supplier: str
    cost_minor: int
    currency: str
    lead_time_days: int | None = None
    order_min: int = 1
    order_max: int | None = None
    map_minor: int | None = None
    """Minimum advertised price that the supplier demands."""
    msrp_minor: int | None = None
    """Price that the maker suggests; shown as compare-at where it is higher."""
    supplier_sku: str | None = None
    """What the supplier calls it, which purchase orders name; None or blank: as the shop does."""


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One SKU of a supplier's price list; the fields are those of PutOffer."""

    sku: str
    cost_minor: int
    currency: str
    lead_time_days: int | None = None
    order_min: int = 1
    order_max: int | None = None
    map_minor: int | None = None
    msrp_minor: int | None = None
    supplier_sku: str | None = None


class PutOffers(Command, frozen=True, kw_only=True):
    """A supplier's terms for many SKUs; each is taken or refused by itself."""

    operation = "suppliers.put_offers"

    supplier: str
    offers: tuple[Terms, ...]


class WithdrawOffer(Command, frozen=True, kw_only=True):
    """A supplier no longer offers a SKU."""

    operation = "suppliers.withdraw_offer"

    sku: str
    supplier: str


class OfferBefore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An offer as it was before an import, and what the import made of it: the changed fields."""

    sku: str
    supplier: str
    was: dict[str, Any] | None
    """None where there was no offer."""
    now: dict[str, Any]


class RestoreOffers(Command, frozen=True, kw_only=True):
    """Puts back what an import changed of offers of one partition.

    A field that has another value than the import gave it stays as it is: the result names it.
    """

    operation = "suppliers.restore_offers"
    internal = True

    offers: tuple[OfferBefore, ...]
