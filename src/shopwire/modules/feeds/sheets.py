"""Excel workbooks as rows: the first sheet with cells, row by row."""

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, BinaryIO, Final

from shopwire.kernel.validation import storable
from shopwire.modules.feeds.api import BadRow
from shopwire.modules.feeds.limits import CELL_CHARS_MAX, COLUMNS_MAX, RAW_CHARS_MAX
from shopwire.modules.feeds.reading import Detected, RawRow, spelt_as
from shopwire.modules.feeds.unpacking import unreadable

BLANK_ROWS_MAX: Final = 10_000
"""Blank rows that follow each other; more and the sheet has ended."""
_FAULTS: Final = frozenset({"#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"})


class SheetReader:
    """Rows of a workbook's first sheet that has any; its first row is the header.

    What a formula came to when the workbook was saved is read; a fault such as `#REF!` makes its
    row a bad one. Numbers are read as Excel shows them, with 15 digits.
    """

    def __init__(self, stream: BinaryIO) -> None:
        # Loaded for workbooks only: it takes as long as thousands of rows of any other feed.
        import openpyxl  # noqa: PLC0415

        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        except Exception as problem:  # noqa: BLE001 -- whatever a broken workbook sets off
            unreadable(f"it is no workbook that can be read: {problem}")
        self._rows: Iterator[tuple[int, tuple[Any, ...]]] = iter(())
        header: tuple[Any, ...] = ()
        name, others = "", 0
        for sheet in book.worksheets:
            rows = _filled(sheet)
            number, cells = next(rows, (0, ()))
            if number and not name:
                name, header, self._rows = sheet.title, cells, rows
            elif number:
                others += 1
        if not name:
            unreadable("the workbook has no sheet with cells")
        self._columns = _header(header)
        self.detected = Detected(
            format="xlsx", delimiter="sheet", sheet=name, columns=tuple(self._columns)
        )
        self.detected.other_sheets = others

    def rename(self, names: Iterable[str]) -> None:
        """Spells columns as a profile does where they differ only in upper and lower case."""
        self._columns = spelt_as(self._columns, names)
        self.detected.columns = tuple(self._columns)

    def __iter__(self) -> Iterator[RawRow]:
        columns = self._columns
        while True:
            try:
                number, values = next(self._rows)
            except StopIteration:
                return
            except Exception as problem:  # noqa: BLE001 -- whatever a broken sheet sets off
                unreadable(f"the sheet breaks off: {problem}")
            cells = [_text(value) for value in values]
            raw = storable(" | ".join(cells)[:RAW_CHARS_MAX])
            extra = any(cells[len(columns) :])
            cells += [""] * (len(columns) - len(cells))
            fault = next((cell for cell in cells if cell in _FAULTS), "")
            long = any(len(cell) > CELL_CHARS_MAX for cell in cells)
            named = dict(zip(columns, cells, strict=False))
            if extra:
                bad = _bad(number, "cell_count", "the row has more cells than the header", raw)
            elif fault:
                bad = _bad(number, "formula_fault", f"a formula came to {fault}", raw)
            elif long:
                bad = _bad(number, "cell_too_long", "a cell is too long", raw)
            else:
                yield RawRow(number, named, raw, chars=sum(map(len, cells)))
                continue
            yield RawRow(number, {}, raw, bad)


def _filled(sheet: Any) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Rows with their numbers, without the blank ones."""
    blank = 0
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        if len(cells) > COLUMNS_MAX and any(cell is not None for cell in cells[COLUMNS_MAX:]):
            unreadable(f"the sheet has more than {COLUMNS_MAX} columns", number)
        if any(cell is not None and cell != "" for cell in cells):
            blank = 0
            yield number, cells
            continue
        blank += 1
        if blank > BLANK_ROWS_MAX:
            return


def _header(cells: tuple[Any, ...]) -> list[str]:
    names = [_text(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()
    twice = sorted({name for name in names if names.count(name) > 1} - {""})
    if not names or "" in names or twice:
        reason = f"the header names {twice[0]!r} twice" if twice else "the header is no header"
        unreadable(reason, 1)
    return names


def _text(value: Any) -> str:
    """A cell as Excel shows it: 12.1 rather than 12.100000000000001, no exponent."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        plain = format(Decimal(f"{value:.15g}"), "f")
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    return str(value).strip()


def _bad(line: int, code: str, reason: str, raw: str) -> BadRow:
    remedy = "Correct the row in the workbook and save it again."
    return BadRow(line=line, code=code, reason=reason, remedy=remedy, raw=raw)
