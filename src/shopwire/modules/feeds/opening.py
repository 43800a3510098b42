"""A file as groups of rows: unpacked, reader and profile chosen, header checked, mapped."""

import fnmatch
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from shopwire.kernel.errors import FeedUnreadable, MappingInvalid
from shopwire.kernel.money import exponent_of
from shopwire.kernel.validation import storable
from shopwire.modules.feeds.blocks import Blocks, Fresh
from shopwire.modules.feeds.documents import JsonLinesReader, JsonReader, looks_like_lines
from shopwire.modules.feeds.groups import Group
from shopwire.modules.feeds.leaping import Leaps, reading_of
from shopwire.modules.feeds.limits import CHUNK_CHARS_MAX, COLUMNS_MAX, SAMPLE_ROWS_MAX
from shopwire.modules.feeds.lookups import load_lookups
from shopwire.modules.feeds.mapping import Mapper
from shopwire.modules.feeds.marks import Marks, Quiet
from shopwire.modules.feeds.profile import (
    Profile,
    built_in_profiles,
    detect_profile,
    profile_named,
)
from shopwire.modules.feeds.quick import QuickWalk
from shopwire.modules.feeds.reading import DelimitedReader, Detected, Item, RawRow
from shopwire.modules.feeds.sensing import convention_of, encoding_of
from shopwire.modules.feeds.sheets import SheetReader
from shopwire.modules.feeds.structured import SaleorReader, XmlReader
from shopwire.modules.feeds.telling import count_place, key_of, tell_bare, tell_named
from shopwire.modules.feeds.unpacking import beside, unpacked, unreadable
from shopwire.modules.feeds.values import Decimal

NAMED_MAX: Final = 12
"""Columns that a note or a message names; the others are counted."""
_XML_NAMES: Final = ("google-merchant", "google-merchant-xml")
_AMOUNTS: Final = ("cost", "price", "msrp", "map")


class Reader(Protocol):
    """Rows of one feed, and what was found out about it."""

    detected: Detected

    def __iter__(self) -> Iterator[RawRow]: ...


Formats = Mapping[str, Callable[[BinaryIO], Reader]]
"""Readers that others bring, by the profile's `format`."""


class OpenFeed:
    """A feed that is being read; `groups` can be walked through once."""

    def __init__(
        self,
        profile: Profile,
        mapper: Mapper,
        reader: Reader,
        items: Iterable[Item],
        key: Callable[[Sequence[str]], bytes],
        *,
        tables_inside: bool = False,
    ) -> None:
        self.profile = profile
        self.tables_inside = tables_inside
        """Whether the files that its mapping looks things up in came in one archive with it."""
        self.detected = reader.detected
        self._mapper, self._reader, self._items, self._key = mapper, reader, items, key
        self.groups: Iterator[Group] = mapper.groups(map(_whole_by(reader), items))

    @property
    def reads_by(self) -> str:
        """All that says which rows a stretch of the feed's text is; blank where none is known so.

        Blocks of feeds that are read otherwise are none of this feed.
        """
        reader = self._reader
        if not isinstance(reader, DelimitedReader) or self.profile.heads is not None:
            return ""
        return reading_of(self._key(reader.columns), *reader.reads_by)

    def marked_groups(
        self,
        marks: Marks,
        never: frozenset[str],
        blocks: Blocks | None = None,
        fresh: Fresh | None = None,
    ) -> Iterator[Group | Quiet]:
        """Instead of `groups`: the same, but rows that are known by their marks are counted only.

        Args: rows of SKUs in `never` are read in any case; `blocks` are what is known of feeds
        with the same `reads_by`, and `fresh` takes what is not.
        """
        profile, reader, lookups = self.profile, self._reader, self._mapper.lookups
        leaps: Leaps | None = None
        if profile.heads is not None:  # what a row is hangs on rows far above it
            return self.groups
        if isinstance(reader, DelimitedReader):
            columns: Sequence[str] = reader.columns
            tell = tell_bare(profile, columns, lookups)
            if blocks is not None:
                leaps = Leaps(reader, blocks, fresh)
        else:
            columns = sorted(profile.used_columns())
            tell = tell_named(profile, lookups)
        whole = _whole_by(reader)
        bare = isinstance(reader, DelimitedReader)
        count_at = count_place(profile, columns) if bare else -1
        key = self._key(columns)
        walk = QuickWalk(self._mapper, whole, tell, key, marks, never, leaps, count_at)
        return walk.groups(self._items)

    def mapped(self, group: Group) -> Group:
        """A group with counts only, mapped whole after all."""
        (found,) = self._mapper.fresh().groups(group.lines.values())
        found.key, found.number = group.key, group.number
        found.mark, found.rest, found.aside = group.mark, group.rest, group.aside
        return found

    @property
    def notes(self) -> list[str]:
        """What a person should know about how the feed was read."""
        detected = self.detected
        unused = sorted(set(detected.columns) - self.profile.used_columns())
        notes = list(self.profile.notes)
        notes += [f"{text} ({times} rows)" for text, times in self._mapper.notes.items()]
        if unused and not self.profile.columns:
            more = f" and {len(unused) - NAMED_MAX} more" if len(unused) > NAMED_MAX else ""
            notes.append(f"columns that were not used: {', '.join(unused[:NAMED_MAX])}{more}")
        if detected.encoding_found:
            notes.append(
                f"the bytes are no UTF-8 and were read as {detected.encoding}: see letters"
            )
        if detected.other_sheets:
            notes.append(f"only the sheet {detected.sheet!r} was read; others have cells, too")
        if isinstance(self._reader, DelimitedReader) and self._reader.unended:
            notes.append("the last line has no end: if the file was cut there, a cell is short")
        return [storable(note) for note in notes]


