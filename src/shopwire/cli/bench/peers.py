"""Bench `peers`: from a commit to the screens, ours beside engines that others build on."""

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from shopwire.cli.bench.common import Databases, latencies, machine
from shopwire.cli.bench.fanout_clients import allow_files
from shopwire.cli.bench.fanout_drive import Server, running, settled
from shopwire.cli.bench.peers_clients import Crowd, Viewer
from shopwire.cli.bench.peers_engines import PLAIN, Engine, Running, spent
from shopwire.cli.bench.peers_writer import Change, Source
from shopwire.cli.bench.peers_zero import ENGINE as ZERO
from shopwire.cli.bench.peers_zero import Heard, Screens, log_for_replicas
from shopwire.cli.bench.svg import Chart
from shopwire.sync.limits import FLUSH_INTERVAL_MS

ENGINES: Final[dict[str, Engine]] = {**PLAIN, "zero": ZERO}
TOPICS: Final = 1_000
WARM_UP_S: Final = 0.5
SETTLE_S_MAX: Final = 5.0
"""Longest wait for the last changes; what is not there then counts as lost."""
RETURN_TOPICS: Final = 200
RETURN_SCREENS: Final = 100
AWAY_S: Final = (0.02, 0.4)
"""Shortest and longest absence of a screen whose connection is cut."""


_Figures = dict[str, float]


class Load(msgspec.Struct, frozen=True):
    """Who watches what, and what changes."""

    screens: int
    topics_each: int
    """0: all of them watch topic 0 alone."""
    hot: float
    """Changes/s of topic 0."""
    rate: float
    """Changes/s of all the others together."""


LOADS: Final = {
    "few": Load(20, 20, 0, 50),
    "page": Load(1_000, 20, 0, 200),
    "hot": Load(1_000, 0, 20, 50),
}
"""Those of the research: some screens, a page of its own for each of many, one article for all."""


_COMPARED: Final = (
    "p50_ms", "p95_ms", "p99_ms", "after_p50_ms", "after_p95_ms", "after_p99_ms",
    "cpu_us_per_delivery", "bytes_per_delivery", "connection_kib",
)  # fmt: skip


class Length(msgspec.Struct, frozen=True):
    """How long a run takes."""

    seconds: float
    repeats: int


FULL: Final = Length(6.0, 3)
QUICK: Final = Length(1.5, 1)
QUICK_ENGINES: Final = ("shopwire", "shopwire_one", "ws")
QUICK_LOADS: Final = ("page", "hot")
"""What a quick run has room for; the rest is named under `skipped`."""


async def run(quick: bool, databases: Databases) -> dict[str, Any]:
    """Every engine, one after the other, in each repeat again; medians of the repeats.

    `p50_ms` and so on: from just before the commit is asked for until a screen has the change or
    a newer one of the same topic; `after_`: from the commit's return at the writer. `ratios`: ours
    over the best of the others, lower is better. `one_process`: ours where the hub writes as well,
    as in a shop of one process; the CPU of it has the writer's in it.
    """
    facts = machine()
    allow_files()
    length = QUICK if quick else FULL
    asked = QUICK_ENGINES if quick else tuple(ENGINES)
    loads = {part: load for part, load in LOADS.items() if not quick or part in QUICK_LOADS}
    skipped = {name: "only in whole runs" for name in ENGINES if name not in asked}
    skipped |= {name: reason for name in asked if (reason := ENGINES[name].fetch())}
    names = [name for name in ENGINES if name not in skipped]
    if "zero" in names:
        await log_for_replicas(databases)
    runs: dict[str, dict[str, list[_Figures]]] = {name: defaultdict(list) for name in names}
    for repeat in range(length.repeats):
        for part, load in loads.items():
            for name in names[repeat % len(names) :] + names[: repeat % len(names)]:
                if load.screens > ENGINES[name].screens_max:
                    continue
                run_of = _measure(name, load, length.seconds, databases)
                if figures := await _tried(f"{part}, {name}", run_of, skipped):
                    runs[name][part].append(figures)
    for name in names:
        if ENGINES[name].viewer is None:
            continue
        if figures := await _tried(
            f"returns, {name}", _returns(name, databases, length.seconds), skipped
        ):
            runs[name]["returns"].append(figures)
    middle: dict[str, dict[str, _Figures]] = {
        name: {part: _middle(got) for part, got in parts.items()} for name, parts in runs.items()
    }
    ours, one = middle.pop("shopwire"), middle.pop("shopwire_one")
    lost = sum(ours[part]["lost"] + one[part]["lost"] for part in loads)
    return {
        "bench": "peers",
        "quick": quick,
        "ours": {**ours, "one_process": one},
        "baselines": middle,
        "ratios": _ratios(ours, middle),
        "skipped": skipped,
        "refused": 0,
        "lost": lost + ours["returns"]["stale"] + one["returns"]["stale"],
        "machine": {**facts, "tick_ms": FLUSH_INTERVAL_MS, "seconds": length.seconds},
    }


