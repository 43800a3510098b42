"""Connections: one pool that writes, one that reads, and what their errors mean."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any, Final

import asyncpg
import msgspec
from asyncpg.exceptions import DataError as ServerDataError
from asyncpg.exceptions import InterfaceError
from asyncpg.exceptions._base import DataError as ClientDataError
from asyncpg.exceptions._base import InternalClientError
from typing_extensions import override

from shopwire.adapters.limits import (
    ACQUIRE_MS_MAX,
    CONNECT_MS_MAX,
    IDLE_TRANSACTION_MS_MAX,
    READERS_MAX,
    RETRY_MS,
    STATEMENT_CHARS_KEPT_MAX,
    STATEMENT_MS_MAX,
)
from shopwire.kernel.errors import (
    ConstraintRefused,
    KeyInFlight,
    LogCorrupt,
    ShopwireError,
    StorageFull,
    StorageUnavailable,
)
from shopwire.kernel.queries import Reads

driver: Final[Any] = asyncpg
"""The driver has no type hints; calls go through this name so that the checker knows."""
LOG_REFUSED: Final = "SW001"
"""SQLSTATE of the log's own refusals, see migration 0001."""
TURN_REFUSED: Final = "SW002"
"""SQLSTATE of a write that was decided on a turn of the head which is over, see migration 0220."""
_KEYS: Final = "idempotency_pkey"
"""What refuses the answer of a key that another transaction has taken."""
_TOPICS: Final = "documents_pkey"
"""What refuses an event that begins a topic which is there."""
_AWAY: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.InvalidTransactionStateError,
    asyncpg.PostgresSystemError,
    InterfaceError,
    InternalClientError,
    OSError,
    TimeoutError,
)
"""What means that the database is away, overloaded or gave the transaction up."""
_WRITER_SETTINGS: Final = {
    "application_name": "shopwire-writer",
    "jit": "off",
    # The writers only look up by key. A plan made while a table was still empty must not become a
    # scan or a hash of it once it has grown.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
    "idle_in_transaction_session_timeout": str(IDLE_TRANSACTION_MS_MAX),
    # They count the turns of heads; for whoever does not a trigger does, see migration 0295.
    "shopwire.turns": "counted",
}
_READER_SETTINGS: Final = {
    "application_name": "shopwire-reader",
    "jit": "off",
    "default_transaction_read_only": "on",
}


def to_shopwire(problem: BaseException) -> ShopwireError | None:
    """The row of the error table that a driver's exception stands for, if there is one."""
    if isinstance(problem, asyncpg.IntegrityConstraintViolationError):
        constraint = getattr(problem, "constraint_name", None) or "unnamed"
        if constraint == _KEYS:
            return KeyInFlight(retry_ms=0)
        if constraint == _TOPICS:
            return LogCorrupt(str(problem), reason="a topic that is there begins anew")
        return ConstraintRefused(constraint=constraint)
    if isinstance(problem, (ServerDataError, ClientDataError)):
        return ConstraintRefused("The database cannot hold a value.", constraint="value")
    if getattr(problem, "sqlstate", None) == LOG_REFUSED:
        return LogCorrupt(str(problem), reason=str(problem))
    if isinstance(problem, asyncpg.DiskFullError):
        return StorageFull(retry_ms=RETRY_MS)
    if isinstance(problem, _AWAY):
        return StorageUnavailable(retry_ms=RETRY_MS)
    return None


class StorageErrors(AbstractAsyncContextManager[None]):
    """Raises the driver's exceptions inside it as rows of the error table."""

    @override
    async def __aenter__(self) -> None:
        return None

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if problem is not None and (known := to_shopwire(problem)) is not None:
            raise known from problem