def open_feed(
    stream: BinaryIO,
    *,
    supplier: str,
    currency: str,
    profile: Profile | str | None = None,
    folder: Path | None = None,
    encoding: str | None = None,
    formats: Formats | None = None,
) -> OpenFeed:
    """Begins to read a feed from a seekable stream, which may be packed.

    `encoding` goes before the profile's; a mark at the start of the file before both. Raises
    FeedUnreadable, ProfileUnknown, MappingInvalid, InvalidField before anything of it is used.
    """
    exponent_of(currency)
    wanted = profile_named(profile) if isinstance(profile, str) else profile
    if wanted is not None and wanted.currency:
        exponent_of(wanted.currency)
    lookups, besides = _looked_up(wanted, stream, folder)
    feed, packing, start = unpacked(stream, besides)
    chosen = _by_start(wanted, start)
    reader: Reader
    if packing == "xlsx":
        reader = SheetReader(feed)
    elif chosen is not None and chosen.format in (formats or {}):
        reader = (formats or {})[chosen.format](feed)
    elif chosen is not None and chosen.format == "xml":
        reader = XmlReader(feed, item=chosen.item)
    elif chosen is not None and chosen.format == "saleor":
        reader = SaleorReader(feed)
    elif chosen is not None and chosen.format in ("x12", "xlsx"):
        unreadable(f"it is no {chosen.format}, as the profile {chosen.name} wants")
    else:
        reader = _plain_reader(feed, chosen, start, encoding)
    _check_encoding(encoding, reader)
    reader.detected.packing = "" if packing == "xlsx" else packing
    items, chosen = _with_profile(reader, chosen)
    for column in reader.detected.columns:
        if column != storable(column):
            unreadable(
                f"the header has a letter that is none, in {storable(column)[:60]!r}: see whether"
                " the file is of another encoding, such as UTF-16"
            )
    sample, items = _sampled(items, _whole_by(reader))
    _sense_decimals(chosen, reader.detected, sample)
    tables_inside = lookups is not None
    if lookups is None:
        lookups = load_lookups(chosen, folder)
    decimal: Decimal = (
        "," if reader.detected.decimal == "," else "." if reader.detected.decimal else ""
    )
    mapper = Mapper(chosen, supplier=supplier, currency=currency, lookups=lookups, decimal=decimal)
    if isinstance(reader, DelimitedReader):
        mapper.expect(reader.columns)

    def key(columns: Sequence[str]) -> bytes:
        return key_of(
            chosen,
            columns,
            supplier=supplier,
            currency=currency,
            decimal=decimal,
            lookups=lookups,
        )

    return OpenFeed(chosen, mapper, reader, items, key, tables_inside=tables_inside)


