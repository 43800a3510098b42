"""What other price rules would do: every price before and after, without changing one."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from functools import lru_cache
from heapq import nlargest
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any, Final

import msgspec
from litestar import Request, post

from shopwire.kernel.errors import InvalidField, MalformedRequest
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.limits import COMMAND_BYTES_MAX
from shopwire.kernel.queries import Reads
from shopwire.modules.pricing.api import PriceRules
from shopwire.modules.pricing.domain import CostInput, Sale, Working, cheapest, work_out
from shopwire.modules.pricing.floors import BASIS
from shopwire.modules.pricing.rates import Converter, Rate
from shopwire.modules.pricing.reading import read_rules
from shopwire.modules.pricing.rules import Article, Book, book_of, check_rules, lineage
from shopwire.modules.pricing.store import SQL, rates_of

OFFERS_AT_ONCE: Final = 10_000
"""Offers that are read and worked out at a time; a shop answers others between."""
PREVIEWS_AT_ONCE_MAX: Final = 1
"""Previews that are worked out at a time; further ones wait, and shoppers keep a core."""
MOVES_SHOWN_MAX: Final = 20
"""Largest moves up, and down, that are listed."""
FLOORED_SHOWN_MAX: Final = 50
"""Articles that would newly stand at a floor that are listed; the rest is counted."""
CATEGORIES_SHOWN_MAX: Final = 40
"""Categories that are listed, the largest first; the others are added up under one name."""
EDGES_BP: Final = (-5_000, -2_500, -1_000, -500, -100, 0, 1, 101, 501, 1_001, 2_501, 5_001)
"""Where the histogram's bars begin, in basis points of the price before; the first bar lies below
the first edge. The one from 0 to 1 is what stays the same."""
OTHERS: Final = "*"
"""Name under which the categories that are not listed are added up."""


class Sum(msgspec.Struct, kw_only=True):
    """Prices and what is left of them, one unit of each article."""

    revenue_minor: int = 0
    margin_minor: int = 0
    """After cost, shipping and fees."""

    def add(self, working: Working) -> None:
        """One more article."""
        self.revenue_minor += working.amount_minor
        self.margin_minor += working.margin_minor

    def plus(self, other: "Sum") -> None:
        """The articles of another sum."""
        self.revenue_minor += other.revenue_minor
        self.margin_minor += other.margin_minor


class Part(msgspec.Struct, kw_only=True):
    """A category, or all of the shop."""

    category: str
    """Slug of the topmost; empty for articles without one."""
    skus: int = 0
    changed: int = 0
    before: Sum = msgspec.field(default_factory=Sum)
    after: Sum = msgspec.field(default_factory=Sum)

    def plus(self, other: "Part") -> None:
        """The articles of another part."""
        self.skus += other.skus
        self.changed += other.changed
        self.before.plus(other.before)
        self.after.plus(other.after)


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A price that would be another one."""

    sku: str
    before_minor: int
    after_minor: int
    change_bp: int
    """Of the price before."""
    rule: str | None
    """Which rule would decide; None for the markups by range of cost."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """How many prices would change by so much; None where there is no end."""

    from_bp: int | None
    below_bp: int | None
    skus: int


class Floored(msgspec.Struct, frozen=True, kw_only=True):
    """An article whose price a floor would decide, and does not now."""

    sku: str
    floor: str
    """`margin` or `map`."""
    wanted_minor: int
    """What the rule alone would ask."""
    after_minor: int


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules would do to the whole shop. Margins count one unit of each article."""

    rules_version: int
    """Version of the rules that hold now: what `expected_version` should name when applying."""
    currency: str
    currency_after: str
    """Where it differs, amounts before and after cannot be compared, and moves are left out."""
    skus: int
    priced: int
    changed: int
    up: int
    down: int
    gained: int
    """Articles that would have a price and have none now."""
    lost: int
    total: Part
    categories: tuple[Part, ...]
    histogram: tuple[Bar, ...]
    largest_up: tuple[Move, ...]
    largest_down: tuple[Move, ...]
    floors_before: Mapping[str, int]
    floors_after: Mapping[str, int]
    floored: tuple[Floored, ...]
    floored_count: int
    rules_used: Mapping[str, int]
    """How many articles each rule would decide; the empty name for the markups."""
    took_ms: int


