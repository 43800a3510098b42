"""A feed compared before any of it takes effect: what is news waits in memory, then in a file."""

import struct
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from tempfile import SpooledTemporaryFile
from typing import Final

import msgspec

from shopwire.modules.feeds.api import BadRow, Digest
from shopwire.modules.feeds.groups import Group
from shopwire.modules.feeds.limits import SPOOLED_BYTES_MAX
from shopwire.modules.matching.api import NoteMatches
from shopwire.services.import_news import News, news_of, poisoned_row
from shopwire.services.matching import taken_row

_LENGTH: Final = struct.Struct("<Q")


class Compared(msgspec.Struct, kw_only=True):
    """A part of a feed beside what its supplier said last; groups that say nothing new are gone."""

    rows: int
    """All of the part, whether news or not."""
    groups: list[Group]
    digests: dict[str, Digest]
    known: dict[str, Digest]
    open_skus: list[str]
    bad: list[BadRow]
    poisoned: dict[str, str] = {}
    """SKUs whose cost is a mistake by itself, and what is wrong with it."""
    marks: list[Digest] = []
    """What says the same as before in rows that were read, or look, otherwise than before."""
    note: NoteMatches | None = None
    """What its rows were found to be, where that is remembered only once it takes effect."""
    doubted: dict[str, str] = {}
    """SKUs that its rows turned out not to be after all, with the supplier's SKU of each."""

    def news(self) -> News:
        """What is new in it."""
        return news_of(self.groups, self.digests, self.known, self.open_skus)

    def refused(self) -> dict[str, dict[str, BadRow]]:
        """Rows that are quarantined for their cost or their match, by group and SKU."""
        found: dict[str, dict[str, BadRow]] = {}
        for group in self.groups:
            for sku in group.lines.keys() & self.poisoned.keys():
                row = poisoned_row(group.lines[sku], self.poisoned[sku])
                found.setdefault(group.key, {})[sku] = row
            for sku in group.lines.keys() & self.doubted.keys():
                row = taken_row(self.doubted[sku], group.lines[sku])
                found.setdefault(group.key, {})[sku] = row
        return found

    def pieces(self, rows_max: int) -> Iterator["Compared"]:
        """The part cut into such of about so many rows of news, each to be put into effect alone.

        None has a product or a SKU in it that another one has. What is known of rows that are no
        news stays with the first.
        """
        ends = _ends(self.groups, rows_max)
        if len(ends) < 2:
            yield self
            return
        start = 0
        rows = self.rows - sum(map(_good_rows, self.groups[ends[0] :]))
        for end in ends:
            groups = self.groups[start:end]
            keys = {group.key for group in groups}
            piece = Compared(
                rows=sum(map(_good_rows, groups)) if start else rows,
                groups=groups,
                digests={key: self.digests[key] for key in keys},
                known={key: self.known[key] for key in keys & self.known.keys()},
                open_skus=self.open_skus,
                bad=[] if start else self.bad,
                poisoned=self.poisoned,
                marks=[] if start else self.marks,
                doubted=self.doubted,
            )
            yield piece
            start = end

    def doubt(self, refused: Collection[str]) -> None:
        """Takes back what some of the supplier's SKUs were found to be."""
        links = self.note.links if self.note else ()
        self.doubted = {one.sku: one.supplier_sku for one in links if one.supplier_sku in refused}


def _good_rows(group: Group) -> int:
    return group.rows - len(group.bad)


def _ends(groups: Sequence[Group], rows_max: int) -> list[int]:
    """Behind which groups a part may be cut so that each piece has `rows_max` rows or few more."""
    last = {name: at for at, group in enumerate(groups) for name in _told_by(group)}
    ends: list[int] = []
    rows = needed = 0
    for at, group in enumerate(groups):
        rows += group.rows
        needed = max(needed, *(last[name] for name in _told_by(group)))
        if rows >= rows_max and needed <= at:
            ends.append(at + 1)
            rows = 0
    if groups and (not ends or ends[-1] < len(groups)):
        ends.append(len(groups))
    return ends


def _told_by(group: Group) -> Iterator[str]:
    yield f"key {group.key}"
    for product in (*group.beside, group.product):
        if product is not None:
            yield f"product {product.id}"
    for sku in group.lines:
        yield f"sku {sku}"


def compared(
    groups: Sequence[Group],
    digests: Mapping[str, Digest],
    known: Mapping[str, Digest],
    open_skus: Collection[str],
    *,
    quiet_rows: int = 0,
) -> tuple[Compared, News]:
    """A part with only those of its groups that its news are made of.

    `quiet_rows`: rows of the part that are in no group, since they were known by their marks.
    """
    news = news_of(groups, digests, known, open_skus)
    keys = {group.key for group in news.groups}
    told = {product.id for product in news.products}
    kept = [
        group
        for group in groups
        if group.key in keys or (group.product is not None and group.product.id in told)
    ]
    part = Compared(
        rows=quiet_rows + sum(group.rows for group in groups),
        groups=kept,
        digests={group.key: digests[group.key] for group in kept},
        known={group.key: known[group.key] for group in kept if group.key in known},
        open_skus=sorted(open_skus),
        bad=[row for group in groups for row in group.bad],
        marks=_marks(groups, keys, digests, known),
    )
    return part, news


def _marks(
    groups: Iterable[Group],
    fresh: Collection[str],
    digests: Mapping[str, Digest],
    known: Mapping[str, Digest],
) -> list[Digest]:
    """Marks of groups that say nothing new, where others are known."""
    said = ((digests[group.key], known[group.key]) for group in groups if group.key in known)
    return [
        now
        for now, before in said
        if now.mark and now.key not in fresh and now.said == before.said and now != before
    ]


def names_of(groups: Iterable[Group]) -> frozenset[str]:
    """The keys, products and SKUs that groups are about, so that two parts can be told apart."""
    return frozenset(name for group in groups for name in _told_by(group))


class Spool:
    """Parts in the order in which they were put; beyond SPOOLED_BYTES_MAX they lie in a file."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=SPOOLED_BYTES_MAX)  # noqa: SIM115 - see close
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Compared).decode

    def put(self, part: Compared) -> None:
        """Adds a part."""
        body = self._encode(part)
        self._file.write(_LENGTH.pack(len(body)))
        self._file.write(body)

    def parts(self) -> Iterator[Compared]:
        """All parts from the first one on."""
        self._file.seek(0)
        while head := self._file.read(_LENGTH.size):
            (size,) = _LENGTH.unpack(head)
            yield self._decode(self._file.read(size))

    def close(self) -> None:
        """Gives the memory, or the file, back."""
        self._file.close()


class Seen:
    """Names that a feed has named, in eight bytes each."""

    def __init__(self) -> None:
        self._marks = array("q")
        self._found: frozenset[int] | None = None

    def add(self, names: Iterable[str]) -> None:
        """Takes names in."""
        self.add_hashes(array("q", map(hash, names)))

    def add_hashes(self, hashes: "array[int]") -> None:
        """Takes names in by their hashes."""
        self._marks.extend(hashes)
        self._found = None

    def without(self, names: Sequence[str]) -> list[str]:
        """Those of the names that it does not have, in their order."""
        if self._found is None:
            self._found = frozenset(self._marks)
        known = self._found
        return [name for name in names if hash(name) not in known]
