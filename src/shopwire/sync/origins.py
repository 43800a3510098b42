"""Which pages may open a WebSocket: browsers send cookies and reach loopback for any page."""

from collections.abc import Iterable
from urllib.parse import urlsplit


class Origins:
    """Allows requests without an origin (no browser), of the same host, and of a list."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """Args: `allowed` are whole origins such as `https://shop.example`."""
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)

    def allow(self, origin: str | None, host: str | None) -> bool:
        """Whether a page of `origin` may talk to `host`."""
        if origin is None:
            return True
        origin = origin.lower()
        if origin in self._allowed:
            return True
        return host is not None and urlsplit(origin).netloc == host.lower()
