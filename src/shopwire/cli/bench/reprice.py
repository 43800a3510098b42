"""Bench `reprice`: other rules over a whole shop, previewed, applied, and seen by screens."""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx2
import msgspec

from shopwire.cli.bench.common import Databases, machine, percentile
from shopwire.cli.bench.svg import Chart
from shopwire.kernel.ids import new_id
from shopwire.kernel.queries import load_queries
from shopwire.modules.pricing.api import PriceRule, PriceRules, When
from shopwire.sync.client import SyncClient
from shopwire.sync.reducer import Change

_SQL: Final = load_queries("shopwire.cli.bench", "reprice.sql")
_driver: Any = asyncpg
SKUS: Final = 100_000
SKUS_QUICK: Final = 10_000
SCREENS: Final = 20
TOPICS_EACH: Final = 50
"""Prices that each screen watches, spread over the shop."""
PREVIEWS: Final = 3
READY_S_MAX: Final = 60.0
"""A start, or the last prices on the screens, that take longer count as failed."""
DONE_S_MAX: Final = 300.0
"""Rules whose prices take longer to follow count as failed."""
LOOK_S: Final = 0.05
"""Wait between two looks at what another process has done: it gives no signal."""


def rules_of(factor_bp: int, *, brands: int) -> PriceRules:
    """A set of rules as a merchant has it: one a room, and some brands apart."""
    rooms = tuple(
        PriceRule(
            name=f"room {n}", when=When(categories=(f"room-{n}",)), factor_bp=factor_bp + 500 * n
        )
        for n in range(8)
    )
    dear = tuple(
        PriceRule(
            name=f"brand {n}", when=When(brands=(f"Brand {n}",)), priority=1, factor_bp=factor_bp
        )
        for n in range(brands)
    )
    return PriceRules(rules=(*rooms, *dear), margin_min_bp=1_500, fee_bp=290, fee_minor=25)


class Screen:
    """A client that notes when each price of a version came."""

    def __init__(self, url: str, topics: Sequence[str]) -> None:
        self.topics = topics
        self.seen_ms: dict[tuple[str, int], int] = {}
        self.client = SyncClient(url, on_change=self._note)

    def _note(self, change: Change) -> None:
        now_ms = time.time_ns() // 1_000_000
        for topic in change.topics:
            if (held := self.client.held(topic)) is not None:
                self.seen_ms.setdefault((topic, held.version), now_ms)


async def run(quick: bool, databases: Databases) -> dict[str, Any]:
    """Fills a shop, puts rules twice, and follows the second time on screens."""
    facts = machine()
    skus = SKUS_QUICK if quick else SKUS
    dsn = await databases.fresh()
    con = await _driver.connect(dsn)
    try:
        for name in ("fill_costs", "fill_traits"):
            await con.fetch(_SQL[name], skus)
        await con.execute(_SQL["analyze"])
        with tempfile.TemporaryDirectory(prefix="shopwire-bench-reprice-") as made:
            async with (
                _server(Path(made), dsn) as url,
                httpx2.AsyncClient(base_url=url, timeout=DONE_S_MAX) as http,
            ):
                found = await _measure(http, url, con, skus)
        update_s = await _plain(con)
    finally:
        await con.close()
    return {
        "bench": "reprice",
        "ours": found["ours"],
        "baselines": {"update": {"seconds": round(update_s, 3)}},
        "ratios": {"update": round(found["ours"]["apply_s"] / update_s, 1)},
        "refused": 0,
        "lost": found["lost"],
        "machine": facts | {"skus": skus, "screens": SCREENS, "topics_each": TOPICS_EACH},
    }


