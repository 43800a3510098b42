"""Folders of servers, by SFTP."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

import asyncssh
from typing_extensions import override

from shopwire.adapters.outbound import NOTHING, Allowed, open_socket
from shopwire.adapters.suppliers.depots import FILES_MAX, Depot, DepotAway, is_finished
from shopwire.kernel.errors import AddressRefused

CALL_S_MAX: Final = 30.0
"""A server that takes longer for a connection and a file counts as away."""
SFTP_PORT: Final = 22


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
        return await self._names(folder, math.inf)

    @override
    async def old_names(self, folder: str, before_ms: int) -> list[str]:
        return await self._names(folder, before_ms / 1_000)

    @override
    async def remove(self, path: str) -> None:
        async with self._session() as sftp:
            if await sftp.isfile(self._at(path)):
                await sftp.remove(self._at(path))

    async def _names(self, folder: str, before_s: float) -> list[str]:
        async with self._session() as sftp:
            if not await sftp.isdir(self._at(folder)):
                return []
            names: list[str] = []
            async for one in sftp.scandir(self._at(folder)):
                name = str(one.filename)
                regular = one.attrs.type == asyncssh.FILEXFER_TYPE_REGULAR
                # A server that tells no times has no old files.
                written = one.attrs.mtime if one.attrs.mtime is not None else math.inf
                if regular and is_finished(name) and (math.isinf(before_s) or written < before_s):
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
