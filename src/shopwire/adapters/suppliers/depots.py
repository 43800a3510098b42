"""Folders that a shop and a supplier share, here or behind SFTP.

A file appears whole: it is written beside and moved. What lies in `staging` has surely not left,
and nobody but the shop touches it; that is what makes a crash answerable.
"""

import asyncio
import math
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol, TypeVar

from typing_extensions import override

FILES_MAX: Final = 200
"""Files that one look at an inbox takes in; the others wait for the next look."""
NAME_CHARS_MAX: Final = 200
"""A file with a longer name is left where it is."""
UNFINISHED: Final = (".part", ".tmp", ".filepart", ".swp")
"""Ends of names by which senders mark what they still write."""


R = TypeVar("R")


class DepotAway(Exception):
    """The folder cannot be reached or used right now; the text is for people."""


class Depot(Protocol):
    """Files by their paths below one place. All calls raise DepotAway."""

    async def put(self, path: str, data: bytes) -> None:
        """Writes a file, over an older one of that name; its folder is made."""
        ...

    async def move(self, path: str, to: str) -> None:
        """Moves a file, whole; `to` appears at once, and its folder is made."""
        ...

    async def has(self, path: str) -> bool:
        """Whether there is a file."""
        ...

    async def names(self, folder: str) -> list[str]:
        """Names of finished files in a folder, sorted; none where there is no such folder."""
        ...

    async def read(self, path: str, bytes_max: int) -> bytes | None:
        """A file's bytes; None for one that is longer."""
        ...

    async def old_names(self, folder: str, before_ms: int) -> list[str]:
        """As `names`, of files that were written last before a moment."""
        ...

    async def remove(self, path: str) -> None:
        """Erases a file; one that is not there is none less."""
        ...


class FolderDepot(Depot):
    """A folder of this machine, perhaps mounted from elsewhere."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @override
    async def put(self, path: str, data: bytes) -> None:
        await self._run(self._put, path, data)

    @override
    async def move(self, path: str, to: str) -> None:
        await self._run(self._move, path, to)

    @override
    async def has(self, path: str) -> bool:
        return await self._run((self._root / path).is_file)

    @override
    async def names(self, folder: str) -> list[str]:
        return await self._run(self._names, folder)

    @override
    async def read(self, path: str, bytes_max: int) -> bytes | None:
        return await self._run(self._read, path, bytes_max)

    @override
    async def old_names(self, folder: str, before_ms: int) -> list[str]:
        return await self._run(self._names, folder, before_ms)

    @override
    async def remove(self, path: str) -> None:
        await self._run(self._remove, path)

    async def _run(self, work: Callable[..., R], *args: object) -> R:
        try:
            return await asyncio.to_thread(work, *args)
        except OSError as problem:
            raise DepotAway(f"the folder {self._root.name}: {problem.strerror}") from problem

    def _put(self, path: str, data: bytes) -> None:
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def _move(self, path: str, to: str) -> None:
        target = self._root / to
        target.parent.mkdir(parents=True, exist_ok=True)
        (self._root / path).replace(target)
        for folder in {target.parent, (self._root / path).parent}:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def _names(self, folder: str, before_ms: float = math.inf) -> list[str]:
        with suppress(FileNotFoundError), os.scandir(self._root / folder) as found:
            names = [
                one.name
                for one in found
                # A link may lead out of the folder; what it means is not taken from a supplier.
                if one.is_file(follow_symlinks=False)
                and (before_ms == math.inf or one.stat().st_mtime * 1_000 < before_ms)
            ]
            return sorted(filter(is_finished, names))[:FILES_MAX]
        return []

    def _remove(self, path: str) -> None:
        (self._root / path).unlink(missing_ok=True)

    def _read(self, path: str, bytes_max: int) -> bytes | None:
        with (self._root / path).open("rb") as file:
            data = file.read(bytes_max + 1)
        return None if len(data) > bytes_max else data


def is_finished(name: str) -> bool:
    """Whether a name is a file's that may be taken: no folder, no sign, nothing half written."""
    if "/" in name or "\\" in name or not name.isprintable() or len(name) > NAME_CHARS_MAX:
        return False
    return not name.startswith(".") and not name.lower().endswith(UNFINISHED)
