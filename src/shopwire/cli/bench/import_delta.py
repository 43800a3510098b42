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
from shopwire.sync.client import SyncClient
from shopwire.sync.reducer import Change

SKUS: Final = 10_000
SKUS_QUICK: Final = 2_000
SCREENS: Final = 20
"""Among them they watch every SKU of the delta."""
BUYERS: Final = 2
"""Shoppers at once, each with the next checkout as soon as the last is placed: a busy shop that has
a little of its cores left. They buy other SKUs than the delta is of."""
BOUGHT_SKUS: Final = 200
BOUGHT_UNITS: Final = 1_000_000
REPEATS: Final = 3
"""Times that shoppers alone and shoppers beside a delta take turns."""
SECONDS: Final = 4.0
SECONDS_QUICK: Final = 2.0
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


async def delta(databases: Databases, *, quick: bool) -> dict[str, Any]:
    """From sending a delta to the last screen, and the tail of checkouts without and with it."""
    skus = SKUS_QUICK if quick else SKUS
    seconds = SECONDS_QUICK if quick else SECONDS
    async with _shop(await databases.fresh()) as (port, server, buyers):
        bought = [f"BUY-{number:04}" for number in range(BOUGHT_SKUS)]
        prices = await server.ask(do="seed", skus=bought, units=BOUGHT_UNITS)
        address = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(base_url=address, timeout=SEEN_S_MAX) as http:
            await _send(http, skus, 0)
            await server.ask(do="settle", seconds_max=SETTLE_S_MAX)
            return await _turns(http, port, buyers, prices, skus, seconds, 1 if quick else REPEATS)


async def _turns(
    http: Any,
    port: int,
    buyers: Process,
    prices: dict[str, int],
    skus: int,
    seconds: float,
    repeats: int,
) -> dict[str, Any]:
    alone: list[dict[str, float]] = []
    beside: list[dict[str, float]] = []
    late: list[float] = []
    lost = 0
    buy = {"do": "buy", "prices": prices, "hot": None, "clients": BUYERS, "seconds": seconds}
    async with _screens(port, skus) as screens:
        await buyers.ask(**buy | {"seconds": 1.0})  # what is slow once is in neither
        for number in range(1, repeats + 1):
            alone.append(latencies((await buyers.ask(**buy))["times"]))
            bought = asyncio.create_task(buyers.ask(**buy))
            await asyncio.sleep(WARM_UP_S)  # until then nothing of it is counted
            for screen in screens:
                screen.expect(number + 1)
            began = time.perf_counter()
            await _send(http, skus, number)
            for screen in screens:
                with contextlib.suppress(TimeoutError):
                    late.append(await screen.all_seen() - began)
                    continue
                lost += 1
            beside.append(latencies((await bought)["times"]))
    p99 = [(one["p99_ms"], other["p99_ms"]) for one, other in zip(alone, beside, strict=True)]
    return {
        "delta_skus": skus,
        "delta_to_screen_s": round(max(late, default=SEEN_S_MAX), 2),
        "delta_to_screen_median_s": round(statistics.median(late or [SEEN_S_MAX]), 2),
        "checkout_p99_ms": statistics.median(one for one, _ in p99),
        "checkout_p99_beside_ms": statistics.median(other for _, other in p99),
        "checkout_p99_ratio": round(statistics.median(other / one for one, other in p99), 2),
        "lost": lost,
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
