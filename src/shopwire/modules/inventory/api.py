"""What others may ask of the inventory."""

import msgspec

from shopwire.kernel.commands import Command


class ReportStock(Command, frozen=True, kw_only=True):
    """A supplier says how many units of a SKU it has.

    `as_of_ms` is the moment the count was taken: sales up to then are in it. Without one the
    count is read conservatively: no sale is taken to be in it.
    """

    operation = "inventory.report_stock"

    sku: str
    supplier: str
    quantity: int
    as_of_ms: int | None = None
    reference: str = ""
    """Where the count comes from, for the ledger: an import's run."""


class Count(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One SKU of a supplier's report."""

    sku: str
    quantity: int


class ReportStocks(Command, frozen=True, kw_only=True):
    """A supplier's counts of many SKUs of one partition; each is taken or refused by itself."""

    operation = "inventory.report_stocks"

    supplier: str
    counts: tuple[Count, ...]
    as_of_ms: int | None = None
    reference: str = ""


class SellStock(Command, frozen=True, kw_only=True):
    """Sells units of a SKU from whichever suppliers have them, all or nothing."""

    operation = "inventory.sell_stock"

    sku: str
    quantity: int
    reference: str = ""
    """What it was sold for, for the ledger: an order."""


class SetPolicy(Command, frozen=True, kw_only=True):
    """How careful the shop is with a SKU."""

    operation = "inventory.set_policy"

    sku: str
    buffer: int = 0
    """Units of each supplier that are never sold: they may be gone already."""
    low_threshold: int = 5
    """From how many units on a screen says that few are left."""
