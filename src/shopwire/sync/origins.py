"""Which pages may open a WebSocket: browsers send cookies and reach loopback for any page."""

from collections.abc import Iterable
from urllib.parse import urlsplit


class Origins:
    """Allows requests without an origin (no browser), of the same host, and of a list."""

    def __init__(self, allowed: Iterable[str] = (), *, hosts: frozenset[str] | None = None) -> None:
        """Args: `allowed` are whole origins such as `https://shop.example`.

        `hosts` are the names that requests may be addressed to, None for any. Without it a page
        can reach a server on loopback by a name of its own that it lets point there.
        """
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)
        self._hosts = hosts

    def allow(self, origin: str | None, host: str | None) -> bool:
        """Whether a page of `origin` may talk to `host`."""
        if self._hosts is not None and _name(host or "") not in self._hosts:
            return False
        if origin is None:
            return True
        origin = origin.lower()
        if origin in self._allowed:
            return True
        return host is not None and urlsplit(origin).netloc == host.lower()


def _name(host: str) -> str:
    """A Host header without its port."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()
