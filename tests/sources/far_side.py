"""Far sides for sources: a web server whose every answer a test writes, an SFTP server."""

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh

Answer = Callable[[str, dict[str, str], asyncio.StreamWriter], Any]


class Web:
    """An HTTP server; `answers` says by path what is sent, as raw bytes or by a function."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes | Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.port = 0
        self.let_go = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            path = head[0].split(" ")[1]
            pairs = [line.split(": ", 1) for line in head[1:] if ": " in line]
            headers = {name.lower(): value for name, value in pairs}
            self.asked.append((path, headers))
            answer = self.answers.get(path.partition("?")[0], reply(404))
            if callable(answer):
                answer = await answer(path, headers, writer)
            if answer:
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


def reply(status: int = 200, body: bytes = b"", /, **headers: str) -> bytes:
    """One answer; underscores of headers' names are lines."""
    names = {"content-length": str(len(body)), "content-type": "text/csv"}
    names |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in names.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def packed(body: bytes, **headers: str) -> bytes:
    return reply(200, gzip.compress(body), content_encoding="gzip", **headers)


@asynccontextmanager
async def web() -> AsyncIterator[Web]:
    own = Web()
    server = await asyncio.start_server(own.serve, "127.0.0.1", 0)
    own.port = server.sockets[0].getsockname()[1]
    try:
        yield own
    finally:
        own.let_go.set()
        server.close()
        await server.wait_closed()


class Sftp:
    """An SFTP server over a folder of the test's own."""

    def __init__(self, folder: Path, key: asyncssh.SSHKey) -> None:
        self.folder, self.key, self.port = folder, key, 0
        self.password = "let me in"
        self.client: asyncssh.SSHKey | None = None
        """Whose private key lets in, too."""

    @property
    def host_key(self) -> str:
        return " ".join(self.key.export_public_key().decode().split()[:2])

    @property
    def url(self) -> str:
        return f"sftp://acme@127.0.0.1:{self.port}/out"


class _Doors(asyncssh.SSHServer):
    def __init__(self, own: Sftp) -> None:
        self._own = own

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return self._own.client is not None

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key == self._own.client

    def validate_password(self, username: str, password: str) -> bool:
        return password == self._own.password


@asynccontextmanager
async def sftp(folder: Path, files: Callable[..., Any] | None = None) -> AsyncIterator[Sftp]:
    """`files` makes the server's file system, where it is to lie about it."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    own = Sftp(folder, key)
    (folder / "out").mkdir(exist_ok=True)
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[key],
        server_factory=lambda: _Doors(own),
        sftp_factory=files or (lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder))),
    )
    own.port = server.get_port()
    try:
        yield own
    finally:
        server.close()
        await server.wait_closed()


def put(path: Path, text: str, age_s: int = 60) -> None:
    """A file that was written a while ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    stamp = path.stat().st_mtime - age_s
    os.utime(path, (stamp, stamp))
