"""Tables as rows of named cells, in bounded memory: bytes to text to cells, with line numbers."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Final

import msgspec

from shopwire.kernel.errors import FeedUnreadable
from shopwire.modules.feeds.api import BadRow
from shopwire.modules.feeds.limits import (
    CELL_CHARS_MAX,
    COLUMNS_MAX,
    LINE_BYTES_MAX,
)
from shopwire.modules.feeds.lines import Lines, lines_of, raw_of

DELIMITERS: Final = (",", ";", "\t", "|")
"""What may stand between two cells; the one that is most often in the header is taken."""


class Detected(msgspec.Struct, kw_only=True):
    """What was found out about a file; a person sees it in the summary."""

    encoding: str = ""
    marked: bool = False
    """Whether the file itself says its encoding."""
    delimiter: str = ""
    columns: tuple[str, ...] = ()
    format: str = "table"
    packing: str = ""
    """What it was packed with; blank: nothing."""
    decimal: str = ""
    """The sign of the decimals; blank where nothing in the file tells it."""
    decimal_by: str = ""
    """Who says so: the profile, or the file's own amounts."""
    encoding_found: bool = False
    """Whether the encoding was found out from the bytes."""
    sheet: str = ""
    other_sheets: int = 0
    """Sheets with cells that were not read."""
    rows_in: str = ""
    """Where in a JSON document the rows lie."""

    def words(self) -> str:
        """All that a person should know of it, in a line: `semicolon, Windows-1252, ...`."""
        said = [f"packed with {self.packing}"] if self.packing else []
        if self.format == "table":
            said.append(_SPOKEN.get(self.delimiter, repr(self.delimiter)))
        else:
            said.append(_SPOKEN.get(self.format, self.format))
        if self.sheet:
            said.append(f"sheet {self.sheet!r}")
        if self.rows_in:
            said.append(f"rows in {self.rows_in}")
        if self.encoding:
            name = _SPOKEN.get(self.encoding.lower(), self.encoding.upper())
            by = " by its mark" if self.marked else " by its bytes" if self.encoding_found else ""
            said.append(name + by)
        sign = {".": "decimal point", ",": "decimal comma"}.get(self.decimal, "")
        by = " as the profile says" if self.decimal_by == "profile" else ""
        return ", ".join([*said, *([sign + by] if sign else [])])


_SPOKEN: Final = {
    ",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", "cp1252": "Windows-1252",
    "xml": "XML", "ndjson": "NDJSON", "x12": "X12", "json": "JSON",
}  # fmt: skip


class RawRow(msgspec.Struct, frozen=True):
    """One row as it came: cells by column, or why it is none."""

    line: int
    cells: dict[str, str]
    raw: str
    problem: BadRow | None = None
    chars: int = 0
    """How long it is."""
    at: int = -1
    end: int = -1


class Bare(msgspec.Struct, frozen=True):
    """One row of a table as the CSV reader gave it, not looked at yet."""

    line: int
    cells: list[str]
    taken: list[str]
    """The text that it came from, for its quarantine."""
    chars: int
    ended: bool
    """Whether its last line has an end, or it has all of its cells."""
    at: int = -1
    """Where in the feed its text begins, in bytes; -1 where that is not known."""
    end: int = -1


Item = Bare | RawRow
"""A row that a reader gives: a table's may still have to be made whole."""


