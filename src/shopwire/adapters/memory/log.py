"""The log in memory."""

from collections.abc import AsyncIterator, Sequence

from typing_extensions import override

from shopwire.adapters.appender import Appender
from shopwire.adapters.limits import APPEND_QUEUE_EVENTS_MAX, TAIL_POLL_MS
from shopwire.adapters.memory.state import MemoryState, Topic
from shopwire.kernel.errors import Fenced
from shopwire.kernel.events import NewEvent, Position, Recorded
from shopwire.kernel.limits import READ_EVENTS_MAX
from shopwire.kernel.log import Document, EventLog, Heads


class MemoryLog(EventLog):
    """See EventLog; fenced by the epoch at which it was opened."""

    def __init__(
        self,
        state: MemoryState,
        *,
        queue_events_max: int = APPEND_QUEUE_EVENTS_MAX,
        tail_poll_ms: int = TAIL_POLL_MS,
    ) -> None:
        self._state = state
        self._tail_poll_ms = tail_poll_ms
        self._epoch = state.epoch
        self._appender = Appender(self._write, state.partitions, queue_events_max=queue_events_max)

    @property
    @override
    def partitions(self) -> int:
        return self._state.partitions

    @override
    async def append(self, partition: int, events: Sequence[NewEvent]) -> Position:
        return await self._appender.append(partition, events)

    @override
    async def read(self, partition: int, offset: int, limit: int) -> list[Recorded]:
        return self._state.events[partition][offset : offset + min(limit, READ_EVENTS_MAX)]

    @override
    async def heads(self) -> Heads:
        return Heads(self._state.epoch, tuple(len(events) for events in self._state.events))

    @override
    async def tail(self, partition: int, offset: int) -> AsyncIterator[list[Recorded]]:
        hints = self._state.hints
        while True:
            seen = hints.seen(partition)
            batch = await self.read(partition, offset, READ_EVENTS_MAX)
            if batch:
                offset += len(batch)
                yield batch
            else:
                await hints.wait(partition, seen, self._tail_poll_ms)

    @override
    async def documents(self, tenant: str, topics: Sequence[str]) -> list[Document]:
        held = self._state.documents
        return [held[tenant, topic] for topic in dict.fromkeys(topics) if (tenant, topic) in held]

    @override
    async def transitions(self, tenant: str, topic: str, after: int, limit: int) -> list[Document]:
        found = [
            Document(topic, event.version, event.document, event.recorded_at_ms)
            for events in self._state.events
            for event in events
            if event.tenant == tenant and event.topic == topic and event.version > after
        ]
        return sorted(found, key=lambda one: one.version)[:limit]

    @override
    async def position(self, consumer: str, partition: int) -> int:
        return self._state.positions.get((consumer, partition), 0)

    async def close(self) -> None:
        """Waits for appends that were taken."""
        await self._appender.close()

    async def _write(self, partition: int, events: Sequence[NewEvent]) -> Position:
        state = self._state
        async with state.heads[partition]:
            if state.epoch != self._epoch:
                raise Fenced(epoch=self._epoch, current=state.epoch)
            documents: dict[Topic, Document] = {}
            rows = state.recorded(partition, events, state.clock.now_ms(), documents=documents)
            state.events[partition].extend(rows)
            state.documents |= documents
        state.hints.give([partition])
        return rows[0].position
