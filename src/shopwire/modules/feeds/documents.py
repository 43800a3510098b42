"""JSON as rows: an array of objects, wherever it lies, or an object a line. Read piece by piece."""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import msgspec

from shopwire.kernel.validation import storable
from shopwire.modules.feeds.api import BadRow
from shopwire.modules.feeds.limits import (
    CELL_CHARS_MAX,
    COLUMNS_MAX,
    ELEMENT_CHARS_MAX,
    NESTED_MAX,
    RAW_CHARS_MAX,
)
from shopwire.modules.feeds.lines import READ_BYTES, Lines
from shopwire.modules.feeds.reading import Detected, RawRow
from shopwire.modules.feeds.unpacking import unreadable

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_LONE: Final = re.compile("[\ud800-\udfff]")
_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
"""Runs of letters at once, also where a text has no end: a step a letter would cost a second, and a
gigabyte, for a row of some millions."""


class _Ended(Exception):
    """The text ends in the middle of what is read."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different: of two values none is the right one."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=str, parse_int=str, parse_constant=_no_number
)
"""Numbers stay as they were written: 12.10 is not 12.1, and no long one takes time."""


class _Text:
    """A window that moves over a text."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")(errors="surrogateescape").decode
        self.text, self.at, self.ended = "", 0, False

    def more(self) -> None:
        """Reads on; raises _Ended where there is no more."""
        if self.ended:
            raise _Ended
        if len(self.text) - self.at > ELEMENT_CHARS_MAX:
            unreadable(f"a row has more than {ELEMENT_CHARS_MAX} letters")
        data = self._stream.read(max(READ_BYTES, len(self.text) - self.at))
        self.ended = not data
        self.text = self.text[self.at :] + self._decode(data, self.ended)
        self.at = 0

    def peek(self) -> str:
        """The next letter that is no space; raises _Ended."""
        while True:
            match = _SPACE.match(self.text, self.at)
            self.at = match.end() if match else self.at
            if self.at < len(self.text):
                return self.text[self.at]
            self.more()

    def value(self) -> Any:
        """The next value; raises ValueError, at whose end is then the window; or _Ended."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
            except RecursionError:
                self.at = self._end()
                raise ValueError("things lie too deep in things") from None
            except ValueError as problem:
                end = self._end()
                if not self.ended and end >= len(self.text):
                    self.more()
                    continue
                self.raw, self.at = self.text[self.at : end], end
                raise ValueError(str(problem)) from problem
            if end == len(self.text) and not self.ended:
                self.more()  # a number may go on
                continue
            self.raw, self.at = self.text[self.at : end], end
            return value

    raw = ""
    """The text of the last value."""

    def _end(self) -> int:
        """Where an object ends that cannot be read, by its braces; the text's end if nowhere."""
        depth = 0
        for token in _TOKEN.finditer(self.text, self.at):
            sign = token.group()
            depth += 1 if sign in "{[" else -1 if sign in "}]" else 0
            if depth == 0 and sign in "}]":
                return token.end()
            if depth < 0:
                return token.start()
        return len(self.text)


class JsonReader:
    """Rows of a JSON array. `path` says where it lies, such as `data.items`.

    Blank: the whole, or the first array in the object. `line` is the number of the element, since
    the lines of JSON mean nothing. An element that is broken in itself is a bad row; where the
    array goes on can no longer be told beyond a missing quote or brace, and the run ends there.
    """

    def __init__(self, stream: BinaryIO, *, path: str = "") -> None:
        self._text = _Text(stream)
        try:
            where = self._find(path.split(".") if path else [])
        except _Ended:
            unreadable(f"there is no array {path}".rstrip() + " in it")
        except ValueError as problem:
            unreadable(f"it is no JSON: {problem}")
        self.detected = Detected(encoding="utf-8", format="json", delimiter="json", rows_in=where)

    def _find(self, path: list[str]) -> str:
        """Goes to the first element of the array; tells where that lies."""
        text, gone = self._text, list[str]()
        while text.peek() == "{":
            text.at += 1
            wanted = path[len(gone)] if len(gone) < len(path) else ""
            while True:
                if text.peek() == "}":
                    unreadable(f"there is no array {'.'.join(path)}".rstrip() + " in it")
                name = text.value()
                if text.peek() != ":":
                    raise ValueError("a colon is missing")
                text.at += 1
                if name == wanted or (not path and text.peek() == "["):
                    gone.append(name)
                    break
                text.value()
                if text.peek() == ",":
                    text.at += 1
        if text.peek() != "[" or len(gone) < len(path):
            raise ValueError("there is no array")
        text.at += 1
        return ".".join(gone)

    def __iter__(self) -> Iterator[RawRow]:
        text, number = self._text, 0
        try:
            if text.peek() == "]":
                return
            while True:
                number += 1
                try:
                    value: Any = text.value()
                    problem = ""
                except ValueError as broken:
                    value, problem = None, str(broken)
                yield row_of(number, value, text.raw, problem)
                sign = text.peek()
                text.at += 1
                if sign == "]":
                    return
                if sign != ",":
                    unreadable(f"behind element {number} stands {sign!r}: it is broken", number)
        except _Ended:
            unreadable("the array has no end: it was cut off", number)


