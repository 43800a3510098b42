"""Texts that go as one text are the same texts on the other side."""

import asyncpg
import pytest

from shopwire.adapters.postgres.arrays import taking_texts, text_array, text_arrays
from shopwire.adapters.postgres.store import open_store
from shopwire.kernel.errors import ConstraintRefused
from shopwire.testing.conformance.sample import TABLES, Counter

pytestmark = pytest.mark.anyio

PLAIN = ["", "a", "NULL", "null", "a,b", "{x}", "it's", " ", "ü \u2028 \x7f", "1"]
ODD = ['"', "\\", '\\"', "\n", "\x1f", "\t{", "a\\nb", "NULL\\", "ü\r\x01"]


@pytest.mark.postgres
@pytest.mark.parametrize("texts", [PLAIN, ODD, PLAIN + ODD, []], ids=["plain", "odd", "all", "no"])
async def test_texts_arrive_as_they_are(database_url, texts):
    con = await asyncpg.connect(database_url)
    try:
        query = taking_texts("SELECT t FROM unnest($1::text[]) WITH ORDINALITY AS u (t, n)")
        found = await con.fetch(f"{query} ORDER BY n", text_array(texts))
        assert [row["t"] for row in found] == texts
    finally:
        await con.close()


@pytest.mark.postgres
@pytest.mark.parametrize("name", ["a\0b", "\ud800"], ids=["nul", "half a letter"])
async def test_a_name_that_no_text_can_be_is_refused_as_a_constraint_is(postgres_harness, name):
    async with open_store(postgres_harness.dsn, TABLES) as store:
        with pytest.raises(ConstraintRefused):
            async with store.storage.transaction([0]) as tx:
                await tx.load(Counter, [("main", name)])


def test_rows_become_an_array_a_column_also_where_there_are_none():
    assert text_arrays([("a", "b"), ("c", "d")], 2) == ['{"a","c"}', '{"b","d"}']
    assert text_arrays([], 4) == ["{}"] * 4
