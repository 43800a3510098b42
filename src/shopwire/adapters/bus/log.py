"""The log as a process follows it that only reads: from the bus, else from the database."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal

import msgspec
from typing_extensions import override

from shopwire.adapters.bus.limits import LATE_MS
from shopwire.adapters.hints import Hints
from shopwire.adapters.limits import TAIL_POLL_MS
from shopwire.kernel.bus import NO_FACTS, Bus, Run, Subscription, recorded
from shopwire.kernel.errors import StorageUnavailable
from shopwire.kernel.events import NewEvent, Position, Recorded
from shopwire.kernel.limits import BATCH_EVENTS_MAX, READ_EVENTS_MAX
from shopwire.kernel.log import Document, EventLog, Heads

_BETWEEN: Final = 1_000
"""Milliseconds in a second."""


class BusCounts(msgspec.Struct):
    """How following went."""

    runs: int = 0
    """Runs that were taken from the bus."""
    doubled: int = 0
    """Runs that brought nothing new."""
    gaps: int = 0
    """Times that a run did not follow the one before, and the log was read."""
    late: int = 0
    """Times that the log was known to be longer, and the bus brought nothing."""
    log_reads: int = 0
    """Reads of events from the database."""


class BusLog(EventLog):
    """See EventLog. `tail` is the bus's as long as its offsets follow each other.

    Everything else comes from `log`, which is the truth. Whatever the bus does, a follower gets
    each offset once and in order: what does not follow the last one is never taken. Events come
    without their facts, whichever way they took.
    """

    def __init__(
        self,
        bus: Bus,
        log: EventLog,
        hints: Hints,
        *,
        poll_ms: float = TAIL_POLL_MS,
        late_ms: float = LATE_MS,
    ) -> None:
        """Args: `hints` tells that the database's log has grown, for while the bus is away.

        `poll_ms` is how long a silent bus is believed, `late_ms` how long one that is known to
        owe something.
        """
        self.bus = bus
        self.log = log
        self.hints = hints
        self.poll_ms, self.late_ms = poll_ms, late_ms
        self.counts = BusCounts()
        self.epoch: int | None = None
        self._known: list[tuple[int, float]] = [(0, 0.0)] * log.partitions
        """By partition: where the log ended when it was last asked, and since when that is so."""
        self._subscriptions: set[Subscription] = set()

    @property
    def source(self) -> Literal["bus", "log"]:
        """Where events come from now."""
        return "bus" if self.bus.up else "log"

    @property
    @override
    def partitions(self) -> int:
        return self.log.partitions

    @override
    async def append(self, partition: int, events: Sequence[NewEvent]) -> Position:
        return await self.log.append(partition, events)

    @override
    async def read(self, partition: int, offset: int, limit: int) -> list[Recorded]:
        self.counts.log_reads += 1
        return list(map(_without_facts, await self.log.read(partition, offset, limit)))

    @override
    async def heads(self) -> Heads:
        heads = await self.log.heads()
        now = asyncio.get_running_loop().time()
        same, self.epoch = heads.epoch == self.epoch, heads.epoch
        for partition, end in enumerate(heads.next):
            if not same or end != self._known[partition][0]:
                self._known[partition] = (end, now)
        for subscription in self._subscriptions:
            subscription.wake()
        return heads

    def owed_since(self, partition: int, offset: int) -> float | None:
        """Since when the log is known to go beyond `offset`; None where that is not known."""
        end, since = self._known[partition]
        return since if end > offset else None

    @override
    async def tail(self, partition: int, offset: int) -> AsyncIterator[list[Recorded]]:
        if self.epoch is None:
            await self.heads()
        runs = await self.bus.follow(partition)
        self._subscriptions.add(runs)
        try:
            follower = _Follower(self, runs, partition, offset)
            while True:
                yield await follower.next()
        finally:
            self._subscriptions.discard(runs)
            await runs.close()

    @override
    async def documents(self, tenant: str, topics: Sequence[str]) -> list[Document]:
        return await self.log.documents(tenant, topics)

    @override
    async def transitions(self, tenant: str, topic: str, after: int, limit: int) -> list[Document]:
        return await self.log.transitions(tenant, topic, after, limit)

    @override
    async def position(self, consumer: str, partition: int) -> int:
        return await self.log.position(consumer, partition)


class _Follower:
    """One partition on its way: which offset is the next, and where it may come from."""

    def __init__(self, owner: BusLog, runs: Subscription, partition: int, offset: int) -> None:
        self._owner = owner
        self._runs = runs
        self._partition = partition
        self._offset = offset
        self._held: list[Recorded] = []
        """Events of a command that goes on in the next run."""
        self._behind = True
        """Whether the log has to be read first: at the start, and after each hole."""
        self._quiet_since = 0.0

    async def next(self) -> list[Recorded]:
        """Whole commands, or READ_EVENTS_MAX events."""
        while True:
            if self._behind or not self._owner.bus.up:
                batch = await self._from_log()
            else:
                batch = await self._from_bus()
            if batch:
                self._offset += len(batch)
                return batch

    async def _from_log(self) -> list[Recorded]:
        """What the database has from here on. What the bus brings meanwhile waits its turn."""
        hints = self._owner.hints
        seen = hints.seen(self._partition)
        self._held = []
        try:
            batch = await self._owner.read(self._partition, self._offset, READ_EVENTS_MAX)
        except StorageUnavailable:
            if not self._owner.bus.up:
                raise
            batch = []  # the bus may still go on, and what it brings is counted as ever
        self._quiet_since = asyncio.get_running_loop().time()
        # A full read may have left more; after any other one the bus goes on from here.
        self._behind = len(batch) >= READ_EVENTS_MAX
        if not batch and not self._owner.bus.up:
            await hints.wait(self._partition, seen, self._owner.poll_ms)
        return batch

    async def _from_bus(self) -> list[Recorded]:
        """The next run, if it comes in time and follows what is here."""
        wait_ms = self._patience_ms()
        if wait_ms <= 0:
            owed = self._owner.owed_since(self._partition, self._offset)
            self._owner.counts.late += owed is not None
            self._behind = True
            return []
        run = await self._runs.next(wait_ms)
        return [] if run is None else self._take(run)

    def _patience_ms(self) -> float:
        """How long the bus may still be silent before the log is asked."""
        owner = self._owner
        patient_until = self._quiet_since + owner.poll_ms / _BETWEEN
        owed = owner.owed_since(self._partition, self._offset)
        if owed is not None:
            owed = max(owed, self._quiet_since)  # what arrives keeps the bus credible
            patient_until = min(patient_until, owed + owner.late_ms / _BETWEEN)
        return (patient_until - asyncio.get_running_loop().time()) * _BETWEEN

    def _take(self, run: Run) -> list[Recorded]:
        """The line that everything hangs on: only what follows is taken."""
        owner = self._owner
        expected = self._offset + len(self._held)
        if owner.epoch is not None and run.epoch < owner.epoch:
            return []
        if run.epoch != owner.epoch or run.first > expected:
            owner.counts.gaps += 1
            self._behind = True
            return []
        if run.next <= expected:
            owner.counts.doubled += 1
            return []
        owner.counts.runs += 1
        self._quiet_since = asyncio.get_running_loop().time()
        self._held += recorded(run, expected)
        if run.more:
            self._behind = len(self._held) > BATCH_EVENTS_MAX
            return []
        whole, self._held = self._held, []
        return whole


def _without_facts(event: Recorded) -> Recorded:
    return msgspec.structs.replace(event, facts=NO_FACTS)