def _looked_up(
    wanted: Profile | None, stream: BinaryIO, folder: Path | None
) -> tuple[dict[str, Mapping[str, str]] | None, frozenset[str]]:
    """What lies in an archive beside the feed, and the names of those files.

    None where a mapping's files lie elsewhere, or it has none.
    """
    if wanted is None or not wanted.lookups:
        return None, frozenset()
    archive = beside(stream)
    if archive is None:
        return None, frozenset()
    found = load_lookups(wanted, folder, archive)
    stream.seek(0)
    return found, frozenset(one.file for one in wanted.lookups.values())


def _whole_by(reader: Reader) -> Callable[[Item], RawRow]:
    return reader.whole if isinstance(reader, DelimitedReader) else _as_it_is


def _as_it_is(item: Item) -> RawRow:
    assert isinstance(item, RawRow)
    return item


def look_into(
    stream: BinaryIO, *, encoding: str | None = None, item: str = "item", header: bool = True
) -> tuple[Detected, list[RawRow]]:
    """The columns of a file and its first rows, for somebody who will say what they mean.

    `item` is the XML element that is a row; without a `header` the columns of a table are called by
    their numbers. Raises FeedUnreadable.
    """
    feed, packing, start = unpacked(stream)
    reader: Reader
    if start.lstrip(b" \t\r\n").startswith(b"ISA"):
        unreadable("it is X12, and no inventory advice (846): only that one is a feed")
    if packing == "xlsx":
        reader = SheetReader(feed)
    elif start[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        reader = XmlReader(feed, item=item)
    else:
        reader = _plain_reader(feed, None, start, encoding, numbered=not header)
    reader.detected.packing = "" if packing == "xlsx" else packing
    rows, _ = _sampled(iter(reader), _as_it_is)
    columns = dict.fromkeys(reader.detected.columns)
    for row in rows:
        columns |= dict.fromkeys(row.cells)
    if len(columns) > COLUMNS_MAX:
        unreadable(f"it has more than {COLUMNS_MAX} columns")
    reader.detected.columns = tuple(columns)
    return reader.detected, rows


def _check_encoding(encoding: str | None, reader: Reader) -> None:
    """Raises MappingInvalid for an encoding that would be ignored; UTF-8 may always be said."""
    if not encoding or isinstance(reader, DelimitedReader):
        return
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig"):
        return
    form = reader.detected.format
    form = reader.detected.delimiter if form == "table" else form
    reason = f"a feed in {form} says its encoding itself, or is UTF-8"
    raise MappingInvalid(
        f"The encoding {encoding!r} cannot be used: {reason}.", field="encoding", reason=reason
    )


def _by_start(wanted: Profile | None, start: bytes) -> Profile | None:
    """The profile that the first bytes call for, where none is wanted or it has two shapes."""
    text = start[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if (wanted is None or wanted.name in _XML_NAMES) and text.startswith(b"<"):
        return built_in_profiles()["google-merchant-xml"]
    if wanted is not None:
        return wanted
    if text.startswith(b"[") and b'"model"' in text:
        return built_in_profiles()["saleor"]
    if text.startswith(b"ISA"):
        return built_in_profiles()["x12-846"]
    return None


def _plain_reader(
    feed: BinaryIO,
    chosen: Profile | None,
    start: bytes,
    encoding: str | None,
    *,
    numbered: bool = False,
) -> Reader:
    """The reader of a table or of JSON."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    form = chosen.format if chosen is not None else "delimited"
    if form == "delimited" and text.startswith((b"[", b"{")):
        form = "ndjson" if text.startswith(b"{") and looks_like_lines(text) else "json"
    if form == "ndjson":
        return JsonLinesReader(feed)
    if form == "json":
        return JsonReader(feed, path=chosen.rows_in if chosen is not None else "")
    said = encoding or (chosen.encoding if chosen is not None else "")
    found = said or encoding_of(start)
    reader = DelimitedReader(
        feed,
        encoding=found,
        delimiter=chosen.delimiter if chosen else "",
        columns=chosen.columns if chosen else (),
        numbered=numbered,
    )
    marked = reader.detected.marked
    reader.detected.encoding_found = not said and not marked and found != "utf-8"
    return reader


def _with_profile(reader: Reader, chosen: Profile | None) -> tuple[Iterator[Item], Profile]:
    """The rows under the profile's names for columns, and the profile, found out if need be."""
    if isinstance(reader, DelimitedReader | SheetReader):
        chosen = chosen or detect_profile(reader.detected.columns)
        if isinstance(reader, DelimitedReader):
            reader.loose_quotes = chosen.loose_quotes
        reader.rename(chosen.used_columns())
        _check_columns(chosen, reader.detected)
        return reader.items() if isinstance(reader, DelimitedReader) else iter(reader), chosen
    if not isinstance(reader, JsonReader | JsonLinesReader):
        if chosen is None:
            unreadable("its format is not known")
        return iter(reader), chosen
    rows = iter(reader)
    first = list[RawRow]()
    columns: dict[str, None] = {}
    for row in rows:  # the first rows that can be read tell the names
        first.append(row)
        columns |= dict.fromkeys(row.cells)
        if len(first) >= NAMED_MAX or sum(one.chars for one in first) > CHUNK_CHARS_MAX:
            break
    if not first:
        unreadable("there are no rows in it")
    reader.detected.columns = tuple(columns)
    chosen = chosen or detect_profile(columns)
    return _respelt(chain(first, rows), chosen.used_columns()), chosen


def _respelt(rows: Iterable[RawRow], names: Iterable[str]) -> Iterator[RawRow]:
    """Rows whose names are spelt as the profile does, whatever their case."""
    known = set(names)
    spelt = {name.casefold(): name for name in sorted(known)}
    for row in rows:
        if not row.cells.keys() <= known:
            cells = {
                name if name in known else spelt.get(name.casefold(), name): text
                for name, text in row.cells.items()
            }
            yield RawRow(row.line, cells, row.raw, row.problem, row.chars)
        else:
            yield row


def _sampled(
    items: Iterator[Item], whole: Callable[[Item], RawRow]
) -> tuple[list[RawRow], Iterator[Item]]:
    """The first rows, and all rows. A feed that breaks off in the sample does so behind it."""
    sample: list[RawRow] = []
    first: list[Item] = []
    size = 0
    broken: list[FeedUnreadable] = []
    try:
        for item in items:
            sample.append(whole(item))
            first.append(item)
            size += item.chars
            if len(sample) >= SAMPLE_ROWS_MAX or size > CHUNK_CHARS_MAX:
                break
    except FeedUnreadable as problem:
        broken.append(problem)

    def again() -> Iterator[Item]:
        yield from first
        if broken:
            raise broken[0]
        yield from items

    return sample, again()


def _sense_decimals(profile: Profile, detected: Detected, sample: list[RawRow]) -> None:
    """Writes down the sign of the decimals: the profile's, or what amounts of the sample prove."""
    if profile.decimal:
        detected.decimal, detected.decimal_by = profile.decimal, "profile"
        return
    fields = [profile.fields[name] for name in _AMOUNTS if name in profile.fields]
    columns = [column for field in fields for column in field.all_columns()]
    detected.decimal = convention_of(
        text for row in sample for column in columns if (text := row.cells.get(column, ""))
    )
    detected.decimal_by = "amounts" if detected.decimal else ""


def _check_columns(profile: Profile, detected: Detected) -> None:
    """Raises FeedUnreadable where the header lacks the SKU or, if strict, has foreign columns."""
    columns = set(detected.columns)
    wanted = profile.fields["sku"].all_columns()
    if not columns.intersection(wanted):
        there = ", ".join(detected.columns[:NAMED_MAX])
        reason = f"there is no column {' or '.join(wanted)}; there are {there}"[:500]
        raise FeedUnreadable(reason, reason=reason, line=1)
    if not profile.strict:
        return
    known = profile.used_columns()
    foreign = [
        column
        for column in detected.columns
        if column not in known
        and not any(fnmatch.fnmatchcase(column, pattern) for pattern in profile.known_columns)
    ]
    if foreign:
        reason = f"the column {foreign[0]!r} is none of a {profile.title}; nothing was taken"
        raise FeedUnreadable(reason, reason=reason, line=1)
