"""How the inventory's rows are kept, and what screens read of them."""

from collections.abc import Sequence
from typing import Any, Final

from shopwire.kernel.checks import SqlCheck
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Table
from shopwire.modules.inventory.domain import LedgerLine, Pool, StockItem

_SQL: Final = load_queries("shopwire.modules.inventory")

TABLES: Final = tuple(
    Table(kind, _SQL[f"load_{kind.table}"], _SQL[f"save_{kind.table}"])
    for kind in (StockItem, Pool, LedgerLine)
)

CHECKS: Final = (
    SqlCheck("inventory.pools", _SQL["audit_pools"]),
    SqlCheck("inventory.lines", _SQL["audit_lines"]),
    SqlCheck("inventory.events", _SQL["audit_events"]),
    SqlCheck("inventory.documents", _SQL["audit_stock_documents"]),
)

LEDGER_LINES_MAX: Final = 200
"""Lines of a ledger that one page shows; the next page is asked for by the last line's place."""


async def skus_with_open_sales(
    reads: Reads, tenant: str, supplier: str, skus: Sequence[str]
) -> set[str]:
    """Which of these SKUs have sales that the supplier's count does not contain yet."""
    rows = await reads.fetch(_SQL["skus_with_open_sales"], tenant, supplier, list(skus))
    return {row["sku"] for row in rows}


async def explain_stock(
    reads: Reads, tenant: str, sku: str, *, before: tuple[int, str, int] | None, limit: int
) -> dict[str, Any]:
    """Every pool of a SKU and the movements that led there, newest first."""
    limit = max(1, min(limit, LEDGER_LINES_MAX))
    pools = await reads.fetch(_SQL["pools_of_sku"], tenant, sku)
    place = before or (None, None, None)
    lines = await reads.fetch(_SQL["ledger_of_sku"], tenant, sku, *place, limit + 1)
    shown = [dict(line) for line in lines[:limit]]
    last = shown[-1] if len(lines) > limit else None
    following = f"{last['at_ms']}/{last['seq']}/{last['supplier']}" if last else None
    return {"sku": sku, "pools": [dict(p) for p in pools], "lines": shown, "next": following}
