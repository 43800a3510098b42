"""What comes packed, and how much of it: every feed is read through a bounded stream."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Collection
from pathlib import PurePosixPath, PureWindowsPath
from typing import BinaryIO, Final, NoReturn, cast

from typing_extensions import Buffer, override

from shopwire.kernel.errors import FeedUnreadable
from shopwire.modules.feeds.limits import (
    ARCHIVE_MEMBERS_MAX,
    FEED_BYTES_MAX,
    SAMPLE_BYTES,
    SHEET_BYTES_MAX,
    SHEET_STRINGS_BYTES_MAX,
    UNPACK_FREE_BYTES_MAX,
    UNPACK_RATIO_MAX,
)

_ZIP: Final = b"PK\x03\x04"
_PACKED: Final = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (_ZIP, "zip"),
    (b"PK\x05\x06", "zip"),
)
_FOREIGN: Final = (
    (b"\x28\xb5\x2f\xfd", "packed with zstd, which is not read"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"\xd0\xcf\x11\xe0", "an Excel file of before 2007"),
)
"""What is sometimes sent in a feed's place, by its first bytes."""
_HTML: Final = (b"<!doctype html", b"<html", b"<head", b"<body")
_DIRECTORY_END: Final = b"PK\x05\x06"
_BROKEN: Final = (
    *(EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile),
    *(NotImplementedError, RuntimeError, OSError),
)


class _Bounded(io.RawIOBase):
    """A stream that ends with FeedUnreadable beyond its limits, or where what is packed is broken.

    `came` is the stream below whose place says how many packed bytes were taken so far.
    """

    def __init__(self, inner: BinaryIO, packing: str, came: BinaryIO) -> None:
        self._inner, self._packing, self._came = inner, packing, came
        self._size = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        room = memoryview(buffer)
        try:
            data = self._inner.read(len(room))
        except _BROKEN as problem:
            if not self._packing:
                raise
            unreadable(f"the {self._packing} archive is broken or was cut off: {problem}")
        self._size += len(data)
        if self._size > FEED_BYTES_MAX:
            unreadable(f"it has more than {FEED_BYTES_MAX} bytes")
        if self._packing and self._size > UNPACK_FREE_BYTES_MAX:
            came = max(self._came.tell(), 1)
            if self._size > came * UNPACK_RATIO_MAX:
                unreadable(
                    f"{came} bytes unpack to {self._size} and more: it is an archive bomb, or"
                    " needs to be sent unpacked"
                )
        room[: len(data)] = data
        return len(data)


def unreadable(reason: str, line: int = 0) -> NoReturn:
    """Raises FeedUnreadable."""
    raise FeedUnreadable(reason, reason=reason, line=line)


def beside(stream: BinaryIO) -> Callable[[str], BinaryIO | None] | None:
    """What opens the files of a zip archive by name; None where a stream is no such archive.

    A name that is not there gives None. What is opened is bounded like any feed. Raises
    FeedUnreadable.
    """
    start = stream.read(4)
    stream.seek(0)
    if start != _ZIP:
        return None
    try:
        archive = _archive(stream)
    except _BROKEN as problem:
        unreadable(f"the zip archive is broken: {problem}")
    names = set(archive.namelist())

    def opened(name: str) -> BinaryIO | None:
        if name not in names:
            return None
        try:
            member = cast("BinaryIO", archive.open(name))
        except _BROKEN as problem:
            unreadable(f"{name} in the archive cannot be read: {problem}")
        return io.BufferedReader(_Bounded(member, "zip", stream))

    return opened


