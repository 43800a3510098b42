"""The one port: uvicorn with our protocol classes, and who decides when it ends."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Self

import structlog
import uvicorn
from typing_extensions import override

from shopwire.kernel.errors import SetupProblem
from shopwire.sync.limits import MESSAGE_BYTES_MAX

DRAIN_S_MAX: Final = 5
"""How long open requests may take to end when the server stops."""
KEEP_ALIVE_S: Final = 65
"""Idle HTTP connections are kept a little longer than proxies keep theirs."""
PORTS_TRIED_MAX: Final = 20
"""Ports looked at for the remedy when the wanted one is taken."""

_log: Final = structlog.get_logger()


def listen(host: str, port: int) -> socket.socket:
    """The listening socket, taken first of all; raises SetupProblem where it is not to be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        sock.bind((host, port))
        sock.listen(2_048)
    except OSError as problem:
        sock.close()
        raise _why_not(host, port, problem) from problem
    sock.setblocking(False)
    return sock


def _why_not(host: str, port: int, problem: OSError) -> SetupProblem:
    what = f"{host}:{port}"
    if problem.errno == errno.EADDRINUSE:
        holder, free = _holder_of(port), _free_port_after(host, port)
        by = f" by {holder}" if holder else ""
        advice = f"Stop it, or choose another port: --port {free}"
        return SetupProblem(f"Port {port} is in use{by}. {advice}", what=what, reason="port in use")
    if problem.errno == errno.EACCES:
        text = f"This user may not listen on port {port}. Ports from 1024 on are free: --port 8000"
        return SetupProblem(text, what=what, reason="not permitted")
    text = f"Cannot listen on {what}: {problem.strerror}. Check --host and --port."
    return SetupProblem(text, what=what, reason=problem.strerror or str(problem))


def _free_port_after(host: str, port: int) -> int:
    for candidate in range(port + 1, min(port + PORTS_TRIED_MAX, 65_536)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((host, candidate))
            return candidate
    return 0


def _holder_of(port: int) -> str:
    """Which process listens on `port`, as far as Linux lets us look; empty where it does not."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    for handle in Path("/proc").glob("[0-9]*/fd/*") if inodes else ():
        with contextlib.suppress(OSError):
            if str(handle.readlink()) in inodes:
                owner = handle.parents[1]
                return f"{(owner / 'comm').read_text().strip()} (process {owner.name})"
    return ""


class Server(uvicorn.Server):
    """uvicorn without its own signal handlers: `StopSignals` decides."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        """Set when connections are taken."""

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Begins a graceful end: no new connections, open requests are answered."""
        self.should_exit = True


def make_server(app: Any, *, ws: Any, http: Any) -> Server:
    """A server for sockets that are open already; `ws` and `http` are protocol classes."""
    config = uvicorn.Config(
        app,
        loop="none",
        http=http,
        ws=ws,
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S_MAX,
    )
    return Server(config)


class StopSignals:
    """SIGINT and SIGTERM: the first asks for a graceful end, the second ends the process."""

    def __init__(self, force: Callable[[], None] | None = None) -> None:
        self.asked = asyncio.Event()
        self.reason = ""
        self._force = force or _leave_now

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal, number)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    def ask(self, reason: str) -> None:
        """Asks for a graceful end without a signal."""
        self.reason = self.reason or reason
        self.asked.set()

    def _on_signal(self, number: int) -> None:
        if self.asked.is_set():
            _log.warning("stop.forced")
            self._force()
            return
        self.ask(signal.Signals(number).name)


def _leave_now() -> None:
    """Ends without draining. What was answered is durable; children end with their parent."""
    os._exit(130)
