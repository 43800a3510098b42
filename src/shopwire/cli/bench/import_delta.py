"""The second half of bench `import`: a delta of stock while shoppers buy and screens watch."""

import asyncio
import contextlib
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

import httpx2
import msgspec

from shopwire.cli.bench.checkout import Process
from shopwire.cli.bench.checkout_buyers import WARM_UP_S
from shopwire.cli.bench.common import Databases, latencies
from shopwire.kernel.ids import new_id
from shopwire.services.pacing import SHOPPERS_GONE_MS
from shopwire.sync.client import SyncClient
from shopwire.sync.reducer import Change

SKUS: Final = 10_000
SKUS_QUICK: Final = 2_000
SCREENS: Final = 20
"""Among them they watch every SKU of the delta."""
BUYERS: Final = 2
"""Shoppers at once, each with the next checkout as soon as the last is placed: a busy shop that has
a little of its cores left. They buy other SKUs than the delta is of."""
PACED_SHARE: Final = 0.5
"""Of the checkouts a second that these make alone, how many come in the paced case."""
BOUGHT_SKUS: Final = 200
BOUGHT_UNITS: Final = 1_000_000
REPEATS: Final = 3
"""Times that a delta alone, shoppers alone and shoppers beside a delta take turns."""
SECONDS: Final = 8.0
"""Shoppers alone, about as long as beside a delta: of few checkouts the worst is their p99."""
SECONDS_QUICK: Final = 4.0
SETTLE_S_MAX: Final = 60.0
SEEN_S_MAX: Final = 60.0
"""A delta that is later than this on a screen counts as lost."""


class Watcher:
    """A client that knows which of its counts are not there yet."""

    def __init__(self, url: str, topics: Sequence[str]) -> None:
        self.topics = topics
        self.seen_at = 0.0
        self._wanted = 0
        self._waits: set[str] = set()
        self.client = SyncClient(url, on_change=self._note)

    def expect(self, version: int) -> None:
        """From now on it waits until each count has this version."""
        self._wanted, self._waits = version, set(self.topics)

    def _note(self, change: Change) -> None:
        for topic in self._waits.intersection(change.topics):
            held = self.client.held(topic)
            if held is not None and held.version >= self._wanted:
                self._waits.discard(topic)
        self.seen_at = time.perf_counter()

    async def all_seen(self) -> float:
        """When the last one came; raises TimeoutError."""
        await self.client.until(lambda: not self._waits, SEEN_S_MAX)
        return self.seen_at


class Case:
    """One kind of shoppers: how they buy without and with a delta beside them."""

    def __init__(self, **wish: Any) -> None:
        self._wish = wish
        self.alone: list[float] = []
        """p99 of checkouts in ms, a repeat each; `beside` as well."""
        self.beside: list[float] = []
        self.per_s: list[float] = []
        self.late: list[float] = []
        """Seconds to each screen."""

    async def turn(self, shop: "Shop", seconds: float) -> None:
        """Shoppers for a while, and then as long as a delta takes to the last screen."""
        told = await shop.buyers.ask(**self._wish, seconds=seconds)
        self.alone.append(latencies(told["times"])["p99_ms"])
        self.per_s.append(len(told["times"]) / seconds)
        buying = asyncio.create_task(shop.buyers.ask(**self._wish, seconds=SEEN_S_MAX))
        await asyncio.sleep(WARM_UP_S)  # until then nothing of it is counted
        began = time.perf_counter()
        self.late += await shop.bring()
        shop.buyers.say(do="stop")
        told = await buying
        # Those that ended after it, while the buyers were leaving, count as well: they began in it.
        times = [
            took for took, ended in zip(told["times"], told["ended"], strict=True) if ended >= began
        ]
        self.beside.append(latencies(times)["p99_ms"])

    def figures(self, name: str) -> dict[str, float]:
        """Under the name of the case."""
        pairs = zip(self.alone, self.beside, strict=True)
        return {
            f"delta_to_screen{name}_s": round(max(self.late), 2),
            f"delta_to_screen{name}_median_s": round(statistics.median(self.late), 2),
            f"checkouts{name}_per_s": round(statistics.median(self.per_s), 1),
            f"checkout{name}_p99_ms": round(statistics.median(self.alone), 1),
            f"checkout{name}_p99_beside_ms": round(statistics.median(self.beside), 1),
            f"checkout{name}_p99_ratio": round(
                statistics.median(beside / alone for alone, beside in pairs), 2
            ),
        }


