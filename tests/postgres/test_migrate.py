"""The migration runner: each file once, all or nothing, never changed afterwards."""

import asyncio

import asyncpg
import pytest

from shopwire.adapters.postgres.migrate import Migration, load_migrations, migrate, pending
from shopwire.kernel.errors import SetupProblem

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

FIRST = Migration("9001_pre_first.sql", "pre", "CREATE TABLE first (n int); SELECT pg_sleep(0.1)")
SECOND = Migration("9002_post_second.sql", "post", "ALTER TABLE first ADD COLUMN m int")


async def columns(dsn: str, table: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT column_name FROM information_schema.columns WHERE table_name = $1 ORDER BY 1",
            table,
        )
    finally:
        await connection.close()
    return [row["column_name"] for row in rows]


async def test_two_runners_at_once_apply_each_file_once(database_url):
    applied = await asyncio.gather(
        *(migrate(database_url, migrations=[FIRST, SECOND]) for _ in range(3))
    )
    assert sorted(name for names in applied for name in names) == [FIRST.name, SECOND.name]
    assert await columns(database_url, "first") == ["m", "n"]


async def test_phases_are_applied_apart(database_url):
    assert await migrate(database_url, phase="pre", migrations=[FIRST, SECOND]) == [FIRST.name]
    assert await pending(database_url, migrations=[FIRST, SECOND]) == [SECOND.name]
    assert await migrate(database_url, phase="post", migrations=[FIRST, SECOND]) == [SECOND.name]


async def test_a_changed_file_is_refused(database_url):
    await migrate(database_url, migrations=[FIRST])
    changed = Migration(FIRST.name, "pre", "SELECT 1")
    with pytest.raises(SetupProblem, match="was changed"):
        await migrate(database_url, migrations=[changed, SECOND])
    assert await columns(database_url, "first") == ["n"]


async def test_a_failing_file_leaves_nothing_and_those_before_it_stay(database_url):
    failing = Migration("9003_pre_bad.sql", "pre", "CREATE TABLE half (n int); SELECT 1/0")
    with pytest.raises(SetupProblem, match="division by zero"):
        await migrate(database_url, migrations=[FIRST, failing])
    assert await columns(database_url, "half") == []
    assert await pending(database_url, migrations=[FIRST, failing]) == [failing.name]


async def test_the_schema_of_the_project_is_applied_in_order_and_complete(database_url):
    names = [migration.name for migration in load_migrations()]
    assert names == sorted(names)
    assert len({name[:4] for name in names}) == len(names)
    assert await pending(database_url) == []


def test_a_file_out_of_pattern_is_refused(tmp_path):
    (tmp_path / "1_bad.sql").write_text("SELECT 1")
    with pytest.raises(ValueError, match="1_bad"):
        load_migrations(tmp_path)
