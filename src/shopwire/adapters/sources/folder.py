"""A watched folder: its oldest file is taken and put into `done`, or into `failed`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from typing_extensions import override

from shopwire.adapters.sources.spool import (
    Bounds,
    Entry,
    copied,
    fitting,
    in_time,
    is_known,
    opened,
    spooled,
)
from shopwire.kernel.clock import Clock
from shopwire.kernel.fetching import FeedSource, Fetched, Marks, Place
from shopwire.kernel.source_errors import (
    SourceRefused,
    SourceTooLarge,
    SourceUnreachable,
    UnsafeFile,
)

DONE: Final = "done"
"""Where a file goes that took effect, or that a person looks at."""
FAILED: Final = "failed"
"""Where a file goes that cannot be read, however often it is tried."""
SAME_NAMES_MAX: Final = 10_000
"""Files of one name that are kept; then a file stays where it is, and the run says so."""


class FolderSource(FeedSource):
    """Watches folders of this machine, but only those that lie in an allowed one.

    Whoever may put a source could else read, and move, any file that the process may.
    """

    def __init__(
        self,
        inbox: Path,
        allowed: Sequence[Path],
        clock: Clock,
        bounds: Bounds | None = None,
        *,
        moves: bool = True,
    ) -> None:
        """Args: `inbox` is where a relative folder lies; it is allowed itself.

        Without `moves` every file stays where it is, and every look finds the same one.
        """
        self._moves = moves
        self._inbox = inbox
        self._allowed = (inbox, *allowed)
        self._clock = clock
        self._bounds = bounds or Bounds()

    @override
    @asynccontextmanager
    async def open(self, place: Place, marks: Marks) -> AsyncIterator[Fetched]:
        folder = await asyncio.to_thread(self._folder, place.address)
        waiting = await asyncio.to_thread(self._waiting, folder, place.pattern)
        waiting = [entry for entry in waiting if not is_known(entry, marks)]
        if not waiting:
            yield Fetched()
            return
        entry = waiting[0]
        async with spooled(self._bounds) as spool:
            try:
                async with in_time(self._bounds):
                    with await asyncio.to_thread(opened, folder / entry.name) as file:
                        await copied(file, spool)
                digest = spool.done()
            except (SourceRefused, SourceTooLarge, UnsafeFile):
                # The next look would find the same: it must not stand before the others.
                if self._moves:
                    await asyncio.to_thread(_move, folder, entry.name, FAILED)
                raise
            found = Marks(
                name=entry.name,
                bytes=entry.size,
                modified_ms=entry.modified_ms,
                digest=digest,
            )
            yield Fetched(
                file=spool.file,
                marks=found,
                bytes=spool.came,
                more=len(waiting) > 1,
                settle=_mover(folder, entry.name) if self._moves else None,
            )

    def _folder(self, address: str) -> Path:
        """The real folder; raises UnsafeFile where it lies elsewhere, SourceRefused without one."""
        path = Path(address)
        if not path.is_absolute():
            path = self._inbox / path
            if ".." not in path.parts:
                path.mkdir(parents=True, exist_ok=True)
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError) as problem:
            raise SourceRefused(
                f"There is no folder {address}.", reason="the folder is not there"
            ) from problem
        if not any(real.is_relative_to(one.resolve()) for one in self._allowed):
            raise UnsafeFile(
                f"{address} lies in none of the allowed folders.",
                name=address[:200],
                reason="allow it by the setting source_folders",
            )
        return real

    def _waiting(self, folder: Path, pattern: str) -> list[Entry]:
        try:
            return fitting(_entries(folder), pattern, self._clock.now_ms())
        except OSError as problem:
            reason = problem.strerror or type(problem).__name__
            raise SourceUnreachable(
                f"The folder cannot be read: {reason}.", reason=reason
            ) from None


def _entries(folder: Path) -> Iterator[Entry]:
    for path in folder.iterdir():
        if path.is_symlink() or not path.is_file():
            continue
        about = path.stat(follow_symlinks=False)
        yield Entry(path.name, about.st_size, about.st_mtime_ns // 1_000_000)


def _mover(folder: Path, name: str) -> Callable[[bool], Awaitable[None]]:
    async def settle(took_effect: bool) -> None:
        await asyncio.to_thread(_move, folder, name, DONE if took_effect else FAILED)

    return settle


def _move(folder: Path, name: str, into: str) -> None:
    """Puts a file away under its own name, numbered where there is one of that name already."""
    target = folder / into
    if target.is_symlink():
        raise UnsafeFile(name=into, reason="the folder for files that were taken is a link")
    target.mkdir(exist_ok=True)
    for number in range(SAME_NAMES_MAX):
        own = target / (name if not number else f"{name}.{number}")
        if not own.exists():
            (folder / name).rename(own)
            return
    raise UnsafeFile(name=name, reason=f"{into} has {SAME_NAMES_MAX} files of this name")
