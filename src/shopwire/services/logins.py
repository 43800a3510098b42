"""Logging in by name and password, with a limit on guessing."""

from collections import OrderedDict
from typing import Final

from shopwire.adapters.security.passwords import Passwords
from shopwire.kernel.access_errors import TooManyAttempts
from shopwire.kernel.clock import Clock
from shopwire.kernel.identity import Role
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.modules.access.store import password_of

ATTEMPTS_MAX: Final = 10
"""Wrong passwords for one name, or from one address, until one has to wait."""
ATTEMPTS_WINDOW_MS: Final = 15 * 60_000
"""How long wrong passwords are remembered, from the first on."""
WATCHED_MAX: Final = 50_000
"""Names and addresses that are remembered; the oldest are forgotten first."""


class Logins:
    """Compares passwords of operators; see SessionDoor."""

    def __init__(self, reads: Reads, passwords: Passwords, clock: Clock) -> None:
        self._reads, self._passwords, self._clock = reads, passwords, clock
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def check(self, user: str, password: str, address: str) -> Role | None:
        """The role where name and password fit; raises TooManyAttempts, StorageUnavailable.

        Names that do not exist take as long and count as much as others.
        """
        watched = (f"name {user[:200]}", f"address {address}")
        for who in watched:
            self._refuse_guessing(who)
        account = f"operator:{user}"
        known = await password_of(self._reads, DEFAULT_TENANT, account)
        # Counted before it is known, so that many guesses at once are no way around.
        for who in watched:
            self._count(who)
        if not await self._passwords.fits(known, password):
            return None
        for who in watched:
            self._wrong.pop(who, None)
        return "operator"

    def _refuse_guessing(self, who: str) -> None:
        wrong, since = self._wrong.get(who, (0, 0.0))
        left_ms = since + ATTEMPTS_WINDOW_MS - self._clock.monotonic_ms()
        if wrong >= ATTEMPTS_MAX and left_ms > 0:
            raise TooManyAttempts(retry_ms=int(left_ms) + 1)

    def _count(self, who: str) -> None:
        now = self._clock.monotonic_ms()
        wrong, since = self._wrong.pop(who, (0, now))
        if since + ATTEMPTS_WINDOW_MS <= now:
            wrong, since = 0, now
        self._wrong[who] = (wrong + 1, since)
        while len(self._wrong) > WATCHED_MAX:
            self._wrong.popitem(last=False)
