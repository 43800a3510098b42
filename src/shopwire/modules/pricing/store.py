"""How pricing's rows are kept, what screens read of them, how prices are audited."""

from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

import msgspec

from shopwire.kernel.checks import DRIFTS_MAX, Drift
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Table
from shopwire.modules.pricing.api import PriceRules
from shopwire.modules.pricing.domain import CostInput, Price, RulesRow, quote

_SQL: Final = load_queries("shopwire.modules.pricing")

TABLES: Final = tuple(
    Table(kind, _SQL[f"load_{kind.table}"], _SQL[f"save_{kind.table}"])
    for kind in (CostInput, Price, RulesRow)
)

AUDIT_SKUS_MAX: Final = 20_000
"""SKUs that the audit compares at once; fewer would join the tables once for each few."""
CHUNK_SKUS_MAX: Final = 1_000
"""SKUs that a walk over all prices takes at once."""


async def every_sku(reads: Reads, tenant: str) -> AsyncIterator[Sequence[str]]:
    """All SKUs that have a cost, in chunks."""
    last = ""
    while rows := await reads.fetch(_SQL["skus_after"], tenant, last, CHUNK_SKUS_MAX):
        yield [row["sku"] for row in rows]
        last = rows[-1]["sku"]


async def read_rules(reads: Reads, tenant: str) -> dict[str, Any]:
    """The shop's rules and their version; the built-in ones have version 0."""
    for row in await reads.fetch(_SQL["all_rules"]):
        if row["tenant"] == tenant:
            return {"version": row["version"], "rules": _rules(row["rules"])}
    return {"version": 0, "rules": PriceRules()}


def _rules(stored: Any) -> PriceRules:
    return msgspec.convert(stored, PriceRules)


class PriceCheck:
    """Every published price follows from its costs and the rules of now."""

    name = "pricing.prices"

    async def run(self, reads: Reads) -> list[Drift]:
        """Walks over all SKUs; up to DRIFTS_MAX differences."""
        rules = {
            row["tenant"]: (_rules(row["rules"]), row["version"])
            for row in await reads.fetch(_SQL["all_rules"])
        }
        drifts: list[Drift] = []
        place = ("", "")
        while rows := await reads.fetch(_SQL["inputs_after"], *place, AUDIT_SKUS_MAX):
            for (tenant, sku), group in groupby(rows, key=lambda r: (r["tenant"], r["sku"])):
                place = (tenant, sku)
                own, version = rules.get(tenant, (PriceRules(), 0))
                drifts += self._compare(tenant, sku, list(group), own, version)
            if len(drifts) >= DRIFTS_MAX:
                break
        return drifts[:DRIFTS_MAX]

    def _compare(
        self,
        tenant: str,
        sku: str,
        rows: list[Mapping[str, Any]],
        rules: PriceRules,
        version: int,
    ) -> list[Drift]:
        inputs = [
            CostInput(**{name: row[name] for name in CostInput.__struct_fields__}) for row in rows
        ]
        document = quote(sku, inputs, rules, version).document
        wanted = (document.amount_minor, document.compare_at_minor) if document else (None, None)
        first = rows[0]
        kept = (first["amount_minor"], first["compare_at_minor"])
        shown = None if first["shown"] is None else int(first["shown"])
        if kept == wanted and shown == wanted[0] and first["document_version"] == first["version"]:
            return []
        found = f"{kept}, shown {shown}"
        return [Drift(check=self.name, where=f"{tenant}/{sku}", expected=str(wanted), found=found)]


CHECKS: Final = (PriceCheck(),)