def charts(result: dict[str, Any]) -> list[Chart]:
    """Latency and CPU of all of them."""
    rows = {"Shopwire": result["ours"], **result["baselines"]}
    return [
        Chart(
            name=f"{part}-{unit}",
            title=f"{title}, {LOADS[part].screens:,} screens",
            unit=unit,
            bars=[
                (f"{name}, {tail}", row[part][tail]) for name, row in rows.items() if part in row
            ],
        )
        for part in ("page", "hot")
        for tail, unit, title in (
            ("p95_ms", "ms", "Commit to screen, p95"),
            ("cpu_us_per_delivery", "us", "Server CPU a delivery"),
        )
    ]


async def _tried(
    what: str, run_of: Coroutine[Any, Any, _Figures], skipped: dict[str, str]
) -> _Figures | None:
    """The figures; None where an engine of others fails, which ends nobody else's run."""
    print(f"peers: {what}", file=sys.stderr, flush=True)  # a whole run takes minutes
    try:
        return await run_of
    except* (OSError, TimeoutError, ValueError) as problem:
        if "shopwire" in what:
            raise
        skipped[what] = f"its run failed: {problem.exceptions[0]!r}"
    return None


async def _measure(name: str, load: Load, seconds: float, databases: Databases) -> _Figures:
    kind = ENGINES[name].viewer
    crowd = Screens(_wishes(load)) if kind is None else Crowd(kind, _wishes(load))
    async with _stage(name, databases) as stage:
        engine = stage.engine
        await stage.writer.ask(do="seed", topics=TOPICS)
        # Engines that hear of the seed have passed it on before anybody asks.
        await asyncio.sleep(WARM_UP_S)
        before, began = spent(engine.roots)[1], time.monotonic()
        await crowd.open(engine.port, engine.endpoint)
        connected_s, idle = time.monotonic() - began, spent(engine.roots)[1]
        pace = {"topics": TOPICS, "hot": load.hot, "rate": load.rate}
        await stage.writer.ask(do="run", seconds=WARM_UP_S, **pace)
        await asyncio.sleep(WARM_UP_S)
        await crowd.forget()
        start, own, database = spent(engine.roots)[0], crowd.cpu_s(), databases.cpu_s()
        began = time.monotonic()
        changes = _changes(await stage.writer.ask(do="run", seconds=seconds, **pace))
        await _all_told(crowd, changes)
        took, cpu = time.monotonic() - began, spent(engine.roots)[0] - start
        own, database = crowd.cpu_s() - own, databases.cpu_s() - database
        await crowd.close()
    late, after, deliveries, lost = _late(crowd.heard, changes)
    received = crowd.bytes()
    sizes = {} if received is None else {"bytes_per_delivery": received / max(1, deliveries)}
    return {
        **latencies(late),
        **{f"after_{key}": value for key, value in latencies(after).items()},
        "commit_p50_ms": latencies([change.done - change.asked for change in changes])["p50_ms"],
        "deliveries": deliveries,
        "delivered_share": deliveries / max(1, len(late) + lost),
        "cpu_us_per_delivery": cpu * 1e6 / max(1, deliveries),
        "cpu_share": cpu / took,
        "database_cpu_share": database / took,
        "client_us_per_delivery": own * 1e6 / max(1, deliveries),
        **sizes,
        "connection_kib": (idle - before) / load.screens,
        "connect_s": connected_s,
        "lost": lost,
    }


async def _all_told(crowd: Crowd | Screens, changes: list[Change]) -> None:
    """Returns when every screen has the newest, or long enough after to call it lost."""
    newest = {change.topic: change.n for change in changes}
    deadline = time.monotonic() + SETTLE_S_MAX
    while True:
        await crowd.fetch()
        if time.monotonic() > deadline or not any(_lacks(one, newest) for one in crowd.heard):
            return
        await asyncio.sleep(0.02)  # what screens heard is counted, not told


class _Stage(msgspec.Struct, frozen=True):
    """An engine in front of a fresh database, and who writes to it."""

    engine: Running
    writer: Server


@asynccontextmanager
async def _stage(name: str, databases: Databases) -> AsyncIterator[_Stage]:
    engine = ENGINES[name]
    dsn = await databases.fresh()
    source = Source(dsn=dsn, follow=engine.follow, serve=engine.start is None)
    told = msgspec.json.encode(source).decode()
    with tempfile.TemporaryDirectory(prefix="shopwire-peer-") as folder:
        async with AsyncExitStack() as stack:
            command = (sys.executable, "-m", "shopwire.cli.bench.peers_writer", told)
            writer = await stack.enter_async_context(running(*command))
            started = Running(writer.port, [writer.process.pid])
            if engine.start is not None:
                started = await stack.enter_async_context(engine.start(dsn, Path(folder)))
            yield _Stage(started, writer)


