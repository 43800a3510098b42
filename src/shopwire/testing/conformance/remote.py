"""A server somewhere: its address, and a back door through which things happen behind it.

What the back door has to answer is told in docs/protocol/conformance.md. A server without one is
checked by the rules that need nothing but its address.
"""

import asyncio
import contextlib
import json
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from typing import Any, Final
from urllib.parse import urlsplit

ANSWER_S_MAX: Final = 15.0
"""How long the back door may take for one answer."""
_ABSENT: Final = frozenset({404, 405, 501})


class NotOfferedError(Exception):
    """The back door, or this part of it, is not there: the rule cannot be checked."""


class BackDoorError(Exception):
    """The back door is there and does not do what it should."""


class RemoteTarget:
    """A `Target`, an `AccessTarget` and a `DoorsTarget` by addresses alone."""

    def __init__(
        self,
        url: str,
        *,
        events_url: str = "",
        control_url: str = "",
        poll_url: str = "",
        graphql_url: str = "",
    ) -> None:
        """Args: `url` of the WebSocket; without the others they are where a Shopwire has them."""
        self.url = url
        below = "http" + url.removeprefix("ws").rstrip("/")
        self.events_url = events_url or below + "/sse"
        self.poll_url = poll_url or below + "/poll"
        self.graphql_url = graphql_url or urlsplit(url)._replace(path="/graphql").geturl()
        self._control_url = control_url.rstrip("/")

    async def change(self, changes: Sequence[tuple[str, Any]]) -> None:
        """Commits new documents of topics, all in one command."""
        await self._ask("change", changes=[list(change) for change in changes])

    async def new_epoch(self) -> None:
        """Gives the log a new epoch."""
        await self._ask("new_epoch")

    async def newest(self, topic: str) -> tuple[int, Any]:
        """Version and document as the database has them."""
        answer = await self._ask("newest", topic=topic)
        return answer["version"], answer["document"]

    async def token(self, role: str, subject: str, lasts_ms: int) -> str:
        """A token of an account."""
        answer = await self._ask("token", role=role, subject=subject, lasts_ms=lasts_ms)
        token: str = answer["token"]
        return token

    async def withdraw(self, role: str, subject: str) -> None:
        """Ends the sessions of an account."""
        await self._ask("withdraw", role=role, subject=subject)

    async def _ask(self, what: str, **body: Any) -> Any:
        if not self._control_url:
            raise NotOfferedError("needs --control")
        return await asyncio.to_thread(_post, f"{self._control_url}/{what}", body)


def _post(url: str, body: dict[str, Any]) -> Any:
    split = urlsplit(url)
    connection = HTTPConnection(split.hostname or "", split.port, timeout=ANSWER_S_MAX)
    with contextlib.closing(connection):
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", split.path, json.dumps(body), headers)
            answer = connection.getresponse()
            told = answer.read()
        except (OSError, HTTPException) as problem:
            raise BackDoorError(f"{url}: {problem!r}") from problem
    if answer.status in _ABSENT:
        raise NotOfferedError(f"the back door has no {split.path.rpartition('/')[2]}")
    if answer.status >= 300:
        raise BackDoorError(f"{url} answered {answer.status}: {told[:200]!r}")
    return json.loads(told) if told else None
