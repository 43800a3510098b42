"""Several server processes on one database, and a network that loses, delays and doubles."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Any, Final

import msgspec

from shopwire.adapters.memory import MemoryLog
from shopwire.kernel.commands import Envelope, Handler, Outcome
from shopwire.kernel.errors import ErrorBody, ShopwireError
from shopwire.kernel.ids import derived_id
from shopwire.kernel.write_path import WritePath
from shopwire.testing.checkers import Told
from shopwire.testing.simulation.database import SimDatabase, SimStorage
from shopwire.testing.simulation.loop import Process, SimLoop

WIRE_S_MAX: Final = 0.03
"""Longest time that a message is on its way, unless it is a late duplicate."""
LATE_S_MAX: Final = 20.0
"""Longest time after which a duplicate still arrives."""
ANSWER_S_MAX: Final = 3.0
"""A client that hears nothing for so long asks again."""
RESTART_S_MAX: Final = 1.0
"""Longest time that a killed server stays away."""
PAUSE_S_MAX: Final = 25.0
"""Longest time that a paused process stands still."""

Companion = Callable[["Server"], Sequence[Any]]
"""What runs beside the write path of each server: coroutines, such as consumers."""
Work = Callable[["Server"], Awaitable[Outcome]]
"""What a request asks of the server that it reaches."""


class Server:
    """One process with a write path; killed and started again, its memory new each time."""

    def __init__(self, cluster: "Cluster", name: str) -> None:
        self._cluster = cluster
        self.name = name
        self.lives = 0
        self.process = Process(name)
        self.storage: SimStorage
        self.write_path: WritePath
        self.desk: Any = None
        """What a workload puts beside the write path: doors."""
        self._waiting: set[asyncio.Future[Outcome | None]] = set()
        self._serving: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begins its next life."""
        self.lives += 1
        self.process = Process(f"{self.name}.{self.lives}")
        self.process.on_kill.append(self._died)
        cluster = self._cluster
        self.storage = cluster.database.open(self.process)
        self.write_path = WritePath(
            self.storage,
            cluster.handlers,
            cluster.database.clock,
            queue_max=cluster.queue_max,
            batch_max=cluster.batch_max,
            ahead_min=1,
        )
        self._life = cluster.loop.start(self.process, self._live())

    async def _live(self) -> None:
        await self.write_path.start()
        async with asyncio.TaskGroup() as group:
            for work in self._cluster.companion(self):
                group.create_task(work)

    def _died(self) -> None:
        """Its sockets close; it is started again after a while."""
        loop, rng = self._cluster.loop, self._cluster.rng
        for reply in self._waiting:
            loop.call_later(rng.random() * WIRE_S_MAX, _give, reply, None, context=Context())
        self._waiting = set()
        loop.call_later(rng.random() * RESTART_S_MAX, self.start, context=Context())

    def deliver(self, work: Work, reply: asyncio.Future[Outcome | None]) -> None:
        """A request arrives."""
        if not self.process.alive:
            _give(reply, None)
            return
        self._waiting.add(reply)
        serving = self._cluster.loop.start(self.process, self._serve(work, reply))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, work: Work, reply: asyncio.Future[Outcome | None]) -> None:
        try:
            outcome = await work(self)
        except ShopwireError as problem:
            body = msgspec.json.encode(problem.body())
            outcome = Outcome(status=problem.status, body=body)
        if not outcome.ok and not is_final(outcome):
            self._cluster.sometimes(f"refused for now: {error_of(outcome).name}")
        self._waiting.discard(reply)
        self._cluster.post(_give, reply, outcome)


def _give(reply: asyncio.Future[Outcome | None], outcome: Outcome | None) -> None:
    if not reply.done():
        reply.set_result(outcome)


