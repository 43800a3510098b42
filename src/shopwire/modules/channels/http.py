"""What operators read of the ways to suppliers."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from shopwire.kernel.cursors import before_place, write_cursor
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.kernel.validation import check_name
from shopwire.modules.channels.events import InvoiceState
from shopwire.modules.channels.store import (
    PAGE_MAX,
    letters_of_order,
    list_channels,
    list_page,
    list_unreachable,
)

_STATE: Final = QueryParameter(name="state")
"""The framework keeps the word for itself as an argument's name."""


def routes(reads: Reads) -> list[Any]:
    """The module's HTTP handlers."""

    @get("/api/channels", summary="How suppliers are reached, and what is in trouble")
    async def channels() -> dict[str, Any]:
        unreachable = await list_unreachable(reads, DEFAULT_TENANT)
        return {
            "items": await list_channels(reads, DEFAULT_TENANT),
            "unreachable": [{"supplier": name, "orders": count} for name, count in unreachable],
        }

    @get("/api/channels/orders/{order_id:str}", summary="How an order's purchase orders travel")
    async def letters(order_id: FromPath[str]) -> dict[str, Any]:
        check_name(order_id, "order_id")
        return {"items": await letters_of_order(reads, DEFAULT_TENANT, order_id)}

    @get("/api/channels/bundles", summary="What left to suppliers, the newest first")
    async def bundles(
        supplier: FromQuery[str | None] = None,
        limit: FromQuery[int] = PAGE_MAX,
        cursor: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        only = check_name(supplier, "supplier") if supplier else None
        return await _page(reads, "bundles_newest", "begun_at_ms", only, limit, cursor)

    @get("/api/channels/invoices", summary="Suppliers' bills, the newest first")
    async def invoices(
        status: Annotated[InvoiceState | None, _STATE] = None,
        limit: FromQuery[int] = PAGE_MAX,
        cursor: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        return await _page(reads, "invoices_in_state", "received_at_ms", status, limit, cursor)

    @get("/api/channels/messages", summary="What suppliers sent and could not be used")
    async def messages(
        status: Annotated[Literal["open", "applied", "dismissed", "erased"], _STATE] = "open",
        limit: FromQuery[int] = PAGE_MAX,
        cursor: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        wanted = ["open", "reading"] if status == "open" else [status]
        return await _page(reads, "messages_in_state", "received_at_ms", wanted, limit, cursor)

    return [channels, letters, bundles, invoices, messages]


async def _page(
    reads: Reads, name: str, moment: str, only: Any, limit: int, cursor: str | None
) -> dict[str, Any]:
    limit = max(1, min(limit, PAGE_MAX))
    before = before_place(cursor, int, str)
    rows = await list_page(reads, name, DEFAULT_TENANT, before, only, limit)
    return {"items": [dict(row) for row in rows[:limit]], "next": _next(rows, limit, moment)}


def _next(rows: Sequence[Mapping[str, Any]], limit: int, moment: str) -> str | None:
    if len(rows) <= limit:
        return None
    return write_cursor(rows[limit - 1][moment], rows[limit - 1]["id"])
