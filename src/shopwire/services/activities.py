"""Runs the modules' activities: finds open jobs in rows, does them, sends what came of it."""

import asyncio
import hashlib
import logging
import random
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Final, Protocol

import msgspec

from shopwire.kernel.activities import Activity, Job
from shopwire.kernel.batch import defect
from shopwire.kernel.clock import Clock
from shopwire.kernel.commands import Command, Envelope
from shopwire.kernel.errors import ShopwireError, ShuttingDown, StorageUnavailable
from shopwire.kernel.events import Recorded
from shopwire.kernel.log import EventLog
from shopwire.kernel.queries import Reads
from shopwire.kernel.write_path import WritePath
from shopwire.services.ending import end_tasks, is_told_to_end

LOOK_AGAIN_MS_MAX: Final = 5_000
"""Longest time without a look at the rows: what a lost wake-up costs."""
LOOK_AFTER_MS: Final = 50
"""How long after a look the ends of jobs wait for each other before the rows are looked at for what
is left of them; where more are due than may run at once, or one failed, nobody waits."""
RETRY_MS_MIN: Final = 200
"""First wait after a job failed; it doubles, with jitter, up to RETRY_MS_MAX."""
RETRY_MS_MAX: Final = 15_000
"""Longest wait between two tries of one job."""

_LOG: Final = logging.getLogger(__name__)
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class Leader(Protocol):
    """Elects one process of many."""

    def elected(self) -> AbstractAsyncContextManager[asyncio.Event]:
        """Waits for the office; the event is set when it is lost."""
        ...


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """A job that has failed at least once. It is tried again, and its rows say that it is open."""

    activity: str
    job: str
    reason: str
    tries: int
    again_at_ms: float
    """On the monotonic clock."""


