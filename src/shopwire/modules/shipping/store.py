"""How shipping's rows are kept, what screens read of them, and how they are audited."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shopwire.kernel.checks import SqlCheck
from shopwire.kernel.cursors import write_cursor
from shopwire.kernel.errors import NotFound
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Table
from shopwire.modules.shipping.domain import (
    CancelAhead,
    Fulfilment,
    KeptNotice,
    NoticeBox,
    OfferCost,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    Return,
    ReturnLine,
    Shipment,
    SupplierReference,
    SupplierRules,
    TrackingEvent,
)

_SQL: Final = load_queries("shopwire.modules.shipping")

TABLES: Final = tuple(
    Table(kind, _SQL[f"load_{kind.table}"], _SQL[f"save_{kind.table}"])
    for kind in (
        CancelAhead,
        Fulfilment,
        PurchaseOrder,
        PurchaseOrderLine,
        SupplierReference,
        SupplierRules,
        OfferCost,
        Shipment,
        TrackingEvent,
        Return,
        ReturnLine,
        Receipt,
        NoticeBox,
        KeptNotice,
    )
)

CHECKS: Final = tuple(
    SqlCheck(f"shipping.{name}", _SQL[f"audit_{name}"])
    for name in (
        "allocations",
        "units",
        "receipts",
        "refunds",
        "statuses",
        "parcels",
        "references",
        "boxes",
        "purchase_order_documents",
        "shipment_documents",
        "return_documents",
        "notice_documents",
    )
)

DUE: Final[Mapping[str, str]] = {
    name: _SQL[f"due_{name}"] for name in ("begin", "send", "ask", "cancel")
}
"""Where activities find their jobs."""

PAGE_MAX: Final = 100
"""Things that one page of a list shows; the next page is asked for by the last one's place."""
PARCELS_MAX: Final = 20
"""Parcels that one tracking number may mean; carriers use a number again after years."""
NOTICES_MAX: Final = 500
"""Kept notices of one parcel that are applied when it becomes known."""


async def list_purchase_orders(
    reads: Reads,
    tenant: str,
    *,
    supplier: str | None,
    status: str | None,
    before: tuple[int, str] | None,
    limit: int,
    order: str | None = None,
) -> dict[str, Any]:
    """A page of purchase orders, the newest first; those of one `order` in whichever state."""
    limit = max(1, min(limit, PAGE_MAX))
    place = before or (None, None)
    query, rest = "purchase_orders_newest", list[str | None]()
    if order is not None:
        query, rest = "purchase_orders_of_order", [order]
    elif supplier is not None:
        query, rest = "purchase_orders_of_supplier", [supplier, status]
    elif status is not None:
        query, rest = "purchase_orders_in_status", [status]
    rows = await reads.fetch(_SQL[query], tenant, *place, limit + 1, *rest)
    return _page(rows, limit, "planned_at_ms", "id")


async def read_purchase_order(
    reads: Reads, tenant: str, order_id: str, own_id: str
) -> dict[str, Any]:
    """One purchase order; raises NotFound."""
    rows = await reads.fetch(_SQL["purchase_order"], tenant, order_id, own_id)
    if not rows:
        raise NotFound(what="purchase order", id=own_id)
    found = dict(rows[0])
    return {"version": found.pop("version"), **found.pop("body"), "conversation": found}


async def list_of_order(
    reads: Reads, tenant: str, what: str, order_id: str, *, after: int, limit: int
) -> dict[str, Any]:
    """A page of an order's `shipments` or `returns`, in the order in which they began."""
    limit = max(1, min(limit, PAGE_MAX))
    rows = await reads.fetch(_SQL[f"{what}_of_order"], tenant, order_id, after, limit + 1)
    return _page(rows, limit, "number")


async def list_returns(
    reads: Reads,
    tenant: str,
    *,
    status: str | None,
    before: tuple[int, str] | None,
    limit: int,
) -> dict[str, Any]:
    """A page of returns of all orders, the newest first."""
    limit = max(1, min(limit, PAGE_MAX))
    place = before or (None, None)
    rows = await reads.fetch(_SQL["returns_newest"], tenant, *place, limit + 1, status)
    return _page(rows, limit, "opened_at_ms", "id")


async def list_notices(
    reads: Reads, tenant: str, *, status: str, before: tuple[int, str, str] | None, limit: int
) -> dict[str, Any]:
    """A page of kept notices, the newest first."""
    limit = max(1, min(limit, PAGE_MAX))
    place = before or (None, None, None)
    rows = await reads.fetch(_SQL["notices_in_status"], tenant, *place, limit + 1, status)
    return _page(rows, limit, "kept_at_ms", "id", "source")


def _page(rows: Sequence[Mapping[str, Any]], limit: int, *place: str) -> dict[str, Any]:
    """Documents with their versions, and the place after which the next page begins."""
    items = [{"version": row["version"], **row["body"]} for row in rows[:limit]]
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        following = write_cursor(*(last[name] for name in place))
    return {"items": items, "next": following}


async def find_shipments(reads: Reads, tenant: str, carrier: str, tracking: str) -> tuple[str, ...]:
    """Which parcels a carrier's tracking number means."""
    rows = await reads.fetch(_SQL["shipments_by_tracking"], tenant, carrier, tracking, PARCELS_MAX)
    return tuple(row["id"] for row in rows)


async def find_notices(
    reads: Reads, tenant: str, carrier: str, tracking: str
) -> list[Mapping[str, Any]]:
    """Open notices about a parcel that was not known when they came: id, source, notice."""
    return await reads.fetch(_SQL["notices_by_tracking"], tenant, carrier, tracking, NOTICES_MAX)


async def supplier_of(reads: Reads, tenant: str, order_id: str, own_id: str) -> str | None:
    """Whose a purchase order is, None where there is none."""
    rows = await reads.fetch(_SQL["supplier_of_purchase_order"], tenant, order_id, own_id)
    return rows[0]["supplier"] if rows else None
