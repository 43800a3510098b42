"""The write path's storage in PostgreSQL: every call is one statement over arrays."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from typing_extensions import override

from shopwire.adapters.limits import ACQUIRE_MS_MAX
from shopwire.adapters.postgres.hints import PostgresHints
from shopwire.adapters.postgres.log import append_arguments
from shopwire.adapters.postgres.pool import Pools, StorageErrors
from shopwire.adapters.postgres.rows import RowCodec
from shopwire.adapters.postgres.writing import Statement, rounds
from shopwire.kernel.commands import Outcome
from shopwire.kernel.errors import Fenced, KeyInFlight, LeaseLost, PositionMoved
from shopwire.kernel.events import NewEvent
from shopwire.kernel.limits import IDEMPOTENCY_KEPT_MS
from shopwire.kernel.queries import load_queries
from shopwire.kernel.rows import R, Row, Table
from shopwire.kernel.storage import Claim, Claimed, Lease, Storage, Transaction

_SQL: Final = load_queries("shopwire.adapters.postgres")


class PostgresTransaction(Transaction):
    """One open transaction that holds the heads of its partitions."""

    def __init__(
        self, con: Any, codecs: Mapping[type[Row], RowCodec], epoch: int, now_ms: int
    ) -> None:
        self._con = con
        self._codecs = codecs
        self._epoch = epoch
        self.now_ms = now_ms

    @override
    async def claim(self, claims: Sequence[Claim]) -> list[Claimed]:
        if not claims:
            return []
        async with StorageErrors():
            found = await self._con.fetch(
                _SQL["claim"],
                [(*_scope(claim), None, None, None) for claim in claims],
                self.now_ms,
            )
        answers = [Claimed(mine=True, fingerprint=claim.fingerprint) for claim in claims]
        for number, fingerprint, status, body, until_ms in found:
            answers[number - 1] = _claimed(fingerprint, status, body, until_ms - self.now_ms)
        return answers

    @override
    async def load(self, kind: type[R], groups: Sequence[tuple[str, str]]) -> list[R]:
        codec = self._codecs[kind]
        tenants, names = zip(*groups, strict=True) if groups else ((), ())
        async with StorageErrors():
            return codec.rows(await self._con.fetch(codec.load, tenants, names))

    @override
    async def save(self, rows: Mapping[type[Row], Sequence[Row]]) -> None:
        async with StorageErrors():
            for kind, changed in rows.items():
                codec = self._codecs[kind]
                await self._con.fetch(codec.save, codec.argument(changed))

    @override
    async def append(self, partition: int, events: Sequence[NewEvent]) -> int:
        arguments = append_arguments(partition, self._epoch, self.now_ms, events)
        async with StorageErrors():
            first = await self._con.fetchval(_SQL["append"], *arguments)
        if first is None:
            raise Fenced(epoch=self._epoch)
        return int(first)

    @override
    async def answer(self, answers: Sequence[tuple[Claim, Outcome]]) -> None:
        async with StorageErrors():
            done = await self._con.execute(_SQL["answer"], *self._answers(answers))
        self._all_answered(int(done.rsplit(" ", 1)[1]), answers)

    @override
    async def write(
        self,
        rows: Mapping[type[Row], Sequence[Row]],
        events: Mapping[int, Sequence[NewEvent]],
        answers: Sequence[tuple[Claim, Outcome]],
    ) -> None:
        *before, together = rounds({kind: self._codecs[kind].save for kind in rows}) or [[]]
        for kinds in before:
            await self.save({kind: rows[kind] for kind in kinds})
        partitions = sorted(events)
        for partition in partitions[:-1]:
            await self.append(partition, events[partition])
        statement = Statement()
        for kind in together:
            codec = self._codecs[kind]
            statement.save(codec.save, codec.argument(rows[kind]))
        for last in partitions[-1:]:
            statement.append(append_arguments(last, self._epoch, self.now_ms, events[last]))
        if answers:
            statement.answer(self._answers(answers))
        if not statement.arguments:
            return
        async with StorageErrors():
            found = await self._con.fetchrow(statement.sql, *statement.arguments)
        if found is None:
            raise Fenced(epoch=self._epoch)
        self._all_answered(found["answered"], answers)

    def _answers(self, answers: Sequence[tuple[Claim, Outcome]]) -> list[Any]:
        # One order everywhere: two transactions that race for keys never wait for each other.
        rows = [
            (*_scope(claim), claim.fingerprint, outcome.status, outcome.body)
            for claim, outcome in answers
        ]
        rows.sort()
        return [rows, self.now_ms + IDEMPOTENCY_KEPT_MS, self.now_ms]

    def _all_answered(self, stored: int, answers: Sequence[tuple[Claim, Outcome]]) -> None:
        if stored != len(answers):
            raise KeyInFlight(retry_ms=0)

    @override
    async def advance(self, consumer: str, partition: int, expected: int, to: int) -> None:
        async with StorageErrors():
            moved = await self._con.fetchval(_SQL["advance"], consumer, partition, expected, to)
        if moved is None:
            raise PositionMoved(consumer=consumer, partition=partition, expected=expected)


class PostgresStorage(Storage):
    """See Storage; fenced by the epoch that the log had when it was opened."""

    def __init__(
        self,
        pools: Pools,
        tables: Iterable[Table],
        remote: PostgresHints,
        *,
        partitions: int,
        epoch: int,
    ) -> None:
        self._pools = pools
        self._codecs = {table.kind: RowCodec(table) for table in tables}
        self._remote = remote
        self._partitions = partitions
        self._epoch = epoch

    @property
    @override
    def partitions(self) -> int:
        return self._partitions

    @override
    @asynccontextmanager
    async def transaction(self, partitions: Sequence[int]) -> AsyncIterator[Transaction]:
        async with (
            StorageErrors(),
            self._pools.writers.acquire(timeout=ACQUIRE_MS_MAX / 1_000) as con,
            con.transaction(),
        ):
            yield await self._begin(con, partitions)

    @override
    def committed(self, partitions: Sequence[int]) -> None:
        self._remote.give(partitions)

    @override
    async def take_lease(self, claim: Claim, lease_ms: int) -> Lease | Claimed:
        # A key that is held when we ask and gone when we look is asked for again.
        while True:
            taken = await self._pools.write(
                _SQL["take_lease"], *_scope(claim), claim.fingerprint, lease_ms
            )
            if taken:
                return Lease(claim=claim, fence=taken[0]["fence"], until_ms=taken[0]["until_ms"])
            held = await self._pools.write(_SQL["held_key"], *_scope(claim))
            if held and held[0]["left_ms"] > 0:
                return _claimed(*held[0])
            await asyncio.sleep(0)

    @override
    async def renew_lease(self, lease: Lease, lease_ms: int) -> Lease:
        moved = await self._pools.write(
            _SQL["move_lease"], *_scope(lease.claim), lease.fence, lease_ms
        )
        if not moved:
            raise LeaseLost
        return msgspec.structs.replace(lease, until_ms=moved[0]["until_ms"])

    @override
    async def finish_lease(self, lease: Lease, outcome: Outcome) -> None:
        done = await self._pools.write(
            _SQL["finish_lease"],
            *_scope(lease.claim),
            lease.fence,
            outcome.status,
            outcome.body,
            IDEMPOTENCY_KEPT_MS,
        )
        if not done:
            raise LeaseLost

    @override
    async def drop_lease(self, lease: Lease) -> None:
        moved = await self._pools.write(_SQL["move_lease"], *_scope(lease.claim), lease.fence, 0)
        if not moved:
            raise LeaseLost

    @override
    async def sweep(self, limit: int) -> int:
        return len(await self._pools.write(_SQL["sweep"], limit, IDEMPOTENCY_KEPT_MS))

    async def _begin(self, con: Any, partitions: Sequence[int]) -> PostgresTransaction:
        if not partitions:
            now_ms: int = await con.fetchval(_SQL["now_ms"])
            return PostgresTransaction(con, self._codecs, self._epoch, now_ms)
        locked = await con.fetch(_SQL["lock_heads"], sorted(set(partitions)))
        for row in locked:
            if row["epoch"] != self._epoch:
                raise Fenced(epoch=self._epoch, current=row["epoch"])
        return PostgresTransaction(con, self._codecs, self._epoch, locked[-1]["now_ms"])


def _scope(claim: Claim) -> tuple[str, str, str, str]:
    return (claim.tenant, claim.principal, claim.operation, claim.key)


def _claimed(fingerprint: bytes, status: int | None, body: bytes | None, left_ms: int) -> Claimed:
    if status is None or body is None:
        return Claimed(mine=False, fingerprint=fingerprint, retry_ms=left_ms)
    return Claimed(mine=False, fingerprint=fingerprint, outcome=Outcome(status=status, body=body))
