"""Bench `fanout`: what a frame to a screen costs, how late it is, what an idle screen costs."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib.util import find_spec
from statistics import median
from typing import Any, Final

import msgspec

from shopwire.cli.bench.common import Databases, latencies, machine
from shopwire.cli.bench.fanout_clients import Arrivals, allow_files
from shopwire.cli.bench.fanout_drive import Server, Wishes, served, settled, watching
from shopwire.cli.bench.fanout_gateway import gateway, why_not
from shopwire.cli.bench.svg import Chart
from shopwire.services.broadcasting import broadcast_finding
from shopwire.sync.limits import FLUSH_INTERVAL_MS

SCREENS: Final = 1_000
TOPICS_EACH: Final = 50
TOPICS_ALL: Final = 200
_TURN_S: Final = 1.0
"""Short, so that both of a pair meet the same noise."""
_Figures = dict[str, float]
Serve = Callable[[], AbstractAsyncContextManager[Server]]
_SERVERS: Final[dict[str, Serve]] = {
    "picows": partial(served, rights=True),
    "direct": partial(served, rights=True, broadcast="direct"),
    "open": served,
    "asgi": partial(served, mode="asgi"),
    "websockets": partial(served, mode="websockets"),
    "gateway": gateway,
    "floor": partial(served, mode="floor"),
    "floor_ring": partial(served, mode="floor_ring"),
}
"""Ours with rights, the same without io_uring, and without rights; its fallback, a library's
broadcast, what a team writes, and what nobody can save who sends to each socket by itself, or who
hands all sends to the kernel at once."""
_TOKENS: Final = ("picows", "direct")
_BUSY: Final = ("picows", "gateway")
"""Who is compared where every screen is told each of 200 changes/s."""


class Length(msgspec.Struct, frozen=True):
    """How long a run takes."""

    seconds: float
    busy_s: float
    """Shorter: whoever sends each change by itself takes several times as long to be done."""
    repeats: int
    latency_seconds: float
    pairs: int
    """Turns of a second that ours with rights and without take, one after the other."""


FULL: Final = Length(6.0, 2.0, 3, 30.0, 12)
QUICK: Final = Length(1.5, 0.8, 1, 4.0, 4)


async def run(quick: bool, databases: Databases) -> dict[str, Any]:
    """All figures; the transports take turns and meet the same noise.

    Changes are made in the process of each server, by a call and without a database's driver: what
    is measured is what a server does of which it is told.

    `ratios` are our server's CPU over the other's, lower is better, each the middle one of those of
    a turn: for a frame, and with 50 topics also for a change that was delivered (`_delivery`), as a
    frame of ours may have several. With one topic or 50 a screen is told 25 changes/s; in `busy` it
    is told all of 200/s, as in bench `screen`.

    `open` is ours without rights. Both stand at the same time, with their screens, and take turns
    of a second: its ratios are the middle ones of those of two turns, as what rights cost is less
    than what differs between two runs.
    """
    length = QUICK if quick else FULL
    facts = machine()
    allow_files()
    skipped: dict[str, str] = {}
    if find_spec("websockets") is None:
        skipped["websockets"] = "not installed: make setup installs it for development"
        skipped["asgi"] = "uvicorn's ASGI WebSockets need websockets"
    if (reason := why_not()) is not None:
        skipped["gateway"] = reason
    if (said := broadcast_finding("auto")).verdict != "ok":
        skipped["floor_ring"] = said.seen
    modes = [mode for mode in _SERVERS if mode not in skipped and mode != "open"]
    runs: dict[str, dict[str, list[_Figures]]] = {
        mode: {part: [] for part in _PARTS if part != "busy" or mode in _BUSY} for mode in modes
    }
    for _ in range(length.repeats):
        for mode, parts in runs.items():
            for part, turns in parts.items():
                seconds = length.busy_s if part == "busy" else length.seconds
                async with _seats(mode, part) as seats:
                    turns.append(await seats.turn(seconds))
    ratios = _ratios(runs)
    figures = {
        mode: {part: _middle(turns, part) for part, turns in parts.items()}
        for mode, parts in runs.items()
    }
    figures["open"] = {}
    for part, tail in (("one_topic", ""), ("topics_50", "_topics_50")):
        figures["open"][part], ratios[f"open{tail}"] = await _without_rights(part, length.pairs)
    latency = await _latency(await databases.fresh(), length.latency_seconds)
    ours = figures.pop("picows")
    return {
        "bench": "fanout",
        "quick": quick,
        "ours": {
            "deliveries_per_cpu_s": ours["topics_50"]["deliveries_per_cpu_s"],
            "cpu_us_per_delivery": ours["topics_50"]["cpu_us_per_delivery"],
            "cpu_us_per_frame": ours["one_topic"]["cpu_us_per_frame"],
            "one_topic": ours["one_topic"],
            "topics_50": ours["topics_50"],
            "busy": ours["busy"],
            **latency,
            "connection_kib": ours["one_topic"]["connection_kib"],
            "connection_topics_50_kib": ours["topics_50"]["connection_kib"],
        },
        "baselines": figures,
        "ratios": ratios,
        "skipped": skipped,
        "refused": 0,
        "lost": latency["lost"],
        "machine": {**facts, "flush_interval_ms": FLUSH_INTERVAL_MS, "screens": SCREENS},
    }


def charts(result: dict[str, Any]) -> list[Chart]:
    """CPU a frame, and latency."""
    rows = {"picows": result["ours"], **result["baselines"]}
    ours = result["ours"]
    return [
        Chart(
            name="cpu",
            title="Server CPU a frame, 1,000 screens",
            unit="us",
            bars=[
                (f"{name}, {text}", row[part]["cpu_us_per_frame"])
                for part, text in (("one_topic", "one topic"), ("topics_50", "50 topics each"))
                for name, row in rows.items()
            ],
        ),
        Chart(
            name="latency",
            title="Asked for to the last of 1,000 screens, 200 changes/s, durable",
            unit="ms",
            bars=[(name, ours[f"{name}_ms"]) for name in ("p50", "p95", "p99")],
        ),
    ]


class _Seats:
    """A server with its screens, all of them live."""

    def __init__(self, server: Server, arrivals: Arrivals, part: str, kib: float) -> None:
        self._server, self._arrivals, self._part, self._kib = server, arrivals, part, kib

    async def turn(self, seconds: float) -> _Figures:
        """CPU of the server while changes go out."""
        server, arrivals, (wish, topics, rate) = self._server, self._arrivals, _PARTS[self._part]
        arrivals.start((await server.ask(do="look"))["n"])
        start = (await server.ask(do="look"))["cpu_s"]
        done = await server.ask(do="run", topics=topics, rate=rate, seconds=seconds)
        due = _deliveries(wish(), topics, len(done["asked"]))
        # Waiting longer would count the beats of idle screens as the cost of these frames.
        await settled(lambda: arrivals.deliveries >= due)
        spent = (await server.ask(do="look"))["cpu_s"] - start
        return {
            "cpu_us_per_frame": round(spent * 1e6 / max(arrivals.frames, 1), 3),
            "cpu_us_per_delivery": round(spent * 1e6 / max(arrivals.deliveries, 1), 3),
            "deliveries_per_cpu_s": round(arrivals.deliveries / max(spent, 1e-6)),
            "frames": arrivals.frames,
            "deliveries": arrivals.deliveries,
            "bytes_per_delivery": round(arrivals.bytes / max(arrivals.deliveries, 1), 1),
            "connection_kib": self._kib,
        }


@asynccontextmanager
async def _seats(mode: str, part: str) -> AsyncIterator[_Seats]:
    wish, topics, _ = _PARTS[part]
    wishes = wish()
    async with _SERVERS[mode]() as server:
        await server.ask(do="seed", topics=topics)
        before = (await server.ask(do="look"))["rss_kib"]
        async with watching(server.port, wishes, tokens=mode in _TOKENS) as arrivals:
            idle = (await server.ask(do="look"))["rss_kib"]
            await server.ask(do="seed", topics=1)
            yield _Seats(server, arrivals, part, round((idle - before) / len(wishes), 2))


async def _without_rights(part: str, pairs: int) -> tuple[_Figures, float]:
    """Ours without rights, and what ours with rights takes in the turn beside it over that."""
    turns: list[_Figures] = []
    found: list[float] = []
    async with _seats("picows", part) as ours, _seats("open", part) as other:
        for number in range(pairs):
            # Whoever is second finds another machine than the first: they change about.
            first, second = (ours, other) if number % 2 else (other, ours)
            one, two = await first.turn(_TURN_S), await second.turn(_TURN_S)
            with_rights, without = (one, two) if number % 2 else (two, one)
            turns.append(without)
            found.append(with_rights["cpu_us_per_frame"] / without["cpu_us_per_frame"])
    return _middle(turns, part), round(median(found), 3)


def _ratios(runs: dict[str, dict[str, list[_Figures]]]) -> dict[str, float]:
    """Ours over each other, the middle one of the turns."""
    return {
        mode + tail: round(
            median(
                mine[unit] / theirs[unit]
                for mine, theirs in zip(runs["picows"][part], parts[part], strict=True)
            ),
            3,
        )
        for mode, parts in runs.items()
        if mode != "picows"
        for part, unit, tail in (
            ("one_topic", "cpu_us_per_frame", ""),
            ("topics_50", "cpu_us_per_frame", "_topics_50"),
            ("topics_50", "cpu_us_per_delivery", "_delivery"),
            ("busy", "cpu_us_per_delivery", "_busy_delivery"),
        )
        if part in parts
    }


async def _latency(dsn: str, seconds: float) -> dict[str, Any]:
    """200 changes/s in PostgreSQL, each of them to every one of 1,000 screens."""
    async with served(dsn=dsn, rights=True) as server:
        await server.ask(do="seed", topics=TOPICS_EACH)
        async with watching(server.port, _all_topics(), tokens=True) as arrivals:
            warm = await server.ask(do="run", topics=TOPICS_EACH, rate=50, seconds=0.5)
            arrivals.start(warm["first"] + len(warm["asked"]))
            done = await server.ask(do="run", topics=TOPICS_EACH, rate=200, seconds=seconds)
            last = done["first"] + len(done["asked"])
            await settled(lambda: arrivals.screens_at.get(last, 0) == SCREENS)
            numbers = range(done["first"] + 1, last + 1)
            whole = [n for n in numbers if arrivals.screens_at.get(n, 0) == SCREENS]
            late = [arrivals.last_at[n] - done["asked"][n - done["first"] - 1] for n in whole]
            return {
                **latencies(late),
                "changes_per_s": round(len(done["asked"]) / done["seconds"], 1),
                "deliveries": arrivals.deliveries,
                "frames": arrivals.frames,
                "latency_cpu_share": round(done["cpu_s"] / done["seconds"], 3),
                "lost": len(numbers) - len(whole),
            }


def _deliveries(wishes: Wishes, topics: int, changes: int) -> int:
    """How many screens are told, all changes together; they go round as the servers' `run` does."""
    watching = Counter(topic for wish in wishes for topic in wish)
    return sum(watching[f"stock:{step * 7 % topics}"] for step in range(changes))


def _same_topic() -> Wishes:
    return [["stock:0"]] * SCREENS


def _all_topics() -> Wishes:
    """Every screen has the same 50."""
    return [[f"stock:{number}" for number in range(TOPICS_EACH)]] * SCREENS


def _own_topics() -> Wishes:
    """Each screen its own choice, the same in every run."""
    chooser = random.Random(1)  # noqa: S311 - a workload, no secret
    return [
        [f"stock:{number}" for number in chooser.sample(range(TOPICS_ALL), TOPICS_EACH)]
        for _ in range(SCREENS)
    ]


_PARTS: Final[dict[str, tuple[Callable[[], Wishes], int, float]]] = {
    "one_topic": (_same_topic, 1, 25.0),
    "topics_50": (_own_topics, TOPICS_ALL, 100.0),
    "busy": (_all_topics, TOPICS_EACH, 200.0),
}
"""What screens watch, how many topics change in turn, and changes/s."""


def _middle(turns: list[_Figures], part: str) -> _Figures:
    """The turn whose CPU is the middle one: its figures belong together."""
    by = "cpu_us_per_delivery" if part == "busy" else "cpu_us_per_frame"
    return sorted(turns, key=lambda figures: figures[by])[len(turns) // 2]
