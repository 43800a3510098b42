"""Bench `reserve`: units held through the real write path, beside the usual ways to do it.

Ours does its full bookkeeping: key, hold, ledger line, document, event. The others do theirs: key,
ledger line, event. All commits are durable; every run has a database of its own.
"""

import random
import statistics
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

import asyncpg
import msgspec

from shopwire.adapters.postgres.store import Store, open_store
from shopwire.cli.bench.common import Databases, closed_loop, machine, medians
from shopwire.cli.bench.reserve_ways import SQL, WAYS, open_way
from shopwire.cli.bench.svg import Chart
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Envelope
from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.write_path import WritePath
from shopwire.modules.inventory.api import Count, HoldLine, HoldStock, ReportStocks
from shopwire.modules.inventory.wiring import MODULE

UNITS: Final = 10_000_000
"""Of each SKU: more than any run takes."""
UNIT_ROWS: Final = 80_000
"""Units that are rows: more than any run takes."""
SKUS: Final = 1_000
TTL_MS: Final = 900_000
SCARCE_UNITS: Final = 500
SCARCE_BUYERS: Final = 2_000
_SUPPLIER: Final = "warehouse"
_PICKS: Final = 65_536
"""Choices made before a run, so that choosing is not measured."""
_driver: Any = asyncpg


class Case(msgspec.Struct, frozen=True):
    """Who wants what."""

    clients: int
    exponent: int | None = None
    """Of Zipf's law over 1,000 SKUs; None for one SKU."""

    @property
    def name(self) -> str:
        """As the result names it."""
        what = "one_sku" if self.exponent is None else f"zipf{self.exponent}"
        return f"{what}_clients_{self.clients}"

    @property
    def skus(self) -> list[str]:
        """All of them, the most wanted first."""
        return [f"SKU-{number:04}" for number in range(1 if self.exponent is None else SKUS)]

    @property
    def weights(self) -> list[float]:
        """How much each SKU is wanted."""
        return [1 / rank ** (self.exponent or 0) for rank in range(1, len(self.skus) + 1)]

    def picks(self) -> list[str]:
        """What is wanted, one reservation after the other; the same in every run."""
        chooser = random.Random(1)  # noqa: S311 - a workload, no secret
        return chooser.choices(self.skus, cum_weights=list(accumulate(self.weights)), k=_PICKS)

    def unit_rows(self) -> dict[str, int]:
        """Units as rows: a few of what is hardly wanted."""
        whole = sum(self.weights)
        wanted = [int(weight / whole * UNIT_ROWS) + 50 for weight in self.weights]
        return dict(zip(self.skus, wanted, strict=True))


HEADLINE: Final = Case(64)
MANY: Final = Case(2_048)
OURS: Final = (HEADLINE, MANY, *(Case(c, e) for c in (64, 2_048) for e in (1, 2)))
THEIRS: Final = (HEADLINE, MANY, Case(64, 1))
THEIRS_QUICK: Final = (HEADLINE, MANY)


class Length(msgspec.Struct, frozen=True):
    """How long a run takes."""

    seconds: float
    repeats: int
    theirs: tuple[Case, ...]


FULL: Final = Length(4.0, 3, THEIRS)
QUICK: Final = Length(0.8, 1, THEIRS_QUICK)

Runs = dict[str, list[dict[str, float]]]


async def run(quick: bool, databases: Databases) -> dict[str, Any]:
    """All figures of one run; ours and the others take turns and meet the same noise."""
    length = QUICK if quick else FULL
    facts = machine()
    ours: Runs = {case.name: [] for case in OURS}
    theirs: dict[str, Runs] = {way: {case.name: [] for case in length.theirs} for way in WAYS}
    books: list[dict[str, int]] = []
    for _ in range(length.repeats):
        for case in OURS:
            # Many clients wait long for their turn: a short look would see none of them served.
            seconds = length.seconds * (2 if case.clients > HEADLINE.clients else 1)
            figures, found = await _ours(await databases.fresh(), case, seconds)
            ours[case.name].append(figures)
            books.append(found)
            for way in WAYS if case in length.theirs else ():
                dsn = await databases.fresh()
                theirs[way][case.name].append(await _theirs(dsn, way, case, seconds))
    scarce = await _scarce(await databases.fresh())
    cases = {name: medians(runs) for name, runs in ours.items()}
    share = {
        clients: _paired(ours, f"zipf2_clients_{clients}", ours, f"zipf1_clients_{clients}")
        for clients in (64, 2_048)
    }
    return {
        "bench": "reserve",
        "quick": quick,
        "ours": {
            **cases[HEADLINE.name],
            "reservations_per_s_2048": cases[MANY.name]["reservations_per_s"],
            "zipf2_share_of_zipf1": share[64],
            "zipf2_share_of_zipf1_2048": share[2_048],
            "deadlocks": await _deadlocks(databases),
            "oversold": sum(found["oversold"] for found in books) + scarce["oversold"],
            "unexplained": sum(found["unexplained"] for found in books) + scarce["unexplained"],
            "scarce": scarce,
            "cases": cases,
        },
        "baselines": {
            way: {**medians(runs[HEADLINE.name]), "cases": _medians(runs)}
            for way, runs in theirs.items()
        },
        "ratios": {
            way + tail: _paired(ours, case.name, runs, case.name)
            for way, runs in theirs.items()
            for case, tail in ((HEADLINE, ""), (MANY, "_2048"))
        },
        "refused": sum(found["refused"] for found in books),
        "lost": sum(found["lost"] for found in books) + scarce["lost"],
        "machine": facts | {"units": UNITS, "unit_rows": UNIT_ROWS, "skus": SKUS},
    }


