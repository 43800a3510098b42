"""A bad network between a client and a server: a TCP proxy that breaks on a plan.

The plan comes from a seed, so that a run that found something can be had again. TCP itself keeps
what is inside of one connection in order; between connections nothing does, and here they are made
to overtake each other.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Literal

import msgspec

CHUNK_BYTES_MAX: Final = 65_536
"""Read at once from either side; more waits in the kernel, so that both ends feel the pressure."""
PIECES_PER_S: Final = 20
"""Pieces a second that a throttled connection is let have."""
CONNECTIONS_MAX: Final = 2_000
"""Connections at once; one more is refused."""

Kind = Literal["cut", "half_open", "freeze", "delay", "throttle", "reorder", "refuse"]
KINDS: Final[tuple[Kind, ...]] = (
    "cut",
    "half_open",
    "freeze",
    "delay",
    "throttle",
    "reorder",
    "refuse",
)
"""What can happen:

| kind | what it does | `amount` |
| --- | --- | --- |
| `cut` | ends every connection at once, without a word | |
| `half_open` | connections that are there look alive and carry nothing any more, for good | |
| `freeze` | nothing moves; afterwards everything comes, in order | |
| `delay` | everything comes later | ms |
| `throttle` | little is carried a second | bytes/s of a connection |
| `reorder` | each connection is late by a time of its own: they overtake each other | ms, at most |
| `refuse` | connections that are there go on, new ones are refused | |
"""
_AMOUNTS: Final[dict[Kind, tuple[int, int]]] = {
    "delay": (50, 800),
    "throttle": (2_000, 20_000),
    "reorder": (200, 1_500),
}


class Fault(msgspec.Struct, frozen=True):
    """One fault of a plan."""

    at_ms: int
    kind: Kind
    lasts_ms: int = 0
    """0 for what happens in a moment: `cut`, `half_open`."""
    amount: int = 0


def plan_faults(
    seed: int,
    lasts_ms: int,
    *,
    kinds: Sequence[Kind] = KINDS,
    pause_ms: tuple[int, int] = (500, 4_000),
    lasts: tuple[int, int] = (500, 5_000),
) -> list[Fault]:
    """Faults one after the other, with pauses between them, all of them over before `lasts_ms`.

    Args: `pause_ms` and `lasts` are the shortest and longest time between faults, and of one.
    """
    chance = random.Random(seed)  # noqa: S311 - a plan that can be had again
    plan: list[Fault] = []
    at_ms = chance.randint(*pause_ms)
    while True:
        kind = chance.choice(kinds)
        lasting = 0 if kind in {"cut", "half_open"} else chance.randint(*lasts)
        if at_ms + lasting >= lasts_ms:
            return plan
        amount = chance.randint(*_AMOUNTS[kind]) if kind in _AMOUNTS else 0
        plan.append(Fault(at_ms, kind, lasting, amount))
        at_ms += lasting + chance.randint(*pause_ms)


class FaultProxy:
    """Carries connections to a server, and breaks them.

    `await proxy.start()`, connect to `proxy.port`, `await proxy.run(plan)` or set a fault by hand
    with `begin` and `end`, `await proxy.stop()`.
    """

    def __init__(
        self,
        target_port: int,
        *,
        seed: int = 0,
        host: str = "127.0.0.1",
        late: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Args: `seed` draws what each connection of `reorder` is late by, `late` is so (s)."""
        self.port = 0
        self.opened = self.refused = self.broken = 0
        """Connections carried, refused, and ended or silenced by a fault."""
        self.carried_bytes = self.lost_bytes = 0
        self._host, self._target_port = host, target_port
        self._seed = seed
        self._late = late
        self._server: asyncio.Server | None = None
        self._flows: set[_Flow] = set()
        self._now: dict[Kind, Fault] = {}
        self._moves = asyncio.Event()
        self._moves.set()

    async def start(self, port: int = 0) -> None:
        """Listens; without a port on a free one."""
        self._server = await asyncio.start_server(self._serve, self._host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Ends everything; the port is free again."""
        if self._server is not None:
            self._server.close()
        for kind in tuple(self._now):
            self.end(kind)
        self._each(_Flow.cut)
        await asyncio.gather(*(flow.ended.wait() for flow in self._flows))
        if self._server is not None:
            await self._server.wait_closed()

    @property
    def connections(self) -> int:
        """Connections that are there now, those that only look so included."""
        return len(self._flows)

    async def run(
        self,
        plan: Sequence[Fault],
        *,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
        told: Callable[[Fault], None] = lambda _: None,
    ) -> None:
        """Carries a plan out, from now on; `told` hears of each fault as it begins.

        `wait` takes seconds: a plan is made of times, so there is no signal to wait for.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        for fault in plan:
            await wait(max(0.0, began + fault.at_ms / 1_000 - loop.time()))
            told(fault)
            self.begin(fault)
            if fault.lasts_ms:
                await wait(fault.lasts_ms / 1_000)
                self.end(fault.kind)

    def begin(self, fault: Fault) -> None:
        """A fault begins; those of a moment are over with that."""
        if fault.kind == "cut":
            self.broken += self._each(_Flow.cut)
        elif fault.kind == "half_open":
            self.broken += self._each(_Flow.silence)
        else:
            self._now[fault.kind] = fault
            if fault.kind == "freeze":
                self._moves.clear()

    def end(self, kind: Kind) -> None:
        """A fault is over; what waited goes on."""
        self._now.pop(kind, None)
        if kind == "freeze":
            self._moves.set()

    # -- for the flows ------------------------------------------------------------------------

    async def hold(self, number: int, size: int) -> None:
        """Returns when a connection may pass so many bytes on."""
        await self._moves.wait()
        late_ms = 0.0
        if (delay := self._now.get("delay")) is not None:
            late_ms += delay.amount
        if (reorder := self._now.get("reorder")) is not None:
            # The same for one connection and fault, whatever else happens: a seed can be had again.
            drawn = random.Random(f"{self._seed}:{number}:{reorder.at_ms}")  # noqa: S311
            late_ms += drawn.uniform(0, reorder.amount)
        if (throttle := self._now.get("throttle")) is not None:
            late_ms += size * 1_000 / throttle.amount
        if late_ms:
            await self._late(late_ms / 1_000)  # being late is what is wanted here
            await self._moves.wait()

    def piece(self) -> int:
        """Bytes to be read at once: few where little is carried."""
        throttle = self._now.get("throttle")
        return CHUNK_BYTES_MAX if throttle is None else max(1, throttle.amount // PIECES_PER_S)

    # -- inside -------------------------------------------------------------------------------

    def _each(self, action: "Callable[[_Flow], None]") -> int:
        flows = tuple(self._flows)
        for flow in flows:
            action(flow)
        return len(flows)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if "refuse" in self._now or len(self._flows) >= CONNECTIONS_MAX:
            self.refused += 1
            writer.transport.abort()
            return
        try:
            there = await asyncio.open_connection(self._host, self._target_port)
        except OSError:
            # The server is away: so it looks from the other side, too.
            self.refused += 1
            writer.transport.abort()
            return
        self.opened += 1
        flow = _Flow(self, self.opened, (reader, writer), there)
        self._flows.add(flow)
        try:
            await flow.run()
        finally:
            self._flows.discard(flow)


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Flow:
    """One connection, as two one-way streets."""

    def __init__(self, proxy: FaultProxy, number: int, near: Streams, far: Streams) -> None:
        self.ended = asyncio.Event()
        self._proxy, self._number = proxy, number
        self._near, self._far = near, far
        self._silent = False
        self._tasks: list[asyncio.Task[Any]] = []

    async def run(self) -> None:
        """Returns when both sides are gone."""
        there = self._pump(self._near[0], self._far[1])
        back = self._pump(self._far[0], self._near[1])
        self._tasks = [asyncio.create_task(there), asyncio.create_task(back)]
        try:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            for _, writer in (self._near, self._far):
                writer.transport.abort()
            self.ended.set()

    def cut(self) -> None:
        """Both sides learn of it as of a machine that lost its power: by a reset."""
        for task in self._tasks:
            task.cancel()
        for _, writer in (self._near, self._far):
            writer.transport.abort()

    def silence(self) -> None:
        """From now on it only looks like a connection."""
        self._silent = True

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(self._proxy.piece()):
                await self._proxy.hold(self._number, len(data))
                if self._silent:
                    self._proxy.lost_bytes += len(data)
                    continue
                self._proxy.carried_bytes += len(data)
                writer.write(data)
                await writer.drain()
            if not self._silent and writer.can_write_eof():
                writer.write_eof()