def _wishes(load: Load) -> list[list[str]]:
    """The same in every run."""
    chooser = random.Random(1)  # noqa: S311 - a workload, no secret
    if not load.topics_each:
        return [["stock:0"]] * load.screens
    pages = (chooser.sample(range(1, TOPICS), load.topics_each) for _ in range(load.screens))
    return [[f"stock:{number}" for number in page] for page in pages]


def _changes(done: dict[str, Any]) -> list[Change]:
    """In the order of their numbers, in which each topic's are committed."""
    return sorted(msgspec.convert(done["changes"], list[Change]), key=lambda change: change.n)


def _lacks(viewer: Viewer | Heard, newest: dict[str, int]) -> bool:
    """Whether a screen has not yet heard of the newest of everything it watches."""
    return any(topic in newest and newest[topic] not in viewer.seen for topic in viewer.topics)


def _late(
    viewers: Sequence[Viewer] | Sequence[Heard], changes: list[Change]
) -> tuple[list[float], list[float], int, int]:
    """Seconds until each screen had each change or a newer one, deliveries, what never came.

    Seconds first from before the commit was asked for, then from its return at the writer, which
    an engine may be quicker than.
    """
    topic_of = {change.n: change.topic for change in changes}
    of_topic: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        of_topic[change.topic].append(change)
    late: list[float] = []
    after: list[float] = []
    deliveries = lost = 0
    for viewer in viewers:
        waiting = {topic: iter(of_topic[topic]) for topic in viewer.topics if topic in of_topic}
        first = {topic: next(queue) for topic, queue in waiting.items()}
        for moment, numbers in viewer.log:
            for number in numbers:
                topic = topic_of.get(number, "")
                deliveries += bool(topic)
                while topic in first and first[topic].n <= number:
                    late.append(moment - first[topic].asked)
                    after.append(moment - first[topic].done)
                    following = next(waiting[topic], None)
                    if following is None:
                        del first[topic]
                    else:
                        first[topic] = following
        lost += sum(1 + sum(1 for _ in waiting[topic]) for topic in first)
    return late, after, deliveries, lost


async def _returns(name: str, databases: Databases, seconds: float) -> _Figures:
    """Connections are cut while everything changes; what their screens show in the end."""
    chooser = random.Random(2)  # noqa: S311 - a workload, no secret
    kind, topics = ENGINES[name].viewer, range(1, RETURN_TOPICS)
    assert kind is not None
    pages = (chooser.sample(topics, 20) for _ in range(RETURN_SCREENS))
    crowd = Crowd(kind, [[f"stock:{at}" for at in page] for page in pages])
    viewers = crowd.heard
    async with _stage(name, databases) as stage:
        await stage.writer.ask(do="seed", topics=RETURN_TOPICS)
        await asyncio.sleep(WARM_UP_S)
        for viewer in viewers:
            viewer.keeps = True
        await crowd.open(stage.engine.port, 0)
        until = time.monotonic() + seconds

        async def come_and_go(viewer: Viewer) -> None:
            while True:
                await asyncio.sleep(chooser.uniform(0.1, 1.0))
                if time.monotonic() > until:
                    return
                await viewer.come_back(stage.engine.port, chooser.uniform(*AWAY_S))

        async with asyncio.TaskGroup() as group:
            changing = group.create_task(
                stage.writer.ask(
                    do="run", seconds=seconds, topics=RETURN_TOPICS, hot=0.0, rate=200.0
                )
            )
            for viewer in viewers:
                group.create_task(come_and_go(viewer))
        changes = _changes(changing.result())
        newest = {change.topic: change.n for change in changes}

        def stale() -> int:
            return sum(
                topic in newest and viewer.held.get(topic) != newest[topic]
                for viewer in viewers
                for topic in viewer.topics
            )

        await settled(lambda: stale() == 0, 2.0)
        await crowd.close()
    wanted = sum(change.topic in viewer.topics for viewer in viewers for change in changes)
    there = sum(change.n in viewer.seen for viewer in viewers for change in changes)
    return {
        "returns": sum(len(viewer.back_s) for viewer in viewers),
        "stale": stale(),
        "stepped_back": sum(viewer.stepped_back for viewer in viewers),
        "unseen_share": round(1 - there / max(1, wanted), 4),
        **{
            f"live_{key}": value
            for key, value in latencies(
                [took for viewer in viewers for took in viewer.back_s]
            ).items()
        },
    }


def _middle(runs: list[_Figures]) -> _Figures:
    """The median of each figure; all losses together."""
    return {
        key: sum(run[key] for run in runs)
        if key == "lost"
        else round(statistics.median(run[key] for run in runs), 3)
        for key in runs[0]
    }


def _ratios(ours: dict[str, Any], others: dict[str, Any]) -> dict[str, float]:
    """Ours over the best of the others."""
    ratios = {}
    for part in LOADS:
        for key in _COMPARED:
            there = [other[part][key] for other in others.values() if key in other.get(part, {})]
            if there:
                ratios[f"{part}_{key}"] = round(ours[part][key] / max(1e-9, min(there)), 3)
    return ratios
