"""Several servers with the same documents: one by chance, another one after a failure."""

import logging
import random
from typing import Any, Final
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpx2

HUBS_S_MAX: Final = 1.0
"""How long the list of hubs may take; then the address that is known is the only one."""
HUBS_MAX: Final = 64
"""Hubs that are looked at; a longer list is cut."""

_LOG: Final = logging.getLogger(__name__)


def home_of(url: str) -> str:
    """The server's address over HTTP, no slash at its end, of its sync endpoint's."""
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    path = parts.path.rstrip("/").removesuffix("/sync")
    return urlunsplit((scheme, parts.netloc, path, "", ""))


def socket_of(url: str, home: str) -> str | None:
    """The WebSocket address of a hub as the list names it; None where it cannot be read."""
    try:
        parts = urlsplit(urljoin(f"{home}/", url))
    except ValueError:
        return None
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    if scheme is None or not parts.netloc:
        return None
    return urlunsplit((scheme, parts.netloc, parts.path, parts.query, ""))


class Hubs:
    """Which of several to connect to."""

    def __init__(self, url: str, chance: random.Random) -> None:
        """Args: `url` is the sync endpoint that is known, as ws:// or wss://."""
        self.home = home_of(url)
        self.current = url
        self.all: tuple[str, ...] = (url,)
        self._failed: set[str] = set()
        self._random = chance

    def move(self, url: str) -> None:
        """There is this one, and no other."""
        self.current, self.all = url, (url,)
        self._failed.clear()

    async def load(self) -> None:
        """Asks which hubs there are and takes one; keeps what is known where nobody tells."""
        try:
            async with httpx2.AsyncClient(timeout=HUBS_S_MAX) as web:
                answer = await web.get(f"{self.home}/api/hubs")
                told = answer.json() if answer.is_success else None
        except (httpx2.HTTPError, ValueError) as problem:
            _LOG.info("no list of hubs from %s: %s", self.home, problem)
            return
        self.take(told)

    def take(self, told: Any) -> None:
        """The answer of `/api/hubs`; one that cannot be read changes nothing."""
        listed = told.get("hubs") if isinstance(told, dict) else None
        if not isinstance(listed, list):
            return
        whole = (socket_of(hub, self.home) for hub in listed[:HUBS_MAX] if isinstance(hub, str))
        found = tuple(dict.fromkeys(hub for hub in whole if hub is not None))
        if found:
            self.all = found
            self._failed.clear()
            self._choose()

    def failed(self) -> None:
        """The current one failed: another one, each once before any is tried again."""
        self._failed.add(self.current)
        if self._failed.issuperset(self.all):
            self._failed = {self.current} if len(self.all) > 1 else set()
        self._choose()

    def _choose(self) -> None:
        free = [hub for hub in self.all if hub not in self._failed]
        self.current = self._random.choice(free) if free else self.current
