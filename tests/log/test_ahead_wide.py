"""Batches of several partitions that are decided while one before them commits.

The first holds the shelves `a` and `b`, the second `b` and `d`: they share one head of two.
"""

import asyncio

import msgspec
import pytest
from tests.log.test_ahead import Two, Watched, failed, running
from tests.log.test_spanning import counts, each
from tests.log.test_write_path import answer_of, error_of, events

from shopwire.adapters.postgres.writing import Combinations
from shopwire.kernel.errors import ConstraintRefused, Fenced, PositionMoved, StorageUnavailable
from shopwire.kernel.ids import partition_of
from shopwire.testing.conformance.sample import COUNT_MAX, Counter, CountUp, count_up

pytestmark = pytest.mark.anyio
FIRST = {partition_of("main", shelf, 4) for shelf in "ab"}
SECOND = {partition_of("main", shelf, 4) for shelf in "bd"}
(SHARED,) = FIRST & SECOND
(OWN,) = SECOND - FIRST


@pytest.fixture
async def opened(harness, monkeypatch):
    monkeypatch.setattr(Combinations, "allow", lambda *_: True)
    return await harness.open()


@pytest.fixture
async def two(opened):
    storage = Watched(opened.storage)
    async with running(storage) as path:
        yield Two(storage, path)


def pair(key, shelves, by=1):
    return each(key, *(CountUp(shelf=shelf, by=by) for shelf in shelves))


async def test_a_wide_batch_is_decided_while_the_one_before_it_commits(two, opened):
    one = await two.first(pair("1", "ab"))
    other = await two.second(pair("2", "bd"))
    two.let_go()
    assert answer_of(await one).versions == {"counter:a/a": 1, "counter:b/a": 1}
    assert answer_of(await other).versions == {"counter:b/a": 2, "counter:d/a": 1}
    (first_look, first), (second_look, second) = two.storage.turns
    assert (first_look.keys(), second.keys()) == (FIRST, SECOND)
    assert first == first_look
    assert second == second_look | {SHARED: first[SHARED] + 1}
    assert two.storage.locked == 0
    assert await counts(opened) == {"a/a": 1, "b/a": 2, "d/a": 1}


async def test_a_wide_batch_is_written_apart_from_one_that_shares_no_head(two, opened):
    one = await two.first(pair("1", "ab"))
    other = await two.second(pair("2", "de"))
    two.let_go()
    assert (await one).ok
    assert (await other).ok
    assert two.storage.turns[1][0] == two.storage.turns[1][1]
    assert await counts(opened) == {f"{shelf}/a": 1 for shelf in "abde"}


async def test_a_key_in_both_wide_batches_has_one_effect(two, opened):
    one = await two.first(pair("1", "ab"))
    again = await two.second(pair("1", "ab"))
    two.let_go()
    assert msgspec.structs.replace(await one, replayed=True) == await again
    assert await counts(opened) == {"a/a": 1, "b/a": 1}


@pytest.mark.parametrize("lose", ["before", "after"])
async def test_a_wide_batch_whose_predecessor_broke_is_decided_anew(two, opened, lose):
    two.storage.lose = lose
    one = await two.first(pair("1", "ab"))
    other = await two.second(pair("2", "bd"))
    again = asyncio.create_task(two.path.submit(pair("1", "ab")))
    two.let_go()
    await failed(one, StorageUnavailable)
    assert (await other).ok
    assert (await again).replayed == (lose == "after")
    assert await counts(opened) == {"a/a": 1, "b/a": 2, "d/a": 1}


async def test_a_wide_batch_whose_predecessor_the_schema_refused_is_decided_anew(two, opened):
    one = await two.first(pair("1", "ab", by=COUNT_MAX + 1))
    other = await two.second(pair("2", "bd"))
    two.let_go()
    assert error_of(await one).code == ConstraintRefused.code
    assert answer_of(await other).versions == {"counter:b/a": 1, "counter:d/a": 1}
    assert await counts(opened) == {"b/a": 1, "d/a": 1}


