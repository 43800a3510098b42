"""Folders that a shop and a supplier share, here or behind SFTP.

A file appears whole: it is written beside and moved. What lies in `staging` has surely not left,
and nobody but the shop touches it; that is what makes a crash answerable.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Final, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

import asyncssh
from typing_extensions import override

from shopwire.adapters.outbound import NOTHING, Allowed, open_socket
from shopwire.kernel.errors import AddressRefused

FILES_MAX: Final = 200
"""Files that one look at an inbox takes in; the others wait for the next look."""
CALL_S_MAX: Final = 30.0
"""A server that takes longer for a connection or a file counts as away."""
SFTP_PORT: Final = 22
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

    def _names(self, folder: str) -> list[str]:
        with suppress(FileNotFoundError), os.scandir(self._root / folder) as found:
            # A link may lead out of the folder; what it means is not taken from a supplier.
            names = [one.name for one in found if one.is_file(follow_symlinks=False)]
            return sorted(filter(_is_finished, names))[:FILES_MAX]
        return []

    def _read(self, path: str, bytes_max: int) -> bytes | None:
        with (self._root / path).open("rb") as file:
            data = file.read(bytes_max + 1)
        return None if len(data) > bytes_max else data


class SftpDepot(Depot):
    """A folder of a server, by SFTP; each call has a connection of its own.

    The server proves itself by the key that was written down: another one is refused.
    """

    def __init__(
        self, url: str, *, host_key: str, secret: str = "", allowed: Allowed = NOTHING
    ) -> None:
        """Args: `secret` is a private key in OpenSSH's form, else a password."""
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or SFTP_PORT
        self._user, self._root = unquote(parts.username or ""), unquote(parts.path) or "/"
        self._host_key, self._secret, self._allowed = host_key, secret, allowed

    @override
    async def put(self, path: str, data: bytes) -> None:
        async with self._session() as sftp:
            await sftp.makedirs(self._parent(path), exist_ok=True)
            async with sftp.open(self._at(path), "wb") as file:
                await file.write(data)

    @override
    async def move(self, path: str, to: str) -> None:
        async with self._session() as sftp:
            await sftp.makedirs(self._parent(to), exist_ok=True)
            await sftp.rename(self._at(path), self._at(to))

    @override
    async def has(self, path: str) -> bool:
        async with self._session() as sftp:
            return await sftp.isfile(self._at(path))

    @override
    async def names(self, folder: str) -> list[str]:
        async with self._session() as sftp:
            if not await sftp.isdir(self._at(folder)):
                return []
            names: list[str] = []
            async for one in sftp.scandir(self._at(folder)):
                name = str(one.filename)
                if one.attrs.type == asyncssh.FILEXFER_TYPE_REGULAR and _is_finished(name):
                    names.append(name)
                if len(names) >= FILES_MAX:
                    break
            return sorted(names)

    @override
    async def read(self, path: str, bytes_max: int) -> bytes | None:
        async with self._session() as sftp, sftp.open(self._at(path), "rb") as file:
            data = await file.read(bytes_max + 1)
            return None if len(data) > bytes_max else bytes(data)  # type: ignore[arg-type]

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[asyncssh.SFTPClient]:
        try:
            async with asyncio.timeout(CALL_S_MAX):
                sock = await open_socket(self._host, self._port, self._allowed)
                async with (
                    asyncssh.connect(sock=sock, options=self._options()) as connection,
                    connection.start_sftp_client() as sftp,
                ):
                    yield sftp
        except AddressRefused as problem:
            raise DepotAway(f"{self._host}: {problem.data['reason']}") from None
        except (OSError, TimeoutError, asyncssh.Error, ValueError) as problem:
            raise DepotAway(f"{self._host}: {type(problem).__name__} {problem}"[:200]) from problem

    def _options(self) -> asyncssh.SSHClientConnectionOptions:
        trusted = asyncssh.import_public_key(self._host_key)
        is_key = "PRIVATE KEY" in self._secret
        return asyncssh.SSHClientConnectionOptions(
            host=self._host,
            port=self._port,
            username=self._user,
            known_hosts=([trusted], [], []),
            client_keys=[asyncssh.import_private_key(self._secret)] if is_key else None,
            password=None if is_key or not self._secret else self._secret,
            agent_path=None,
            config=None,
        )

    def _at(self, path: str) -> str:
        return str(PurePosixPath(self._root) / path)

    def _parent(self, path: str) -> str:
        return str((PurePosixPath(self._root) / path).parent)


def _is_finished(name: str) -> bool:
    return not name.startswith(".") and not name.lower().endswith(UNFINISHED)
