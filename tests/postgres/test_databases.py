"""A database that is given again is as one that was just made."""

import asyncpg
import pytest
from tests.databases import SCHEMA, Databases, rows_of

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

USED = """
INSERT INTO documents VALUES ('main', 'product:a', 1, '{}', 1, 0);
INSERT INTO events VALUES (0, 0, 1, 'main', 'product:a', 1, 'Made', '{}', '{}', 'c', 1);
INSERT INTO consumer_position VALUES ('pricing', 0, 7);
UPDATE head SET next = 1, epoch = 9;
UPDATE log_meta SET log_id = gen_random_uuid();
ANALYZE events;
"""
BELIEVED = """
SELECT tablename, attname, null_frac, avg_width, n_distinct, correlation FROM pg_stats
WHERE schemaname = 'public'
UNION ALL SELECT relname, '', reltuples, relpages, 0, 0 FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1, 2
"""
WRITTEN_TO = ["consumer_position", "documents", "events", "head", "log_meta"]
TOUCHED = """
ALTER TABLE documents DROP CONSTRAINT documents_version_check
ALTER TABLE events DISABLE TRIGGER events_are_kept
DROP TRIGGER stock_ledger_is_kept ON stock_ledger
CREATE OR REPLACE FUNCTION log_is_kept() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'
CREATE TABLE another (n int)
ALTER TABLE head ALTER COLUMN next SET DEFAULT 1
ALTER TABLE head SET (fillfactor = 50)
CREATE INDEX another ON documents (version)
DROP INDEX idempotency_until
CREATE VIEW another AS SELECT 1 AS n
CREATE SCHEMA another
ALTER TYPE log_incoming ADD ATTRIBUTE n int
CREATE SEQUENCE another
SELECT lo_create(0)
"""


class Alone(Databases):
    """Databases of the same server, of which the first is given again."""

    def __init__(self, shared) -> None:
        super().__init__(shared._server)
        self._schema, self._first_rows = shared._schema, shared._first_rows

    def dsn(self, name):
        return self._server.dsn(name)

    async def con(self, name):
        return await asyncpg.connect(self.dsn(name))


@pytest.fixture
async def alone(databases):
    alone = Alone(databases)
    yield alone
    for name in [*alone._given, *(kept.name for kept in alone._free)]:
        await alone._admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def test_one_that_was_used_is_given_again_without_a_trace(alone):
    name = await alone.take()
    left_open = await alone.con(name)
    new = await rows_of(alone.dsn(name))
    await left_open.execute(USED)
    used = await rows_of(alone.dsn(name))
    assert [table for table in used if used[table] != new.get(table)] == WRITTEN_TO
    await left_open.execute("BEGIN; LOCK TABLE events IN SHARE MODE")
    await alone.give_back(name)
    assert (await alone.take(), alone.made) == (name, 1)
    assert await rows_of(alone.dsn(name)) == new
    with pytest.raises(asyncpg.InterfaceError):
        await left_open.execute("COMMIT")


async def test_what_autovacuum_believed_of_the_rows_of_before_is_forgotten(alone):
    name = await alone.take()
    used = await alone.con(name)
    if used.get_server_version() < (18,):
        pytest.skip("statistics can be cleared since PostgreSQL 18")
    told = await used.fetch(BELIEVED)
    await used.execute(f"{USED}; ANALYZE")
    assert await used.fetch(BELIEVED) != told
    await used.execute("DELETE FROM documents; ANALYZE documents")
    await used.close()
    await alone.give_back(name)
    again = await alone.con(await alone.take())
    found = await again.fetch(BELIEVED)
    assert (found, alone.made) == (told, 1)
    await again.close()


async def test_one_whose_schema_was_touched_is_dropped(alone):
    name = await alone.take()
    connection = await alone.con(name)
    await connection.execute(TOUCHED.strip().splitlines()[0])
    await connection.close()
    await alone.give_back(name)
    assert await alone.take() != name
    assert alone.made == 2
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await alone.con(name)


async def test_whatever_touches_a_schema_is_seen(alone):
    connection = await alone.con(await alone.take())
    before = await connection.fetchval(SCHEMA)
    for statement in TOUCHED.strip().splitlines():
        begun = connection.transaction()
        await begun.start()
        await connection.execute(statement)
        assert await connection.fetchval(SCHEMA) != before, statement
        await begun.rollback()
    await connection.execute("CREATE TEMPORARY TABLE another (n int); ANALYZE")
    assert await connection.fetchval(SCHEMA) == before
    await connection.close()
