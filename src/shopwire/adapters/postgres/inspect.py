"""Looks at a database without changing anything in it."""

import asyncio
from typing import Final

import asyncpg
import msgspec

from shopwire.adapters.postgres.migrate import pending
from shopwire.kernel.errors import SetupProblem
from shopwire.kernel.queries import load_queries

LOOK_MS_MAX: Final = 5_000
"""A database that takes longer to answer counts as unreachable."""
OVERDUE_MS: Final = 300_000
"""What should have been done so long ago is told."""

_SQL: Final = load_queries("shopwire.adapters.postgres", "inspect.sql")


class DatabaseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A server's version and settings, and how far its schema is."""

    version: str
    major: int
    fsync: bool
    full_page_writes: bool
    synchronous_commit: str
    connections_max: int
    standby: bool
    may_create: bool
    has_log: bool
    pending: list[str]
    """Migrations that the next start applies."""
    unreached: tuple[str, ...] = ()
    """Suppliers with open orders of whom nobody said how they are reached."""
    troubled: tuple[str, ...] = ()
    """Suppliers whose orders did not leave, or may not have arrived."""
    overdue: tuple[str, ...] = ()
    """Sources that nobody fetched when they were due, as `supplier/name`."""
    left_alone: tuple[str, ...] = ()
    """Sources whose run was not heard of, and was taken over by nobody."""
    stopped: tuple[str, ...] = ()
    """Suppliers whose data is stale, or whose sources rest after failures."""
    held: tuple[str, ...] = ()
    """Runs that wait for a person."""
    waiting: tuple[str, ...] = ()
    """Bundles of orders that should have left."""
    operators: int | None = None
    """Operators who can log in with a password; None where the schema is not up to date."""

    @property
    def is_current(self) -> bool:
        """Whether this is a shop whose rows mean what we think."""
        return self.has_log and not self.pending

    @property
    def is_durable(self) -> bool:
        """Whether a commit that was answered outlives a loss of power."""
        kept = self.synchronous_commit not in ("off", "local")
        return self.fsync and self.full_page_writes and kept


async def look_at(dsn: str) -> DatabaseFacts:
    """Asks the database at `dsn`; raises SetupProblem where it does not answer in time."""
    try:
        return await asyncio.wait_for(_look(dsn), LOOK_MS_MAX / 1_000)
    except TimeoutError as problem:
        reason = f"no answer within {LOOK_MS_MAX} ms"
        raise SetupProblem(
            f"The database does not answer: {reason}.", what="database", reason=reason
        ) from problem
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as problem:
        reason = str(problem) or type(problem).__name__
        raise SetupProblem(
            f"The database cannot be used: {reason}", what="database", reason=reason
        ) from problem


async def _look(dsn: str) -> DatabaseFacts:
    connection = await asyncpg.connect(dsn)
    try:
        facts = dict(await connection.fetchrow(_SQL["server_facts"]))
        has_log = await connection.fetchval(_SQL["has_log"])
        waiting = await pending(dsn)
        if not waiting:
            found = await connection.fetchrow(_SQL["suppliers_facts"])
            facts |= {name: tuple(names) for name, names in found.items()}
            work = dict(await connection.fetchrow(_SQL["work_facts"], OVERDUE_MS))
            facts["operators"] = work.pop("operators")
            facts |= {name: tuple(names) for name, names in work.items()}
    finally:
        await connection.close()
    return DatabaseFacts(**facts, has_log=has_log, pending=waiting)
