"""A file as groups of rows: reader and profile chosen, header checked, mapping applied."""

import fnmatch
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from shopwire.kernel.errors import FeedUnreadable
from shopwire.modules.feeds.lookups import load_lookups
from shopwire.modules.feeds.mapping import Group, Mapper
from shopwire.modules.feeds.profile import (
    Profile,
    built_in_profiles,
    detect_profile,
    profile_named,
)
from shopwire.modules.feeds.reading import DelimitedReader, Detected, RawRow
from shopwire.modules.feeds.structured import SaleorReader, XmlReader

_XML_NAMES: Final = ("google-merchant", "google-merchant-xml")


class OpenFeed:
    """A feed that is being read; `groups` can be walked through once."""

    def __init__(
        self, profile: Profile, detected: Detected, mapper: Mapper, rows: Iterable[RawRow]
    ) -> None:
        self.profile = profile
        self.detected = detected
        self._mapper = mapper
        self.groups: Iterator[Group] = mapper.groups(rows)

    @property
    def notes(self) -> list[str]:
        """What a person should know about how the feed was read."""
        unused = sorted(set(self.detected.columns) - self.profile.used_columns())
        notes = list(self.profile.notes)
        notes += [f"{text} ({times} rows)" for text, times in self._mapper.notes.items()]
        if unused and not self.profile.columns:
            notes.append(f"columns that were not used: {', '.join(unused)}")
        return notes


def open_feed(
    stream: BinaryIO,
    *,
    supplier: str,
    currency: str,
    profile: Profile | str | None = None,
    folder: Path | None = None,
) -> OpenFeed:
    """Begins to read a feed from a seekable stream.

    Raises FeedUnreadable, ProfileUnknown, MappingInvalid before anything of it is used.
    """
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
            encoding=chosen.encoding if chosen else "utf-8",
            delimiter=chosen.delimiter if chosen else "",
            columns=chosen.columns if chosen else (),
        )
        chosen = chosen or detect_profile(reader.detected.columns)
        reader.loose_quotes = chosen.loose_quotes
        _check_columns(chosen, reader.detected)
    mapper = Mapper(
        chosen, supplier=supplier, currency=currency, lookups=load_lookups(chosen, folder)
    )
    return OpenFeed(chosen, reader.detected, mapper, reader)


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
        reason = f"there is no column {' or '.join(wanted)}; there are {', '.join(columns)}"[:500]
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
        reason = f"the column {foreign[0]!r} is none of a {profile.title}"
        raise FeedUnreadable(reason, reason=reason, line=1)
