"""Brings a database's schema up to date: numbered .sql files, each once, each in a transaction."""

import hashlib
import re
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final, Literal

import asyncpg
import msgspec

from shopwire.kernel.errors import SetupProblem

Phase = Literal["pre", "post", "all"]
"""`pre` runs before a deploy, `post` after it; the previous release works in between."""

FIRST_MIGRATION: Final = "0001_pre_log.sql"
"""Applied where a shop begins."""

_NAME: Final = re.compile(r"(?P<number>\d{4})_(?P<phase>pre|post)_[a-z0-9_]+\.sql")
_LOCK: Final = 0x53_48_4F_50
"""Key of the advisory lock: two runners at once apply each file once."""
_LEDGER: Final = (
    "CREATE TABLE IF NOT EXISTS schema_migration (name text PRIMARY KEY,"
    " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
)


class Migration(msgspec.Struct, frozen=True):
    """One file."""

    name: str
    phase: str
    sql: str

    @property
    def checksum(self) -> str:
        """Digest of the file; an applied file must never change."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load_migrations(folder: Traversable | None = None) -> list[Migration]:
    """All files in the order of their numbers; raises ValueError for a name out of pattern."""
    folder = folder or resources.files("shopwire.adapters.postgres").joinpath("migrations")
    found: list[Migration] = []
    for file in folder.iterdir():
        if not file.name.endswith(".sql"):
            continue
        parts = _NAME.fullmatch(file.name)
        if parts is None:
            raise ValueError(f"{file.name} is not named NNNN_pre_what.sql or NNNN_post_what.sql")
        found.append(Migration(file.name, parts["phase"], file.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.name)


async def migrate(
    dsn: str, *, phase: Phase = "all", migrations: list[Migration] | None = None
) -> list[str]:
    """Applies what is missing and returns its names.

    Raises SetupProblem where an applied file was changed or a file fails; a failing file leaves
    nothing behind and those before it stay.
    """
    wanted = load_migrations() if migrations is None else migrations
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(_LEDGER)
        applied = await _applied(connection)
        done: list[str] = []
        for migration in wanted:
            known = applied.get(migration.name)
            if known is not None and known != migration.checksum:
                raise SetupProblem(
                    f"{migration.name} was changed after it had been applied.",
                    what="migration",
                    reason="restore the file and put the change into a new one",
                )
            if known is None and phase in (migration.phase, "all"):
                await _apply(connection, migration)
                done.append(migration.name)
        return done
    finally:
        await connection.close()


async def pending(dsn: str, *, migrations: list[Migration] | None = None) -> list[str]:
    """Names of the files that `migrate` would apply; changes nothing."""
    wanted = load_migrations() if migrations is None else migrations
    connection = await asyncpg.connect(dsn)
    try:
        known = await connection.fetchval("SELECT to_regclass('schema_migration') IS NOT NULL")
        applied = await _applied(connection) if known else {}
    finally:
        await connection.close()
    return [migration.name for migration in wanted if migration.name not in applied]


async def _applied(connection: Any) -> dict[str, str]:
    rows = await connection.fetch("SELECT name, checksum FROM schema_migration")
    return {row["name"]: row["checksum"] for row in rows}


async def _apply(connection: Any, migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO schema_migration (name, checksum) VALUES ($1, $2)",
                migration.name,
                migration.checksum,
            )
    except asyncpg.PostgresError as problem:
        raise SetupProblem(
            f"{migration.name} failed: {problem}", what="migration", reason=str(problem)
        ) from problem
