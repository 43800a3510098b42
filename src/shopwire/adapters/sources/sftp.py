"""A folder on an SFTP server: its newest file that fits, from a server whose key is known."""

import base64
import binascii
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import asyncssh
from typing_extensions import override

from shopwire.adapters.outbound import CONNECT_S_MAX, NOTHING, Allowed, open_socket
from shopwire.adapters.sources.spool import (
    Bounds,
    Entry,
    SecretFiles,
    fitting,
    in_time,
    is_known,
    spooled,
    too_large,
)
from shopwire.kernel.clock import Clock
from shopwire.kernel.fetching import FILES_MAX, FeedSource, Fetched, Marks, Place
from shopwire.kernel.source_errors import (
    HostKeyChanged,
    SecretMissing,
    SourceRefused,
    SourceUnreachable,
)

PORT_DEFAULT: Final = 22
"""Where an address names none."""
_PIECE_BYTES: Final = 256 * 1024


class SftpSource(FeedSource):
    """Logs in by password or key. Nothing of this machine's own SSH set-up is used."""

    def __init__(
        self,
        secrets: SecretFiles,
        clock: Clock,
        allowed: Allowed = NOTHING,
        bounds: Bounds | None = None,
    ) -> None:
        self._secrets, self._clock, self._allowed = secrets, clock, allowed
        self._bounds = bounds or Bounds()

    @override
    @asynccontextmanager
    async def open(self, place: Place, marks: Marks) -> AsyncIterator[Fetched]:
        async with spooled(self._bounds) as spool:
            async with in_time(self._bounds), self._connected(place) as sftp:
                folder = unquote(urlsplit(place.address).path) or "."
                entries = await _listed(sftp, folder)
                found = fitting(entries, place.pattern, self._clock.now_ms())
                fetched = Fetched()
                if found and not is_known(found[-1], marks):
                    entry = found[-1]
                    if entry.size > spool.bytes_max:
                        raise too_large(spool.bytes_max, f"{entry.name} has {entry.size} bytes")
                    async with sftp.open(f"{folder.rstrip('/')}/{entry.name}", "rb") as file:
                        while piece := await file.read(_PIECE_BYTES):
                            await spool.take(bytes(piece))
                    fetched = Fetched(
                        file=spool.file,
                        marks=Marks(
                            name=entry.name,
                            bytes=entry.size,
                            modified_ms=entry.modified_ms,
                            digest=spool.done(),
                        ),
                        bytes=spool.came,
                    )
            # The line is closed by now: an import takes longer than it should be held.
            yield fetched

    @asynccontextmanager
    async def _connected(self, place: Place) -> AsyncIterator[Any]:
        parts = urlsplit(place.address)
        host = parts.hostname or ""
        login = _login(self._secrets.read(place.secret), place.secret)
        guard = _Guard(place.host_key)
        try:
            sock = await open_socket(host, parts.port or PORT_DEFAULT, self._allowed)
        except (OSError, TimeoutError):
            raise SourceUnreachable(
                "It does not answer: no connection came about.", reason="no connection came about"
            ) from None
        try:
            async with asyncssh.connect(
                host,
                sock=sock,
                username=unquote(parts.username or ""),
                client_factory=lambda: guard,
                known_hosts=([], [], []),
                config=None,
                agent_path=None,
                login_timeout=CONNECT_S_MAX,
                **login,
            ) as connection, connection.start_sftp_client() as sftp:  # fmt: skip
                yield sftp
        except asyncssh.HostKeyNotVerifiable:
            raise HostKeyChanged(
                f"The server shows the key {guard.shown} instead of {guard.known}.",
                known=guard.known,
                shown=guard.shown,
            ) from None
        except asyncssh.PermissionDenied:
            raise SourceRefused(
                "The server lets nobody in with this secret.",
                reason="it lets nobody in with this secret",
            ) from None
        except asyncssh.SFTPError as problem:
            raise SourceRefused(
                f"The server refused: {problem.reason[:200]}.", reason=problem.reason[:200]
            ) from None
        except (asyncssh.Error, OSError) as problem:
            reason = f"the connection ended: {type(problem).__name__}"
            raise SourceUnreachable(f"It broke off: {reason}.", reason=reason) from None


class _Guard(asyncssh.SSHClient):
    """Takes the one key that is known, and remembers which was shown."""

    def __init__(self, known: str) -> None:
        self.known = known if known.startswith("SHA256:") else _print_of(known)
        self.shown = ""

    @override
    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        self.shown = key.get_fingerprint("sha256")
        return self.shown == self.known


def _print_of(line: str) -> str:
    """The fingerprint of a key as known_hosts has it."""
    try:
        digest = hashlib.sha256(base64.b64decode(line.split()[1] + "==")).digest()
    except (binascii.Error, IndexError):
        return "unreadable"  # so that no server's is the same
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def _login(secret: str, name: str) -> dict[str, Any]:
    if not secret.startswith("-----BEGIN"):
        return {"password": secret, "client_keys": None}
    try:
        key = asyncssh.import_private_key(secret)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as problem:
        raise SecretMissing(
            secret=name, reason="it is no private key that can be read"
        ) from problem
    return {"client_keys": [key], "password": None}


async def _listed(sftp: Any, folder: str) -> list[Entry]:
    """Files of a folder; links, folders and what has no time are none."""
    found: list[Entry] = []
    async for one in sftp.scandir(folder):
        name = one.filename if isinstance(one.filename, str) else one.filename.decode("latin-1")
        about = one.attrs
        if about.type != asyncssh.FILEXFER_TYPE_REGULAR or about.mtime is None:
            continue
        found.append(Entry(name, about.size or 0, int(about.mtime) * 1_000))
        if len(found) > FILES_MAX:
            break  # `fitting` refuses it
    return found
