"""What the console reads of sources."""

from typing import Any

from litestar import get
from litestar.params import FromPath, FromQuery

from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.kernel.validation import check_name
from shopwire.modules.sources.store import list_fetches, list_sources, list_supplies


def routes(reads: Reads) -> list[Any]:
    """The module's HTTP handlers."""

    @get("/api/sources", summary="How suppliers' data stands, and where it comes from")
    async def sources(supplier: FromQuery[str | None] = None) -> dict[str, Any]:
        supplies = await list_supplies(reads, DEFAULT_TENANT)
        if supplier is not None:
            supplies = [one for one in supplies if one["supplier"] == supplier]
        return {
            "suppliers": supplies,
            "sources": await list_sources(reads, DEFAULT_TENANT, supplier),
        }

    @get("/api/sources/{supplier:str}/{name:str}/runs", summary="Runs of a source, newest first")
    async def runs(
        supplier: FromPath[str],
        name: FromPath[str],
        limit: FromQuery[int] = 50,
        cursor: FromQuery[int | None] = None,
    ) -> dict[str, Any]:
        check_name(supplier, "supplier")
        return await list_fetches(reads, DEFAULT_TENANT, supplier, name, before=cursor, limit=limit)

    return [sources, runs]
