"""Bench `checkout`: whole checkouts over HTTP; server and clients share the cores.

An order is one request: a key, two lines, prices confirmed, stock held, money promised by the
simulated provider, placed. Its consumers and activities (purchase orders, capture) run beside it.
"""

import asyncio
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, Self

import asyncpg
import msgspec

from shopwire.cli.bench.common import Databases, latencies, machine, medians
from shopwire.cli.bench.fanout_clients import Arrivals, Screen, allow_files, open_screens
from shopwire.cli.bench.svg import Chart
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import load_queries

CLIENTS: Final = 64
SKUS: Final = 1_000
UNITS: Final = 10_000_000
"""Of each SKU: more than any run takes."""
LINES: Final = 2
SCREENS: Final = 1_000
HOT: Final = "SKU-0000"
_SETTLED_S_MAX: Final = 20
"""Wait for checkouts that are still under way when the buyers have left."""
_SQL: Final = load_queries("shopwire.cli.bench", "checkout.sql")
_VERSION: Final = re.compile(rb'"v":(\d+)')
_driver: Any = asyncpg


class Length(msgspec.Struct, frozen=True):
    """How long a run takes."""

    seconds: float
    repeats: int
    settle_s_max: float
    """Longest wait for what follows from the orders: purchase orders, captures."""


FULL: Final = Length(10.0, 3, 60.0)
QUICK: Final = Length(2.0, 1, 3.0)


