"""From what a command changed to the price that follows: the one place that publishes prices."""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision
from shopwire.kernel.events import Event
from shopwire.kernel.rows import Need, Row, View
from shopwire.modules.pricing.domain import (
    RULES_ID,
    CostInput,
    Price,
    Quote,
    RulesRow,
    Sale,
    Traits,
    quote,
)
from shopwire.modules.pricing.events import PriceChanged, PriceFacts, PriceWithdrawn
from shopwire.modules.pricing.rates import RATES_ID, RatesRow


def needs_of_skus(skus: Iterable[str]) -> Iterable[Need]:
    """All that the prices of these SKUs follow from."""
    yield Need(RulesRow, RULES_ID)
    yield Need(RatesRow, RATES_ID)
    for sku in skus:
        yield Need(CostInput, sku)
        yield Need(Traits, sku)
        yield Need(Sale, sku)
        yield Need(Price, sku)


class Change(msgspec.Struct, frozen=True):
    """Rows to put and the event, if the price is another one."""

    put: Sequence[Row]
    event: Event | None = None


def follow(
    sku: str,
    view: View,
    context: Context,
    *,
    cost: CostInput | None = None,
    traits: Traits | None = None,
    changed: Sequence[Sale] = (),
) -> Change:
    """The price of a SKU with what a command changed of it; what is not given is as it was."""
    inputs = view.all(CostInput, sku)
    if cost is not None:
        inputs = [*(one for one in inputs if one.supplier != cost.supplier), cost]
    sales = view.all(Sale, sku)
    if changed:
        names = {one.promotion for one in changed}
        sales = [*(one for one in sales if one.promotion not in names), *changed]
    rules, rates = view.one(RulesRow, RULES_ID), view.one(RatesRow, RATES_ID)
    given: list[Row] = [*(row for row in (cost, traits) if row is not None), *changed]
    price = view.one(Price, sku) or Price(tenant=context.tenant, sku=sku)
    if not inputs and not price.version:
        return Change(given)
    if rules is None:
        rules = RulesRow(tenant=context.tenant)
    quoted = quote(
        sku,
        inputs,
        rules.rules,
        rules.version,
        traits=traits or view.one(Traits, sku),
        rates=rates.current if rates else None,
        sales=sales,
    )
    return published(price, quoted, given)


def published(price: Price, quoted: Quote, given: Sequence[Row] = ()) -> Change:
    """The price's row and event after a quote; no event where a shopper sees the same."""
    document, facts = quoted.document, quoted.facts
    sale = document.sale if document else None
    after = replace(
        price,
        version=price.version + 1,
        amount_minor=document.amount_minor if document else None,
        currency=document.currency if document else "",
        compare_at_minor=document.compare_at_minor if document else None,
        supplier=facts.supplier,
        reason=facts.reason,
        promotion=facts.promotion,
        regular_minor=quoted.working.list_minor if sale and quoted.working else None,
        sale_ends_at_ms=sale.ends_at_ms if sale else None,
        quota_left=sale.quota_left if sale else None,
    )
    if after.document() == price.document():
        if price.version:
            return Change([*given, replace(after, version=price.version)])
        return Change(given)
    return Change([*given, after], event_of(after, facts))


def event_of(price: Price, facts: PriceFacts) -> Event:
    """That a price is another one, or none any more."""
    document = price.document()
    if document is None:
        return PriceWithdrawn(entity=price.sku, version=price.version, facts=facts)
    return PriceChanged(entity=price.sku, version=price.version, document=document, facts=facts)


def together(changes: Sequence[Change]) -> Decision:
    """Many prices as one decision."""
    events = [change.event for change in changes if change.event is not None]
    return Decision(
        put=[row for change in changes for row in change.put],
        events=events,
        result={"applied": len(events), "unchanged": len(changes) - len(events)},
    )
