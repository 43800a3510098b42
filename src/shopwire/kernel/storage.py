"""The port under the write path: one transaction for claim, rows, events and answer."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from shopwire.kernel.commands import Outcome
from shopwire.kernel.events import NewEvent
from shopwire.kernel.rows import R, Row


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The right to answer one idempotency key."""

    tenant: str
    principal: str
    operation: str
    key: str
    fingerprint: bytes


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """What the table said: ours to decide, or what is there already."""

    mine: bool
    fingerprint: bytes
    outcome: Outcome | None = None
    """The stored answer, where the key was answered before."""


class Transaction(Protocol):
    """Holds the heads of its partitions, so nobody else writes there until it ends."""

    now_ms: int
    """One time for all that this transaction writes."""

    async def claim(self, claims: Sequence[Claim]) -> list[Claimed]:
        """Takes the keys that are free; no two of `claims` are the same key."""
        ...

    async def load(self, kind: type[R], groups: Sequence[tuple[str, str]]) -> list[R]:
        """All rows of those (tenant, group) pairs."""
        ...

    async def save(self, rows: Mapping[type[Row], Sequence[Row]]) -> None:
        """Inserts or replaces; raises ConstraintRefused where the schema says no."""
        ...

    async def append(self, partition: int, events: Sequence[NewEvent]) -> int:
        """Appends events, updates the documents of their topics, returns the first offset."""
        ...

    async def answer(self, answers: Sequence[tuple[Claim, Outcome]]) -> None:
        """Stores what a replay will repeat."""
        ...

    async def advance(self, consumer: str, partition: int, expected: int, to: int) -> None:
        """Moves a consumer's position; raises PositionMoved if it is not at `expected`."""
        ...


class Storage(Protocol):
    """Where the write path stands on: PostgreSQL, or the memory twin."""

    @property
    def partitions(self) -> int:
        """How many partitions there are."""
        ...

    def transaction(self, partitions: Sequence[int]) -> AbstractAsyncContextManager[Transaction]:
        """Locks the heads of `partitions` in sorted order; commits unless left by an exception.

        Raises Fenced, StorageUnavailable.
        """
        ...

    def committed(self, partitions: Sequence[int]) -> None:
        """Hints to tailing readers, after the commit and outside of it."""
        ...
