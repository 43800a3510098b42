"""The server of the sync benches, in a process of its own so that its CPU can be told apart.

Commands come as JSON lines on standard input, answers go to standard output. What it serves is told
by its only argument, a `Plan` as JSON.
"""

import asyncio
import json
import logging
import os
import random
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import uvicorn
import uvloop

from shopwire.adapters.memory import MemoryLog, MemoryState
from shopwire.adapters.postgres.store import open_store
from shopwire.cli.bench.fanout_clients import allow_files
from shopwire.cli.bench.fanout_floor import bare_ring, bare_sends
from shopwire.kernel.events import NewEvent
from shopwire.kernel.identity import Caller
from shopwire.kernel.log import Document, EventLog
from shopwire.services.broadcasting import BroadcastWay, broadcasting
from shopwire.sync.hub import Hub
from shopwire.sync.rights import Rights
from shopwire.sync.server import SyncDoor
from shopwire.sync.stats import stats_of

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
TEXT: Final = "x" * 180
"""With the rest about 260 bytes, as a product's stock has with its texts."""
PARTITION: Final = 0
"""Where all changes are: ordered, so that the number of one tells whether it is the newest."""
LOG_KEPT: Final = 2_000
"""Events that a log in memory keeps in a flood, behind what the hub has read."""
_SEED: Final = 200
"""Topics that are made by one append."""
_FLOOD_TICK_S: Final = 0.01
"""A flood is written in portions of this time."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a server serves."""

    mode: str = "picows"
    """`picows`, `asgi`, `websockets` for the library's own broadcast, `floor` for bare sends and
    `floor_ring` for bare sends by io_uring."""
    dsn: str = ""
    """A database; without one the log is in memory."""
    broadcast: BroadcastWay = "auto"
    rights: bool = False
    """Whether each screen shows a token and is looked up by it."""


class _Anybody:
    """Knows every token: each is a shopper's of its own."""

    def authenticate(self, token: str) -> Caller:
        """Who it is."""
        return Caller(role="shopper", subject=token)


class Counting:
    """A log that counts the documents that are read from it."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.documents_read = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def documents(self, tenant: str, topics: Sequence[str]) -> Sequence[Document]:
        """As the log has them."""
        self.documents_read += len(topics)
        return await self._log.documents(tenant, topics)


class Feed:
    """Makes changes at a pace and remembers when each was asked for."""

    def __init__(self, log: EventLog | None, state: MemoryState | None = None) -> None:
        """Args: `state` of a log in memory, which a flood keeps from growing."""
        self._log = log
        self._state, self._forgotten = state, 0
        self.hub: Hub | None = None
        self._versions: dict[int, int] = {}
        self.number = 0
        self.asked: list[float] = []
        self.done: list[float] = []
        """When each was durable, as its writer learnt it."""
        self.broadcast: Any = None

    async def change(self, topic: int) -> None:
        """One durable change of one topic; `n` counts all changes."""
        self.asked.append(time.monotonic())
        if self._log is None:
            version = self._versions[topic] = self._versions.get(topic, 0) + 1
            self.number += 1
            name = f"stock:{topic}"
            frame = (
                f'{{"t":"patch","topic":"{name}","from":{version - 1},"v":{version},'
                f'"set":{{"n":{self.number}}},"at":{int(time.time() * 1_000)}}}'
            )
            self.broadcast(name, frame)
            return
        if self._state is None:
            await self._log.append(PARTITION, [self._next(topic)])
        else:
            self._put(self._state, self._next(topic))
        self.done.append(time.monotonic())

    def _put(self, state: MemoryState, event: NewEvent) -> None:
        """As a database has it once somebody committed: to write there is not the hub's work.

        Nobody queues or locks here, as the gateway and the others are told of theirs by a call.
        """
        documents: dict[tuple[str, str], Document] = {}
        rows = state.recorded(PARTITION, [event], state.clock.now_ms(), documents=documents)
        state.events[PARTITION] += rows
        state.documents |= documents
        state.hints.give((PARTITION,))

    async def flood(self, topics: int, rate: float, seconds: float) -> dict[str, Any]:
        """Many changes a second, in portions: each is a command of its own all the same.

        `asked` has the moment of every tenth change.
        """
        assert self._log is not None
        cpu, start = time.process_time(), time.monotonic()
        made = 0
        asked: list[tuple[int, float]] = []
        while (spent := time.monotonic() - start) < seconds:
            portion = []
            while made < rate * spent:
                portion.append(self._next((made * 7) % topics))
                made += 1
            now = time.monotonic()
            numbers = range(self.number - len(portion) + 1, self.number + 1)
            asked += [(number, now) for number in numbers if number % 10 == 0]
            if portion:
                await self._log.append(PARTITION, portion)
                self._forget()
            await asyncio.sleep(_FLOOD_TICK_S)
        return {
            "changes": made,
            "asked": asked,
            "versions": {f"stock:{topic}": v for topic, v in self._versions.items()},
            "cpu_s": time.process_time() - cpu,
            "seconds": time.monotonic() - start,
        }

    async def seed(self, topics: int) -> None:
        """One change of each topic, many at once."""
        if self._log is None:
            for topic in range(topics):
                await self.change(topic)
            return
        for first in range(0, topics, _SEED):
            portion = [self._next(topic) for topic in range(first, min(first + _SEED, topics))]
            await self._log.append(PARTITION, portion)
        self.asked = [time.monotonic()] * self.number
        self.done = list(self.asked)

    def _forget(self) -> None:
        """What the hub has read long ago is let go: a real log is not in the server's memory."""
        if self._state is None or self.hub is None:
            return
        events = self._state.events[PARTITION]
        until = self.hub.fanout.applied[PARTITION] - LOG_KEPT
        if until > self._forgotten:
            one = events[0]
            events[self._forgotten : until] = [one] * (until - self._forgotten)
            self._forgotten = until

    def _next(self, topic: int) -> NewEvent:
        version = self._versions[topic] = self._versions.get(topic, 0) + 1
        self.number += 1
        return change_of(f"stock:{topic}", version, self.number)

    async def run(
        self, topics: int, rate: float, seconds: float, *, zipf: bool = False
    ) -> dict[str, Any]:
        """Changes round robin or by rank, one after the other where the log is too slow."""
        first, cpu, start = self.number, time.process_time(), time.monotonic()
        count = int(rate * seconds)
        chosen = [(step * 7) % topics for step in range(count)]
        if zipf:
            chooser = random.Random(first)  # noqa: S311 - a workload, no secret
            weights = [1 / (rank + 1) for rank in range(topics)]
            chosen = chooser.choices(range(topics), weights, k=count)
        for step, topic in enumerate(chosen):
            await asyncio.sleep(max(0.0, start + step / rate - time.monotonic()))
            await self.change(topic)
        return {
            "first": first,
            "asked": self.asked[first:],
            "done": self.done[first:],
            "topics": chosen,
            "cpu_s": time.process_time() - cpu,
            "seconds": time.monotonic() - start,
        }


