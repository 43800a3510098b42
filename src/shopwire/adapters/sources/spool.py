"""What all sources share: a file that what comes is kept in, within its limits; secrets by name."""

import asyncio
import fnmatch
import hashlib
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

from typing_extensions import override

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.fetching import (
    BYTES_A_SECOND_MIN,
    FETCH_BYTES_MAX,
    FETCH_SECONDS_MAX,
    FILES_MAX,
    QUIET_MS,
    SLOW_SECONDS,
    Marks,
)
from shopwire.kernel.source_errors import (
    SecretMissing,
    SourceRefused,
    SourceTooLarge,
    SourceTooSlow,
    UnsafeFile,
)

SPOOL_BYTES_MAX: Final = 4 * 1024 * 1024
"""How much of a feed is held in memory; the rest waits in a file."""
SECRET_BYTES_MAX: Final = 64 * 1024
"""Size of a secret's file; a larger one is none."""
SECRETS_SHOWN_MAX: Final = 500
"""Names of secrets that a list shows; further ones are not shown, and work all the same."""
UNFINISHED: Final = (".part", ".tmp", ".filepart", ".partial", ".crdownload")
"""Ends of names of files that are still being written."""
_SECRET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Bounds(NamedTuple):
    """What one fetch may take; the defaults are the port's."""

    bytes_max: int = FETCH_BYTES_MAX
    seconds_max: float = FETCH_SECONDS_MAX
    slow_seconds: float = SLOW_SECONDS
    bytes_a_second_min: int = BYTES_A_SECOND_MIN


class Spool:
    """Keeps what comes, counts it, and refuses what is too much or too slow."""

    def __init__(self, file: BinaryIO, bounds: Bounds, now: Callable[[], float]) -> None:
        self.file: Final = file
        self.bytes_max: Final = bounds.bytes_max
        self.size = 0
        """Bytes of the feed."""
        self.came = 0
        """Bytes of the line."""
        self._bounds, self._now = bounds, now
        self._began = now()
        self._digest = hashlib.sha256()

    async def take(self, piece: bytes, came: int | None = None) -> None:
        """Adds a piece; `came` is how many bytes of the line it was, where it was packed."""
        self.size += len(piece)
        self.came += len(piece) if came is None else came
        bounds = self._bounds
        if max(self.size, self.came) > bounds.bytes_max:
            raise too_large(bounds.bytes_max)
        seconds = self._now() - self._began
        if seconds > bounds.slow_seconds and self.came < seconds * bounds.bytes_a_second_min:
            reason = f"{self.came} bytes came in {seconds:.0f} s"
            raise SourceTooSlow(f"The source is too slow: {reason}.",
                                seconds_max=int(bounds.seconds_max), reason=reason)  # fmt: skip
        self._digest.update(piece)
        if piece:
            await asyncio.to_thread(self.file.write, piece)

    def done(self) -> str:
        """Puts the file back to its start; returns the digest of what it holds."""
        if not self.size:
            raise SourceRefused("The feed is empty.", reason="it has no bytes")
        self.file.seek(0)
        return self._digest.hexdigest()


@asynccontextmanager
async def spooled(
    bounds: Bounds, now: Callable[[], float] = time.monotonic
) -> AsyncIterator[Spool]:
    """A file that is gone afterwards."""
    file = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES_MAX)  # noqa: SIM115 - closed below
    try:
        yield Spool(cast("BinaryIO", file), bounds, now)
    finally:
        file.close()


@asynccontextmanager
async def in_time(bounds: Bounds) -> AsyncIterator[None]:
    """Raises SourceTooSlow where all of it takes longer than it may."""
    limit = asyncio.timeout(bounds.seconds_max)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        reason = f"it took longer than {bounds.seconds_max:.0f} s"
        raise SourceTooSlow(
            f"The source is too slow: {reason}.",
            seconds_max=int(bounds.seconds_max),
            reason=reason,
        ) from None


def too_large(bytes_max: int, reason: str = "") -> SourceTooLarge:
    """What ends a feed without end."""
    reason = reason or f"more than {bytes_max} bytes came"
    return SourceTooLarge(f"It is too large: {reason}.", bytes_max=bytes_max, reason=reason)


