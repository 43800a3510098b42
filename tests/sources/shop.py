"""A shop on PostgreSQL whose sources are run by hand, on a clock that a test moves."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.modules.shop import Shop, drifts, postgres_shop

from shopwire.adapters.outbound import Allowed
from shopwire.adapters.sources import FolderSource, HttpSource
from shopwire.adapters.sources.spool import SecretFiles
from shopwire.kernel.activities import Job
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.fetching import FeedSource
from shopwire.modules.sources.activities import activities
from shopwire.modules.sources.store import list_fetches, list_supplies
from shopwire.services.consumers import Consumers
from shopwire.services.importing import Importer
from shopwire.services.parts import MODULES
from shopwire.services.sourcing import Sourcing

HERE = Allowed.of(["127.0.0.1"])


class Late:
    """The machine's clock, moved on."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def now_ms(self) -> int:
        return SystemClock().now_ms() + self.ahead_ms

    def monotonic_ms(self) -> float:
        return SystemClock().monotonic_ms() + self.ahead_ms


class Sources:
    """What the runner of activities and the consumers would do, one step at a time."""

    def __init__(self, shop: Shop, consumers: Consumers, places: Mapping[str, FeedSource]) -> None:
        self.shop, self.clock, self._consumers = shop, shop.clock, consumers
        self.importer = Importer(shop.write_path, shop.reads, partitions=shop.log.partitions)
        self.sourcing = Sourcing(shop.write_path, shop.reads, self.importer, places, self.clock)
        self.work = activities(self.sourcing.fetch, self.clock)

    async def tick(self, minutes: float = 0) -> None:
        """Time passes; what is due then is done, and what follows from it."""
        self.clock.ahead_ms += int(minutes * 60_000)
        for activity in self.work:
            for job in await self.due(activity.due):
                for command in await activity.perform(job):
                    await self.shop.do(command)
        await self.followed()

    async def due(self, query: str) -> list[Job]:
        rows = await self.shop.reads.fetch(query, 100)
        jobs = [
            Job(id=row["id"], tenant=row["tenant"], due_ms=row["due_ms"], payload=row["payload"])
            for row in rows
        ]
        return [job for job in jobs if job.due_ms <= self.clock.now_ms()]

    async def followed(self) -> None:
        """The consumers have done what follows from the log, and from that."""
        for _ in range(3):
            await self._consumers.catch_up((await self.shop.log.heads()).next)

    async def runs(self, name: str = "main") -> list[Any]:
        found = await list_fetches(self.shop.reads, "main", "acme", name, before=None, limit=100)
        return list(reversed(found["items"]))

    async def supply(self) -> Any:
        (found,) = await list_supplies(self.shop.reads, "main")
        return found

    async def available(self, sku: str = "A") -> int:
        return (await self.shop.document(f"stock:{sku}"))["available"]

    async def drifts(self) -> list[Any]:
        return await drifts(self.shop)


@asynccontextmanager
async def sources(dsn: str, folder: Path) -> AsyncIterator[Sources]:
    """With a web and a folder to fetch from."""
    async with postgres_shop(dsn) as shop:
        shop.clock = Late()  # type: ignore[attr-defined]
        followed = [consumer for module in MODULES for consumer in module.consumers]
        consumers = Consumers(shop.log, shop.write_path, shop.reads, followed)
        running = asyncio.create_task(consumers.run())
        places = {
            "http": HttpSource(SecretFiles(folder / "secrets"), HERE),
            "folder": FolderSource(folder / "inbox", (), shop.clock),  # type: ignore[attr-defined]
        }
        try:
            yield Sources(shop, consumers, places)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