class Pools:
    """All connections of one process to one database."""

    def __init__(self, dsn: str, writers: Any, readers: Any) -> None:
        self.dsn = dsn
        self.writers = writers
        self.readers = readers

    @classmethod
    async def open(cls, dsn: str, *, writers_max: int, readers_max: int = READERS_MAX) -> "Pools":
        """Makes the pools; their connections are opened when they are needed."""
        async with StorageErrors():
            writers = await driver.create_pool(
                dsn, min_size=0, max_size=writers_max, init=_bytes_for_json, reset=_keep,
                server_settings=_WRITER_SETTINGS, **_COMMON,
            )  # fmt: skip
            try:
                readers = await driver.create_pool(
                    dsn, min_size=0, max_size=readers_max, init=_bytes_for_json, reset=_keep,
                    server_settings=_READER_SETTINGS, **_COMMON,
                )  # fmt: skip
            except BaseException:
                writers.terminate()
                raise
        return cls(dsn, writers, readers)

    async def close(self) -> None:
        """Closes what is open; connections in use are waited for."""
        async with StorageErrors():
            await self.writers.close()
            await self.readers.close()

    async def read(self, query: str, *args: Any) -> list[Any]:
        """Records of one query, JSON columns as bytes; raises StorageUnavailable."""
        async with StorageErrors(), self.readers.acquire(timeout=ACQUIRE_MS_MAX / 1_000) as con:
            found: list[Any] = await con.fetch(query, *args)
            return found

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["Snapshot"]:
        """A read-only view of one moment, for as long as it is held."""
        async with (
            StorageErrors(),
            self.readers.acquire(timeout=ACQUIRE_MS_MAX / 1_000) as con,
            con.transaction(isolation="repeatable_read", readonly=True),
        ):
            # Proofs join whole tables. Right after an import there are no statistics yet, and a
            # planner that takes the tables for small would walk one for each row of the other.
            await con.execute("SET LOCAL enable_nestloop = off")
            yield Snapshot(con)

    async def write(self, query: str, *args: Any) -> list[Any]:
        """One statement that commits by itself."""
        async with StorageErrors(), self.writers.acquire(timeout=ACQUIRE_MS_MAX / 1_000) as con:
            found: list[Any] = await con.fetch(query, *args)
            return found


class Snapshot(Reads):
    """One moment of the database: everything read through it belongs together."""

    def __init__(self, con: Any) -> None:
        self._con = con

    async def read(self, query: str, *args: Any) -> list[Any]:
        """Records of one query, JSON columns as bytes."""
        async with StorageErrors():
            found: list[Any] = await self._con.fetch(query, *args)
            return found

    @override
    async def fetch(self, query: str, *args: Any) -> list[Mapping[str, Any]]:
        return _decoded(await self.read(query, *args))


_COMMON: Final[Mapping[str, Any]] = {
    "timeout": CONNECT_MS_MAX / 1_000,
    "command_timeout": STATEMENT_MS_MAX / 1_000,
    "statement_cache_size": 512,
    "max_cacheable_statement_size": STATEMENT_CHARS_KEPT_MAX,
    "max_cached_statement_lifetime": 0,
    "max_inactive_connection_lifetime": 0,
}


class Lane:
    """A connection that stays with one writer, which spares it the pool's bookkeeping."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools
        self._con: Any = None

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """One statement that commits by itself; a connection that failed is replaced next time."""
        async with StorageErrors():
            found: list[Any] = await (await self.connection()).fetch(query, *args)
            return found

    async def connection(self) -> Any:
        """The connection; another one where the last has ended."""
        if not self._usable():
            await self.close()
            self._con = await self._pools.writers.acquire(timeout=ACQUIRE_MS_MAX / 1_000)
        return self._con

    def _usable(self) -> bool:
        """Whether the connection can be asked; one whose server end died is the pool's again."""
        if self._con is None:
            return False
        try:
            return not self._con.is_closed()
        except InterfaceError:
            self._con = None
            return False

    async def close(self) -> None:
        """Gives the connection back."""
        con, self._con = self._con, None
        if con is not None:
            await self._pools.writers.release(con)


class PostgresReads(Reads):
    """Read-only queries for screens; JSON columns come decoded."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    @override
    async def fetch(self, query: str, *args: Any) -> list[Mapping[str, Any]]:
        return _decoded(await self._pools.read(query, *args))


class _Json(bytes):
    """JSON text as the server has it, told apart from bytea."""

    __slots__ = ()


def _decoded(rows: list[Any]) -> list[Mapping[str, Any]]:
    if not rows:
        return []
    coded = [name for name, value in rows[0].items() if isinstance(value, (_Json, type(None)))]
    if not coded:
        return rows
    decoded: list[Mapping[str, Any]] = []
    for row in rows:
        plain = dict(row)
        for name in coded:
            if isinstance(plain[name], _Json):
                plain[name] = msgspec.json.decode(plain[name])
        decoded.append(plain)
    return decoded


def _from_jsonb(raw: bytes) -> _Json:
    return _Json(raw[1:])


def _to_jsonb(text: bytes) -> bytes:
    return b"\x01" + text


async def _keep(_: Any) -> None:
    """Nothing to reset: no code here leaves settings, listeners or cursors on a connection."""


async def _bytes_for_json(con: Any) -> None:
    """JSON goes in and out as bytes: whoever needs values decodes it, the others do not pay."""
    await con.set_type_codec(
        "json", schema="pg_catalog", encoder=bytes, decoder=_Json, format="binary"
    )
    await con.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_to_jsonb, decoder=_from_jsonb, format="binary"
    )
