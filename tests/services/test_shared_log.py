"""Many followers of one partition cost one read, and see what each of them would see alone."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from tests.log.conftest import MemoryHarness, PostgresHarness

from shopwire.adapters.memory import MemoryLog, MemoryState
from shopwire.kernel.errors import StorageUnavailable
from shopwire.kernel.events import NewEvent
from shopwire.kernel.limits import READ_EVENTS_MAX
from shopwire.services import ending
from shopwire.services.shared_log import SharedLog
from shopwire.testing.conformance import LogConformance, Opened
from shopwire.testing.conformance.harness import TAIL_POLL_NEVER_MS
from shopwire.testing.conformance.sample import CREATE, Counter, new_event, over_limit

pytestmark = pytest.mark.anyio
FOLLOWERS = 12


class SharedHarness:
    """Another harness whose logs are shared."""

    def __init__(self, inner, stack) -> None:
        self._inner, self._stack = inner, stack
        self.new_epoch, self.age_answers = inner.new_epoch, inner.age_answers

    async def open(self, *, queue_events_max=1_000, tail_poll_ms=TAIL_POLL_NEVER_MS) -> Opened:
        opened = await self._inner.open(
            queue_events_max=queue_events_max, tail_poll_ms=tail_poll_ms
        )
        log = SharedLog(opened.log)
        self._stack.push_async_callback(log.close)
        return Opened(log, opened.storage)


class TestSharedInMemory(LogConformance):
    @pytest.fixture
    async def harness(self):
        async with AsyncExitStack() as stack:
            inner = MemoryHarness(MemoryState(constraints={Counter: over_limit}))
            yield SharedHarness(inner, stack)


@pytest.mark.postgres
class TestSharedOnPostgres(LogConformance):
    @pytest.fixture
    async def harness(self, database_url):
        async with AsyncExitStack() as stack:
            inner = PostgresHarness(database_url, stack)
            await inner.run(CREATE)
            yield SharedHarness(inner, stack)


class Counting(MemoryLog):
    """Counts reads, and fails when it is told to."""

    def __init__(self, state) -> None:
        super().__init__(state, tail_poll_ms=TAIL_POLL_NEVER_MS)
        self.reads = 0
        self.away = False

    async def read(self, partition, offset, limit):
        self.reads += 1
        if self.away:
            raise StorageUnavailable(retry_ms=1)
        return await super().read(partition, offset, limit)


@pytest.fixture
def inner():
    return Counting(MemoryState())


@pytest.fixture
async def shared(inner):
    log = SharedLog(inner)
    yield log
    await log.close()


async def taken(tail, count):
    events = []
    async with asyncio.timeout(60):
        async for batch in tail:
            events += batch
            if len(events) >= count:
                return [event.position.offset for event in events]
    raise AssertionError("a tail ended")


async def grown(log, *versions: int, topic="a:1", partition=0):
    for version in versions:
        await log.append(partition, [new_event(topic, version)])


async def following(log, offsets, partition=0):
    """Tails that wait at the log's end."""
    tasks = [asyncio.create_task(taken(log.tail(partition, at), 1)) for at in offsets]
    for _ in range(20):
        await asyncio.sleep(0)
    return tasks


async def test_an_event_is_read_once_for_all_who_wait_for_it(inner, shared):
    tasks = await following(shared, [0] * FOLLOWERS)
    before = inner.reads
    await grown(inner, 1)
    assert await asyncio.gather(*tasks) == [[0]] * FOLLOWERS
    assert inner.reads - before == 2, "one finds it, one finds nothing more"


async def test_who_is_behind_reads_alone_until_there(inner, shared):
    await grown(inner, *range(1, 6))
    (waiting,) = await following(shared, [5])
    assert await taken(shared.tail(0, 1), 4) == [1, 2, 3, 4]
    await grown(inner, 6)
    assert await waiting == [5]
    assert await taken(shared.tail(0, 3), 3) == [3, 4, 5]


async def test_who_is_slower_than_what_is_kept_misses_nothing(inner):
    shared = SharedLog(inner, events_max=8)
    slow = shared.tail(0, 0)
    (waiting,) = await following(shared, [0])
    await grown(inner, 1)
    await waiting
    await grown(inner, *range(2, 41))
    (waiting,) = await following(shared, [40])
    assert await taken(slow, 40) == list(range(40))
    waiting.cancel()
    await shared.close()


