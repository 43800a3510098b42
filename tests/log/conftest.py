"""Both adapters of the log behind one fixture."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from shopwire.adapters.memory import MemoryLog, MemoryState, MemoryStorage
from shopwire.adapters.postgres.store import open_store
from shopwire.testing.conformance import Opened
from shopwire.testing.conformance.harness import TAIL_POLL_NEVER_MS
from shopwire.testing.conformance.sample import CREATE, TABLES, Counter, over_limit


class MemoryHarness:
    def __init__(self, state: MemoryState) -> None:
        self.state = state

    async def open(self, *, queue_events_max=1_000, tail_poll_ms=TAIL_POLL_NEVER_MS) -> Opened:
        log = MemoryLog(self.state, queue_events_max=queue_events_max, tail_poll_ms=tail_poll_ms)
        return Opened(log, MemoryStorage(self.state))

    async def new_epoch(self) -> None:
        self.state.new_epoch()

    async def age_answers(self, by_ms: int) -> None:
        self.state.age_answers(by_ms)


class PostgresHarness:
    def __init__(self, dsn: str, stack: AsyncExitStack) -> None:
        self.dsn = dsn
        self._stack = stack

    async def open(self, *, queue_events_max=1_000, tail_poll_ms=TAIL_POLL_NEVER_MS) -> Opened:
        store = await self._stack.enter_async_context(
            open_store(
                self.dsn, TABLES, queue_events_max=queue_events_max, tail_poll_ms=tail_poll_ms
            )
        )
        return Opened(store.log, store.storage)

    async def new_epoch(self) -> None:
        await self.run("UPDATE head SET epoch = epoch + 1")

    async def age_answers(self, by_ms: int) -> None:
        await self.run(f"UPDATE idempotency SET until_ms = until_ms - {by_ms}")

    async def run(self, sql: str) -> None:
        con = await asyncpg.connect(self.dsn)
        try:
            await con.execute(sql)
        finally:
            await con.close()


@pytest.fixture
def memory_harness() -> MemoryHarness:
    return MemoryHarness(MemoryState(constraints={Counter: over_limit}))


@pytest.fixture
async def postgres_harness(database_url: str) -> AsyncIterator[PostgresHarness]:
    async with AsyncExitStack() as stack:
        harness = PostgresHarness(database_url, stack)
        await harness.run(CREATE)
        yield harness


@pytest.fixture(
    params=["memory_harness", pytest.param("postgres_harness", marks=pytest.mark.postgres)]
)
def harness(request: pytest.FixtureRequest):
    return request.getfixturevalue(request.param)
