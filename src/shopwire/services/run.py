"""One process from its start to its end: port, parts, readiness, signals."""

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Final, Literal, Protocol

import structlog
import uvloop

from shopwire.kernel.errors import InternalError
from shopwire.services.container import Container, ServeOptions, open_container
from shopwire.services.garbage import spare_what_lives_on
from shopwire.services.hub_node import HubNode, HubOptions, be_known, open_hub_node
from shopwire.services.server import StopSignals, listen, make_server
from shopwire.sync.hub import Hub
from shopwire.sync.server import SyncDoor

_log: Final = structlog.get_logger()


class Listens(Protocol):
    """Where a process serves, and how."""

    @property
    def host(self) -> str:
        """The address."""
        ...

    @property
    def port(self) -> int:
        """The port; 0 takes a free one."""
        ...

    @property
    def websocket(self) -> Literal["picows", "asgi"]:
        """Which way WebSockets take."""
        ...


class Parts(Protocol):
    """What runs, of whichever kind of process."""

    @property
    def hub(self) -> Hub:
        """Its screens."""
        ...

    @property
    def sync(self) -> SyncDoor:
        """Its doors for them."""
        ...

    @property
    def failed(self) -> asyncio.Future[BaseException]:
        """Resolves when a part ended by an error."""
        ...

    stopping: bool

    def app(self) -> Any:
        """The ASGI application."""
        ...


Companion = Callable[[Container], Coroutine[Any, Any, None]]
"""What runs beside the server from the moment it is ready, such as the demo's simulation."""
Beside = Callable[[Any], Coroutine[Any, Any, None]]
"""The same for any kind of process; it ends before screens are asked to go elsewhere."""


def run(
    options: ServeOptions,
    *,
    companion: Companion | None = None,
    on_ready: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serves until a signal or a failure; raises SetupProblem where it cannot start."""
    uvloop.run(_serve(options, open_container(options), companion, on_ready))


def run_hub(options: HubOptions, *, on_ready: Callable[[str], None] = lambda _url: None) -> None:
    """Serves screens only, and is known to clients while it does; see `run`."""
    port = options.port

    def ready(url: str) -> None:
        nonlocal port
        port = int(url.rsplit(":", 1)[1])
        on_ready(url)

    async def known(node: HubNode) -> None:
        await be_known(node, port)

    uvloop.run(_serve(options, open_hub_node(options), known, ready))


async def _serve(
    options: Listens,
    opening: AbstractAsyncContextManager[Any],
    companion: Beside | None,
    on_ready: Callable[[str], None],
) -> None:
    sock = listen(options.host, options.port)
    try:
        with StopSignals() as signals:
            life = _Life(options, opening, sock, signals)
            running = asyncio.create_task(life.run(companion, on_ready))
            asked = asyncio.create_task(signals.asked.wait())
            await asyncio.wait({asked, running}, return_when=asyncio.FIRST_COMPLETED)
            if not life.ready and not running.done():
                running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            asked.cancel()
    finally:
        sock.close()


class _Life:
    """A server from its start to its end."""

    def __init__(
        self,
        options: Listens,
        opening: AbstractAsyncContextManager[Parts],
        sock: socket.socket,
        signals: StopSignals,
    ) -> None:
        self._options = options
        self._opening = opening
        self._sock = sock
        self._signals = signals
        self.ready = False

    async def run(self, companion: Beside | None, on_ready: Callable[[str], None]) -> None:
        """Starts, serves until somebody asks for the end, stops."""
        began = time.perf_counter()
        host, port = self._options.host, self._sock.getsockname()[1]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        try:
            async with self._opening as container:
                by_picows = self._options.websocket == "picows"
                http = container.sync.http_protocol() if by_picows else "httptools"
                server = make_server(container.app(), ws="websockets-sansio", http=http)
                serving = asyncio.create_task(server.serve(sockets=[self._sock]))
                await server.ready.wait()
                spare_what_lives_on()
                self.ready = True
                took_ms = round((time.perf_counter() - began) * 1_000)
                _log.info("start.ready", url=url, took_ms=took_ms)
                on_ready(url)
                await self._until_asked(container, serving, companion)
                began = time.perf_counter()
                _log.info("stop.begin", reason=self._signals.reason)
                container.stopping = True
                container.hub.close_sessions()
                server.stop()
                await serving
        finally:
            _log.info("stop.done", took_ms=round((time.perf_counter() - began) * 1_000))

    async def _until_asked(
        self, container: Parts, serving: asyncio.Task[None], companion: Beside | None
    ) -> None:
        """Returns when a signal asks for the end; raises what made a part end by itself."""
        asked = asyncio.create_task(self._signals.asked.wait())
        beside = [asyncio.create_task(companion(container))] if companion else []
        ends: set[asyncio.Future[Any]] = {asked, serving, container.failed, *beside}
        try:
            while not asked.done():
                done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if container.failed.done():
                    problem = container.failed.result()
                    raise InternalError(
                        "A part ended by an error; the log says which."
                    ) from problem
                for task in done - {asked}:
                    ends.discard(task)
                    task.result()
                if serving.done():
                    self._signals.ask("the server ended")
        finally:
            for task in (asked, *beside):
                task.cancel()
            await asyncio.gather(asked, *beside, return_exceptions=True)
