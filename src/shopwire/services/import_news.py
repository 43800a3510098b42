"""What of a chunk of a feed is new, and as which commands it is sent. Nothing here does I/O."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.errors import FeedUnreadable
from shopwire.kernel.names import slug_of
from shopwire.modules.catalog.api import ProductContent
from shopwire.modules.feeds.api import BadRow, Digest
from shopwire.modules.feeds.groups import Group, Offered
from shopwire.modules.feeds.limits import (
    CHUNK_CHARS_MAX,
    CHUNK_ROWS_MAX,
    QUIET_ROWS_MAX,
    RAW_CHARS_MAX,
)
from shopwire.modules.feeds.marks import Quiet
from shopwire.modules.feeds.reading import RawRow
from shopwire.modules.inventory.api import Count, ReportStocks
from shopwire.modules.suppliers.api import PutOffers, Terms

QUIET_ROWS_A_ROW: Final = 16
"""Where a chunk is to be smaller, rows that are known again cost about as much as one of news."""

OFFERS_SENT_MAX: Final = 128
"""Offers of one command; further ones go with the next. A command has a turn of its own among those
of shoppers, who wait for all of it: about 10 ms. They go together wherever they lie: a command for
each partition costs as much besides as some ten offers, and there would be eight of them."""
COUNTS_SENT_MAX: Final = 128
"""The same for counts."""
_NOTHING: Final = Digest(key="")


class News(msgspec.Struct, frozen=True):
    """What is new in a chunk."""

    groups: list[Group]
    products: list[ProductContent]
    offers: list[Offered]
    counts: list[Count]

    def without_skus(self, skus: Collection[str]) -> "News":
        """The news without the terms and counts of some SKUs; texts stay."""
        if not skus:
            return self
        return News(
            self.groups,
            self.products,
            [offered for offered in self.offers if offered.terms.sku not in skus],
            [count for count in self.counts if count.sku not in skus],
        )

    def without_variants(self, skus: Collection[str]) -> "News":
        """The news without all that is said of some SKUs, texts as well."""
        if not skus:
            return self
        products = [
            msgspec.structs.replace(product, variants=kept)
            for product in self.products
            if (kept := tuple(one for one in product.variants if one.sku not in skus))
        ]
        return News(self.groups, products, self.offers, self.counts).without_skus(skus)

    def without(self, keys: Collection[str]) -> "News":
        """The news of the other groups."""
        gone = [group for group in self.groups if group.key in keys]
        offers = {id(offered) for group in gone for offered in group.offers}
        counts = {id(count) for group in gone for count in group.counts}
        return News(
            [group for group in self.groups if group.key not in keys],
            self.products,
            [offered for offered in self.offers if id(offered) not in offers],
            [count for count in self.counts if id(count) not in counts],
        )


def news_of(
    groups: Sequence[Group],
    digests: Mapping[str, Digest],
    known: Mapping[str, Digest],
    open_skus: Collection[str],
) -> News:
    """Compares a chunk with what its supplier said last.

    `open_skus`: SKUs of which the same count is news too, since sales wait to be seen by it.
    """
    fresh = [
        group
        for group in groups
        if group.lines
        and (
            _differs(digests[group.key], known.get(group.key))
            or not group.lines.keys().isdisjoint(open_skus)
        )
    ]
    told: set[str] = set()
    offers: list[Offered] = []
    counts: list[Count] = []
    for group in fresh:
        before, now = known.get(group.key, _NOTHING), digests[group.key]
        if group.product is not None and now.product != before.product:
            told.add(group.product.id)
        if now.offers != before.offers:
            offers += group.offers
        if now.stock != before.stock:
            counts += group.counts
        else:
            counts += [count for count in group.counts if count.sku in open_skus]
    return News(fresh, _products(groups, told), offers, counts)


def _differs(now: Digest, before: Digest | None) -> bool:
    return before is None or now.said != before.said


def _products(groups: Iterable[Group], told: Collection[str]) -> list[ProductContent]:
    """The wanted products, each whole: its rows may stand apart in the chunk."""
    found: dict[str, ProductContent] = {}
    for product in (one for group in groups for one in (*group.beside, group.product)):
        if product is None or product.id not in told:
            continue
        first = found.get(product.id)
        found[product.id] = product if first is None else _joined(first, product)
    return list(found.values())


def _joined(first: ProductContent, more: ProductContent) -> ProductContent:
    return msgspec.structs.replace(
        first,
        variants=(*first.variants, *more.variants),
        options=(*first.options, *(one for one in more.options if one not in first.options)),
        images=tuple(dict.fromkeys((*first.images, *more.images))),
    )


def offer_commands(offers: Iterable[Offered]) -> list[tuple[str, Command]]:
    """Offers as commands with keys, each SKU once a supplier: as many as it takes."""
    by_supplier: dict[str, dict[str, Terms]] = defaultdict(dict)
    for offered in offers:
        by_supplier[slug_of(offered.supplier)][offered.terms.sku] = offered.terms
    return [
        (f"offers/{number}/{part}", PutOffers(supplier=supplier, offers=lines))
        for number, (supplier, terms) in enumerate(by_supplier.items())
        for part, lines in enumerate(_slices(tuple(terms.values()), OFFERS_SENT_MAX))
    ]


def stock_commands(
    counts: Iterable[Count],
    *,
    supplier: str,
    as_of_ms: int | None,
    reference: str,
) -> list[tuple[str, Command]]:
    """Counts as commands with keys, each SKU once: as many as it takes."""
    found = {count.sku: count for count in counts}
    return [
        (
            f"stock/{part}",
            ReportStocks(supplier=supplier, counts=lines, as_of_ms=as_of_ms, reference=reference),
        )
        for part, lines in enumerate(_slices(tuple(found.values()), COUNTS_SENT_MAX))
    ]


def _slices(lines: tuple[Any, ...], most: int) -> Iterator[tuple[Any, ...]]:
    for start in range(0, len(lines), most):
        yield lines[start : start + most]


class Chunk(msgspec.Struct):
    """Groups that are compared and sent together, and what lay between them that is known."""

    groups: list[Group] = []
    quiet: list[Quiet] = []
    broken: FeedUnreadable | None = None
    """Why there is nothing behind it."""

    @property
    def quiet_rows(self) -> int:
        """Rows that are known by their marks."""
        return sum(one.rows for one in self.quiet)


class _Filling:
    """The chunk that is being filled, and whose groups are in it."""

    def __init__(self, rows_max: int) -> None:
        self._rows_max = rows_max
        fewer = rows_max < CHUNK_ROWS_MAX
        self._quiet_max = QUIET_ROWS_A_ROW * rows_max if fewer else QUIET_ROWS_MAX
        self.chunk = Chunk()
        self.rows = self.chars = 0
        self._parts: dict[str, int] = {}
        """The number of its part by product and SKU."""

    def add(self, group: Group) -> None:
        self.chunk.groups.append(group)
        self.rows += group.rows
        self.chars += group.chars
        self._parts |= dict.fromkeys(_names(group), group.number)

    def ends_before(self, group: Group) -> bool:
        """Whether a group opens the next chunk: parts stay whole, small ones share a chunk.

        None has a product or a SKU in it that another part of it has: each part tells its own.
        """
        groups, parts = self.chunk.groups, self._parts
        if not groups or not group.number or group.number == groups[-1].number:
            return False
        return (
            self.rows >= self._rows_max // 2
            or self.chars >= CHUNK_CHARS_MAX // 2
            or self.chunk.quiet_rows >= self._quiet_max
            or any(name in parts for name in _names(group))
        )

    @property
    def ended(self) -> bool:
        """Whether it is full. Where groups have numbers only the next one tells that."""
        groups = self.chunk.groups
        if not groups or groups[-1].number:
            return not groups and self.chunk.quiet_rows >= self._quiet_max
        return self.rows >= self._rows_max or self.chars >= CHUNK_CHARS_MAX


def _names(group: Group) -> Iterator[str]:
    if group.product is not None:
        yield f"product {group.product.id}"
    for sku in group.lines:
        yield f"sku {sku}"


def chunks(
    groups: Iterator[Group | Quiet], rows_max: Callable[[int], int] = int
) -> Iterator[Chunk]:
    """Groups of about CHUNK_ROWS_MAX rows; a feed that breaks off still gives what it had.

    `rows_max` is asked before each chunk and may make fewer of them.
    """
    filling = _Filling(rows_max(CHUNK_ROWS_MAX))
    try:
        for group in groups:
            if isinstance(group, Quiet):
                filling.chunk.quiet.append(group)
            else:
                if filling.ends_before(group):
                    yield filling.chunk
                    filling = _Filling(rows_max(CHUNK_ROWS_MAX))
                filling.add(group)
            if filling.ended:
                yield filling.chunk
                filling = _Filling(rows_max(CHUNK_ROWS_MAX))
    except FeedUnreadable as problem:
        filling.chunk.broken = problem
        yield filling.chunk
        return
    if filling.chunk.groups or filling.chunk.quiet:
        yield filling.chunk


def refused_row(row: RawRow, error: Mapping[str, Any]) -> BadRow:
    """A row whose command was refused, by the error that the command was answered with."""
    return BadRow(
        line=row.line,
        column=str(error.get("data", {}).get("field", "")),
        code="refused",
        reason=error["message"].rstrip("."),
        remedy=error["remedy"],
        raw=row.raw[:RAW_CHARS_MAX],
        cells=row.cells,
    )


def poisoned_row(row: RawRow, reason: str) -> BadRow:
    """A row whose cost is so far from what it was that it is a mistake by itself."""
    return BadRow(
        line=row.line,
        code="poisoned_price",
        reason=reason,
        remedy="If the cost is right, mend the row as it is; else correct it.",
        raw=row.raw[:RAW_CHARS_MAX],
        cells=row.cells,
    )
