"""The memory twin as a server apart: its clients die, its answers get lost, it refuses.

Every call of the storage port is a point at which something may happen. What may happen is drawn
from `Faults`; where nothing does, the real memory storage answers.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Final, cast

import msgspec
from typing_extensions import override

from shopwire.adapters.memory import MemoryState, MemoryStorage
from shopwire.adapters.memory.state import Constraint
from shopwire.kernel.commands import Outcome
from shopwire.kernel.errors import StorageUnavailable
from shopwire.kernel.events import NewEvent
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
from shopwire.testing.simulation.loop import LoopClock, Process, SimLoop
from shopwire.testing.simulation.sometimes import Sometimes

DELAY_S_MAX: Final = 0.02
"""Longest time that one statement takes."""
IDLE_S_MAX: Final = 10.0
"""The server ends a transaction whose client said nothing for so long, as PostgreSQL does."""
RETRY_MS: Final = 20
"""Wait that a refused caller is asked for."""


class Faults(msgspec.Struct, kw_only=True):
    """Chances of what may happen, each at one point; all zero for a day without trouble."""

    delay: float = 0.0
    """A statement takes time."""
    refuse: float = 0.0
    """A statement fails: the connection broke, and the transaction with it."""
    unknown: float = 0.0
    """The commit is durable, and its answer is lost."""
    crash: float = 0.0
    """The process is killed at a statement."""
    crash_at_commit: float = 0.0
    """The process is killed right after a durable commit, before anybody was told."""
    lose: float = 0.0
    """A message between client and server does not arrive."""
    duplicate: float = 0.0
    """A request arrives twice, the second time perhaps much later."""
    kill: float = 0.0
    """Kills of a process a second, wherever it stands."""
    pause: float = 0.0
    """Pauses of a process a second."""

    @staticmethod
    def drawn(rng: random.Random) -> "Faults":
        """A mix of its own for each seed: many kinds rarely, few kinds often, now and then none."""
        some = rng.choice([0.0, 0.3, 0.6, 0.9])

        def chance(most: float) -> float:
            return rng.random() * most if rng.random() < some else 0.0

        return Faults(
            delay=chance(0.5),
            refuse=chance(0.03),
            unknown=chance(0.2),
            crash=chance(0.01),
            crash_at_commit=chance(0.1),
            lose=chance(0.15),
            duplicate=chance(0.3),
            kill=chance(1.0),
            pause=chance(0.3),
        )


class Head:
    """The lock of one partition: first come, first served, and nobody who is dead."""

    def __init__(self) -> None:
        self._holder: object = None
        self._waiting: list[tuple[Process | None, asyncio.Future[None], object]] = []

    async def __aenter__(self) -> None:
        """Waits for its turn."""
        me = asyncio.current_task()
        if self._holder is not None:
            turn = asyncio.get_running_loop().create_future()
            entry = (Process.current(), turn, me)
            self._waiting.append(entry)
            try:
                await turn
            except BaseException:
                if entry in self._waiting:
                    self._waiting.remove(entry)
                elif self._holder is me:
                    self._next()
                raise
        self._holder = me
        self._process = Process.current()

    async def __aexit__(self, *_: object) -> None:
        """Gives it to the next, unless it was taken away."""
        self.release(asyncio.current_task())

    def release(self, task: object) -> None:
        """Free, if that task has it."""
        if self._holder is not None and self._holder is task:
            self._next()

    def forget(self, process: Process) -> None:
        """A client is gone: neither does it hold, nor wait."""
        self._waiting = [entry for entry in self._waiting if entry[0] is not process]
        if self._holder is not None and self._process is process:
            self._next()

    def _next(self) -> None:
        self._holder = None
        if self._waiting:
            self._process, turn, self._holder = self._waiting.pop(0)
            if not turn.done():
                turn.set_result(None)


Observer = Callable[[Mapping[type[Row], Sequence[Row]], Sequence[tuple[Claim, Outcome]]], None]
"""Sees the rows and the answers of each commit, right after it."""


class SimDatabase:
    """State that survives every process, and the connections to it."""

    def __init__(
        self,
        loop: SimLoop,
        rng: random.Random,
        faults: Faults,
        sometimes: Sometimes,
        *,
        partitions: int = 4,
        constraints: Mapping[type[Row], Constraint] | None = None,
    ) -> None:
        self.clock = LoopClock(loop)
        self.state = MemoryState(partitions, clock=self.clock, constraints=constraints)
        self.heads = [Head() for _ in range(partitions)]
        self.state.heads = cast("list[asyncio.Lock]", self.heads)
        self.rng, self.faults, self.sometimes = rng, faults, sometimes
        self.observers: list[Observer] = []
        self.commits = 0
        self.answered: list[tuple[Claim, Outcome]] = []
        """Every answer that was ever stored, in the order of commits."""

    def open(self, process: Process) -> "SimStorage":
        """A storage as one process has it; its locks are free as soon as the process is killed."""
        process.on_kill.append(lambda: self._forget(process))
        return SimStorage(self, process)

    def _forget(self, process: Process) -> None:
        for head in self.heads:
            head.forget(process)

    def committed(
        self, rows: Mapping[type[Row], Sequence[Row]], answers: Sequence[tuple[Claim, Outcome]]
    ) -> None:
        """Remembers what was answered, and tells the observers."""
        self.commits += 1
        self.answered += answers
        for observer in self.observers:
            observer(rows, answers)

    async def point(self, process: Process, *, durable: bool = False) -> None:
        """Something may happen here. Raises StorageUnavailable, or never returns."""
        faults, draw = self.faults, self.rng.random
        if durable:
            if draw() < faults.crash_at_commit:
                await self._die(process, "killed after a commit that nobody was told of")
            if draw() < faults.unknown:
                self.sometimes("a commit's answer was lost")
                raise StorageUnavailable(retry_ms=RETRY_MS)
            return
        if draw() < faults.delay:
            await asyncio.sleep(draw() * DELAY_S_MAX)
        if draw() < faults.crash:
            await self._die(process, "killed at a statement")
        if draw() < faults.refuse:
            self.sometimes("a statement was refused")
            raise StorageUnavailable(retry_ms=RETRY_MS)

    async def _die(self, process: Process, how: str) -> None:
        self.sometimes(how)
        process.kill()
        await asyncio.get_running_loop().create_future()


class SimTransaction(Transaction):
    """Every statement is a point."""

    def __init__(self, inner: Transaction, storage: "SimStorage") -> None:
        self._inner, self._storage = inner, storage
        self.now_ms = inner.now_ms
        self.rows: dict[type[Row], list[Row]] = {}
        self.answers: list[tuple[Claim, Outcome]] = []
        self.ended = False
        """Whether the server gave it up because its client was silent."""

    async def _statement(self) -> None:
        await self._storage.point()
        self.check()

    def check(self) -> None:
        """Raises StorageUnavailable where the server has ended the transaction."""
        if self.ended:
            raise StorageUnavailable(retry_ms=RETRY_MS)

    @override
    async def claim(self, claims: Sequence[Claim]) -> list[Claimed]:
        await self._statement()
        return await self._inner.claim(claims)

    @override
    async def load(self, kind: type[R], groups: Sequence[tuple[str, str]]) -> list[R]:
        await self._statement()
        return await self._inner.load(kind, groups)

    @override
    async def save(self, rows: Mapping[type[Row], Sequence[Row]]) -> None:
        await self._statement()
        await self._inner.save(rows)
        for kind, changed in rows.items():
            self.rows.setdefault(kind, []).extend(changed)

    @override
    async def append(self, partition: int, events: Sequence[NewEvent]) -> int:
        await self._statement()
        return await self._inner.append(partition, events)

    @override
    async def answer(self, answers: Sequence[tuple[Claim, Outcome]]) -> None:
        await self._statement()
        await self._inner.answer(answers)
        self.answers += answers

    @override
    async def advance(self, consumer: str, partition: int, expected: int, to: int) -> None:
        await self._statement()
        await self._inner.advance(consumer, partition, expected, to)


class SimStorage(Storage):
    """See Storage; one process's connection to the simulated server."""

    def __init__(self, database: SimDatabase, process: Process) -> None:
        self._database, self._process = database, process
        self._inner = MemoryStorage(database.state)

    async def point(self) -> None:
        """See `SimDatabase.point`."""
        await self._database.point(self._process)

    @property
    @override
    def partitions(self) -> int:
        return self._inner.partitions

    @override
    @asynccontextmanager
    async def transaction(self, partitions: Sequence[int]) -> AsyncIterator[Transaction]:
        await self.point()
        loop, held = asyncio.get_running_loop(), sorted(set(partitions))
        async with self._inner.transaction(held) as inner:
            tx = SimTransaction(inner, self)
            task = asyncio.current_task()
            # The server's own timer, outside of the client's process: it works also while that
            # one stands still.
            silent = loop.call_later(IDLE_S_MAX, self._give_up, tx, held, task, context=Context())
            try:
                yield tx
                await self.point()
                tx.check()
            finally:
                silent.cancel()
        self._database.committed(tx.rows, tx.answers)
        await self._database.point(self._process, durable=True)

    @override
    async def look(
        self,
        partitions: Sequence[int],
        claims: Sequence[Claim],
        wanted: Mapping[type[Row], Sequence[tuple[str, str]]],
    ) -> Look | None:
        await self.point()
        return await self._inner.look(partitions, claims, wanted)

    @override
    async def write_at(self, look: Look, turns: Mapping[int, int], writing: Writing) -> None:
        await self.point()
        try:
            await self._inner.write_at(look, turns, writing)
        except TurnMoved:
            self._database.sometimes("a batch was decided on a turn that was over")
            if look.remembered:
                self._database.sometimes("what was remembered of a partition was over")
            raise
        if look.remembered:
            self._database.sometimes("a batch was decided without a look")
        if len(turns) > 1:
            self._database.sometimes("a batch of several partitions was decided ahead")
        if turns != look.turns:
            self._database.sometimes("a batch was decided before the one before it had committed")
        self._database.committed(writing.rows, writing.answers)
        await self._database.point(self._process, durable=True)

    def _give_up(self, tx: SimTransaction, partitions: Sequence[int], task: object) -> None:
        self._database.sometimes("a silent transaction was ended by the server")
        tx.ended = True
        for partition in partitions:
            self._database.heads[partition].release(task)

    @override
    def committed(self, partitions: Sequence[int]) -> None:
        self._inner.committed(partitions)

    @override
    async def take_lease(self, claim: Claim, lease_ms: int) -> Lease | Claimed:
        await self.point()
        return await self._inner.take_lease(claim, lease_ms)

    @override
    async def renew_lease(self, lease: Lease, lease_ms: int) -> Lease:
        await self.point()
        return await self._inner.renew_lease(lease, lease_ms)

    @override
    async def finish_lease(self, lease: Lease, outcome: Outcome) -> None:
        await self.point()
        await self._inner.finish_lease(lease, outcome)
        await self._database.point(self._process, durable=True)

    @override
    async def drop_lease(self, lease: Lease) -> None:
        await self.point()
        await self._inner.drop_lease(lease)

    @override
    async def sweep(self, limit: int) -> int:
        await self.point()
        return await self._inner.sweep(limit)
