"""What stands before every HTTP answer: which application, security headers, the count."""

import re
import time
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from shopwire.kernel.errors import MalformedRequest, ShopwireError
from shopwire.services.express import Express
from shopwire.services.hubs import Hubs
from shopwire.services.pages import Pages, Scope
from shopwire.services.telemetry import Telemetry
from shopwire.sync.transports.refusals import refuse

_SYNC: Final = "/sync"
_TOPICS: Final = "/topics"
_GRAPHQL: Final = "/graphql"
_API: Final = ("/api", "/pictures", "/healthz", "/readyz", "/metrics")
_OWN: Final = "connect-src 'self'"
_PLACE: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:\d+)?")
_STRICT: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_ALWAYS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
]

_log: Final = structlog.get_logger()


class Front:
    """The outermost ASGI application: sync, the API, or the pages, by the path."""

    def __init__(
        self,
        api: Any,
        sync: Any,
        pages: Pages,
        telemetry: Telemetry,
        *,
        documents: Any = None,
        graphql: Any = None,
        hubs: Hubs | None = None,
        hosts: frozenset[str] | None = None,
        express: Express | None = None,
    ) -> None:
        self._api = api
        self._express = express
        self._sync = sync
        self._pages = pages
        self._documents = documents
        self._graphql = graphql
        self._hubs = hubs
        self._telemetry = telemetry
        self._hosts = hosts
        """Names that requests may be addressed to; None for any.

        Without it any page could reach a server on loopback by a name of its own that it lets
        point there, and would count as of the same origin.
        """

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answers one request, or hands a WebSocket or the lifespan on."""
        if scope["type"] == "websocket" and _below(scope["path"], _SYNC):
            await self._sync(scope, receive, send)
            return
        if scope["type"] == "websocket" and self._is_graphql(scope["path"]):
            if self._refusal(scope) is not None:
                await send({"type": "websocket.close", "code": 1008, "reason": "host"})
                return
            await self._graphql(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._api(scope, receive, send)
            return
        started = time.perf_counter()
        route, app = self._choose(scope)
        status = 500

        async def send_headed(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                policy = self._policy(scope) if app is self._pages else _STRICT
                headers = [*_ALWAYS, (b"content-security-policy", policy.encode())]
                message = {**message, "headers": [*message.get("headers", ()), *headers]}
            await send(message)

        try:
            await app(scope, receive, send_headed)
        finally:
            route = route or str(scope.get("path_template") or "unmatched")
            self._telemetry.request(route, status, started)
            took_ms = round((time.perf_counter() - started) * 1_000, 1)
            method, path = scope["method"], scope["path"]
            _log.debug("http.access", method=method, path=path, status=status, took_ms=took_ms)

    def _choose(self, scope: Scope) -> tuple[str, Any]:
        """The route's name, where it is known already, and the application."""
        path = scope["path"]
        if (refusal := self._refusal(scope)) is not None:
            return "refused", partial(_refuse, refusal)
        if self._express is not None and self._express.takes(scope):
            return "", self._express
        if _below(path, _SYNC):
            return "sync", self._sync
        if self._is_graphql(path):
            return "graphql", self._graphql
        if self._documents is not None and _below(path, _TOPICS):
            return "documents", self._documents
        if scope["method"] in {"GET", "HEAD"} and not any(_below(path, base) for base in _API):
            return "pages", self._pages
        return "", self._api

    def _policy(self, scope: Scope) -> str:
        """A page may connect to where it came from, and to the hubs that it is told of."""
        if self._hubs is None:
            return self._pages.policy
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        places = [urlsplit(at) for at in self._hubs.addresses(host, scope.get("scheme", "http"))]
        # The name is the request's own: what is no name must not become part of the policy.
        origins = [f"{at.scheme}://{at.netloc}" for at in places if _PLACE.fullmatch(at.netloc)]
        named = " ".join([*origins, *(one.replace("http", "ws", 1) for one in origins)])
        return self._pages.policy.replace(_OWN, f"{_OWN} {named}".rstrip())

    def _is_graphql(self, path: str) -> bool:
        return self._graphql is not None and path == _GRAPHQL

    def _refusal(self, scope: Scope) -> MalformedRequest | None:
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            # PostgreSQL cannot hold the character, and no name here has it.
            return MalformedRequest(field="url", reason="it contains the character U+0000")
        if self._hosts is None:
            return None
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower()
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name in self._hosts:
            return None
        reason = f"this server does not go by the name {name!r}; see --allow-host"
        return MalformedRequest(field="Host", reason=reason)


async def _refuse(problem: ShopwireError, _scope: Scope, _receive: Any, send: Any) -> None:
    await refuse(send, problem)


def _below(path: str, base: str) -> bool:
    return path == base or path.startswith(f"{base}/")