class Activities:
    """One runner an activity, in the one process that holds the office."""

    def __init__(
        self,
        log: EventLog,
        write_path: WritePath,
        reads: Reads,
        activities: Iterable[Activity],
        clock: Clock,
        leader: Leader,
    ) -> None:
        self._log = log
        self._leader = leader
        self._runners = [_Runner(one, write_path, reads, clock) for one in activities]
        self._woken: dict[str, list[_Runner]] = {}
        """Whom an event of a type may concern."""
        for runner in self._runners:
            for event_type in runner.activity.wakes_on:
                self._woken.setdefault(event_type, []).append(runner)

    @property
    def troubles(self) -> list[Trouble]:
        """Jobs that wait for another try."""
        return [trouble for runner in self._runners for trouble in runner.troubles.values()]

    @property
    def done(self) -> int:
        """Jobs done since the start."""
        return sum(runner.done for runner in self._runners)

    async def run(self) -> None:
        """Leads whenever it is elected, until it is cancelled or the write path stops."""
        while True:
            try:
                async with self._leader.elected() as lost:
                    await self._lead(lost)
            except ShuttingDown:
                return
            except StorageUnavailable as problem:
                _LOG.info("activities rest: %s", problem)
                await asyncio.sleep(RETRY_MS_MIN / 1_000)
            except asyncio.CancelledError:
                if is_told_to_end():
                    raise
                _LOG.warning("activities begin again: something they waited for was cancelled")
                await asyncio.sleep(RETRY_MS_MIN / 1_000)

    async def _lead(self, lost: asyncio.Event) -> None:
        heads = await self._log.heads()
        tasks = [asyncio.create_task(runner.run()) for runner in self._runners]
        tasks += [
            asyncio.create_task(self._wake(partition, at))
            for partition, at in enumerate(heads.next)
        ]
        tasks.append(asyncio.create_task(_until(lost)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end_tasks(tasks)

    async def _wake(self, partition: int, offset: int) -> None:
        async for batch in self._log.tail(partition, offset):
            for event in batch:
                for runner in self._woken.get(event.event_type, ()):
                    runner.notice(event)


async def _until(lost: asyncio.Event) -> None:
    await lost.wait()


class _Runner:
    """One activity."""

    def __init__(
        self, activity: Activity, write_path: WritePath, reads: Reads, clock: Clock
    ) -> None:
        self.activity = activity
        self.troubles: dict[str, Trouble] = {}
        self.done = 0
        self._write_path, self._reads, self._clock = write_path, reads, clock
        self._stirred = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._crowded = False
        """Whether more may be due than were begun."""
        self._later: asyncio.TimerHandle | None = None
        """The look that jobs which ended have asked for."""
        self._looked_at = 0.0

    def notice(self, event: Recorded) -> None:
        """An event after which there may be something to do."""
        if self.activity.notice is None or self.activity.notice(event):
            self.stir()

    def stir(self) -> None:
        """There may be something to do."""
        self._stirred.set()

    async def run(self) -> None:
        """Looks, does, sleeps until the next job is due; raises ShuttingDown."""
        try:
            while True:
                self._stirred.clear()
                self._forget_later()
                self._looked_at = asyncio.get_running_loop().time()
                try:
                    wait_ms = await self._look()
                except StorageUnavailable:
                    wait_ms = RETRY_MS_MIN
                # Not `wait_for`: it may swallow a cancellation that comes together with the event.
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_ms / 1_000):
                        await self._stirred.wait()
        finally:
            self._forget_later()
            await end_tasks(self._running.values())

    def _stir_later(self) -> None:
        """A job ended: what is left of it is looked at together with what is left of others."""
        if self._later is None:
            at = self._looked_at + LOOK_AFTER_MS / 1_000
            self._later = asyncio.get_running_loop().call_at(at, self.stir)

    def _forget_later(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None

    async def _look(self) -> float:
        """Starts what is due; returns for how long nothing else will be."""
        if len(self._running) >= self.activity.concurrency_max:
            self._crowded = True
            return float(LOOK_AGAIN_MS_MAX)  # the end of each job is a reason to look
        limit = len(self._running) + len(self.troubles) + self.activity.concurrency_max
        # What ends while the rows are read may be among them still; its end is a reason to look
        # again.
        begun = set(self._running)
        rows = await self._reads.fetch(self.activity.due, limit)
        now_ms, wait_ms = self._clock.now_ms(), float(LOOK_AGAIN_MS_MAX)
        seen: set[str] = set()
        self._crowded = len(rows) >= limit
        for row in rows:
            job = Job(
                id=row["id"], tenant=row["tenant"], due_ms=row["due_ms"], payload=row["payload"]
            )
            name = f"{job.tenant}/{job.id}"
            seen.add(name)
            if name in begun or name in self._running:
                continue
            wait_ms_of_job = max(float(job.due_ms - now_ms), self._resting_ms(name))
            if wait_ms_of_job > 0:
                wait_ms = min(wait_ms, wait_ms_of_job)
            elif len(self._running) < self.activity.concurrency_max:
                self._running[name] = asyncio.create_task(self._do(name, job))
            else:
                self._crowded = True
        if len(rows) < limit:
            self.troubles = {name: one for name, one in self.troubles.items() if name in seen}
        return wait_ms

    def _resting_ms(self, name: str) -> float:
        trouble = self.troubles.get(name)
        return trouble.again_at_ms - self._clock.monotonic_ms() if trouble else 0.0

    async def _do(self, name: str, job: Job) -> None:
        try:
            await self._send(job, await self.activity.perform(job))
            self.troubles.pop(name, None)
            self.done += 1
        except Exception as caught:  # noqa: BLE001 - one job's defect is not the others'
            problem = caught
            if not isinstance(problem, ShopwireError | _Refused):
                problem = defect(problem, f"activity {self.activity.name}")
            self._rest(name, job, problem)
        finally:
            self._running.pop(name, None)
            if self._crowded or name in self.troubles:
                self.stir()
            else:
                self._stir_later()

    async def _send(self, job: Job, commands: Sequence[Command]) -> None:
        """The same outcome of the same job has the same key; raises what refuses it."""
        envelopes = [
            Envelope(
                command=command,
                key=_key(job, command),
                principal=f"activity:{self.activity.name}",
                tenant=job.tenant,
            )
            for command in commands
        ]
        outcomes = await self._write_path.submit_many(envelopes)
        for envelope, outcome in zip(envelopes, outcomes, strict=True):
            if not outcome.ok:
                operation = envelope.command.operation
                raise _Refused(f"{operation} was refused: {outcome.body.decode()[:500]}")
        if envelopes and all(outcome.replayed for outcome in outcomes):
            # Sent before by a process that died after it. If the rows still say open, there is a
            # defect: better a growing wait than a busy loop.
            raise _Refused("the job was answered before, and is still open")

    def _rest(self, name: str, job: Job, problem: Exception) -> None:
        before = self.troubles.get(name)
        tries = before.tries + 1 if before else 1
        wait_ms = min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** min(tries - 1, 20))
        asked: Any = problem.data.get("retry_ms") if isinstance(problem, ShopwireError) else 0
        jitter = random.uniform(0.5, 1)  # noqa: S311 - spreads tries, hides nothing
        self.troubles[name] = Trouble(
            activity=self.activity.name,
            job=job.id,
            reason=f"{type(problem).__name__}: {problem}",
            tries=tries,
            again_at_ms=self._clock.monotonic_ms() + max(wait_ms * jitter, float(asked or 0)),
        )
        _LOG.warning("activity %s: %s", self.activity.name, self.troubles[name])


class _Refused(Exception):
    """What came of a job was refused: kept as trouble, never shown to a caller."""


def _key(job: Job, command: Command) -> str:
    digest = hashlib.sha256(_encode((job.id, job.due_ms, job.payload)))
    digest.update(command.operation.encode() + b"\0" + _encode(command))
    return digest.hexdigest()[:48]
