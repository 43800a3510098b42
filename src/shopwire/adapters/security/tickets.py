"""Tickets: a caller in an address, signed by the shop, for one connection at any of its doors."""

import secrets
from typing import Final

import msgspec

from shopwire.adapters.security.tokens import ISSUER, Seconds, Tokens, claims_as
from shopwire.kernel.access_errors import TicketUsed, Unauthenticated
from shopwire.kernel.clock import Clock
from shopwire.kernel.identity import Caller
from shopwire.kernel.tickets import UsedOnce

TICKET_MS: Final = 60_000
"""How long a ticket may be used."""
SKEW_MS: Final = 300_000
"""How much longer a used one is remembered: clocks of processes may differ by that."""
TICKET_AUDIENCE: Final = "shopwire-ticket"
"""Another than a session's: neither is ever taken for the other."""


class Tickets:
    """Made and taken by whoever has the shop's keys; used up in what all processes share."""

    def __init__(self, tokens: Tokens, used: UsedOnce, clock: Clock) -> None:
        self._tokens, self._used, self._clock = tokens, used, clock

    def issue(self, caller: Caller) -> str:
        """A word that stands for a caller once."""
        now_s = self._clock.now_ms() // 1_000
        return self._tokens.sign(
            {
                "iss": ISSUER,
                "aud": TICKET_AUDIENCE,
                "jti": secrets.token_urlsafe(18),
                "exp": now_s + TICKET_MS // 1_000,
                "caller": msgspec.to_builtins(caller),
            }
        )

    async def redeem(self, ticket: str) -> Caller:
        """Whose it is; raises TicketUsed, and StorageUnavailable where that cannot be known."""
        try:
            claims = claims_as(_Claims, self._tokens.signed(ticket))
        except Unauthenticated:
            raise TicketUsed from None
        now_ms, until_ms = self._clock.now_ms(), claims.exp * 1_000
        if claims.iss != ISSUER or claims.aud != TICKET_AUDIENCE or until_ms < now_ms:
            raise TicketUsed
        if not await self._used.use(claims.jti, until_ms=until_ms + SKEW_MS, now_ms=now_ms):
            raise TicketUsed
        return claims.caller


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    aud: str
    jti: str
    exp: Seconds
    caller: Caller
