"""Server processes that are killed and started again, and clients that ask until they know."""

import asyncio
import itertools
import random
import signal
import sys
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import msgspec

from shopwire.adapters.postgres.store import open_store
from shopwire.kernel.commands import Envelope, Outcome
from shopwire.kernel.limits import READ_EVENTS_MAX
from shopwire.services import audit
from shopwire.services.parts import MODULES
from shopwire.testing.checkers import Told, check_effects, check_ledger, check_log
from shopwire.testing.history import Recorder
from shopwire.testing.simulation.cluster import error_of, is_final
from shopwire.testing.simulation.ledgers import ledger_of, line_rule

WORKER = Path(__file__).with_name("worker.py")
READY_S_MAX = 200
ANSWER_S_MAX = 60
"""No less than PostgreSQL may take to come back: nobody who waits for it is without an answer."""


class Worker:
    """One process, in life after life."""

    def __init__(self, how, dsn, moved) -> None:
        self.how, self.dsn, self.moved = how, dsn, moved
        self.ready = asyncio.Event()
        self.waiting = {}
        self._numbers = itertools.count()
        self._living = None
        self.process = None

    def start(self):
        self._living = asyncio.create_task(self._live())

    async def _live(self):
        while True:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, str(WORKER), self.how, self.dsn,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                # A last line that was cut off by the kill is no answer.
                while (line := await self.process.stdout.readline()).endswith(b"\n"):
                    self._hear(line)
            finally:
                self.ready.clear()
                if self.process.returncode is None:
                    with suppress(ProcessLookupError):
                        self.process.kill()
                await self.process.wait()
                for reply in self.waiting.values():
                    if not reply.done():
                        reply.set_result(None)
                self.waiting = {}

    def _hear(self, line):
        self.moved.set()
        if line == b"ready\n":
            self.ready.set()
            return
        said = msgspec.json.decode(line)
        reply = self.waiting.pop(said["id"], None)
        if reply is not None and not reply.done():
            outcome = Outcome(
                status=said["status"], body=said["body"].encode(), replayed=said["replayed"]
            )
            reply.set_result(outcome)

    async def ask(self, envelope):
        """One try at a command; None where the process died before it answered."""
        return await self.say(
            operation=envelope.command.operation,
            key=envelope.key,
            principal=envelope.principal,
            body=envelope.command,
        )

    async def say(self, **message: object):
        """One message; None where nobody answered it."""
        if not self.ready.is_set() or self.process.stdin.is_closing():
            return None
        number = next(self._numbers)
        reply = self.waiting[number] = asyncio.get_running_loop().create_future()
        with suppress(ConnectionError):
            self.process.stdin.write(msgspec.json.encode(message | {"id": number}) + b"\n")
        self.moved.set()
        try:
            return await asyncio.wait_for(reply, ANSWER_S_MAX)
        except TimeoutError:
            return None

    def kill(self):
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)

    async def stop(self):
        self._living.cancel()
        await asyncio.gather(self._living, return_exceptions=True)


class Fleet:
    """Some workers on one database."""

    def __init__(self, dsn, how="careful", size=4, seed=0) -> None:
        self.dsn = dsn
        self.rng = random.Random(seed)
        self.moved = asyncio.Event()
        """Something was asked or answered, or a process is ready."""
        self.workers = [Worker(how, dsn, self.moved) for _ in range(size)]
        self.recorder = Recorder(time.monotonic)
        self.told, self.asked = [], {}
        self.kills = self.unanswered = self.refused_for_now = self.replayed = 0

    async def ready(self):
        """One of the processes that take commands, as soon as there is one."""
        async with asyncio.timeout(READY_S_MAX):
            while not self.serving:
                self.moved.clear()
                await self.moved.wait()
        return self.rng.choice([worker for worker in self.workers if worker.ready.is_set()])

    async def send(self, command, key, principal):
        """Asks with the same key until there is an answer that stays."""
        envelope = Envelope(command=command, key=key, principal=principal)
        self.asked[envelope.command_id] = envelope
        for tries in itertools.count():
            worker = await self.ready()
            outcome = await worker.ask(envelope)
            if outcome is None:
                self.unanswered += 1
            else:
                final = is_final(outcome)
                self.replayed += outcome.replayed
                told = Told(command_id=envelope.command_id, outcome=outcome, final=final)
                self.told.append(told)
                if final:
                    return outcome
                self.refused_for_now += 1
            await asyncio.sleep(self.rng.random() * min(0.5, 0.01 * 2**tries))
        raise AssertionError

    async def read(self, topic):
        """The document of a topic as some process sees it now."""
        while True:
            outcome = await (await self.ready()).say(operation="read", key=topic)
            if outcome is not None and outcome.ok:
                return msgspec.json.decode(outcome.body)
            await asyncio.sleep(0.05)

    async def ask_all_again(self):
        """Every key once more: how many answers were not the ones given before."""
        first = {}
        for told in self.told:
            if told.final:
                first.setdefault(told.command_id, told.outcome)
        wrong = 0
        for command_id, envelope in self.asked.items():
            again = await self.send(envelope.command, envelope.key, envelope.principal)
            before = first.get(command_id)
            wrong += before is not None and (again.status, again.body, again.replayed) != (
                before.status, before.body, True,
            )  # fmt: skip
        return wrong

    async def killing(self, answers):
        """SIGKILL for a random process at work, after at most so many answers; others serve on."""
        while True:
            enough = len(self.told) + self.rng.randint(1, answers)
            while (
                len(self.told) < enough or self.serving < len(self.workers) - 1 or not self.at_work
            ):
                self.moved.clear()
                await self.moved.wait()
            self.kills += 1
            self.rng.choice(self.at_work).kill()

    @property
    def serving(self):
        """Processes that take commands."""
        return sum(worker.ready.is_set() for worker in self.workers)

    @property
    def at_work(self):
        """Processes that somebody waits for."""
        return [one for one in self.workers if one.ready.is_set() and one.waiting]

    async def findings(self):
        """What the checkers and `shopwire log verify` have to say of the database."""
        checks = [check for module in MODULES for check in module.checks]
        tables = [table for module in MODULES for table in module.tables]
        async with open_store(self.dsn, tables) as store:
            report = await audit.verify(store.pools, checks)
            heads = await store.log.heads()
            partitions = []
            for partition, end in enumerate(heads.next):
                events = []
                # Not beyond the heads as they were: the sweep goes on.
                while len(events) < end:
                    left = min(READ_EVENTS_MAX, end - len(events))
                    events += await store.log.read(partition, len(events), left)
                partitions.append(events)
        told = [*(Told(command_id=one) for one in self.asked), *self.told]
        lines = [_Line(row) for row in await rows(self.dsn, "SELECT * FROM stock_ledger")]
        return [
            *report.drift,
            *check_log(partitions, heads=heads.next),
            *check_effects(partitions, told, complete=False),
            *check_ledger(ledger_of(lines), line_rule),
        ]


class _Line:
    """A ledger's row by attribute, as the rows of the memory twin."""

    def __init__(self, row) -> None:
        self.__dict__.update(row)


@asynccontextmanager
async def fleet(dsn, how="careful", size=4, seed=0):
    """Running workers, stopped at the end."""
    one = Fleet(dsn, how, size, seed)
    for worker in one.workers:
        worker.start()
    try:
        yield one
    finally:
        await asyncio.gather(*(worker.stop() for worker in one.workers))


async def rows(dsn, query):
    """What a query finds."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(query)
    finally:
        await connection.close()


def name_of(outcome):
    """The name of a refusal."""
    return error_of(outcome).name
