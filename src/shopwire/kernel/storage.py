"""The port under the write path: one transaction for claim, rows, events and answer."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

import msgspec

from shopwire.kernel.commands import Outcome
from shopwire.kernel.errors import PositionMoved
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
    retry_ms: int = 0
    """How long the present holder's lease still runs, where there is no answer yet."""


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """The right to work on one key over several transactions, until a moment."""

    claim: Claim
    fence: int
    """Grows with each take-over: the former holder can no longer finish."""
    until_ms: int


class Move(NamedTuple):
    """A consumer's position, from where it must be to where it goes."""

    consumer: str
    partition: int
    expected: int
    to: int


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision without the head's lock stands on: all of it of one moment."""

    turns: Mapping[int, int]
    """Of each partition's head: it grows by one with each committed transaction that held it."""
    now_ms: int
    """Never before that of a transaction which held one of them and is seen by this look."""
    claimed: list[Claimed]
    rows: dict[type[Row], list[Row]]
    over: bool = False
    """Whether one of the keys is kept with an answer or lease whose time is over."""
    remembered: bool = False
    """Whether it was not read, but follows from what was read and written before at these turns."""


class Writing(msgspec.Struct, frozen=True, kw_only=True):
    """All that a batch writes, see `Transaction.write` and `Transaction.advance_all`."""

    rows: Mapping[type[Row], Sequence[Row]]
    events: Mapping[int, Sequence[NewEvent]]
    answers: Sequence[tuple[Claim, Outcome]]
    born: Collection[type[Row]] = ()
    moves: Sequence[Move] = ()

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.rows or self.events or self.answers or self.moves)


class TurnMoved(Exception):
    """Nothing was written: a head was held since the look, a position moved, or an epoch begun."""


class Work(Protocol):
    """What a batch does while it is decided: reads once, moves positions, writes."""

    now_ms: int
    """One time for all that is decided; known once `read` has returned."""

    async def read(
        self, claims: Sequence[Claim], wanted: Mapping[type[Row], Sequence[tuple[str, str]]]
    ) -> tuple[list[Claimed], dict[type[Row], list[Row]]]:
        """See `Transaction.read`."""
        ...

    async def write(
        self,
        rows: Mapping[type[Row], Sequence[Row]],
        events: Mapping[int, Sequence[NewEvent]],
        answers: Sequence[tuple[Claim, Outcome]],
        born: Collection[type[Row]] = (),
    ) -> None:
        """See `Transaction.write`."""
        ...

    async def advance_all(self, moves: Sequence[Move]) -> list[bool]:
        """See `Transaction.advance_all`."""
        ...


class Transaction(Protocol):
    """Holds the heads of its partitions, so nobody else writes there until it ends."""

    now_ms: int
    """One time for all that this transaction writes."""

    async def claim(self, claims: Sequence[Claim]) -> list[Claimed]:
        """Says which keys are free; no two of `claims` are the same key.

        A free key is taken when its answer is stored; one that gets no answer stays free.
        """
        ...

    async def load(self, kind: type[R], groups: Sequence[tuple[str, str]]) -> list[R]:
        """All rows of those (tenant, group) pairs."""
        ...

    async def read(
        self, claims: Sequence[Claim], wanted: Mapping[type[Row], Sequence[tuple[str, str]]]
    ) -> tuple[list[Claimed], dict[type[Row], list[Row]]]:
        """Claims and loads, at once where the storage can."""
        claimed = await self.claim(claims)
        rows: dict[type[Row], list[Row]] = {}
        for kind, groups in wanted.items():
            rows[kind] = await self.load(kind, groups)
        return claimed, rows

    async def save(self, rows: Mapping[type[Row], Sequence[Row]]) -> None:
        """Inserts or replaces; raises ConstraintRefused where the schema says no."""
        ...

    async def append(self, partition: int, events: Sequence[NewEvent]) -> int:
        """Appends events, updates the documents of their topics, returns the first offset."""
        ...

    async def answer(self, answers: Sequence[tuple[Claim, Outcome]]) -> None:
        """Stores what a replay will repeat.

        Raises KeyInFlight where another transaction took one of the keys since `claim`: roll
        back, and claim again.
        """
        ...

    async def write(
        self,
        rows: Mapping[type[Row], Sequence[Row]],
        events: Mapping[int, Sequence[NewEvent]],
        answers: Sequence[tuple[Claim, Outcome]],
        born: Collection[type[Row]] = (),
    ) -> None:
        """Saves, appends (events by partition) and answers; raises what each of these raises.

        Of the kinds in `born` no row is in the storage yet. Raises ConstraintRefused where one is,
        of a kind that is `born_often`.
        Where the storage can it does so at once: then what checks one row against another must
        look at the end of the transaction.
        """
        if rows:
            await self.save(rows)
        for partition, batch in sorted(events.items()):
            await self.append(partition, batch)
        if answers:
            await self.answer(answers)

    async def advance(self, consumer: str, partition: int, expected: int, to: int) -> None:
        """Moves a consumer's position; raises PositionMoved if it is not at `expected`."""
        ...

    async def advance_all(self, moves: Sequence[Move]) -> list[bool]:
        """Moves positions of different consumers; says which were where they must be."""
        moved = []
        for move in moves:
            try:
                await self.advance(*move)
            except PositionMoved:
                moved.append(False)
            else:
                moved.append(True)
        return moved


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

    async def look(
        self,
        partitions: Sequence[int],
        claims: Sequence[Claim],
        wanted: Mapping[type[Row], Sequence[tuple[str, str]]],
    ) -> Look | None:
        """Reads without a lock what `Transaction.read` reads, all of one moment, with the turns.

        None where that cannot be: then, and where the epoch is another one, lock the heads.
        """
        return None

    async def write_at(self, look: Look, turns: Mapping[int, int], writing: Writing) -> None:
        """Commits what was decided on that look, if each head's turn is still that of `turns`.

        Counts a turn in each of them. Raises TurnMoved, Fenced, and what `Transaction.write` and a
        commit raise. Nothing was written then, except that after StorageUnavailable this is
        unknown.
        """
        raise TurnMoved

    def committed(self, partitions: Sequence[int]) -> None:
        """Hints to tailing readers, after the commit and outside of it."""
        ...

    async def take_lease(self, claim: Claim, lease_ms: int) -> Lease | Claimed:
        """Takes a free key, or one whose lease ran out, for work of several transactions."""
        ...

    async def renew_lease(self, lease: Lease, lease_ms: int) -> Lease:
        """Holds on for `lease_ms` from now; raises LeaseLost after a take-over."""
        ...

    async def finish_lease(self, lease: Lease, outcome: Outcome) -> None:
        """Stores the answer of a leased key; raises LeaseLost after a take-over."""
        ...

    async def drop_lease(self, lease: Lease) -> None:
        """Gives a leased key back unanswered: the next who asks may start at once."""
        ...

    async def sweep(self, limit: int) -> int:
        """Forgets up to `limit` answers whose time is over; returns how many."""
        ...
