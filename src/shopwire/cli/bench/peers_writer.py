"""The writer of bench `peers`: the same changes for every engine, each committed by itself.

A process of its own, so that no engine's CPU has a part of it. Commands come as JSON lines on
standard input, answers go to standard output; its only argument is a `Source` as JSON.
"""

import asyncio
import json
import random
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final

import asyncpg
import msgspec
import uvloop

from shopwire.adapters.postgres.store import open_store
from shopwire.cli.bench.fanout_clients import allow_files
from shopwire.cli.bench.fanout_server import PARTITION, shopwire
from shopwire.kernel.events import NewEvent
from shopwire.kernel.queries import load_queries

SQL: Final = load_queries("shopwire.cli.bench", "peers.sql")
LANES: Final = 4
"""Connections that write at once; a topic has always the same one, so that it is in order."""
PRICE: Final = 1_999
_driver: Any = asyncpg
_encode: Final = msgspec.json.Encoder(order="deterministic").encode
Commit = Callable[[int, str, int], Awaitable[None]]
"""Makes change `n` of a topic durable on a lane; returns once the database has said so."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where the truth is and who is told of it."""

    dsn: str
    follow: str = ""
    """`log`: Shopwire's; `notify` and `outbox`: what a trigger on the table feeds; `replica`: no
    trigger, the engine reads the write-ahead log."""
    serve: bool = False
    """Whether the writer's process is Shopwire's hub as well, as where one process is the shop."""


class Change(msgspec.Struct, frozen=True, array_like=True):
    """A change as it was made; moments in seconds of the machine's monotonic clock."""

    n: int
    topic: str
    asked: float
    """Just before its commit was asked for, waiting for its lane included."""
    done: float


class Table:
    """Rows of a plain table, as a team keeps them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lanes: list[Any] = []

    async def open(self, stack: AsyncExitStack) -> None:
        """Makes the table and what follows it."""
        for _ in range(LANES):
            lane = await _driver.connect(self._source.dsn)
            stack.push_async_callback(lane.close)
            self._lanes.append(lane)
        await self._lanes[0].execute(SQL["table"])
        if self._source.follow in SQL:
            await self._lanes[0].execute(SQL[self._source.follow])

    async def seed(self, topics: int) -> None:
        """One row a topic; `n` is from 1 on."""
        await self._lanes[0].execute(SQL["seed"], topics)

    async def commit(self, lane: int, topic: str, n: int) -> None:
        """See Commit."""
        await self._lanes[lane].execute(SQL["change"], topic, n, n % 100)


class Log:
    """Events of Shopwire's log."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.log: Any = None
        self._versions: dict[str, int] = {}

    async def open(self, stack: AsyncExitStack) -> None:
        """Opens the migrated database."""
        self.log = (await stack.enter_async_context(open_store(self._source.dsn))).log

    async def seed(self, topics: int) -> None:
        """The same documents as a table's rows."""
        events = [self._event(f"stock:{topic}", topic + 1) for topic in range(topics)]
        for first in range(0, topics, 200):
            await self.log.append(PARTITION, events[first : first + 200])

    async def commit(self, lane: int, topic: str, n: int) -> None:
        """See Commit."""
        del lane  # the log has its own connections
        await self.log.append(PARTITION, [self._event(topic, n)])

    def _event(self, topic: str, n: int) -> NewEvent:
        version = self._versions[topic] = self._versions.get(topic, 0) + 1
        body = _encode({"n": n, "available": n % 100, "price": PRICE})
        return NewEvent("main", topic, version, "bench.changed", body, b"null", str(n))


class Writer:
    """Makes changes at a pace, whatever the database takes for them (an open loop)."""

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._number = 0
        self.made: list[Change] = []

    def start(self, number: int) -> None:
        """Args: `number` is that of the newest change before."""
        self._number = number

    async def run(self, topics: int, hot: float, rate: float, seconds: float) -> None:
        """`hot` changes/s of topic 0, `rate` changes/s of the others by chance, for a time."""
        chooser = random.Random(self._number)  # noqa: S311 - a workload, no secret
        plan = [(step / hot, 0) for step in range(int(hot * seconds))]
        plan += [(step / rate, chooser.randrange(1, topics)) for step in range(int(rate * seconds))]
        self.made = []
        lanes = [asyncio.Queue[tuple[int, str, float] | None]() for _ in range(LANES)]
        async with asyncio.TaskGroup() as workers:
            for at, lane in enumerate(lanes):
                workers.create_task(self._work(at, lane))
            began = time.monotonic()
            for due, topic in sorted(plan):
                await asyncio.sleep(max(0.0, began + due - time.monotonic()))
                self._number += 1
                lanes[topic % LANES].put_nowait((self._number, f"stock:{topic}", time.monotonic()))
            for lane in lanes:
                lane.put_nowait(None)

    async def _work(self, at: int, lane: asyncio.Queue[tuple[int, str, float] | None]) -> None:
        while (wish := await lane.get()) is not None:
            n, topic, asked = wish
            await self._commit(at, topic, n)
            self.made.append(Change(n, topic, asked, time.monotonic()))


async def _obey(truth: Table | Log, writer: Writer, port: int) -> None:
    reader = asyncio.StreamReader(limit=2**24)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    _say({"port": port})
    while line := await reader.readline():
        wish = json.loads(line)
        cpu, began = time.process_time(), time.monotonic()
        if wish["do"] == "seed":
            await truth.seed(wish["topics"])
            writer.start(wish["topics"])
        else:
            await writer.run(wish["topics"], wish["hot"], wish["rate"], wish["seconds"])
        spent = {"cpu_s": time.process_time() - cpu, "seconds": time.monotonic() - began}
        _say({"changes": writer.made, **spent})


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    sys.stdout.flush()


async def write(source: Source) -> None:
    """Writes until standard input ends."""
    async with AsyncExitStack() as stack:
        truth = Log(source) if source.follow == "log" else Table(source)
        await truth.open(stack)
        port = 0
        if isinstance(truth, Log) and source.serve:
            door = socket.create_server(("127.0.0.1", 0), backlog=4_096)
            await stack.enter_async_context(shopwire(truth.log, door, picows=True, rights=True))
            port = door.getsockname()[1]
        await _obey(truth, Writer(truth.commit), port)


if __name__ == "__main__":
    allow_files()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(write(msgspec.json.decode(sys.argv[1], type=Source)))
