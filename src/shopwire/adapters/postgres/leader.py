"""One process of many: whoever holds an advisory lock, for as long as its connection lives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from shopwire.adapters.limits import CONNECT_MS_MAX, LEADER_RETRY_MS
from shopwire.adapters.postgres.pool import StorageErrors, driver
from shopwire.kernel.queries import load_queries

_SQL: Final = load_queries("shopwire.adapters.postgres")


class PostgresLeader:
    """Elects one process for a task that several could do but one should.

    A process that was paused may still believe in its office for a moment after another took over:
    what a leader does must be right when it is done twice. The lock only spares the second time.
    """

    def __init__(self, dsn: str, office: str) -> None:
        self._dsn = dsn
        self._office = office

    @asynccontextmanager
    async def elected(self) -> AsyncIterator[asyncio.Event]:
        """Waits until this process is the leader; the event is set when it no longer is.

        Raises StorageUnavailable where the database is away.
        """
        async with StorageErrors():
            con = await driver.connect(
                self._dsn,
                timeout=CONNECT_MS_MAX / 1_000,
                command_timeout=CONNECT_MS_MAX / 1_000,
                server_settings={"application_name": f"shopwire-{self._office}"},
            )
        lost = asyncio.Event()
        try:
            con.add_termination_listener(lambda _: lost.set())
            async with StorageErrors():
                # Asking again, since a session that waits inside the statement would hold back the
                # cleaning of old rows for as long as it waits.
                while not await con.fetchval(  # noqa: ASYNC110 - see above
                    _SQL["take_office"], self._office
                ):
                    await asyncio.sleep(LEADER_RETRY_MS / 1_000)
            yield lost
        finally:
            con.terminate()
