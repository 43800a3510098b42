"""What screens read of shipping."""

from typing import Annotated, Any, Final, Literal

from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from shopwire.kernel.cursors import after_number, before_place
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.kernel.validation import check_name
from shopwire.modules.shipping.book import order_of
from shopwire.modules.shipping.events import PurchaseOrderStatus, ReturnStatus
from shopwire.modules.shipping.store import (
    PAGE_MAX,
    list_notices,
    list_of_order,
    list_purchase_orders,
    list_returns,
    read_purchase_order,
)

_STATE: Final = QueryParameter(name="state")
"""The framework keeps the word for itself as an argument's name."""


def routes(reads: Reads) -> list[Any]:
    """The module's HTTP handlers."""
    return [*_purchase_orders(reads), *_of_orders(reads), *_desk(reads)]


def _purchase_orders(reads: Reads) -> list[Any]:
    @get("/api/purchase-orders", summary="Purchase orders, the newest first")
    async def purchase_orders(
        order: FromQuery[str | None] = None,
        supplier: FromQuery[str | None] = None,
        status: Annotated[PurchaseOrderStatus | None, _STATE] = None,
        limit: FromQuery[int] = PAGE_MAX,
        cursor: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        return await list_purchase_orders(
            reads,
            DEFAULT_TENANT,
            order=check_name(order, "order") if order else None,
            supplier=check_name(supplier, "supplier") if supplier else None,
            status=status,
            before=before_place(cursor, int, str),
            limit=limit,
        )

    @get(
        "/api/purchase-orders/{own_id:path}",
        summary="One purchase order, and how the conversation with its supplier stands",
    )
    async def purchase_order(own_id: FromPath[str]) -> dict[str, Any]:
        name = check_name(str(own_id).removeprefix("/"), "id")
        return await read_purchase_order(reads, DEFAULT_TENANT, order_of(name), name)

    return [purchase_orders, purchase_order]


def _of_orders(reads: Reads) -> list[Any]:
    @get("/api/orders/{order_id:str}/shipments", summary="Parcels of an order")
    async def shipments(
        order_id: FromPath[str],
        limit: FromQuery[int] = PAGE_MAX,
        cursor: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        check_name(order_id, "order_id")
        return await list_of_order(
            reads, DEFAULT_TENANT, "shipments", order_id, after=after_number(cursor), limit=limit
        )

    @get("/api/orders/{order_id:str}/returns", summary="Returns of an order")
    async def returns_of_order(
        order_id: FromPath[str],
        limit: FromQuery[int] = PAGE_MAX,
        cursor: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        check_name(order_id, "order_id")
        return await list_of_order(
            reads, DEFAULT_TENANT, "returns", order_id, after=after_number(cursor), limit=limit
        )

    return [shipments, returns_of_order]


def _desk(reads: Reads) -> list[Any]:
    @get("/api/returns", summary="Returns of all orders, the newest first")
    async def returns(
        status: Annotated[ReturnStatus | None, _STATE] = None,
        limit: FromQuery[int] = PAGE_MAX,
        cursor: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        place = before_place(cursor, int, str)
        return await list_returns(reads, DEFAULT_TENANT, status=status, before=place, limit=limit)

    @get("/api/notices", summary="What carriers and suppliers said and did not fit")
    async def notices(
        status: Annotated[Literal["open", "applied", "dismissed"], _STATE] = "open",
        limit: FromQuery[int] = PAGE_MAX,
        cursor: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        place = before_place(cursor, int, str, str)
        return await list_notices(reads, DEFAULT_TENANT, status=status, before=place, limit=limit)

    return [returns, notices]
