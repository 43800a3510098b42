"""What happened to prices."""

import msgspec

from shopwire.kernel.events import Event
from shopwire.modules.pricing.api import PriceRules


class PriceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a shopper sees."""

    sku: str
    amount_minor: int
    currency: str
    compare_at_minor: int | None


class PriceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Why a price is what it is; stays on the server."""

    supplier: str | None
    """Whose cost it follows from."""
    cost_minor: int | None
    rules_version: int
    reason: str


class PriceChanged(Event, frozen=True, kw_only=True):
    """A SKU has another price."""

    event_type = "pricing.price_changed"
    topic_kind = "price"

    document: PriceDocument
    facts: PriceFacts


class PriceWithdrawn(Event, frozen=True, kw_only=True):
    """A SKU has no price any more: nobody offers it in the shop's currency."""

    event_type = "pricing.price_withdrawn"
    topic_kind = "price"

    document: None = None
    facts: PriceFacts


class RulesDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The rules as operators see them."""

    rules: PriceRules


class RulesPut(Event, frozen=True, kw_only=True):
    """Other rules hold from now on."""

    event_type = "pricing.rules_put"
    topic_kind = "rules"
    audience = "operator"

    document: RulesDocument
