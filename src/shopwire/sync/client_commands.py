"""Commands of the Python client: sent again with the same key until they are answered."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import httpx2

from shopwire.sync.client_access import ABOUT_TOKENS, Access
from shopwire.sync.reducer import Message

RETRY_MS: Final = 200
"""Wait before a command is sent again whose refusal may pass and names no wait of its own."""
OVER_HTTP_S: Final = 5.0
"""Time without a connection, or without its answer; then the command is asked for over HTTP."""
HTTP_S_MAX: Final = 5.0
"""Time that one request may take; then the outcome is unknown and the key is sent again."""
KEY_BYTES: Final = 16
"""Random bytes of a key that the caller did not choose."""


class Done(NamedTuple):
    """A command that took effect."""

    versions: dict[str, int]
    """Topic to version: what is held shows the effect once it has these."""
    result: Any
    replayed: bool
    """Whether this is the answer to an earlier sending of the key."""


class CommandRefused(Exception):
    """The server's refusal; decide by `code`."""

    def __init__(self, message: Message) -> None:
        super().__init__(f"{message['code']} {message['name']}: {message['message']}")
        self.code: Final[int] = message["code"]
        self.name: Final[str] = message["name"]
        self.temporary: Final[bool] = message["temporary"]
        self.remedy: Final[str] = message.get("remedy", "")
        self.data: Final[dict[str, Any]] = message["data"]
        self.replayed: Final[bool] = message.get("replayed", False)


def new_key() -> str:
    """A key for one intent: nobody guesses it, and no two are alike."""
    return secrets.token_hex(KEY_BYTES)


class Asking:
    """Commands without an answer yet."""

    def __init__(
        self,
        say: Callable[[dict[str, Any]], None],
        take_id: Callable[[], int],
        connected: Callable[[], Awaitable[None]],
        home: str,
        access: Access,
    ) -> None:
        """Commands for one server.

        Args:
            say: sends or loses a message.
            take_id: gives numbers of messages.
            connected: returns when there is a connection that takes commands.
            home: the server's address over HTTP.
            access: whose commands these are.
        """
        self._say = say
        self._take_id = take_id
        self._connected = connected
        self._home = home
        self._access = access
        self._open: dict[int, asyncio.Future[Message | None]] = {}

    async def send(self, operation: str, body: Any, key: str) -> Done:
        """Sends until there is an answer that will not change; raises CommandRefused."""
        renewed = False
        while True:
            answer = await self._ask(operation, body, key)
            if answer is None:
                answer = await self._post(operation, body, key)
            if answer is None:
                continue
            if answer["t"] == "done":
                told = answer["body"]
                return Done(told["versions"], told["result"], answer["replayed"])
            if answer["code"] in ABOUT_TOKENS and not renewed:
                renewed, before = True, self._access.token
                if await self._access.renew() not in {None, before}:
                    continue
            if not answer["temporary"]:
                raise CommandRefused(answer)
            wait_ms = answer["data"].get("retry_ms") or RETRY_MS
            await asyncio.sleep(wait_ms / 1_000)

    def settle(self, message: Message) -> bool:
        """Takes a `done` or `error`; says whether it answers a command of ours."""
        future = self._open.pop(message["id"], None) if message["id"] is not None else None
        if future is None:
            return False
        if not future.done():
            future.set_result(message)
        return True

    def lost(self) -> None:
        """The connection is gone: whether its commands took effect is not known."""
        waiting, self._open = self._open, {}
        for future in waiting.values():
            if not future.done():
                future.set_result(None)

    async def _ask(self, operation: str, body: Any, key: str) -> Message | None:
        """Over connections, one after the other; None where none of them answers in time."""
        try:
            async with asyncio.timeout(OVER_HTTP_S):
                while True:
                    await self._connected()
                    answer = await self._ask_once(operation, body, key)
                    if answer is not None:
                        return answer
        except TimeoutError:
            return None

    async def _ask_once(self, operation: str, body: Any, key: str) -> Message | None:
        """Over the connection of now; None where it ends before its answer."""
        number = self._take_id()
        future: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()
        self._open[number] = future
        self._say({"t": "cmd", "id": number, "op": operation, "key": key, "body": body})
        try:
            return await future
        finally:
            self._open.pop(number, None)

    async def _post(self, operation: str, body: Any, key: str) -> Message | None:
        """Over HTTP, as the connection would have answered; None where nobody answers."""
        headers = {"Idempotency-Key": key}
        if self._access.token is not None:
            headers["Authorization"] = f"Bearer {self._access.token}"
        address = f"{self._home}/api/commands/{quote(operation, safe='')}"
        try:
            async with httpx2.AsyncClient(timeout=HTTP_S_MAX) as web:
                answer = await web.post(address, json=body, headers=headers)
                told = answer.json()
        except (httpx2.HTTPError, ValueError):
            await asyncio.sleep(RETRY_MS / 1_000)
            return None
        replayed = answer.headers.get("idempotency-replayed") == "true"
        if answer.is_success:
            return {"t": "done", "replayed": replayed, "body": told}
        if not isinstance(told, dict) or "code" not in told:
            await asyncio.sleep(RETRY_MS / 1_000)
            return None
        return {**told, "t": "error", "replayed": replayed}
