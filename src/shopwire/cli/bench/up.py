"""Bench `up`: how long `shopwire up` takes to be ready, and what it needs while it is idle."""

import asyncio
import base64
import contextlib
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from shopwire.adapters.postgres.server import EmbeddedPostgres
from shopwire.cli.bench.common import Databases, machine
from shopwire.cli.bench.svg import Chart

READY_S_MAX: Final = 60.0
"""A start that takes longer counts as failed."""
HOST: Final = "127.0.0.1"
PORT: Final = 21_870
HELLO: Final = b'{"t":"hello","proto":1,"epoch":null}'
WATCHED: Final = (
    b'{"t":"sub","id":1,"topics":["stock:A","stock:B","price:A","price:B","ops:pulse"]}'
)


async def run(quick: bool, databases: Databases) -> dict[str, Any]:
    """Starts and stops `shopwire up` as a process of its own, several times."""
    facts = machine()
    repeats, connections = (2, 200) if quick else (5, 1_000)
    with tempfile.TemporaryDirectory(prefix="shopwire-bench-up-") as made:
        folder = _passable(made)
        cold, warm = await _starts(folder, repeats)
        alone = await _postgres_alone(folder / "alone", repeats)
        idle = await _idle(folder / "data", "picows", connections)
        by_asgi = await _idle(folder / "data", "asgi", connections)
    return {
        "bench": "up",
        "ours": {"cold_start_ms": cold, "warm_start_ms": warm, **idle},
        "baselines": {"postgres_alone": alone, "asgi": by_asgi},
        "ratios": {
            "postgres_alone": round(warm / alone["warm_start_ms"], 2),
            "asgi": round(by_asgi["connection_kib"] / max(idle["connection_kib"], 0.1), 2),
        },
        "refused": 0,
        "lost": 0,
        "machine": facts | {"connections": connections, "repeats": repeats},
    }


def charts(result: dict[str, Any]) -> list[Chart]:
    """Start times, and memory a connection."""
    ours, baselines = result["ours"], result["baselines"]
    starts = [
        ("up, second start", ours["warm_start_ms"]),
        ("up, empty folder", ours["cold_start_ms"]),
        ("PostgreSQL alone, second start", baselines["postgres_alone"]["warm_start_ms"]),
        ("PostgreSQL alone, empty folder", baselines["postgres_alone"]["cold_start_ms"]),
    ]
    memory = [
        ("picows", ours["connection_kib"]),
        ("ASGI", baselines["asgi"]["connection_kib"]),
    ]
    return [
        Chart(name="start", title="From command to ready", unit="ms", bars=starts),
        Chart(name="memory", title="Memory of an idle client of 5 topics", unit="KiB", bars=memory),
    ]


async def _starts(folder: Path, repeats: int) -> tuple[float, float]:
    """Median time to ready on an empty folder, and on one that was used before."""
    cold, warm = [], []
    for number in range(repeats):
        data = folder / f"cold-{number}"
        async with _shop(data) as (took_ms, _):
            cold.append(took_ms)
        async with _shop(data) as (took_ms, _):
            warm.append(took_ms)
        shutil.rmtree(data)
    return statistics.median(cold), statistics.median(warm)


async def _postgres_alone(data: Path, repeats: int) -> dict[str, float]:
    cold: list[float] = []
    warm: list[float] = []
    for number in range(repeats):
        server = EmbeddedPostgres(data / str(number))
        for taken in (cold, warm):
            began = time.perf_counter()
            await server.start()
            taken.append((time.perf_counter() - began) * 1_000)
            await server.stop()
    return {
        "cold_start_ms": round(statistics.median(cold), 1),
        "warm_start_ms": round(statistics.median(warm), 1),
    }


async def _idle(data: Path, websocket: str, connections: int) -> dict[str, float]:
    """Memory of the idle process, and what each idle client adds."""
    async with _shop(data, "--websocket", websocket) as (_, pid):
        before = _rss_kib(pid)
        clients = [await _client() for _ in range(connections)]
        after = _rss_kib(pid)
        for writer in clients:
            writer.close()
        return {
            "idle_rss_mib": round(before / 1_024, 1),
            "connection_kib": round((after - before) / connections, 2),
        }


@contextlib.asynccontextmanager
async def _shop(data: Path, *more: str) -> AsyncIterator[tuple[float, int]]:
    """A running `shopwire up`: the time it took to be ready, and its process."""
    command = [sys.executable, "-m", "shopwire.cli.main", "up", "--data", str(data)]
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command, "--port", str(PORT), *more, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await _ready(process, began + READY_S_MAX)
        yield round((time.perf_counter() - began) * 1_000, 1), process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        await process.wait()


async def _ready(process: asyncio.subprocess.Process, deadline: float) -> None:
    """Asks until the server says that it is ready."""
    while time.perf_counter() < deadline:
        if process.returncode is not None:
            raise RuntimeError(f"`shopwire up` ended with {process.returncode}")
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(HOST, PORT)
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            if b" 200 " in answer[:20]:
                return
        await asyncio.sleep(0.01)  # polls another process: there is no signal to wait on
    raise RuntimeError("`shopwire up` was not ready in time")


async def _client() -> asyncio.StreamWriter:
    """A WebSocket client that has said hello, watches a few topics and is live."""
    reader, writer = await asyncio.open_connection(HOST, PORT)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /sync HTTP/1.1\r\nHost: {HOST}:{PORT}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    for text in (HELLO, WATCHED):
        writer.write(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)
    await reader.readuntil(b'"t":"live"')
    return writer


def _passable(made: str) -> Path:
    """The folder, open to the account that PostgreSQL runs under where we are root."""
    folder = Path(made)
    folder.chmod(0o711)
    return folder


def _rss_kib(pid: int) -> int:
    """Resident memory of the server's own process; PostgreSQL is a child of its own."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError(f"no memory figure for process {pid}")
