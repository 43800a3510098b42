"""Files beside a feed in which a mapping looks things up."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NoReturn, TextIO

from shopwire.kernel.errors import MappingInvalid
from shopwire.modules.feeds.limits import LOOKUP_LINE_CHARS_MAX, LOOKUP_ROWS_MAX
from shopwire.modules.feeds.profile import Lookup, Profile

Archive = Callable[[str], BinaryIO | None]
"""Opens a file that was sent in one archive with the feed; None where there is none."""


def load_lookups(
    profile: Profile, folder: Path | None, archive: Archive | None = None
) -> dict[str, Mapping[str, str]]:
    """Every lookup of a profile; raises MappingInvalid where a file is missing or no such table.

    `folder` is where the feed lies; a feed that came over the network has none, but may have come
    in an archive with the files.
    """
    return {name: _load(name, one, folder, archive) for name, one in profile.lookups.items()}


def _load(
    name: str, lookup: Lookup, folder: Path | None, archive: Archive | None
) -> dict[str, str]:
    field = f"lookups.{name}.file"
    found: dict[str, str] = {}
    try:
        with _opened(lookup, folder, archive, field) as source:
            for number, cells in enumerate(csv.reader(_lines(source), delimiter=lookup.delimiter)):
                if number >= LOOKUP_ROWS_MAX:
                    reason = f"it has more than {LOOKUP_ROWS_MAX} rows"
                    raise MappingInvalid(reason, field=field, reason=reason)
                if max(lookup.key, lookup.value) >= len(cells):
                    _too_short(lookup, number + 1, len(cells))
                key, value = cells[lookup.key].strip(), cells[lookup.value].strip()
                found[key] = str(int(found.get(key, "0")) + int(value)) if lookup.sum else value
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as problem:
        raise MappingInvalid(
            f"{lookup.file} cannot be looked up in: {problem}", field=field, reason=str(problem)
        ) from problem
    return found


def _too_short(lookup: Lookup, line: int, cells: int) -> NoReturn:
    sign = {"\t": "tab"}.get(lookup.delimiter, lookup.delimiter)
    raise ValueError(
        f"line {line} has {cells} cells (the separator is {sign}), and the mapping wants number"
        f" {max(lookup.key, lookup.value) + 1}"
    )


def _lines(source: TextIO) -> Iterator[str]:
    """Line by line; raises ValueError for one that is too long to be held."""
    while line := source.readline(LOOKUP_LINE_CHARS_MAX):
        if len(line) == LOOKUP_LINE_CHARS_MAX:
            raise ValueError(f"a line has {LOOKUP_LINE_CHARS_MAX} letters or more")
        yield line


def _opened(lookup: Lookup, folder: Path | None, archive: Archive | None, field: str) -> TextIO:
    if archive is not None and (member := archive(lookup.file)) is not None:
        return io.TextIOWrapper(member, encoding="utf-8", newline="")
    if folder is None:
        reason = "a feed that was sent has no files beside it: send them in one zip archive with it"
        raise MappingInvalid(
            f"{lookup.file} cannot be found: {reason}.", field=field, reason=reason
        )
    path = folder / lookup.file
    if path.parent.resolve() != folder.resolve():
        reason = "it is not in the feed's own folder"
        raise MappingInvalid(f"{lookup.file} cannot be used: {reason}.", field=field, reason=reason)
    return path.open(encoding="utf-8", newline="")
