"""Whom a Python client speaks for: tokens asked for, shown, and renewed before they end."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final

from shopwire.sync.reducer import Message

TOKEN_S_MAX: Final = 5.0
"""How long the caller's function may take; then it counts as failed and is asked again."""
HELLO_TOKEN_S_MAX: Final = 1.5
"""How long hello waits for a token; a later one follows by `auth`."""
AUTH_S_MAX: Final = 5.0
"""How long the server may take to answer an `auth`; then the token is shown again."""
TOKEN_RETRY_S_LEAST: Final = 1.0
"""Ceiling of the first wait after a token could not be had; jittered and growing."""
TOKEN_RETRY_S_MAX: Final = 60.0
"""Ceiling of every later wait."""
ABOUT_TOKENS: Final = frozenset({1101, 1102})
"""Unauthenticated and TokenExpired: another token may turn these refusals."""

_LOG: Final = logging.getLogger(__name__)

TokenProvider = Callable[[], Awaitable[str | None]]
"""Gives a token that is good now, None for a visitor without one. Raises what it likes."""


def always(token: str) -> TokenProvider:
    """A provider of one token, for what ends before the token does."""

    async def same() -> str | None:
        return token

    return same


class Access:
    """Asks for tokens and shows them; whatever the provider does, the connection goes on."""

    def __init__(
        self,
        provider: TokenProvider | None,
        say: Callable[[dict[str, Any]], None],
        take_id: Callable[[], int],
        changed: Callable[[], None],
        chance: random.Random,
    ) -> None:
        """Args: `say` sends or loses a message; `changed` hears that the caller is another one."""
        self.token: str | None = None
        self.role: str | None = None
        self.subject: str | None = None
        self.problem: str | None = None
        """Why no good token could be had; None while all is well."""
        self._provider = provider
        self._say = say
        self._take_id = take_id
        self._changed = changed
        self._random = chance
        self._shown: str | None = None
        self._asking: asyncio.Task[str | None] | None = None
        self._auth: tuple[int, asyncio.TimerHandle] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._greeted = self._ended = False
        self._failures = 0

    async def hello(self) -> str | None:
        """The token that hello shows: in HELLO_TOKEN_S_MAX at the latest, or None."""
        self._ended = False
        self.lost()
        if self._provider is not None and self.token is None:
            try:
                await asyncio.wait_for(asyncio.shield(self._ask_once()), HELLO_TOKEN_S_MAX)
            except TimeoutError:
                _LOG.info("no token yet; the connection begins without one")
        self._shown = self.token
        return self._shown

    async def renew(self) -> str | None:
        """Asks for another token; returns the best that is known in TOKEN_S_MAX at the latest."""
        if self._provider is None:
            return None
        return await asyncio.shield(self._ask_once())

    def welcomed(self, role: str | None) -> None:
        """The server greeted, and says what the caller is."""
        self.role = role
        self._greeted = True
        self._present()

    def expiring(self) -> None:
        """The token ends soon."""
        self._refresh()

    def authed(self, message: Message) -> bool:
        """The server took a token; says whether it was the one that was shown last."""
        if self._auth is None or self._auth[0] != message["id"]:
            return False
        self._settle()
        self._failures, self.problem = 0, None
        self.subject, self.role = message["subject"], message["role"]
        self._changed()
        return True

    def refused(self, message: Message) -> bool:
        """Takes an `error`; says whether it was about a token of ours."""
        number = message["id"]
        mine = (
            message["code"] in ABOUT_TOKENS
            if number is None
            else self._auth is not None and self._auth[0] == number
        )
        if not mine:
            return False
        self._settle()
        if self.token == self._shown:
            # The very token that was refused; one that came meanwhile may be good.
            self.token = None
        self._shown = None
        self._failed(message["message"])
        return True

    def lost(self) -> None:
        """The connection is gone: what was shown on it counts no more."""
        self._settle()
        self._greeted, self._shown = False, None

    def stop(self) -> None:
        """Asks for nothing more."""
        self._ended = True
        self.lost()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def _ask_once(self) -> asyncio.Task[str | None]:
        """One question at a time, whoever asks."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(lambda _: self._present())
        return self._asking

    async def _ask(self) -> str | None:
        if self._provider is None:
            return None
        before = self.token
        try:
            async with asyncio.timeout(TOKEN_S_MAX):
                self.token = await self._provider()
        except TimeoutError:
            self._failed(f"no token came in {TOKEN_S_MAX} s")
        except Exception as problem:  # noqa: BLE001 - the caller's function, of which nothing is known
            self._failed(repr(problem))
        else:
            if self.token != before:
                self.problem = None
        return self.token

    def _refresh(self) -> None:
        """Asks in the background; what comes is shown if it is another one."""
        self._retry = None
        if not self._ended and self._provider is not None:
            self._asking = self._ask_once()

    def _present(self) -> None:
        """Shows the token of now, where there is another one and a connection was greeted."""
        token = self.token
        if token is None or token == self._shown or not self._greeted or self._auth is not None:
            return
        number = self._take_id()
        self._shown = token
        timer = asyncio.get_running_loop().call_later(AUTH_S_MAX, self._unanswered)
        self._auth = (number, timer)
        self._say({"t": "auth", "id": number, "token": token})

    def _unanswered(self) -> None:
        self._auth, self._shown = None, None
        self._failed("the server did not answer")

    def _settle(self) -> None:
        if self._auth is not None:
            self._auth[1].cancel()
            self._auth = None

    def _failed(self, problem: str) -> None:
        self.problem = problem
        _LOG.warning("no good token: %s", problem)
        if self._retry is not None or self._ended or self._provider is None:
            return
        ceiling = min(TOKEN_RETRY_S_MAX, TOKEN_RETRY_S_LEAST * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        wait = max(TOKEN_RETRY_S_LEAST / 2, self._random.uniform(0, ceiling))
        self._retry = asyncio.get_running_loop().call_later(wait, self._refresh)
