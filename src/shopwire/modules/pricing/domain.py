"""A price is a pure function of costs, rules, rates and the promotions that run."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from shopwire.kernel.limits import MONEY_MINOR_MAX
from shopwire.kernel.rows import Row
from shopwire.modules.pricing.api import PriceRules, SaleKind
from shopwire.modules.pricing.events import PriceDocument, PriceFacts, PromotionDocument, SaleView
from shopwire.modules.pricing.floors import BASIS, Floors, clamp, floors_of
from shopwire.modules.pricing.rates import Converter, Rate, boasted, owed
from shopwire.modules.pricing.rules import Article, Book, Terms, book_of

RULES_ID: Final = "default"
"""A shop has one set of rules."""
LATE_BUCKET: Final = 1_000_000
"""The part of a promotion that takes those who came after it was put."""
RULES_PARTITION: Final = "pricing"
"""The key whose partition rules, rates and promotions live in."""


class CostInput(Row, frozen=True, kw_only=True):
    """What pricing knows of one supplier's offer."""

    table = "price_input"
    group_field = "sku"
    key_fields = ("sku", "supplier")

    sku: str
    supplier: str
    cost_minor: int
    currency: str
    lead_time_days: int | None
    map_minor: int | None
    msrp_minor: int | None
    active: bool


class Traits(Row, frozen=True, kw_only=True):
    """What rules ask of a SKU: the categories and the brand of its product."""

    table = "price_traits"
    group_field = "sku"
    key_fields = ("sku",)

    sku: str
    product: str = ""
    categories: tuple[str, ...] = ()
    """Slugs that its product is directly in."""
    brand: str = ""


class Sale(Row, frozen=True, kw_only=True):
    """A promotion's terms at one SKU, and how many units were taken at its price."""

    table = "price_sale"
    group_field = "sku"
    key_fields = ("sku", "promotion")

    sku: str
    promotion: str
    terms_version: int
    kind: SaleKind
    value: int
    currency: str
    starts_at_ms: int
    ends_at_ms: int
    quota: int | None
    taken: int = 0
    state: Literal["planned", "running", "ended"] = "planned"
    bucket: int = 0

    @property
    def left(self) -> int | None:
        """Units that may still be sold at this price; None for as many as there are."""
        return None if self.quota is None else self.quota - self.taken

    def having_sold(self, taken: int) -> "Sale":
        """The same after so many units; a smaller quota cannot unsell what was sold."""
        quota = None if self.quota is None else max(self.quota, taken)
        return replace(self, taken=taken, quota=quota)

    @property
    def sells(self) -> bool:
        """Whether the price is its own right now, as far as time and quota go."""
        return self.state == "running" and self.left != 0


class SaleUnits(Row, frozen=True, kw_only=True):
    """Units that an order took out of a sale's quota; it lives with the SKU."""

    table = "price_sale_units"
    group_field = "order_id"
    key_fields = ("order_id", "sku")

    order_id: str
    sku: str
    promotion: str
    units: int


class Price(Row, frozen=True, kw_only=True):
    """A SKU's price as it was last published; no amount where it has none."""

    table = "price"
    group_field = "sku"
    key_fields = ("sku",)

    sku: str
    version: int = 0
    amount_minor: int | None = None
    currency: str = ""
    compare_at_minor: int | None = None
    supplier: str | None = None
    reason: str = ""
    promotion: str | None = None
    """Whose price it is, while it is one's."""
    regular_minor: int | None = None
    """The price without the promotion."""
    sale_ends_at_ms: int | None = None
    quota_left: int | None = None

    def document(self) -> PriceDocument | None:
        """The price as a shopper sees it, None where there is none."""
        if self.amount_minor is None:
            return None
        sale = None
        if self.sale_ends_at_ms is not None:
            sale = SaleView(ends_at_ms=self.sale_ends_at_ms, quota_left=self.quota_left)
        return PriceDocument(
            sku=self.sku,
            amount_minor=self.amount_minor,
            currency=self.currency,
            compare_at_minor=self.compare_at_minor,
            sale=sale,
        )

    def asked_at(self, now_ms: int) -> int | None:
        """What is asked at a moment.

        From its end on a sale's price is none any more, even before that is published.
        """
        if self.sale_ends_at_ms is not None and now_ms >= self.sale_ends_at_ms:
            return self.regular_minor
        return self.amount_minor


class RulesRow(Row, frozen=True, kw_only=True):
    """The shop's rules."""

    table = "price_rules"
    group_field = "id"
    key_fields = ("id",)

    id: str = RULES_ID
    version: int = 0
    rules: PriceRules = PriceRules()
    undo_to: int | None = None
    """The version that an undo goes to."""


class RulesVersion(Row, frozen=True, kw_only=True):
    """Rules as they were put once; what an undo takes them from."""

    table = "price_rules_version"
    group_field = "place"
    key_fields = ("place",)
    # The row of the rules proves which version it is.
    blind = True

    place: str
    """The version's number as a text, by which it is asked for."""
    version: int
    rules: PriceRules
    undo_to: int | None
    returns_to: int | None
    put_by: str
    put_at_ms: int


