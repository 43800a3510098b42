"""The server of bench `fanout`, in a process of its own so that its CPU can be told apart.

Commands come as JSON lines on standard input, answers go to standard output.
"""

import asyncio
import json
import logging
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import uvicorn
import uvloop

from shopwire.adapters.memory import MemoryLog, MemoryState
from shopwire.adapters.postgres.store import open_store
from shopwire.kernel.events import NewEvent
from shopwire.kernel.log import EventLog
from shopwire.sync.hub import Hub
from shopwire.sync.server import SyncDoor

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
TEXT: Final = "x" * 180
"""With the rest about 260 bytes, as a product's stock has with its texts."""
_PARTITION: Final = 0


class Feed:
    """Makes changes at a pace and remembers when each was asked for."""

    def __init__(self, log: EventLog | None) -> None:
        self._log = log
        self._versions: dict[int, int] = {}
        self.number = 0
        self.asked: list[float] = []
        self.broadcast: Any = None

    async def change(self, topic: int) -> None:
        """One durable change of one topic; `n` counts all changes."""
        version = self._versions[topic] = self._versions.get(topic, 0) + 1
        self.number += 1
        self.asked.append(time.monotonic())
        name = f"stock:{topic}"
        if self._log is None:
            frame = (
                f'{{"t":"patch","topic":"{name}","from":{version - 1},"v":{version},'
                f'"set":{{"n":{self.number}}},"at":{int(time.time() * 1_000)}}}'
            )
            self.broadcast(name, frame)
            return
        body = _encode({"n": self.number, "status": "in_stock", "text": TEXT})
        event = NewEvent("main", name, version, "bench.changed", body, b"null", str(self.number))
        await self._log.append(_PARTITION, [event])

    async def run(self, topics: int, rate: float, seconds: float) -> dict[str, Any]:
        """Changes round robin, one after the other where the log is too slow for the pace."""
        first, cpu, start = self.number, time.process_time(), time.monotonic()
        count = int(rate * seconds)
        for step in range(count):
            await asyncio.sleep(max(0.0, start + step / rate - time.monotonic()))
            await self.change((step * 7) % topics)
        return {
            "first": first,
            "asked": self.asked[first:],
            "cpu_s": time.process_time() - cpu,
            "seconds": time.monotonic() - start,
        }


@asynccontextmanager
async def shopwire(log: EventLog, port: socket.socket, *, picows: bool) -> AsyncIterator[None]:
    """Our own hub, by picows or through ASGI."""
    hub = Hub(log)
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


def _rss_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_024


async def _obey(feed: Feed) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        wish = json.loads(line)
        if wish["do"] == "run":
            answer = await feed.run(wish["topics"], wish["rate"], wish["seconds"])
        elif wish["do"] == "seed":
            for topic in range(wish["topics"]):
                await feed.change(topic)
            answer = {"n": feed.number}
        else:
            answer = {"rss_kib": _rss_kib(), "cpu_s": time.process_time()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


async def serve(mode: str, dsn: str) -> None:
    """Serves until standard input ends."""
    port = socket.create_server(("127.0.0.1", 0), backlog=4_096)
    sys.stdout.write(json.dumps({"port": port.getsockname()[1]}) + "\n")
    sys.stdout.flush()
    if mode == "websockets":
        feed = Feed(None)
        async with plain_websockets(feed, port):
            await _obey(feed)
        return
    if dsn:
        async with open_store(dsn) as store, shopwire(store.log, port, picows=mode == "picows"):
            await _obey(Feed(store.log))
        return
    log = MemoryLog(MemoryState())
    async with shopwire(log, port, picows=mode == "picows"):
        await _obey(Feed(log))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""))
