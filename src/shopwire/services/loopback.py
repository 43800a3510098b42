"""Requests of this process to its own doors: what a simulated provider posts, without a socket."""

from collections.abc import Mapping
from typing import Any

from shopwire.kernel.errors import ShuttingDown


class Loopback:
    """Posts to the application, once there is one."""

    def __init__(self) -> None:
        self.app: Any = None

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status that the door answered; raises ShuttingDown while there is no application."""
        if self.app is None:
            raise ShuttingDown
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [
                (b"host", b"localhost"),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *((name.lower().encode(), value.encode()) for name, value in headers.items()),
            ],
            "client": ("127.0.0.1", 0),
            "server": ("localhost", 0),
        }
        parts = [{"type": "http.request", "body": body, "more_body": False}]
        status = 0

        async def receive() -> dict[str, Any]:
            return parts.pop() if parts else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]

        await self.app(scope, receive, send)
        return status
