"""Commands of the Python client: sent again with the same key until they are answered."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from shopwire.sync.reducer import Message

RETRY_MS: Final = 200
"""Wait before a command is sent again whose refusal may pass and names no wait of its own."""


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
        self.temporary: Final[bool] = message["temporary"]
        self.data: Final[dict[str, Any]] = message["data"]
        self.replayed: Final[bool] = message.get("replayed", False)


class Asking:
    """Commands without an answer yet."""

    def __init__(
        self,
        say: Callable[[dict[str, Any]], None],
        take_id: Callable[[], int],
        connected: Callable[[], Awaitable[None]],
    ) -> None:
        """Args: `say` sends or loses a message; `connected` returns when there is a connection."""
        self._say = say
        self._take_id = take_id
        self._connected = connected
        self._open: dict[int, asyncio.Future[Message | None]] = {}

    async def send(self, operation: str, body: Any, key: str) -> Done:
        """Sends until there is an answer that will not change; raises CommandRefused."""
        while True:
            await self._connected()
            answer = await self._ask(operation, body, key)
            if answer is None:
                continue
            if answer["t"] == "done":
                told = answer["body"]
                return Done(told["versions"], told["result"], answer["replayed"])
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
        number = self._take_id()
        future: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()
        self._open[number] = future
        self._say({"t": "cmd", "id": number, "op": operation, "key": key, "body": body})
        try:
            return await future
        finally:
            self._open.pop(number, None)
