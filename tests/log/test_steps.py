"""Consumers' steps share the batches of commands, and each is all of it or nothing."""

import asyncio
import logging

import pytest

from shopwire.kernel import batch
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import InternalError, PositionMoved, StorageUnavailable
from shopwire.kernel.write_path import WritePath
from shopwire.testing.conformance.sample import COUNT_MAX, COUNT_UP, count_up
from shopwire.testing.conformance.storage import load

pytestmark = pytest.mark.anyio

SHELVES = ("a", "b", "c", "d", "e", "f", "g", "h")


@pytest.fixture
async def opened(harness):
    return await harness.open()


@pytest.fixture
async def path(opened):
    path = WritePath(opened.storage, [COUNT_UP], SystemClock())
    await path.start()
    yield path
    await path.stop()


async def counts(opened) -> dict[str, int]:
    rows = await load(opened.storage, *(("main", shelf) for shelf in SHELVES))
    return {row.shelf: row.count for row in rows}


async def test_many_steps_and_commands_commit_together(path, opened):
    before = path.stats.batches
    done = await asyncio.gather(
        *(path.react(f"c{n}", 0, 0, 5, [count_up(f"s{n}", "a")]) for n in range(20)),
        *(path.submit(count_up(f"k{n}", "a")) for n in range(20)),
    )
    assert len(done) == 40
    assert await counts(opened) == {"a": 40}
    assert path.stats.batches - before <= 3
    assert [await opened.log.position(f"c{n}", 0) for n in range(20)] == [5] * 20


async def test_what_is_wrong_with_one_step_is_not_the_others(path, opened, caplog):
    with caplog.at_level(logging.CRITICAL):
        done = await asyncio.gather(
            path.react("good", 0, 0, 5, [count_up("1", "a"), count_up("2", "b")]),
            path.react("bad", 0, 0, 5, [count_up("3", "a", by=7), count_up("4", how="defect")]),
            path.react("away", 0, 0, 5, [count_up("5", "a", by=9), count_up("6", how="away")]),
            path.react("late", 0, 3, 5, [count_up("7", "a", by=11)]),
            path.react("last", 0, 0, 5, [count_up("8", "a"), count_up("9", "a", how="rule")]),
            path.submit(count_up("10", "b")),
            return_exceptions=True,
        )
    kinds = [type(one) for one in done]
    assert kinds[1:4] == [InternalError, StorageUnavailable, PositionMoved]
    assert [outcome.ok for outcome in done[4]] == [True, False]
    assert await counts(opened) == {"a": 2, "b": 2}
    names = ("good", "bad", "away", "late", "last")
    assert [await opened.log.position(name, 0) for name in names] == [5, 0, 0, 0, 5]


async def test_a_step_that_was_undone_is_taken_again(path, opened, caplog):
    with caplog.at_level(logging.CRITICAL), pytest.raises(InternalError):
        await path.react("c", 0, 0, 5, [count_up("1", "a"), count_up("2", how="defect")])
    await path.react("c", 0, 0, 5, [count_up("1", "a"), count_up("3", "a")])
    assert await counts(opened) == {"a": 2}
    with pytest.raises(PositionMoved):
        await path.react("c", 0, 0, 5, [count_up("4", "a")])


async def test_what_the_database_refuses_in_one_step_spares_its_neighbours(path, opened):
    done = await asyncio.gather(
        path.react("x", 0, 0, 5, [count_up("1", "a")]),
        path.react("y", 0, 0, 5, [count_up("2", "a", by=COUNT_MAX + 1), count_up("3", "b")]),
        path.react("z", 0, 0, 5, [count_up("4", "a")]),
    )
    assert [[outcome.ok for outcome in one] for one in done] == [[True], [False, True], [True]]
    assert await counts(opened) == {"a": 2, "b": 1}


async def test_a_step_behind_a_full_batch_waits_for_the_next_one(path, opened, monkeypatch):
    monkeypatch.setattr(batch, "BATCH_EVENTS_MAX", 2)
    await asyncio.gather(
        *(path.submit(count_up(f"k{n}", "a")) for n in range(3)),
        *(path.react(f"c{n}", 0, 0, 5, [count_up(f"s{n}", "a")]) for n in range(3)),
    )
    assert await counts(opened) == {"a": 6}
    assert [await opened.log.position(f"c{n}", 0) for n in range(3)] == [5] * 3


async def test_steps_over_several_partitions_and_processes_lose_nothing(opened, harness):
    other = await harness.open()
    paths = [WritePath(one.storage, [COUNT_UP], SystemClock()) for one in (opened, other)]
    for path in paths:
        await path.start()

    async def consume(path: WritePath, name: str) -> int:
        won = 0
        for at in range(15):
            pair = [count_up(f"{name}/{at}/{n}", SHELVES[(at + n) % 8]) for n in range(2)]
            try:
                await path.react(name, 0, at, at + 1, pair)
                won += 1
            except PositionMoved:
                continue
        return won

    try:
        won = await asyncio.gather(*(consume(p, name) for p in paths for name in "pqrs"))
    finally:
        for path in paths:
            await path.stop()
    assert sum(won) == 4 * 15
    assert sum((await counts(opened)).values()) == 4 * 15 * 2
