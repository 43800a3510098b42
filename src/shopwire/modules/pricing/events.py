"""What happened to prices."""

from typing import Literal

import msgspec

from shopwire.kernel.events import Event
from shopwire.modules.pricing.api import PriceRules, SaleKind


class SaleView(msgspec.Struct, frozen=True, kw_only=True):
    """A sale as a shopper sees it; the price without it is the document's compare-at."""

    ends_at_ms: int
    quota_left: int | None
    """Units that are left at this price; None where there are as many as there is stock."""


class PriceDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a shopper sees."""

    sku: str
    amount_minor: int
    currency: str
    compare_at_minor: int | None
    sale: SaleView | None = None
    """There while the price is a promotion's."""


class RateUsed(msgspec.Struct, frozen=True, kw_only=True):
    """The exchange rate that a cost was converted by."""

    base: str
    quote: str
    rate: str
    valid_from_ms: int


class PriceFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a price is what it is; stays on the server."""

    supplier: str | None
    """Whose cost it follows from."""
    cost_minor: int | None
    """In the shop's currency."""
    rules_version: int
    reason: str
    """What had the last word: the rule's markup, the floor of margin or map, a promotion."""
    rule: str | None = None
    """Name of the rule that decided; None for the markups by range of cost."""
    rate: RateUsed | None = None
    promotion: str | None = None


class PriceChanged(Event, frozen=True, kw_only=True):
    """A SKU has another price."""

    event_type = "pricing.price_changed"
    topic_kind = "price"

    document: PriceDocument
    facts: PriceFacts


class SaleSoldOut(Event, frozen=True, kw_only=True):
    """The last unit of a sale's quota was taken: the price is the one without it again."""

    event_type = "pricing.sale_sold_out"
    topic_kind = "price"

    document: PriceDocument
    facts: PriceFacts


class PriceWithdrawn(Event, frozen=True, kw_only=True):
    """A SKU has no price any more: nobody offers it in the shop's currency."""

    event_type = "pricing.price_withdrawn"
    topic_kind = "price"

    document: None = None
    facts: PriceFacts


class RulesDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The rules as operators see them."""

    rules: PriceRules
    by: str = ""
    """Who put them."""
    at_ms: int = 0
    returns_to: int | None = None
    """The version whose rules these are again, after an undo."""
    undo_to: int | None = None
    """The version that an undo goes to; None where there is none."""


class RulesPut(Event, frozen=True, kw_only=True):
    """Other rules hold from now on."""

    event_type = "pricing.rules_put"
    topic_kind = "rules"
    audience = "operator"

    document: RulesDocument


class RulesUndone(Event, frozen=True, kw_only=True):
    """Rules of an earlier version hold again."""

    event_type = "pricing.rules_undone"
    topic_kind = "rules"
    audience = "operator"

    document: RulesDocument


class RatesDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The exchange rates that hold, and how many are to come."""

    rates: tuple[RateUsed, ...]
    coming: tuple[RateUsed, ...]


class RatesFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Which currencies' costs are worth something else now."""

    currencies: tuple[str, ...]


class RatesChanged(Event, frozen=True, kw_only=True):
    """Other exchange rates hold, or are to come."""

    event_type = "pricing.rates_changed"
    topic_kind = "rates"
    audience = "operator"

    document: RatesDocument
    facts: RatesFacts


class PromotionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A promotion as operators see it."""

    id: str
    name: str
    skus: tuple[str, ...]
    category: str | None
    kind: SaleKind
    value: int
    currency: str
    starts_at_ms: int
    ends_at_ms: int
    quota: int | None
    status: Literal["planned", "ended"]
    """`ended` by hand; whether its time has come or gone is told by the two moments."""
    skus_count: int | None
    """SKUs that it has reached; None while it is on its way to them."""
    by: str
    at_ms: int


class PromotionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What consumers need besides."""

    terms_version: int


class _OfPromotion(Event, frozen=True, kw_only=True):
    topic_kind = "promotion"
    audience = "operator"

    document: PromotionDocument
    facts: PromotionFacts


class PromotionPut(_OfPromotion, frozen=True, kw_only=True):
    """A promotion is new, or has other terms."""

    event_type = "pricing.promotion_put"


class PromotionEnded(_OfPromotion, frozen=True, kw_only=True):
    """A promotion was ended before its time."""

    event_type = "pricing.promotion_ended"


class PromotionReady(_OfPromotion, frozen=True, kw_only=True):
    """A promotion has reached all its SKUs: it can begin, or has gone from them."""

    event_type = "pricing.promotion_ready"
