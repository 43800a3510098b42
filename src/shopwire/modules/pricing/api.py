"""What others may ask of pricing: rules, costs, rates, what a checkout accepts."""

from typing import Literal

import msgspec

from shopwire.kernel.commands import Command


class Markup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is put on a cost of a range: first times a factor, then plus an amount."""

    cost_from_minor: int = 0
    """The rule holds from this cost on, until the next rule's."""
    factor_bp: int = 10_000
    """Factor in basis points: 16000 makes 1.6 times the cost."""
    add_minor: int = 0


class When(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which articles a rule is for: all of what it names has to fit, and nothing named fits all."""

    cost_from_minor: int = 0
    cost_below_minor: int | None = None
    """The cost in the shop's currency, from (with) and below (without)."""
    skus: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    """Slugs; what lies below a category belongs to it."""
    brands: tuple[str, ...] = ()
    """Capitals make no difference."""
    suppliers: tuple[str, ...] = ()
    """Whose cost the price follows from."""


class PriceRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a price follows from a cost, for some articles.

    One rule decides each price: that of the highest `priority`; among equals the one that names
    SKUs, then categories, then brands, then suppliers, then a range of costs; then the first of
    the list. What it leaves open (None) is as the shop has it.
    """

    name: str
    when: When = When()
    priority: int = 0
    factor_bp: int = 10_000
    """Factor on the cost with shipping and fee, in basis points: 16000 makes 1.6 times."""
    add_minor: int = 0
    shipping_minor: int | None = None
    fee_minor: int | None = None
    fee_bp: int | None = None
    ending_minor: int | None = None
    exact: bool = False
    """No ending: the price stays as it was computed."""
    margin_min_bp: int | None = None
    """A higher least margin than the shop's; a lower one has no effect."""
    compare_at_bp: int | None = None


class PriceRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a list price follows from a cost."""

    currency: str = "EUR"
    """The shop's currency; an offer in another one is converted, if there is a rate."""
    markups: tuple[Markup, ...] = (
        Markup(cost_from_minor=0, factor_bp=20_000),
        Markup(cost_from_minor=2_000, factor_bp=17_000),
        Markup(cost_from_minor=10_000, factor_bp=14_000),
    )
    """By range of cost, for articles that no rule of `rules` is for."""
    rules: tuple[PriceRule, ...] = ()
    shipping_minor: int = 0
    """What sending one unit costs; it is added to the cost."""
    fee_minor: int = 0
    """What each sale of a unit costs besides, such as a payment's fixed fee."""
    fee_bp: int = 0
    """Share of the price that is a fee, in basis points; the floors count it as cost."""
    ending_minor: int | None = 95
    """What a price ends with, in minor units: 95 makes 12.95. None leaves it as it is."""
    margin_min_bp: int = 1_000
    """Least share of the price that is not cost, in basis points: 1000 is 10 percent."""
    keep_map: bool = True
    """Never below the minimum advertised price of any supplier that offers the SKU."""
    compare_at_msrp: bool = True
    """Show the maker's suggested price where it is higher."""
    compare_at_bp: int | None = None
    """Where no suggested price is shown: this share of the price, 12000 for 1.2 times."""


class PutRules(Command, frozen=True, kw_only=True):
    """Replaces the shop's price rules; every price follows."""

    operation = "pricing.put_rules"

    rules: PriceRules
    expected_version: int | None = None
    """Version that the caller has seen; another one means that somebody else was faster."""


class UndoRules(Command, frozen=True, kw_only=True):
    """Goes back to an earlier version of the price rules, as a new version; every price follows."""

    operation = "pricing.undo_rules"

    to_version: int
    """Version whose rules hold again; 0 is what a new shop has."""
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


class DescribeProduct(Command, frozen=True, kw_only=True):
    """Which categories and brand a product's SKUs have: prices follow where rules ask for it."""

    operation = "pricing.describe_product"
    internal = True

    product: str
    skus: tuple[str, ...]
    categories: tuple[str, ...]
    brand: str


class Reprice(Command, frozen=True, kw_only=True):
    """Computes a SKU's price again, after the rules have changed."""

    operation = "pricing.reprice"

    sku: str


class RepriceMany(Command, frozen=True, kw_only=True):
    """Computes the prices of many SKUs again; a price that stays the same writes nothing."""

    operation = "pricing.reprice_many"

    skus: tuple[str, ...]


class RateLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one unit of a currency is worth in another, from a moment on."""

    base: str
    """Currency that costs come in, such as USD."""
    quote: str
    """Currency that they are converted to, such as EUR."""
    rate: str
    """Units of `quote` for one of `base`, as a decimal: `0.9213`; up to 12 places."""
    valid_from_ms: int
    """When it begins to hold; it holds until the next one of the same pair does."""


class PutRates(Command, frozen=True, kw_only=True):
    """Tells exchange rates, past, present or to come; prices follow when a rate begins to hold."""

    operation = "pricing.put_rates"

    rates: tuple[RateLine, ...]


class ApplyRates(Command, frozen=True, kw_only=True):
    """Rates that were told before begin to hold."""

    operation = "pricing.apply_rates"
    internal = True

    at_ms: int


class Accepted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price that a shopper agreed to."""

    sku: str
    amount_minor: int
    currency: str
    quantity: int = 1
    """Units that an order takes at this price; counted where a sale has a quota."""


class ConfirmPrices(Command, frozen=True, kw_only=True):
    """Checks that prices are what a shopper accepted. Without an order it changes nothing.

    Refused with every price that moved, not only the first, so that the shopper is asked once. With
    an order, its units are taken from the quotas of the sales that the prices are from.
    """

    operation = "pricing.confirm_prices"

    lines: tuple[Accepted, ...]
    order: str = ""
    """The order that buys at these prices; each SKU of an order is counted once."""


SaleKind = Literal["percent", "amount", "fixed"]
"""How a promotion makes its price: a share off, an amount off, or the price itself."""


class PutPromotion(Command, frozen=True, kw_only=True):
    """Makes a promotion, or gives a known one other terms while it has not ended.

    It is for the SKUs that it names, or for those that are in its category, also those that come
    into it later. Its price is never below a floor. Of promotions that overlap the lowest price
    counts, they do not add up; of equal prices the one that ends last.
    """

    operation = "pricing.put_promotion"

    id: str
    name: str
    skus: tuple[str, ...] = ()
    category: str | None = None
    """A category's slug, instead of SKUs; what lies below belongs to it."""
    kind: SaleKind
    value: int
    """With `percent` basis points off (2500 is 25 percent), else an amount in minor units."""
    currency: str
    """Of the amount; a promotion in another currency than the shop's has no effect."""
    starts_at_ms: int
    ends_at_ms: int
    quota: int | None = None
    """Units of each SKU that are sold at this price; then the SKU's price goes back."""
    expected_version: int | None = None


class EndPromotion(Command, frozen=True, kw_only=True):
    """Ends a promotion now; its prices go back. It cannot be taken up again."""

    operation = "pricing.end_promotion"

    id: str
    expected_version: int | None = None


class NotePromotion(Command, frozen=True, kw_only=True):
    """A promotion has reached all its SKUs."""

    operation = "pricing.note_promotion"
    internal = True

    id: str
    of_version: int
    """Version of the promotion whose SKUs these are."""
    skus_count: int


class EnterSales(Command, frozen=True, kw_only=True):
    """A promotion's terms reach some of its SKUs, all of one partition."""

    operation = "pricing.enter_sales"
    internal = True

    promotion: str
    terms_version: int
    """Version of the promotion that these terms are of; older ones come too late."""
    skus: tuple[str, ...]
    kind: SaleKind
    value: int
    currency: str
    starts_at_ms: int
    ends_at_ms: int
    quota: int | None
    bucket: int
    """Which part of the promotion's SKUs this is: they are switched together."""
    ended: bool = False
    """The promotion is over, or no longer for these SKUs."""


class SwitchSales(Command, frozen=True, kw_only=True):
    """A promotion begins or ends for some SKUs, because its time has come."""

    operation = "pricing.switch_sales"
    internal = True

    promotion: str
    skus: tuple[str, ...]
    at_ms: int
    """The moment as of which it is switched."""


class Keep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many units of a SKU an order still stands for."""

    sku: str
    units: int


class SettleSale(Command, frozen=True, kw_only=True):
    """An order has come to less: what it no longer stands for goes back into the sale's quota."""

    operation = "pricing.settle_sale"
    internal = True

    order: str
    keeps: tuple[Keep, ...]
