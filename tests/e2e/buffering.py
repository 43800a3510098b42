"""A proxy that passes on an answer when it is whole: WebSockets and event streams never are."""

import socket
import threading
from contextlib import suppress
from typing import Self

WHOLE_S_MAX = 60
"""How long it waits for the end of an answer before it gives the connection up."""


class BufferingProxy:
    """HTTP/1.1, one request a connection; a thread each."""

    def __init__(self, port: int, behind: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.held: list[str] = []
        """Paths whose answers it holds back, or held."""
        self.holds = threading.Event()
        """Set when the first of them was asked for."""
        self.asks_again = threading.Event()
        """Set when somebody asks by the way that it does not hold back."""
        self._behind = behind
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._listener, *tuple(self._open)):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._open.add(client)
        try:
            with client, suppress(OSError):
                head, body = _request(client)
                if not head:
                    return
                path = head.split(b" ", 2)[1].decode()
                streams = b"upgrade: websocket" in head.lower() or path.startswith("/sync/sse")
                if streams:
                    self.held.append(path.partition("?")[0])
                    self.holds.set()
                if path.startswith("/sync/poll"):
                    self.asks_again.set()
                answer = self._whole(head, body, closes=not streams)
                if not streams:
                    client.sendall(answer)
        finally:
            self._open.discard(client)

    def _whole(self, head: bytes, body: bytes, *, closes: bool) -> bytes:
        """The answer from its first byte to its last; a stream's last never comes."""
        lines = head.rstrip(b"\r\n").split(b"\r\n")
        if closes:
            lines = [line for line in lines if not line.lower().startswith(b"connection:")]
            lines.append(b"Connection: close")
        with socket.create_connection(("127.0.0.1", self._behind), WHOLE_S_MAX) as server:
            self._open.add(server)
            try:
                server.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
                parts = []
                while part := server.recv(65_536):
                    parts.append(part)
                return b"".join(parts)
            finally:
                self._open.discard(server)


def _request(client: socket.socket) -> tuple[bytes, bytes]:
    held = b""
    while b"\r\n\r\n" not in held:
        part = client.recv(65_536)
        if not part:
            return b"", b""
        held += part
    head, _, body = held.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":", 1)[1])
    while len(body) < length:
        body += client.recv(65_536)
    return head + b"\r\n", body
