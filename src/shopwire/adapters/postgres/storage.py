"""The write path's storage in PostgreSQL: every call is one statement over arrays."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final

import msgspec
from typing_extensions import override

from shopwire.adapters.hints import Growth
from shopwire.adapters.postgres.arrays import text_arrays
from shopwire.adapters.postgres.claims import claimed_by, claimed_of, scope_of
from shopwire.adapters.postgres.hints import PostgresHints
from shopwire.adapters.postgres.log import append_arguments, append_wide_arguments
from shopwire.adapters.postgres.pool import TURN_REFUSED, Lane, Pools, StorageErrors, driver
from shopwire.adapters.postgres.reading import together
from shopwire.adapters.postgres.rows import RowCodec
from shopwire.adapters.postgres.writing import Combinations, Statement, rounds
from shopwire.kernel.commands import Outcome
from shopwire.kernel.errors import Fenced, KeyInFlight, LeaseLost, PositionMoved
from shopwire.kernel.events import NewEvent
from shopwire.kernel.limits import IDEMPOTENCY_KEPT_MS
from shopwire.kernel.queries import load_queries
from shopwire.kernel.rows import R, Row, Table
from shopwire.kernel.storage import (
    Claim,
    Claimed,
    Lease,
    Look,
    Move,
    Storage,
    Transaction,
    TurnMoved,
    Writing,
)

_SQL: Final = load_queries("shopwire.adapters.postgres")
_heads: Final = msgspec.json.Decoder(
    tuple[dict[int, int | None], int | None, int | None, int]
).decode
CONNECTIONS_A_PARTITION: Final = 2
"""Connections that are kept for each partition: one writes while the next batch reads."""


class _Errors(StorageErrors):
    """Remembers that there was one."""

    any = False

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.any = self.any or problem is not None
        await super().__aexit__(kind, problem, trace)


class PostgresTransaction(Transaction):
    """One open transaction that holds the heads of its partitions."""

    def __init__(
        self,
        con: Any,
        codecs: Mapping[type[Row], RowCodec],
        combinations: Combinations,
        hints: PostgresHints,
        epoch: int,
        now_ms: int,
        turns: Mapping[int, int] | None = None,
    ) -> None:
        self._con = con
        self._hints = hints
        self.turns = turns or {}
        """Of the heads that it holds, this transaction's own counted."""
        self._codecs = codecs
        self._combinations = combinations
        self._epoch = epoch
        self.now_ms = now_ms
        self.over = False
        """Whether a claimed key is in the table, with an answer or lease whose time is over."""
        self._errors = _Errors()
        self._growths: list[tuple[Growth, bool]] = []

    def growths(self) -> list[tuple[Growth, bool]]:
        """What it has added, once it is committed, and whether the commit told others of it.

        None where a statement failed and somebody went on: the server then takes COMMIT for
        ROLLBACK, and says nothing.
        """
        return [] if self._errors.any else self._growths

    def _added(
        self, partition: int, first: int, events: Sequence[NewEvent], *, told: bool = False
    ) -> None:
        growth = Growth(self._epoch, partition, first, len(events), self.now_ms, events)
        self._growths.append((growth, told))

    @override
    async def claim(self, claims: Sequence[Claim]) -> list[Claimed]:
        return (await self.read(claims, {}))[0]

    @override
    async def load(self, kind: type[R], groups: Sequence[tuple[str, str]]) -> list[R]:
        codec = self._codecs[kind]
        async with self._errors:
            return codec.rows(await self._con.fetch(codec.load, *text_arrays(groups, 2)))

    @override
    async def read(
        self, claims: Sequence[Claim], wanted: Mapping[type[Row], Sequence[tuple[str, str]]]
    ) -> tuple[list[Claimed], dict[type[Row], list[Row]]]:
        kinds = self._sorted(wanted)
        queries = [self._codecs[kind].load_json for kind in kinds]
        arguments: list[Any] = []
        if claims:
            queries.insert(0, _SQL["claim"])
            arguments += text_arrays(map(scope_of, claims), 4)
        if not queries:
            return [], {}
        if len(queries) > 1 and not self._combinations.allow(tuple(queries)):
            return await super().read(claims, wanted)
        for kind in kinds:
            arguments += text_arrays(wanted[kind], 2)
        async with self._errors:
            texts = list(await self._con.fetchrow(together(tuple(queries)), *arguments))
        held = texts.pop(0) if claims else None
        rows: dict[type[Row], list[Row]] = {
            kind: self._codecs[kind].rows_of(text) for kind, text in zip(kinds, texts, strict=True)
        }
        claimed, over = claimed_of(claims, held, self.now_ms)
        self.over = self.over or over
        return claimed, rows

    def _sorted(self, kinds: Iterable[type[Row]]) -> list[type[Row]]:
        """In one order, so that the same kinds make the same statement."""
        return sorted(kinds, key=lambda kind: self._codecs[kind].place)

    @override
    async def save(self, rows: Mapping[type[Row], Sequence[Row]]) -> None:
        await self._save(rows)

    async def _save(
        self, rows: Mapping[type[Row], Sequence[Row]], born: Collection[type[Row]] = ()
    ) -> None:
        async with self._errors:
            for kind, changed in rows.items():
                codec = self._codecs[kind]
                save = codec.insert if kind in born else codec.save
                await self._con.fetch(save, codec.argument(changed))

    @override
    async def append(self, partition: int, events: Sequence[NewEvent]) -> int:
        arguments = append_arguments(partition, self._epoch, self.now_ms, events)
        async with self._errors:
            first: int | None = await self._con.fetchval(_SQL["append"], *arguments, None)
        if first is None:
            raise Fenced(epoch=self._epoch)
        self._added(partition, first, events)
        return first

    @override
    async def answer(self, answers: Sequence[tuple[Claim, Outcome]]) -> None:
        async with self._errors:
            done = await self._con.execute(_SQL[self._answer_by], *self._answers(answers))
        self._all_answered(int(done.rsplit(" ", 1)[1]), answers)

    @override
    async def write(
        self,
        rows: Mapping[type[Row], Sequence[Row]],
        events: Mapping[int, Sequence[NewEvent]],
        answers: Sequence[tuple[Claim, Outcome]],
        born: Collection[type[Row]] = (),
    ) -> None:
        kinds = self._sorted(rows)
        *before, last_round = rounds(tuple([self._codecs[kind].save for kind in kinds]))
        for places in before:
            await self._save({kinds[at]: rows[kinds[at]] for at in places}, born)
        partitions = sorted(events)
        for partition in partitions[:-1]:
            await self.append(partition, events[partition])
        statement = self._statement(kinds, last_round, rows, born)
        told: str | None = None
        for last in partitions[-1:]:
            if len(partitions) == 1:
                told = self._hints.told_by_commit(self._epoch, last, events[last])
            arguments = append_arguments(last, self._epoch, self.now_ms, events[last])
            statement.append([*arguments, told])
        if answers:
            statement.answer(self._answer_by, self._answers(answers))
        if not statement.parts:
            return
        if len(statement.parts) > 1 and not self._combinations.allow(statement.parts):
            await self._save({kinds[at]: rows[kinds[at]] for at in last_round}, born)
            await super().write({}, {at: events[at] for at in partitions[-1:]}, answers)
            return
        async with self._errors:
            found = await self._con.fetchrow(statement.sql, *statement.arguments)
        if found is None:
            raise Fenced(epoch=self._epoch)
        for last in partitions[-1:]:
            self._added(last, found["first"], events[last], told=told is not None)
        self._all_answered(found["answered"], answers)

    async def write_alone(self, turns: Mapping[int, int], writing: Writing) -> bool:
        """Outside of a transaction, by one statement that is one; False where it takes several.

        See `Storage.write_at`.
        """
        kinds = self._sorted(writing.rows)
        *before, only_round = rounds(tuple([self._codecs[kind].save for kind in kinds]))
        # Whether an answer that is over gave way is only seen when the statement has ended.
        if before or self.over:
            return False
        statement = self._statement(kinds, only_round, writing.rows, writing.born)
        told = self._append_at(statement, turns, writing.events)
        if writing.moves:
            statement.advance([list(column) for column in zip(*writing.moves, strict=True)])
        if writing.answers:
            statement.answer(self._answer_by, self._answers(writing.answers))
        chosen = self._combinations.cover(statement.parts)
        if chosen is None or (whole := statement.widened(chosen)) is None:
            return False
        try:
            async with StorageErrors():
                found = await self._con.fetchrow(whole.sql, *whole.arguments)
        except driver.PostgresError as problem:
            if problem.sqlstate == TURN_REFUSED:
                raise TurnMoved from problem
            raise
        firsts = [found["first"]] if len(turns) == 1 else found["firsts"]
        for partition, first in zip(sorted(turns), firsts, strict=True):
            if events := writing.events.get(partition):
                self._added(partition, first, events, told=told is not None)
        return True

    def _append_at(
        self,
        statement: Statement,
        turns: Mapping[int, int],
        events: Mapping[int, Sequence[NewEvent]],
    ) -> str | None:
        """Adds the events; returns the hint with which the commit tells of them, if it does."""
        if len(turns) > 1:
            statement.append_wide(append_wide_arguments(turns, self._epoch, self.now_ms, events))
            return None
        ((partition, turn),) = turns.items()
        some = events.get(partition, ())
        told = self._hints.told_by_commit(self._epoch, partition, some) if some else None
        arguments = append_arguments(partition, self._epoch, self.now_ms, some)
        statement.append_at([*arguments, told], turn)
        return told

    def _statement(
        self,
        kinds: Sequence[type[Row]],
        places: Iterable[int],
        rows: Mapping[type[Row], Sequence[Row]],
        born: Collection[type[Row]],
    ) -> Statement:
        statement = Statement()
        for at in places:
            kind = kinds[at]
            codec = self._codecs[kind]
            save = codec.insert if kind in born else codec.save
            statement.save(save, codec.argument(rows[kind]))
        return statement

    @property
    def _answer_by(self) -> str:
        # Keys that nobody held when they were claimed need no provision for a row that is there.
        return "answer" if self.over else "answer_free"

    def _answers(self, answers: Sequence[tuple[Claim, Outcome]]) -> list[Any]:
        # One order everywhere: two transactions that race for keys never wait for each other.
        rows = [
            (*scope_of(claim), claim.fingerprint, outcome.status, outcome.body)
            for claim, outcome in answers
        ]
        rows.sort()
        until_ms = self.now_ms + IDEMPOTENCY_KEPT_MS
        return [rows, until_ms, self.now_ms] if self.over else [rows, until_ms]

    def _all_answered(self, stored: int, answers: Sequence[tuple[Claim, Outcome]]) -> None:
        if stored != len(answers):
            raise KeyInFlight(retry_ms=0)

    @override
    async def advance(self, consumer: str, partition: int, expected: int, to: int) -> None:
        async with self._errors:
            moved = await self._con.fetchval(_SQL["advance"], consumer, partition, expected, to)
        if moved is None:
            raise PositionMoved(consumer=consumer, partition=partition, expected=expected)

    @override
    async def advance_all(self, moves: Sequence[Move]) -> list[bool]:
        if not moves:
            return []
        async with self._errors:
            found = await self._con.fetch(
                _SQL["advance_all"], *(list(column) for column in zip(*moves, strict=True))
            )
        done = {row["n"] for row in found}
        return [number in done for number in range(1, len(moves) + 1)]


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
        self._codecs = {table.kind: RowCodec(table, place) for place, table in enumerate(tables)}
        self._combinations = Combinations()
        self._remote = remote
        self._partitions = partitions
        self._epoch = epoch
        self._kept: list[Lane] = []
        """Connections that wait for the next statement or transaction."""

    @property
    @override
    def partitions(self) -> int:
        return self._partitions

    @override
    @asynccontextmanager
    async def transaction(self, partitions: Sequence[int]) -> AsyncIterator[Transaction]:
        async with self._connection() as con:
            with self._remote.writing():
                async with con.transaction():
                    tx = await self._begin(con, partitions)
                    yield tx
            self._note(tx)

    @override
    async def look(
        self,
        partitions: Sequence[int],
        claims: Sequence[Claim],
        wanted: Mapping[type[Row], Sequence[tuple[str, str]]],
    ) -> Look | None:
        kinds = sorted(wanted, key=lambda kind: self._codecs[kind].place)
        groups = {self._codecs[kind].load_json: wanted[kind] for kind in kinds}
        queries = self._combinations.cover((_SQL["claim"], *groups))
        if queries is None:
            return None  # several statements would see several moments
        arguments: list[Any] = [partitions]
        arguments += text_arrays(map(scope_of, claims), 4)
        for query in queries[1:]:
            arguments += text_arrays(groups.get(query, ()), 2)
        async with self._connection() as con:
            found = await con.fetchrow(together((_SQL["look_heads"], *queries)), *arguments)
        head, held, *texts = found
        turns, epoch, last_epoch, now_ms = _heads(head)
        if None in turns.values() or not epoch == last_epoch == self._epoch:
            return None
        claimed, over = claimed_of(claims, held, now_ms)
        found = dict(zip(queries[1:], texts, strict=True))
        rows: dict[type[Row], list[Row]] = {
            kind: codec.rows_of(found[codec.load_json])
            for kind, codec in ((kind, self._codecs[kind]) for kind in kinds)
        }
        known = {partition: turn for partition, turn in turns.items() if turn is not None}
        return Look(turns=known, now_ms=now_ms, claimed=claimed, rows=rows, over=over)

    @override
    async def write_at(self, look: Look, turns: Mapping[int, int], writing: Writing) -> None:
        async with self._connection() as con:
            with self._remote.writing():
                tx = self._opened(con, look.now_ms)
                tx.over = look.over
                if not await tx.write_alone(turns, writing):
                    async with con.transaction():
                        tx = await self._begin(con, sorted(turns))
                        if tx.turns != {partition: turn + 1 for partition, turn in turns.items()}:
                            raise TurnMoved
                        tx.now_ms, tx.over = look.now_ms, look.over
                        if not all(await tx.advance_all(writing.moves)):
                            raise TurnMoved
                        await tx.write(writing.rows, writing.events, writing.answers, writing.born)
            self._note(tx)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        async with StorageErrors():
            lane = self._kept.pop() if self._kept else Lane(self._pools)
            try:
                yield await lane.connection()
            except BaseException:
                # The pool knows how to get a connection back from whatever happened to it.
                await lane.close()
                raise
            if len(self._kept) < CONNECTIONS_A_PARTITION * self._partitions:
                self._kept.append(lane)
            else:
                await lane.close()

    @override
    def committed(self, partitions: Sequence[int]) -> None:
        self._remote.give(partitions)

    @override
    async def take_lease(self, claim: Claim, lease_ms: int) -> Lease | Claimed:
        holder = await self._remote.holder()
        # A key that is held when we ask and gone when we look is asked for again.
        while True:
            taken = await self._pools.write(
                _SQL["take_lease"], *scope_of(claim), claim.fingerprint, lease_ms, holder
            )
            if taken:
                return Lease(claim=claim, fence=taken[0]["fence"], until_ms=taken[0]["until_ms"])
            held = await self._pools.write(_SQL["held_key"], *scope_of(claim))
            if held and held[0]["left_ms"] > 0:
                return claimed_by(*held[0])
            await asyncio.sleep(0)

    @override
    async def renew_lease(self, lease: Lease, lease_ms: int) -> Lease:
        moved = await self._pools.write(
            _SQL["move_lease"], *scope_of(lease.claim), lease.fence, lease_ms
        )
        if not moved:
            raise LeaseLost
        return msgspec.structs.replace(lease, until_ms=moved[0]["until_ms"])

    @override
    async def finish_lease(self, lease: Lease, outcome: Outcome) -> None:
        done = await self._pools.write(
            _SQL["finish_lease"],
            *scope_of(lease.claim),
            lease.fence,
            outcome.status,
            outcome.body,
            IDEMPOTENCY_KEPT_MS,
        )
        if not done:
            raise LeaseLost

    @override
    async def drop_lease(self, lease: Lease) -> None:
        moved = await self._pools.write(_SQL["move_lease"], *scope_of(lease.claim), lease.fence, 0)
        if not moved:
            raise LeaseLost

    @override
    async def sweep(self, limit: int) -> int:
        return len(await self._pools.write(_SQL["sweep"], limit, IDEMPOTENCY_KEPT_MS))

    async def close(self) -> None:
        """Gives the connections back; no transaction may be open."""
        while self._kept:
            await self._kept.pop().close()

    async def _begin(self, con: Any, partitions: Sequence[int]) -> PostgresTransaction:
        if not partitions:
            return self._opened(con, await con.fetchval(_SQL["now_ms"]))
        locked = await con.fetch(_SQL["lock_heads"], sorted(set(partitions)))
        for row in locked:
            if row["epoch"] != self._epoch:
                raise Fenced(epoch=self._epoch, current=row["epoch"])
        turns = {row["partition"]: row["turn"] for row in locked}
        return self._opened(con, max(row["now_ms"] for row in locked), turns)

    def _opened(
        self, con: Any, now_ms: int, turns: Mapping[int, int] | None = None
    ) -> PostgresTransaction:
        return PostgresTransaction(
            con, self._codecs, self._combinations, self._remote, self._epoch, now_ms, turns
        )

    def _note(self, tx: PostgresTransaction) -> None:
        """What is known to be committed, for those who follow the log."""
        for growth, told in tx.growths():
            self._remote.note(growth, told=told)
