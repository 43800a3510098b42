"""Statements are parsed and planned once a connection, the longest of them as well."""

import pytest

from shopwire.adapters.limits import STATEMENT_CHARS_KEPT_MAX
from shopwire.adapters.postgres.pool import Pools
from shopwire.adapters.postgres.reading import together
from shopwire.adapters.postgres.rows import RowCodec
from shopwire.adapters.postgres.writing import Statement
from shopwire.kernel.queries import load_queries
from shopwire.services.parts import MODULES

pytestmark = pytest.mark.anyio
SQL = load_queries("shopwire.adapters.postgres")
KEPT = "SELECT name, length(statement) AS chars FROM pg_prepared_statements WHERE statement = $1"


@pytest.mark.postgres
async def test_a_statement_as_long_as_the_limit_is_planned_once(database_url):
    pools = await Pools.open(database_url, writers_max=1)
    query = "SELECT 1 -- what all of a batch writes is long".ljust(STATEMENT_CHARS_KEPT_MAX)
    try:
        for acquire in (pools.writers.acquire, pools.readers.acquire):
            async with acquire() as con:
                await con.fetch(query)
                first = await con.fetch(KEPT, query)
                await con.fetch(query)
                assert [row["chars"] for row in first] == [STATEMENT_CHARS_KEPT_MAX]
                assert await con.fetch(KEPT, query) == first
    finally:
        await pools.close()


def test_no_batch_makes_a_statement_that_is_longer():
    codecs = [RowCodec(table) for module in MODULES for table in module.tables]
    looked = (SQL["look_heads"], SQL["claim"], *(codec.load_json for codec in codecs))
    assert len(together(looked)) <= STATEMENT_CHARS_KEPT_MAX
    statement = Statement()
    for codec in codecs:
        statement.save(codec.save, b"[]")
    statement.append_wide([])
    statement.advance([])
    statement.answer("answer", [])
    assert len(statement.sql) <= STATEMENT_CHARS_KEPT_MAX
