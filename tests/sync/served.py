"""A hub on a log in memory, behind a real uvicorn on a free port, in this process."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import msgspec
import uvicorn

from shopwire.adapters.memory import MemoryLog, MemoryState
from shopwire.kernel.events import NewEvent
from shopwire.kernel.ids import partition_of
from shopwire.sync import client_connection
from shopwire.sync.hub import Hub
from shopwire.sync.limits import Limits
from shopwire.sync.server import SyncDoor

SOON_S = 60
"""Until what is waited for counts as never coming: no measure of how quick it is."""
encode = msgspec.json.Encoder(order="deterministic").encode


class Shop:
    """A log with nothing but documents: the target of the conformance suite."""

    def __init__(self, partitions=4) -> None:
        self.state = MemoryState(partitions)
        self.log = MemoryLog(self.state)
        self.commands = 0
        self.url = self.events_url = ""
        self.hub = None
        self.port = 0

    async def change(self, changes):
        self.commands += 1
        events = []
        for topic, document in changes:
            known = self.state.documents.get(("main", topic))
            version = (known.version if known else 0) + 1
            command = f"c{self.commands}"
            events.append(
                NewEvent("main", topic, version, "test.changed", encode(document), b"null", command)
            )
        partition = partition_of("main", changes[0][0], self.log.partitions)
        await self.log.append(partition, events)

    async def new_epoch(self):
        self.state.new_epoch()
        self.log = MemoryLog(self.state)

    async def newest(self, topic):
        (document,) = await self.log.documents("main", [topic])
        return document.version, json.loads(document.body)


class _Announcing(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.up.set()


class Server:
    """uvicorn in this process, with a start and a stop that are awaited."""

    def __init__(self, hub, port=0, *, picows=True, app=None, callers=None) -> None:
        door = SyncDoor(hub, callers=callers)
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        config = uvicorn.Config(
            app or door.asgi,
            http=door.http_protocol() if picows else "httptools",
            ws="none" if picows else "websockets-sansio",
            ws_max_size=hub.limits.message_bytes_max,
            interface="asgi3",
            lifespan="off",
            log_level="critical",
            access_log=False,
        )
        self.server = _Announcing(config)
        self.up = self.server.up

    async def start(self):
        self.task = asyncio.create_task(self.server.serve(sockets=[self.listener]))
        async with asyncio.timeout(SOON_S):
            await self.up.wait()

    async def stop(self):
        self.server.should_exit = True
        await self.task


def expect_no_beats(monkeypatch):
    """No client here ends its connection since beats are late: where they come ten times a second,
    a machine that is busy for a moment would. That one does is looked at by a test of its own."""
    monkeypatch.setattr(client_connection, "DEAD_AFTER_BEATS", 36_000)


QUICK = Limits(beat_ms=100, prove_every_ms=30, sweep_every_ms=50)
"""Limits that do not make a test wait."""


@asynccontextmanager
async def serving(
    shop=None,
    *,
    limits=None,
    picows=True,
    port=0,
    share=lambda log: log,
    rights=None,
    callers=None,
    broadcast=None,
    clock=None,
):
    shop = shop or Shop()
    told = {"limits": limits or QUICK, "rights": rights, "broadcast": broadcast, "clock": clock}
    hub = shop.hub = Hub(share(shop.log), **told)
    await hub.start()
    server = Server(hub, port, picows=picows, callers=callers)
    await server.start()
    shop.port = server.port
    shop.url = f"ws://127.0.0.1:{server.port}/sync"
    shop.events_url = f"http://127.0.0.1:{server.port}/sync/sse"
    try:
        yield shop
    finally:
        hub.close_sessions()
        await server.stop()
        await hub.stop()


async def eventually(condition, timeout_s=SOON_S):
    """For what no message tells: the server notices a client that is gone."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)
