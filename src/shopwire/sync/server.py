"""What a composition root needs: one door that knows the hub, in the shapes that servers want."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shopwire.kernel.errors import NotFound
from shopwire.kernel.identity import Caller
from shopwire.sync.arrivals import Arrival, CallerOf
from shopwire.sync.hub import Hub
from shopwire.sync.origins import Origins
from shopwire.sync.transports.asgi_ws import serve_websocket
from shopwire.sync.transports.longpoll import serve_poll
from shopwire.sync.transports.picows_ws import http_protocol
from shopwire.sync.transports.refusals import refuse
from shopwire.sync.transports.sse import serve_events

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class SyncDoor:
    """The transports of one hub.

    `callers` knows who comes; without it everybody is whoever comes without credentials.

    `http_protocol()` goes into `uvicorn.Config(http=...)`: WebSockets at `path` by picows.
    `asgi` is an ASGI application for `path` and what is below it: the WebSocket fallback, and
    server-sent events at `<path>/sse`, long-poll at `<path>/poll`. Litestar takes it as
    `litestar.asgi(path, is_mount=True)(door.asgi)`.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        callers: CallerOf | None = None,
        origins: Iterable[str] = (),
        hosts: frozenset[str] | None = None,
        path: str = "/sync",
    ) -> None:
        self.hub = hub
        self.path = path
        self._callers = callers or self._anybody
        self._origins = Origins(origins, hosts=hosts)

    def http_protocol(self) -> type[HttpToolsProtocol]:
        """HTTP for uvicorn: its own protocol, with WebSockets at `path` led to picows."""
        return http_protocol(self.hub, self._callers, self._origins, self.path)

    async def _anybody(self, _: Arrival) -> Caller:
        return self.hub.rights.otherwise

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        """WebSocket and event stream as ASGI; mounted or not, the end of the path decides."""
        if scope["type"] == "websocket":
            await serve_websocket(self.hub, self._callers, self._origins, scope, receive, send)
        elif scope["type"] == "http" and scope["path"].rstrip("/").endswith("/sse"):
            await serve_events(self.hub, self._callers, scope, receive, send)
        elif scope["type"] == "http" and scope["path"].rstrip("/").endswith("/poll"):
            await serve_poll(self.hub, self._callers, scope, receive, send)
        elif scope["type"] == "http":
            await refuse(send, NotFound(what="page", id=scope["path"]))
