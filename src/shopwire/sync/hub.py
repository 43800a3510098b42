"""The hub: follows the log, proves that it is complete, keeps every screen in step."""

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from typing import Any, Final

import msgspec

from shopwire.kernel.clock import Clock, SystemClock
from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.events import Recorded
from shopwire.kernel.identity import Caller
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.limits import READ_EVENTS_MAX
from shopwire.kernel.log import EventLog, Heads
from shopwire.sync.broadcast import Broadcast
from shopwire.sync.commands import Commands, Take
from shopwire.sync.fanout import Fanout
from shopwire.sync.limits import (
    BEAT_SHARES,
    RETRY_MS_MAX,
    RETRY_MS_MIN,
    ROUND_SESSIONS,
    Limits,
)
from shopwire.sync.pacing import next_flush_s
from shopwire.sync.rights import Rights
from shopwire.sync.session import Session
from shopwire.sync.snapshots import SnapshotLoader
from shopwire.sync.stats import HubStats, stats_of
from shopwire.sync.waiting import Wire

_LOG: Final = logging.getLogger(__name__)
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class Hub:
    """Drives a Fanout with a log, timers and an event loop.

    A database that is paused or gone shows as growing lag in every beat; the hub goes on by
    itself when it is back.
    """

    def __init__(
        self,
        log: EventLog,
        tenant: str = DEFAULT_TENANT,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
        take: Take | None = None,
        rights: Rights | None = None,
        broadcast: Broadcast | None = None,
    ) -> None:
        """Args: `take` carries out the commands of clients; without it they are refused.

        `rights` says who may see what; without it everybody sees what is public. `broadcast` tells
        many at once, and belongs to the caller; without it each is told by its own wire.
        """
        self.limits = limits or Limits()
        self.clock = clock or SystemClock()
        self.fanout = Fanout(tenant, self.clock, self.limits, rights, broadcast)
        self._commands = Commands(take, self.fanout.answered) if take is not None else None
        self._log = log
        self._loader = SnapshotLoader(log, self.fanout, self._same_log)
        self._tasks: list[asyncio.Task[None]] = []
        self._tails: list[asyncio.Task[None]] = []
        self._held: list[list[Recorded]] = [[] for _ in range(log.partitions)]
        self._flush_handle: asyncio.Handle | None = None
        self._flush_at = 0.0
        self._failing = False

    async def start(self) -> None:
        """Takes its place at the log's end; raises StorageUnavailable."""
        asked_ms = self.clock.monotonic_ms()
        heads = await self._log.heads()
        self.fanout.begin(heads.epoch, heads.next, asked_ms)
        self.fanout.on_work = self._schedule
        self.fanout.on_want = self._loader.wake
        if self._commands is not None:
            self.fanout.on_command = self._commands.run
        self.fanout.stopping = False
        self._spawn(self._loader.run(), self._keep_proving(), self._keep_beating())
        self._spawn(self._keep_sweeping())
        self._follow_all()

    async def stop(self) -> None:
        """Flushes, asks every client to come back elsewhere, and ends."""
        self.close_sessions()
        if self._commands is not None:
            await self._commands.drain()
        tasks = [*self._tasks, *self._tails]
        self._tasks, self._tails = [], []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush_handle = None

    def close_sessions(self) -> None:
        """Says goodbye to every client, with a code that lets it reconnect; may be repeated."""
        if not self.fanout.stopping:
            self.fanout.stop()

    @property
    def rights(self) -> Rights:
        """Who may see what."""
        return self.fanout.rights

    @property
    def broadcast(self) -> Broadcast:
        """What tells many at once."""
        return self.fanout.broadcast

    def open(self, wire: Wire, caller: Caller | None = None, address: str = "") -> Session:
        """A new connection of any transport, as the door knows its caller and its address."""
        return self.fanout.open(wire, caller, address)

    def admit(self, caller: Caller, address: str) -> None:
        """For doors that can say no before they open; raises TooManyConnections."""
        self.fanout.crowd.check(caller, address)

    def rights_changed(self, account: str) -> None:
        """Something was decided about an account (`role:subject`): takes effect at once."""
        self.fanout.rights_changed(account)

    def publish_ephemeral(self, topic: str, version: int, document: Any) -> None:
        """Publishes a state that is in no log; its versions have to grow over restarts."""
        self.fanout.publish(topic, version, _encode(document))

    def stats(self) -> HubStats:
        """Counters and gauges of this moment."""
        return stats_of(self.fanout)

    @property
    def document_reads(self) -> int:
        """Reads of documents since the start: what a storm of clients costs the database."""
        return self._loader.reads

    # -- following ----------------------------------------------------------------------------

    def _follow_all(self) -> None:
        for task in self._tails:
            task.cancel()
        self._held = [[] for _ in range(self._log.partitions)]
        self._tails = [_task(self._follow(number)) for number in range(self._log.partitions)]

    async def _follow(self, partition: int) -> None:
        wait_ms = RETRY_MS_MIN
        while True:
            try:
                async for batch in self._log.tail(partition, self.fanout.applied[partition]):
                    wait_ms = RETRY_MS_MIN
                    if batch[-1].position.epoch > self.fanout.epoch:
                        await self._same_log(await self._log.heads())
                        return
                    await self._take(partition, batch)
            except Exception as problem:  # noqa: BLE001 - following never ends, lag tells
                _tell(f"partition {partition} cannot be followed", problem)
            self._held[partition] = []
            await asyncio.sleep(wait_ms / 1_000)
            wait_ms = min(RETRY_MS_MAX, wait_ms * 2)

    async def _take(self, partition: int, batch: Sequence[Recorded]) -> None:
        """Applies whole commands only: a full read may have ended in the middle of one."""
        events: Sequence[Recorded] = batch
        if self._held[partition]:
            events = [*self._held[partition], *batch]
            self._held[partition] = []
        if len(batch) >= READ_EVENTS_MAX:
            heads = await self._log.heads()
            last = events[-1]
            if heads.next[partition] > last.position.offset + 1:
                whole = len(events)
                while whole and events[whole - 1].command_id == last.command_id:
                    whole -= 1
                self._held[partition] = list(events[whole:])
                events = events[:whole]
        self.fanout.apply(partition, events)

    async def _same_log(self, heads: Heads) -> bool:
        """Whether the log is still the one that is followed; if not, everybody starts anew."""
        if heads.epoch == self.fanout.epoch:
            return True
        self._restart(heads, "epoch_changed")
        return False

    def _restart(self, heads: Heads, reason: str) -> None:
        _LOG.warning("the log is another one (%s): every client starts anew", reason)
        self.fanout.reset(heads.epoch, heads.next, self.clock.monotonic_ms(), reason)
        self._follow_all()

    # -- timers -------------------------------------------------------------------------------

    async def _keep_proving(self) -> None:
        """Asks the log where it ends: what was taken up to there is proven complete."""
        while True:
            try:
                await self._prove()
                self._failing = False
            except Exception as problem:  # noqa: BLE001 - proving never ends, lag tells
                if not self._failing:
                    _tell("the log cannot be asked", problem)
                self._failing = True
            await asyncio.sleep(self.limits.prove_every_ms / 1_000)

    async def _prove(self) -> None:
        before = tuple(self.fanout.applied)
        asked_ms = self.clock.monotonic_ms()
        heads = await self._log.heads()
        if not await self._same_log(heads):
            return
        if any(theirs < mine for theirs, mine in zip(heads.next, before, strict=True)):
            self._restart(heads, "log_went_back")
            return
        self.fanout.prove(heads.next, asked_ms)

    async def _keep_beating(self) -> None:
        """Everybody once in `beat_ms`, each share of them at a moment of its own."""
        loop = asyncio.get_running_loop()
        at_s = loop.time()
        for share in itertools.cycle(self.fanout.shares):
            # A process that stood still goes on from there: nobody needs the beats left out.
            at_s = max(at_s + self.limits.beat_ms / 1_000 / BEAT_SHARES, loop.time())
            await asyncio.sleep(at_s - loop.time())
            async for some in self._groups(share):
                self.fanout.beat([session for session in some if session in self.fanout.sessions])

    async def _keep_sweeping(self) -> None:
        clock, every_ms = self.fanout.clock, self.limits.sweep_every_ms
        while True:
            began_ms = clock.monotonic_ms()
            await asyncio.sleep(every_ms / 1_000)
            late_ms = clock.monotonic_ms() - began_ms - every_ms
            async for some in self._groups(self.fanout.sessions):
                self.fanout.sweep(late_ms, some)

    async def _groups(self, sessions: Iterable[Session]) -> AsyncIterator[tuple[Session, ...]]:
        """All of them, a few at a time; between them the loop goes on, and some may leave."""
        everybody = tuple(sessions)
        for first in range(0, len(everybody), ROUND_SESSIONS):
            yield everybody[first : first + ROUND_SESSIONS]
            await asyncio.sleep(0)

    def _schedule(self) -> None:
        """At once after a pause, at the client's tick under load."""
        if self._flush_handle is not None:
            return
        loop = asyncio.get_running_loop()
        if loop.time() >= self._flush_at:
            self._flush_handle = loop.call_soon(self._flush)
        else:
            self._flush_handle = loop.call_at(self._flush_at, self._flush)

    def _flush(self) -> None:
        """A flush that takes long makes the next one wait, so that reading goes on."""
        self._flush_handle = None
        loop = asyncio.get_running_loop()
        started, cpu_s = loop.time(), time.thread_time()
        self.fanout.flush()
        cpu_s = time.thread_time() - cpu_s
        interval_ms = self.limits.flush_interval_ms
        self._flush_at = next_flush_s(started, loop.time(), cpu_s, interval_ms)

    def _spawn(self, *jobs: Coroutine[Any, Any, None]) -> None:
        self._tasks.extend(map(_task, jobs))


def _task(job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A job of the hub. One that dies of a defect is logged; clients see it as growing lag."""
    task = asyncio.create_task(job)
    task.add_done_callback(_report)
    return task


def _tell(what: str, problem: Exception) -> None:
    """A known trouble in one line, a defect with its traceback."""
    if isinstance(problem, ShopwireError):
        _LOG.warning("%s: %s", what, problem)
    else:
        _LOG.error("%s", what, exc_info=problem)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (problem := task.exception()) is not None:
        _LOG.error("a job of the hub died", exc_info=problem)
