"""Group commit for raw appends: concurrent calls share one statement and one commit."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from shopwire.adapters.limits import (
    APPEND_BATCH_EVENTS_MAX,
    APPEND_BATCH_EVENTS_MIN,
    APPEND_QUEUE_EVENTS_MAX,
    APPEND_RETRY_MS,
    APPEND_TARGET_MS,
)
from shopwire.kernel.errors import LogCorrupt, QueueFull, ShopwireError, StorageUnavailable
from shopwire.kernel.events import NewEvent, Position

Write = Callable[[int, Sequence[NewEvent]], Awaitable[Position]]
"""Appends durably, all or nothing, and returns the place of the first event."""

_Call = tuple[Sequence[NewEvent], "asyncio.Future[Position]"]


class Appender:
    """A queue and a writer for each partition.

    The writer takes whatever waits: one call when idle, up to `batch_events_max` events under
    load, fewer where commits get slow. There is no timer.
    """

    def __init__(
        self,
        write: Write,
        partitions: int,
        *,
        queue_events_max: int = APPEND_QUEUE_EVENTS_MAX,
        batch_events_max: int = APPEND_BATCH_EVENTS_MAX,
    ) -> None:
        self._lanes = [
            _Lane(number, write, queue_events_max, batch_events_max) for number in range(partitions)
        ]

    async def append(self, partition: int, events: Sequence[NewEvent]) -> Position:
        """See EventLog.append."""
        if not events:
            raise ValueError("an append needs an event")
        return await self._lanes[partition].put(events)

    async def close(self) -> None:
        """Waits until everything that was taken is written or refused."""
        for lane in self._lanes:
            await lane.drained()


class _Lane:
    def __init__(self, partition: int, write: Write, queue_max: int, batch_max: int) -> None:
        self._partition = partition
        self._write = write
        self._queue: deque[_Call] = deque()
        self._queued = 0
        self._queue_max = queue_max
        self._ceiling = batch_max
        self._batch_max = batch_max
        self._writer: asyncio.Task[None] | None = None

    def put(self, events: Sequence[NewEvent]) -> "asyncio.Future[Position]":
        if self._queued + len(events) > self._queue_max:
            raise QueueFull(queue=f"append/{self._partition}", retry_ms=APPEND_RETRY_MS)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Position] = loop.create_future()
        self._queue.append((events, future))
        self._queued += len(events)
        if self._writer is None:
            self._writer = loop.create_task(self._run())
        return future

    async def drained(self) -> None:
        while self._writer is not None:
            await asyncio.wait((self._writer,))

    def _take(self) -> tuple[list[_Call], int]:
        calls: list[_Call] = []
        count = 0
        while self._queue and (not calls or count + len(self._queue[0][0]) <= self._batch_max):
            call = self._queue.popleft()
            calls.append(call)
            count += len(call[0])
        self._queued -= count
        return calls, count

    async def _run(self) -> None:
        calls: list[_Call] = []
        try:
            while self._queue:
                calls, count = self._take()
                started = time.monotonic()
                await self._commit(calls)
                self._pace((time.monotonic() - started) * 1_000, count)
        except BaseException:
            # Cancelled or defective: nobody may wait for ever on a writer that is gone.
            left = [*calls, *self._queue]
            self._queue.clear()
            self._queued = 0
            _refuse(left, StorageUnavailable(retry_ms=APPEND_RETRY_MS))
            raise
        finally:
            self._writer = None

    def _pace(self, spent_ms: float, count: int) -> None:
        if spent_ms > APPEND_TARGET_MS and count > APPEND_BATCH_EVENTS_MIN:
            self._batch_max = max(APPEND_BATCH_EVENTS_MIN, min(count, self._batch_max) // 2)
        elif count * 2 >= self._batch_max:
            self._batch_max = min(self._ceiling, self._batch_max * 2)

    async def _commit(self, calls: list[_Call]) -> None:
        """Writes a batch; one call's wrong version refuses that call alone."""
        events = [event for call in calls for event in call[0]]
        try:
            first = await self._write(self._partition, events)
        except LogCorrupt as problem:
            if len(calls) == 1:
                _refuse(calls, problem)
                return
            middle = len(calls) // 2
            await self._commit(calls[:middle])
            await self._commit(calls[middle:])
        except ShopwireError as problem:
            _refuse(calls, problem)
        else:
            offset = first.offset
            for own, future in calls:
                if not future.done():
                    future.set_result(Position(first.epoch, first.partition, offset))
                offset += len(own)


def _refuse(calls: Sequence[_Call], problem: ShopwireError) -> None:
    for _, future in calls:
        if not future.done():
            future.set_exception(type(problem)(problem.detail, **problem.data))
