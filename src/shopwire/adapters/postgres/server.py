"""The embedded PostgreSQL: the real server, started and stopped with us, kept in a folder."""

import asyncio
import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote

import asyncpg
import msgspec

from shopwire.adapters.postgres.account import (
    Account,
    choose_account,
    die_with_parent,
    reachable_binaries,
)
from shopwire.adapters.postgres.find import Binaries, find_postgres
from shopwire.kernel.errors import SetupProblem

START_MS_MAX: Final = 60_000
"""How long a start may take: recovery after a crash replays what was not yet written."""
STOP_MS_MAX: Final = 30_000
"""How long a fast shutdown may take before the server is told to drop everything."""
FREE_BYTES_MIN: Final = 200 * 1024 * 1024
"""Free space below which nothing is started: a full disk stops PostgreSQL in the middle."""
SOCKET_PATH_BYTES_MAX: Final = 100
"""A socket's path may have 107 bytes; its name takes some of them."""
LOG_BYTES_MAX: Final = 50 * 1024 * 1024
"""The server's log is begun anew at a start when it is larger."""
CONNECT_S_MAX: Final = 5
"""A server that takes longer to answer a connection counts as not answering."""
PROBE_MS: Final = 10
"""How often a starting server, a foreign process without a signal for us, is asked."""

DATABASE: Final = "shopwire"
USER: Final = "shopwire"
_PORT: Final = 5432
"""Only names the socket's file."""


class ServerFile(msgspec.Struct, frozen=True):
    """`server.json`: how other processes reach a running server."""

    pid: int
    host: str
    password: str


