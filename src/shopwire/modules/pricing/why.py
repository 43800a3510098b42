"""The chain of reasons for a price: each step a word, an amount, and whose it is."""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from shopwire.modules.pricing.api import PriceRule, PriceRules
from shopwire.modules.pricing.domain import CostInput, Sale, Traits, Working
from shopwire.modules.pricing.rules import rank_of

StepKind = Literal[
    "cost", "rate", "shipping", "fee", "rule", "floor_margin", "floor_map", "ending", "promotion",
    "compare_at",
]  # fmt: skip


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step from the cost to the price; amounts in the shop's currency unless it says so."""

    kind: StepKind
    amount_minor: int
    """What stands after the step, or, with `cost` and `rate`, what it is about."""
    name: str = ""
    """The supplier's, the rule's, the promotion's."""
    factor_bp: int | None = None
    add_minor: int | None = None
    rate: str | None = None
    currency: str | None = None
    because: tuple[str, ...] = ()
    """Why the rule is the one: what it names of this article."""
    held: bool = False
    """Whether the floor had the last word."""


def steps_of(
    working: Working,
    inputs: Sequence[CostInput],
    rules: PriceRules,
    traits: Traits | None,
    sales: Iterable[Sale],
) -> tuple[Step, ...]:
    """The steps of a price that was worked out, in their order."""
    cost, terms = working.cost, working.terms
    offer = next(one for one in inputs if one.supplier == cost.supplier)
    steps = [
        Step(
            kind="cost", amount_minor=offer.cost_minor, currency=offer.currency, name=cost.supplier
        )
    ]
    if cost.rate is not None:
        used = cost.rate.used()
        steps.append(
            Step(
                kind="rate",
                amount_minor=cost.cost_minor,
                rate=used.rate,
                name=f"{used.base}/{used.quote}",
            )
        )
    if terms.shipping_minor:
        steps.append(
            Step(
                kind="shipping",
                add_minor=terms.shipping_minor,
                amount_minor=cost.cost_minor + terms.shipping_minor,
            )
        )
    if terms.fee_minor:
        steps.append(Step(kind="fee", add_minor=terms.fee_minor, amount_minor=working.landed_minor))
    rule = next((one for one in rules.rules if one.name == terms.rule), None)
    steps.append(
        Step(
            kind="rule",
            name=terms.rule or "",
            factor_bp=terms.factor_bp,
            add_minor=terms.add_minor,
            amount_minor=working.wanted_minor,
            because=_because(rule, traits, cost.supplier, cost.cost_minor) if rule else (),
        )
    )
    return (*steps, *_after_rule(working, sales))


def _after_rule(working: Working, sales: Iterable[Sale]) -> Iterable[Step]:
    floors, last = working.floors, working.last_word
    yield Step(kind="floor_margin", amount_minor=floors.margin_minor, held=last == "margin")
    if floors.map_minor:
        yield Step(kind="floor_map", amount_minor=floors.map_minor, held=last == "map")
    if working.terms.ending_minor is not None:
        yield Step(
            kind="ending",
            amount_minor=working.list_minor,
            add_minor=working.list_minor - max(working.wanted_minor, floors.least_minor),
        )
    for sale in sales:
        if sale is working.sale:
            held = working.amount_minor == floors.least_minor
            yield Step(
                kind="promotion",
                name=sale.promotion,
                amount_minor=working.amount_minor,
                held=held,
            )
    if working.compare_at_minor is not None:
        yield Step(kind="compare_at", amount_minor=working.compare_at_minor)


def _because(
    rule: PriceRule, traits: Traits | None, supplier: str, cost_minor: int
) -> tuple[str, ...]:
    found = []
    if rule.priority:
        found.append(f"priority {rule.priority}")
    when = rule.when
    if when.skus:
        found.append("names the SKU")
    if when.categories and traits is not None:
        found.append(f"category {', '.join(traits.categories)}")
    if when.brands and traits is not None:
        found.append(f"brand {traits.brand}")
    if when.suppliers:
        found.append(f"supplier {supplier}")
    if rank_of(rule)[1] & 1:
        found.append(f"cost of {cost_minor}")
    return tuple(found)
