"""The port of the log: append, read, tail, positions of consumers."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

import msgspec

from shopwire.kernel.events import NewEvent, Position, Recorded

FACT_KINDS: Final = (
    "order", "shipment", "return", "payment", "purchase_order", "conflict", "notice",
)  # fmt: skip
"""Kinds of topics of which each transition counts; the database has an index over these."""


class Heads(msgspec.Struct, frozen=True):
    """Where every partition ends: `next[p]` is the offset the next event of p will get."""

    epoch: int
    next: tuple[int, ...]


class Document(msgspec.Struct, frozen=True):
    """The latest public state of a topic. `body` is JSON, `null` where the entity is gone."""

    topic: str
    version: int
    body: bytes
    changed_at_ms: int


class EventLog(Protocol):
    """An append-only log with contiguous offsets per partition, from 0.

    Law: the events of a partition are 0..next-1 without a hole, in commit order, whatever writers
    stall, die or roll back. So a reader that holds 0..n knows by arithmetic that it missed nothing.
    """

    @property
    def partitions(self) -> int:
        """How many partitions there are; fixed when the log is made."""
        ...

    async def append(self, partition: int, events: Sequence[NewEvent]) -> Position:
        """Appends all or nothing and returns the place of the first, after it is durable.

        Concurrent calls share one commit. Raises QueueFull (nothing was done), Fenced,
        StorageUnavailable (whether it was done is unknown).
        """
        ...

    async def read(self, partition: int, offset: int, limit: int) -> list[Recorded]:
        """Up to `limit` events from `offset` on; raises LogCorrupt on a hole."""
        ...

    async def heads(self) -> Heads:
        """Where the log ends now, of one moment."""
        ...

    def tail(self, partition: int, offset: int) -> AsyncIterator[list[Recorded]]:
        """Batches from `offset` on, for ever; waits for hints, never for a hole."""
        ...

    async def documents(self, tenant: str, topics: Sequence[str]) -> list[Document]:
        """Latest documents of those topics that exist.

        They are at least as new as any heads() that returned before this call.
        """
        ...

    async def transitions(self, tenant: str, topic: str, after: int, limit: int) -> list[Document]:
        """Up to `limit` states of a topic behind version `after`, oldest first.

        Only for kinds of which each transition counts (FACT_KINDS): the others have no index.
        """
        ...

    async def position(self, consumer: str, partition: int) -> int:
        """The next offset that a consumer has to take; 0 for one that never ran."""
        ...