class JsonLinesReader:
    """Rows of a file with a JSON object a line; a broken line costs itself."""

    def __init__(self, stream: BinaryIO) -> None:
        self._lines = Lines(stream, "utf-8")
        self.detected = Detected(
            encoding=self._lines.encoding,
            marked=self._lines.marked,
            format="ndjson",
            delimiter="ndjson",
        )

    def __iter__(self) -> Iterator[RawRow]:
        lines = self._lines
        while True:
            lines.begin()
            line = next(lines, None)
            if line is None:
                return
            if not line.strip():
                continue
            value, problem = None, ""
            try:
                value = _DECODER.decode(line)
            except (ValueError, RecursionError) as broken:
                problem = str(broken) or "things lie too deep in things"
            yield row_of(lines.number, value, line, problem)


def row_of(line: int, value: Any, raw: str, problem: str) -> RawRow:
    """A row of a JSON object: `a.b` is b in a, `a.0.b` b in the first of a."""
    raw = storable(raw.strip()[:RAW_CHARS_MAX])
    if problem:
        return _broken(line, raw, "malformed", f"it is no JSON: {problem}"[:300])
    if not isinstance(value, dict):
        return _broken(line, raw, "malformed", "it is no object")
    cells: dict[str, str] = {}
    try:
        _flatten(value, "", cells, 0)
    except ValueError as refused:
        return _broken(line, raw, "too_deep", str(refused))
    for name, text in cells.items():
        if len(text) > CELL_CHARS_MAX:
            return _broken(line, raw, "cell_too_long", f"{name} has {len(text)} letters")
        if _LONE.search(text) or _LONE.search(name):
            return _broken(line, raw, "bad_encoding", "it has letters that are no utf-8")
    return RawRow(line, cells, raw, chars=sum(map(len, cells.values())))


def _flatten(value: Any, name: str, cells: dict[str, str], depth: int) -> None:
    if depth > NESTED_MAX or len(cells) > COLUMNS_MAX:
        raise ValueError(f"it has more than {NESTED_MAX} levels or {COLUMNS_MAX} values")
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(inner, f"{name}.{key}" if name else key, cells, depth + 1)
    elif isinstance(value, list):
        if all(isinstance(one, str) for one in value):
            cells[name] = ",".join(value)
        else:
            for number, inner in enumerate(value):
                _flatten(inner, f"{name}.{number}", cells, depth + 1)
    elif value is None:
        cells[name] = ""
    elif isinstance(value, bool):
        cells[name] = "true" if value else "false"
    else:
        cells[name] = value.strip()


def _broken(line: int, raw: str, code: str, reason: str) -> RawRow:
    remedy = "Correct this element and send it again."
    bad = BadRow(line=line, code=code, reason=reason, remedy=remedy, raw=raw)
    return RawRow(line, {}, raw, bad)


def looks_like_lines(start: bytes) -> bool:
    """Whether a text that begins with a brace is an object a line rather than one object."""
    first, end, rest = start.partition(b"\n")
    try:
        value = msgspec.json.decode(first)
    except (msgspec.DecodeError, RecursionError):
        # A broken first line of several that all begin with a brace.
        return bool(end) and rest.lstrip().startswith(b"{") and first.rstrip().endswith(b"}")
    holds = any(
        isinstance(one, list) and one and isinstance(one[0], dict) for one in value.values()
    )
    return bool(rest.strip()) or not holds
