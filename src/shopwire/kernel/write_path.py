"""The one way in: commands are queued by partition, decided in batches, committed in groups."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, Final

import msgspec

from shopwire.kernel.ahead import (
    AHEAD_COMMANDS_MAX,
    AHEAD_COMMANDS_MIN,
    AHEAD_PAUSE_BATCHES,
    Flight,
    decide_ahead,
)
from shopwire.kernel.batch import Batch, Verdict, defect
from shopwire.kernel.clock import Clock
from shopwire.kernel.commands import Envelope, Handler, Outcome, check_key
from shopwire.kernel.errors import (
    ConstraintRefused,
    KeyInFlight,
    KeyReused,
    LogCorrupt,
    ShopwireError,
    ShuttingDown,
    StorageUnavailable,
)
from shopwire.kernel.handlers import Handlers
from shopwire.kernel.items import Item, Step, Ticket, partitions_of, tickets_of
from shopwire.kernel.kept import LOOK_BATCHES
from shopwire.kernel.lanes import BATCH_COMMANDS_MIN, RETRY_MS_MIN, Lane, One, Turns, Waiter
from shopwire.kernel.limits import BATCH_COMMANDS_MAX, CLAIM_LEASE_MS, QUEUE_COMMANDS_MAX
from shopwire.kernel.storage import Claim, Lease, Move, Storage, TurnMoved

BULK_PASSED_MAX: Final = 2
"""Wide batches that may begin before a command about many things; then it has its turn."""
CLAIM_RACES_MAX: Final = 5
"""Times a key may be snatched by another process before the caller is told to come back."""
SWEEP_EVERY_MS: Final = 60_000
"""How often expired answers are looked for."""
SWEEP_ANSWERS_MAX: Final = 5_000
"""Expired answers forgotten in one statement."""

_LOG: Final = logging.getLogger(__name__)
_REPEATABLE: Final = (ConstraintRefused, LogCorrupt, KeyInFlight, TurnMoved)
"""What refuses a batch for the sake of one of its commands, or of somebody else."""

_WIDE: Final = "wide"
"""Name of the lane for commands that touch several partitions."""


class WriteStats(msgspec.Struct):
    """Counters since the start; the pulse and the metrics read them."""

    commands: int = 0
    refused: int = 0
    replayed: int = 0
    events: int = 0
    batches: int = 0


class WritePath:
    """Takes envelopes, decides them by their handlers, commits effect and answer together.

    Several processes may run one on the same storage: the head of a partition is the lock. A
    command that touches several partitions waits in a lane of its own, whose batches hold the heads
    of all that they touch, in sorted order, and take along what waits in the other lanes.
    """

    def __init__(
        self,
        storage: Storage,
        handlers: Iterable[Handler[Any]],
        clock: Clock,
        *,
        queue_max: int = QUEUE_COMMANDS_MAX,
        batch_max: int = BATCH_COMMANDS_MAX,
        ahead_min: int = AHEAD_COMMANDS_MIN,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._handlers = Handlers(handlers, storage.partitions)
        self._queue_max = queue_max
        self._batch_max = batch_max
        self._ahead_min = ahead_min
        self._lanes = [Lane(str(number), batch_max) for number in range(storage.partitions)]
        self._lanes.append(Lane(_WIDE, batch_max))
        self._turns = Turns()
        self._passed = 0
        """Wide batches in a row that left commands about many things waiting."""
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = asyncio.Event()
        self._closing.set()
        self.stats = WriteStats()

    @property
    def handlers(self) -> dict[str, Handler[Any]]:
        """Every handler by its operation's name, for the doors that decode commands."""
        return {kind.operation: handler for kind, handler in self._handlers.by_command.items()}

    @property
    def queued(self) -> int:
        """Commands that wait in all queues."""
        return sum(len(lane.queue) for lane in self._lanes)

    @property
    def bulk_ms(self) -> list[float]:
        """What batches with commands about many things took so far, without their waits, by lane.

        Those of several lanes run at the same time.
        """
        return [lane.bulk_ms for lane in self._lanes]

    async def start(self) -> None:
        """Begins to take work."""
        self._closing.clear()
        self._tasks = [asyncio.create_task(self._work(lane)) for lane in self._lanes]
        self._tasks.append(asyncio.create_task(self._keep_sweeping()))

    async def stop(self) -> None:
        """Finishes what was taken and refuses new work with ShuttingDown."""
        self._closing.set()
        for lane in self._lanes:
            lane.wake.set()
        await asyncio.gather(*self._tasks)
        self._tasks = []

    async def submit(self, envelope: Envelope) -> Outcome:
        """One command; returns after its effect is durable, or after it was refused.

        A domain refusal is an Outcome of status 400 or more. Raises UnknownOperation,
        KeyMalformed, QueueFull and ShuttingDown (nothing was done), Fenced, StorageUnavailable
        (whether it was done is unknown: ask again with the same key).
        """
        ticket = self._ticket(envelope)
        waiter, lane = One(ticket), self._lane_of(ticket)
        self._check_room(lane, 1)
        lane.queue.append(ticket)
        lane.wake.set()
        return await waiter.future

    async def submit_many(self, envelopes: Sequence[Envelope]) -> list[Outcome]:
        """Many commands; outcomes in the same order, one partition's commands in their order.

        Not one transaction: raises as `submit` does once all are settled, and then some may have
        taken effect; the same keys again tell. QueueFull before anything of a slice was done.
        """
        outcomes: list[Outcome] = []
        for start in range(0, len(envelopes), self._queue_max):
            tickets = [self._ticket(e) for e in envelopes[start : start + self._queue_max]]
            waiter = Waiter(tickets)
            self._enqueue(tickets)
            outcomes += await waiter.outcome()
        return outcomes

    async def react(
        self, consumer: str, partition: int, expected: int, to: int, envelopes: Sequence[Envelope]
    ) -> list[Outcome]:
        """A consumer's step: the commands' effect and its position commit in one transaction.

        A domain refusal is an answer like any other and the position moves on. A defect or a
        temporary refusal raises and nothing is done, so that no effect is skipped. Raises
        PositionMoved where another instance was faster.
        """
        if self._closing.is_set():
            raise ShuttingDown
        if not envelopes:
            async with self._storage.transaction([]) as tx:
                await tx.advance(consumer, partition, expected, to)
            return []
        move = Move(consumer, partition, expected, to)
        for race in range(CLAIM_RACES_MAX + 1):
            tickets = [self._ticket(envelope) for envelope in envelopes]
            waiter = Waiter(tickets)
            step = Step(move, tickets)
            lane = self._lane_of(step)
            # No room is asked for: a consumer has one step under way in each partition.
            lane.queue.append(step)
            lane.wake.set()
            try:
                return await waiter.outcome()
            except _REPEATABLE as problem:
                if race == CLAIM_RACES_MAX:
                    raise
                # One command is to blame. Settled alone under its own key it is answered, and the
                # next round finds the answer; effects stay single because keys do.
                _LOG.info("%s repeats its step one by one: %s", consumer, problem)
                for envelope in envelopes:
                    await self.submit(envelope)
        raise AssertionError("the last round returns or raises")

    async def barrier(self) -> None:
        """Returns when every transaction that is open now has ended, whichever process began it.

        For a consumer that reads what commands wrote: a command that was decided before its event
        may not have committed yet.
        """
        async with self._storage.transaction(range(self._storage.partitions)):
            pass
        self._forget()

    async def claim_lease(self, claim: Claim, lease_ms: int = CLAIM_LEASE_MS) -> Lease | Outcome:
        """Takes a key for work of several transactions, or tells how it was answered before.

        Raises KeyReused, KeyInFlight (with the rest of the present holder's lease), KeyMalformed.
        A lease that ran out is taken over with a higher fence.
        """
        check_key(claim.key)
        taken = await self._storage.take_lease(claim, lease_ms)
        if isinstance(taken, Lease):
            return taken
        if taken.fingerprint != claim.fingerprint:
            raise KeyReused
        if taken.outcome is None:
            raise KeyInFlight(retry_ms=max(taken.retry_ms, RETRY_MS_MIN))
        return msgspec.structs.replace(taken.outcome, replayed=True)

    async def renew_lease(self, lease: Lease, lease_ms: int = CLAIM_LEASE_MS) -> Lease:
        """Holds on; to be called well before `until_ms`. Raises LeaseLost."""
        return await self._storage.renew_lease(lease, lease_ms)

    async def finish_lease(self, lease: Lease, outcome: Outcome) -> None:
        """Stores the answer; raises LeaseLost where another worker has taken over."""
        await self._storage.finish_lease(lease, outcome)

    async def drop_lease(self, lease: Lease) -> None:
        """Gives the key back unanswered, after a failure that may pass."""
        await self._storage.drop_lease(lease)

    def _ticket(self, envelope: Envelope) -> Ticket:
        handler = self._handlers.of(envelope.command)
        check_key(envelope.key)
        whole = self._handlers.whole(envelope.command, handler)
        return Ticket(envelope, whole, self._handlers.partitions_of(envelope.tenant, whole))

    def _lane_of(self, item: Item) -> Lane:
        return self._lanes[item.partitions[0] if len(item.partitions) == 1 else -1]

    def _check_room(self, lane: Lane, count: int) -> None:
        if self._closing.is_set():
            raise ShuttingDown
        lane.check_room(count, self._queue_max)

    def _enqueue(self, tickets: Sequence[Ticket]) -> None:
        """All or none: a queue without room refuses the whole call."""
        wanted: dict[Lane, int] = {}
        lanes = [self._lane_of(ticket) for ticket in tickets]
        for lane in lanes:
            wanted[lane] = wanted.get(lane, 0) + 1
        for lane, count in wanted.items():
            self._check_room(lane, count)
        for lane, ticket in zip(lanes, tickets, strict=True):
            lane.queue.append(ticket)
        for lane in wanted:
            lane.wake.set()

    async def _work(self, lane: Lane) -> None:
        """The writer of one partition: takes what is there, as long as there is something."""
        while True:
            if lane.queue:
                if lane.name == _WIDE:
                    await self._let_bulk_go()
                    turn = self._turns.alone()
                else:
                    turn = self._turns.beside()
                async with turn:
                    if lane.name == _WIDE:
                        self._forget()
                    await self._stream(lane)
            elif self._closing.is_set():
                return
            else:
                lane.wake.clear()
                await lane.wake.wait()

    async def _stream(self, lane: Lane) -> None:
        """Batches of one lane, each decided while the one before it commits.

        Until nothing is left, or it is the turn of others: of a wide batch, which may have taken
        all along, or of commands about many things, which wide ones have passed over.
        """
        before: Flight | None = None
        landing: asyncio.Task[None] | None = None
        while True:
            if landing is not None and before is not None and not landing.done():
                if not lane.has(self._ahead_min) or before.verdict.deferred:
                    lane.wake.clear()
                    await lane.wake.wait()  # the landing wakes it as well
                    continue
            elif landing is not None:
                before = landing = None
            if not lane.queue or self._is_others_turn(lane):
                break
            batch = self._take(lane, self._room(lane, before))
            flight = await self._decide_ahead(lane, batch, before)
            if before is not None:
                await before.over.wait()
            if flight is None or not (before is None or before.landed):
                # What the one before was to write is not there: nothing was decided yet.
                if landing is not None:
                    await landing
                before = landing = lane.kept = None
                await self._settle_paced(lane, batch)
            else:
                before, landing = flight, asyncio.create_task(self._land(lane, flight, landing))
        if landing is not None:
            await landing

    def _forget(self) -> None:
        """Somebody has counted turns in any of the partitions."""
        for lane in self._lanes:
            lane.kept = None

    def _is_others_turn(self, lane: Lane) -> bool:
        if lane.name == _WIDE:
            return self._passed >= BULK_PASSED_MAX
        return self._turns.wide_waits

    def _room(self, lane: Lane, before: Flight | None) -> int | None:
        """For how many lines; half of what waits, where the other half is to follow."""
        if self._lanes[-1].queue and lane.name != _WIDE and lane.bulky:
            return 1
        if not lane.flies:
            return None
        room = min(lane.batch_max, AHEAD_COMMANDS_MAX)
        waiting = len(lane.queue)
        if before is None and waiting >= 2 * self._ahead_min:
            room = min(room, (waiting + 1) // 2)
        return room

    async def _decide_ahead(
        self, lane: Lane, batch: list[Item], before: Flight | None
    ) -> Flight | None:
        """None where the heads are to be locked first."""
        lane.flies, kept, lane.kept = False, lane.known(), None
        if lane.apart:
            lane.apart -= 1
            return None
        try:
            started_ms = self._clock.monotonic_ms()
            numbers = partitions_of(batch)
            known = (before, self._clock, kept)
            flight = await decide_ahead(self._storage, self._handlers, numbers, batch, *known)
        except TurnMoved:
            lane.apart = AHEAD_PAUSE_BATCHES
            return None
        except asyncio.CancelledError:
            self._fail(batch, StorageUnavailable(retry_ms=RETRY_MS_MIN))
            raise
        except Exception as problem:  # noqa: BLE001 - decided under the lock, it is told
            _LOG.warning("lane %s could not decide ahead: %s", lane.name, problem)
            return None
        if flight is not None:
            lane.flies, lane.kept, flight.started_ms = True, flight.kept, started_ms
            lane.looks = LOOK_BATCHES if flight.in_vain else lane.looks
        return flight

    async def _land(self, lane: Lane, flight: Flight, landing: asyncio.Task[None] | None) -> None:
        """Commits what was decided ahead, and settles it after what is `landing` before it."""
        batch = list(flight.items)
        problem = await self._attempt(lane, batch, self._write(lane, flight, landing))
        if problem is not None:
            if isinstance(problem, TurnMoved):
                lane.apart = AHEAD_PAUSE_BATCHES
            elif flight.look.remembered:
                lane.looks = LOOK_BATCHES
            await self._settle(lane, batch)
        commands = sum(item.lines for item in batch)
        lane.pace(self._clock.monotonic_ms() - flight.started_ms, commands, self._batch_max)
        if not flight.landed:
            lane.kept = None
        flight.over.set()
        lane.wake.set()

    async def _write(self, lane: Lane, flight: Flight, landing: asyncio.Task[None] | None) -> None:
        if not flight.writing.nothing:
            await self._storage.write_at(flight.look, flight.turns, flight.writing)
        flight.landed = True
        flight.over.set()
        # Those who are told have much to do. Once for the next batch to be taken up, once for its
        # bytes to leave: so the database works meanwhile.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if landing is not None:
            await landing
        self._tell(lane, flight.verdict)

    async def _settle_paced(self, lane: Lane, batch: list[Item]) -> None:
        if batch:
            started = self._clock.monotonic_ms()
            await self._settle(lane, batch)
            commands = sum(item.lines for item in batch)
            lane.pace(self._clock.monotonic_ms() - started, commands, self._batch_max)

    def _take(self, lane: Lane, room: int | None) -> list[Item]:
        """What is next in this lane; with what is wide, what waits in the others.

        So they need not wait for the heads after it, nor while one wide batch follows another. A
        command about many things is not taken along: those in the wide lane, which somebody waits
        for, would take as long as it. It has a turn of its own after every few wide batches, and
        while others wait no more than that one.
        """
        batch = lane.take(room)
        if lane.name != _WIDE or any(len(left.partitions) == 1 for left in lane.queue):
            return batch  # what was taken along and deferred comes before what came after it
        for other in self._lanes[:-1]:
            # A wide lane that is never empty leaves the others no turn of their own.
            room = max(BATCH_COMMANDS_MIN, lane.batch_max // self._storage.partitions)
            batch += other.take(room, bulk=False)
        self._passed = self._passed + 1 if any(one.bulky for one in self._lanes[:-1]) else 0
        return batch

    async def _let_bulk_go(self) -> None:
        """After BULK_PASSED_MAX wide batches in a row the commands that they passed over begin."""
        if self._passed >= BULK_PASSED_MAX:
            self._passed = 0
            await asyncio.sleep(0)  # who waits for the end of the last wide batch begins here

    async def _settle(self, lane: Lane, batch: list[Item], races: int = 0) -> None:
        """Commits a batch, or finds by halving which of its commands is refused."""
        problem = await self._attempt(lane, batch, self._commit(lane, batch))
        if problem is None:
            return
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._settle(lane, batch[:middle])
            await self._settle(lane, batch[middle:])
        elif isinstance(item := batch[0], Step):
            self._fail(batch, problem)
        elif isinstance(problem, KeyInFlight) and races < CLAIM_RACES_MAX:
            await self._settle(lane, batch, races + 1)
        else:
            known = problem if isinstance(problem, ShopwireError) else None
            if known is None or isinstance(problem, LogCorrupt):
                known = defect(problem, item.claim.operation)
            again = self._commit(lane, batch, {id(item): known})
            if (still := await self._attempt(lane, batch, again)) is not None:
                self._fail(batch, still)

    async def _attempt(
        self, lane: Lane, batch: list[Item], work: Coroutine[Any, Any, None]
    ) -> Exception | None:
        """Commits and settles, or returns what one of the commands is to blame for."""
        try:
            await work
        except _REPEATABLE as problem:
            return problem
        except ShopwireError as problem:
            self._fail(batch, problem)
        except asyncio.CancelledError:
            self._fail(batch, StorageUnavailable(retry_ms=RETRY_MS_MIN))
            raise
        except Exception as problem:  # noqa: BLE001 - must not end the partition's writer
            self._fail(batch, defect(problem, f"lane {lane.name}"))
        return None

    async def _commit(
        self, lane: Lane, batch: list[Item], refused: dict[int, ShopwireError] | None = None
    ) -> None:
        async with self._storage.transaction(partitions_of(batch)) as tx:
            verdict = await Batch(tx, batch, self._handlers, refused=refused).run()
        self._tell(lane, verdict)

    def _tell(self, lane: Lane, verdict: Verdict) -> None:
        """What is durable now."""
        lane.queue.extendleft(reversed(verdict.deferred))
        if verdict.grown:
            self._storage.committed(verdict.grown)
        self._count(verdict)
        for ticket, outcome in verdict.settled:
            ticket.waiter.settle(ticket.slot, outcome, None)
        for step, problem in verdict.undone:
            self._fail([step], problem)

    def _fail(self, batch: Sequence[Item], problem: Exception) -> None:
        for ticket in tickets_of(batch):
            ticket.waiter.settle(ticket.slot, None, problem)

    def _count(self, verdict: Verdict) -> None:
        stats = self.stats
        stats.batches += 1
        stats.events += verdict.events
        stats.commands += len(verdict.settled)
        for _, outcome in verdict.settled:
            stats.refused += outcome.status >= 400
            stats.replayed += outcome.replayed

    async def _keep_sweeping(self) -> None:
        """Forgets expired answers now and then; a failure waits for the next time."""
        while not self._closing.is_set():
            try:
                while await self._storage.sweep(SWEEP_ANSWERS_MAX) == SWEEP_ANSWERS_MAX:
                    pass
            except ShopwireError as problem:
                _LOG.warning("expired answers were not swept: %s", problem)
            try:
                await asyncio.wait_for(self._closing.wait(), SWEEP_EVERY_MS / 1_000)
            except TimeoutError:
                continue