def charts(result: dict[str, Any]) -> list[Chart]:
    """Rates beside the others, rates by crowding, tails."""
    ours, baselines = result["ours"], result["baselines"]
    rows = {"write path": ours["cases"]} | {
        name.replace("_", " "): value["cases"] for name, value in baselines.items()
    }
    return [
        Chart(
            name="rate",
            title="Reservations of one SKU, full bookkeeping",
            unit="reservations/s",
            log_scale=True,
            bars=[
                (f"{name}, {case.clients:,} clients", cases[case.name]["reservations_per_s"])
                for case in (HEADLINE, MANY)
                for name, cases in rows.items()
            ],
        ),
        Chart(
            name="crowding",
            title="Ours: one SKU, and Zipf over 1,000",
            unit="reservations/s",
            bars=[
                (name.replace("_", " "), figures["reservations_per_s"])
                for name, figures in ours["cases"].items()
            ],
        ),
        Chart(
            name="tail",
            title="Time to a durable reservation, 99th percentile, one SKU, 64 clients",
            unit="ms",
            log_scale=True,
            bars=[(name, cases[HEADLINE.name]["p99_ms"]) for name, cases in rows.items()],
        ),
    ]


async def _ours(dsn: str, case: Case, seconds: float) -> tuple[dict[str, float], dict[str, int]]:
    picks = case.picks()
    held = refused = 0
    async with open_store(dsn, MODULE.tables) as store:
        write_path = await _stocked(store, case.skus, UNITS)

        async def reserve(client: int, number: int) -> None:
            nonlocal held, refused
            sku = picks[(client * 8_191 + number) % _PICKS]
            if await _hold(write_path, sku, f"h-{client}-{number}"):
                held += 1
            else:
                refused += 1

        try:
            figures = await closed_loop(reserve, case.clients, seconds)
        finally:
            await write_path.stop()
    figures["reservations_per_s"] = figures.pop("per_s")
    return figures, await _books(dsn, held) | {"refused": refused}


async def _theirs(dsn: str, name: str, case: Case, seconds: float) -> dict[str, float]:
    picks = case.picks()
    reserved = 0
    units = case.unit_rows() if name == "skip_locked" else dict.fromkeys(case.skus, UNITS)
    async with open_way(dsn, name, units) as way:

        async def reserve(client: int, number: int) -> None:
            nonlocal reserved
            sku = picks[(client * 8_191 + number) % _PICKS]
            if await way.reserve(sku, f"h-{client}-{number}"):
                reserved += 1

        figures = await closed_loop(reserve, case.clients, seconds, way.end)
        lines = await way.lines()
    if lines != reserved:
        raise RuntimeError(f"{name} told of {reserved} reservations and wrote down {lines}")
    figures["reservations_per_s"] = figures.pop("per_s")
    return figures


async def _scarce(dsn: str) -> dict[str, int]:
    """More buyers than units, all at once: as many are sold as there are."""
    held = 0
    async with open_store(dsn, MODULE.tables) as store:
        write_path = await _stocked(store, ["SKU-0000"], SCARCE_UNITS)
        envelopes = [_envelope("SKU-0000", f"b-{buyer}") for buyer in range(SCARCE_BUYERS)]
        for outcome in await write_path.submit_many(envelopes):
            held += outcome.ok
        await write_path.stop()
    found = await _books(dsn, held)
    return found | {"units": SCARCE_UNITS, "buyers": SCARCE_BUYERS, "held": held}


async def _stocked(store: Store, skus: Sequence[str], units: int) -> WritePath:
    write_path = WritePath(store.storage, MODULE.handlers, SystemClock())
    await write_path.start()
    reports = [
        Envelope(
            command=ReportStocks(
                supplier=_SUPPLIER, counts=(Count(sku=sku, quantity=units),), reference="bench"
            ),
            key=sku,
        )
        for sku in skus
    ]
    for outcome in await write_path.submit_many(reports):
        if not outcome.ok:
            raise RuntimeError(outcome.body.decode())
    return write_path


def _envelope(sku: str, hold: str) -> Envelope:
    lines = (HoldLine(sku=sku, quantity=1),)
    return Envelope(command=HoldStock(hold_id=hold, lines=lines, ttl_ms=TTL_MS), key=hold)


async def _hold(write_path: WritePath, sku: str, hold: str) -> bool:
    try:
        return (await write_path.submit(_envelope(sku, hold))).ok
    except ShopwireError as problem:
        if not problem.temporary:
            raise
        return False


async def _books(dsn: str, held: int) -> dict[str, int]:
    """What was told to clients beside what the database says; all of it has to be the same."""
    con = await _driver.connect(dsn)
    try:
        found: Mapping[str, int] = await con.fetchrow(SQL["books"])
    finally:
        await con.close()
    told = [found[name] for name in ("pools", "ledger", "holds", "shown", "keys")]
    return {
        "lost": max(0, held - min(told)),
        "unexplained": sum(abs(held - number) for number in told),
        "oversold": found["oversold"],
    }


async def _deadlocks(databases: Databases) -> int:
    con = await _driver.connect(databases.admin_dsn)
    try:
        return int(await con.fetchval(SQL["deadlocks"]))
    finally:
        await con.close()


def _medians(runs: Runs) -> dict[str, dict[str, float]]:
    return {name: medians(figures) for name, figures in runs.items()}


def _paired(one: Runs, name: str, other: Runs, other_name: str) -> float:
    """The median of the ratios of runs that stood beside each other."""
    pairs = zip(one[name], other[other_name], strict=True)
    rates = [(a["reservations_per_s"], b["reservations_per_s"]) for a, b in pairs]
    return round(statistics.median(a / max(b, 0.001) for a, b in rates), 3)
