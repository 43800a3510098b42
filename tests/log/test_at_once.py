"""What a transaction does in one statement is what it does in several."""

import pytest

from shopwire.adapters.postgres.writing import rounds
from shopwire.kernel.errors import ConstraintRefused, KeyInFlight, LogCorrupt
from shopwire.testing.conformance.sample import Counter, Line, new_event
from shopwire.testing.conformance.storage import DONE, OTHER, claim_of, counter, line, load

pytestmark = pytest.mark.anyio
ROWS = {Counter: [counter("s", "a"), counter("s", "b", 2)], Line: [line("s", "1")]}


async def test_rows_events_and_answers_are_written_together(harness):
    opened = await harness.open()
    async with opened.storage.transaction([0]) as tx:
        await tx.write(ROWS, {0: [new_event("a:1", 1)]}, [(claim_of("a"), DONE)])
    async with opened.storage.transaction([0]) as tx:
        assert not (await tx.claim([claim_of("a")]))[0].mine
        answers = [(claim_of("c"), OTHER), (claim_of("b"), DONE)]
        await tx.write(
            {Counter: [counter("s", "a", 7)]},
            {0: [new_event("a:1", 2), new_event("a:2", 1), new_event("a:1", 3)]},
            answers,
        )
    assert [row.count for row in await load(opened.storage, ("main", "s"))] == [7, 2]
    assert [event.topic for event in await opened.log.read(0, 0, 9)] == ["a:1", "a:1", "a:2", "a:1"]
    async with opened.storage.transaction([0]) as tx:
        told = await tx.claim([claim_of(name) for name in "abc"])
        assert [claimed.outcome for claimed in told] == [DONE, DONE, OTHER]


@pytest.mark.parametrize("rows", [{}, ROWS], ids=["no rows", "rows"])
@pytest.mark.parametrize("topics", [(), ("a:1",)], ids=["no events", "events"])
@pytest.mark.parametrize("keys", [(), ("a",)], ids=["no answers", "answers"])
async def test_each_part_may_be_missing(harness, rows, topics, keys):
    opened = await harness.open()
    events = {2: [new_event(topic, 1) for topic in topics]} if topics else {}
    async with opened.storage.transaction([2]) as tx:
        await tx.write(rows, events, [(claim_of(key), DONE) for key in keys])
    assert len(await load(opened.storage, ("main", "s"))) == len(rows.get(Counter, ()))
    assert (await opened.log.heads()).next == (0, 0, len(topics), 0)
    async with opened.storage.transaction([2]) as tx:
        assert (await tx.claim([claim_of("a")]))[0].mine is not bool(keys)


async def test_events_of_several_partitions_are_written_together(harness):
    opened = await harness.open()
    events = {3: [new_event("c:1", 1)], 0: [new_event("a:1", 1), new_event("a:1", 2)]}
    async with opened.storage.transaction([0, 3]) as tx:
        await tx.write(ROWS, events, [(claim_of("a"), DONE)])
    assert (await opened.log.heads()).next == (2, 0, 0, 1)
    assert [document.version for document in await opened.log.documents("main", ["a:1"])] == [2]


async def test_what_the_schema_refuses_is_refused_with_all_the_rest(harness):
    opened = await harness.open()
    rows = {Line: [line("s", "1")], Counter: [counter("s", "b", -1)]}
    with pytest.raises(ConstraintRefused) as refused:
        async with opened.storage.transaction([0]) as tx:
            await tx.write(rows, {0: [new_event("a:1", 1)]}, [(claim_of("a"), DONE)])
    assert refused.value.data == {"constraint": "sample_counter_limit"}
    await nothing_is_there(opened)


async def test_a_version_that_does_not_follow_refuses_all_the_rest(harness):
    opened = await harness.open()
    with pytest.raises(LogCorrupt):
        async with opened.storage.transaction([0]) as tx:
            await tx.write(ROWS, {0: [new_event("a:1", 2)]}, [(claim_of("a"), DONE)])
    await nothing_is_there(opened)


async def test_a_key_that_another_took_meanwhile_refuses_all_the_rest(harness):
    opened = await harness.open()
    async with opened.storage.transaction([1]) as tx:
        await tx.answer([(claim_of("b"), DONE)])
    answers = [(claim_of("a"), DONE), (claim_of("b"), DONE)]
    with pytest.raises(KeyInFlight):
        async with opened.storage.transaction([0]) as tx:
            await tx.write(ROWS, {0: [new_event("a:1", 1)]}, answers)
    await nothing_is_there(opened)


async def nothing_is_there(opened):
    assert await load(opened.storage, ("main", "s")) == []
    assert (await opened.log.heads()).next == (0, 0, 0, 0)
    async with opened.storage.transaction([0]) as tx:
        assert (await tx.claim([claim_of("a")]))[0].mine


def test_no_table_is_written_twice_by_one_statement():
    saves = {
        "item": "INSERT INTO item (a) SELECT 1",
        "sale": "INSERT INTO sale (a) SELECT 1",
        "open": "INSERT INTO sale (a) SELECT 2",
        "none": "SELECT 1",
        "late": "INSERT INTO sale (a) SELECT 3",
    }
    assert rounds(saves) == [["item", "sale", "none"], ["open"], ["late"]]
