"""What a row may hold, and how a table's `save` gets it."""

import pytest

from shopwire.adapters.postgres.rows import RowCodec
from shopwire.adapters.postgres.store import open_store
from shopwire.kernel.errors import ConstraintRefused
from shopwire.kernel.rows import Row, Table
from shopwire.testing.conformance.sample import TABLES, Counter

pytestmark = pytest.mark.anyio


class Box(Row, frozen=True, kw_only=True):
    table = "box"
    group_field = "id"
    key_fields = ("id",)

    id: str
    note: str | None = None
    size: int = 0
    full: bool = False
    marks: tuple[str, ...] | None = None


CREATE = """
CREATE TABLE box (
    tenant text, id text, note text, size bigint, "full" boolean, marks jsonb NOT NULL,
    PRIMARY KEY (tenant, id)
)
"""
LOAD = """
SELECT b.tenant, b.id, b.note, b.size, b."full", b.marks
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id) JOIN box b USING (tenant, id)
"""
SAVE = """
INSERT INTO box (tenant, id, note, size, "full", marks)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::boolean[], $6::jsonb[])
"""
TABLE = Table(kind=Box, load=LOAD, save=SAVE)


@pytest.mark.postgres
async def test_rows_come_back_as_they_were_saved(postgres_harness):
    await postgres_harness.run(CREATE)
    boxes = [
        Box(tenant="main", id="plain", note='"\\ \u2028 ü \n', size=2**63 - 1, full=True),
        Box(tenant="main", id="empty", note="", size=-(2**63), marks=()),
        Box(tenant="main", id="marked", marks=("a", "b,c")),
    ]
    async with open_store(postgres_harness.dsn, [TABLE]) as store:
        async with store.storage.transaction([0]) as tx:
            await tx.save({Box: boxes})
        async with store.storage.transaction([]) as tx:
            found = await tx.load(Box, [("main", box.id) for box in boxes])
    assert sorted(found, key=lambda box: box.id) == sorted(boxes, key=lambda box: box.id)


@pytest.mark.postgres
@pytest.mark.parametrize(
    "box",
    [
        Box(tenant="main", id="nul", note="a\0b"),
        Box(tenant="main", id="half", note="\ud800"),
        Box(tenant="main", id="more", size=2**63),
        Box(tenant="main", id="most", size=2**70),
    ],
    ids=lambda box: box.id,
)
async def test_what_no_column_can_hold_is_refused_as_a_constraint_is(postgres_harness, box):
    await postgres_harness.run(CREATE)
    async with open_store(postgres_harness.dsn, [TABLE]) as store:
        with pytest.raises(ConstraintRefused):
            async with store.storage.transaction([0]) as tx:
                await tx.save({Box: [box]})


@pytest.mark.parametrize(
    "save",
    [
        "INSERT INTO box VALUES ($1, $2)",
        SAVE.replace(", $6::jsonb[]", ""),
        SAVE.replace("$5::boolean[], $6::jsonb[]", "$6::jsonb[], $5::boolean[]"),
        SAVE + SAVE,
    ],
)
def test_a_save_that_takes_something_else_is_found_at_the_start(save):
    with pytest.raises(ValueError, match="Box"):
        RowCodec(Table(kind=Box, load=LOAD, save=save))


def test_a_kind_that_leaves_fields_out_is_found_at_the_start():
    class Sparse(Box, frozen=True, kw_only=True, omit_defaults=True):
        pass

    with pytest.raises(ValueError, match="Sparse"):
        RowCodec(Table(kind=Sparse, load=LOAD, save=SAVE))


def test_a_save_is_one_argument_however_many_fields_there_are():
    (table,) = (table for table in TABLES if table.kind is Counter)
    assert "$2" not in RowCodec(table).save
