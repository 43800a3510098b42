"""Twins of the few queries that find work, answered from the memory twin's rows."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from typing_extensions import override

from shopwire.kernel.queries import Reads
from shopwire.modules.inventory.domain import StockHold
from shopwire.modules.inventory.store import HOLDS_TO_EXPIRE
from shopwire.testing.simulation.database import Head, SimDatabase
from shopwire.testing.simulation.loop import Process

Found = list[Mapping[str, Any]]
Twin = Callable[..., Found]
"""Takes the database and the query's arguments."""

DUE_STEP_MS: Final = 250
"""Holds that end within one step are one job."""


def holds_to_expire(database: SimDatabase, limit: int) -> Found:
    """As the query of that name: pending holds as jobs, the earliest first."""
    jobs: dict[tuple[str, int], list[StockHold]] = {}
    for hold in database.state.rows.get(StockHold, {}).values():
        if isinstance(hold, StockHold) and hold.state == "pending":
            due_ms = -(-hold.expires_at_ms // DUE_STEP_MS) * DUE_STEP_MS
            jobs.setdefault((hold.tenant, due_ms), []).append(hold)
    found: Found = [
        {
            "id": min(hold.hold_id for hold in holds),
            "tenant": tenant,
            "due_ms": due_ms,
            "payload": {
                "holds": [
                    {"hold_id": hold.hold_id, "skus": list(hold.skus)}
                    for hold in sorted(holds, key=lambda hold: (hold.skus, hold.hold_id))
                ],
                "at_ms": database.clock.now_ms(),
            },
        }
        for (tenant, due_ms), holds in jobs.items()
    ]
    return sorted(found, key=lambda job: (job["due_ms"], job["id"]))[:limit]


class SimReads(Reads):
    """One process's reads; each is a point at which something may happen."""

    def __init__(
        self,
        database: SimDatabase,
        process: Process,
        twins: Mapping[str, Twin] | None = None,
    ) -> None:
        self._database, self._process = database, process
        self._twins = {HOLDS_TO_EXPIRE: holds_to_expire, **(twins or {})}

    @override
    async def fetch(self, query: str, *args: Any) -> list[Mapping[str, Any]]:
        """Raises KeyError for a query that has no twin."""
        await self._database.point(self._process)
        return self._twins[query](self._database, *args)


class SimLeader:
    """An office in the database: free again as soon as its holder's connection is gone."""

    def __init__(self, office: Head, process: Process) -> None:
        self._office = office
        process.on_kill.append(lambda: office.forget(process))

    @asynccontextmanager
    async def elected(self) -> AsyncIterator[asyncio.Event]:
        """Waits for the office; whoever has it keeps it as long as it lives."""
        async with self._office:
            yield asyncio.Event()
