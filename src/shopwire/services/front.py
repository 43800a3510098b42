"""What stands before every HTTP answer: which application, security headers, the count."""

import time
from typing import Any, Final

import structlog

from shopwire.services.pages import Pages, Scope
from shopwire.services.telemetry import Telemetry

_API: Final = ("/api", "/pictures", "/sync", "/healthz", "/readyz", "/metrics")
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
    """The outermost ASGI application: the API where a path belongs to it, else the pages."""

    def __init__(self, api: Any, pages: Pages, telemetry: Telemetry) -> None:
        self._api = api
        self._pages = pages
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answers one request, or hands a WebSocket or the lifespan on."""
        if scope["type"] != "http":
            await self._api(scope, receive, send)
            return
        started = time.perf_counter()
        paged = self._is_page(scope)
        status = 500

        async def send_headed(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                policy = self._pages.policy if paged else _STRICT
                headers = [*_ALWAYS, (b"content-security-policy", policy.encode())]
                message = {**message, "headers": [*message.get("headers", ()), *headers]}
            await send(message)

        try:
            await (self._pages if paged else self._api)(scope, receive, send_headed)
        finally:
            route = "pages" if paged else str(scope.get("path_template") or "unmatched")
            self._telemetry.request(route, status, started)
            took_ms = round((time.perf_counter() - started) * 1_000, 1)
            method, path = scope["method"], scope["path"]
            _log.debug("http.access", method=method, path=path, status=status, took_ms=took_ms)

    @staticmethod
    def _is_page(scope: Scope) -> bool:
        path = scope["path"]
        ours = any(path == base or path.startswith(f"{base}/") for base in _API)
        return not ours and scope["method"] in {"GET", "HEAD"}
