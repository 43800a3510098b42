"""Bytes of a feed as lines of text, with their numbers and places, in bounded memory."""

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Final

from shopwire.kernel.errors import FeedUnreadable
from shopwire.kernel.validation import storable
from shopwire.modules.feeds.limits import LINE_BYTES_MAX, RAW_CHARS_MAX

READ_BYTES: Final = 256 * 1024
"""How much is read from the file at once."""
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
"""A line with its end; other separators that Unicode knows are text here."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BYTEWISE: Final = re.compile("utf-8|ascii|iso8859-[0-9]+|cp125[0-9]")
"""Encodings in which the byte of a line's end is nothing else, and no letter hangs on an earlier
one."""


class Lines:
    """Lines of a byte stream as text. Bytes that are no text survive as lone surrogates.

    `number` is that of the last line given out, from 1. Raises FeedUnreadable for a line beyond
    LINE_BYTES_MAX.
    """

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self.number = 0
        self.taken: list[str] = []
        """Lines since the last `begin`: the raw text of the row that is being read."""
        self.size = 0
        """How long these are."""
        self._last = "\n"
        self._parted = False
        """Whether a line ended without the byte that lines are told by: then no place is known."""
        self.at = -1
        """Where the next line begins, in bytes behind the mark of the encoding; -1 where lines
        cannot be told by their bytes."""
        self.keep = -1
        """From where on text that was read can still be looked at; -1: none."""
        self._buffer, self._base = b"", 0
        self._broken: FeedUnreadable | None = None
        first = stream.read(READ_BYTES)
        self.encoding, self.marked = encoding, False
        for mark, name in _MARKS:
            if first.startswith(mark):
                first, self.encoding, self.marked = first[len(mark) :], name, True
        if _is_bytewise(self.encoding):
            self.at, self._buffer = 0, first
            self._pieces = self._bytewise()
        else:
            self._pieces = self._decode(first)

    def _decode(self, first: bytes) -> Iterator[str]:
        decode = _decoder(self.encoding)
        held: list[str] = []
        size, data, at_end = 0, first, not first
        while True:
            try:
                text = decode(data, at_end)
            except UnicodeDecodeError as problem:
                reason = f"it is no {self.encoding}: {problem.reason}"
                raise FeedUnreadable(reason, reason=reason, line=self.number + 1) from problem
            held.append(text)
            size += len(text)
            if at_end or "\n" in text or "\r" in text:
                lines = _LINE.findall("".join(held))
                # A last line without an end may go on in the next piece; so may "\r" before "\n".
                goes_on = bool(lines) and not at_end and not lines[-1].endswith("\n")
                held = [lines.pop()] if goes_on else []
                size = sum(map(len, held))
                yield from lines
            if size > LINE_BYTES_MAX:
                reason = f"a line has more than {LINE_BYTES_MAX} bytes"
                raise FeedUnreadable(reason, reason=reason, line=self.number + 1)
            if at_end:
                return
            data = self._stream.read(READ_BYTES)
            at_end = not data

    def _bytewise(self) -> Iterator[str]:
        encoding = self.encoding
        while True:
            start = self.at - self._base
            end = self._buffer.find(b"\n", start) + 1
            if not end:
                if len(self._buffer) - start > LINE_BYTES_MAX:
                    reason = f"a line has more than {LINE_BYTES_MAX} bytes"
                    raise FeedUnreadable(reason, reason=reason, line=self.number + 1)
                if self._filled():
                    continue
                if self._broken is not None:
                    raise self._broken
                start, end = self.at - self._base, len(self._buffer)
                if start >= end:
                    return
            raw = self._buffer[start:end]
            self.at += len(raw)
            line = raw.decode(encoding, "surrogateescape")
            if b"\r" in raw and (raw.count(b"\r") > 1 or not raw.endswith(b"\r\n")):
                self._parted = True
                yield from _LINE.findall(line)
            else:
                yield line

    def _filled(self) -> bool:
        """Reads more; False at the end, or where the feed breaks off."""
        if self._broken is not None:
            return False
        try:
            more = self._stream.read(READ_BYTES)
        except FeedUnreadable as problem:  # for whoever comes to that place
            self._broken = problem
            return False
        # What is to be kept may have gone before that was said.
        kept = self.at if self.keep < 0 else max(self._base, min(self.keep, self.at))
        self._buffer = self._buffer[kept - self._base :] + more
        self._base = kept
        return bool(more)

    def peek(self, start: int, size: int) -> bytes | None:
        """A stretch of text from a place on; None where it is not there, or not there any more."""
        if self._parted or start < self._base:
            return None
        while start + size > self._base + len(self._buffer):
            if not self._filled() or start < self._base:
                return None
        return self._buffer[start - self._base : start + size - self._base]

    def go(self, to: int, number: int) -> None:
        """Goes on at a place that can be looked at, where a line begins; `number` ended before."""
        self.at, self.number, self._last = to, number, "\n"

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._pieces)
        self.number += 1
        self.size += len(line)
        self._last = line
        if self.size > LINE_BYTES_MAX:
            reason = f"a quoted cell has no end within {LINE_BYTES_MAX} bytes"
            raise FeedUnreadable(reason, reason=reason, line=self.number)
        if len(self.taken) < 100:
            self.taken.append(line[:RAW_CHARS_MAX])
        return line

    def begin(self) -> None:
        """Starts a new row."""
        self.taken = []
        self.size = 0

    @property
    def ended(self) -> bool:
        """Whether the last line had an end."""
        return self._last.endswith(("\n", "\r"))

    @property
    def raw(self) -> str:
        """The text of the row, shortened, fit to be kept."""
        return raw_of(self.taken)


def lines_of(text: bytes, encoding: str) -> list[str]:
    """The lines of a stretch of text."""
    return _LINE.findall(text.decode(encoding, "surrogateescape"))


def raw_of(taken: Sequence[str]) -> str:
    """Lines of a row as one text, shortened, fit to be kept."""
    return storable("".join(taken).rstrip("\r\n")[:RAW_CHARS_MAX])


def _decoder(encoding: str) -> Callable[[bytes, bool], str]:
    """Decodes piece by piece; raises FeedUnreadable where there is no such encoding of text."""
    try:
        "".encode(encoding)  # refuses what Python calls an encoding but is none of text
        return codecs.getincrementaldecoder(encoding)(errors="surrogateescape").decode
    except LookupError as problem:
        reason = f"there is no encoding {encoding!r}"
        raise FeedUnreadable(reason, reason=reason, line=0) from problem


def _is_bytewise(encoding: str) -> bool:
    try:
        return _BYTEWISE.fullmatch(codecs.lookup(encoding).name) is not None
    except LookupError:
        return False