async def test_a_read_that_misses_its_cancellation_keeps_nobody_from_closing(inner, monkeypatch):
    monkeypatch.setattr(ending, "CANCEL_AGAIN_MS", 1)
    waits, deaf = asyncio.Event(), True

    async def heads():
        nonlocal deaf
        while True:
            try:
                waits.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if not deaf:
                    raise
                deaf = False

    monkeypatch.setattr(inner, "heads", heads)
    shared = SharedLog(inner)
    (waiting,) = await following(shared, [0])
    await waits.wait()
    closing = asyncio.create_task(shared.close())
    done, _ = await asyncio.wait([closing], timeout=60)
    assert done
    assert not deaf
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_what_is_kept_is_bounded_by_bytes_too(inner):
    shared = SharedLog(inner, bytes_max=2_000)
    (waiting,) = await following(shared, [0])
    for number in range(1, 60):
        document = b'"%b"' % (b"x" * 100)
        await inner.append(0, [NewEvent("main", "a:1", number, "e", document, b"null", "c")])
    await waiting
    for _ in range(20):
        await asyncio.sleep(0)
    (recent,) = shared._recent[:1]
    assert sum(len(event.document) for event in recent._events) <= 2_000
    assert await taken(shared.tail(0, 0), 59) == list(range(59))
    await shared.close()


async def test_a_failure_is_everybodys_and_passes(inner, shared):
    tasks = await following(shared, [0] * FOLLOWERS)
    inner.away = True
    inner._state.hints.give([0])
    told = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(one) for one in told} == {StorageUnavailable}
    inner.away = False
    (waiting,) = await following(shared, [0])
    await grown(inner, 1)
    assert await waiting == [0]


async def test_a_log_that_cannot_be_reached_from_the_start_fails_who_asks(inner, shared):
    async def away():
        raise StorageUnavailable(retry_ms=1)

    there, inner.heads = inner.heads, away
    with pytest.raises(StorageUnavailable):
        await taken(shared.tail(0, 0), 1)
    inner.heads = there
    (waiting,) = await following(shared, [0])
    await grown(inner, 1)
    assert await waiting == [0]


async def test_a_command_is_not_shown_in_part(inner, shared):
    """As a read of the largest size may end in the middle of one."""
    big = [NewEvent("main", f"t:{n}", 1, "e", b"1", b"null", "big") for n in range(1_500)]
    first = [NewEvent("main", f"f:{n}", 1, "e", b"1", b"null", "first") for n in range(1_500)]
    (waiting,) = await following(shared, [3_000])
    seen = []

    async def follow():
        async for batch in shared.tail(0, 0):
            seen.append(batch)
            if batch[-1].position.offset == 2_999:
                return

    task = asyncio.create_task(follow())
    for _ in range(20):
        await asyncio.sleep(0)
    async with inner._state.heads[0]:  # both are there when the follower looks
        rows = inner._state.recorded(0, [*first, *big], 1, documents={})
        inner._state.events[0].extend(rows)
    inner._state.hints.give([0])
    await asyncio.wait_for(task, 60)
    waiting.cancel()
    for batch in seen:
        whole = len(batch) == READ_EVENTS_MAX or batch[-1].position.offset in {1_499, 2_999}
        assert whole, "a short batch ends with its command"


async def test_a_log_that_was_restored_shows_nothing_of_what_it_was(inner, shared):
    await grown(inner, 1)
    (waiting,) = await following(shared, [1])
    await grown(inner, 2, 3)
    await waiting
    state = inner._state
    del state.events[0][1:]
    state.documents.clear()
    state.epoch += 1
    assert (await shared.heads()).next[0] == 1
    (waiting,) = await following(shared, [1])
    assert not waiting.done(), "what was kept of the former log is gone"
    log = MemoryLog(state)
    await grown(log, 1, topic="b:1")
    assert await waiting == [1]
    found = [batch async for batch in first_of(shared.tail(0, 1))]
    assert found[0][0].topic == "b:1"
    assert found[0][0].position.epoch == state.epoch


async def first_of(tail):
    async for batch in tail:
        yield batch
        return


async def test_who_leaves_takes_nobody_along(inner, shared):
    one, other = await following(shared, [0, 0])
    one.cancel()
    await asyncio.gather(one, return_exceptions=True)
    await grown(inner, 1)
    assert await other == [0]


async def test_nothing_runs_on_after_the_end(inner):
    before = asyncio.all_tasks()
    log = SharedLog(inner)
    tasks = await following(log, [0, 0])
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await log.close()
    assert asyncio.all_tasks() == before
