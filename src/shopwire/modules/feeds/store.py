"""How the records of runs are kept, and what screens read of them."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from shopwire.kernel.checks import SqlCheck
from shopwire.kernel.errors import NotFound
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Table
from shopwire.modules.feeds.api import Digest
from shopwire.modules.feeds.domain import FeedRow, QuarantinedRow, Recent, Run
from shopwire.modules.feeds.limits import QUARANTINE_PAGE_MAX, RUNS_PAGE_MAX

_SQL: Final = load_queries("shopwire.modules.feeds")

TABLES: Final = tuple(
    Table(kind, _SQL[f"load_{kind.table}"], _SQL[f"save_{kind.table}"])
    for kind in (Run, Recent, QuarantinedRow, FeedRow)
)

CHECKS: Final = (SqlCheck("feeds.runs", _SQL["audit_runs"]),)


async def said_last(
    reads: Reads, tenant: str, supplier: str, keys: Sequence[str]
) -> dict[str, Digest]:
    """What a supplier said last of these products, as far as it ever said anything."""
    rows = await reads.fetch(_SQL["said_last"], tenant, supplier, list(keys))
    return {row["key"]: Digest(**row) for row in rows}


async def list_runs(
    reads: Reads, tenant: str, *, supplier: str | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """Runs, newest first."""
    limit = max(1, min(limit, RUNS_PAGE_MAX))
    return [_run(row) for row in await reads.fetch(_SQL["latest_runs"], tenant, supplier, limit)]


async def get_run(reads: Reads, tenant: str, run_id: str) -> dict[str, Any]:
    """One run; raises NotFound."""
    rows = await reads.fetch(_SQL["one_run"], tenant, run_id)
    if not rows:
        raise NotFound(what="import", id=run_id)
    return _run(rows[0])


async def list_quarantine(
    reads: Reads, tenant: str, run_id: str, *, after: int = 0, limit: int = 50
) -> dict[str, Any]:
    """Bad rows of a run in the order of the file; raises NotFound for an unknown run."""
    await get_run(reads, tenant, run_id)
    limit = max(1, min(limit, QUARANTINE_PAGE_MAX))
    rows = await reads.fetch(_SQL["quarantined_rows"], tenant, run_id, after, limit + 1)
    items = [dict(row) for row in rows[:limit]]
    return {"items": items, "next": items[-1]["seq"] if len(rows) > limit else None}


def _run(row: Any) -> dict[str, Any]:
    run = dict(row)
    run["notes"] = msgspec.json.decode(run["notes"])
    return run
