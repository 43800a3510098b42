"""What the console reads of prices: rules and their history, rates, promotions, why a price is."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

import msgspec

from shopwire.kernel.errors import NotFound
from shopwire.kernel.queries import Reads
from shopwire.modules.pricing.api import PriceRules
from shopwire.modules.pricing.domain import CostInput, Promotion, Sale, Traits, quote
from shopwire.modules.pricing.rates import RATE_DIGITS, Converter, Rate, RatesRow
from shopwire.modules.pricing.store import SQL, rates_of, rules_of
from shopwire.modules.pricing.why import Step, steps_of

VERSIONS_SHOWN_MAX: Final = 50
"""Versions of the rules that the history shows; older ones are in the log."""
PROMOTIONS_SHOWN_MAX: Final = 200
"""Promotions that the list shows, the latest to end first."""
RATES_TOLD_SHOWN_MAX: Final = 100
"""Rates that the history shows, the last told first."""


async def read_rules(reads: Reads, tenant: str) -> dict[str, Any]:
    """The shop's rules and their version; the built-in ones have version 0."""
    for row in await reads.fetch(SQL["all_rules"]):
        if row["tenant"] == tenant:
            return {
                "version": row["version"],
                "rules": rules_of(row["rules"]),
                "undo_to": row["undo_to"],
            }
    return {"version": 0, "rules": PriceRules(), "undo_to": None}


async def read_history(reads: Reads, tenant: str) -> list[dict[str, Any]]:
    """The versions of the rules, newest first: who put them and when."""
    rows = await reads.fetch(SQL["rules_versions"], tenant, VERSIONS_SHOWN_MAX)
    return [
        {
            "version": row["version"],
            "returns_to": row["returns_to"],
            "undo_to": row["undo_to"],
            "by": row["put_by"],
            "at_ms": row["put_at_ms"],
            "rules": rules_of(row["rules"]),
        }
        for row in rows
    ]


async def rates_wanted(
    reads: Reads, tenant: str, currencies: Iterable[str]
) -> tuple[list[str], str]:
    """Of some currencies those that no rate leads from to the shop's; and the shop's."""
    rules: PriceRules = (await read_rules(reads, tenant))["rules"]
    current: dict[str, Rate] = {}
    for found in await reads.fetch(SQL["rates"], tenant):
        current = rates_of(found["current"])
    converter = Converter(current, rules.currency)
    wanted = sorted(one for one in set(currencies) if converter.share(one) is None)
    return wanted, rules.currency


async def read_rates(reads: Reads, tenant: str) -> dict[str, Any]:
    """The exchange rates that hold, those to come, and what was told last."""
    row = RatesRow(tenant=tenant)
    for found in await reads.fetch(SQL["rates"], tenant):
        row = RatesRow(
            tenant=tenant,
            version=found["version"],
            current=rates_of(found["current"]),
            coming=msgspec.convert(found["coming"], tuple[Rate, ...]),
        )
    told = await reads.fetch(SQL["rates_told"], tenant, RATES_TOLD_SHOWN_MAX)
    document = row.document()
    return {
        "version": row.version,
        "rates": document.rates,
        "coming": document.coming,
        "wanted": await _unpriced(reads, tenant),
        "told": [
            {
                "pair": one["pair"],
                "rate": f"{Decimal(one['rate_pico']).scaleb(-RATE_DIGITS).normalize():f}",
                "valid_from_ms": one["valid_from_ms"],
                "by": one["told_by"],
                "at_ms": one["told_at_ms"],
            }
            for one in told
        ],
    }


async def _unpriced(reads: Reads, tenant: str) -> list[dict[str, Any]]:
    """The currencies that lack a rate, and how many articles have no price because of it."""
    found = {
        row["currency"]: row["skus"]
        for row in await reads.fetch(SQL["unpriced_currencies"], tenant)
    }
    wanted, _ = await rates_wanted(reads, tenant, found)
    return [{"currency": one, "skus": skus} for one, skus in found.items() if one in wanted]


async def read_promotions(reads: Reads, tenant: str) -> list[dict[str, Any]]:
    """The promotions, the latest to end first, with how they sell."""
    rows = await reads.fetch(SQL["promotions"], tenant, PROMOTIONS_SHOWN_MAX)
    return [dict(row) for row in rows]


async def read_promotion(reads: Reads, tenant: str, promotion: str) -> Promotion | None:
    """One promotion's terms."""
    for row in await reads.fetch(SQL["promotion"], tenant, promotion):
        return Promotion(
            tenant=tenant, **{name: row[name] for name in row if name != "skus"},
            skus=tuple(row["skus"]),
        )  # fmt: skip
    return None


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """Why a price is what it is, step by step."""

    sku: str
    amount_minor: int | None
    currency: str
    reason: str
    rule: str | None
    promotion: str | None
    margin_minor: int | None
    """What is left after cost, shipping and fees."""
    rules_version: int
    steps: tuple[Step, ...]


async def explain_price(reads: Reads, tenant: str, sku: str) -> Why:
    """The way from the costs of now to the price of now; raises NotFound."""
    inputs = [
        CostInput(**{name: row[name] for name in CostInput.__struct_fields__})
        for row in await reads.fetch(SQL["why"], tenant, sku)
    ]
    if not inputs:
        raise NotFound(what="price", id=sku)
    traits: Traits | None = None
    for row in await reads.fetch(SQL["why_traits"], tenant, sku):
        traits = Traits(
            tenant=tenant,
            sku=sku,
            product=row["product"],
            categories=tuple(row["categories"]),
            brand=row["brand"],
        )
    sales = [
        Sale(**{name: row[name] for name in Sale.__struct_fields__})
        for row in await reads.fetch(SQL["why_sales"], tenant, sku)
    ]
    rules = await read_rules(reads, tenant)
    rates: dict[str, Rate] = {}
    for row in await reads.fetch(SQL["rates"], tenant):
        rates = rates_of(row["current"])
    quoted = quote(
        sku, inputs, rules["rules"], rules["version"], traits=traits, rates=rates, sales=sales
    )
    document, facts, working = quoted.document, quoted.facts, quoted.working
    return Why(
        sku=sku,
        amount_minor=document.amount_minor if document else None,
        currency=rules["rules"].currency,
        reason=facts.reason,
        rule=facts.rule,
        promotion=facts.promotion,
        margin_minor=working.margin_minor if working else None,
        rules_version=rules["version"],
        steps=steps_of(working, inputs, rules["rules"], traits, sales) if working else (),
    )
