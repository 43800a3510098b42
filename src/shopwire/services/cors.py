"""Pages of other origins: which may read what a hub answers."""

from typing import Any, Final

from shopwire.sync.origins import Origins

_METHODS: Final = b"GET, HEAD, POST"
_HEADERS: Final = b"authorization, content-type, last-event-id"
_KEPT_S: Final = b"600"
"""How long a browser remembers what it may do."""


class Cors:
    """Names the origin in each answer to a page that may read it; to others it names none."""

    def __init__(self, app: Any, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers a browser's question beforehand; everything else goes on to the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        origin: bytes | None = headers.get(b"origin")
        host = headers.get(b"host", b"").decode("latin-1")
        allowed = origin is not None and self._origins.allow(origin.decode("latin-1"), host)
        named = [(b"vary", b"origin")]
        if allowed and origin is not None:
            named += [
                (b"access-control-allow-origin", origin),
                (b"access-control-allow-credentials", b"true"),
            ]
        if scope["method"] == "OPTIONS":
            told = [(b"access-control-allow-methods", _METHODS)] if allowed else []
            told += [(b"access-control-allow-headers", _HEADERS)] if allowed else []
            told += [(b"access-control-max-age", _KEPT_S)] if allowed else []
            start = {"type": "http.response.start", "status": 204, "headers": [*named, *told]}
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_named(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                kept = [
                    header
                    for header in message.get("headers", ())
                    if not (allowed and header[0].lower() == b"access-control-allow-origin")
                ]
                message = {**message, "headers": [*kept, *named]}
            await send(message)

        await self._app(scope, receive, send_named)
