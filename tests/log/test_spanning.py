"""Commands that span partitions, and commands that take others with them: all of it or nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from shopwire.kernel import batch
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Answer, Command, Decision, Envelope, Handler
from shopwire.kernel.errors import ErrorBody
from shopwire.kernel.ids import partition_of
from shopwire.kernel.storage import Storage
from shopwire.kernel.write_path import BULK_PASSED_MAX, WritePath
from shopwire.testing.conformance.sample import COUNT_MAX, COUNT_UP, CountUp, count_up
from shopwire.testing.conformance.storage import load

pytestmark = pytest.mark.anyio

SHELVES = ("a", "b", "c", "d", "e", "f", "g", "h")
"""They lie in all four partitions."""


class CountEach(Command, frozen=True, kw_only=True):
    """Counts on several shelves, through the handler of each count."""

    operation = "sample.count_each"

    counts: tuple[CountUp, ...]
    unnamed: tuple[CountUp, ...] = ()
    """Counts that the handler did not say it might include."""


class Nest(Command, frozen=True, kw_only=True):
    """Takes itself with it, to some depth."""

    operation = "sample.nest"

    depth: int
    last: CountUp

    def inner(self) -> "Nest | CountUp":
        if self.depth == 0:
            return self.last
        return Nest(depth=self.depth - 1, last=self.last)


class CountMany(Command, frozen=True, kw_only=True):
    """Counts many things on one shelf."""

    operation = "sample.count_many"

    shelf: str
    ids: tuple[str, ...]

    def counts(self) -> list[CountUp]:
        return [CountUp(shelf=self.shelf, id=one) for one in self.ids]


COUNT_MANY: Handler[CountMany] = Handler(
    command=CountMany,
    partition_key=lambda command: command.shelf,
    needs=lambda _: (),
    includes=CountMany.counts,
    decide=lambda command, _view, _context: Decision(then=command.counts()),
    lines=lambda command: len(command.ids),
)
COUNT_EACH: Handler[CountEach] = Handler(
    command=CountEach,
    partition_key=lambda command: command.counts[0].shelf,
    needs=lambda _: (),
    includes=lambda command: command.counts,
    decide=lambda command, _view, _context: Decision(
        then=(*command.counts, *command.unnamed), result={"counted": len(command.counts)}
    ),
)
NEST: Handler[Nest] = Handler(
    command=Nest,
    partition_key=lambda command: command.last.shelf,
    needs=lambda _: (),
    includes=lambda command: [command.inner()],
    decide=lambda command, _view, _context: Decision(then=[command.inner()]),
)


@asynccontextmanager
async def running(storage: Storage, **limits: int) -> AsyncIterator[WritePath]:
    path = WritePath(storage, [COUNT_UP, COUNT_EACH, COUNT_MANY, NEST], SystemClock(), **limits)
    await path.start()
    try:
        yield path
    finally:
        await path.stop()


@pytest.fixture
async def opened(harness):
    return await harness.open()


@pytest.fixture
async def path(opened):
    async with running(opened.storage) as path:
        yield path


def each(key: str, *counts: CountUp, unnamed: tuple[CountUp, ...] = ()) -> Envelope:
    return Envelope(command=CountEach(counts=counts, unnamed=unnamed), key=key)


async def counts(opened) -> dict[str, int]:
    rows = await load(opened.storage, *(("main", shelf) for shelf in SHELVES))
    return {f"{row.shelf}/{row.id}": row.count for row in rows}


async def test_the_shelves_lie_in_all_partitions():
    assert {partition_of("main", shelf, 4) for shelf in SHELVES} == {0, 1, 2, 3}


async def test_a_command_over_all_partitions_is_one_transaction(path, opened):
    outcome = await path.submit(each("k", *(CountUp(shelf=shelf) for shelf in SHELVES)))
    answer = msgspec.json.decode(outcome.body, type=Answer)
    assert answer.result == {"counted": len(SHELVES)}
    assert answer.versions == {f"counter:{shelf}/a": 1 for shelf in SHELVES}
    heads = (await opened.log.heads()).next
    assert sum(heads) == len(SHELVES)
    for partition, end in enumerate(heads):
        for event in await opened.log.read(partition, 0, end):
            shelf = event.topic.removeprefix("counter:").partition("/")[0]
            assert partition_of("main", shelf, 4) == partition


async def test_a_wide_batch_takes_along_what_waits_in_single_partitions(path):
    wide = each("wide", CountUp(shelf="a"), CountUp(shelf="b"))
    narrow = [count_up(f"k-{shelf}", shelf) for shelf in SHELVES]
    outcomes = await path.submit_many([wide, *narrow])
    assert all(one.ok for one in outcomes)
    assert path.stats.batches == 1


async def test_a_step_larger_than_any_room_is_taken_along_all_the_same(path, opened):
    wide = each("wide", CountUp(shelf="a"), CountUp(shelf="b"))
    step = [count_up(f"s-{number}", "c") for number in range(600)]
    _, outcomes = await asyncio.gather(path.submit(wide), path.react("c", 0, 0, 1, step))
    assert len(outcomes) == 600
    assert path.stats.batches == 1


async def test_single_partitions_go_on_in_order_while_one_wide_batch_follows_another(path):
    done = asyncio.Event()

    async def keep_busy(number: int) -> None:
        count = 0
        while not done.is_set():
            count += 1
            counts = (CountUp(shelf="a", id="w"), CountUp(shelf="b", id="w"))
            assert (await path.submit(each(f"w-{number}-{count}", *counts))).ok

    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(keep_busy(number))
        for shelf in SHELVES:
            wishes = [count_up(f"{shelf}-{number}", shelf, id="n") for number in range(40)]
            answers = await path.submit_many(wishes)
            found = [msgspec.json.decode(one.body, type=Answer).result["count"] for one in answers]
            assert found == list(range(1, 41))
        done.set()


def many(key: str, shelf: str, things: int) -> Envelope:
    ids = tuple(f"{key}-{number}" for number in range(things))
    return Envelope(command=CountMany(shelf=shelf, ids=ids), key=key)


async def test_a_wide_batch_leaves_a_command_about_many_things_and_what_is_behind_it(path):
    wide = each("wide", CountUp(shelf="a"), CountUp(shelf="b"))
    outcomes = await path.submit_many([wide, many("m", "c", 3), count_up("n", "c")])
    assert all(one.ok for one in outcomes)
    assert path.stats.batches == 2


async def test_commands_about_many_things_have_turns_of_one_between_wide_batches(opened):
    done: list[str] = []

    async def note(path: WritePath, envelope: Envelope) -> None:
        assert (await path.submit(envelope)).ok
        done.append(envelope.key)

    async with running(opened.storage, batch_max=8) as path, asyncio.TaskGroup() as group:
        for number in range(64):
            wide = each(f"w-{number}", CountUp(shelf="a"), CountUp(shelf="b"))
            group.create_task(note(path, wide))
        for number in range(3):
            group.create_task(note(path, many(f"m-{number}", "c", 3)))
    places = [done.index(f"m-{number}") for number in range(3)]
    assert places[0] == 8 * BULK_PASSED_MAX
    assert places[-1] <= 3 * 8 * BULK_PASSED_MAX + 2
    assert path.stats.batches == 64 // 8 + 3


async def test_what_was_taken_along_and_deferred_comes_before_what_came_after_it(
    opened, monkeypatch
):
    monkeypatch.setattr(batch, "BATCH_EVENTS_MAX", 10)
    wide = each("w", CountUp(shelf="a"), CountUp(shelf="b"))
    narrow = [count_up(f"n-{number}", "c") for number in range(100)]
    async with running(opened.storage, batch_max=8) as path:
        _, *answers = await path.submit_many([wide, *narrow])
    found = [msgspec.json.decode(one.body, type=Answer).result["count"] for one in answers]
    assert found == list(range(1, 101))


async def test_one_refusal_leaves_nothing_of_the_others(path, opened):
    await path.submit(count_up("before", "a", by=5))
    wrong = each("k", CountUp(shelf="a"), CountUp(shelf="b"), CountUp(shelf="c", how="rule"))
    outcome = await path.submit(wrong)
    assert msgspec.json.decode(outcome.body, type=ErrorBody).name == "RuleBroken"
    assert await counts(opened) == {"a/a": 5}
    assert sum((await opened.log.heads()).next) == 1
    assert (await path.submit(wrong)).replayed


async def test_what_was_taken_back_is_not_seen_by_the_rest_of_the_batch(path, opened):
    outcomes = await path.submit_many(
        [
            each("1", CountUp(shelf="a", by=2), CountUp(shelf="b", by=2)),
            each("2", CountUp(shelf="a", by=30), CountUp(shelf="b", how="rule")),
            each("3", CountUp(shelf="a", by=400), CountUp(shelf="b", by=400)),
        ]
    )
    assert [outcome.ok for outcome in outcomes] == [True, False, True]
    assert await counts(opened) == {"a/a": 402, "b/a": 402}


async def test_later_ones_see_what_earlier_ones_put(path, opened):
    outcome = await path.submit(each("k", *(CountUp(shelf="a") for _ in range(3))))
    assert msgspec.json.decode(outcome.body, type=Answer).versions == {"counter:a/a": 3}
    assert await counts(opened) == {"a/a": 3}


async def test_the_database_refuses_the_whole_and_spares_the_neighbours(path, opened):
    outcomes = await asyncio.gather(
        path.submit(each("1", CountUp(shelf="a"), CountUp(shelf="b"))),
        path.submit(each("2", CountUp(shelf="a"), CountUp(shelf="b", by=COUNT_MAX + 1))),
        path.submit(each("3", CountUp(shelf="c"), CountUp(shelf="d"))),
    )
    names = [msgspec.json.decode(outcome.body).get("name") for outcome in outcomes]
    assert names == [None, "ConstraintRefused", None]
    assert await counts(opened) == {"a/a": 1, "b/a": 1, "c/a": 1, "d/a": 1}


async def test_what_was_not_named_before_is_a_defect_and_does_nothing(path, opened):
    outcome = await path.submit(each("k", CountUp(shelf="a"), unnamed=(CountUp(shelf="b"),)))
    assert outcome.status == 500
    assert await counts(opened) == {}


async def test_commands_lie_three_deep_at_most(path, opened):
    three = await path.submit(Envelope(command=Nest(depth=2, last=CountUp(shelf="a")), key="1"))
    four = await path.submit(Envelope(command=Nest(depth=3, last=CountUp(shelf="b")), key="2"))
    assert (three.status, four.status) == (200, 500)
    assert await counts(opened) == {"a/a": 1}


async def test_wide_and_narrow_commands_of_two_processes_lose_nothing(opened, harness):
    other = await harness.open()
    async with running(opened.storage) as one, running(other.storage) as two:
        tasks = []
        for number in range(60):
            path = (one, two)[number % 2]
            pair = (SHELVES[number % 8], SHELVES[(number * 3 + 1) % 8])
            tasks.append(path.submit(each(f"w{number}", *(CountUp(shelf=s) for s in pair))))
            tasks.append(path.submit(count_up(f"n{number}", SHELVES[number % 8])))
        outcomes = await asyncio.gather(*tasks)
    assert all(outcome.ok for outcome in outcomes)
    assert sum((await counts(opened)).values()) == 60 * 3


async def test_the_same_key_a_hundred_times_at_once_counts_once(path, opened):
    same = each("k", CountUp(shelf="a"), CountUp(shelf="b"))
    outcomes = await asyncio.gather(*(path.submit(same) for _ in range(100)))
    assert len({outcome.body for outcome in outcomes}) == 1
    assert sum(outcome.replayed for outcome in outcomes) == 99
    assert await counts(opened) == {"a/a": 1, "b/a": 1}
