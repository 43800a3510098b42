"""Bench `log`: durable appends beside the usual ways, and writers that stall."""

import statistics
from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncpg
import msgspec

from shopwire.adapters.postgres.store import open_store
from shopwire.cli.bench.common import Databases, closed_loop, machine, medians
from shopwire.cli.bench.log_stalls import run_stalls
from shopwire.cli.bench.svg import Chart
from shopwire.kernel.errors import QueueFull
from shopwire.kernel.events import NewEvent
from shopwire.kernel.queries import load_queries

_SQL: Final = load_queries("shopwire.cli.bench")
_driver: Any = asyncpg
DOCUMENT: Final = b'{"sku":"SKU-1","available":42,"status":"in_stock","pad":"' + b"x" * 140 + b'"}'
"""About 200 bytes, as a product's stock and price have."""
BASELINE_CONNECTIONS: Final = 32
CASES: Final = ((64, 1), (2_048, 1), (64, 4), (2_048, 4))
"""Clients and partitions; the first is the headline."""
BASELINES: Final = ("lock_table", "advisory_lock", "bigserial")

Append = Callable[[int, int], Awaitable[None]]
"""One durable append of one event by (client, number of its event)."""


class Length(msgspec.Struct, frozen=True):
    """How long a run takes."""

    seconds: float
    repeats: int
    stall_events: int
    stalls: int
    """Stalls of each writer."""


FULL: Final = Length(5.0, 3, 1_000_000, 5)
QUICK: Final = Length(1.0, 2, 32_000, 1)


async def run(quick: bool, databases: Databases) -> dict[str, Any]:
    """All figures of one run; ours and the baselines take turns and meet the same noise."""
    length = QUICK if quick else FULL
    facts = machine()
    ours: dict[tuple[int, int], list[dict[str, float]]] = {case: [] for case in CASES}
    plain: dict[str, list[dict[str, float]]] = {name: [] for name in BASELINES}
    refused = 0.0
    for _ in range(length.repeats):
        for clients, partitions in CASES:
            figures = await _ours(await databases.fresh(), clients, partitions, length.seconds)
            refused += figures.pop("refused")
            ours[clients, partitions].append(figures)
        for name in BASELINES:
            plain[name].append(await _baseline(await databases.fresh(), name, length.seconds))
    cases = {f"clients_{c}_partitions_{p}": medians(ours[c, p]) for c, p in CASES}
    headline = cases["clients_64_partitions_1"]
    baselines = {name: medians(runs) for name, runs in plain.items()}
    stalls = await run_stalls(await databases.fresh(), length.stall_events, length.stalls)
    return {
        "bench": "log",
        "quick": quick,
        "ours": {**headline, "clients": 64, "partitions": 1, "cases": cases},
        "baselines": baselines,
        "ratios": {
            name: round(
                statistics.median(
                    one["events_per_s"] / other["events_per_s"]
                    for one, other in zip(ours[64, 1], plain[name], strict=True)
                ),
                2,
            )
            for name in BASELINES
        },
        "refused": int(refused),
        "lost": stalls["lost"],
        "stalls": stalls,
        "machine": facts,
    }


def charts(result: dict[str, Any]) -> list[Chart]:
    """Rates and tails, ours first."""
    ours, baselines = result["ours"], result["baselines"]
    return [
        Chart(
            name=name,
            title=title,
            unit=unit,
            log_scale=True,
            bars=[
                ("group commit, 64 clients", ours[field]),
                *((key.replace("_", " "), value[field]) for key, value in baselines.items()),
            ],
        )
        for name, title, unit, field in (
            ("rate", "Durable appends, one partition, 64 clients", "events/s", "events_per_s"),
            ("tail", "Time to a durable append, 99th percentile", "ms", "p99_ms"),
        )
    ]


async def _ours(dsn: str, clients: int, partitions: int, seconds: float) -> dict[str, float]:
    refused = 0
    async with open_store(dsn) as store:

        async def append(client: int, number: int) -> None:
            nonlocal refused
            event = NewEvent(
                "main",
                f"stock:{client}",
                number,
                "bench.e",
                DOCUMENT,
                b"null",
                f"c-{client}-{number}",
            )
            try:
                await store.log.append(client % partitions, [event])
            except QueueFull:
                refused += 1
                raise

        figures = await _measure(append, clients, seconds)
    return figures | {"refused": refused}


async def _baseline(dsn: str, name: str, seconds: float) -> dict[str, float]:
    pool = await _driver.create_pool(
        dsn, min_size=BASELINE_CONNECTIONS, max_size=BASELINE_CONNECTIONS
    )
    document = DOCUMENT.decode()

    async def append(client: int, number: int) -> None:
        values = (
            "main",
            f"stock:{client}",
            number,
            "bench.e",
            document,
            "null",
            f"c-{client}-{number}",
        )
        async with pool.acquire() as con:
            if name == "lock_table":
                await con.execute(_SQL["lock_table"])
                await con.execute(_SQL["bigserial"], *values)
                await con.execute("COMMIT")
            else:
                await con.execute(_SQL[name], *values)

    try:
        await pool.execute(_SQL["create_plain"])
        return await _measure(append, 64, seconds)
    finally:
        await pool.close()


async def _measure(append: Append, clients: int, seconds: float) -> dict[str, float]:
    """Closed loop: each client sends its next event when the last one is durable."""
    figures = await closed_loop(append, clients, seconds)
    return {"events_per_s": figures.pop("per_s")} | figures
