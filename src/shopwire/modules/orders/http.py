"""What screens read of orders."""

from typing import Any, Literal

from litestar import get
from litestar.params import FromPath, FromQuery

from shopwire.kernel.errors import NotFound
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.modules.orders.domain import cart_of
from shopwire.modules.orders.events import ConflictStatus, OrderStatus
from shopwire.modules.orders.store import Entry, Page, list_conflicts, list_orders, read_order


def routes(reads: Reads) -> list[Any]:
    """The module's HTTP handlers."""

    @get("/api/orders", summary="Orders, newest first")
    async def orders(
        status: FromQuery[OrderStatus | Literal[""]] = "",
        limit: FromQuery[int] = 50,
        cursor: FromQuery[str | None] = None,
    ) -> Page:
        return await list_orders(reads, DEFAULT_TENANT, status=status, limit=limit, cursor=cursor)

    @get("/api/orders/{order_id:str}", summary="One order")
    async def order(order_id: FromPath[str]) -> Entry:
        return await read_order(reads, DEFAULT_TENANT, _checked(order_id))

    @get("/api/conflicts", summary="Units that were promised and a supplier does not have")
    async def conflicts(
        status: FromQuery[ConflictStatus | Literal["", "all"]] = "open",
        order: FromQuery[str] = "",
        limit: FromQuery[int] = 50,
        cursor: FromQuery[str | None] = None,
    ) -> Page:
        return await list_conflicts(
            reads,
            DEFAULT_TENANT,
            status="" if status == "all" else status,
            order_id=_checked(order) if order else "",
            limit=limit,
            cursor=cursor,
        )

    return [orders, order, conflicts]


def _checked(order_id: str) -> str:
    if cart_of(order_id) is None:
        raise NotFound(what="order", id=order_id[:80])
    return order_id
