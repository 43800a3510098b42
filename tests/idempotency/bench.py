"""A shop in memory on a seeded loop: processes that can be killed at any statement."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace
from tests.modules.shop import handlers

from shopwire.kernel.commands import Command, Envelope, Outcome
from shopwire.kernel.write_path import WritePath
from shopwire.testing.simulation.database import Faults, SimDatabase, SimStorage
from shopwire.testing.simulation.loop import Process, SimLoop, seeded_loop
from shopwire.testing.simulation.sometimes import Sometimes

T = TypeVar("T")
PRINCIPALS = ("system", "checkout")
"""Both are the shop itself, so that they may send every command."""


class Database(SimDatabase):
    """Counts statements; at the chosen one the process is killed, or the statement fails."""

    def __init__(self, loop: SimLoop) -> None:
        super().__init__(loop, random.Random(0), Faults(), Sometimes())
        self.watched: Process | None = None
        self.statements = 0
        self.trouble_at = 0
        self.kills = True

    async def point(self, process, *, durable=False):
        if process is not self.watched:
            return
        self.statements += 1
        if self.statements == self.trouble_at:
            if self.kills:
                await self._die(process, "killed")
            self.faults = Faults(refuse=1.0, unknown=1.0)
            try:
                await super().point(process, durable=durable)
            finally:
                self.faults = Faults()

    def watch(self, process: Process, at: int = 0, *, kills: bool = False) -> None:
        """Counts the statements of that process; trouble comes with the one of that number."""
        self.watched, self.statements, self.trouble_at, self.kills = process, 0, at, kills


class Locked(SimStorage):
    """Decides nothing before it has the lock."""

    async def look(self, *_: object) -> None:
        return None


class Bench:
    """A database, and as many processes on it as a test wants."""

    def __init__(self, loop: SimLoop) -> None:
        self.loop = loop
        self.database = Database(loop)
        self.state = self.database.state
        self._paths: list[WritePath] = []
        self._setups = 0

    async def path(self, process: Process | None = None, *, ahead: bool = True) -> WritePath:
        """The write path of another process."""
        process = process or Process(f"process{len(self._paths)}")
        storage = (SimStorage if ahead else Locked)(self.database, process)
        path = WritePath(storage, handlers(), self.database.clock)
        process.on_kill.append(lambda: [head.forget(process) for head in self.database.heads])
        await self.loop.start(process, path.start())
        for _ in range(50):  # its first sweep of old answers is over by then, and no time passed
            await asyncio.sleep(0)
        self._paths.append(path)
        return path

    async def do(self, *commands: Command) -> Any:
        """Sets the stage; each command has to take effect. Returns the last one's result."""
        result = None
        for command in commands:
            self._setups += 1
            path = self._paths[0] if self._paths else await self.path()
            outcome = await path.submit(Envelope(command=command, key=f"setup-{self._setups}"))
            assert outcome.ok, (command, outcome.body)
            result = msgspec.json.decode(outcome.body)["result"]
        return result

    def document(self, topic: str) -> Any:
        """What is public of a topic."""
        return msgspec.json.decode(self.state.documents["main", topic].body)

    def now_ms(self) -> int:
        """The time of the database."""
        return self.database.clock.now_ms()

    async def later(self, ms: int) -> None:
        """Time passes, in which nobody sweeps: what was due in it is done at its end, once."""
        self.loop.skip(ms / 1_000)
        for _ in range(50):
            await asyncio.sleep(0)

    def picture(self) -> bytes:
        """Everything that a command can change but the answers to keys."""
        state = self.state
        rows = {
            kind.__name__: sorted(
                msgspec.json.encode(row, order="deterministic") for row in kept.values()
            )
            for kind, kept in state.rows.items()
            if kept
        }
        documents = sorted((d.topic, d.version, d.body) for d in state.documents.values())
        parts = (sorted(rows.items()), state.events, documents, sorted(state.positions.items()))
        return msgspec.msgpack.encode(parts)


def play(scene: Callable[[Bench], Awaitable[T]], seed: int = 0) -> T:
    """Runs a scene on a loop of its own."""
    loop = seeded_loop(seed)
    return loop.run(scene(Bench(loop)))


def envelope(command: Command, key: str = "the-key", principal: str = PRINCIPALS[0]) -> Envelope:
    """A command with the key that it is all about."""
    return Envelope(command=command, key=key, principal=principal)


def others(command: Command) -> list[Command]:
    """The same operation with other bodies: one for each field that can be told apart."""
    return [one for one in _changed(command) if _can_be_read(one)]


def _can_be_read(command: Command) -> bool:
    """Not a word that is none of a field's."""
    try:
        msgspec.json.decode(msgspec.json.encode(command), type=type(command))
    except msgspec.ValidationError:
        return False
    return True


def _changed(struct: Any) -> list[Any]:
    found = []
    for field in struct.__struct_fields__:
        value = getattr(struct, field)
        changed: list[Any] = []
        if isinstance(value, bool):
            changed = [not value]
        elif isinstance(value, str):
            changed = [value + "x"]
        elif isinstance(value, int):
            changed = [value + 1]
        elif isinstance(value, tuple) and value:
            changed = [(*value, value[0])]
        elif isinstance(value, msgspec.Struct):
            changed = _changed(value)
        found += [replace(struct, **{field: one}) for one in changed]
    return found


def is_error(outcome: Outcome, name: str) -> bool:
    """Whether it is the refusal of that name."""
    return not outcome.ok and msgspec.json.decode(outcome.body)["name"] == name