class Cluster:
    """The servers, and how clients reach them."""

    def __init__(
        self,
        loop: SimLoop,
        database: SimDatabase,
        handlers: Sequence[Handler[Any]],
        rng: random.Random,
        *,
        servers: int,
        companion: Companion = lambda _server: (),
    ) -> None:
        self.loop, self.database, self.rng = loop, database, rng
        self.handlers, self.companion = handlers, companion
        self.sometimes = database.sometimes
        self.queue_max = rng.choice([3, 16, 8_192])
        self.batch_max = rng.choice([1, 4, 1_024])
        self.told: list[Told] = []
        """Every answer that a server gave, whether or not it arrived."""
        self.sent: dict[str, Envelope] = {}
        """Every command that was ever asked for, by its id."""
        self.servers = [Server(self, f"server{number}") for number in range(servers)]
        self.log = MemoryLog(database.state, tail_poll_ms=5_000)

    def start(self) -> None:
        """Starts all servers."""
        for server in self.servers:
            server.start()

    def post(self, told: Callable[..., None], *args: Any) -> None:
        """A message on its way: it takes time, and may never arrive."""
        if self.rng.random() < self.database.faults.lose:
            self.sometimes("a message was lost")
            return
        self.loop.call_later(self.rng.random() * WIRE_S_MAX, told, *args, context=Context())

    async def ask(self, work: Work) -> Outcome | None:
        """One try at one server; None where no answer came."""
        reply: asyncio.Future[Outcome | None] = self.loop.create_future()
        server = self.rng.choice(self.servers)
        self.post(server.deliver, work, reply)
        if self.rng.random() < self.database.faults.duplicate:
            self.sometimes("a request came twice")
            late = self.rng.random() * (LATE_S_MAX if self.rng.random() < 0.3 else WIRE_S_MAX)
            other, nobody = self.rng.choice(self.servers), self.loop.create_future()
            self.loop.call_later(late, other.deliver, work, nobody, context=Context())
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                return await reply
        except TimeoutError:
            return None

    async def insist(self, work: Work, *, tries_max: int = 1_000) -> Outcome | None:
        """Asks again and again until there is an answer to stay, or the client gives up."""
        for tries in range(tries_max):
            outcome = await self.ask(work)
            if outcome is not None and is_final(outcome):
                return outcome
            await asyncio.sleep(self.rng.random() * min(2.0, 0.01 * 2 ** min(tries, 10)))
        self.sometimes("a client gave up")
        return None

    async def send(self, envelope: Envelope, *, tries_max: int = 1_000) -> Outcome | None:
        """One command, insisted on with the same key; every answer to it is kept in `told`."""
        self.sent.setdefault(envelope.command_id, envelope)

        async def submit(server: Server) -> Outcome:
            try:
                outcome = await server.write_path.submit(envelope)
            except ShopwireError as problem:
                body = msgspec.json.encode(problem.body())
                outcome = Outcome(status=problem.status, body=body)
            if outcome.replayed:
                self.sometimes("an answer was repeated")
            told = Told(command_id=envelope.command_id, outcome=outcome, final=is_stored(outcome))
            self.told.append(told)
            return outcome

        return await self.insist(submit, tries_max=tries_max)

    async def trouble(self) -> None:
        """Kills and pauses servers at random moments, for ever."""
        while True:
            faults = self.database.faults
            often = max(faults.kill + faults.pause, 0.01)
            await asyncio.sleep(min(self.rng.expovariate(often), 5.0))
            faults = self.database.faults
            server, draw = self.rng.choice(self.servers), self.rng.random()
            if not server.process.alive or server.process.paused:
                continue
            if draw * (faults.kill + faults.pause) < faults.kill:
                self.sometimes("killed at a random moment")
                server.process.kill()
            elif faults.pause:
                self.sometimes("paused at a random moment")
                server.process.paused = True
                later = self.rng.random() * PAUSE_S_MAX
                self.loop.call_later(later, self.loop.resume, server.process, context=Context())

    def stored(self) -> list[Told]:
        """What the database remembers as answered, whoever asked: clients, consumers, sweeps."""
        return [
            Told(
                command_id=derived_id(claim.tenant, claim.principal, claim.operation, claim.key),
                outcome=outcome,
            )
            for claim, outcome in self.database.answered
        ]


_decode_error: Final = msgspec.json.Decoder(ErrorBody).decode


def error_of(outcome: Outcome) -> ErrorBody:
    """What a refusal says."""
    return _decode_error(outcome.body)


_UNSTORED: Final = frozenset({"UnknownOperation", "InvalidField", "MalformedRequest", "KeyReused"})
"""Refusals of the request itself, which no answer remembers."""


def is_final(outcome: Outcome) -> bool:
    """Whether the caller need not ask again."""
    return outcome.status < 500 and (outcome.ok or not error_of(outcome).temporary)


def is_stored(outcome: Outcome) -> bool:
    """Whether a repeat has to say the same."""
    return is_final(outcome) and (outcome.ok or error_of(outcome).name not in _UNSTORED)
