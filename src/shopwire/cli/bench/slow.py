"""Bench `slow`: what a few screens that hardly read cost the others, and the server's memory."""

import asyncio
import random
import time
from functools import partial
from typing import Any, Final

from typing_extensions import override

from shopwire.cli.bench.common import Databases, latencies, machine
from shopwire.cli.bench.fanout_clients import Arrivals, Screen, allow_files
from shopwire.cli.bench.fanout_drive import Server, served, settled
from shopwire.cli.bench.svg import Chart
from shopwire.sync.reducer import decode_server

RATE: Final = 5_000
"""Changes a second."""
SCREENS: Final = 200
TOPICS_EACH: Final = 20
TOPICS_ALL: Final = 1_000
STALLED_SHARE: Final = 0.01
"""Screens that do not read at all."""
SLOW_SHARE: Final = 0.10
"""Screens that read twice a second."""
SLOW_EVERY_S: Final = 0.5
WITNESSES: Final = 5
"""Healthy screens that are looked at for what they hold."""
SAMPLED: Final = 10
"""Of so many changes one is timed."""
CATCH_UP_S_MAX: Final = 10.0
"""Wait for slow screens to have the newest once the flood is over."""


async def run(quick: bool, databases: Databases) -> dict[str, Any]:
    """The same flood twice: with healthy screens alone, and with bad ones among them."""
    del databases  # the log is in memory: it is the hub that is looked at
    facts = machine()
    allow_files()
    seconds = 8.0 if quick else 120.0
    calm = await _flood(seconds, SCREENS, bad=False)
    bad = await _flood(seconds, SCREENS, bad=True)
    return {
        "bench": "slow",
        "quick": quick,
        "ours": bad,
        "baselines": {"healthy_alone": calm},
        "ratios": {"healthy_p99": round(bad["p99_ms"] / max(calm["p99_ms"], 0.001), 3)},
        "refused": 0,
        "lost": bad["lost"] + calm["lost"],
        "machine": {**facts, "screens": SCREENS, "changes_per_s": RATE, "seconds": seconds},
    }


def charts(result: dict[str, Any]) -> list[Chart]:
    """Healthy screens with and without the others."""
    rows = {"with slow ones": result["ours"], "alone": result["baselines"]["healthy_alone"]}
    return [
        Chart(
            name="healthy",
            title="Change to healthy screens, 5,000 changes/s",
            unit="ms",
            bars=[
                (f"{name}, {p}", row[f"{p}_ms"])
                for name, row in rows.items()
                for p in ("p50", "p99")
            ],
        )
    ]


class _Timed(Arrivals):
    """Notes when sampled changes came to healthy screens."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: list[tuple[int, float]] = []

    @override
    def take(self, payload: bytes, seen: int) -> int:
        numbers = self.numbers(payload)
        now = time.monotonic()
        self.deliveries += len(numbers)
        self.moments += [(number, now) for number in numbers if number % SAMPLED == 0]
        return seen


class _Holder(Screen):
    """Knows the version of each topic that it has; reads as seldom as it is told to."""

    def __init__(self, topics: list[str], every_s: float | None) -> None:
        super().__init__(Arrivals(), topics)
        self.versions: dict[str, int] = {}
        self.every_s = every_s
        """Seconds between two reads; None for one that reads no more once it is live."""
        self.cut = False

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.cut = True

    @override
    def heard(self, payload: bytes) -> None:
        message = decode_server(payload)
        for item in message.get("items", (message,)):
            if item["t"] in {"snap", "patch"}:
                self.versions[item["topic"]] = item["v"]

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        transport = self._transport
        if not self.live.done() or transport is None or self.every_s == 0:
            return
        transport.pause_reading()
        if self.every_s is not None:
            asyncio.get_running_loop().call_later(self.every_s, self._go_on)

    def _go_on(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def hurry(self) -> None:
        """From now on it reads as fast as it can."""
        self.every_s = 0
        self._go_on()


async def _flood(seconds: float, screens: int, *, bad: bool) -> dict[str, Any]:
    wishes = _wishes(screens)
    stalled = max(1, int(screens * STALLED_SHARE)) if bad else 0
    slow = int(screens * SLOW_SHARE) if bad else 0
    timed = _Timed()
    loop = asyncio.get_running_loop()
    async with served() as server:
        await server.ask(do="seed", topics=TOPICS_ALL)
        every: list[float | None] = [None] * stalled + [SLOW_EVERY_S] * slow + [0] * WITNESSES
        holders = [_Holder(wish, pause) for wish, pause in zip(wishes, every, strict=False)]
        healthy = [Screen(timed, wish) for wish in wishes[len(holders) :]]
        for screen in (*healthy, *holders):
            await loop.create_connection(partial(_same, screen), "127.0.0.1", server.port)
            await screen.live
        await server.ask(do="flood", topics=TOPICS_ALL, rate=RATE, seconds=1.0)
        timed.moments.clear()
        memory, done = await _watched(server, seconds)
        began = time.monotonic()
        for holder in holders:
            holder.hurry()

        def behind() -> int:
            return sum(
                holder.versions.get(topic, 0) < done["versions"][topic]
                for holder in holders
                if not holder.cut
                for topic in holder.versions
            )

        await settled(lambda: behind() == 0, CATCH_UP_S_MAX)
        caught_up_s, cut = time.monotonic() - began, sum(holder.cut for holder in holders)
        for screen in (*healthy, *holders):
            screen.close()
    asked: dict[int, float] = dict(done["asked"])
    late = [moment - asked[number] for number, moment in timed.moments if number in asked]
    return {
        **latencies(late),
        "changes_per_s": round(done["changes"] / done["seconds"], 1),
        "deliveries": timed.deliveries,
        "cpu_share": round(done["cpu_s"] / done["seconds"], 3),
        "memory_kib": memory,
        "memory_growth_kib": memory[-1] - memory[len(memory) // 2],
        "stalled": stalled,
        "slow": slow,
        "cut": cut,
        "slow_caught_up_s": round(caught_up_s, 3),
        "lost": behind(),
    }


def _same(screen: Screen) -> Screen:
    return screen


async def _watched(server: Server, seconds: float) -> tuple[list[int], dict[str, Any]]:
    """Floods in four parts, and looks at the memory behind each."""
    memory: list[int] = []
    whole: dict[str, Any] = {"asked": [], "changes": 0, "seconds": 0.0, "cpu_s": 0.0}
    for _ in range(4):
        done = await server.ask(do="flood", topics=TOPICS_ALL, rate=RATE, seconds=seconds / 4)
        whole["asked"] += done["asked"]
        for name in ("changes", "seconds", "cpu_s"):
            whole[name] += done[name]
        whole["versions"] = done["versions"]
        memory.append((await server.ask(do="look"))["rss_kib"])
    return memory, whole


def _wishes(screens: int) -> list[list[str]]:
    """The same in every run."""
    chooser = random.Random(1)  # noqa: S311 - a workload, no secret
    everything = range(TOPICS_ALL)
    return [
        [f"stock:{number}" for number in chooser.sample(everything, TOPICS_EACH)]
        for _ in range(screens)
    ]
