"""The log in PostgreSQL."""

import operator
from collections.abc import AsyncIterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

from typing_extensions import override

from shopwire.adapters.appender import Appender
from shopwire.adapters.hints import Growth, Hints
from shopwire.adapters.limits import APPEND_QUEUE_EVENTS_MAX, TAIL_POLL_MS
from shopwire.adapters.postgres.hints import PostgresHints
from shopwire.adapters.postgres.pool import Lane, Pools
from shopwire.kernel.errors import Fenced, LogCorrupt
from shopwire.kernel.events import NewEvent, Position, Recorded
from shopwire.kernel.limits import READ_EVENTS_MAX
from shopwire.kernel.log import Document, EventLog, Heads
from shopwire.kernel.queries import load_queries

_SQL: Final = load_queries("shopwire.adapters.postgres")
_fields: Final = attrgetter(
    "tenant", "topic", "version", "event_type", "document", "facts", "command_id"
)
"""In the order of the type `log_incoming`."""


def append_arguments(
    partition: int, epoch: int, now_ms: int | None, events: Sequence[NewEvent]
) -> list[Any]:
    """The arguments of `append` but for the hint.

    Raises LogCorrupt where a version does not grow by 1.
    """
    since = [0] * len(events)
    newest: dict[tuple[str, str], int] = {}
    for at, event in enumerate(events):
        topic = (event.tenant, event.topic)
        before = newest.get(topic)
        if before is None:
            since[at] = event.version
        else:
            version = events[before].version
            if event.version != version + 1:
                reason = f"{event.topic} goes from version {version} to {event.version}"
                raise LogCorrupt(partition=partition, reason=reason)
            since[at], since[before] = since[before], 0
        newest[topic] = at
    rows = [(*_fields(event), first) for event, first in zip(events, since, strict=True)]
    return [partition, epoch, len(rows), now_ms, rows, len(newest)]


def append_wide_arguments(
    turns: Mapping[int, int], epoch: int, now_ms: int, events: Mapping[int, Sequence[NewEvent]]
) -> list[Any]:
    """The arguments of `append_wide`: these events, by partition, at these turns of their heads.

    Raises LogCorrupt where a version does not grow by 1.
    """
    partitions = sorted(turns)
    rows: list[Any] = []
    homes: list[int] = []
    places: list[int] = []
    counts, topics = [], 0
    for partition in partitions:
        some = events.get(partition, ())
        *_, own, newest = append_arguments(partition, epoch, now_ms, some)
        rows += own
        counts.append(len(own))
        homes += [partition] * len(own)
        places += range(len(own))
        topics += newest
    at = [turns[partition] for partition in partitions]
    return [partitions, at, counts, epoch, now_ms, rows, homes, places, topics]


class PostgresLog(EventLog):
    """See EventLog; fenced by the epoch that the log had when it was opened."""

    def __init__(
        self,
        pools: Pools,
        local: Hints,
        remote: PostgresHints,
        *,
        partitions: int,
        epoch: int,
        queue_events_max: int = APPEND_QUEUE_EVENTS_MAX,
        tail_poll_ms: int = TAIL_POLL_MS,
    ) -> None:
        self._tail_poll_ms = tail_poll_ms
        self._pools = pools
        self._local = local
        self._remote = remote
        self._partitions = partitions
        self._epoch = epoch
        self._lanes = [Lane(pools) for _ in range(partitions)]
        self._appender = Appender(self._write, partitions, queue_events_max=queue_events_max)

    @property
    @override
    def partitions(self) -> int:
        return self._partitions

    @override
    async def append(self, partition: int, events: Sequence[NewEvent]) -> Position:
        return await self._appender.append(partition, events)

    @override
    async def read(self, partition: int, offset: int, limit: int) -> list[Recorded]:
        found = await self._pools.read(_SQL["read"], partition, offset, min(limit, READ_EVENTS_MAX))
        events = [_recorded(partition, row) for row in found]
        for expected, event in enumerate(events, offset):
            if event.position.offset != expected:
                reason = f"offset {expected} is missing before {event.position.offset}"
                raise LogCorrupt(
                    f"Partition {partition}: {reason}.",
                    partition=partition,
                    offset=expected,
                    reason=reason,
                )
        if events and events[-1].position.epoch > self._local.epoch:
            self._local.forget(events[-1].position.epoch)
        return events

    @override
    async def heads(self) -> Heads:
        known = [self._local.known(partition) for partition in range(self._partitions)]
        found = await self._pools.read(_SQL["heads"])
        heads = Heads(min(row["epoch"] for row in found), tuple(row["next"] for row in found))
        # Whoever finds the log to be another one asks here before it goes on: copies of the log
        # before are gone by then, also where it was restored without a new epoch.
        if heads.epoch != self._local.epoch or any(map(operator.lt, heads.next, known)):
            self._local.forget(heads.epoch)
        return heads

    @override
    async def tail(self, partition: int, offset: int) -> AsyncIterator[list[Recorded]]:
        hints = self._local
        due, asks = True, 0  # whether the log is to be asked, and what it was last asked for
        with hints.followed(partition):
            while True:
                seen = hints.seen(partition)
                batch = hints.early(partition, offset)
                owed = due or hints.known(partition) > offset or hints.asks(partition) != asks
                if not batch and owed:
                    asks = hints.asks(partition)
                    batch = await self.read(partition, offset, READ_EVENTS_MAX)
                    due = len(batch) == READ_EVENTS_MAX
                if batch:
                    offset += len(batch)
                    yield batch
                else:
                    due = not await hints.wait(partition, seen, self._tail_poll_ms)

    @override
    async def documents(self, tenant: str, topics: Sequence[str]) -> list[Document]:
        found = await self._pools.read(_SQL["documents"], tenant, list(dict.fromkeys(topics)))
        return [
            Document(row["topic"], row["version"], bytes(row["body"]), row["changed_at_ms"])
            for row in found
        ]

    @override
    async def transitions(self, tenant: str, topic: str, after: int, limit: int) -> list[Document]:
        found = await self._pools.read(_SQL["transitions"], tenant, topic, after, limit)
        return [
            Document(topic, row["version"], bytes(row["body"]), row["recorded_at_ms"])
            for row in found
        ]

    @override
    async def position(self, consumer: str, partition: int) -> int:
        found = await self._pools.read(_SQL["position"], consumer, partition)
        return int(found[0]["next"]) if found else 0

    async def close(self) -> None:
        """Waits for appends that were taken."""
        await self._appender.close()
        for lane in self._lanes:
            await lane.close()

    async def _write(self, partition: int, events: Sequence[NewEvent]) -> Position:
        arguments = append_arguments(partition, self._epoch, None, events)
        with self._remote.writing():
            told = self._remote.told_by_commit(self._epoch, partition, events)
            found = await self._lanes[partition].fetch(_SQL["append"], *arguments, told)
        if not found:
            raise Fenced(epoch=self._epoch, current=(await self.heads()).epoch)
        first, now_ms, _ = found[0]
        growth = Growth(self._epoch, partition, first, len(events), now_ms, events)
        self._remote.note(growth, told=told is not None)
        self._remote.give([partition])
        return Position(self._epoch, partition, first)


def _recorded(partition: int, row: Any) -> Recorded:
    offset, epoch, tenant, topic, version, event_type, document, facts, command, at_ms = row
    return Recorded(
        Position(epoch, partition, offset),
        tenant,
        topic,
        version,
        event_type,
        bytes(document),
        bytes(facts),
        command,
        at_ms,
    )
