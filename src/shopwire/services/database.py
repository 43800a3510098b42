"""The database under a process: opened, watched, and started again where it is our own child."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from shopwire.adapters.postgres.server import EmbeddedPostgres
from shopwire.kernel.clock import Clock
from shopwire.kernel.errors import SetupProblem, ShopwireError

PROBE_EVERY_MS: Final = 500
"""How often the database is asked whether it answers."""
PROBE_MS_MAX: Final = 2_000
"""An answer that takes longer counts as none."""
RESTARTS_MAX: Final = 8
"""Starts of a dead PostgreSQL in a row; then a person is called, and one is tried now and then."""
RESTART_MS_MIN: Final = 100
"""Wait after the first failed start; it doubles each time."""
RESTART_MS_MAX: Final = 10_000
"""Longest wait between two starts."""
RESTART_LATE_MS: Final = 30_000
"""Wait between two starts once a person was called: a disk may have room again."""
STEADY_MS: Final = 60_000
"""After so long without a death the count of starts begins anew."""

_log: Final = structlog.get_logger()
Probe = Callable[[], Awaitable[object]]


class Database:
    """Where the database is and whether it answers."""

    def __init__(self, dsn: str, server: EmbeddedPostgres | None, clock: Clock) -> None:
        self.dsn = dsn
        self.server = server
        self.up = True
        self.restarts = 0
        self._clock = clock
        self._in_a_row = 0
        self._began_ms = 0.0
        self._down_since_ms = 0.0
        self._question: asyncio.Future[object] | None = None

    async def watch(self, probe: Probe) -> None:
        """Asks the database until it is cancelled; starts a dead child again, with limits."""
        try:
            await self._watch(probe)
        finally:
            if self._question is not None:
                self._question.cancel()

    async def _watch(self, probe: Probe) -> None:
        while True:
            died = self.server is not None and await self._died_within(self.server)
            if died and self.server is not None:
                await self._restart(self.server)
            elif self.server is None:
                await asyncio.sleep(PROBE_EVERY_MS / 1_000)
            await self._ask(probe)

    async def _died_within(self, server: EmbeddedPostgres) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(PROBE_EVERY_MS / 1_000):
                await server.died.wait()
            return True
        return False

    async def _ask(self, probe: Probe) -> None:
        """One question; one that is still open is waited for rather than asked again.

        It is not cancelled when time is up: the driver would wait for the same silent server.
        """
        if self._question is None:
            self._question = asyncio.ensure_future(probe())
        done, _ = await asyncio.wait({self._question}, timeout=PROBE_MS_MAX / 1_000)
        if not done:
            self._went_down("no answer in time")
            return
        question, self._question = self._question, None
        try:
            question.result()
        except ShopwireError as problem:
            self._went_down(str(problem))
        else:
            self._came_up()

    async def _restart(self, server: EmbeddedPostgres) -> None:
        self._went_down("PostgreSQL has ended")
        if self._clock.monotonic_ms() - self._began_ms > STEADY_MS:
            self._in_a_row = 0
        while True:
            if self._in_a_row == RESTARTS_MAX:
                _log.critical("database.given_up")
            if self._in_a_row >= RESTARTS_MAX:
                await asyncio.sleep(RESTART_LATE_MS / 1_000)
            self._in_a_row += 1
            _log.warning("database.restarting", attempt=self._in_a_row)
            try:
                await server.stop()
                await server.start()
            except SetupProblem as problem:
                doubled = RESTART_MS_MIN * 2 ** min(self._in_a_row, RESTARTS_MAX)
                wait_ms = min(doubled, RESTART_MS_MAX)
                _log.error(
                    "database.restart_failed",
                    attempt=self._in_a_row,
                    retry_ms=wait_ms,
                    reason=str(problem),
                )
                await asyncio.sleep(wait_ms / 1_000)
            else:
                self.restarts += 1
                self._began_ms = self._clock.monotonic_ms()
                return

    def _went_down(self, reason: str) -> None:
        if self.up:
            self.up, self._down_since_ms = False, self._clock.monotonic_ms()
            _log.error("database.down", reason=reason)

    def _came_up(self) -> None:
        if not self.up:
            self.up = True
            away_ms = round(self._clock.monotonic_ms() - self._down_since_ms)
            _log.warning("database.up", away_ms=away_ms)


@asynccontextmanager
async def own_database(data: Path, url: str | None, clock: Clock) -> AsyncIterator[Database]:
    """The database at `url`, else a PostgreSQL of our own in `data`; raises SetupProblem."""
    if url is not None:
        yield Database(url, None, clock)
        return
    server = EmbeddedPostgres(data)
    await server.start()
    try:
        yield Database(server.dsn(), server, clock)
    finally:
        await server.stop()
