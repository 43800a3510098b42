"""Wake-ups inside one process, and early copies of what was just committed.

Neither is ever needed for correctness, only for speed: the log is the truth.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from shopwire.adapters.limits import EARLY_BYTES_MAX, EARLY_EVENTS_MAX
from shopwire.kernel.events import NewEvent, Position, Recorded


class Growth(msgspec.Struct, frozen=True):
    """What one commit added to one partition; made only after the commit was confirmed.

    `events` are all of them or none: where they are left out, the log has to be read.
    """

    epoch: int
    partition: int
    first: int
    count: int
    at_ms: int
    events: Sequence[NewEvent] = ()

    @property
    def next(self) -> int:
        """The offset behind its last event."""
        return self.first + self.count


class _Early:
    """The newest events of one partition, without a hole and to the end of a commit."""

    def __init__(self) -> None:
        self.first = self.known = self.bytes = self.asks = self.followers = 0
        """`known` is where the partition ends as far as anybody told, `asks` how often it was told
        that it grew but not by what."""
        self.events: list[Recorded] = []

    @property
    def next(self) -> int:
        return self.first + len(self.events)

    def forget(self) -> None:
        self.first = self.known = self.bytes = 0
        self.events = []

    def add(self, growth: Growth) -> None:
        if growth.next <= self.next:
            return
        if growth.first != self.next or not self.followers:
            # A hole in front, or nobody to read it: what came before is of no use.
            self.first, self.events, self.bytes = growth.first, [], 0
        if not self.followers or not len(growth.events) == growth.count <= EARLY_EVENTS_MAX:
            self.first, self.events, self.bytes = growth.next, [], 0
            return
        for offset, event in enumerate(growth.events, growth.first):
            self.events.append(_recorded(growth, offset, event))
            self.bytes += _size(event)
        self._trim()

    def _trim(self) -> None:
        gone = max(0, len(self.events) - EARLY_EVENTS_MAX)
        self.bytes -= sum(map(_size, self.events[:gone]))
        while self.bytes > EARLY_BYTES_MAX:
            self.bytes -= _size(self.events[gone])
            gone += 1
        del self.events[:gone]
        self.first += gone


class Hints:
    """Tells waiting readers that a partition has grown, and by what where that is known.

    A reader notes `seen()` before it reads and waits with that number, so a hint that comes
    between its read and its wait is not lost.
    """

    def __init__(self, partitions: int, epoch: int = 0) -> None:
        """Args: `epoch` is the log's; copies of any other one are not believed."""
        self.epoch = epoch
        self._given = [0] * partitions
        self._waiting: list[set[asyncio.Future[bool]]] = [set() for _ in range(partitions)]
        self._early = [_Early() for _ in range(partitions)]

    def seen(self, partition: int) -> int:
        """How many hints a partition has had."""
        return self._given[partition]

    def give(self, partitions: Iterable[int]) -> None:
        """Wakes the readers of those partitions, who then ask the log."""
        grown = tuple(partitions)
        for partition in grown:
            self._early[partition].asks += 1
        self.wake(grown)

    def wake(self, partitions: Iterable[int]) -> None:
        """Wakes the readers of partitions of which `note` has said how they grew."""
        for partition in partitions:
            self._given[partition] += 1
            waiting, self._waiting[partition] = self._waiting[partition], set()
            for future in waiting:
                _settle(future, True)

    async def wait(self, partition: int, seen: int, timeout_ms: float) -> bool:
        """Whether there was a hint later than `seen`; False after `timeout_ms` without one."""
        if self._given[partition] != seen:
            return True
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        waiting = self._waiting[partition]
        waiting.add(future)
        # Not asyncio.wait, which would let the reader go on two turns of the loop later.
        timer = loop.call_later(timeout_ms / 1_000, _settle, future, False)
        try:
            return await future
        finally:
            timer.cancel()
            waiting.discard(future)

    # -- early copies -------------------------------------------------------------------------

    def note(self, growth: Growth) -> None:
        """Keeps what a commit has added; wakes nobody.

        Of another epoch nothing is kept: the log is asked, which knows whether that is its own.
        """
        early = self._early[growth.partition]
        if growth.epoch != self.epoch:
            early.asks += 1
            return
        early.known = max(early.known, growth.next)
        early.add(growth)

    def early(self, partition: int, offset: int) -> list[Recorded]:
        """Copies of the events from exactly `offset` on, whole commits; none where it has none."""
        early = self._early[partition]
        at = offset - early.first
        return early.events[at:] if at >= 0 else []

    def asks(self, partition: int) -> int:
        """How often a partition was said to have grown without a word by what."""
        return self._early[partition].asks

    def known(self, partition: int) -> int:
        """Where a partition is known to end; the log may be longer."""
        return self._early[partition].known

    def forget(self, epoch: int) -> None:
        """Drops all copies: the log is another one, or somebody may have missed a hint."""
        self.epoch = epoch
        for early in self._early:
            early.forget()

    @contextmanager
    def followed(self, partition: int) -> Iterator[None]:
        """Copies are kept of partitions only that somebody follows."""
        early = self._early[partition]
        early.followers += 1
        try:
            yield
        finally:
            early.followers -= 1


def _settle(future: asyncio.Future[bool], told: bool) -> None:
    if not future.done():
        future.set_result(told)


def _recorded(growth: Growth, offset: int, event: NewEvent) -> Recorded:
    return Recorded(
        Position(growth.epoch, growth.partition, offset),
        event.tenant,
        event.topic,
        event.version,
        event.event_type,
        event.document,
        event.facts,
        event.command_id,
        growth.at_ms,
    )


def _size(event: NewEvent | Recorded) -> int:
    return len(event.document) + len(event.facts)