class SecretFiles:
    """Secrets as files of one folder; a source knows their names only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> str:
        """A secret's text without the blanks around it; raises SecretMissing."""
        if not _SECRET.fullmatch(name):
            raise SecretMissing(secret=name[:64], reason="it is no name of a file")
        path = self._folder / name
        try:
            if path.is_symlink() or path.stat().st_size > SECRET_BYTES_MAX:
                raise SecretMissing(secret=name, reason="it is too large, or a link")
            text = path.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as problem:
            reason = f"its file cannot be read: {type(problem).__name__}"
            raise SecretMissing(
                f"The secret {name!r} is not there: {reason}.", secret=name, reason=reason
            ) from problem
        if not text:
            raise SecretMissing(secret=name, reason="its file is empty")
        return text

    def write(self, name: str, text: str) -> None:
        """Keeps a secret under a name, in place of the one before; only its owner may read it.

        Raises InvalidField for a name that is none, or a text that could not be read back.
        """
        if not _SECRET.fullmatch(name):
            raise InvalidField(
                "secret: its name has up to 64 letters, digits, points, lines.",
                field="place.secret",
                reason="it is no name of a file",
            )
        data = text.encode()
        if not text.strip() or len(data) > SECRET_BYTES_MAX:
            reason = f"it has 1 to {SECRET_BYTES_MAX} bytes"
            raise InvalidField(f"secret: {reason}.", field="secret", reason=reason)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Written whole beside it first: a run that reads it meanwhile finds the old one.
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".", delete=False) as draft:
            draft.write(data)
            draft.flush()
            os.fsync(draft.fileno())
        Path(draft.name).replace(self._folder / name)

    def names(self) -> list[str]:
        """Names of the secrets that there are, never what they hold; SECRETS_SHOWN_MAX at most."""
        if not self._folder.is_dir():
            return []
        found = (path.name for path in self._folder.iterdir() if path.is_file())
        return sorted(name for name in found if _SECRET.fullmatch(name))[:SECRETS_SHOWN_MAX]


class TypedSecret(SecretFiles):
    """A secret that somebody has just typed, and that no file holds yet; others as they are."""

    def __init__(self, folder: Path, name: str, text: str) -> None:
        super().__init__(folder)
        self._name, self._text = name, text.strip()

    @override
    def read(self, name: str) -> str:
        return self._text if name == self._name and self._text else super().read(name)


class Entry(NamedTuple):
    """A file of a folder, here or far away."""

    name: str
    size: int
    modified_ms: int


def fitting(entries: Iterable[Entry], pattern: str, now_ms: int) -> list[Entry]:
    """The files that may be taken, the oldest first.

    Hidden and unfinished ones, and those that changed just now, wait. Raises UnsafeFile where a
    name leads elsewhere: a server that says such things is not trusted with the rest.
    """
    found = []
    for number, entry in enumerate(entries):
        if number >= FILES_MAX:
            raise SourceRefused(reason=f"its folder has more than {FILES_MAX} files")
        name = entry.name
        if "/" in name or "\\" in name or "\0" in name or not name.isprintable():
            shown = name[:100].encode("ascii", "backslashreplace").decode()
            raise UnsafeFile(
                f"A file is called {shown!r}, which leads out of its folder.",
                name=shown,
                reason="a name has no slash and only printable characters",
            )
        if name.startswith(".") or name.lower().endswith(UNFINISHED):
            continue
        if fnmatch.fnmatchcase(name, pattern) and entry.modified_ms <= now_ms - QUIET_MS:
            found.append(entry)
    return sorted(found, key=lambda one: (one.modified_ms, one.name))


def is_known(entry: Entry, marks: Marks) -> bool:
    """Whether this very file was taken last."""
    known = (marks.name, marks.bytes, marks.modified_ms)
    return (entry.name, entry.size, entry.modified_ms) == known


async def copied(file: BinaryIO, spool: Spool) -> None:
    """Takes a local file over; it may be growing, so what is read is counted."""
    while piece := await asyncio.to_thread(file.read, 1 << 20):
        await spool.take(piece)


def opened(path: Path) -> BinaryIO:
    """A regular file, read; a link is none. Raises UnsafeFile."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as problem:
        raise UnsafeFile(
            name=path.name, reason=problem.strerror or "it cannot be read"
        ) from problem
    return os.fdopen(descriptor, "rb")
