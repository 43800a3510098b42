"""A server that takes commands: hub, write path and HTTP on one log in memory."""

import asyncio
from contextlib import asynccontextmanager

from tests.callers import open_callers
from tests.sync.served import QUICK, Server, Shop

from shopwire.adapters.memory import MemoryStorage
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.identity import LOCAL
from shopwire.kernel.write_path import WritePath
from shopwire.services.app import AppParts, build_app
from shopwire.services.command_door import CommandDoor
from shopwire.services.pages import Pages
from shopwire.services.pulse import Pulse
from shopwire.services.telemetry import Readings, Telemetry
from shopwire.sync.hub import Hub
from shopwire.sync.rights import Rights
from shopwire.sync.server import SyncDoor
from shopwire.testing.conformance.sync_commands import MOVE_UNITS


class Doorkeeper:
    """Carries commands out when the door is open, and lets them wait when it is shut."""

    def __init__(self, take) -> None:
        self._take = take
        self._open = asyncio.Event()
        self._open.set()
        self.waiting = self.taken = 0
        self.shut, self.open = self._open.clear, self._open.set

    async def take(self, caller, operation, key, body):
        self.waiting += 1
        await self._open.wait()
        self.waiting -= 1
        self.taken += 1
        return await self._take(caller, operation, key, body)


@asynccontextmanager
async def commanding(folder, *, limits=None, picows=True, shop=None, port=0):
    """A served shop with `keeper` before its door and `http_url` beside its `url`."""
    shop, rights = shop or Shop(), Rights(otherwise=LOCAL)
    write_path = WritePath(MemoryStorage(shop.state), [MOVE_UNITS], SystemClock())
    await write_path.start()
    shop.keeper = Doorkeeper(CommandDoor(write_path).take)
    shop.hub = hub = Hub(shop.log, limits=limits or QUICK, take=shop.keeper.take, rights=rights)
    await hub.start()
    telemetry = Telemetry("0")
    telemetry.watch(Readings)
    app = build_app(
        AppParts(
            write_path=write_path,
            pulse=Pulse(Readings, lambda *_: None, SystemClock()),
            telemetry=telemetry,
            pages=Pages(folder),
            callers=open_callers(rights),
            routes=(),
            sync=SyncDoor(hub).asgi,
        )
    )
    server = Server(hub, port, picows=picows, app=app)
    await server.start()
    shop.port = server.port
    shop.url = f"ws://127.0.0.1:{server.port}/sync"
    shop.http_url = f"http://127.0.0.1:{server.port}"
    shop.events_url = f"{shop.http_url}/sync/sse"
    try:
        yield shop
    finally:
        shop.keeper.open()
        hub.close_sessions()
        await server.stop()
        await hub.stop()
        await write_path.stop()
