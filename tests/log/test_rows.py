"""What a row may hold, and how a table's `save` gets it."""

from typing import Literal

import msgspec
import pytest

from shopwire.adapters.postgres.rows import RowCodec
from shopwire.adapters.postgres.store import open_store
from shopwire.kernel.errors import ConstraintRefused
from shopwire.kernel.rows import Row, Table
from shopwire.testing.conformance.sample import TABLES, Counter

pytestmark = pytest.mark.anyio


class Box(Row, frozen=True, kw_only=True, omit_defaults=True):
    table = "box"
    group_field = "id"
    key_fields = ("id",)

    id: str
    note: str | None = None
    label: str = "it's"
    size: int = 3
    full: bool = True
    marks: tuple[str, ...] | None = None
    sides: tuple[int, ...] = (1, 2)


CREATE = """
CREATE TABLE box (
    tenant text, id text, note text, label text NOT NULL, size bigint NOT NULL,
    "full" boolean NOT NULL, marks jsonb NOT NULL, sides jsonb NOT NULL,
    PRIMARY KEY (tenant, id)
)
"""
LOAD = """
SELECT b.tenant, b.id, b.note, b.label, b.size, b."full", b.marks, b.sides
FROM unnest($1::text[], $2::text[]) AS wanted (tenant, id) JOIN box b USING (tenant, id)
"""
SAVE = """
INSERT INTO box (tenant, id, note, label, size, "full", marks, sides)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::boolean[], $7::jsonb[],
    $8::jsonb[]
)
"""
TABLE = Table(kind=Box, load=LOAD, save=SAVE)


@pytest.mark.postgres
async def test_rows_come_back_as_they_were_saved(postgres_harness):
    await postgres_harness.run(CREATE)
    boxes = [
        Box(tenant="main", id="plain", note='"\\ \u2028 ü \n', size=2**63 - 1, full=False),
        Box(tenant="main", id="empty", note="", label="", size=-(2**63), marks=(), sides=()),
        Box(tenant="main", id="marked", marks=("a", "b,c"), sides=(0,)),
        Box(tenant="main", id="as ever"),
        Box(tenant="main", id="nothing", size=0),
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
        SAVE.replace(", $6::boolean[]", ""),
        SAVE.replace("$6::boolean[], $7::jsonb[]", "$7::jsonb[], $6::boolean[]"),
        SAVE + SAVE,
    ],
)
def test_a_save_that_takes_something_else_is_found_at_the_start(save):
    with pytest.raises(ValueError, match="Box"):
        RowCodec(Table(kind=Box, load=LOAD, save=save))


def test_a_field_whose_none_would_become_its_default_is_found_at_the_start():
    class Vague(Box, frozen=True, kw_only=True):
        note: str | None = "none"

    with pytest.raises(ValueError, match="Vague"):
        RowCodec(Table(kind=Vague, load=LOAD, save=SAVE))


@pytest.mark.parametrize("label", ["$1", "a\\b"])
def test_a_default_that_no_statement_can_hold_is_found_at_the_start(label):
    fields = [("label", str, label)]
    odd = msgspec.defstruct("Odd", fields, bases=(Box,), kw_only=True, frozen=True)
    with pytest.raises(ValueError, match="statement"):
        RowCodec(Table(kind=odd, load=LOAD, save=SAVE))


def test_a_save_is_one_argument_however_many_fields_there_are():
    (table,) = (table for table in TABLES if table.kind is Counter)
    assert "$2" not in RowCodec(table).save


def test_a_word_that_only_a_later_release_knows_is_read_and_written_back():
    class Sided(Box, frozen=True, kw_only=True):
        side: Literal["left", "right"] = "left"

    save = SAVE.replace("sides)", "sides, side)").replace("$8::jsonb[]", "$8::jsonb[], $9::text[]")
    codec = RowCodec(Table(kind=Sided, load=LOAD, save=save))
    known = msgspec.json.encode([Sided(tenant="main", id="a", marks=("m",), sides=(3,))])
    later = known.replace(b'"sides"', b'"side":"under","sides"')
    assert codec.rows_of(known) == [Sided(tenant="main", id="a", marks=("m",), sides=(3,))]
    (read,) = codec.rows_of(later)
    assert (read.side, read.marks, read.sides) == ("under", ("m",), (3,))
    assert b'"under"' in codec.argument([read])
    with pytest.raises(msgspec.ValidationError):
        codec.rows_of(known.replace(b"[3]", b'["x"]'))
