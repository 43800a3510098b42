"""What benches share: a database of their own, facts of the machine, percentiles, results."""

import asyncio
import math
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import asyncpg
import msgspec

from shopwire.adapters.postgres.migrate import migrate
from shopwire.adapters.postgres.server import EmbeddedPostgres
from shopwire.cli.bench.svg import Chart, render

_driver: Any = asyncpg
WARM_UP_S: Final = 0.3
"""In which statements are prepared and files made; it counts for nobody."""
WAL_FILES_MADE: Final = 24
"""Files of the server's log that are there before a run, 16 MiB each. A shop that has had a rush
keeps them; a server that was made a second ago would stop all commits for each one it makes."""


class Databases:
    """A PostgreSQL server for one bench, with durable commits, gone afterwards."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._made = 0
        self.server: EmbeddedPostgres | None = None

    async def __aenter__(self) -> Self:
        folder = Path(tempfile.mkdtemp(prefix="shopwire-bench-"))
        os.chmod(folder, 0o711)  # noqa: PTH101, S103 - the server may run under another account
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        self.server = EmbeddedPostgres(folder / "data")
        self._stack.push_async_callback(self.server.stop)
        try:
            await self.server.start()
            await self._make_wal_files()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _make_wal_files(self) -> None:
        con = await _driver.connect(self.admin_dsn)
        try:
            for _ in range(WAL_FILES_MADE):
                await con.fetch("SELECT pg_logical_emit_message(false, 'bench', '')")
                await con.fetch("SELECT pg_switch_wal()")
            await con.execute("CHECKPOINT")
        finally:
            await con.close()

    @property
    def admin_dsn(self) -> str:
        """The address of the database that is always there."""
        return self._running.dsn("postgres")

    async def fresh(self) -> str:
        """The address of a new, migrated database."""
        self._made += 1
        name = f"bench_{self._made}"
        con = await _driver.connect(self.admin_dsn)
        try:
            await con.fetch(f"CREATE DATABASE {name}")
        finally:
            await con.close()
        dsn = self._running.dsn(name)
        await migrate(dsn)
        return dsn

    def cpu_s(self) -> float:
        """CPU that the server has spent since its start, with all of its processes."""
        return _cpu_of_family(self._running.pid or 0)

    @property
    def _running(self) -> EmbeddedPostgres:
        if self.server is None:
            raise RuntimeError("databases are made inside `async with`")
        return self.server


def machine() -> dict[str, Any]:
    """Facts without which a figure means nothing."""
    load = os.getloadavg()[0]
    return {
        "cpus": os.cpu_count() or 0,
        "cpu": _cpu_name(),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": round(load, 2),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "note": "client and server share these cores; commits are durable",
    }


def _cpu_of_family(parent: int) -> float:
    """Seconds of a process and its children, those that have ended included; 0 without /proc."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if path.parent.name == str(parent):
            ticks += sum(map(int, fields[11:15]))
        elif fields[1] == str(parent):
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _cpu_name() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.processor()


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of the ordered values do not exceed (nearest rank)."""
    if not ordered:
        return 0.0
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def latencies(seconds: list[float]) -> dict[str, float]:
    """p50, p95, p99 and the largest, in milliseconds."""
    ordered = sorted(seconds)
    shares = {"p50_ms": 0.50, "p95_ms": 0.95, "p99_ms": 0.99, "max_ms": 1.0}
    return {name: round(percentile(ordered, share) * 1_000, 3) for name, share in shares.items()}


async def closed_loop(
    act: Callable[[int, int], Awaitable[None]],
    clients: int,
    seconds: float,
    ended: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """Each client acts again when its last act is done; `act` takes client and number of the act.

    Returns `per_s` and the latencies of what was done after the warm-up and before the end. `ended`
    is called at the end: what still waits for its turn may be given up then.
    """
    times: list[float] = []
    clock = time.perf_counter
    counted_from = clock() + WARM_UP_S
    until = counted_from + seconds
    asyncio.get_running_loop().call_later(WARM_UP_S + seconds, ended)

    async def client(number: int) -> None:
        sent = 0
        while (began := clock()) < until:
            sent += 1
            await act(number, sent)
            if counted_from <= (done := clock()) < until:
                times.append(done - began)

    await asyncio.gather(*(client(number) for number in range(clients)))
    return {"per_s": round(len(times) / seconds, 1)} | latencies(times)


def medians(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """The median of each figure over repeats."""
    return {name: round(statistics.median(run[name] for run in runs), 3) for name in runs[0]}


def write_charts(folder: Path, result: dict[str, Any], charts: Sequence[Chart]) -> list[Path]:
    """Writes the result as JSON and each chart as SVG; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    name = result["bench"]
    paths = [folder / f"{name}.json"]
    paths[0].write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    for chart in charts:
        path = folder / f"{name}-{chart.name}.svg"
        path.write_text(render(chart), encoding="utf-8")
        paths.append(path)
    return paths