class _Tally:
    """Adds up one article after the other."""

    def __init__(self) -> None:
        self.total = Part(category=OTHERS)
        self.parts: dict[str, Part] = {}
        self.moves: list[tuple[int, Move]] = []
        self.bars: Counter[int] = Counter()
        self.floors: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self.floored: list[Floored] = []
        self.floored_count = 0
        self.rules: Counter[str] = Counter()
        self.skus = self.gained = self.lost = self.up = self.down = 0

    def add(self, sku: str, category: str, before: Working | None, after: Working | None) -> None:
        """One article under the rules of now and under the others."""
        self.skus += 1
        if after is None or before is None:
            self.gained += after is not None
            self.lost += before is not None
            return
        part = self.parts.get(category)
        if part is None:
            part = self.parts[category] = Part(category=category)
        part.skus += 1
        part.before.add(before)
        part.after.add(after)
        self.rules[after.terms.rule or ""] += 1
        self._floors(sku, before, after)
        old, new = before.amount_minor, after.amount_minor
        if new == old:
            self.bars[0] += 1
            return
        part.changed += 1
        self.up += new > old
        self.down += new < old
        change = (new - old) * BASIS // old or 1
        self.bars[change] += 1
        move = (new - old, sku, old, new, change, after.terms.rule)
        self._keep(move)

    def _keep(self, move: tuple[int, str, int, int, int, str | None]) -> None:
        amount, sku, old, new, change, rule = move
        self.moves.append(
            (
                amount,
                Move(sku=sku, before_minor=old, after_minor=new, change_bp=change, rule=rule),
            )
        )
        if len(self.moves) > 50 * MOVES_SHOWN_MAX:
            self._trim()

    def _trim(self) -> None:
        up = nlargest(MOVES_SHOWN_MAX, self.moves, key=itemgetter(0))
        down = nlargest(MOVES_SHOWN_MAX, self.moves, key=lambda one: -one[0])
        self.moves = [*(one for one in up if one[0] > 0), *(one for one in down if one[0] < 0)]

    def _floors(self, sku: str, before: Working, after: Working) -> None:
        was, now = before.last_word, after.last_word
        if was != "markup":
            self.floors[0][was] += 1
        if now == "markup":
            return
        self.floors[1][now] += 1
        if was == "markup":
            self.floored_count += 1
            if len(self.floored) < FLOORED_SHOWN_MAX:
                self.floored.append(
                    Floored(
                        sku=sku,
                        floor=now,
                        wanted_minor=after.wanted_minor,
                        after_minor=after.amount_minor,
                    )
                )

    def moved(self, *, up: bool) -> tuple[Move, ...]:
        """The largest moves in one direction, the largest first."""
        self._trim()
        found = [one for one in self.moves if (one[0] > 0) == up]
        return tuple(move for _, move in sorted(found, key=lambda one: (-abs(one[0]), one[1].sku)))

    def categories(self) -> tuple[Part, ...]:
        """The largest categories, and the others as one."""
        order = sorted(self.parts.values(), key=lambda part: (-part.skus, part.category))
        shown, rest = order[:CATEGORIES_SHOWN_MAX], order[CATEGORIES_SHOWN_MAX:]
        for part in order:
            self.total.plus(part)
        if rest:
            others = Part(category=OTHERS)
            for part in rest:
                others.plus(part)
            shown.append(others)
        return tuple(shown)

    def histogram(self) -> tuple[Bar, ...]:
        """How many prices lie between each two edges."""
        edges: list[int | None] = [None, *EDGES_BP, None]
        bars = []
        for least, below in pairwise(edges):
            found = sum(
                count
                for change, count in self.bars.items()
                if (least is None or change >= least) and (below is None or change < below)
            )
            bars.append(Bar(from_bp=least, below_bp=below, skus=found))
        return tuple(bars)


class _Both:
    """The rules of now and the others, each with its converter."""

    def __init__(self, now: PriceRules, then: PriceRules, rates: Mapping[str, Rate]) -> None:
        self.books: tuple[Book, Book] = (book_of(now), book_of(then))
        self.converters = (Converter(rates, now.currency), Converter(rates, then.currency))
        self.comparable = now.currency == then.currency
        self._same_costs = self.comparable and now.keep_map == then.keep_map

    def work(
        self, offers: Sequence[CostInput], article: Article, sales: Sequence[Sale]
    ) -> tuple[Working | None, Working | None]:
        """One article under both."""
        found: list[Working | None] = []
        cost = None
        for at, book in enumerate(self.books):
            if not at or not self._same_costs:
                cost = cheapest(offers, self.converters[at], keep_map=book.rules.keep_map)
            if cost is None:
                found.append(None)
                continue
            named = Article(article.sku, cost.supplier, article.categories, article.brand)
            found.append(work_out(cost, named, book, sales))
        return found[0], found[1]


def _offer(row: Mapping[str, Any]) -> CostInput:
    """A row of `preview_costs`, where no column is null: that would cost a copy of each row."""
    sku, supplier, cost_minor, currency, lead_time_days, map_minor, msrp_minor, *_ = row.values()
    return CostInput(
        tenant="",
        sku=sku,
        supplier=supplier,
        cost_minor=cost_minor,
        currency=currency,
        lead_time_days=lead_time_days if lead_time_days >= 0 else None,
        map_minor=map_minor if map_minor >= 0 else None,
        msrp_minor=msrp_minor if msrp_minor >= 0 else None,
        active=True,
    )