class Promotion(Row, frozen=True, kw_only=True):
    """A promotion as it was put; what it does at a SKU is a `Sale`."""

    table = "price_promotion"
    group_field = "id"
    key_fields = ("id",)

    id: str
    version: int = 0
    terms_version: int = 0
    """Version in which its terms were put, or it was ended."""
    name: str
    skus: tuple[str, ...]
    category: str | None
    kind: SaleKind
    value: int
    currency: str
    starts_at_ms: int
    ends_at_ms: int
    quota: int | None
    ended: bool = False
    """By hand, before its time."""
    skus_count: int | None = None
    put_by: str
    put_at_ms: int

    def document(self) -> PromotionDocument:
        """The promotion as operators see it."""
        return PromotionDocument(
            id=self.id,
            name=self.name,
            skus=self.skus,
            category=self.category,
            kind=self.kind,
            value=self.value,
            currency=self.currency,
            starts_at_ms=self.starts_at_ms,
            ends_at_ms=self.ends_at_ms,
            quota=self.quota,
            status="ended" if self.ended else "planned",
            skus_count=self.skus_count,
            by=self.put_by,
            at_ms=self.put_at_ms,
        )


class CategorySale(msgspec.Struct, frozen=True, kw_only=True):
    """The terms of a promotion that is for a category."""

    promotion: str
    terms_version: int
    category: str
    kind: SaleKind
    value: int
    currency: str
    starts_at_ms: int
    ends_at_ms: int
    quota: int | None

    def at(self, tenant: str, sku: str) -> Sale:
        """The promotion at an article that has come into the category."""
        return Sale(
            tenant=tenant,
            sku=sku,
            promotion=self.promotion,
            terms_version=self.terms_version,
            kind=self.kind,
            value=self.value,
            currency=self.currency,
            starts_at_ms=self.starts_at_ms,
            ends_at_ms=self.ends_at_ms,
            quota=self.quota,
            bucket=LATE_BUCKET,
        )


class CategorySales(Row, frozen=True, kw_only=True):
    """The promotions for categories that are not over: who comes into one later finds them."""

    table = "price_category_sales"
    group_field = "id"
    key_fields = ("id",)

    id: str = RULES_ID
    open: tuple[CategorySale, ...] = ()


class Cost(msgspec.Struct, frozen=True):
    """The offer that a price follows from, in the shop's currency."""

    supplier: str
    cost_minor: int
    map_minor: int
    """The highest minimum that any offer demands; 0 for none."""
    msrp_minor: int | None
    rate: Rate | None


