"""Migrated databases for tests: one that is given again is as it was new.

To make a database is dearer than to empty one: hundreds of files, checkpoints that are waited for,
and caches that its first connection builds. So one that a test gives back is emptied and kept
for the next test, unless its schema was touched: that one is dropped.
"""

import uuid
from dataclasses import dataclass
from typing import Any

import asyncpg

from shopwire.adapters.postgres.migrate import migrate
from shopwire.adapters.postgres.server import EmbeddedPostgres

TEMPLATE = "template_shop"
KEPT_MAX = 4
"""Databases that wait for their next test; one more is dropped."""
TERMINATE_MS_MAX = 10_000
"""How long a connection that a test left open may take to end; the database is dropped then."""

# What a rolled back or committed DDL statement leaves behind: rows of the catalogue have other
# writers, or are more or fewer. What ANALYZE and vacuum tell is written in place and changes none.
SCHEMA = """
SELECT string_agg(format('%s %s %s', what, rows, writers), E'\\n' ORDER BY what) FROM (
    SELECT what, count(*) AS rows, sum(writer::text::bigint) AS writers FROM (
        SELECT 'class' AS what, xmin AS writer FROM pg_class WHERE oid >= 16384
            AND relkind <> 't' AND relpersistence <> 't'
        UNION ALL SELECT 'attribute', a.xmin FROM pg_attribute AS a
            JOIN pg_class AS c ON c.oid = attrelid AND relpersistence <> 't' AND relkind <> 't'
            WHERE attrelid >= 16384
        UNION ALL SELECT 'default', xmin FROM pg_attrdef
        UNION ALL SELECT 'constraint', xmin FROM pg_constraint
        UNION ALL SELECT 'trigger', xmin FROM pg_trigger
        UNION ALL SELECT 'index', xmin FROM pg_index WHERE indexrelid >= 16384
        UNION ALL SELECT 'function', xmin FROM pg_proc WHERE oid >= 16384
        UNION ALL SELECT 'rule', xmin FROM pg_rewrite WHERE oid >= 16384
        UNION ALL SELECT 'schema', xmin FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'
        UNION ALL SELECT 'extension', xmin FROM pg_extension
        UNION ALL SELECT 'event trigger', xmin FROM pg_event_trigger
        UNION ALL SELECT 'setting', xmin FROM pg_db_role_setting
            WHERE setdatabase IN (0, (SELECT oid FROM pg_database
                                      WHERE datname = current_database()))
        UNION ALL SELECT 'large object', xmin FROM pg_largeobject_metadata
        UNION ALL SELECT 'statistics', xmin FROM pg_statistic_ext
        UNION ALL SELECT 'policy', xmin FROM pg_policy
    ) AS written GROUP BY what
) AS counted
"""

WRITTEN = """
SELECT format('%I.%I', nspname, relname) FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE relkind = 'r' AND c.oid >= 16384 AND nspname !~ '^pg_' AND pg_relation_size(c.oid) > 0
ORDER BY 1
"""

FIRST_ROWS = "SELECT json_agg(t ORDER BY t::text)::text FROM {} AS t"

UNTOLD = """
SELECT relname::text FROM pg_class AS c JOIN pg_attribute AS a ON attrelid = c.oid
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attname = 'tenant'
    AND NOT EXISTS (
        SELECT FROM pg_statistic WHERE starelid = c.oid AND staattnum = attnum
    )
"""

TABLES = """
SELECT relname::text FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1
"""

REFILL = "INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, $1)"

# What ANALYZE and vacuum found, and what makes autovacuum look again: plans depend on it. What
# the migrations tell the planner is told anew.
BELIEFS = """
SELECT pg_clear_attribute_stats('public', tablename, attname, inherited) FROM pg_stats
WHERE schemaname = 'public';
SELECT pg_clear_relation_stats('public', relname), pg_stat_reset_single_table_counters(c.oid)
FROM pg_class AS c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    AND (reltuples >= 0 OR pg_stat_get_mod_since_analyze(c.oid) > 0
        OR pg_stat_get_ins_since_vacuum(c.oid) > 0);
SELECT tenants_are_few()
"""