class Process:
    """A process of the bench, told what to do line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, module: str, *arguments: str) -> Self:
        """Begins a module of this package."""
        return cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", f"shopwire.cli.bench.{module}", *arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=2**26,
            )
        )

    async def hear(self) -> dict[str, Any]:
        """The next line that it says."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the bench ended early")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def ask(self, **wish: Any) -> dict[str, Any]:
        """Sends a command and returns the answer."""
        self.say(**wish)
        return await self.hear()

    def say(self, **wish: Any) -> None:
        """Sends a command that has no answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(wish).encode() + b"\n")

    async def end(self) -> None:
        """Lets it end, and sees to it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 15)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One server with its buyers."""

    dsn: str
    port: int
    server: Process
    buyers: Process
    prices: dict[str, int]


@asynccontextmanager
async def _shop(dsn: str) -> AsyncIterator[Run]:
    async with AsyncExitStack() as stack:
        data = tempfile.mkdtemp(prefix="shopwire-bench-checkout-")
        stack.callback(shutil.rmtree, data, ignore_errors=True)
        server = await Process.start("checkout_server", dsn, data)
        stack.push_async_callback(server.end)
        port = (await server.hear())["port"]
        skus = [f"SKU-{number:04}" for number in range(SKUS)]
        prices = await server.ask(do="seed", skus=skus, units=UNITS)
        buyers = await Process.start("checkout_buyers", str(port))
        stack.push_async_callback(buyers.end)
        yield Run(dsn=dsn, port=port, server=server, buyers=buyers, prices=prices)


async def run(quick: bool, databases: Databases) -> dict[str, Any]:
    """All figures; each case has a shop of its own, and they take turns."""
    length = QUICK if quick else FULL
    facts = machine()
    allow_files()
    runs: dict[str, list[dict[str, Any]]] = {"hot": [], "mixed": [], "hot_watched": []}
    for _ in range(length.repeats):
        for name, found in runs.items():
            found.append(await _case(databases, name, length))
    cases = {name: _middle(found) for name, found in runs.items()}
    every = [figures for found in runs.values() for figures in found]
    watched = cases["hot_watched"]
    names = ("orders_per_s", "p50_ms", "p95_ms", "p99_ms", "transaction_p95_ms")
    return {
        "bench": "checkout",
        "quick": quick,
        "ours": {
            **{name: cases["hot"][name] for name in names},
            "mixed_orders_per_s": cases["mixed"]["orders_per_s"],
            "commit_to_screen_p50_ms": watched["screens"]["p50_ms"],
            "commit_to_screen_p95_ms": watched["screens"]["p95_ms"],
            **{name: sum(one[name] for one in every) for name in ("oversold", "doubled")},
            "unexplained": sum(one["unexplained"] for one in every),
            "cases": cases,
        },
        "baselines": {
            "healthz": medians([{"per_s": one["healthz_per_s"]} for one in every]),
        },
        "ratios": {
            "healthz": round(
                statistics.median(one["orders_per_s"] / one["healthz_per_s"] for one in every), 4
            )
        },
        "refused": sum(sum(one["refused"].values()) for one in every),
        "lost": sum(one["lost"] for one in every),
        "machine": facts
        | {"clients": CLIENTS, "lines": LINES, "skus": SKUS, "screens_watching": SCREENS},
    }


def charts(result: dict[str, Any]) -> list[Chart]:
    """Rates, tails, and how late screens are."""
    cases = result["ours"]["cases"]
    names = {
        "hot": "one hot SKU",
        "mixed": "mixed over 1,000 SKUs",
        "hot_watched": "one hot SKU, 1,000 screens watch it",
    }
    screens = cases["hot_watched"]["screens"]
    return [
        Chart(
            name="rate",
            title=f"Whole checkouts over HTTP, {CLIENTS} clients",
            unit="orders/s",
            bars=[(text, cases[name]["orders_per_s"]) for name, text in names.items()],
        ),
        Chart(
            name="tail",
            title="Time to a placed order",
            unit="ms",
            bars=[
                (f"{text}, {field[:3]}", cases[name][field])
                for name, text in names.items()
                for field in ("p50_ms", "p99_ms")
            ],
        ),
        Chart(
            name="screens",
            title="From the commit to the last of 1,000 screens",
            unit="ms",
            bars=[(field[:3], screens[field]) for field in ("p50_ms", "p95_ms", "p99_ms")],
        ),
    ]


async def _case(databases: Databases, name: str, length: Length) -> dict[str, Any]:
    hot, seconds = None if name == "mixed" else HOT, length.seconds
    dsn = await databases.fresh()
    async with _shop(dsn) as shop, _watching(shop.port, name == "hot_watched") as arrivals:
        plain = await shop.buyers.ask(do="look", clients=CLIENTS, seconds=min(1.0, seconds / 3))
        before, database = await shop.server.ask(do="look"), databases.cpu_s()
        first = await _newest(dsn) if arrivals is not None else 0
        if arrivals is not None:
            arrivals.start(first)
        told = await shop.buyers.ask(
            do="buy", prices=shop.prices, hot=hot, clients=CLIENTS, seconds=seconds
        )
        spent = await shop.server.ask(do="look")
        settled = await shop.server.ask(do="settle", seconds_max=length.settle_s_max)
        after = await shop.server.ask(do="look")
        cpu = {
            "server": after["cpu_s"] - before["cpu_s"],
            "database": databases.cpu_s() - database,
            "buyers": told["cpu_s"],
        }
        books = await _books(dsn, told)
        figures = {
            "orders_per_s": round(len(told["times"]) / seconds, 1),
            **latencies(told["times"]),
            "transaction_p50_ms": spent["held"]["p50_ms"],
            "transaction_p95_ms": spent["held"]["p95_ms"],
            "transactions": spent["transactions"],
            # With everything that followed from the orders, which ends after the buyers have left.
            "cpu_ms_per_order": {
                part: round(spent_s * 1_000 / max(books["placed"], 1), 2)
                for part, spent_s in cpu.items()
            },
            "commands_per_batch": _per_batch(before, spent),
            "refused": told["refused"],
            "healthz_per_s": plain["per_s"],
            **settled,
            **books,
        }
        if arrivals is not None:
            figures["screens"] = await _lateness(dsn, arrivals, first)
        return figures


def _per_batch(before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    batches: int = after["batches"] - before["batches"]
    commands: int = after["commands"] - before["commands"]
    return round(commands / max(batches, 1), 1)


@asynccontextmanager
async def _watching(port: int, wanted: bool) -> AsyncIterator[Arrivals | None]:
    """Screens that show the hot SKU, each with a connection of its own."""
    if not wanted:
        yield None
        return
    arrivals = Arrivals(_VERSION)
    screens: list[Screen] = await open_screens(port, [[f"stock:{HOT}"]] * SCREENS, arrivals)
    try:
        yield arrivals
    finally:
        for screen in screens:
            screen.close()


async def _books(dsn: str, told: Mapping[str, Any]) -> dict[str, int]:
    """What the buyers were told beside what the database says."""
    con = await _driver.connect(dsn)
    try:
        deadline = time.monotonic() + _SETTLED_S_MAX
        while True:
            found = await con.fetchrow(_SQL["books"])
            if not found["pending"] or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.1)  # whoever left is finished by the sweep
        placed = {row["order_id"] for row in await con.fetch(_SQL["placed_ids"])}
    finally:
        await con.close()
    acknowledged = set(told["placed"])
    units = LINES * found["placed"]
    return {
        "placed": found["placed"],
        "oversold": found["oversold"],
        # More orders than keys that were used, an order for two keys, or other bytes for a repeat.
        "doubled": max(0, found["placed"] - told["sent"])
        + len(told["placed"])
        - len(acknowledged)
        + told["differing"],
        "lost": len(acknowledged - placed),
        "unexplained": sum(
            abs(units - found[name]) for name in ("sales", "pools", "ledger", "shown")
        ),
    }


async def _newest(dsn: str) -> int:
    """The version of the hot SKU's document."""
    con = await _driver.connect(dsn)
    try:
        rows = await con.fetch(_SQL["times_of_topic"], DEFAULT_TENANT, f"stock:{HOT}", 0)
    finally:
        await con.close()
    return max((row["version"] for row in rows), default=0)


async def _lateness(dsn: str, arrivals: Arrivals, first: int) -> dict[str, float]:
    """From the moment of the transaction to the last of the screens, for each version."""
    con = await _driver.connect(dsn)
    try:
        rows = await con.fetch(_SQL["times_of_topic"], DEFAULT_TENANT, f"stock:{HOT}", first)
    finally:
        await con.close()
    wall = time.time() - time.monotonic()
    late = [
        arrivals.last_at[row["version"]] + wall - row["recorded_at_ms"] / 1_000
        for row in rows
        if arrivals.screens_at.get(row["version"], 0) == SCREENS
    ]
    return {
        **latencies(late),
        "versions": len(rows),
        "versions_at_all_screens": len(late),
        "frames": arrivals.frames,
    }


def _middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The run whose rate is the middle one: its figures belong together."""
    return sorted(runs, key=lambda figures: figures["orders_per_s"])[len(runs) // 2]
