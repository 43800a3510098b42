"""What every EventLog does."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shopwire.kernel.errors import Fenced, LogCorrupt, QueueFull
from shopwire.kernel.events import Position, Recorded
from shopwire.testing.conformance.harness import Harness
from shopwire.testing.conformance.sample import new_event

WAIT_S = 90
"""Longer than anything here takes; reached only by a defect."""


async def _taken(tail: AsyncIterator[list[Recorded]], count: int) -> list[Recorded]:
    events: list[Recorded] = []
    async for batch in tail:
        events += batch
        if len(events) >= count:
            return events
    raise AssertionError("a tail ended")


class LogConformance:
    """Subclass it and provide the fixture `harness`."""

    async def test_offsets_count_from_zero_and_events_come_back_as_they_went_in(
        self, harness: Harness
    ) -> None:
        """The events of a partition are 0..next-1."""
        log = (await harness.open()).log
        events = [new_event("a:1", 1), new_event("a:2", 1), new_event("a:1", 2)]
        assert await log.append(1, events) == Position(1, 1, 0)
        assert await log.append(1, [new_event("a:3", 1)]) == Position(1, 1, 3)
        found = await log.read(1, 0, 100)
        assert [event.position.offset for event in found] == [0, 1, 2, 3]
        assert [(e.topic, e.version, e.document, e.facts, e.command_id) for e in found[:3]] == [
            (e.topic, e.version, e.document, e.facts, e.command_id) for e in events
        ]
        assert await log.read(1, 2, 1) == found[2:3]
        assert await log.read(0, 0, 100) == []
        assert (await log.heads()).next == (0, 4, 0, 0)

    async def test_writers_at_once_leave_no_hole_and_keep_their_order(
        self, harness: Harness
    ) -> None:
        """Two processes with many callers each."""
        logs = [(await harness.open()).log for _ in range(2)]

        async def write(process: int, caller: int) -> None:
            for version in range(1, 11):
                await logs[process].append(0, [new_event(f"w:{process}-{caller}", version)])

        await asyncio.gather(*(write(p, c) for p in range(2) for c in range(20)))
        found = await logs[0].read(0, 0, 1_000)
        assert [event.position.offset for event in found] == list(range(400))
        for topic in {event.topic for event in found}:
            assert [e.version for e in found if e.topic == topic] == list(range(1, 11))

    async def test_a_rollback_leaves_no_hole(self, harness: Harness) -> None:
        """An offset that was given out and given up is given out again."""
        opened = await harness.open()
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - a body that fails
            async with opened.storage.transaction([2]) as tx:
                assert await tx.append(2, [new_event("a:1", 1)]) == 0
                raise ZeroDivisionError
        assert (await opened.log.append(2, [new_event("a:1", 1)])).offset == 0
        assert len(await opened.log.read(2, 0, 10)) == 1

    async def test_a_version_that_does_not_follow_is_refused_alone(self, harness: Harness) -> None:
        """A repeat, a step back or a jump; others in the same commit are not touched."""
        log = (await harness.open()).log
        await log.append(0, [new_event("a:1", 1)])
        for wrong in (1, 3):
            done = await asyncio.gather(
                log.append(0, [new_event(f"b:{wrong}", 1)]),
                log.append(0, [new_event("a:1", wrong)]),
                log.append(0, [new_event(f"c:{wrong}", 1), new_event(f"c:{wrong}", 2)]),
                return_exceptions=True,
            )
            assert [isinstance(one, LogCorrupt) for one in done] == [False, True, False]
        with pytest.raises(LogCorrupt):
            await log.append(0, [new_event("d:1", 1), new_event("d:1", 3)])
        found = await log.read(0, 0, 100)
        assert [event.position.offset for event in found] == list(range(7))
        assert [event.version for event in found if event.topic == "a:1"] == [1]

    async def test_a_writer_of_an_old_epoch_is_fenced(self, harness: Harness) -> None:
        """Whoever was opened before the change can no longer append; readers see the new epoch."""
        old = await harness.open()
        await old.log.append(0, [new_event("a:1", 1)])
        await harness.new_epoch()
        with pytest.raises(Fenced):
            await old.log.append(0, [new_event("a:1", 2)])
        with pytest.raises(Fenced):
            async with old.storage.transaction([0]):
                pass
        new = await harness.open()
        assert await new.log.append(0, [new_event("a:1", 2)]) == Position(2, 0, 1)
        assert (await old.log.heads()).epoch == 2
        assert [event.position.epoch for event in await old.log.read(0, 0, 9)] == [1, 2]

    async def test_a_full_queue_refuses_and_does_nothing(self, harness: Harness) -> None:
        """What was taken before is written once the partition is free; what was refused is not."""
        opened = await harness.open(queue_events_max=50)
        async with asyncio.timeout(WAIT_S):
            async with opened.storage.transaction([0]):
                first = asyncio.create_task(opened.log.append(0, [new_event("first", 1)]))
                await asyncio.sleep(0)
                taken = [
                    asyncio.create_task(opened.log.append(0, [new_event(f"t:{n}", 1)]))
                    for n in range(60)
                ]
                refused, _ = await asyncio.wait(taken, return_when=asyncio.FIRST_EXCEPTION)
                assert all(isinstance(task.exception(), QueueFull) for task in refused)
                assert not first.done()
            done = await asyncio.gather(first, *taken, return_exceptions=True)
        written = [one for one in done if isinstance(one, Position)]
        assert 50 <= len(written) < 61
        assert len(await opened.log.read(0, 0, 100)) == len(written)
        await opened.log.append(0, [new_event("after", 1)])

    async def test_a_tail_follows_without_repeat_and_is_woken_by_hints(
        self, harness: Harness
    ) -> None:
        """Also by another process's hints; the look-again is out of reach here."""
        here, there = await harness.open(), await harness.open()
        await here.log.append(3, [new_event("a:1", 1), new_event("a:1", 2)])
        async with asyncio.timeout(WAIT_S):
            tail = here.log.tail(3, 1)
            assert [e.position.offset for e in await _taken(tail, 1)] == [1]
            waiting = asyncio.create_task(_taken(tail, 1))
            await here.log.append(3, [new_event("a:1", 3)])
            assert [e.position.offset for e in await waiting] == [2]
            waiting = asyncio.create_task(_taken(tail, 2))
            await there.log.append(3, [new_event("a:1", 4)])
            await there.log.append(3, [new_event("a:1", 5)])
            assert [e.position.offset for e in await waiting] == [3, 4]

    async def test_documents_are_the_latest_of_each_topic_and_shop(self, harness: Harness) -> None:
        """A gone entity has the document null; a topic that never was is left out."""
        log = (await harness.open()).log
        events = [new_event("a:1", 1), new_event("a:2", 1), new_event("a:1", 2)]
        await log.append(0, events)
        await log.append(0, [new_event("a:1", 1, tenant="other", document={"of": "other"})])
        found = await log.documents("main", ["a:2", "a:1", "a:1", "a:9"])
        told = {document.topic: (document.version, document.body) for document in found}
        assert told == {"a:1": (2, b'{"v":2}'), "a:2": (1, b'{"v":1}')}
        (other,) = await log.documents("other", ["a:1", "a:2"])
        assert (other.version, other.body) == (1, b'{"of":"other"}')

    async def test_transitions_of_a_fact_are_read_in_order(self, harness: Harness) -> None:
        """Each state behind a version, of one topic of one shop, so many at most."""
        log = (await harness.open()).log
        await log.append(0, [new_event("order:1", n) for n in range(1, 6)])
        await log.append(0, [new_event("order:2", 1), new_event("order:1", 1, tenant="other")])
        found = await log.transitions("main", "order:1", 2, 2)
        assert [(one.version, one.body) for one in found] == [(3, b'{"v":3}'), (4, b'{"v":4}')]
        assert all(one.changed_at_ms > 0 for one in found)
        assert await log.transitions("main", "order:1", 5, 9) == []
        assert await log.transitions("main", "order:9", 0, 9) == []

    async def test_documents_are_as_new_as_the_heads_read_before(self, harness: Harness) -> None:
        """The law that the handover from snapshot to stream stands on."""
        here, there = await harness.open(), await harness.open()
        done = asyncio.Event()

        async def write() -> None:
            for version in range(1, 201):
                await there.log.append(1, [new_event("hot", version)])
            done.set()

        writing = asyncio.create_task(write())
        async with asyncio.timeout(WAIT_S):
            while not done.is_set():
                head = (await here.log.heads()).next[1]
                found = await here.log.documents("main", ["hot"])
                assert (found[0].version if found else 0) >= head
                await asyncio.sleep(0)
            await writing

    async def test_an_unknown_consumer_starts_at_zero(self, harness: Harness) -> None:
        """Before its first step nobody has to make a row for it."""
        assert await (await harness.open()).log.position("nobody", 2) == 0

    async def test_an_append_of_nothing_is_a_mistake(self, harness: Harness) -> None:
        """There would be no place to return."""
        with pytest.raises(ValueError, match="event"):
            await (await harness.open()).log.append(0, [])
