"""A file as groups of rows: reader and profile chosen, header checked, mapping applied."""

import fnmatch
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from shopwire.kernel.errors import FeedUnreadable
from shopwire.kernel.money import exponent_of
from shopwire.modules.feeds.lookups import load_lookups
from shopwire.modules.feeds.mapping import Group, Mapper
from shopwire.modules.feeds.profile import (
    Profile,
    built_in_profiles,
    detect_profile,
    profile_named,
)
from shopwire.modules.feeds.reading import DelimitedReader, Detected
from shopwire.modules.feeds.structured import SaleorReader, XmlReader

NAMED_MAX: Final = 12
"""Columns that a note or a message names; the others are counted."""
_XML_NAMES: Final = ("google-merchant", "google-merchant-xml")


class OpenFeed:
    """A feed that is being read; `groups` can be walked through once."""

    def __init__(
        self,
        profile: Profile,
        mapper: Mapper,
        reader: "DelimitedReader | XmlReader | SaleorReader",
    ) -> None:
        self.profile = profile
        self.detected = reader.detected
        self._mapper, self._reader = mapper, reader
        self.groups: Iterator[Group] = mapper.groups(reader)

    @property
    def notes(self) -> list[str]:
        """What a person should know about how the feed was read."""
        unused = sorted(set(self.detected.columns) - self.profile.used_columns())
        notes = list(self.profile.notes)
        notes += [f"{text} ({times} rows)" for text, times in self._mapper.notes.items()]
        if unused and not self.profile.columns:
            more = f" and {len(unused) - NAMED_MAX} more" if len(unused) > NAMED_MAX else ""
            notes.append(f"columns that were not used: {', '.join(unused[:NAMED_MAX])}{more}")
        if isinstance(self._reader, DelimitedReader) and self._reader.unended:
            notes.append("the last line has no end: if the file was cut there, a cell is short")
        return notes


def open_feed(
    stream: BinaryIO,
    *,
    supplier: str,
    currency: str,
    profile: Profile | str | None = None,
    folder: Path | None = None,
    encoding: str | None = None,
) -> OpenFeed:
    """Begins to read a feed from a seekable stream.

    `encoding` goes before the profile's; a mark at the start of the file before both. Raises
    FeedUnreadable, ProfileUnknown, MappingInvalid, InvalidField before anything of it is used.
    """
    exponent_of(currency)
    chosen = profile_named(profile) if isinstance(profile, str) else profile
    start = _peek(stream)
    if chosen is None or chosen.name in _XML_NAMES:
        if start.startswith(b"<"):
            chosen = built_in_profiles()["google-merchant-xml"]
        elif chosen is None and start.startswith((b"[", b"{")):
            chosen = built_in_profiles()["saleor"]
    reader: DelimitedReader | XmlReader | SaleorReader
    if chosen is not None and chosen.format == "xml":
        reader = XmlReader(stream, item=chosen.item)
    elif chosen is not None and chosen.format == "saleor":
        reader = SaleorReader(stream)
    else:
        reader = DelimitedReader(
            stream,
            encoding=encoding or (chosen.encoding if chosen else "utf-8"),
            delimiter=chosen.delimiter if chosen else "",
            columns=chosen.columns if chosen else (),
        )
        chosen = chosen or detect_profile(reader.detected.columns)
        reader.loose_quotes = chosen.loose_quotes
        reader.rename(chosen.used_columns())
        _check_columns(chosen, reader.detected)
    mapper = Mapper(
        chosen, supplier=supplier, currency=currency, lookups=load_lookups(chosen, folder)
    )
    return OpenFeed(chosen, mapper, reader)


def _peek(stream: BinaryIO) -> bytes:
    """The first byte that is no space or mark."""
    start = stream.read(256)
    stream.seek(0)
    return start.lstrip(b"\xef\xbb\xbf \t\r\n")


def _check_columns(profile: Profile, detected: Detected) -> None:
    """Raises FeedUnreadable where the header lacks the SKU or, if strict, has foreign columns."""
    columns = set(detected.columns)
    wanted = profile.fields["sku"].columns
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
