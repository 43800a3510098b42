"""How sources are kept, and what screens read of them."""

from typing import Any, Final

import msgspec

from shopwire.kernel.checks import SqlCheck
from shopwire.kernel.errors import NotFound
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Table
from shopwire.modules.sources.domain import Fetch, Source, Supply
from shopwire.modules.sources.limits import FETCHES_PAGE_MAX, SUPPLIERS_MAX

_SQL: Final = load_queries("shopwire.modules.sources")

TABLES: Final = tuple(
    Table(kind, _SQL[f"load_{kind.table}"], _SQL[f"save_{kind.table}"])
    for kind in (Source, Supply, Fetch)
)

CHECKS: Final = (
    SqlCheck("sources.runs", _SQL["audit_runs"]),
    SqlCheck("sources.documents", _SQL["audit_source_documents"]),
    SqlCheck("sources.supplies", _SQL["audit_supply_documents"]),
)

DUE_FETCHES: Final = _SQL["due_fetches"]
"""Sources as jobs, each due when it is looked at next."""

DUE_JUDGEMENTS: Final = _SQL["due_judgements"]
"""Suppliers as jobs, each due when the age of its data means something else."""


async def list_supplies(reads: Reads, tenant: str) -> list[dict[str, Any]]:
    """How every supplier's data stands, the worst first, with the SKUs that depend on it."""
    rows = await reads.fetch(_SQL["supplies"], tenant, SUPPLIERS_MAX)
    return [_decoded(row, "rule", "caution") for row in rows]


async def list_sources(reads: Reads, tenant: str, supplier: str | None) -> list[dict[str, Any]]:
    """Sources with their last run, of one supplier or of all."""
    rows = await reads.fetch(_SQL["sources_of"], tenant, supplier, SUPPLIERS_MAX)
    return [_decoded(row, "place", "schedule", "last") for row in rows]


async def list_fetches(
    reads: Reads, tenant: str, supplier: str, name: str, *, before: int | None, limit: int
) -> dict[str, Any]:
    """Runs of a source, newest first; raises NotFound for an unknown one."""
    if not await reads.fetch(_SQL["one_source"], tenant, supplier, name):
        raise NotFound(what="source", id=f"{supplier}/{name}")
    limit = max(1, min(limit, FETCHES_PAGE_MAX))
    rows = await reads.fetch(_SQL["fetches_of"], tenant, supplier, name, before, limit + 1)
    items = [dict(row) for row in rows[:limit]]
    return {"items": items, "next": items[-1]["fence"] if len(rows) > limit else None}


async def push_source(reads: Reads, tenant: str, supplier: str) -> str | None:
    """Name of the source that a supplier pushes to, if there is one that does not rest."""
    rows = await reads.fetch(_SQL["push_source"], tenant, supplier)
    return str(rows[0]["name"]) if rows else None


async def one_source(reads: Reads, tenant: str, supplier: str, name: str) -> dict[str, Any]:
    """What a run has to know of its source; raises NotFound."""
    rows = await reads.fetch(_SQL["one_source"], tenant, supplier, name)
    if not rows:
        raise NotFound(what="source", id=f"{supplier}/{name}")
    return _decoded(rows[0], "place", "marks")


async def name_of_supplier(reads: Reads, tenant: str, supplier: str) -> str:
    """How a supplier is called; its id where it was never named."""
    rows = await reads.fetch(_SQL["supplier_name"], tenant, supplier)
    return str(rows[0]["name"]) if rows else supplier


def _decoded(row: Any, *fields: str) -> dict[str, Any]:
    found = dict(row)
    for field in fields:
        found[field] = None if found[field] is None else msgspec.json.decode(found[field])
    return found
