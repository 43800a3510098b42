"""A batch that is decided while the one before it commits, and all that may happen to that one."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec
import pytest
from tests.log.test_spanning import COUNT_EACH, COUNT_MANY, CountMany
from tests.log.test_write_path import answer_of, counts, error_of, events
from typing_extensions import override

from shopwire.adapters.memory import MemoryState
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Envelope
from shopwire.kernel.errors import Fenced, KeyReused, ShuttingDown, StorageUnavailable
from shopwire.kernel.ids import partition_of
from shopwire.kernel.limits import IDEMPOTENCY_KEPT_MS
from shopwire.kernel.storage import Storage
from shopwire.kernel.write_path import WritePath
from shopwire.testing.conformance.sample import COUNT_MAX, COUNT_UP, Counter, count_up

pytestmark = pytest.mark.anyio
SHELF = "shelf"
COUNT_UP_PARTITION = partition_of("main", SHELF, 4)


class Watched(Storage):
    """Lets a batch on its way wait before its commit, and break there."""

    def __init__(self, inner: Storage) -> None:
        self._inner = inner
        self.looks = asyncio.Semaphore(0)
        """One for each look that has returned: the batch is decided right after it."""
        self.arrived = asyncio.Semaphore(0)
        """One for each batch that is about to be written."""
        self.go = asyncio.Semaphore(0)
        self.turns: list[tuple[Mapping[int, int], Mapping[int, int]]] = []
        """Of the look, and at which it is written."""
        self.locked = 0
        self.lose = ""
        """`before`, or `after`: where the connection breaks, once."""

    @property
    @override
    def partitions(self) -> int:
        return self._inner.partitions

    @override
    @asynccontextmanager
    async def transaction(self, partitions):
        self.locked += 1
        async with self._inner.transaction(partitions) as tx:
            yield tx

    @override
    async def look(self, partitions, claims, wanted):
        found = await self._inner.look(partitions, claims, wanted)
        self.looks.release()
        return found

    @override
    async def write_at(self, look, turns, writing):
        self.turns.append((look.turns, turns))
        self.arrived.release()
        await self.go.acquire()
        lose, self.lose = self.lose, ""
        if lose == "before":
            raise StorageUnavailable(retry_ms=1)
        await self._inner.write_at(look, turns, writing)
        if lose == "after":
            raise StorageUnavailable(retry_ms=1)

    @override
    def committed(self, partitions):
        self._inner.committed(partitions)

    @override
    async def sweep(self, limit):
        return 0


class Two:
    """A write path whose first batch is on its way to its commit."""

    def __init__(self, storage: Watched, path: WritePath) -> None:
        self.storage, self.path = storage, path

    async def first(self, envelope):
        """Decides it; it waits before its commit."""
        sent = asyncio.create_task(self.path.submit(envelope))
        await self.storage.arrived.acquire()
        await self.storage.looks.acquire()
        return sent

    async def second(self, envelope):
        """Decides it on what the first is about to write."""
        sent = asyncio.create_task(self.path.submit(envelope))
        await self.storage.looks.acquire()
        return sent

    def let_go(self):
        for _ in range(9):
            self.storage.go.release()


@pytest.fixture
async def opened(harness):
    opened = await harness.open()
    if not isinstance(getattr(harness, "state", None), MemoryState):
        # Which rows are read at once is only settled after they have come a few times.
        async with running(opened.storage) as path:
            for number in range(32):
                await path.submit(count_up(f"warm-{number}", f"warm-{number // 2}"))
    return opened


@asynccontextmanager
async def running(storage: Storage, ahead_min: int = 1) -> AsyncIterator[WritePath]:
    handlers = [COUNT_UP, COUNT_EACH, COUNT_MANY]
    path = WritePath(storage, handlers, SystemClock(), ahead_min=ahead_min)
    await path.start()
    try:
        yield path
    finally:
        await path.stop()


@pytest.fixture
async def two(opened):
    storage = Watched(opened.storage)
    async with running(storage) as path:
        yield Two(storage, path)


async def failed(sent, kind):
    with pytest.raises(kind):
        await sent


async def test_a_batch_is_decided_while_the_one_before_it_commits(two, opened):
    one = await two.first(count_up("a"))
    other = await two.second(count_up("b"))
    two.let_go()
    told = [answer_of(await one), answer_of(await other)]
    assert [answer.result for answer in told] == [{"count": 1}, {"count": 2}]
    assert [answer.versions for answer in told] == [{"counter:shelf/a": n} for n in (1, 2)]
    (first_look, first), (second_look, second) = two.storage.turns
    assert first == second_look == first_look
    assert second == {COUNT_UP_PARTITION: first[COUNT_UP_PARTITION] + 1}
    assert two.storage.locked == 0
    assert await counts(opened, SHELF) == {"shelf/a": 2}


async def test_a_command_about_many_things_is_decided_ahead_as_many_commands_are(opened):
    storage = Watched(opened.storage)
    async with running(storage, ahead_min=8) as path:
        two = Two(storage, path)
        one = await two.first(count_up("a"))
        many = CountMany(shelf=SHELF, ids=tuple("abcdefgh"))
        other = await two.second(Envelope(command=many, key="many"))
        two.let_go()
        assert answer_of(await one).result == {"count": 1}
        assert (await other).ok
    assert storage.locked == 0
    assert (await counts(opened, SHELF))["shelf/a"] == 2


async def test_a_key_in_both_batches_has_one_effect(two, opened):
    one = await two.first(count_up("a"))
    again = await two.second(count_up("a"))
    two.let_go()
    told, repeated = await one, await again
    assert not told.replayed
    assert msgspec.structs.replace(told, replayed=True) == repeated
    assert await counts(opened, SHELF) == {"shelf/a": 1}
    assert two.storage.locked == 0


async def test_a_key_with_another_body_in_the_next_batch_is_refused(two):
    one = await two.first(count_up("a"))
    other = await two.second(count_up("a", by=2))
    two.let_go()
    assert (await one).ok
    assert error_of(await other).code == KeyReused.code


async def test_a_batch_whose_predecessor_failed_is_decided_anew(two, opened):
    two.storage.lose = "before"
    one = await two.first(count_up("a"))
    other = await two.second(count_up("b"))
    again = asyncio.create_task(two.path.submit(count_up("a")))
    two.let_go()
    await failed(one, StorageUnavailable)
    assert answer_of(await other).versions == {"counter:shelf/a": 1}
    assert answer_of(await again).versions == {"counter:shelf/a": 2}
    assert await counts(opened, SHELF) == {"shelf/a": 2}


async def test_a_batch_whose_predecessors_commit_is_unknown_is_decided_anew(two, opened):
    two.storage.lose = "after"
    one = await two.first(count_up("a"))
    other = await two.second(count_up("b"))
    two.let_go()
    await failed(one, StorageUnavailable)
    assert answer_of(await other).versions == {"counter:shelf/a": 2}
    again = await two.path.submit(count_up("a"))
    assert (again.replayed, answer_of(again).versions) == (True, {"counter:shelf/a": 1})
    assert await counts(opened, SHELF) == {"shelf/a": 2}


@pytest.mark.parametrize("lose", ["before", "after"])
async def test_the_same_key_after_a_predecessor_of_unknown_outcome_has_one_effect(
    two, opened, lose
):
    two.storage.lose = lose
    one = await two.first(count_up("a"))
    again = await two.second(count_up("a"))
    two.let_go()
    await failed(one, StorageUnavailable)
    assert (await again).replayed == (lose == "after")
    assert await counts(opened, SHELF) == {"shelf/a": 1}


async def test_a_batch_whose_predecessor_the_schema_refused_is_decided_anew(two, opened):
    one = await two.first(count_up("a", by=COUNT_MAX + 1))
    other = await two.second(count_up("b"))
    two.let_go()
    assert not (await one).ok
    assert answer_of(await other).result == {"count": 1}
    assert await counts(opened, SHELF) == {"shelf/a": 1}


async def test_the_same_key_after_a_predecessor_that_was_refused_tells_the_refusal(two, opened):
    one = await two.first(count_up("a", by=-5))
    again = await two.second(count_up("a", by=-5))
    two.let_go()
    told, repeated = await one, await again
    assert not told.ok
    assert msgspec.structs.replace(told, replayed=True) == repeated
    assert await counts(opened, SHELF) == {}


async def test_both_batches_of_a_fenced_writer_are_refused(two, opened, harness):
    before = await events(opened)
    one = await two.first(count_up("a"))
    other = await two.second(count_up("b"))
    await harness.new_epoch()
    two.let_go()
    await failed(one, Fenced)
    await failed(other, Fenced)
    there = await harness.open()
    assert await counts(there, SHELF) == {}
    assert await events(there) == before


@pytest.mark.parametrize("how", ["command", "rows", "nothing"])
async def test_a_batch_is_decided_anew_if_somebody_held_the_head_before_it(
    two, opened, harness, how
):
    there = await harness.open()
    one = await two.first(count_up("a"))
    other = await two.second(count_up("b"))
    two.storage.go.release()
    assert (await one).ok
    await two.storage.arrived.acquire()  # the second stands before its commit
    if how == "command":
        async with running(there.storage) as path:
            await path.submit(count_up("c"))
    else:
        async with there.storage.transaction([COUNT_UP_PARTITION]) as tx:
            if how == "rows":
                (row,) = await tx.load(Counter, [("main", SHELF)])
                await tx.save({Counter: [msgspec.structs.replace(row, count=100)]})
    two.let_go()
    expected = {"command": 3, "rows": 101, "nothing": 2}[how]
    assert answer_of(await other).result == {"count": expected}
    assert await counts(opened, SHELF) == {"shelf/a": expected}
    assert two.storage.locked == 1


async def test_a_consumers_step_and_a_stop_wait_for_what_is_on_its_way(two, opened):
    one = await two.first(count_up("a"))
    step = asyncio.create_task(two.path.react("c", 0, 0, 5, [count_up("r")]))
    stop = asyncio.create_task(two.path.stop())
    await asyncio.sleep(0)
    assert not step.done()
    two.let_go()
    assert answer_of(await one).result == {"count": 1}
    assert answer_of((await step)[0]).result == {"count": 2}
    await stop
    with pytest.raises(ShuttingDown):
        await two.path.submit(count_up("z"))
    assert await opened.log.position("c", 0) == 5


async def test_a_key_whose_time_is_over_is_taken_anew(two, opened, harness):
    two.let_go()
    assert not (await two.path.submit(count_up("a", how="rule"))).ok
    await harness.age_answers(IDEMPOTENCY_KEPT_MS + 60_000)
    told = await two.path.submit(count_up("a"))
    assert (told.ok, told.replayed) == (True, False)
    assert (await two.path.submit(count_up("a"))).replayed
    assert two.storage.locked == 0
    assert await counts(opened, SHELF) == {"shelf/a": 1}


@pytest.mark.postgres
async def test_nothing_is_decided_ahead_while_a_release_may_run_that_counts_no_turns(
    postgres_harness,
):
    opened = await postgres_harness.open()
    await postgres_harness.run("UPDATE head SET turn = NULL")
    storage = Watched(opened.storage)
    async with running(storage) as path:
        for number in range(12):
            assert (await path.submit(count_up(f"k{number}"))).ok
    assert storage.turns == []
    assert storage.locked == 12
