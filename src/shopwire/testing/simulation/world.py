"""One seed, one history: everything that can be drawn is drawn from it."""

import asyncio
import hashlib
import random
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

import msgspec

from shopwire.kernel.commands import Handler, Outcome
from shopwire.kernel.events import Recorded
from shopwire.kernel.rows import Row
from shopwire.kernel.storage import Claim
from shopwire.testing.checkers import Finding, Told, check_effects, check_log
from shopwire.testing.history import Recorder
from shopwire.testing.simulation.cluster import Cluster, Server
from shopwire.testing.simulation.database import Faults, SimDatabase
from shopwire.testing.simulation.loop import seeded_loop
from shopwire.testing.simulation.sometimes import Sometimes

SETTLE_S_MAX: Final = 3_600.0
"""Simulated time after the last fault in which everything has to come to its end."""
AGAIN_AT_ONCE: Final = 16
"""Keys that are asked for again at the same time."""


class Workload(Protocol):
    """What is done in a world, and what must hold there."""

    handlers: Sequence[Handler[Any]]
    constraints: Mapping[type[Row], Any]
    """The schema's last word, by kind of row."""
    partitions: Sequence[int]
    servers: Sequence[int]
    """How many of each there may be; every seed draws."""
    may_repeat: Sequence[str]
    """Kinds of topics that one command may rightly change more than once."""
    wanted: Sequence[str]
    """What a proof over many seeds has to have seen."""

    def open(self, world: "World") -> None:
        """Before anything runs."""
        ...

    def companion(self, world: "World", server: Server) -> Sequence[Any]:
        """What runs beside the write path of each server."""
        ...

    async def work(self, world: "World") -> None:
        """Clients at their work, while there is trouble."""
        ...

    async def settle(self, world: "World") -> None:
        """Afterwards, without trouble: returns when nothing is left to be done."""
        ...

    def watch(
        self,
        world: "World",
        rows: Mapping[type[Row], Sequence[Row]],
        answers: Sequence[tuple[Claim, Outcome]],
    ) -> list[Finding]:
        """What must hold after each commit; sees the rows and answers that it wrote."""
        ...

    def check(self, world: "World") -> list[Finding]:
        """What must hold at the end."""
        ...


class Violated(AssertionError):
    """A claim does not hold in this world; its text says with which seed to see it again."""


class World:
    """Loop, database, servers, clients and faults of one seed."""

    def __init__(self, seed: int, workload: Workload, *, faults: Faults | None = None) -> None:
        self.seed = seed
        self.rng = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
        self.loop = seeded_loop(seed)
        self.sometimes = Sometimes()
        self.faults = Faults.drawn(self.rng) if faults is None else faults
        self.workload = workload
        self.database = SimDatabase(
            self.loop,
            self.rng,
            self.faults,
            self.sometimes,
            partitions=self.rng.choice(workload.partitions),
            constraints=workload.constraints,
        )
        self.database.observers.append(self._after_commit)
        self.cluster = Cluster(
            self.loop,
            self.database,
            workload.handlers,
            self.rng,
            servers=self.rng.choice(workload.servers),
            companion=partial(workload.companion, self),
        )
        self.recorder = Recorder(lambda: float(self.loop.steps))
        self.findings: list[Finding] = []
        self.calm_at_ms = 0
        """When the last fault was over."""

    def run(self) -> Sometimes:
        """Runs to the end; raises Violated with everything that was found."""
        random.seed(self.seed)  # jitter of code that draws its own
        self.loop.run(self._main())
        self.findings += self.workload.check(self)
        self.findings += self._check_log()
        self.findings += [
            Finding(check="loop", where="asyncio", reason=text) for text in self.loop.failures
        ]
        if self.findings:
            raise Violated(self.told())
        return self.sometimes

    def told(self) -> str:
        """The findings, and how to see them again."""
        again = f"python -m shopwire.testing.simulation --seed {self.seed}"
        found = "\n".join(str(finding) for finding in self.findings[:10])
        return f"seed {self.seed}: {len(self.findings)} findings ({again})\n{found}"

    def digest(self) -> str:
        """Equal for two runs that did the same in the same order."""
        told = [call.told() for call in self.recorder.calls]
        story = (self.loop.steps, told, self.events, sorted(self.sometimes.seen.items()))
        return hashlib.sha256(msgspec.msgpack.encode(story)).hexdigest()[:16]

    @property
    def events(self) -> list[list[Recorded]]:
        """The whole log."""
        return self.database.state.events

    def rows(self, kind: type[Any]) -> list[Any]:
        """Every committed row of one kind."""
        return list(self.database.state.rows.get(kind, {}).values())

    async def _main(self) -> None:
        self.workload.open(self)
        self.cluster.start()
        trouble = self.loop.create_task(self.cluster.trouble())
        await self.workload.work(self)
        trouble.cancel()
        self._calm()
        try:
            async with asyncio.timeout(SETTLE_S_MAX):
                await self.workload.settle(self)
                await self._ask_all_again()
                # What was refused for reasons that are gone took effect now.
                await self.workload.settle(self)
        except TimeoutError:
            reason = f"it did not come to rest within {SETTLE_S_MAX:.0f} s"
            self.findings.append(Finding(check="rest", where="world", reason=reason))

    def _calm(self) -> None:
        """No more faults: whatever is still wrong from now on stays wrong."""
        self.database.faults = Faults()
        self.calm_at_ms = self.database.clock.now_ms()
        for server in self.cluster.servers:
            if server.process.paused:
                self.loop.resume(server.process)

    async def _ask_all_again(self) -> None:
        """Every key has an answer by now, and it is the one that was given before."""
        asked = list(self.cluster.sent.values())
        for start in range(0, len(asked), AGAIN_AT_ONCE):
            some = asked[start : start + AGAIN_AT_ONCE]
            outcomes = await asyncio.gather(
                *(self.cluster.send(envelope, tries_max=100) for envelope in some)
            )
            self.findings += [
                Finding(check="effects", where=envelope.key, reason="its key is never answered")
                for envelope, outcome in zip(some, outcomes, strict=True)
                if outcome is None
            ]

    def _after_commit(
        self,
        rows: Mapping[type[Row], Sequence[Row]],
        answers: Sequence[tuple[Claim, Outcome]],
    ) -> None:
        self.findings += self.workload.watch(self, rows, answers)
        if self.findings:
            self.loop.halt(Violated(self.told()))

    def _check_log(self) -> list[Finding]:
        asked = [Told(command_id=command_id) for command_id in self.cluster.sent]
        told = [*asked, *self.cluster.told, *self.cluster.stored()]
        return [
            *check_log(self.events),
            *check_effects(self.events, told, may_repeat=self.workload.may_repeat),
        ]