@lru_cache(maxsize=16_384)
def _categories(text: str) -> tuple[str, ...]:
    """Many articles are in the same categories: their text is read once."""
    return msgspec.json.decode(text, type=tuple[str, ...])


def _tally(
    rows: Iterable[Mapping[str, Any]], both: _Both, sales: Mapping[str, list[Sale]], into: _Tally
) -> None:
    """Works out rows of `preview_costs`, those of an article together."""
    for sku, group in groupby(rows, key=itemgetter("sku")):
        own = list(group)
        offers = [_offer(row) for row in own]
        categories = _categories(own[0]["categories"])
        article = Article(sku, "", categories, own[0]["brand"])
        before, after = both.work(offers, article, sales.get(sku, ()))
        top = lineage(categories[0])[0] if categories else ""
        into.add(sku, top, before, after)


async def preview_rules(reads: Reads, tenant: str, rules: PriceRules) -> Preview:
    """What these rules would do; raises InvalidField where they cannot be used.

    Rows are read in pieces, and worked out in a thread, so that a shop serves others meanwhile.
    """
    check_rules(rules)
    began = time.perf_counter()
    now = await read_rules(reads, tenant)
    rates: dict[str, Rate] = {}
    for row in await reads.fetch(SQL["rates"], tenant):
        rates = rates_of(row["current"])
    sales: dict[str, list[Sale]] = {}
    for row in await reads.fetch(SQL["preview_sales"], tenant):
        sales.setdefault(row["sku"], []).append(Sale(tenant=tenant, **row))
    both, tally = _Both(now["rules"], rules, rates), _Tally()
    async with aclosing(_pieces(reads, tenant)) as pieces:
        coming = asyncio.ensure_future(anext(pieces, None))
        try:
            while (rows := await coming) is not None:
                # The next rows are on their way while these are worked out.
                coming = asyncio.ensure_future(anext(pieces, None))
                await asyncio.to_thread(_tally, rows, both, sales, tally)
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
    took_ms = round((time.perf_counter() - began) * 1_000)
    return _told(tally, both, now["version"], took_ms)


async def _pieces(reads: Reads, tenant: str) -> AsyncGenerator[Sequence[Mapping[str, Any]], None]:
    """Rows of `preview_costs`, cut between articles."""
    last = ""
    while rows := await reads.fetch(SQL["preview_costs"], tenant, last, OFFERS_AT_ONCE):
        whole: Sequence[Mapping[str, Any]] = rows
        if len(rows) == OFFERS_AT_ONCE:
            # The last article may have more offers behind the cut: it comes with the next piece.
            # Where it alone fills one, it is cut there.
            cut = rows[-1]["sku"]
            whole = [row for row in rows if row["sku"] != cut] or rows
        yield whole
        last = whole[-1]["sku"]


def _told(tally: _Tally, both: _Both, version: int, took_ms: int) -> Preview:
    categories = tally.categories()
    comparable = both.comparable
    return Preview(
        rules_version=version,
        currency=both.books[0].rules.currency,
        currency_after=both.books[1].rules.currency,
        skus=tally.skus,
        priced=tally.total.skus + tally.gained,
        changed=tally.total.changed,
        up=tally.up if comparable else 0,
        down=tally.down if comparable else 0,
        gained=tally.gained,
        lost=tally.lost,
        total=tally.total,
        categories=categories,
        histogram=tally.histogram() if comparable else (),
        largest_up=tally.moved(up=True) if comparable else (),
        largest_down=tally.moved(up=False) if comparable else (),
        floors_before=dict(tally.floors[0]),
        floors_after=dict(tally.floors[1]),
        floored=tuple(tally.floored),
        floored_count=tally.floored_count,
        rules_used=dict(tally.rules.most_common()),
        took_ms=took_ms,
    )


class _Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rules: PriceRules


def read_asked(body: bytes) -> PriceRules:
    """The rules of a request, `{"rules": {...}}`; raises MalformedRequest, InvalidField."""
    try:
        return msgspec.json.decode(body, type=_Asked).rules
    except msgspec.ValidationError as problem:
        reason, _, field = str(problem).partition(" - at `$")
        raise InvalidField(field=field.strip("`.") or "body", reason=reason) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise MalformedRequest(field="body", reason=str(problem)) from None


def preview_routes(reads: Reads) -> list[Any]:
    """`POST /api/prices/preview`."""
    turns = asyncio.Semaphore(PREVIEWS_AT_ONCE_MAX)

    @post(
        "/api/prices/preview",
        status_code=200,
        request_max_body_size=COMMAND_BYTES_MAX,
        summary="What other price rules would do",
        description="The body is that of `pricing.put_rules`. Nothing is written.",
    )
    async def preview(request: Request[Any, Any, Any]) -> Preview:
        rules = read_asked(await request.body())
        async with turns:
            return await preview_rules(reads, DEFAULT_TENANT, rules)

    return [preview]