class EmbeddedPostgres:
    """A PostgreSQL server in `data`, reachable by a Unix socket only.

    One process owns the folder (a lock says so); others attach. `fast` gives up safety against
    power loss and is for tests.
    """

    def __init__(self, data: Path, *, fast: bool = False, binaries: Binaries | None = None) -> None:
        self.data = data.absolute()
        self._fast = fast
        self._found = binaries
        self._account = Account()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._password = ""
        self._host = ""
        self.died = asyncio.Event()
        """Set when the server has ended, wanted or not."""

    def dsn(self, database: str = DATABASE) -> str:
        """The address for asyncpg."""
        return dsn_of(self._host, self._password, database)

    @property
    def pid(self) -> int | None:
        """The server's process, None when it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    async def start(self) -> None:
        """Makes the cluster if there is none, starts the server, returns when it answers.

        Raises SetupProblem for all that a person has to mend: another owner, no room, no rights,
        a cluster of another major version.
        """
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            free = shutil.disk_usage(self.data).free
        except OSError as problem:
            raise SetupProblem(
                f"{self.data} cannot be used: {problem}", what="data", reason=str(problem)
            ) from problem
        if free < FREE_BYTES_MIN:
            self._drop_lock()
            raise SetupProblem(
                f"{self.data} has {free >> 20} MiB free; {FREE_BYTES_MIN >> 20} are needed.",
                what="disk",
                reason="free some space or choose another --data",
            )
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        self._account = choose_account(self.data)
        binaries = reachable_binaries(self._found or find_postgres(), self._account)
        cluster = self.data / "pg"
        if not (cluster / "PG_VERSION").exists():
            await asyncio.to_thread(self._make_cluster, binaries, cluster)
        made_by = int((cluster / "PG_VERSION").read_text())
        if made_by != binaries.major:
            raise SetupProblem(
                f"{cluster} was made by PostgreSQL {made_by}; here is {binaries.version}.",
                what="version",
                reason="set SHOPWIRE_PG_BIN to the old version, dump, and load into a new folder",
            )
        self._password = (self.data / "password").read_text().strip()
        self._host = str(self._socket_folder())
        await self._launch(binaries, cluster)
        await self._make_database()
        running = self.data / "server.json"
        running.touch(mode=0o600)
        content = ServerFile(pid=os.getpid(), host=self._host, password=self._password)
        running.write_bytes(msgspec.json.encode(content))

    async def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back, everything committed is kept."""
        with suppress(FileNotFoundError):
            (self.data / "server.json").unlink()
        if self._process is not None:
            for ask in (signal.SIGINT, signal.SIGQUIT):
                with suppress(ProcessLookupError):
                    self._process.send_signal(ask)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.died.wait(), STOP_MS_MAX / 1_000)
                    break
            self._process = None
        self._drop_socket_folder()
        self._drop_lock()

    def _take_lock(self) -> None:
        lock = (self.data / "owner.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            lock.close()
            raise SetupProblem(
                f"Another Shopwire runs on {self.data}.",
                what="owner",
                reason="stop it, choose another --data, or use a command that attaches to it",
            ) from problem
        self._lock = lock

    def _drop_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _make_cluster(self, binaries: Binaries, cluster: Path) -> None:
        """Runs initdb beside the final place, then one rename: a killed initdb leaves no half."""
        staging = self.data / "pg.new"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        self._account.give(staging)
        password = secrets.token_urlsafe(24)
        with tempfile.NamedTemporaryFile("w", prefix="shopwire-", delete=False) as handed:
            handed.write(password)
        try:
            self._account.give(Path(handed.name))
            command = [
                *self._account.prefix, str(binaries.folder / "initdb"), "-D", str(staging),
                "-U", USER, "-E", "UTF8", "--locale=C.UTF-8", "-A", "scram-sha-256",
                f"--pwfile={handed.name}", "--data-checksums",
                *(["--no-sync"] if self._fast else []),
            ]  # fmt: skip
            done = subprocess.run(  # noqa: S603 - the programs were found, not given
                command,
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
                **self._account.popen_arguments(),
            )
        except OSError as problem:
            raise SetupProblem(
                f"initdb does not run: {problem}", what="initdb", reason=str(problem)
            ) from problem
        finally:
            Path(handed.name).unlink()
        if done.returncode != 0:
            reason = (done.stderr or done.stdout).strip()[-600:]
            raise SetupProblem(f"initdb failed: {reason}", what="initdb", reason=reason)
        secret = self.data / "password"
        secret.touch(mode=0o600)
        secret.write_text(password)
        staging.rename(cluster)

    def _socket_folder(self) -> Path:
        folder = self.data / "run"
        if len(os.fsencode(folder)) > SOCKET_PATH_BYTES_MAX:
            digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
            folder = Path(tempfile.gettempdir()) / f"shopwire-{digest}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid not in (os.geteuid(), self._account.uid):
            raise SetupProblem(
                f"{folder} belongs to somebody else.", what="socket", reason="remove that folder"
            )
        self._account.give(folder)
        return folder

    def _drop_socket_folder(self) -> None:
        """Removes it where it is not in `data`; a killed server's socket keeps it for the next."""
        if self._host and not Path(self._host).is_relative_to(self.data):
            with suppress(OSError):
                Path(self._host).rmdir()

    def _command(self, binaries: Binaries, cluster: Path) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self._host,
            "unix_socket_permissions": "0700",
            "port": str(_PORT),
            "max_connections": "100",
            "shared_buffers": "128MB",
            "synchronous_commit": "on",
            "max_wal_size": "2GB",
            # Files of the log that were written once are kept for the next rush: a commit that has
            # to make one, 16 MiB of zeros and an fsync, takes 20 ms, and all others wait for it.
            "min_wal_size": "1GB",
            # After each checkpoint every page is written whole once more. What has to be replayed
            # after a crash is bounded by `max_wal_size` anyway.
            "checkpoint_timeout": "15min",
            "log_timezone": "UTC",
            "timezone": "UTC",
        }
        if self._fast:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        options = [word for item in settings.items() for word in ("-c", "=".join(item))]
        program = str(binaries.folder / "postgres")
        return [*self._account.prefix, program, "-D", str(cluster), *options]

    async def _launch(self, binaries: Binaries, cluster: Path) -> None:
        """Starts the server, again while a predecessor that was killed is still going."""
        deadline = time.monotonic() + START_MS_MAX / 1_000
        log = self.data / "postgres.log"
        mode = "wb" if log.exists() and log.stat().st_size > LOG_BYTES_MAX else "ab"
        while True:
            with log.open(mode) as sink:
                begin = sink.tell()
                self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - returns at once; found, not given
                    self._command(binaries, cluster),
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=sink,
                    cwd="/",
                    # A terminal's Ctrl-C is for us: we stop the server after our last commit.
                    start_new_session=True,
                    preexec_fn=die_with_parent(),  # noqa: PLW1509 - no lock is taken in it
                    **self._account.popen_arguments(),
                )
            self._watch(self._process)
            if await self._answers(deadline):
                return
            with log.open("rb") as source:
                source.seek(begin)
                said = source.read().decode(errors="replace").strip()[-800:]
            dying = "postmaster.pid" in said or "pre-existing shared memory" in said
            if not dying or time.monotonic() > deadline:
                raise SetupProblem(
                    f"PostgreSQL did not start: {said or 'it said nothing'}",
                    what="postgres",
                    reason=f"see {log}",
                )

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Tells the loop when the server ends; a thread, since waiting for a child blocks."""
        self.died = asyncio.Event()
        loop, died = asyncio.get_running_loop(), self.died

        def wait() -> None:
            process.wait()
            with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                loop.call_soon_threadsafe(died.set)

        threading.Thread(target=wait, name="postgres-wait", daemon=True).start()

    async def _answers(self, deadline: float) -> bool:
        """Whether the server took a connection before it ended or time was up."""
        while not self.died.is_set() and time.monotonic() < deadline:
            try:
                connection = await asyncpg.connect(self.dsn("postgres"), timeout=CONNECT_S_MAX)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.died.wait(), PROBE_MS / 1_000)
                continue
            await connection.close()
            return True
        return False

    async def _make_database(self) -> None:
        connection = await asyncpg.connect(self.dsn("postgres"))
        try:
            with suppress(asyncpg.DuplicateDatabaseError):
                await connection.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await connection.close()


def dsn_of(host: str, password: str, database: str) -> str:
    """The address of a database behind a Unix socket."""
    return f"postgresql://{USER}:{quote(password)}@/{database}?host={quote(host)}&port={_PORT}"


async def attach(data: Path) -> str | None:
    """The address of the server that runs on `data`, None if none answers."""
    try:
        running = msgspec.json.decode((data / "server.json").read_bytes(), type=ServerFile)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        return None  # left half-written by a process that was killed: nothing runs there
    except OSError as problem:
        raise SetupProblem(
            f"{data} cannot be used: {problem}",
            what="data",
            reason="run this command as the user that runs the shop",
        ) from problem
    dsn = dsn_of(running.host, running.password, DATABASE)
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_S_MAX)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
    await connection.close()
    return dsn


class Opened(msgspec.Struct, frozen=True):
    """A database that may be used now."""

    dsn: str
    server: Any = None
    """The EmbeddedPostgres that was started for it, None where somebody else's is used."""


@asynccontextmanager
async def open_database(
    data: Path | None = None, url: str | None = None, *, attach_running: bool = True
) -> AsyncIterator[Opened]:
    """The database at `url`, else the one in `data`: attached to if it runs, else started.

    Raises SetupProblem; with `attach_running=False` also where another process owns `data`.
    """
    if url is not None:
        yield Opened(url)
        return
    if data is None:
        raise SetupProblem("Neither a data folder nor a database was named.", what="data")
    if attach_running and (dsn := await attach(data)) is not None:
        yield Opened(dsn)
        return
    server = EmbeddedPostgres(data)
    await server.start()
    try:
        yield Opened(server.dsn(), server)
    finally:
        await server.stop()
