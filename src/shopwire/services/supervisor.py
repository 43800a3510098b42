"""Several processes on one machine: database, broker, one that writes, any number of hubs."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
import structlog
import uvloop

from shopwire.adapters.bus.server import EmbeddedNats
from shopwire.adapters.postgres.account import die_with_parent
from shopwire.adapters.postgres.pool import Pools
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import InternalError, SetupProblem
from shopwire.services.database import own_database
from shopwire.services.hubs import HUBS_MAX
from shopwire.services.logs import PROCESS_VARIABLE
from shopwire.services.reach import page_origins
from shopwire.services.server import StopSignals
from shopwire.services.settings import PREFIX, Settings
from shopwire.services.steps import Steps, in_background, started

READY_VARIABLE: Final = "SHOPWIRE_READY_FD"
"""Where a child finds the pipe on which it says its address when it serves."""
READY_MS_MAX: Final = 120_000
"""How long a child may take to serve: a database may have to recover first."""
RESTART_MS_MIN: Final = 200
"""Wait before a child that ended is started again; it doubles each time."""
RESTART_MS_MAX: Final = 10_000
"""Longest such wait."""
STEADY_MS: Final = 30_000
"""A child that served for so long begins anew with the shortest wait."""
STOP_MS_MAX: Final = 20_000
"""How long a child may take to stop before it is killed."""
NEEDED_NAME: Final = "api"
"""The process that writes."""

_log: Final = structlog.get_logger()
_READY_BYTES_MAX: Final = 1_000


class Child:
    """One process: started, watched, started again, stopped."""

    def __init__(self, name: str, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        self.name = name
        self.url = ""
        """Where it serves, once it does."""
        self._arguments = [sys.executable, "-m", "shopwire.cli.main", *arguments]
        self._environ = dict(environ)
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Its process, None when it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    async def start(self) -> None:
        """Returns when it serves; raises SetupProblem where it ended instead, or took too long."""
        began = time.perf_counter()
        told, tells = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - ourselves
                self._arguments,
                env=self._environ | {READY_VARIABLE: str(tells), PROCESS_VARIABLE: self.name},
                pass_fds=[tells],
                stdin=subprocess.DEVNULL,
                # A terminal's Ctrl-C is for us: hubs go before the one they follow.
                start_new_session=True,
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - no lock is taken in it
            )
        finally:
            os.close(tells)
        self._watch(self._process)
        try:
            self.url = await _line(told)
        finally:
            os.close(told)
        if not self.url:
            self._process.kill()  # one that hangs would never be started again
            raise SetupProblem(
                f"The process {self.name} did not start; it says above why.",
                what=self.name,
                reason="it ended before it served",
            )
        took_ms = round((time.perf_counter() - began) * 1_000)
        _log.info("child.ready", name=self.name, url=self.url, took_ms=took_ms)

    async def keep(self) -> None:
        """Starts it again whenever it ends, until it is cancelled."""
        wait_ms, since = RESTART_MS_MIN, time.monotonic()
        while True:
            await self._ended.wait()
            if (time.monotonic() - since) * 1_000 > STEADY_MS:
                wait_ms = RESTART_MS_MIN
            code = self._process.returncode if self._process else None
            _log.error("child.ended", name=self.name, code=code, retry_ms=wait_ms)
            await asyncio.sleep(wait_ms / 1_000)
            wait_ms, since = min(wait_ms * 2, RESTART_MS_MAX), time.monotonic()
            with suppress(SetupProblem):  # then it has ended, which is seen above
                await self.start()

    async def stop(self) -> None:
        """Asks it to end, and ends it where it does not."""
        if self._process is None:
            return
        for ask in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                self._process.send_signal(ask)
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_MS_MAX / 1_000):
                    await self._ended.wait()
                break

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Tells the loop when it ends; a thread, since waiting for a child blocks."""
        self._ended = asyncio.Event()
        loop, ended = asyncio.get_running_loop(), self._ended

        def wait() -> None:
            process.wait()
            with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=wait, name=f"{self.name}-wait", daemon=True).start()


