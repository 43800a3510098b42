"""Bench `import`: a large feed, the same again, and one with few changes, beside a plain COPY."""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec

from shopwire.cli.bench.common import Databases, machine
from shopwire.cli.bench.import_delta import delta
from shopwire.cli.bench.svg import Chart
from shopwire.kernel.queries import load_queries

_SQL: Final = load_queries("shopwire.cli.bench", "import_.sql")
_driver: Any = asyncpg
ROWS: Final = 100_000
ROWS_QUICK: Final = 20_000
VARIANTS: Final = 4
"""Rows of one product, as of an article in four sizes."""
CHANGED_EVERY: Final = 100
"""In the third file, each row with such a number has another count."""
SESSION_END_TRIES: Final = 500
HEADER: Final = (
    "handle,title,brand,category,sku,option1_name,option1_value,gtin,cost,currency,stock,"
    "lead_time_days\n"
)
OWN_RECORD: Final = frozenset(
    {"import_run", "import_recent", "events", "documents", "head", "idempotency"}
)
"""Where a run writes down that it took place; an unchanged feed writes nowhere else."""


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What one `shopwire import` took, as a process of its own."""

    seconds: float
    cpu_s: float
    peak_rss_mib: float
    summary: dict[str, Any]
    written: dict[str, int]
    """Rows written by table."""

    def figures(self, rows: int) -> dict[str, float]:
        """The figures of the result."""
        return {
            "seconds": round(self.seconds, 2),
            "cpu_s": round(self.cpu_s, 2),
            "rows_per_s": round(rows / self.seconds),
            "peak_rss_mib": round(self.peak_rss_mib, 1),
            "rows_changed": self.summary["changed"],
            "state_rows_written": sum(
                rows for name, rows in self.written.items() if name not in OWN_RECORD
            ),
            "events_written": self.written.get("events", 0),
        }


async def run(quick: bool, databases: Databases, *, offers: int = 0) -> dict[str, Any]:
    """Imports the files one after the other into one database; then a delta of stock.

    `offers`: rows of each file, where it shall be another number.
    """
    facts = machine()
    rows = offers or (ROWS_QUICK if quick else ROWS)
    dsn = await databases.fresh()
    with tempfile.TemporaryDirectory(prefix="shopwire-bench-import-") as made:
        feed, later = Path(made) / "feed.csv", Path(made) / "later.csv"
        begun = Path(made) / "begun.csv"
        await asyncio.to_thread(write_feed, begun, VARIANTS)
        await asyncio.to_thread(write_feed, feed, rows)
        await asyncio.to_thread(write_feed, later, rows, changed_every=CHANGED_EVERY)
        size = feed.stat().st_size
        # An installed command was compiled when it was installed, not by its first feed.
        await _import(await databases.fresh(), begun)
        first = await _import(dsn, feed)
        again = await _import(dsn, feed)
        few = await _import(dsn, later)
        copy_s = await _copy(await databases.fresh(), feed)
    beside = await delta(databases, quick=quick)
    spent = {"first": first, "again": again, "few_changed": few}
    left = rows - first.summary["changed"]
    return {
        "bench": "import",
        "ours": {name: one.figures(rows) for name, one in spent.items()} | beside,
        "baselines": {"copy": {"seconds": round(copy_s, 3), "rows_per_s": round(rows / copy_s)}},
        "ratios": {
            "copy": round(few.seconds / copy_s, 1),
            "copy_unchanged": round(again.seconds / copy_s, 1),
            "copy_first": round(first.seconds / copy_s, 1),
            "checkout_p99": beside["checkout_p99_ratio"],
            "checkout_p99_paced": beside["checkout_paced_p99_ratio"],
        },
        "refused": sum(one.summary["quarantined"] for one in spent.values()),
        "lost": left + beside["lost"],
        "machine": facts | {"rows": rows, "feed_mib": round(size / 2**20, 1)},
    }


def charts(result: dict[str, Any]) -> list[Chart]:
    """Time and memory of the three imports."""
    names = {"first": "all new", "again": "unchanged", "few_changed": "1 in 100 changed"}
    ours = result["ours"]
    times = [(label, ours[name]["seconds"]) for name, label in names.items()]
    times.append(("plain COPY", result["baselines"]["copy"]["seconds"]))
    memory = [(label, ours[name]["peak_rss_mib"]) for name, label in names.items()]
    rows = f"{result['machine']['rows']:,} rows"
    return [
        Chart(name="time", title=f"Import of {rows}", unit="s", bars=times),
        Chart(name="memory", title=f"Most memory during {rows}", unit="MiB", bars=memory),
    ]


def write_feed(path: Path, rows: int, *, changed_every: int = 0) -> None:
    """Writes a feed: always the same rows; those with a round number may have another count."""
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write(HEADER)
        for number in range(rows):
            product, variant = divmod(number, VARIANTS)
            stock = (number * 7919) % 500
            if changed_every and number % changed_every == 0:
                stock += 1
            cents = 199 + (number * 104_729) % 20_000
            out.write(
                f"article-{product:06},Article {product:06} of the catalogue,Brand {product % 97},"
                f"Room {product % 8} > Shelf {product % 40},SKU-{number:07},Size,"
                f"{'SMLX'[variant]},,{cents // 100}.{cents % 100:02},EUR,{stock},{number % 9}\n"
            )


async def _import(dsn: str, feed: Path) -> Spent:
    """One `shopwire import` as a process of its own, so that its memory is its own."""
    before = await _written(dsn)
    arguments = [
        *(sys.executable, "-m", "shopwire.cli.main", "import", str(feed)),
        *("--supplier", "Bench", "--profile", "generic", "--database", dsn, "--json"),
    ]
    began = time.perf_counter()
    # As where it is installed: what was compiled once is there, wherever the bench may write.
    env = os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONPYCACHEPREFIX": str(feed.parent / "pyc")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    process = await asyncio.create_subprocess_exec(
        *arguments, stdout=asyncio.subprocess.PIPE, env=env
    )
    peak = asyncio.create_task(_peak_rss_mib(process.pid))
    output, _ = await process.communicate()
    seconds = time.perf_counter() - began
    if process.returncode:
        raise RuntimeError(f"the import ended with {process.returncode}: {output.decode()[:500]}")
    rss, cpu_s = await peak
    after = await _written(dsn)
    return Spent(
        seconds=seconds,
        cpu_s=cpu_s,
        peak_rss_mib=rss,
        summary=msgspec.json.decode(output),
        written={name: rows - before.get(name, 0) for name, rows in after.items()},
    )


async def _peak_rss_mib(pid: int) -> tuple[float, float]:
    """The most memory and the CPU time that a process had, looked at until it ends."""
    peak, cpu_s = 0.0, 0.0
    while (seen := _usage(pid)) is not None:
        peak, cpu_s = seen
        await asyncio.sleep(0.02)  # another process has no signal for this
    return peak, cpu_s


def _usage(pid: int) -> tuple[float, float] | None:
    """Most memory in MiB and CPU seconds of a process; nothing of one that ended."""
    process = Path(f"/proc/{pid}")
    try:
        lines = (process / "status").read_text(encoding="utf-8").splitlines()
        times = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    peaks = [int(line.split()[1]) / 1_024 for line in lines if line.startswith("VmHWM:")]
    if not peaks:
        return None
    return peaks[0], (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


async def _written(dsn: str) -> dict[str, int]:
    """Rows written by table, once nobody else is connected: sessions tell it when they end."""
    con = await _driver.connect(dsn)
    try:
        others = await con.fetchval(_SQL["sessions"])
        for _ in range(SESSION_END_TRIES):
            if not others:
                break
            await asyncio.sleep(0.02)  # the server has no signal for the end of a session
            others = await con.fetchval(_SQL["sessions"])
        return {row["name"]: row["rows"] for row in await con.fetch(_SQL["written"])}
    finally:
        await con.close()


async def _copy(dsn: str, feed: Path) -> float:
    """The same rows by COPY into one plain table, committed."""
    con = await _driver.connect(dsn)
    try:
        await con.execute(_SQL["create_plain"])
        began = time.perf_counter()
        await con.copy_to_table("plain_feed", source=feed, format="csv", header=True)
        return time.perf_counter() - began
    finally:
        await con.close()