class Working(msgspec.Struct, frozen=True):
    """Every number on the way from a cost to a price."""

    cost: Cost
    terms: Terms
    landed_minor: int
    """Cost with shipping and fixed fee."""
    wanted_minor: int
    """What the rule alone would ask."""
    floors: Floors
    last_word: Literal["markup", "margin", "map"]
    list_minor: int
    """The list price, with its ending."""
    compare_at_minor: int | None
    sale: Sale | None
    amount_minor: int

    @property
    def margin_minor(self) -> int:
        """What is left of the price after cost, shipping and fees."""
        fee = -(-self.amount_minor * self.terms.fee_bp // BASIS)
        return self.amount_minor - self.landed_minor - fee


class Quote(msgspec.Struct, frozen=True):
    """What a SKU should cost, and why; no document where nothing can be asked for it."""

    document: PriceDocument | None
    facts: PriceFacts
    working: Working | None = None


def quote(
    sku: str,
    inputs: Iterable[CostInput],
    rules: PriceRules,
    rules_version: int,
    *,
    traits: Traits | None = None,
    rates: Mapping[str, Rate] | None = None,
    sales: Iterable[Sale] = (),
) -> Quote:
    """The price that follows from the cheapest offer (ties: quicker, then by supplier's id)."""
    active = [one for one in inputs if one.active]
    found = cheapest(active, Converter(rates or {}, rules.currency), keep_map=rules.keep_map)
    if found is None:
        facts = PriceFacts(
            supplier=None,
            cost_minor=None,
            rules_version=rules_version,
            reason=_why_none(active, rules.currency),
        )
        return Quote(None, facts)
    article = Article(
        sku, found.supplier, traits.categories if traits else (), traits.brand if traits else ""
    )
    working = work_out(found, article, book_of(rules), sales)
    sale = working.sale
    document = PriceDocument(
        sku=sku,
        amount_minor=working.amount_minor,
        currency=rules.currency,
        compare_at_minor=working.compare_at_minor,
        sale=SaleView(ends_at_ms=sale.ends_at_ms, quota_left=sale.left) if sale else None,
    )
    facts = PriceFacts(
        supplier=found.supplier,
        cost_minor=found.cost_minor,
        rules_version=rules_version,
        reason="promotion" if sale else working.last_word,
        rule=working.terms.rule,
        rate=found.rate.used() if found.rate else None,
        promotion=sale.promotion if sale else None,
    )
    return Quote(document, facts, working)


def _why_none(active: list[CostInput], currency: str) -> str:
    if not active:
        return "no offer"
    currencies = ", ".join(sorted({one.currency for one in active}))
    return f"offers only in {currencies}, and there is no rate to {currency}"


def cheapest(active: Iterable[CostInput], converter: Converter, *, keep_map: bool) -> Cost | None:
    """The best offer of those whose currency has a rate; what the others demand cannot be told."""
    best: tuple[int, int, str] | None = None
    taken: CostInput | None = None
    share: tuple[int, int, Rate | None] = (1, 1, None)
    least = 0
    for one in active:
        found = converter.share(one.currency)
        if found is None:
            continue
        over, under, _ = found
        if keep_map and one.map_minor is not None:
            least = max(least, owed(one.map_minor, over, under))
        rank = (owed(one.cost_minor, over, under), _days(one.lead_time_days), one.supplier)
        if best is None or rank < best:
            best, taken, share = rank, one, found
    if best is None or taken is None:
        return None
    over, under, rate = share
    msrp = None if taken.msrp_minor is None else boasted(taken.msrp_minor, over, under)
    return Cost(taken.supplier, best[0], least, msrp, rate)


def _days(lead_time_days: int | None) -> int:
    """An unknown lead time counts as the longest."""
    return 1_000_000 if lead_time_days is None else lead_time_days


def work_out(cost: Cost, article: Article, book: Book, sales: Iterable[Sale] = ()) -> Working:
    """From a cost to a price: rule, floors and ending make the list price, a promotion lowers it.

    Both end in `clamp`, so that no stack of them goes below a floor.
    """
    rules, terms = book.rules, book.terms_for(article, cost.cost_minor)
    landed = cost.cost_minor + terms.shipping_minor + terms.fee_minor
    wanted = -(-landed * terms.factor_bp // BASIS) + terms.add_minor
    floors = floors_of(
        landed, cost.map_minor, fee_bp=terms.fee_bp, margin_min_bp=terms.margin_min_bp
    )
    listed = clamp(wanted, floors, rules.currency, terms.ending_minor)
    amount, sale = _on_sale(listed, floors, rules.currency, sales)
    compare_at = listed if sale else _compare_at(listed, cost, terms, rules)
    return Working(
        cost=cost,
        terms=terms,
        landed_minor=landed,
        wanted_minor=wanted,
        floors=floors,
        last_word=_last_word(wanted, floors),
        list_minor=listed,
        compare_at_minor=compare_at,
        sale=sale,
        amount_minor=amount,
    )


def _last_word(wanted_minor: int, floors: Floors) -> Literal["markup", "margin", "map"]:
    if wanted_minor >= floors.least_minor:
        return "markup"
    return "margin" if floors.margin_minor >= floors.map_minor else "map"


def _on_sale(
    listed: int, floors: Floors, currency: str, sales: Iterable[Sale]
) -> tuple[int, Sale | None]:
    """The lowest price of the promotions that run; of equal ones that which ends last.

    One that the floors leave nothing of is none.
    """
    best: tuple[int, int, str] | None = None
    chosen: Sale | None = None
    for sale in sales:
        if not sale.sells or sale.currency != currency:
            continue
        amount = clamp(_reduced(listed, sale), floors, currency, None)
        rank = (amount, -sale.ends_at_ms, sale.promotion)
        if amount < listed and (best is None or rank < best):
            best, chosen = rank, sale
    return (listed, None) if best is None else (best[0], chosen)


def _reduced(listed: int, sale: Sale) -> int:
    """What a promotion alone would ask; a share is rounded up to the minor unit."""
    if sale.kind == "percent":
        return -(-listed * (BASIS - sale.value) // BASIS)
    return listed - sale.value if sale.kind == "amount" else sale.value


def _compare_at(listed: int, cost: Cost, terms: Terms, rules: PriceRules) -> int | None:
    if rules.compare_at_msrp and cost.msrp_minor is not None and cost.msrp_minor > listed:
        return cost.msrp_minor
    if terms.compare_at_bp is not None:
        shown = min(-(-listed * terms.compare_at_bp // BASIS), MONEY_MINOR_MAX)
        return shown if shown > listed else None
    return None


def list_price(cost_minor: int, least_minor: int, rules: PriceRules) -> tuple[int, str]:
    """The list price for a cost by the markups alone, and which of them had the last word.

    Never below the cost, the margin's floor and `least_minor`; never above MONEY_MINOR_MAX.
    """
    cost = Cost("", cost_minor, least_minor, None, None)
    working = work_out(cost, Article(""), book_of(rules))
    return working.list_minor, working.last_word