OTHERS = """
SELECT coalesce(bool_and(pg_terminate_backend(pid, $1)), true) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass
class Kept:
    """A database and what its schema is told by."""

    name: str
    schema: str


class Databases:
    """The databases of one server; its template is made by the first call of `make_template`."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._free: list[Kept] = []
        self._given: dict[str, Kept] = {}
        self._schema = ""
        self._first_rows: dict[str, str] = {}
        self.made = 0
        """Databases that were made and not given again."""
        self.untold: list[str] = []
        """Tables of which no migration told the planner that tenants are few."""

    async def make_template(self) -> None:
        """Applies the migrations once, and remembers which rows they wrote."""
        await self._admin(f"CREATE DATABASE {TEMPLATE}")
        dsn = self._server.dsn(TEMPLATE)
        await migrate(dsn)
        connection = await asyncpg.connect(dsn)
        try:
            if connection.get_server_version() >= (18,):
                self.untold = [row[0] for row in await connection.fetch(UNTOLD)]
                await connection.execute(BELIEFS)
            self._schema = await connection.fetchval(SCHEMA)
            for (table,) in await connection.fetch(WRITTEN):
                rows = await connection.fetchval(FIRST_ROWS.format(table))
                if rows is not None:
                    self._first_rows[table] = rows
        finally:
            await connection.close()

    async def take(self) -> str:
        """A migrated database that nobody else uses; its name."""
        if self._free:
            kept = self._free.pop()
        else:
            self.made += 1
            kept = Kept(f"test_{uuid.uuid4().hex[:12]}", self._schema)
            await self._admin(f"CREATE DATABASE {kept.name} TEMPLATE {TEMPLATE} STRATEGY=FILE_COPY")
        self._given[kept.name] = kept
        return kept.name

    async def give_back(self, name: str) -> None:
        """Whoever still uses it is cut off."""
        kept = self._given.pop(name)
        if len(self._free) < KEPT_MAX and await self._emptied(kept):
            self._free.append(kept)
        else:
            await self._admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def _emptied(self, kept: Kept) -> bool:
        """Whether it is as it was new."""
        try:
            connection = await asyncpg.connect(self._server.dsn(kept.name))
        except asyncpg.InvalidCatalogNameError:
            return False  # the test dropped it
        try:
            if not await connection.fetchval(OTHERS, TERMINATE_MS_MAX):
                return False
            if await connection.fetchval(SCHEMA) != kept.schema:
                return False
            await self._empty(connection)
            # To empty a table gives it new files, which its row in the catalogue names.
            kept.schema = await connection.fetchval(SCHEMA)
        finally:
            await connection.close()
        return True

    async def _empty(self, connection: Any) -> None:
        written = [table for (table,) in await connection.fetch(WRITTEN)]
        dirty = [table for table in written if table not in self._first_rows]
        async with connection.transaction():
            # Some tables refuse to lose rows, and refer to one another: not now.
            await connection.execute("SET LOCAL session_replication_role = replica")
            if dirty:
                await connection.execute(f"TRUNCATE {', '.join(dirty)} CASCADE")
            for table, rows in self._first_rows.items():
                if await connection.fetchval(FIRST_ROWS.format(table)) != rows:
                    await connection.execute(f"TRUNCATE {table} CASCADE")
                    await connection.execute(REFILL.format(table), rows)
            if connection.get_server_version() >= (18,):
                await connection.execute(BELIEFS)

    async def _admin(self, statement: str) -> None:
        connection = await asyncpg.connect(self._server.dsn("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


async def rows_of(dsn: str, *, turns: bool = True) -> dict[str, list[str]]:
    """All rows of all tables, as sorted text: one connection and one statement.

    Without `turns` a head does not say how often it was locked.
    """
    connection = await asyncpg.connect(dsn)
    try:
        tables = [table for (table,) in await connection.fetch(TABLES)]
        texts = dict.fromkeys(tables, "t::text")
        if not turns:
            texts["head"] = "(to_jsonb(t) - 'turn')::text"
        parts = (f"SELECT '{name}', {text} FROM {name} AS t" for name, text in texts.items())
        rows = await connection.fetch(" UNION ALL ".join(parts))
    finally:
        await connection.close()
    found: dict[str, list[str]] = {table: [] for table in tables}
    for table, text in rows:
        found[table].append(text)
    return {table: sorted(texts) for table, texts in found.items()}