def unpacked(
    stream: BinaryIO, besides: Collection[str] = frozenset()
) -> tuple[BinaryIO, str, bytes]:
    """The feed as a bounded stream, how it was packed (blank: not at all), and how it begins.

    A workbook stays as it is, since it is an archive by nature: its packing is `xlsx`. Raises
    FeedUnreadable for archives of several files, for paths out of the archive, and for files that
    are no feed by their first bytes. `besides`: files of an archive that are not the feed.
    """
    start = stream.read(512)
    stream.seek(0)
    packing = next((name for mark, name in _PACKED if start.startswith(mark)), "")
    inner = stream
    try:
        if packing == "zip":
            archive = _archive(stream)
            if "xl/workbook.xml" in archive.namelist():
                _check_workbook(archive)
                stream.seek(0)
                return stream, "xlsx", b""
            inner = _only_member(archive, besides)
        elif packing == "gzip":
            # Else an upload's spool, which was written before, is taken for one to write.
            inner = cast("BinaryIO", gzip.GzipFile(fileobj=stream, mode="rb"))
        elif packing == "bzip2":
            inner = cast("BinaryIO", bz2.BZ2File(stream))
        elif packing == "xz":
            inner = cast("BinaryIO", lzma.LZMAFile(stream))  # noqa: SIM115 -- the feed is read after this
    except _BROKEN as problem:
        unreadable(f"the {packing} archive is broken: {problem}")
    # The buffer is large enough for a look at the start without moving on.
    bounded = io.BufferedReader(_Bounded(inner, packing, stream), SAMPLE_BYTES)
    start = bounded.peek()
    _refuse_foreign(start, packing)
    return bounded, packing, start


def _refuse_foreign(start: bytes, packing: str) -> None:
    """Raises FeedUnreadable for what is no feed: another archive, a page, a picture."""
    for mark, name in _FOREIGN:
        if start.startswith(mark):
            unreadable(f"it is {name}, no feed")
    if packing and any(start.startswith(mark) for mark, _ in _PACKED):
        unreadable("there is an archive inside the archive; send the file itself")
    plain = start[:512].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    if plain.startswith(b"--") and b"content-disposition: form-data" in plain:
        unreadable("it is a form with a file in it; send the file itself as the body")
    if plain.startswith(_HTML):
        unreadable("it is a web page, no feed: the address may want a login, or be an error page")


def _archive(stream: BinaryIO) -> zipfile.ZipFile:
    """A zip archive whose directory is small enough to be held."""
    stream.seek(0, io.SEEK_END)
    size = stream.tell()
    stream.seek(max(0, size - 65_557))
    tail = stream.read(65_557)
    place = tail.rfind(_DIRECTORY_END)
    entries = int.from_bytes(tail[place + 10 : place + 12], "little") if place >= 0 else 0
    length = int.from_bytes(tail[place + 12 : place + 16], "little") if place >= 0 else 0
    if entries > ARCHIVE_MEMBERS_MAX or length > ARCHIVE_MEMBERS_MAX * 1_024:
        unreadable(f"the archive has {entries} entries; at most {ARCHIVE_MEMBERS_MAX} are read")
    stream.seek(0)
    return zipfile.ZipFile(stream)


def _only_member(archive: zipfile.ZipFile, besides: Collection[str]) -> BinaryIO:
    """The one file of an archive that is the feed."""
    for one in archive.infolist():
        name = one.orig_filename
        windows = PureWindowsPath(name)
        out = ".." in PurePosixPath(name).parts or ".." in windows.parts
        if out or name.startswith(("/", "\\")) or windows.drive or "\0" in name:
            unreadable(f"the archive has the path {name[:100]!r}, which leads out of it")
    files = [one for one in archive.infolist() if not one.is_dir()]
    members = [one for one in files if one.filename not in besides]
    if len(members) != 1:
        unreadable(
            f"the archive has {len(members)} files; send one feed in an archive, with nothing"
            " beside it but files that the mapping looks things up in"
        )
    if members[0].flag_bits & 1:
        unreadable("the archive is encrypted")
    return archive.open(members[0])  # type: ignore[return-value]


def _check_workbook(archive: zipfile.ZipFile) -> None:
    """Raises FeedUnreadable for a workbook that would not stay in bounds.

    Sizes are counted while unpacking, since a directory can lie about them. No workbook needs a
    document type, and entities are what such a one would bring.
    """
    total = 0
    for one in archive.infolist():
        if one.is_dir() or not one.filename.endswith((".xml", ".rels")):
            continue
        room = SHEET_STRINGS_BYTES_MAX if "sharedStrings" in one.filename else SHEET_BYTES_MAX
        size, before = 0, b""
        with archive.open(one) as member:
            while piece := member.read(1 << 20):
                size += len(piece)
                if size > room or total + size > SHEET_BYTES_MAX:
                    unreadable(f"{one.filename} in the workbook has more than {room} bytes")
                seen = (before + piece).replace(b"\0", b"")
                if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                    unreadable("the workbook declares a document type, which it has no need of")
                before = piece[-32:]
        total += size
