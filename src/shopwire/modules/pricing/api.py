"""What others may ask of pricing."""

import msgspec

from shopwire.kernel.commands import Command


class Markup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is put on a cost of a range: first times a factor, then plus an amount."""

    cost_from_minor: int = 0
    """The rule holds from this cost on, until the next rule's."""
    factor_bp: int = 10_000
    """Factor in basis points: 16000 makes 1.6 times the cost."""
    add_minor: int = 0


class PriceRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a list price follows from a cost."""

    currency: str = "EUR"
    """The shop's currency; an offer in another one gives no price."""
    markups: tuple[Markup, ...] = (
        Markup(cost_from_minor=0, factor_bp=20_000),
        Markup(cost_from_minor=2_000, factor_bp=17_000),
        Markup(cost_from_minor=10_000, factor_bp=14_000),
    )
    ending_minor: int | None = 95
    """What a price ends with, in minor units: 95 makes 12.95. None leaves it as it is."""
    margin_min_bp: int = 1_000
    """Least share of the price that is not cost, in basis points: 1000 is 10 percent."""
    keep_map: bool = True
    """Never below the minimum advertised price of any supplier that offers the SKU."""
    compare_at_msrp: bool = True
    """Show the maker's suggested price where it is higher."""


class PutRules(Command, frozen=True, kw_only=True):
    """Replaces the shop's price rules; every price follows."""

    operation = "pricing.put_rules"

    rules: PriceRules
    expected_version: int | None = None
    """Version that the caller has seen; another one means that somebody else was faster."""


class ApplyCost(Command, frozen=True, kw_only=True):
    """A supplier's terms for a SKU changed: the price follows."""

    operation = "pricing.apply_cost"

    sku: str
    supplier: str
    cost_minor: int
    currency: str
    lead_time_days: int | None
    map_minor: int | None
    msrp_minor: int | None
    active: bool


class Reprice(Command, frozen=True, kw_only=True):
    """Computes a SKU's price again, after the rules have changed."""

    operation = "pricing.reprice"

    sku: str


class Accepted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price that a shopper agreed to."""

    sku: str
    amount_minor: int
    currency: str


class ConfirmPrices(Command, frozen=True, kw_only=True):
    """Checks that prices are what a shopper accepted. It changes nothing.

    Refused with every price that moved, not only the first, so that the shopper is asked once.
    """

    operation = "pricing.confirm_prices"

    lines: tuple[Accepted, ...]