class Shop:
    """The server, those who buy, those who watch, and the deltas that were sent."""

    def __init__(
        self, http: Any, server: Process, buyers: Process, screens: Sequence[Watcher], skus: int
    ) -> None:
        self._server, self.buyers = server, buyers
        self.lost = 0
        """Screens that did not see a delta."""
        self._http, self._screens, self.skus = http, screens, skus
        self._sent = 0

    async def rest(self) -> None:
        """Waits until nothing follows from orders any more, and nobody counts as a shopper."""
        await self._server.ask(do="settle", seconds_max=SETTLE_S_MAX)
        await asyncio.sleep(SHOPPERS_GONE_MS / 1_000)

    async def bring(self) -> list[float]:
        """Sends another delta; seconds until each screen has all of it."""
        self._sent += 1
        for screen in self._screens:
            screen.expect(self._sent + 1)
        began = time.perf_counter()
        await _send(self._http, self.skus, self._sent)
        late = []
        for screen in self._screens:
            try:
                late.append(await screen.all_seen() - began)
            except TimeoutError:
                self.lost += 1
                late.append(SEEN_S_MAX)
        return late


async def delta(databases: Databases, *, quick: bool) -> dict[str, Any]:
    """From sending a delta to the last screen, and the tail of checkouts without and with it.

    Once where nobody buys; beside shoppers who never pause, which is as much as so many can do;
    and beside shoppers who come at half of that rate, whatever the delta does to them.
    """
    skus = SKUS_QUICK if quick else SKUS
    seconds = SECONDS_QUICK if quick else SECONDS
    async with AsyncExitStack() as stack:
        port, server, buyers = await stack.enter_async_context(_shop(await databases.fresh()))
        bought = [f"BUY-{number:04}" for number in range(BOUGHT_SKUS)]
        prices = await server.ask(do="seed", skus=bought, units=BOUGHT_UNITS)
        address = f"http://127.0.0.1:{port}"
        http = await stack.enter_async_context(
            httpx2.AsyncClient(base_url=address, timeout=SEEN_S_MAX)
        )
        await _send(http, skus, 0)
        await server.ask(do="settle", seconds_max=SETTLE_S_MAX)
        screens = await stack.enter_async_context(_screens(port, skus))
        shop = Shop(http, server, buyers, screens, skus)
        return await _turns(shop, prices, seconds, 1 if quick else REPEATS)


async def _turns(
    shop: Shop, prices: dict[str, int], seconds: float, repeats: int
) -> dict[str, Any]:
    busy = Case(do="buy", prices=prices, hot=None, clients=BUYERS)
    quiet: list[float] = []
    # What is slow once is in no figure.
    warm = await shop.buyers.ask(
        do="buy", prices=prices, hot=None, clients=BUYERS, seconds=SECONDS_QUICK
    )
    per_s = max(1.0, PACED_SHARE * len(warm["times"]) / SECONDS_QUICK)
    paced = Case(do="buy_paced", prices=prices, per_s=per_s)
    for _ in range(repeats):
        await shop.rest()
        quiet += await shop.bring()
        await busy.turn(shop, seconds)
        await paced.turn(shop, seconds)
    return {
        "delta_skus": shop.skus,
        "delta_to_screen_quiet_s": round(max(quiet), 2),
        **busy.figures(""),
        **paced.figures("_paced"),
        "lost": shop.lost,
    }


async def _send(http: Any, skus: int, number: int) -> None:
    """A feed in which each count differs from that of the number before."""
    rows = "".join(
        f"article-{at:06},Article {at},SKU-{at:06},{1_000 + (at + number) % 100},9.90\n"
        for at in range(skus)
    )
    answer = await http.post(
        "/api/imports?supplier=Delta&profile=generic&source=delta.csv",
        content=f"handle,title,sku,stock,cost\n{rows}".encode(),
        headers={"Idempotency-Key": new_id()},
    )
    if answer.status_code != 200:
        raise RuntimeError(f"the feed was refused: {answer.text[:500]}")
    told = msgspec.json.decode(answer.content)
    if told["status"] != "finished" or told["changed"] != skus:
        raise RuntimeError(f"the feed did not take effect: {answer.text[:500]}")


@contextlib.asynccontextmanager
async def _screens(port: int, skus: int) -> AsyncIterator[list[Watcher]]:
    topics = [f"stock:SKU-{at:06}" for at in range(skus)]
    url = f"ws://127.0.0.1:{port}/sync"
    screens = [Watcher(url, topics[at::SCREENS]) for at in range(SCREENS)]
    async with AsyncExitStack() as stack:
        for screen in screens:
            await stack.enter_async_context(screen.client)
            screen.client.subscribe(screen.topics)
            await screen.client.until_live()
        yield screens


@contextlib.asynccontextmanager
async def _shop(dsn: str) -> AsyncIterator[tuple[int, Process, Process]]:
    async with AsyncExitStack() as stack:
        data = tempfile.mkdtemp(prefix="shopwire-bench-delta-")
        stack.callback(shutil.rmtree, data, ignore_errors=True)
        server = await Process.start("checkout_server", dsn, data)
        stack.push_async_callback(server.end)
        port = (await server.hear())["port"]
        buyers = await Process.start("checkout_buyers", str(port))
        stack.push_async_callback(buyers.end)
        yield port, server, buyers