class DelimitedReader:
    """Rows of a CSV or TSV file.

    `columns` are given for files without a header; `numbered` calls them by their numbers instead,
    as many as the first line has cells. A quote that never closes ends the iteration
    with FeedUnreadable; rows before it were given out. With `loose_quotes`, to be set before the
    walk, text behind a closing quote belongs to the cell, and such an end is found only as a row
    that lacks cells.
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        encoding: str = "utf-8",
        delimiter: str = "",
        columns: Sequence[str] = (),
        numbered: bool = False,
    ) -> None:
        self.loose_quotes = False
        self._lines = Lines(stream, encoding)
        header = next(self._lines, None)
        if header is None:
            raise FeedUnreadable("The feed is empty.", reason="no rows", line=0)
        delimiter = delimiter or max(DELIMITERS, key=header.count)
        if undecoded(header):
            reason = f"the header is no {self._lines.encoding}: {undecoded(header)}"
            raise FeedUnreadable(reason, reason=reason, line=1)
        csv.field_size_limit(LINE_BYTES_MAX)
        if numbered and not columns:
            cells = next(csv.reader([header], delimiter=delimiter), [])[: COLUMNS_MAX + 1]
            if len(cells) > COLUMNS_MAX:
                reason = f"the first line has more than {COLUMNS_MAX} cells"
                raise FeedUnreadable(reason, reason=reason, line=1)
            columns = [str(number) for number, _ in enumerate(cells, 1)]
        self._first = [header] if columns else []
        if columns:
            self._lines.number = 0
            self._columns = list(columns)
        else:
            self._columns = self._read_header(header, delimiter)
        self.detected = Detected(
            encoding=self._lines.encoding,
            marked=self._lines.marked,
            delimiter=delimiter,
            columns=tuple(self._columns),
        )

    def _read_header(self, header: str, delimiter: str) -> list[str]:
        names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
        while names and not names[-1]:
            names.pop()
        many = len(names) > COLUMNS_MAX
        twice = [] if many else sorted({name for name in names if names.count(name) > 1})
        if many:
            reason = f"the header has {len(names)} columns; at most {COLUMNS_MAX} are read"
            raise FeedUnreadable(reason, reason=reason, line=1)
        if not names or "" in names or twice:
            reason = f"the header names {twice[0]!r} twice" if twice else "the header is no header"
            reason += ": where the file has none, say so, or name its columns in the mapping"
            raise FeedUnreadable(reason, reason=reason, line=1)
        return names

    @property
    def unended(self) -> bool:
        """Whether the last line that was read has no end."""
        return not self._lines.ended

    def rename(self, names: Iterable[str]) -> None:
        """Spells columns as a profile does where they differ only in upper and lower case."""
        self._columns = spelt_as(self._columns, names)
        self.detected.columns = tuple(self._columns)

    def __iter__(self) -> Iterator[RawRow]:
        return map(self.whole, self.items())

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in their order."""
        return self._columns

    def items(self) -> Iterator[Item]:
        """The rows as they come apart; `whole` makes them such that they can be used."""
        delimiter, lines, wanted = self.detected.delimiter, self._lines, len(self._columns)
        if self._first:
            reader = csv.reader(self._chained(), delimiter=delimiter, strict=not self.loose_quotes)
        else:
            lines.begin()
            reader = csv.reader(lines, delimiter=delimiter, strict=not self.loose_quotes)
        while True:
            start = lines.number + 1
            # A first line that was looked at for a header is behind its own place.
            at = -1 if self._first and start == 1 else lines.at
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as problem:
                if "unexpected end" in str(problem):
                    reason = "the file ends inside a quoted cell: it was cut off"
                    raise FeedUnreadable(reason, reason=reason, line=start) from problem
                yield RawRow(start, {}, lines.raw, self._malformed(start, str(problem)))
                lines.begin()
                continue
            if any(cells):
                ended = len(cells) >= wanted or lines.ended
                yield Bare(start, cells, lines.taken, lines.size, ended, at, lines.at)
            lines.begin()

    @property
    def text(self) -> Lines:
        """The lines below the rows, by whose places stretches of text can be passed over."""
        return self._lines

    @property
    def reads_by(self) -> tuple[str, str, bool, list[str]]:
        """All that says which rows a stretch of text is."""
        return self._lines.encoding, self.detected.delimiter, self.loose_quotes, self._columns

    def rows_of(self, text: bytes, line: int) -> Iterator[Bare]:
        """The rows of a stretch of whole rows, which were read once; it begins at `line`."""
        lines = lines_of(text, self._lines.encoding)
        delimiter, strict = self.detected.delimiter, not self.loose_quotes
        reader, before = csv.reader(lines, delimiter=delimiter, strict=strict), 0
        for cells in reader:
            taken = lines[before : reader.line_num]
            if any(cells):
                yield Bare(line + before, cells, taken, sum(map(len, taken)), ended=True)
            before = reader.line_num

    def _chained(self) -> Iterator[str]:
        """The lines with the first one, which was looked at, in its place again."""
        self._lines.number = 1
        yield from self._first
        yield from self._lines

    def whole(self, item: Item) -> RawRow:
        """A row by the names of its cells, or why it is none; raises FeedUnreadable."""
        if isinstance(item, RawRow):
            return item
        start, cells, columns, raw = item.line, item.cells, self._columns, raw_of(item.taken)
        if len(cells) < len(columns) and not item.ended:
            reason = "the file ends in the middle of a row: it was cut off"
            raise FeedUnreadable(reason, reason=reason, line=start)
        if len(cells) > len(columns) and not any(cells[len(columns) :]):
            cells = cells[: len(columns)]
        if len(cells) != len(columns):
            return RawRow(start, {}, raw, self._wrong_count(item, raw))
        whole = "".join(cells)
        if whole.isascii() and len(whole) <= CELL_CHARS_MAX:  # nothing of what follows can be
            named = dict(zip(columns, map(str.strip, cells), strict=True))
            return RawRow(start, named, raw, chars=item.chars)
        for column, cell in zip(columns, cells, strict=True):
            if len(cell) > CELL_CHARS_MAX:
                bad = BadRow(
                    line=start,
                    column=column,
                    code="cell_too_long",
                    reason=f"{column} has {len(cell)} letters; at most {CELL_CHARS_MAX} are read",
                    remedy="Shorten the cell.",
                    raw=raw,
                )
                return RawRow(start, {}, raw, bad)
            if undecoded(cell):
                bad = BadRow(
                    line=start,
                    column=column,
                    code="bad_encoding",
                    reason=f"{column} is no {self._lines.encoding}: {undecoded(cell)}",
                    remedy="Save the file as UTF-8, or name its encoding, such as cp1252.",
                    raw=raw,
                )
                return RawRow(start, {}, raw, bad)
        named = {c: cell.strip() for c, cell in zip(columns, cells, strict=True)}
        return RawRow(start, named, raw, chars=item.chars)

    def _malformed(self, line: int, reason: str) -> BadRow:
        return BadRow(
            line=line,
            code="malformed",
            reason=f"the row is no {self.detected.delimiter!r}-separated row: {reason}",
            remedy="Check the quotes of this row.",
            raw=self._lines.raw,
        )

    def _wrong_count(self, row: Bare, raw: str) -> BadRow:
        return BadRow(
            line=row.line,
            code="cell_count",
            reason=f"the row has {len(row.cells)} cells, the header {len(self._columns)}",
            remedy="Check the separators and quotes of this row, and that the file is complete.",
            raw=raw,
        )


def spelt_as(columns: Sequence[str], names: Iterable[str]) -> list[str]:
    """Columns as `names` spell them where they differ only in upper and lower case."""
    spelt = {name.casefold(): name for name in sorted(names) if name not in columns}
    return [spelt.pop(name.casefold(), name) for name in columns]


def undecoded(text: str) -> str:
    """Which byte of it is no text, and where; blank where all is."""
    if text.isascii():
        return ""
    for place, letter in enumerate(text, 1):
        if "\udc80" <= letter <= "\udcff":
            return f"byte 0x{ord(letter) - 0xDC00:02X} at place {place}"
    return ""