async def _measure(http: Any, url: str, con: Any, skus: int) -> dict[str, Any]:
    before, after = rules_of(18_000, brands=0), rules_of(18_500, brands=12)
    first_s = await _apply(http, con, before, 1, skus)
    previews = [await _preview(http, after) for _ in range(PREVIEWS)]
    shown = previews[0][1]
    step = max(1, skus // (SCREENS * TOPICS_EACH))
    topics = [f"price:SKU-{number:07}" for number in range(0, skus, step)]
    sync = url.replace("http", "ws") + "/sync"
    screens = [Screen(sync, topics[at::SCREENS][:TOPICS_EACH]) for at in range(SCREENS)]
    async with contextlib.AsyncExitStack() as stack:
        for screen in screens:
            await stack.enter_async_context(screen.client)
            screen.client.subscribe(screen.topics)
            await screen.client.until_live()
        apply_s = await _apply(http, con, after, 2, shown["changed"])
        watched = [topic for screen in screens for topic in screen.topics]
        recorded = {
            row["topic"]: row["recorded_at_ms"]
            for row in await con.fetch(_SQL["recorded"], watched, 2)
        }
        late, lost = await _lateness(screens, recorded)
    unchanged_s = await _apply(http, con, after, 3, 0)
    return {
        "ours": {
            "preview_s": round(min(took for took, _ in previews), 3),
            "preview_first_s": round(previews[0][0], 3),
            "preview_server_s": round(min(one["took_ms"] for _, one in previews) / 1_000, 3),
            "first_prices_s": round(first_s, 2),
            "apply_s": round(apply_s, 2),
            "prices_changed": shown["changed"],
            "prices_per_s": round(shown["changed"] / apply_s),
            "same_again_s": round(unchanged_s, 3),
            "screens_p50_ms": percentile(late, 0.50),
            "screens_p95_ms": percentile(late, 0.95),
            "screens_max_ms": percentile(late, 1.0),
        },
        "lost": lost,
    }


async def _lateness(screens: Sequence[Screen], recorded: dict[str, int]) -> tuple[list[float], int]:
    """From each price's commit to its arrival, ordered; and how many never came."""
    wanted = [(screen, topic) for screen in screens for topic in screen.topics if topic in recorded]
    for screen in screens:
        mine = [topic for one, topic in wanted if one is screen]
        with contextlib.suppress(TimeoutError):
            await screen.client.until(partial(_all_seen, screen, mine), READY_S_MAX)
    late = [
        float(screen.seen_ms[topic, 2] - recorded[topic])
        for screen, topic in wanted
        if (topic, 2) in screen.seen_ms
    ]
    return sorted(late), len(wanted) - len(late)


def _all_seen(screen: Screen, topics: Sequence[str]) -> bool:
    return all((topic, 2) in screen.seen_ms for topic in topics)


async def _apply(http: Any, con: Any, rules: PriceRules, version: int, wanted: int) -> float:
    """Puts rules and waits until so many prices have that version; seconds from the first byte."""
    began = time.perf_counter()
    body = msgspec.json.encode({"rules": rules})
    answer = await http.post(
        "/api/commands/pricing.put_rules", content=body, headers={"Idempotency-Key": new_id()}
    )
    if answer.status_code != 200:
        raise RuntimeError(f"the rules were refused: {answer.text[:500]}")
    while (await con.fetchrow(_SQL["priced"], version))["done"] < wanted:
        if time.perf_counter() - began > DONE_S_MAX:
            raise RuntimeError("the prices did not follow in time")
        await asyncio.sleep(LOOK_S)
    return time.perf_counter() - began


async def _preview(http: Any, rules: PriceRules) -> tuple[float, dict[str, Any]]:
    began = time.perf_counter()
    answer = await http.post("/api/prices/preview", content=msgspec.json.encode({"rules": rules}))
    if answer.status_code != 200:
        raise RuntimeError(f"the preview was refused: {answer.text[:500]}")
    return time.perf_counter() - began, msgspec.json.decode(answer.content)


@contextlib.asynccontextmanager
async def _server(data: Path, dsn: str) -> AsyncIterator[str]:
    """A running `shopwire up` on the database; its address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shopwire.cli.main", "up", "--data", str(data), "--port", "0"),
        *("--database", dsn),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(READY_S_MAX):
            address = await _address(process.stdout)
        rest = asyncio.create_task(process.stdout.read())
        yield address
        rest.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        await process.wait()


async def _address(output: asyncio.StreamReader) -> str:
    """Where the server says that it is."""
    while line := (await output.readline()).decode():
        at = line.find("http://")
        if at >= 0:
            return line[at:].split()[0].rstrip("/")
    raise RuntimeError("`shopwire up` ended before it was ready")


async def _plain(con: Any) -> float:
    """One UPDATE of a plain table with the same articles, committed."""
    await con.execute(_SQL["create_plain"])
    await con.execute(_SQL["key_plain"])
    began = time.perf_counter()
    await con.execute(_SQL["update_plain"])
    return time.perf_counter() - began


def charts(result: dict[str, Any]) -> list[Chart]:
    """What a merchant waits for, beside the bare statement."""
    ours = result["ours"]
    bars = [
        ("preview", ours["preview_s"]),
        ("applied, screens following", ours["apply_s"]),
        ("one UPDATE of a plain table", result["baselines"]["update"]["seconds"]),
    ]
    title = f"Other rules for {result['machine']['skus']:,} articles"
    return [Chart(name="time", title=title, unit="s", bars=bars)]