def change_of(topic: str, version: int, number: int) -> NewEvent:
    """The event of a change; `n` counts all of them."""
    body = _encode({"n": number, "status": "in_stock", "text": TEXT})
    return NewEvent("main", topic, version, "bench.changed", body, b"null", str(number))


@asynccontextmanager
async def shopwire(
    log: EventLog,
    port: socket.socket,
    *,
    picows: bool,
    rights: bool = False,
    broadcast: BroadcastWay = "auto",
) -> AsyncIterator[Hub]:
    """Our own hub, by picows or through ASGI."""
    async with broadcasting(broadcast) as told:
        hub = Hub(log, rights=Rights(_Anybody()) if rights else None, broadcast=told)
        async with _serving(hub, port, picows=picows):
            yield hub


@asynccontextmanager
async def _serving(hub: Hub, port: socket.socket, *, picows: bool) -> AsyncIterator[None]:
    await hub.start()
    door = SyncDoor(hub)
    config = uvicorn.Config(
        door.asgi,
        interface="asgi3",
        http=door.http_protocol() if picows else "httptools",
        ws="none" if picows else "websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="critical",
        access_log=False,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[port]))
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
        await hub.stop()


@asynccontextmanager
async def plain_websockets(feed: Feed, port: socket.socket) -> AsyncIterator[None]:
    """What a team writes on `websockets`: sets of connections and broadcast."""
    from websockets.asyncio.server import ServerConnection, broadcast, serve  # noqa: PLC0415

    # Screens that leave without a word are part of the bench, not worth a traceback each.
    logging.getLogger("websockets.server").setLevel(logging.CRITICAL)
    watching: dict[str, set[ServerConnection]] = {}

    async def handle(connection: ServerConnection) -> None:
        mine: list[str] = []
        try:
            async for message in connection:
                wish = json.loads(message)
                if wish["t"] == "sub":
                    mine = wish["topics"]
                    for topic in mine:
                        watching.setdefault(topic, set()).add(connection)
                    await connection.send(f'{{"t":"live","id":{wish["id"]}}}')
        finally:
            for topic in mine:
                watching[topic].discard(connection)

    def send(topic: str, frame: str) -> None:
        broadcast(watching.get(topic, ()), frame)

    feed.broadcast = send
    async with serve(handle, sock=port, compression=None, ping_interval=None):
        yield


_WITHOUT_LOG: Final = {
    "websockets": plain_websockets,
    "floor": bare_sends,
    "floor_ring": bare_ring,
}


def _rss_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_024


async def _obey(feed: Feed, hub: Hub | None = None, log: Counting | None = None) -> None:
    feed.hub = hub
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        wish = json.loads(line)
        if wish["do"] == "run":
            zipf = wish.get("zipf", False)
            answer = await feed.run(wish["topics"], wish["rate"], wish["seconds"], zipf=zipf)
        elif wish["do"] == "flood":
            answer = await feed.flood(wish["topics"], wish["rate"], wish["seconds"])
        elif wish["do"] == "seed":
            await feed.seed(wish["topics"])
            answer = {"n": feed.number}
        else:
            answer = {"n": feed.number, "rss_kib": _rss_kib(), "cpu_s": time.process_time()}
            if hub is not None and log is not None:
                stats = msgspec.to_builtins(stats_of(hub.fanout))
                answer |= {"hub": stats, "documents_read": log.documents_read}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


async def serve(plan: Plan) -> None:
    """Serves until standard input ends."""
    port = socket.create_server(("127.0.0.1", 0), backlog=4_096)
    sys.stdout.write(json.dumps({"port": port.getsockname()[1]}) + "\n")
    sys.stdout.flush()
    if plan.mode in _WITHOUT_LOG:
        feed = Feed(None)
        async with _WITHOUT_LOG[plan.mode](feed, port):
            await _obey(feed)
        return
    picows = plan.mode == "picows"
    shown: Any = {"rights": plan.rights, "broadcast": plan.broadcast}
    if plan.dsn:
        async with open_store(plan.dsn) as store:
            log: Any = Counting(store.log)
            async with shopwire(log, port, picows=picows, **shown) as hub:
                await _obey(Feed(store.log), hub, log)
        return
    state = MemoryState()
    log = Counting(MemoryLog(state))
    async with shopwire(log, port, picows=picows, **shown) as hub:
        await _obey(Feed(log, state), hub, log)


if __name__ == "__main__":
    allow_files()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(msgspec.json.decode(sys.argv[1], type=Plan)))
