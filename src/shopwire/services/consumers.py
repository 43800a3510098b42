"""Runs the modules' consumers: they follow the log, and each event has its effect once."""

import asyncio
import logging
import random
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from shopwire.kernel.batch import defect
from shopwire.kernel.commands import Command, Envelope, Outcome
from shopwire.kernel.errors import PositionMoved, ShopwireError, ShuttingDown
from shopwire.kernel.events import Recorded
from shopwire.kernel.log import EventLog
from shopwire.kernel.module import Consumer
from shopwire.kernel.queries import Reads
from shopwire.kernel.write_path import WritePath
from shopwire.services.ending import end_tasks, is_told_to_end
from shopwire.services.shared_log import SharedLog

STEP_EVENTS_MAX: Final = 500
"""Events whose effect commits together."""
SKIPPED_EVENTS_MAX: Final = 5_000
"""Events that no command follows from, after which the position is written down all the same."""
RETRY_MS_MIN: Final = 100
"""First wait after a failure; it doubles, with jitter, up to RETRY_MS_MAX."""
RETRY_MS_MAX: Final = 30_000
"""Longest wait between two tries."""

_LOG: Final = logging.getLogger(__name__)


class Stall(msgspec.Struct, frozen=True, kw_only=True):
    """A consumer that does not get past an event. It tries again and skips nothing."""

    consumer: str
    partition: int
    offset: int
    reason: str
    tries: int
    temporary: bool
    """Whether it is over as soon as the database answers again."""


class Consumers:
    """One task a consumer and partition."""

    def __init__(
        self,
        log: EventLog,
        write_path: WritePath,
        reads: Reads,
        consumers: Iterable[Consumer],
    ) -> None:
        self._followers = [
            _Follower(log, write_path, reads, consumer, partition)
            for consumer in consumers
            for partition in range(log.partitions)
        ]

    @property
    def stalls(self) -> list[Stall]:
        """Who is stuck right now, and why."""
        return [one.stall for one in self._followers if one.stall is not None]

    @property
    def refused(self) -> int:
        """Commands that a rule of the domain refused; each was logged with its event."""
        return sum(one.refused for one in self._followers)

    async def run(self) -> None:
        """Follows the log until it is cancelled or the write path stops."""
        tasks = [asyncio.create_task(follower.run()) for follower in self._followers]
        if not tasks:
            return
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            await end_tasks(tasks)

    async def catch_up(self, heads: Sequence[int]) -> None:
        """Waits until everything before these heads, one a partition, has had its effect."""
        for follower in self._followers:
            await follower.reach(heads[follower.partition])


