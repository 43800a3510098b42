"""What screens read of the catalogue."""

from typing import Any

from litestar import get
from litestar.params import FromPath, FromQuery

from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.modules.catalog.api import Status
from shopwire.modules.catalog.store import (
    Item,
    Page,
    Sort,
    get_product,
    list_categories,
    list_products,
)


def routes(reads: Reads) -> list[Any]:
    """The module's HTTP handlers."""

    @get("/api/products", summary="Products, by search, category and order")
    async def products(
        q: FromQuery[str] = "",
        category: FromQuery[str] = "",
        status: FromQuery[Status] = "active",
        sort: FromQuery[Sort] = "relevance",
        limit: FromQuery[int] = 24,
        cursor: FromQuery[str | None] = None,
    ) -> Page:
        return await list_products(
            reads,
            DEFAULT_TENANT,
            q=q,
            category=category,
            status=status,
            sort=sort,
            limit=limit,
            cursor=cursor,
        )

    @get("/api/products/{product_id:str}", summary="One product with prices and stock")
    async def product(product_id: FromPath[str]) -> Item:
        return await get_product(reads, DEFAULT_TENANT, product_id)

    @get("/api/categories", summary="All categories")
    async def categories() -> dict[str, Any]:
        return {"items": await list_categories(reads, DEFAULT_TENANT)}

    return [products, product, categories]
