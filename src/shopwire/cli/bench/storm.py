"""Bench `storm`: a hub is killed under thousands of screens, and all of them come back at once."""

import asyncio
import random
import time
from typing import Any, Final

from typing_extensions import override

from shopwire.adapters.postgres.store import Store, open_store
from shopwire.cli.bench.common import Databases, machine, percentile
from shopwire.cli.bench.fanout_clients import Arrivals, Screen, allow_files
from shopwire.cli.bench.fanout_drive import Wishes, served, settled
from shopwire.cli.bench.fanout_server import PARTITION, change_of
from shopwire.cli.bench.svg import Chart
from shopwire.sync.client_connection import BACKOFF_MS_MIN
from shopwire.sync.reducer import decode_server

TOPICS_EACH: Final = 20
TOPICS_ALL: Final = 2_000
RATE: Final = 50
"""Durable changes a second, through it all."""
BACK_S_MAX: Final = 60.0
"""Longest wait for the last screen to be live again; who is not by then counts as lost."""
FILES_SPARE: Final = 200
"""Open files of either side that are no screens; a machine that allows fewer has fewer screens."""
_TOGETHER: Final = 200
"""Connections opened at once at the start."""


async def run(quick: bool, databases: Databases) -> dict[str, Any]:
    """Two hubs on one database; the first is killed, and its screens return to the second.

    `delta_share`: of the topics that came back, those that did not have to be sent whole.
    """
    facts = machine()
    screens = min(1_500 if quick else 5_000, allow_files() - FILES_SPARE)
    figures = await _storm(await databases.fresh(), screens)
    return {
        "bench": "storm",
        "quick": quick,
        "ours": figures,
        "baselines": {},
        "ratios": {},
        "refused": 0,
        "lost": figures["lost"],
        "machine": {**facts, "screens": screens, "backoff_ms": BACKOFF_MS_MIN},
    }


def charts(result: dict[str, Any]) -> list[Chart]:
    """How long after the kill screens were live again."""
    ours = result["ours"]
    return [
        Chart(
            name="live",
            title=f"Live again after a hub's kill, {ours['screens']:,} screens",
            unit="s",
            bars=[(share, ours[f"{share}_live_s"]) for share in ("p50", "p95", "p99")],
        )
    ]


class Homecomer(Screen):
    """A screen that knows what it holds, and comes back with it."""

    def __init__(self, crowd: "Crowd", topics: list[str]) -> None:
        super().__init__(crowd, topics)
        self._crowd = crowd
        self._versions: dict[str, int] = {}
        self.newest = 0

    @override
    def hello(self) -> None:
        crowd = self._crowd
        self.say({"t": "hello", "proto": 1, "short": True, "epoch": crowd.epoch})
        known = {"have": self._versions, "epoch": crowd.epoch} if crowd.epoch else {}
        self.say({"t": "sub", "id": 1, "topics": list(self._topics), **known})

    @override
    def heard(self, payload: bytes) -> None:
        message = decode_server(payload)
        self._crowd.epoch = message.get("epoch", self._crowd.epoch)
        for item in message.get("items", (message,)):
            if item["t"] not in {"snap", "patch"}:
                continue
            self._crowd.items[item["t"]] += 1
            topic, version = item["topic"], item["v"]
            before = self._versions.get(topic)
            if item["t"] == "patch" and item["from"] != before:
                self._crowd.gaps += 1
            self._versions[topic] = version

    def holds(self, versions: dict[str, int]) -> bool:
        """Whether it has the newest of everything it watches."""
        return all(self._versions.get(topic, 0) >= versions[topic] for topic in self._topics)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._crowd.lost(self)


