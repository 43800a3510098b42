"""Bench `screen`: from a durable commit to the screens that hold it."""

import random
import time
from itertools import accumulate
from typing import Any, Final

import msgspec
from typing_extensions import override

from shopwire.cli.bench.common import Databases, latencies, machine
from shopwire.cli.bench.fanout_clients import Arrivals, allow_files
from shopwire.cli.bench.fanout_drive import Wishes, served, settled, watching
from shopwire.cli.bench.svg import Chart
from shopwire.sync.client import SyncClient
from shopwire.sync.limits import FLUSH_INTERVAL_MS
from shopwire.sync.reducer import Change

RATE: Final = 200
"""Changes a second, each durable by itself."""
WHOLE_CLIENTS: Final = 10
"""Of the screens, those that are the whole Python client and apply what they hear."""


class Crowd(msgspec.Struct, frozen=True):
    """Who watches what."""

    screens: int
    topics_each: int
    topics_all: int
    zipf: bool
    """Whether topics are watched and changed by their rank (Zipf 1), or all alike."""


EVERYBODY: Final = Crowd(1_000, 50, 50, zipf=False)
"""Each change goes to every screen: 200,000 deliveries a second."""
SHOP: Final = Crowd(5_000, 20, 5_000, zipf=True)
"""Many screens, each with its own page."""


async def run(quick: bool, databases: Databases) -> dict[str, Any]:
    """Both crowds. `p50_ms` and so on: from commit to each screen; `last_`: to the last of them."""
    facts = machine()
    allow_files()
    seconds = 5.0 if quick else 30.0
    everybody = await _measure(await databases.fresh(), EVERYBODY, seconds)
    shop = await _measure(await databases.fresh(), SHOP, seconds)
    return {
        "bench": "screen",
        "quick": quick,
        "ours": {**everybody, "zipf": shop},
        "baselines": {},
        "ratios": {},
        "refused": 0,
        "lost": everybody["lost"] + shop["lost"],
        "machine": {**facts, "tick_ms": FLUSH_INTERVAL_MS, "changes_per_s": RATE},
    }


def charts(result: dict[str, Any]) -> list[Chart]:
    """Latency of both crowds."""
    ours = result["ours"]
    rows = {"1,000 screens, all topics": ours, "5,000 screens, 20 topics by Zipf": ours["zipf"]}
    return [
        Chart(
            name="latency",
            title="Durable commit to each screen, 200 changes/s",
            unit="ms",
            bars=[
                (f"{name}, {part}", row[f"{part}_ms"])
                for name, row in rows.items()
                for part in ("p50", "p95", "p99")
            ],
        )
    ]


class _Moments(Arrivals):
    """Notes for each change when each of its screens had it."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: dict[int, list[float]] = {}

    @override
    def take(self, payload: bytes, seen: int) -> int:
        """See Arrivals; here every change counts, not the newest of a screen alone."""
        numbers = self.numbers(payload)
        if numbers:
            now = time.monotonic()
            self.frames += 1
            for number in numbers:
                self.moments.setdefault(number, []).append(now)
        return seen


async def _measure(dsn: str, crowd: Crowd, seconds: float) -> dict[str, Any]:
    wishes = _wishes(crowd)
    watchers = [0] * crowd.topics_all
    for topic in (topic for wish in wishes for topic in wish):
        watchers[int(topic.partition(":")[2])] += 1
    async with served(dsn=dsn, rights=True) as server:
        await server.ask(do="seed", topics=crowd.topics_all)
        arrivals, applied = _Moments(), _Moments()
        async with watching(server.port, wishes, arrivals, tokens=True):
            clients = await _whole_clients(server.port, wishes, applied)
            rate = {"topics": crowd.topics_all, "rate": RATE, "zipf": crowd.zipf}
            await server.ask(do="run", seconds=0.5, **rate)
            for moments in (arrivals.moments, applied.moments):
                moments.clear()
            done = await server.ask(do="run", seconds=seconds, **rate)
            newest = {topic: done["first"] + at + 1 for at, topic in enumerate(done["topics"])}

            def missing() -> int:
                there = arrivals.moments
                return sum(watchers[t] - len(there.get(n, ())) for t, n in newest.items())

            await settled(lambda: missing() == 0)
            for client in clients:
                await client.stop()
        hub = (await server.ask(do="look"))["hub"]
    each, last = _late(arrivals, done)
    whole, _ = _late(applied, done)
    return {
        **latencies(each),
        **{f"last_{name}": value for name, value in latencies(last).items()},
        **{f"applied_{name}": value for name, value in latencies(whole).items()},
        "deliveries": len(each),
        "frames": arrivals.frames,
        "screens": crowd.screens,
        "rate_per_s": round(len(done["asked"]) / done["seconds"], 1),
        "cpu_share": round(done["cpu_s"] / done["seconds"], 3),
        "delta_share": round(1 - hub["changes_whole"] / max(1, hub["changes"]), 4),
        "lost": missing(),
    }


def _late(arrivals: _Moments, done: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Seconds from the commit to each screen that was told, and to the last one of each change.

    A screen whose topic changed twice within a tick is told of the newer change alone.
    """
    each: list[float] = []
    last: list[float] = []
    for at, durable in enumerate(done["done"]):
        moments = arrivals.moments.get(done["first"] + at + 1, [])
        # The hub may know of a commit a moment before its writer does.
        late = [max(0.0, moment - durable) for moment in moments]
        each += late
        last += [max(late)] if late else []
    return each, last


async def _whole_clients(port: int, wishes: Wishes, applied: _Moments) -> list[SyncClient]:
    def changed(change: Change) -> None:
        now = time.monotonic()
        for _, held in change.steps:
            if held.document:
                applied.moments.setdefault(held.document["n"], []).append(now)

    clients = []
    for number in range(WHOLE_CLIENTS):
        client = SyncClient(f"ws://127.0.0.1:{port}/sync", seed=number, on_change=changed)
        await client.start()
        client.subscribe(wishes[number])
        clients.append(client)
    for client in clients:
        await client.until_live()
    return clients


def _wishes(crowd: Crowd) -> Wishes:
    """The same in every run."""
    chooser = random.Random(1)  # noqa: S311 - a workload, no secret
    if not crowd.zipf:
        return [[f"stock:{number}" for number in range(crowd.topics_all)]] * crowd.screens
    ranks = range(crowd.topics_all)
    weights = list(accumulate(1 / (rank + 1) for rank in ranks))
    wishes = []
    for _ in range(crowd.screens):
        mine: dict[int, None] = {}
        while len(mine) < crowd.topics_each:
            mine.update(dict.fromkeys(chooser.choices(ranks, cum_weights=weights, k=8)))
        wishes.append([f"stock:{rank}" for rank in list(mine)[: crowd.topics_each]])
    return wishes
