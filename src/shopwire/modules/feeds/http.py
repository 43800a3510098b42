"""What the console reads of imports."""

from typing import Any

from litestar import get
from litestar.params import FromPath, FromQuery

from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.names import slug_of
from shopwire.kernel.queries import Reads
from shopwire.modules.feeds.events import LimitsDocument
from shopwire.modules.feeds.saved import list_profiles
from shopwire.modules.feeds.store import (
    get_run,
    limits_of,
    list_changes,
    list_left,
    list_quarantine,
    list_runs,
)


def routes(reads: Reads) -> list[Any]:
    """The module's HTTP handlers; taking a feed in is a service's."""

    @get("/api/imports", summary="Imports, newest first")
    async def imports(
        limit: FromQuery[int] = 50,
        supplier: FromQuery[str | None] = None,
        only_open: FromQuery[bool] = False,
    ) -> dict[str, Any]:
        found = await list_runs(
            reads, DEFAULT_TENANT, supplier=supplier, limit=limit, only_open=only_open
        )
        return {"items": found}

    @get("/api/imports/{run:str}", summary="One import")
    async def one_import(run: FromPath[str]) -> dict[str, Any]:
        return await get_run(reads, DEFAULT_TENANT, run)

    @get("/api/imports/{run:str}/quarantine", summary="Rows of an import that could not be used")
    async def quarantine(
        run: FromPath[str], limit: FromQuery[int] = 50, cursor: FromQuery[int] = 0
    ) -> dict[str, Any]:
        return await list_quarantine(reads, DEFAULT_TENANT, run, after=cursor, limit=limit)

    @get("/api/imports/{run:str}/changes", summary="What an import changed, before and after")
    async def changes(
        run: FromPath[str], limit: FromQuery[int] = 50, cursor: FromQuery[int] = 0
    ) -> dict[str, Any]:
        return await list_changes(reads, DEFAULT_TENANT, run, after=cursor, limit=limit)

    @get("/api/imports/{run:str}/left", summary="What the undo of an import left as it was")
    async def left(
        run: FromPath[str], limit: FromQuery[int] = 50, cursor: FromQuery[int] = 0
    ) -> dict[str, Any]:
        return await list_left(reads, DEFAULT_TENANT, run, after=cursor, limit=limit)

    @get("/api/feed-limits/{supplier:str}", summary="From where on a supplier's feeds are held")
    async def limits(supplier: FromPath[str]) -> LimitsDocument:
        return (await limits_of(reads, DEFAULT_TENANT, slug_of(supplier))).document()

    @get("/api/feeds/profiles", summary="Shipped and saved profiles that feeds are read by")
    async def profiles() -> dict[str, Any]:
        return {"items": await list_profiles(reads, DEFAULT_TENANT)}

    return [profiles, imports, one_import, quarantine, changes, left, limits]
