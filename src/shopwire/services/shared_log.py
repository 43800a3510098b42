"""The log as one process shares it: each partition is followed once, whoever follows it.

A dozen consumers, the hub and the activities all want each new event. Followed by each of them
alone, a commit costs as many reads of the same rows as there are followers.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

from typing_extensions import override

from shopwire.kernel.events import NewEvent, Position, Recorded
from shopwire.kernel.limits import READ_EVENTS_MAX
from shopwire.kernel.log import Document, EventLog, Heads
from shopwire.services.ending import end_tasks

RECENT_EVENTS_MAX: Final = 4_000
"""Newest events of a partition that are kept for followers; who is further behind reads alone."""
RECENT_BYTES_MAX: Final = 8 * 2**20
"""Bytes of documents and facts of these; the oldest go first."""


class Follower(Protocol):
    """Who follows a partition and wants events of some types only."""

    partition: int
    event_types: frozenset[str]
    offset: int
    """Where it goes on; moved for it, also past what it does not want."""

    def passes(self, to: int) -> bool:
        """Told that nothing before `to` concerns it; False where it is to be woken all the same."""
        ...


class _Everything:
    """Follows a partition and wants all of it."""

    event_types: frozenset[str] = frozenset()

    def __init__(self, partition: int, offset: int) -> None:
        self.partition, self.offset = partition, offset

    def passes(self, to: int) -> bool:
        return False


class SharedLog(EventLog):
    """See EventLog. `tail` is served from memory for everybody who keeps up."""

    def __init__(
        self,
        log: EventLog,
        *,
        events_max: int = RECENT_EVENTS_MAX,
        bytes_max: int = RECENT_BYTES_MAX,
    ) -> None:
        self._log = log
        self._recent = [
            _Recent(log, partition, events_max, bytes_max) for partition in range(log.partitions)
        ]

    @property
    @override
    def partitions(self) -> int:
        return self._log.partitions

    @override
    async def append(self, partition: int, events: Sequence[NewEvent]) -> Position:
        return await self._log.append(partition, events)

    @override
    async def read(self, partition: int, offset: int, limit: int) -> list[Recorded]:
        return await self._log.read(partition, offset, limit)

    @override
    async def heads(self) -> Heads:
        # Before a follower acts on a log that was restored it asks for the heads; so what was kept
        # of the log before is forgotten here.
        ends = [recent.end for recent in self._recent]
        heads = await self._log.heads()
        for recent, end, head in zip(self._recent, ends, heads.next, strict=True):
            if recent.following and (head < end or heads.epoch != recent.epoch):
                recent.forget()
        return heads

    @override
    def tail(self, partition: int, offset: int) -> AsyncIterator[list[Recorded]]:
        return self.tail_for(_Everything(partition, offset))

    async def tail_for(self, follower: Follower) -> AsyncIterator[list[Recorded]]:
        """Batches as `tail` gives them, but for those that pass the follower by.

        Most commits concern few followers. To wake each of two dozen, so that it sees that it need
        not have been, takes longer than the commit itself where commits are small.
        """
        recent = self._recent[follower.partition]
        while True:
            await recent.follow()
            batch = recent.after(follower.offset)
            if batch is None:
                batch = await self._log.read(follower.partition, follower.offset, READ_EVENTS_MAX)
                if not batch:
                    recent.forget()  # the log has less than was kept of it
            if batch:
                follower.offset += len(batch)
                yield batch
            else:
                await recent.wanted(follower)

    @override
    async def documents(self, tenant: str, topics: Sequence[str]) -> list[Document]:
        return await self._log.documents(tenant, topics)

    @override
    async def transitions(self, tenant: str, topic: str, after: int, limit: int) -> list[Document]:
        return await self._log.transitions(tenant, topic, after, limit)

    @override
    async def position(self, consumer: str, partition: int) -> int:
        return await self._log.position(consumer, partition)

    async def close(self) -> None:
        """Follows no longer; whoever still does is told that it was cancelled."""
        for recent in self._recent:
            recent.forget()
        await asyncio.gather(*(recent.ended() for recent in self._recent))


class _Recent:
    """The newest events of one partition, and who reads them from the log."""

    def __init__(self, log: EventLog, partition: int, events_max: int, bytes_max: int) -> None:
        self._log = log
        self._partition = partition
        self._events_max, self._bytes_max = events_max, bytes_max
        self._events: list[Recorded] = []
        self._bytes = 0
        self._start = 0
        self._task: asyncio.Task[None] | None = None
        self._old: set[asyncio.Task[None]] = set()
        self._begun: asyncio.Future[None] | None = None
        self._waiting: dict[asyncio.Future[None], Follower] = {}
        """Followers that wait at the end of what is kept, by what wakes them."""
        self.epoch = 0

    @property
    def end(self) -> int:
        """The offset behind the newest event that is kept."""
        return self._start + len(self._events)

    @property
    def following(self) -> bool:
        """Whether what is kept belongs to a log that is being followed."""
        return self._begun is not None and self._begun.done() and not self._begun.cancelled()

    async def follow(self) -> None:
        """Returns when the end of the log was found once; raises what kept it from being so."""
        if self._task is None:
            self._begun = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._run(self._begun))
        assert self._begun is not None
        await asyncio.shield(self._begun)

    def after(self, offset: int) -> list[Recorded] | None:
        """Events from an offset on, none where there are none yet; None where it is too old."""
        at = offset - self._start
        return None if at < 0 else self._events[at : at + READ_EVENTS_MAX]

    async def wanted(self, follower: Follower) -> None:
        """Waits for more than there is, in which is something that the follower wants.

        Raises what ended the following.
        """
        if self._task is None:
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[woken] = follower
        try:
            await woken
        finally:
            self._waiting.pop(woken, None)

    def forget(self) -> None:
        """Drops what is kept; the next follower begins anew at the log's end."""
        if self._task is not None:
            self._task.cancel()
            self._old.add(self._task)
            self._task.add_done_callback(self._old.discard)
        self._stop(None)

    async def ended(self) -> None:
        """Returns when no task is left."""
        await end_tasks(list(self._old))

    async def _run(self, begun: asyncio.Future[None]) -> None:
        try:
            heads = await self._log.heads()
            self._start, self.epoch = heads.next[self._partition], heads.epoch
            begun.set_result(None)
            held: list[Recorded] = []
            async for batch in self._log.tail(self._partition, self._start):
                held = self._take([*held, *batch], await self._may_go_on(batch))
        except Exception as problem:  # noqa: BLE001 - told to everybody who follows
            if self._begun is begun:
                self._stop(problem)

    async def _may_go_on(self, batch: Sequence[Recorded]) -> bool:
        """Whether a read may have ended in the middle of a command."""
        if len(batch) < READ_EVENTS_MAX:
            return False
        heads = await self._log.heads()
        return heads.next[self._partition] > batch[-1].position.offset + 1

    def _take(self, events: list[Recorded], may_go_on: bool) -> list[Recorded]:
        """Keeps whole commands, and returns what has to wait for the rest of its command."""
        whole = len(events)
        if may_go_on:
            last = events[-1].command_id
            while whole and events[whole - 1].command_id == last:
                whole -= 1
        taken, held = events[:whole], events[whole:]
        if taken:
            self.epoch = taken[-1].position.epoch
            self._events += taken
            self._bytes += sum(map(_size, taken))
            self._trim()
            self._pass_by(taken)
        return held

    def _pass_by(self, taken: Sequence[Recorded]) -> None:
        """Moves those who want nothing of it, and wakes the others."""
        types = {event.event_type for event in taken}
        end = taken[-1].position.offset + 1
        for woken, follower in list(self._waiting.items()):
            # Whoever waits for something else than what comes next has to see for itself.
            follows = follower.offset == taken[0].position.offset
            if follows and types.isdisjoint(follower.event_types) and follower.passes(end):
                follower.offset = end
            else:
                del self._waiting[woken]
                _settle(woken, None)

    def _trim(self) -> None:
        """A little more at once than has to go, so that it is not done for each batch."""
        if len(self._events) <= self._events_max and self._bytes <= self._bytes_max:
            return
        gone = 0
        while (
            len(self._events) - gone > self._events_max * 3 // 4
            or self._bytes > self._bytes_max * 3 // 4
        ) and gone < len(self._events):
            self._bytes -= _size(self._events[gone])
            gone += 1
        del self._events[:gone]
        self._start += gone

    def _stop(self, problem: Exception | None) -> None:
        begun, self._begun, self._task = self._begun, None, None
        self._events, self._bytes, self._start = [], 0, 0
        waiting, self._waiting = self._waiting, {}
        if begun is not None and not begun.done():
            _settle(begun, problem)
        for woken in waiting:
            _settle(woken, problem)  # they look again, or fail as the following did


def _settle(future: asyncio.Future[None], problem: Exception | None) -> None:
    if future.done():
        return  # cancelled, and its follower has not run since
    if problem is None:
        future.set_result(None)
        return
    future.set_exception(problem)
    future.exception()  # nobody may be waiting any more, which is no reason for a warning


def _size(event: Recorded) -> int:
    return len(event.document) + len(event.facts)