class _Follower:
    """One consumer on one partition."""

    def __init__(
        self,
        log: EventLog,
        write_path: WritePath,
        reads: Reads,
        consumer: Consumer,
        partition: int,
    ) -> None:
        self._log, self._write_path, self._reads = log, write_path, reads
        self._consumer, self.partition = consumer, partition
        self.event_types = consumer.event_types
        self.offset = 0
        """See Follower."""
        self._at = 0
        """The stored position: what is before it has had its effect."""
        self._seen = 0
        """Everything before it was looked at and, where it mattered, has had its effect."""
        self._moved = asyncio.Event()
        self.stall: Stall | None = None
        self.refused = 0

    async def run(self) -> None:
        """Goes on from the stored position, again after each failure; skips nothing."""
        while True:
            try:
                await self._follow()
            except ShuttingDown:
                return
            except PositionMoved:
                _LOG.info("%s/%s: another instance went on", self._consumer.name, self.partition)
            except asyncio.CancelledError:
                if is_told_to_end():
                    raise
                name = self._consumer.name
                _LOG.warning("%s/%s begins again: its wait was cancelled", name, self.partition)
                await asyncio.sleep(RETRY_MS_MIN / 1_000)
            except Exception as caught:  # noqa: BLE001 - one consumer's defect is not the others'
                problem = caught
                if not isinstance(problem, ShopwireError):
                    problem = defect(problem, f"consumer {self._consumer.name}")
                tries = self.stall.tries + 1 if self.stall else 1
                self.stall = Stall(
                    consumer=self._consumer.name,
                    partition=self.partition,
                    offset=self._at,
                    reason=f"{type(problem).__name__}: {problem}",
                    tries=tries,
                    temporary=problem.temporary,
                )
                _LOG.warning("consumer stalled: %s", self.stall)
                wait_ms = min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** min(tries, 20))
                jitter = random.uniform(0.5, 1)  # noqa: S311 - spreads tries, hides nothing
                await asyncio.sleep(wait_ms * jitter / 1_000)

    async def reach(self, offset: int) -> None:
        """Waits until everything before `offset` has had its effect."""
        while self._seen < offset:
            self._moved.clear()
            await self._moved.wait()

    async def _follow(self) -> None:
        name, partition = self._consumer.name, self.partition
        self._at = self._seen = await self._log.position(name, partition)
        if self.stall is not None and self.stall.temporary:
            self.stall = None
        self._moved.set()
        self.offset = self._at
        tail = (
            self._log.tail_for(self)
            if isinstance(self._log, SharedLog)
            else self._log.tail(partition, self._at)
        )
        async for batch in tail:
            for start in range(0, len(batch), STEP_EVENTS_MAX):
                await self._take(batch[start : start + STEP_EVENTS_MAX])

    def passes(self, to: int) -> bool:
        """See Follower. After many of them the position is written down."""
        if to - self._at >= SKIPPED_EVENTS_MAX:
            return False
        self._seen = to
        self._moved.set()
        return True

    async def _take(self, events: Sequence[Recorded]) -> None:
        mine = [one for one in events if one.event_type in self._consumer.event_types]
        to = events[-1].position.offset + 1
        if mine and self._consumer.expand is not None:
            for recorded in mine:
                await self._expand(recorded)
        elif mine:
            await self._react(mine, to)
        if to - self._at >= SKIPPED_EVENTS_MAX:
            await self._advance([], to)
        self._seen = to
        self._moved.set()

    async def _react(self, mine: Sequence[Recorded], to: int) -> None:
        """The effect of a step and its position, together; event by event if that fails.

        So one event that cannot be taken does not hold back those before it.
        """
        assert self._consumer.react is not None
        envelopes: list[Envelope] = []
        try:
            for recorded in mine:
                envelopes += self._envelopes(recorded, self._consumer.react(recorded))
            if envelopes:
                await self._advance(envelopes, to)
            else:
                # Most events of a type that is followed lead to nothing: a transaction for each
                # position costs more than to look at them again after a restart.
                self.stall = None
        except (PositionMoved, ShuttingDown):
            raise
        except Exception as problem:
            temporary = isinstance(problem, ShopwireError) and problem.temporary
            if len(mine) == 1 or temporary:
                raise
            for recorded in mine:
                await self._react([recorded], recorded.position.offset + 1)

    async def _expand(self, recorded: Recorded) -> None:
        """The effect of an event in as many transactions as it takes; keys make each single.

        A key tells what its command says, not where it came: what there is to read may have
        changed when a repeat after a crash reads it again.
        """
        assert self._consumer.expand is not None
        # A command that was decided before this event may still be about to commit, and what it
        # writes must be among what is read here.
        await self._write_path.barrier()
        async for commands in self._consumer.expand(recorded, self._reads):
            envelopes = [
                replace(one, key=f"{one.key.rpartition('/')[0]}/{one.fingerprint.hex()}")
                for one in self._envelopes(recorded, commands)
            ]
            self._notice(await self._write_path.submit_many(envelopes), envelopes)
        await self._advance([], recorded.position.offset + 1)

    async def _advance(self, envelopes: Sequence[Envelope], to: int) -> None:
        name, partition = self._consumer.name, self.partition
        outcomes = await self._write_path.react(name, partition, self._at, to, envelopes)
        self._notice(outcomes, envelopes)
        self._at = to
        self.stall = None

    def _envelopes(self, recorded: Recorded, commands: Iterable[Command]) -> list[Envelope]:
        place = recorded.position
        where = f"{place.epoch}/{place.partition}/{place.offset}"
        return [
            Envelope(
                command=command,
                key=f"{where}/{number}",
                principal=f"consumer:{self._consumer.name}",
                tenant=recorded.tenant,
            )
            for number, command in enumerate(commands)
        ]

    def _notice(self, outcomes: Sequence[Outcome], envelopes: Sequence[Envelope]) -> None:
        """A refusal by a rule is an answer, but nobody waits for this one: so it is logged."""
        for outcome, envelope in zip(outcomes, envelopes, strict=True):
            if not outcome.ok:
                self.refused += 1
                _LOG.warning("refused to %s: %s: %r", envelope.principal, envelope, outcome.body)
