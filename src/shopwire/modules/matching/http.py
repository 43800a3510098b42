"""What the console reads of matches."""

from typing import Any

from litestar import get
from litestar.params import FromPath, FromQuery

from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.kernel.validation import check_name
from shopwire.modules.matching.events import Status
from shopwire.modules.matching.store import list_cases, list_links, list_policies


def routes(reads: Reads) -> list[Any]:
    """The module's HTTP handlers."""

    @get("/api/matches", summary="Rows of feeds that wait for a person to match them")
    async def matches(
        status: FromQuery[Status] = "waiting",
        supplier: FromQuery[str | None] = None,
        sku: FromQuery[str | None] = None,
        cursor: FromQuery[str | None] = None,
        limit: FromQuery[int] = 25,
    ) -> dict[str, Any]:
        for field, value in (("supplier", supplier), ("sku", sku), ("cursor", cursor)):
            if value is not None:
                check_name(value, field)
        return await list_cases(
            reads,
            DEFAULT_TENANT,
            status=status,
            supplier=supplier,
            supplier_sku=sku,
            cursor=cursor,
            limit=limit,
        )

    @get("/api/matching/policies", summary="How suppliers' SKUs become the shop's")
    async def policies() -> dict[str, Any]:
        return {"items": await list_policies(reads, DEFAULT_TENANT)}

    @get("/api/matching/{supplier:str}/links", summary="What is remembered of a supplier's SKUs")
    async def links(
        supplier: FromPath[str], cursor: FromQuery[str | None] = None, limit: FromQuery[int] = 50
    ) -> dict[str, Any]:
        check_name(supplier, "supplier")
        if cursor is not None:
            check_name(cursor, "cursor")
        return await list_links(reads, DEFAULT_TENANT, supplier, after=cursor, limit=limit)

    return [matches, policies, links]
