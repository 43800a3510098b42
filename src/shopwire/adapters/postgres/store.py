"""Everything that stands on one PostgreSQL database, opened and closed together."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

import msgspec
from asyncpg.exceptions import UndefinedColumnError, UndefinedTableError

from shopwire.adapters.hints import Hints
from shopwire.adapters.limits import APPEND_QUEUE_EVENTS_MAX, TAIL_POLL_MS, WRITERS_SPARE
from shopwire.adapters.postgres.hints import PostgresHints
from shopwire.adapters.postgres.log import PostgresLog
from shopwire.adapters.postgres.pool import Pools, PostgresReads
from shopwire.adapters.postgres.sealed import Seal
from shopwire.adapters.postgres.storage import PostgresStorage
from shopwire.kernel.errors import SetupProblem
from shopwire.kernel.limits import PARTITIONS_DEFAULT
from shopwire.kernel.queries import load_queries
from shopwire.kernel.rows import Table

_SQL: Final = load_queries("shopwire.adapters.postgres")


class Store(msgspec.Struct, frozen=True):
    """The ports, as PostgreSQL keeps them."""

    log: PostgresLog
    storage: PostgresStorage
    reads: PostgresReads
    pools: Pools
    log_id: str
    epoch: int
    hints: Hints
    """Wakes readers of the log when it has grown, through whichever process."""


@asynccontextmanager
async def open_store(
    dsn: str,
    tables: Iterable[Table] = (),
    *,
    queue_events_max: int = APPEND_QUEUE_EVENTS_MAX,
    tail_poll_ms: int = TAIL_POLL_MS,
) -> AsyncIterator[Store]:
    """Opens a migrated database for reading and writing.

    The epoch that the log has now is the one this process may write in. Raises
    StorageUnavailable, and SetupProblem where the database was not migrated.
    """
    pools = await Pools.open(dsn, writers_max=3 * PARTITIONS_DEFAULT + WRITERS_SPARE)
    try:
        try:
            meta = await pools.read(_SQL["log_meta"])
        except UndefinedTableError as problem:
            raise SetupProblem(
                "The database has no log yet.",
                what="schema",
                reason="start `shopwire up` on it once, which makes its tables",
            ) from problem
        except UndefinedColumnError as problem:
            raise SetupProblem(
                "The database is of a former release.",
                what="schema",
                reason="start `shopwire up` on it once, which brings its tables up to date",
            ) from problem
        if not meta:
            raise SetupProblem(what="log", reason="the log has no head")
        partitions, log_id, epoch, key = meta[0]
        local = Hints(partitions, epoch)
        remote = PostgresHints(dsn, local, partitions, Seal(key))
        log = PostgresLog(
            pools,
            local,
            remote,
            partitions=partitions,
            epoch=epoch,
            queue_events_max=queue_events_max,
            tail_poll_ms=tail_poll_ms,
        )
        storage = PostgresStorage(pools, tables, remote, partitions=partitions, epoch=epoch)
        remote.start()
        try:
            yield Store(log, storage, PostgresReads(pools), pools, log_id, epoch, local)
        finally:
            await storage.close()
            await log.close()
            await remote.close()
    finally:
        await pools.close()