async def _line(descriptor: int) -> str:
    """What a child wrote to its pipe; empty where it ended, or was silent for too long."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        async with asyncio.timeout(READY_MS_MAX / 1_000):
            await readable.wait()
    except TimeoutError:
        return ""
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, _READY_BYTES_MAX).decode().strip()


def tell_parent(url: str) -> bool:
    """Says to the supervisor that this process serves; False where there is none."""
    descriptor = os.environ.pop(READY_VARIABLE, None)
    if descriptor is None:
        return False
    with suppress(OSError):
        os.write(int(descriptor), f"{url}\n".encode())
        os.close(int(descriptor))
    return True


def supervise(settings: Settings, *, on_ready: Callable[[str, list[str]], None]) -> None:
    """Runs everything until a signal; `on_ready` gets the address of the shop and of the hubs.

    Raises SetupProblem where a part cannot start; what was started before is stopped then.
    """
    if not 1 <= settings.hubs <= HUBS_MAX:
        raise SetupProblem(
            f"The setting hubs is {settings.hubs}; it goes from 1 to {HUBS_MAX}.",
            what="hubs",
            reason="choose another number",
        )
    uvloop.run(_supervise(settings, on_ready))


async def _supervise(settings: Settings, on_ready: Callable[[str, list[str]], None]) -> None:
    steps = Steps()
    failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    def fail(problem: BaseException) -> None:
        _log.critical("part.failed", exc_info=problem)
        if not failed.done():
            failed.set_result(problem)

    with StopSignals() as signals:
        asked = asyncio.create_task(signals.asked.wait())
        starting = asyncio.create_task(_start(settings, steps, fail, on_ready))
        try:
            await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
                with suppress(asyncio.CancelledError):
                    await starting
                return
            starting.result()
            ends: set[asyncio.Future[Any]] = {failed, asked}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if failed.done():
                raise InternalError("A part ended by an error; the log says which.")
            _log.info("stop.begin", reason=signals.reason)
        finally:
            began = time.perf_counter()
            asked.cancel()
            await steps.close()
            _log.info("stop.done", took_ms=round((time.perf_counter() - began) * 1_000))


async def _start(
    settings: Settings,
    steps: Steps,
    fail: Callable[[BaseException], None],
    on_ready: Callable[[str, list[str]], None],
) -> None:
    """Starts one after the other."""
    clock = SystemClock()
    database = await steps.enter(
        "database", own_database(settings.data, settings.database_url, clock)
    )
    pools = await Pools.open(database.dsn, writers_max=1, readers_max=1)
    await steps.enter("probe", started(_nothing, pools.close))
    await steps.enter("watch", in_background(database.watch(lambda: pools.read("SELECT 1")), fail))
    brokers = settings.bus
    if not brokers:
        broker = EmbeddedNats(settings.data)
        await steps.enter("broker", started(broker.start, broker.stop))
        await steps.enter("broker's watch", in_background(_keep_broker(broker), fail))
        brokers = (broker.url,)
    told = msgspec.structs.replace(settings, database_url=database.dsn, bus=brokers, hubs=0)
    api = Child(NEEDED_NAME, ["up"], environment(told))
    await _enter(steps, api, fail)
    hubs = [
        Child(f"hub {number + 1}", ["hub"], environment(hub_settings(told, number, api.url)))
        for number in range(settings.hubs)
    ]
    async with asyncio.TaskGroup() as group:
        for hub in hubs:
            group.create_task(_enter(steps, hub, fail))
    on_ready(api.url, [hub.url for hub in hubs])


async def _enter(steps: Steps, child: Child, fail: Callable[[BaseException], None]) -> None:
    await steps.enter(child.name, started(child.start, child.stop))
    await steps.enter(f"{child.name}'s watch", in_background(child.keep(), fail))


async def _keep_broker(broker: EmbeddedNats) -> None:
    """Starts a broker that died again; what it kept is there, or is filled again from the log."""
    wait_ms = RESTART_MS_MIN
    while True:
        await broker.died.wait()
        _log.error("child.ended", name="broker", code=None, retry_ms=wait_ms)
        await asyncio.sleep(wait_ms / 1_000)
        wait_ms = min(wait_ms * 2, RESTART_MS_MAX)
        try:
            await broker.start()
        except SetupProblem as problem:
            _log.error("child.ended", name="broker", code=None, reason=str(problem))
        else:
            wait_ms = RESTART_MS_MIN


def hub_settings(settings: Settings, number: int, shop: str) -> Settings:
    """Those of the hub with a number, beside a shop at an address."""
    port = int(shop.rsplit(":", 1)[1])
    pages = page_origins(settings.host, port, settings.allow_hosts)
    return msgspec.structs.replace(
        settings,
        port=settings.port + 1 + number if settings.port else 0,
        allow_origins=tuple(dict.fromkeys([*settings.allow_origins, *pages])),
        address=None,
    )


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment, with all settings in it: a child has exactly these.

    So no password is on a command line, where everybody on the machine can read it.
    """
    values: dict[str, Any] = msgspec.structs.asdict(settings)
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(PREFIX)
        or name.removeprefix(PREFIX).lower() not in values
    }  # fmt: skip
    environ.pop("SHOPWIRE_CONFIG", None)
    for name, value in values.items():
        if value is None or value == ():
            continue
        told = ",".join(value) if isinstance(value, tuple) else str(value)
        environ[PREFIX + name.upper()] = told
    return environ


async def _nothing() -> None:
    return None
