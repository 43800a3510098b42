"""The engines of bench `peers`: how each is had, started before the same database, and told apart.

Nothing of it is part of what Shopwire ships: Node's packages stand in `tools/peers` with a lock of
their own, programs are fetched once into `build/peers` by the machine's own package tools.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from shopwire.cli.bench.fanout_drive import END_S_MAX, running, served
from shopwire.cli.bench.fanout_gateway import NODE, ROOT
from shopwire.cli.bench.peers_clients import (
    CentrifugoViewer,
    NchanViewer,
    ShopwireViewer,
    SocketIoViewer,
    Viewer,
    WsViewer,
)

FOLDER: Final = ROOT / "tools/peers"
HAD: Final = ROOT / "build/peers"
"""Where fetched programs stay for the next time."""
FETCH_S_MAX: Final = 900.0
"""Wait for a package; then the engine is left out."""
START_S_MAX: Final = 60.0
"""Wait for a server to take connections; then its run fails."""
CENTRIFUGO: Final = "github.com/centrifugal/centrifugo/v6@v6.9.1"
HISTORY_MESSAGES: Final = 20
"""Messages that nchan and Centrifugo keep a channel for those who come back."""


class Running(msgspec.Struct, frozen=True):
    """An engine that runs."""

    port: int
    roots: list[int]
    """Its processes; their descendants are its as well."""
    endpoint: int = 0
    """The port of what it wants to be told by, where it is told in words."""


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """What the bench has to know of an engine."""

    follow: str
    """See `Source`: what tells it of changes."""
    viewer: Callable[..., Viewer] | None
    """Its dialect of the load generator; None where only its own client speaks its protocol."""
    start: Callable[[str, Path], AbstractAsyncContextManager[Running]] | None
    """None where the writer's process serves as well."""
    fetch: Callable[[], str | None]
    """Makes sure that it is there; returns why not, with the remedy."""
    screens_max: int = 1_000_000
    """Screens beyond which it is left out of a load."""


def _have_node() -> str | None:
    if not NODE.exists():
        return "only in a checkout, which has the packages' lock"
    if (FOLDER / "node_modules/ws").exists():
        return None
    return fetched("npm", sys.executable, str(NODE), "npm", "ci", folder=FOLDER)


def _have_nchan() -> str | None:
    if reason := _have_node():
        return reason
    if all(path.exists() for path in _nginx()) and Path("/var/lib/nginx/body").exists():
        return None
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        return "needs nginx with nchan: install Debian's nginx and libnginx-mod-nchan"
    folder = HAD / "debian"
    packages = ("nginx", "libnginx-mod-nchan")
    if reason := fetched("nchan", "apt-get", "download", *packages, folder=folder):
        return reason
    for package in folder.glob("*.deb"):  # unpacked only: no service of the machine's is started
        if reason := fetched("nchan", "dpkg", "-x", package.name, ".", folder=folder):
            return reason
    try:
        # nchan makes Debian's default folders its own, whatever the configuration says.
        for kind in ("body", "fastcgi", "proxy", "scgi", "uwsgi"):
            Path("/var/lib/nginx", kind).mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        return f"{problem}: install Debian's nginx and libnginx-mod-nchan"
    return None


def _nginx() -> tuple[Path, Path]:
    """The server and its module, the machine's own or the unpacked ones."""
    for root in (Path("/"), HAD / "debian"):
        module = root / "usr/lib/nginx/modules/ngx_nchan_module.so"
        if module.exists():
            return root / "usr/sbin/nginx", module
    return Path("nginx"), Path("ngx_nchan_module.so")


def _have_centrifugo() -> str | None:
    if (HAD / "bin/centrifugo").exists():
        return None
    if shutil.which("go") is None:
        return f"needs Go, or its program as {HAD / 'bin/centrifugo'}"
    where = {"GOBIN": str(HAD / "bin")}
    return fetched("Centrifugo", "go", "install", CENTRIFUGO, folder=HAD, env=where)