class Crowd(Arrivals):
    """All screens, and what came of their return."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.epoch: int | None = None
        self.port = 0
        self.items = {"snap": 0, "patch": 0}
        self.gaps = self.tries = 0
        self.back_s: list[float] = []
        self.storming = False
        self.killed_at = 0.0
        self._chance = random.Random(seed)  # noqa: S311 - spreads reconnects
        self._returns: set[asyncio.Task[None]] = set()

    async def open(self, screen: Homecomer) -> None:
        """Connects, and returns when it is live."""
        loop = asyncio.get_running_loop()
        screen.renew()
        await loop.create_connection(lambda: screen, "127.0.0.1", self.port)
        await screen.live

    def lost(self, screen: Homecomer) -> None:
        """A connection ended: by the kill, the screen is to come back as clients do."""
        if self.storming:
            task = asyncio.create_task(self._come_back(screen))
            self._returns.add(task)
            task.add_done_callback(self._returns.discard)

    async def _come_back(self, screen: Homecomer) -> None:
        ceiling_s = BACKOFF_MS_MIN / 1_000
        while True:
            await asyncio.sleep(self._chance.uniform(0, ceiling_s))
            ceiling_s = min(30.0, ceiling_s * 2)
            self.tries += 1
            try:
                await self.open(screen)
            except OSError:
                continue
            self.back_s.append(time.monotonic() - self.killed_at)
            return

    async def end(self) -> None:
        """Gives up those who are still on their way."""
        self.storming = False
        for task in self._returns:
            task.cancel()
        await asyncio.gather(*self._returns, return_exceptions=True)


async def _storm(dsn: str, count: int) -> dict[str, Any]:
    wishes = _wishes(count)
    crowd = Crowd(1)
    async with (
        open_store(dsn) as store,
        served(dsn=dsn) as first,
        served(dsn=dsn) as second,
    ):
        writer = _Writer(store)
        await writer.seed()
        crowd.port = first.port
        screens = [Homecomer(crowd, list(wish)) for wish in wishes]
        for at in range(0, count, _TOGETHER):
            await asyncio.gather(*map(crowd.open, screens[at : at + _TOGETHER]))
        changing = asyncio.create_task(writer.keep_changing())
        # Before it is killed the hub tells changes, so that there is something to be missed.
        await settled(lambda: crowd.items["patch"] >= count)
        before = await second.ask(do="look")
        crowd.port, crowd.storming = second.port, True
        crowd.items = {"snap": 0, "patch": 0}
        crowd.killed_at, own_s = time.monotonic(), time.process_time()
        await first.kill()
        await settled(lambda: len(crowd.back_s) >= count, BACK_S_MAX)
        resumed, own_s = dict(crowd.items), time.process_time() - own_s
        there = await second.ask(do="look")
        changing.cancel()
        await asyncio.gather(changing, return_exceptions=True)
        await settled(lambda: all(screen.holds(writer.versions) for screen in screens))
        after = await second.ask(do="look")
        await crowd.end()
        behind = sum(not screen.holds(writer.versions) for screen in screens)
        for screen in screens:
            screen.close()
    back = sorted(crowd.back_s)
    distinct = len({topic for wish in wishes for topic in wish})
    read = after["documents_read"] - before["documents_read"]
    return {
        **{f"p{share}_live_s": round(percentile(back, share / 100), 3) for share in (50, 95, 99)},
        "max_live_s": round(back[-1], 3) if back else 0.0,
        "delta_share": round(1 - resumed["snap"] / (count * TOPICS_EACH), 4),
        "sent_whole": resumed["snap"],
        "reads_per_topic": round(read / distinct, 3),
        "tries": crowd.tries,
        "hub_cpu_s": round(there["cpu_s"] - before["cpu_s"], 2),
        "screens_cpu_s": round(own_s, 2),
        "gaps": crowd.gaps,
        "screens": count,
        "topics": distinct,
        "lost": behind + count - len(back),
    }


class _Writer:
    """Makes changes in a process that serves nobody."""

    def __init__(self, store: Store) -> None:
        self._log = store.log
        self._number = 0
        self.versions: dict[str, int] = {}

    async def seed(self) -> None:
        topics = [f"stock:{number}" for number in range(TOPICS_ALL)]
        for at in range(0, TOPICS_ALL, _TOGETHER):
            await self._change(topics[at : at + _TOGETHER])

    async def keep_changing(self) -> None:
        began, made = time.monotonic(), 0
        while True:
            await self._change([f"stock:{(made * 7) % TOPICS_ALL}"])
            made += 1
            await asyncio.sleep(max(0.0, began + made / RATE - time.monotonic()))

    async def _change(self, topics: list[str]) -> None:
        events = []
        for topic in topics:
            self._number += 1
            events.append(change_of(topic, self.versions.get(topic, 0) + 1, self._number))
        await self._log.append(PARTITION, events)
        self.versions |= {event.topic: event.version for event in events}


def _wishes(count: int) -> Wishes:
    """Each its own page, the same in every run."""
    chooser = random.Random(1)  # noqa: S311 - a workload, no secret
    everything = range(TOPICS_ALL)
    return [
        [f"stock:{number}" for number in chooser.sample(everything, TOPICS_EACH)]
        for _ in range(count)
    ]