async def test_both_wide_batches_of_a_fenced_writer_are_refused(two, opened, harness):
    before = await events(opened)
    one = await two.first(pair("1", "ab"))
    other = await two.second(pair("2", "bd"))
    await harness.new_epoch()
    two.let_go()
    await failed(one, Fenced)
    await failed(other, Fenced)
    there = await harness.open()
    assert (await counts(there), await events(there)) == ({}, before)


@pytest.mark.parametrize("where", [SHARED, OWN], ids=["shared", "own"])
async def test_a_wide_batch_is_decided_anew_if_somebody_held_one_of_its_heads(
    two, opened, harness, where
):
    there = await harness.open()
    one = await two.first(pair("1", "ab"))
    other = await two.second(pair("2", "bd"))
    two.storage.go.release()
    assert (await one).ok
    await two.storage.arrived.acquire()  # the second stands before its commit
    shelf = "b" if where == SHARED else "d"
    row = Counter(tenant="main", shelf=shelf, id="a", count=100, version=1)
    async with there.storage.transaction([where]) as tx:
        held = {one.id: one for one in await tx.load(Counter, [("main", shelf)])}
        found = held.get("a", msgspec.structs.replace(row, version=0))
        await tx.save({Counter: [msgspec.structs.replace(found, count=100)]})
    two.let_go()
    assert (await other).ok
    assert (await counts(opened))[f"{shelf}/a"] == 101
    assert two.storage.locked == 1


async def test_a_wide_batch_does_not_stand_on_a_head_that_somebody_had_before_the_first(
    two, opened, harness
):
    there = await harness.open()
    one = await two.first(pair("1", "ab"))
    for _ in range(2):
        async with there.storage.transaction([SHARED]):
            pass
    other = await two.second(pair("2", "bd"))
    two.let_go()
    assert (await one).ok
    assert (await other).ok
    assert await counts(opened) == {"a/a": 1, "b/a": 2, "d/a": 1}
    assert two.storage.locked == 2


async def test_single_partitions_wait_for_a_wide_batch_on_its_way_or_ride_along(two, opened):
    one = await two.first(pair("1", "ab"))
    narrow = asyncio.create_task(two.path.submit(count_up("n", "b")))
    other = await two.second(pair("2", "bd"))
    assert len(two.storage.turns) == 1
    two.let_go()
    assert (await one).ok
    told = await asyncio.gather(narrow, other)
    assert [answer_of(one).versions["counter:b/a"] for one in told] == [3, 2]
    assert len(two.storage.turns) == 2


async def test_a_consumers_step_rides_along_and_moves_with_its_batch(two, opened):
    one = await two.first(pair("1", "ab"))
    step = asyncio.create_task(two.path.react("c", 2, 0, 5, [count_up("r", "b")]))
    other = await two.second(pair("2", "bd"))
    assert await opened.log.position("c", 2) == 0
    two.let_go()
    assert (await one).ok
    assert (await other).ok
    assert answer_of((await step)[0]).versions == {"counter:b/a": 3}
    assert await opened.log.position("c", 2) == 5
    assert two.storage.locked == 0


async def test_a_step_of_which_another_was_faster_is_undone_and_the_rest_is_not(
    two, opened, harness
):
    there = await harness.open()
    one = await two.first(pair("1", "ab"))
    step = asyncio.create_task(two.path.react("c", 2, 0, 5, [count_up("r", "b")]))
    other = await two.second(pair("2", "bd"))
    async with there.storage.transaction([]) as tx:
        await tx.advance("c", 2, 0, 4)
    two.let_go()
    assert (await one).ok
    assert (await other).ok
    await failed(step, PositionMoved)
    assert await opened.log.position("c", 2) == 4
    assert await counts(opened) == {"a/a": 1, "b/a": 2, "d/a": 1}


async def test_a_step_that_is_undone_while_it_is_decided_ahead_moves_nothing(two, opened):
    two.let_go()
    away = two.path.react("c", 2, 0, 5, [count_up("r", "b"), count_up("s", how="away")])
    done = await asyncio.gather(two.path.submit(pair("1", "ab")), away, return_exceptions=True)
    assert done[0].ok
    assert isinstance(done[1], StorageUnavailable)
    assert two.storage.locked == 0
    assert await opened.log.position("c", 2) == 0
    assert await counts(opened) == {"a/a": 1, "b/a": 1}