def fetched(
    what: str, *command: str, folder: Path, env: dict[str, str] | None = None
) -> str | None:
    """Runs a package tool, says so, and returns what went wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    print(f"fetching {what}, once: {' '.join(map(str, command[-3:]))}", file=sys.stderr)
    try:
        subprocess.run(  # noqa: S603 - the tools of this machine, with our own arguments
            command,
            cwd=folder,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=FETCH_S_MAX,
            check=True,
        )
    except subprocess.CalledProcessError as problem:
        return f"{' '.join(command[-3:])} failed: {problem.stderr.strip()[-300:]}"
    except (OSError, subprocess.TimeoutExpired) as problem:
        return f"{' '.join(command[-3:])} failed: {problem}"
    return None


@asynccontextmanager
async def _ours(dsn: str, folder: Path) -> AsyncIterator[Running]:
    del folder
    async with served(dsn=dsn, rights=True) as server:
        yield Running(server.port, [server.process.pid])


@asynccontextmanager
async def _gateway(dsn: str, folder: Path, *, kind: str, target: int = 0) -> AsyncIterator[Running]:
    del folder
    told = (kind, dsn, str(target))
    async with running(*node("gateway.ts"), *told, folder=FOLDER) as server:
        yield Running(server.port, [server.process.pid])


def node(script: str) -> tuple[str, ...]:
    """The command for a script of `tools/peers`, whose types Node takes away by itself."""
    plain = ("--experimental-strip-types", "--no-warnings")
    return (sys.executable, str(NODE), "node", *plain, str(FOLDER / script))


NGINX: Final = """
daemon off; worker_processes 1; error_log stderr crit; pid nginx.pid; {user}
load_module {module};
events {{ worker_connections 16384; }}
http {{
  access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi; keepalive_requests 100000000;
  nchan_shared_memory_size 256m;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /pub {{
      nchan_publisher; nchan_channel_id $arg_id; nchan_message_timeout 1m;
      nchan_message_buffer_length {history};
    }}
    location ~ ^/sub/(.+)$ {{
      nchan_subscriber websocket; nchan_channel_id $1; nchan_channel_id_split_delimiter ",";
      nchan_subscriber_first_message -1;
    }}
  }}
}}
"""


@asynccontextmanager
async def _nchan(dsn: str, folder: Path) -> AsyncIterator[Running]:
    program, module = _nginx()
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    written = NGINX.format(module=module, port=port, user=user, history=HISTORY_MESSAGES)
    (folder / "nginx.conf").write_text(written, encoding="utf-8")
    command = (str(program), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr")
    async with (
        program_of(port, *command) as process,
        _gateway(dsn, folder, kind="nchan", target=port) as bridge,
    ):
        yield Running(port, [process, *bridge.roots])


@asynccontextmanager
async def _centrifugo(dsn: str, folder: Path) -> AsyncIterator[Running]:
    port = free_port()
    stock = {
        "name": "stock",
        "allow_subscribe_for_client": True,
        "allow_subscribe_for_anonymous": True,
        "history_size": HISTORY_MESSAGES,
        "history_ttl": "60s",
        "force_recovery": True,
    }
    outbox = {
        "dsn": dsn,
        "outbox_table_name": "centrifugo_outbox",
        "num_partitions": 1,
        "partition_notification_channel": "centrifugo_partition_change",
    }
    config = {
        "http_server": {"address": "127.0.0.1", "port": port},
        "log": {"level": "error"},
        "usage_stats": {"disabled": True},
        "client": {"allow_anonymous_connect_without_token": True, "allowed_origins": ["*"]},
        "channel": {"namespaces": [stock]},
        "consumers": [
            {"enabled": True, "name": "outbox", "type": "postgresql", "postgresql": outbox}
        ],
    }
    (folder / "centrifugo.json").write_text(json.dumps(config), encoding="utf-8")
    command = (str(HAD / "bin/centrifugo"), "-c", str(folder / "centrifugo.json"))
    async with program_of(port, *command) as process:
        yield Running(port, [process])


@asynccontextmanager
async def program_of(
    port: int, *command: str, env: Any = None, loud: bool = True
) -> AsyncIterator[int]:
    """A program that takes connections at `port` on entry, and ends on exit."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=None if loud else subprocess.DEVNULL,
        env=env,
    )
    try:
        async with asyncio.timeout(START_S_MAX):
            while not await _takes(port):
                if process.returncode is not None:
                    raise ConnectionError(f"{command[0]} ended with {process.returncode}")
                await asyncio.sleep(0.02)  # another program has no signal for its open port
        yield process.pid
    finally:
        # It ends with all that it started, however many generations there are.
        members = family([process.pid])
        for kind in (signal.SIGTERM, signal.SIGKILL):
            for member in members:
                with suppress(ProcessLookupError):
                    os.kill(member, kind)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), END_S_MAX)


async def _takes(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def free_port() -> int:
    """A port that nobody has now; one that is below what connections take for themselves."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def family(roots: list[int]) -> list[int]:
    """The processes and all that descend from them."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found = list(roots)
    for pid in found:  # grows while it is walked
        found += children.get(pid, ())
    return found


def spent(roots: list[int]) -> tuple[float, int]:
    """CPU seconds and resident KiB of a family; 0 without /proc."""
    ticks = pages = 0
    for pid in family(roots):
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
            pages += int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        except OSError:
            continue  # it has just ended
        ticks += sum(map(int, stat.rpartition(")")[2].split()[11:15]))
    kib = pages * os.sysconf("SC_PAGE_SIZE") // 1_024
    return ticks / os.sysconf("SC_CLK_TCK"), kib


def _always() -> str | None:
    return None


PLAIN: Final = {
    "shopwire": Engine(follow="log", viewer=ShopwireViewer, start=_ours, fetch=_always),
    "shopwire_one": Engine(follow="log", viewer=ShopwireViewer, start=None, fetch=_always),
    "ws": Engine(
        follow="notify", viewer=WsViewer, start=partial(_gateway, kind="ws"), fetch=_have_node
    ),
    "socketio": Engine(
        follow="notify",
        viewer=SocketIoViewer,
        start=partial(_gateway, kind="socketio"),
        fetch=_have_node,
    ),
    "nchan": Engine(follow="notify", viewer=NchanViewer, start=_nchan, fetch=_have_nchan),
    "centrifugo": Engine(
        follow="outbox", viewer=CentrifugoViewer, start=_centrifugo, fetch=_have_centrifugo
    ),
}
"""All but Zero, which has a client of its own: see `peers_zero`."""
