"""A list price is a pure function of costs and rules."""

from collections.abc import Iterable
from typing import Final

import msgspec

from shopwire.kernel.limits import MONEY_MINOR_MAX
from shopwire.kernel.money import exponent_of
from shopwire.kernel.rows import Row
from shopwire.modules.pricing.api import Markup, PriceRules
from shopwire.modules.pricing.events import PriceDocument, PriceFacts

RULES_ID: Final = "default"
"""A shop has one set of rules."""
RULES_PARTITION: Final = "pricing"
"""The key whose partition the rules live in."""
BASIS: Final = 10_000
"""Basis points of a whole."""


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


class RulesRow(Row, frozen=True, kw_only=True):
    """The shop's rules."""

    table = "price_rules"
    group_field = "id"
    key_fields = ("id",)

    id: str = RULES_ID
    version: int = 0
    rules: PriceRules = PriceRules()


class Quote(msgspec.Struct, frozen=True):
    """What a SKU should cost, and why; no document where nothing can be asked for it."""

    document: PriceDocument | None
    facts: PriceFacts


def quote(sku: str, inputs: Iterable[CostInput], rules: PriceRules, rules_version: int) -> Quote:
    """The price that follows from the cheapest offer (ties: quicker, then by supplier's id)."""
    active = [one for one in inputs if one.active]
    usable = [one for one in active if one.currency == rules.currency]
    if not usable:
        reason = "no offer"
        if active:
            currencies = ", ".join(sorted({one.currency for one in active}))
            reason = f"offers only in {currencies}, the shop sells in {rules.currency}"
        facts = PriceFacts(
            supplier=None, cost_minor=None, rules_version=rules_version, reason=reason
        )
        return Quote(None, facts)
    best = min(
        usable,
        key=lambda one: (one.cost_minor, _days(one.lead_time_days), one.supplier),
    )
    advertised = [one.map_minor for one in usable if one.map_minor is not None]
    least = max(advertised, default=0) if rules.keep_map else 0
    amount, reason = list_price(best.cost_minor, least, rules)
    compare_at = best.msrp_minor if rules.compare_at_msrp else None
    if compare_at is not None and compare_at <= amount:
        compare_at = None
    document = PriceDocument(
        sku=sku, amount_minor=amount, currency=rules.currency, compare_at_minor=compare_at
    )
    facts = PriceFacts(
        supplier=best.supplier,
        cost_minor=best.cost_minor,
        rules_version=rules_version,
        reason=reason,
    )
    return Quote(document, facts)


def _days(lead_time_days: int | None) -> int:
    """An unknown lead time counts as the longest."""
    return 1_000_000 if lead_time_days is None else lead_time_days


def list_price(cost_minor: int, least_minor: int, rules: PriceRules) -> tuple[int, str]:
    """The price for a cost, and which rule had the last word.

    Never below the cost, the margin's floor and `least_minor`; the ending is rounded up to, so
    that it cannot break a floor. Never above MONEY_MINOR_MAX, where all of this yields.
    """
    markup = _markup_for(cost_minor, rules)
    wanted = -(-cost_minor * markup.factor_bp // BASIS) + markup.add_minor
    margin = -(-cost_minor * BASIS // (BASIS - rules.margin_min_bp))
    floors = {"markup": wanted, "margin": max(margin, cost_minor), "map": least_minor}
    reason = max(floors, key=lambda name: floors[name])
    amount = _with_ending(floors[reason], rules)
    return min(amount, MONEY_MINOR_MAX), reason


def _markup_for(cost_minor: int, rules: PriceRules) -> Markup:
    fitting = [rule for rule in rules.markups if rule.cost_from_minor <= cost_minor]
    return max(fitting, key=lambda rule: rule.cost_from_minor, default=Markup())


def _with_ending(amount: int, rules: PriceRules) -> int:
    unit: int = 10 ** exponent_of(rules.currency)
    if rules.ending_minor is None or unit == 1:
        return amount
    return amount + (rules.ending_minor - amount) % unit
