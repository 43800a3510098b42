"""How the inventory's rows are kept, and what screens read of them."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from shopwire.kernel.checks import SqlCheck
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Table
from shopwire.modules.inventory.domain import (
    LedgerLine,
    OpenSale,
    Pool,
    Sale,
    StockHold,
    StockItem,
    Tally,
)

_SQL: Final = load_queries("shopwire.modules.inventory")

TABLES: Final = tuple(
    Table(kind, _SQL[f"load_{kind.table}"], _SQL[f"save_{kind.table}"])
    for kind in (StockItem, Pool, LedgerLine, StockHold, Tally, Sale, OpenSale)
)

CHECKS: Final = (
    SqlCheck("inventory.pools", _SQL["audit_pools"]),
    SqlCheck("inventory.holds", _SQL["audit_holds"]),
    SqlCheck("inventory.sales", _SQL["audit_sales"]),
    SqlCheck("inventory.hold_sales", _SQL["audit_hold_sales"]),
    SqlCheck("inventory.tallies", _SQL["audit_tallies"]),
    SqlCheck("inventory.bundles", _SQL["audit_bundles"]),
    SqlCheck("inventory.lines", _SQL["audit_lines"]),
    SqlCheck("inventory.events", _SQL["audit_events"]),
    SqlCheck("inventory.documents", _SQL["audit_stock_documents"]),
)

HOLDS_TO_EXPIRE: Final = _SQL["holds_to_expire"]
"""Pending holds as jobs of the sweep."""

PREORDERS_TO_END: Final = _SQL["preorders_to_end"]
"""Preorders as jobs, each due when its time is over."""

LEDGER_LINES_MAX: Final = 200
"""Lines of a ledger that one page shows; the next page is asked for by the last line's place."""

SKUS_A_STEP_MAX: Final = 250
"""SKUs of a supplier that are read, and kept back, together."""

PROMISES_SHOWN_MAX: Final = 200
"""Holds, and open sales, that one page shows; the rest is in the pools' numbers."""


async def skus_with_open_sales(
    reads: Reads, tenant: str, supplier: str, skus: Sequence[str]
) -> set[str]:
    """Of which SKUs even the same count is news: something waits to be in it."""
    rows = await reads.fetch(_SQL["skus_with_open_sales"], tenant, supplier, list(skus))
    return {row["sku"] for row in rows}


async def all_open_sales(reads: Reads, tenant: str, supplier: str, *, limit: int) -> frozenset[str]:
    """As `skus_with_open_sales`, of all SKUs of a supplier, but never more than `limit`."""
    rows = await reads.fetch(_SQL["all_open_sales"], tenant, supplier, limit)
    return frozenset(row["sku"] for row in rows)


async def skus_of_supplier(
    reads: Reads, tenant: str, supplier: str
) -> AsyncIterator[Sequence[str]]:
    """SKUs that a supplier has a pool of, SKUS_A_STEP_MAX at a time."""
    after = ""
    while True:
        rows = await reads.fetch(_SQL["skus_of_supplier"], tenant, supplier, after, SKUS_A_STEP_MAX)
        if rows:
            yield [row["sku"] for row in rows]
        if len(rows) < SKUS_A_STEP_MAX:
            return
        after = rows[-1]["sku"]


async def explain_stock(
    reads: Reads, tenant: str, sku: str, *, before: tuple[int, str, int] | None, limit: int
) -> dict[str, Any]:
    """Every pool of a SKU, its promises, and the movements that led there, newest first."""
    limit = max(1, min(limit, LEDGER_LINES_MAX))
    pools = await reads.fetch(_SQL["pools_of_sku"], tenant, sku)
    place = before or (None, None, None)
    lines = await reads.fetch(_SQL["ledger_of_sku"], tenant, sku, *place, limit + 1)
    shown = [dict(line) for line in lines[:limit]]
    last = shown[-1] if len(lines) > limit else None
    following = f"{last['at_ms']}/{last['seq']}/{last['supplier']}" if last else None
    holds = await reads.fetch(_SQL["holds_of_sku"], tenant, sku, PROMISES_SHOWN_MAX)
    sales = await reads.fetch(_SQL["open_sales_of_sku"], tenant, sku, PROMISES_SHOWN_MAX)
    return {
        "sku": sku,
        "pools": [dict(pool) for pool in pools],
        "holds": [dict(hold) for hold in holds],
        "open_sales": [dict(sale) for sale in sales],
        "lines": shown,
        "next": following,
    }
