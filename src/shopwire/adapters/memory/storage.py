"""The write path's storage in memory."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import cast

import msgspec
from typing_extensions import override

from shopwire.adapters.memory.state import Answered, Identity, MemoryState, Topic
from shopwire.kernel.commands import Outcome
from shopwire.kernel.errors import (
    ConstraintRefused,
    Fenced,
    KeyInFlight,
    LeaseLost,
    PositionMoved,
)
from shopwire.kernel.events import NewEvent, Recorded
from shopwire.kernel.limits import IDEMPOTENCY_KEPT_MS
from shopwire.kernel.log import Document
from shopwire.kernel.rows import R, Row
from shopwire.kernel.storage import (
    Claim,
    Claimed,
    Lease,
    Look,
    Storage,
    Transaction,
    TurnMoved,
    Writing,
)


def _identity(claim: Claim) -> Identity:
    return (claim.tenant, claim.principal, claim.operation, claim.key)


class MemoryTransaction(Transaction):
    """Keeps everything aside until the commit."""

    def __init__(self, state: MemoryState, partitions: Sequence[int] = ()) -> None:
        self._state = state
        self._partitions = partitions
        self.now_ms = state.clock.now_ms()
        self._rows: dict[type[Row], dict[tuple[str, ...], Row]] = {}
        self._events: dict[int, list[Recorded]] = {}
        self._documents: dict[Topic, Document] = {}
        self._answers: dict[Identity, Answered] = {}
        self._positions: dict[tuple[str, int], tuple[int, int]] = {}

    @override
    async def claim(self, claims: Sequence[Claim]) -> list[Claimed]:
        return [_claimed(self._state, claim, self.now_ms) for claim in claims]

    @override
    async def load(self, kind: type[R], groups: Sequence[tuple[str, str]]) -> list[R]:
        wanted = set(groups)
        rows = self._state.rows.get(kind, {}) | self._rows.get(kind, {})
        return [cast("R", row) for row in rows.values() if row.group in wanted]

    @override
    async def save(self, rows: Mapping[type[Row], Sequence[Row]]) -> None:
        for kind, changed in rows.items():
            check = self._state.constraints.get(kind)
            for row in changed:
                if check is not None and (broken := check(row)) is not None:
                    raise ConstraintRefused(constraint=broken)
                self._rows.setdefault(kind, {})[row.key] = row

    @override
    async def write(
        self,
        rows: Mapping[type[Row], Sequence[Row]],
        events: Mapping[int, Sequence[NewEvent]],
        answers: Sequence[tuple[Claim, Outcome]],
        born: Collection[type[Row]] = (),
    ) -> None:
        for kind in born:
            there, staged = self._state.rows.get(kind, {}), self._rows.get(kind, {})
            new = [row.key for row in rows.get(kind, ())] if kind.born_often else ()
            if any(key in there or key in staged for key in new):
                raise ConstraintRefused(constraint=f"{kind.table}_pkey")
        await super().write(rows, events, answers, born)

    @override
    async def append(self, partition: int, events: Sequence[NewEvent]) -> int:
        staged = self._events.setdefault(partition, [])
        rows = self._state.recorded(
            partition, events, self.now_ms, ahead=len(staged), documents=self._documents
        )
        staged.extend(rows)
        return rows[0].position.offset

    @override
    async def answer(self, answers: Sequence[tuple[Claim, Outcome]]) -> None:
        for claim, outcome in answers:
            if not _claimed(self._state, claim, self.now_ms).mine:
                raise KeyInFlight(retry_ms=0)
            self._answers[_identity(claim)] = Answered(
                fingerprint=claim.fingerprint,
                outcome=outcome,
                until_ms=self.now_ms + IDEMPOTENCY_KEPT_MS,
            )

    @override
    async def advance(self, consumer: str, partition: int, expected: int, to: int) -> None:
        at = (consumer, partition)
        before, staged = self._positions.get(at, (expected, None))
        if staged is None:
            self._check_position(at, expected)
        elif staged != expected:
            raise PositionMoved(consumer=consumer, partition=partition, expected=expected)
        self._positions[at] = (before, to)

    def _check_position(self, at: tuple[str, int], expected: int) -> None:
        if self._state.positions.get(at, 0) != expected:
            raise PositionMoved(consumer=at[0], partition=at[1], expected=expected)

    def commit(self) -> None:
        """Makes it all visible at once; no await, so nobody sees a half."""
        state = self._state
        for identity in self._answers:
            held = state.answers.get(identity)
            if held is not None and held.until_ms > self.now_ms:
                raise KeyInFlight(retry_ms=0)
        for at, (expected, _) in self._positions.items():
            self._check_position(at, expected)
        for kind, changed in self._rows.items():
            state.rows.setdefault(kind, {}).update(changed)
        for partition, events in self._events.items():
            state.events[partition].extend(events)
        for partition in self._partitions:
            state.turns[partition] += 1
        state.documents |= self._documents
        state.answers |= self._answers
        state.positions |= {at: to for at, (_, to) in self._positions.items()}


class MemoryStorage(Storage):
    """See Storage; fenced by the epoch at which it was opened."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state
        self._epoch = state.epoch

    @property
    @override
    def partitions(self) -> int:
        return self._state.partitions

    @override
    @asynccontextmanager
    async def transaction(self, partitions: Sequence[int]) -> AsyncIterator[Transaction]:
        numbers = sorted(set(partitions))
        async with self._held_heads(numbers):
            if self._state.epoch != self._epoch:
                raise Fenced(epoch=self._epoch, current=self._state.epoch)
            tx = MemoryTransaction(self._state, numbers)
            yield tx
            if self._state.epoch != self._epoch:
                raise Fenced(epoch=self._epoch, current=self._state.epoch)
            tx.commit()

    @override
    async def look(
        self,
        partitions: Sequence[int],
        claims: Sequence[Claim],
        wanted: Mapping[type[Row], Sequence[tuple[str, str]]],
    ) -> Look | None:
        if self._state.epoch != self._epoch:
            return None
        # Nothing here waits for anything, so all of it is of one moment.
        tx = MemoryTransaction(self._state)
        claimed, rows = await tx.read(claims, wanted)
        turns = {partition: self._state.turns[partition] for partition in partitions}
        return Look(turns=turns, now_ms=tx.now_ms, claimed=claimed, rows=rows)

    @override
    async def write_at(self, look: Look, turns: Mapping[int, int], writing: Writing) -> None:
        state, numbers = self._state, sorted(turns)
        async with self._held_heads(numbers):
            if state.epoch != self._epoch:
                raise TurnMoved
            if any(state.turns[partition] != turn for partition, turn in turns.items()):
                raise TurnMoved
            tx = MemoryTransaction(state, numbers)
            tx.now_ms = look.now_ms
            if not all(await tx.advance_all(writing.moves)):
                raise TurnMoved
            await tx.write(writing.rows, writing.events, writing.answers, writing.born)
            tx.commit()

    @asynccontextmanager
    async def _held_heads(self, numbers: Sequence[int]) -> AsyncIterator[None]:
        """Locks these heads, which are in order."""
        async with AsyncExitStack() as held:
            for partition in numbers:
                await held.enter_async_context(self._state.heads[partition])
            yield

    @override
    def committed(self, partitions: Sequence[int]) -> None:
        self._state.hints.give(partitions)

    @override
    async def take_lease(self, claim: Claim, lease_ms: int) -> Lease | Claimed:
        now_ms = self._state.clock.now_ms()
        claimed = _claimed(self._state, claim, now_ms)
        if not claimed.mine:
            return claimed
        before = self._state.answers.get(_identity(claim))
        fence = before.fence + 1 if before is not None else 1
        until_ms = now_ms + lease_ms
        self._state.answers[_identity(claim)] = Answered(
            fingerprint=claim.fingerprint, fence=fence, until_ms=until_ms
        )
        return Lease(claim=claim, fence=fence, until_ms=until_ms)

    @override
    async def renew_lease(self, lease: Lease, lease_ms: int) -> Lease:
        held, until_ms = self._held(lease), self._state.clock.now_ms() + lease_ms
        self._state.answers[_identity(lease.claim)] = msgspec.structs.replace(
            held, until_ms=until_ms
        )
        return msgspec.structs.replace(lease, until_ms=until_ms)

    @override
    async def finish_lease(self, lease: Lease, outcome: Outcome) -> None:
        held = self._held(lease)
        kept_until_ms = self._state.clock.now_ms() + IDEMPOTENCY_KEPT_MS
        self._state.answers[_identity(lease.claim)] = msgspec.structs.replace(
            held, outcome=outcome, until_ms=kept_until_ms
        )

    @override
    async def drop_lease(self, lease: Lease) -> None:
        held = self._held(lease)
        self._state.answers[_identity(lease.claim)] = msgspec.structs.replace(held, until_ms=0)

    @override
    async def sweep(self, limit: int) -> int:
        now_ms = self._state.clock.now_ms()
        answers = self._state.answers
        # A lease that ran out stays until its answer is due to go: its fence must not start anew.
        over = [
            key
            for key, held in answers.items()
            if held.until_ms + (0 if held.outcome else IDEMPOTENCY_KEPT_MS) <= now_ms
        ]
        for key in over[:limit]:
            del answers[key]
        return len(over[:limit])

    def _held(self, lease: Lease) -> Answered:
        held = self._state.answers.get(_identity(lease.claim))
        if held is None or held.fence != lease.fence or held.outcome is not None:
            raise LeaseLost
        return held


def _claimed(state: MemoryState, claim: Claim, now_ms: int) -> Claimed:
    held = state.answers.get(_identity(claim))
    if held is None or held.until_ms <= now_ms:
        return Claimed(mine=True, fingerprint=claim.fingerprint)
    return Claimed(
        mine=False,
        fingerprint=held.fingerprint,
        outcome=held.outcome,
        retry_ms=0 if held.outcome else held.until_ms - now_ms,
    )
