"""How pricing's rows are kept, walks over all of them, and how prices are audited."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from shopwire.kernel.checks import DRIFTS_MAX, Drift, SqlCheck
from shopwire.kernel.ids import partition_of
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Table
from shopwire.modules.pricing.api import PriceRules
from shopwire.modules.pricing.domain import (
    CategorySales,
    CostInput,
    Price,
    Promotion,
    RulesRow,
    RulesVersion,
    Sale,
    SaleUnits,
    Traits,
    quote,
)
from shopwire.modules.pricing.rates import Rate, RatesRow, RateTold

SQL: Final = load_queries("shopwire.modules.pricing")
"""The module's queries by name."""

TABLES: Final = tuple(
    Table(kind, SQL[f"load_{kind.table}"], SQL[f"save_{kind.table}"])
    for kind in (
        CostInput, Price, RulesRow, Traits, Sale, SaleUnits, RulesVersion, RatesRow, RateTold,
        Promotion, CategorySales,
    )
)  # fmt: skip

AUDIT_SKUS_MAX: Final = 20_000
"""SKUs that the audit compares at once; fewer would join the tables once for each few."""
WALK_SKUS_MAX: Final = 4_000
"""SKUs that a walk over all prices reads at once."""
COMMAND_SKUS_MAX: Final = 250
"""SKUs of one partition that one command of a walk is about."""


class Part(msgspec.Struct, frozen=True):
    """SKUs of one partition."""

    number: int
    """Which part of the walk it is, from 0."""
    skus: tuple[str, ...]


async def walk(
    reads: Reads, tenant: str, query: str, *arguments: Any
) -> AsyncIterator[Sequence[Part]]:
    """All SKUs that a query finds, in parts that lie in one partition each.

    The query takes tenant, the last SKU and a limit, then the arguments. What is in one partition
    waits in that partition's lane only, and partitions work side by side.
    """
    partitions = (await reads.fetch(SQL["partitions"]))[0]["partitions"]
    last, number = "", 0
    while rows := await reads.fetch(query, tenant, last, WALK_SKUS_MAX, *arguments):
        skus = [row["sku"] for row in rows]
        parts = split(tenant, skus, partitions, number)
        yield parts
        last, number = skus[-1], number + len(parts)


def split(tenant: str, skus: Iterable[str], partitions: int, number: int = 0) -> list[Part]:
    """SKUs in parts of one partition each, numbered from `number` on."""
    homes: dict[int, list[str]] = {}
    for sku in skus:
        homes.setdefault(partition_of(tenant, sku, partitions), []).append(sku)
    cuts = [
        tuple(own[at : at + COMMAND_SKUS_MAX])
        for own in homes.values()
        for at in range(0, len(own), COMMAND_SKUS_MAX)
    ]
    return [Part(number + place, cut) for place, cut in enumerate(cuts)]


class Subject(msgspec.Struct, frozen=True):
    """All that one SKU's price follows from besides rules and rates, and the price as it is."""

    sku: str
    inputs: list[CostInput]
    traits: Traits | None
    sales: list[Sale]
    row: Mapping[str, Any]


_COST: Final = (
    "supplier", "cost_minor", "currency", "lead_time_days", "map_minor", "msrp_minor", "active",
)  # fmt: skip
_SALE: Final = (
    "promotion", "terms_version", "kind", "value", "currency", "starts_at_ms", "ends_at_ms",
    "quota", "taken", "state", "bucket",
)  # fmt: skip


def subject_of(row: Mapping[str, Any]) -> Subject:
    """A row of `inputs_after` as what `quote` takes."""
    tenant, sku = row["tenant"], row["sku"]
    traits = None
    if row["product"] is not None:
        traits = Traits(
            tenant=tenant,
            sku=sku,
            product=row["product"],
            categories=tuple(row["categories"]),
            brand=row["brand"],
        )
    return Subject(
        sku,
        [
            CostInput(tenant=tenant, sku=sku, **dict(zip(_COST, one, strict=True)))
            for one in row["costs"]
        ],
        traits,
        [
            Sale(tenant=tenant, sku=sku, **dict(zip(_SALE, one, strict=True)))
            for one in row["sales"] or ()
        ],
        row,
    )


def rules_of(stored: Any) -> PriceRules:
    """Rules as they are stored; those of an earlier release have the defaults of now."""
    return msgspec.convert(stored, PriceRules)


def rates_of(stored: Any) -> dict[str, Rate]:
    """Rates as they are stored."""
    return msgspec.convert(stored, dict[str, Rate])


class PriceCheck:
    """Every published price follows from its costs, and the rules, rates, promotions of now."""

    name = "pricing.prices"

    async def run(self, reads: Reads) -> list[Drift]:
        """Walks over all SKUs; up to DRIFTS_MAX differences."""
        rules = {
            row["tenant"]: (rules_of(row["rules"]), row["version"])
            for row in await reads.fetch(SQL["all_rules"])
        }
        rates = {
            row["tenant"]: rates_of(row["current"]) for row in await reads.fetch(SQL["all_rates"])
        }
        drifts: list[Drift] = []
        place = ("", "")
        while rows := await reads.fetch(SQL["inputs_after"], *place, AUDIT_SKUS_MAX):
            for row in rows:
                tenant = row["tenant"]
                own, version = rules.get(tenant, (PriceRules(), 0))
                drifts += self._compare(tenant, subject_of(row), own, version, rates.get(tenant))
            place = (rows[-1]["tenant"], rows[-1]["sku"])
            if len(drifts) >= DRIFTS_MAX:
                break
        return drifts[:DRIFTS_MAX]

    def _compare(
        self,
        tenant: str,
        subject: Subject,
        rules: PriceRules,
        version: int,
        rates: Mapping[str, Rate] | None,
    ) -> list[Drift]:
        document = quote(
            subject.sku,
            subject.inputs,
            rules,
            version,
            traits=subject.traits,
            rates=rates,
            sales=subject.sales,
        ).document
        wanted = (document.amount_minor, document.compare_at_minor) if document else (None, None)
        row = subject.row
        kept = (row["amount_minor"], row["compare_at_minor"])
        shown = None if row["shown"] is None else int(row["shown"])
        if kept == wanted and shown == wanted[0] and row["document_version"] == row["version"]:
            return []
        return [
            Drift(
                check=self.name,
                where=f"{tenant}/{subject.sku}",
                expected=str(wanted),
                found=f"{kept}, shown {shown}",
            )
        ]


CHECKS: Final = (PriceCheck(), SqlCheck("pricing.quotas", SQL["audit_quotas"]))
