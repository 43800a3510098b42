"""Who asks, at every door: a bearer token, a cookie, a ticket, or nothing at all."""

from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from typing import Final

from shopwire.adapters.memory.tickets import MemoryUsedOnce
from shopwire.adapters.security.keys import new_keys
from shopwire.adapters.security.tickets import Tickets
from shopwire.adapters.security.tokens import Tokens
from shopwire.kernel.access_errors import (
    SigningKeyUnknown,
    TicketUsed,
    TokenExpired,
    Unauthenticated,
)
from shopwire.kernel.clock import Clock
from shopwire.kernel.identity import ANONYMOUS, Caller
from shopwire.sync.arrivals import Arrival
from shopwire.sync.rights import Rights

COOKIE: Final = "shopwire_session"
COOKIE_BYTES_MAX: Final = 16_384
"""A longer header of cookies is not looked at."""


class Callers:
    """Reads credentials for HTTP and sync alike, and hands out tickets."""

    def __init__(
        self,
        rights: Rights,
        clock: Clock,
        *,
        ask_issuer: Callable[[], Awaitable[object]] | None = None,
        tickets: Tickets | None = None,
    ) -> None:
        """Args: `ask_issuer` gets the outside issuer's keys anew, within its own limits.

        Without `tickets` those of this process are good in this process.
        """
        self.rights = rights
        self._ask_issuer = ask_issuer
        self._tickets = tickets or Tickets(Tokens(new_keys(), clock), MemoryUsedOnce(), clock)

    async def of(self, arrival: Arrival) -> Caller:
        """The caller of a request.

        A bearer token or a ticket that is no good is refused: somebody meant it. A cookie that is
        no good makes nobody of its browser, which sent it without being asked. Raises
        Unauthenticated, TokenExpired, TicketUsed.
        """
        if arrival.ticket:
            return await self._redeem(arrival.ticket)
        if arrival.authorization:
            scheme, _, token = arrival.authorization.partition(" ")
            if scheme.lower() != "bearer":
                raise Unauthenticated(reason="only bearer tokens are understood")
            return await self.by_token(token.strip())
        token = cookie_of(arrival.cookie)
        if token:
            try:
                return self.rights.caller(token)
            except (Unauthenticated, TokenExpired):
                return ANONYMOUS
        return self.rights.otherwise

    async def by_token(self, token: str) -> Caller:
        """Whose token it is; raises Unauthenticated, TokenExpired.

        One that is signed by a key of the issuer's that is not here yet waits for its keys.
        """
        try:
            return self.rights.caller(token)
        except SigningKeyUnknown:
            if self._ask_issuer is None:
                raise
        await self._ask_issuer()
        return self.rights.caller(token)

    def ticket(self, caller: Caller) -> str:
        """A word that stands for a caller once, where no header can be sent."""
        return self._tickets.issue(caller)

    async def _redeem(self, ticket: str) -> Caller:
        caller = await self._tickets.redeem(ticket)
        if not self.rights.stands(caller):
            raise TicketUsed
        return caller


def cookie_of(header: str) -> str:
    """The token in a Cookie header; empty where there is none."""
    if COOKIE not in header or len(header) > COOKIE_BYTES_MAX:
        return ""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""
