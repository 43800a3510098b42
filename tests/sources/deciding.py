"""A supplier's sources in memory, on a clock that a test sets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.modules.inventory_shop import Clock
from tests.modules.shop import Shop, result_of

from shopwire.adapters.memory import MemoryLog, MemoryState, MemoryStorage
from shopwire.kernel.fetching import Place
from shopwire.kernel.write_path import WritePath
from shopwire.modules.sources.api import BeginFetch, FinishFetch, JudgeSupply, PutSource, Schedule
from shopwire.modules.sources.domain import Source, Supply
from shopwire.modules.sources.wiring import MODULE

MINUTE = 60_000
HOUR = 60 * MINUTE
PLACE = Place(kind="http", address="https://acme.example/feed.csv")
EVERY_30 = Schedule(every_minutes=30)


class Desk(Shop):
    """Sends what time and far sides would bring about."""

    clock: Clock
    state: MemoryState

    async def begin(self, name: str = "main", **more: Any) -> Any:
        now_ms = self.clock.ms
        begin = BeginFetch(supplier="acme", name=name, at_ms=now_ms, **more)
        return result_of(await self.do(begin))

    async def finish(self, fence: int, outcome: str = "taken", **more: Any) -> Any:
        fields = {"supplier": "acme", "name": "main", "fence": fence, "at_ms": self.clock.ms}
        return result_of(await self.do(FinishFetch(**(fields | {"outcome": outcome} | more))))

    async def fail(self, name: str = "main", **more: Any) -> Any:
        """One run that fails at once, as soon as the source is due."""
        source, supply = self.source(name), self.supply
        self.clock.ms = max(self.clock.ms, source.due_ms or 0, supply.retry_ms or 0)
        begun = await self.begin(name)
        assert begun["began"], begun
        more = {"error": "SourceUnreachable", "reason": "away", "temporary": True} | more
        return await self.finish(begun["fence"], "failed", name=name, **more)

    async def judge(self) -> None:
        await self.do(JudgeSupply(supplier="acme", at_ms=self.clock.ms))

    def source(self, name: str = "main") -> Source:
        return self.state.rows[Source][("main", "acme", name)]

    @property
    def supply(self) -> Supply:
        return self.state.rows[Supply][("main", "acme")]


@asynccontextmanager
async def desk(**settings: Any) -> AsyncIterator[Desk]:
    """With one source, unless `place` is None."""
    clock = Clock()
    state = MemoryState(clock=clock)
    write_path = WritePath(MemoryStorage(state), MODULE.handlers, clock)
    await write_path.start()
    log = MemoryLog(state)
    own = Desk(write_path, log)
    own.clock, own.state = clock, state
    settings = {"supplier": "acme", "place": PLACE, "schedule": EVERY_30} | settings
    try:
        if settings["place"] is not None:
            await own.do(PutSource(**settings))
        yield own
    finally:
        await write_path.stop()
        await log.close()
