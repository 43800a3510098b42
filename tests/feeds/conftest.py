"""A shop on PostgreSQL that feeds are imported into."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.databases import rows_of

from shopwire.adapters.postgres.store import Store, open_store
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.ids import new_id
from shopwire.kernel.write_path import WritePath
from shopwire.modules.feeds.store import list_quarantine
from shopwire.services.audit import verify
from shopwire.services.importing import Importer, ImportRequest, Summary
from shopwire.services.parts import MODULES

RECORD = {
    "import_run",
    "import_recent",
    "events",
    "documents",
    "head",
    "idempotency",
    "lease_holder",
}
"""Where a run may write even if its feed says nothing new."""


class Shop:
    """Imports, and looks into the database behind it."""

    def __init__(self, dsn: str, store: Store, write_path: WritePath) -> None:
        self.dsn, self.store, self.write_path = dsn, store, write_path
        self.pauses: list[float] = []

        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)

        self.importer = Importer(
            write_path, store.reads, partitions=store.log.partitions, pause=pause
        )

    async def take(self, content: str | bytes | Path, **more: Any) -> Summary:
        """Imports a text or a file, with any fields of the request."""
        if isinstance(content, Path):
            more = {"source": content.name, "folder": content.parent} | more
            data = content.read_bytes()
        else:
            data = content.encode() if isinstance(content, str) else content
        defaults: dict[str, Any] = {"run": new_id(), "supplier": "ACME", "source": "feed.csv"}
        return await self.importer.run(ImportRequest(**defaults | more), io.BytesIO(data))

    async def query(self, sql: str, *args: Any) -> list[Any]:
        con = await asyncpg.connect(self.dsn)
        try:
            return await con.fetch(sql, *args)
        finally:
            await con.close()

    async def dump(self) -> dict[str, list[str]]:
        """All rows of all tables as text, but for who had a turn at a partition's head."""
        return await rows_of(self.dsn, turns=False)

    async def quarantine(self, run: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            page = await list_quarantine(self.store.reads, "main", run, after=after, limit=200)
            found += page["items"]
            after = page["next"]
        return found

    async def drift(self) -> list[Any]:
        """What `shopwire log verify` finds wrong."""
        checks = [check for module in MODULES for check in module.checks]
        report = await verify(self.store.pools, checks)
        return report.drift


@asynccontextmanager
async def open_shop(dsn: str) -> AsyncIterator[Shop]:
    tables = [table for module in MODULES for table in module.tables]
    handlers = [handler for module in MODULES for handler in module.handlers]
    async with open_store(dsn, tables) as store:
        write_path = WritePath(store.storage, handlers, SystemClock())
        await write_path.start()
        try:
            yield Shop(dsn, store, write_path)
        finally:
            await write_path.stop()


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    async with open_shop(database_url) as shop:
        yield shop
