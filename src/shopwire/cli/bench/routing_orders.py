"""Orders for the bench `routing`: AdventureWorks' offers where its tables are, else a likeness."""

import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from shopwire.modules.routing.api import RoutingRules
from shopwire.modules.routing.scoring import SCORE_MAX, UNKNOWN
from shopwire.modules.routing.weighing import Candidate, Known, Occasion, Terms, Wanted

NOW_MS: Final = 1_800_000_000_000
"""The moment of all choices: nothing here depends on the clock."""
LINES_MAX: Final = 6
"""Lines of an order: the largest that is solved exactly whatever it holds."""
UNITS_MAX: Final = 5
"""Units of a line: with more, trying everything takes too long."""
ARTICLES: Final = 265
"""Articles of the likeness, with one, two or three offers each as often as in the real tables."""
OFFERS_OF: Final = (1,) * 113 + (2,) * 109 + (3,) * 43
LINES_OF: Final = (1,) * 1_650 + (2,) * 1_227 + (3,) * 626 + (4,) * 219 + (5,) * 158 + (6,) * 132
"""How many lines the real purchase orders have; longer ones count as the longest here."""
WAYS: Final = ((395, 99), (995, 199), (2_995, 299), (2_195, 129), (899, 149))
"""Ways of shipping of the real tables: what the first and each further unit costs."""


class Case(NamedTuple):
    """One order with what is known when its suppliers are chosen."""

    wanted: tuple[Wanted, ...]
    known: Known
    occasion: Occasion


class World(NamedTuple):
    """Offers, and how suppliers ship and keep their word."""

    offers: dict[str, tuple[Candidate, ...]]
    popular: tuple[str, ...]
    """Articles, each as often as it was ordered."""
    lines: tuple[int, ...]
    """How many lines orders have, each as often as it happened."""
    terms: dict[str, Terms]
    scores: dict[str, int]
    source: str


def shared_tables() -> Path | None:
    """Where the real tables are, None where they are not."""
    named = os.environ.get("SHOPWIRE_SHARED_DATA")
    folder = Path(named) if named else Path.cwd().parent / "shared" / "data"
    tables = folder / "adventureworks"
    return tables if (tables / "ProductVendor.tsv").is_file() else None


def open_world(tables: Path | None = None) -> World:
    """The real offers, or their likeness."""
    return _likeness() if tables is None else _real(tables)


def cases(world: World, count: int, seed: int = 1) -> Iterator[Case]:
    """Orders of a shop with these offers: the same for the same seed.

    How much a supplier has of an article is drawn anew for each order, and a fifth of the offers is
    nearly sold out, so that lines have to be split.
    """
    draw = random.Random(seed)  # noqa: S311 - orders of a bench, the same each time
    rules = RoutingRules()
    for _ in range(count):
        wished: dict[str, int] = {}
        lines = min(draw.choice(world.lines), LINES_MAX)
        while len(wished) < lines:
            wished.setdefault(draw.choice(world.popular), draw.randint(1, UNITS_MAX))
        candidates = tuple(_with_stock(one, draw) for sku in wished for one in world.offers[sku])
        wanted = tuple(
            Wanted(
                sku=sku,
                quantity=units,
                revenue_minor=units * 2 * max(one.cost_minor or 0 for one in world.offers[sku]),
            )
            for sku, units in wished.items()
        )
        known = Known(
            candidates=candidates,
            terms=world.terms,
            scores=world.scores,
            prior=UNKNOWN,
            rules=rules,
        )
        value = sum(one.revenue_minor for one in wanted)
        occasion = Occasion(currency="USD", country="US", value_minor=value, now_ms=NOW_MS)
        yield Case(wanted, known, occasion)


def _with_stock(one: Candidate, draw: random.Random) -> Candidate:
    scarce = draw.random() < 0.2
    there = draw.randint(0, 3) if scarce else draw.randint(UNITS_MAX, 200)
    return Candidate(
        sku=one.sku,
        supplier=one.supplier,
        there=there,
        cost_minor=one.cost_minor,
        currency="USD",
        lead_time_days=one.lead_time_days,
        as_of_ms=NOW_MS - draw.randrange(48) * 3_600_000,
    )


def rows_of(tables: Path, name: str) -> list[list[str]]:
    """The rows of one table: tab-separated, without a heading."""
    text = (tables / f"{name}.tsv").read_text(encoding="ascii")
    return [line.split("\t") for line in text.splitlines()]


def minor(text: str) -> int:
    """An amount of the tables in cents, rounded half up; they have up to four decimals."""
    whole, _, rest = text.partition(".")
    ten_thousandths = int(whole or 0) * 10_000 + int((rest + "0000")[:4])
    return (ten_thousandths + 50) // 100


def _real(tables: Path) -> World:
    offers: dict[str, list[Candidate]] = {}
    for row in rows_of(tables, "ProductVendor"):
        offer = Candidate(
            sku=row[1],
            supplier=row[2],
            there=0,
            cost_minor=minor(row[4]),
            currency="USD",
            lead_time_days=int(row[3]),
        )
        offers.setdefault(offer.sku, []).append(offer)
    heads = {row[0]: row for row in rows_of(tables, "PurchaseOrderHeader")}
    ways = {row[0]: (minor(row[2]), minor(row[3])) for row in rows_of(tables, "ShipMethod")}
    ordered, received, lacking = Counter[str](), Counter[str](), Counter[str]()
    popular, lines = list[str](), Counter[str]()
    for row in rows_of(tables, "PurchaseOrderDetail"):
        vendor = heads[row[0]][4]
        lines[row[0]] += 1
        if row[4] in offers:
            popular.append(row[4])
        ordered[vendor] += int(row[3])
        received[vendor] += int(float(row[7]))
        lacking[vendor] += int(float(row[8]))
    terms = {}
    for head in heads.values():
        parcel, unit = ways[head[5]]
        terms[head[4]] = Terms(parcel_minor=parcel, unit_minor=unit)
    scores = {
        vendor: SCORE_MAX * max(0, received[vendor] - lacking[vendor]) // units
        for vendor, units in ordered.items()
        if units
    }
    return World(
        {sku: tuple(own) for sku, own in offers.items()},
        tuple(popular),
        tuple(lines.values()),
        terms,
        scores,
        "AdventureWorks",
    )


def _likeness() -> World:
    draw = random.Random(7)  # noqa: S311 - a likeness of tables, the same each time
    vendors = [f"v{at:02}" for at in range(86)]
    offers: dict[str, tuple[Candidate, ...]] = {}
    for at in range(ARTICLES):
        cost = draw.randint(20, 9_000)
        offers[f"p{at:03}"] = tuple(
            Candidate(
                sku=f"p{at:03}",
                supplier=vendor,
                there=0,
                cost_minor=max(1, cost * draw.randint(90, 115) // 100),
                currency="USD",
                lead_time_days=draw.randint(10, 25),
            )
            for vendor in _some(vendors, OFFERS_OF[at], draw)
        )
    terms = {
        name: Terms(parcel_minor=parcel, unit_minor=unit)
        for name in vendors
        for parcel, unit in [draw.choice(WAYS)]
    }
    scores = {name: draw.randint(850, SCORE_MAX) for name in vendors}
    return World(offers, tuple(offers), LINES_OF, terms, scores, "a likeness of AdventureWorks")


def _some(vendors: Sequence[str], count: int, draw: random.Random) -> list[str]:
    """Vendors, a few of them again and again, as wholesalers are."""
    often = vendors[:12] if draw.random() < 0.6 else vendors
    return draw.sample(list(often), count)
