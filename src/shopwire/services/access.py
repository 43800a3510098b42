"""Everything that knows callers: keys, what was decided about accounts, rights, sessions."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from shopwire.adapters.security.keys import KeyFile
from shopwire.adapters.security.passwords import Passwords
from shopwire.adapters.security.tickets import Tickets
from shopwire.adapters.security.tokens import Tokens
from shopwire.kernel.clock import Clock
from shopwire.kernel.identity import ANONYMOUS, LOCAL
from shopwire.kernel.log import EventLog
from shopwire.kernel.queries import Reads
from shopwire.kernel.tickets import UsedOnce
from shopwire.services.access_book import AccessBook
from shopwire.services.callers import Callers
from shopwire.services.issuers import IssuerOptions, OutsideIssuer, all_tokens, outside_issuer
from shopwire.services.logins import Logins
from shopwire.services.session_door import SessionDoor
from shopwire.services.telemetry import Readings
from shopwire.sync.rights import Rights

KEYS_LOOKED_AT_MS: Final = 5_000
"""How often our own file of keys is looked at; a token by a key that is missed looks at once."""


class Access(msgspec.Struct, frozen=True):
    """The parts of one process that know callers."""

    book: AccessBook
    rights: Rights
    callers: Callers
    sessions: SessionDoor
    own: Tokens
    outside: OutsideIssuer | None

    async def run(self) -> None:
        """Follows decisions, and keeps keys fresh, until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.book.run())
            group.create_task(self._look_at_keys())
            if self.outside is not None:
                group.create_task(self.outside.run())

    async def _look_at_keys(self) -> None:
        """So that this process signs with a new key soon after `token rotate-key`."""
        while True:
            await asyncio.sleep(KEYS_LOOKED_AT_MS / 1_000)
            self.own.look_again()

    def add_to(self, readings: Readings) -> Readings:
        """What this knows, beside the rest."""
        if self.outside is None:
            return readings
        state = self.outside.shelf.state()
        return msgspec.structs.replace(
            readings, issuer_keys=state.keys, issuer_keys_age_ms=state.age_ms
        )


async def open_access(
    log: EventLog,
    reads: Reads,
    clock: Clock,
    *,
    keys: Path,
    open_to_all: bool,
    issuer: IssuerOptions,
    used: UsedOnce,
    allow_addresses: Sequence[str] = (),
) -> Access:
    """Reads the keys, and what was decided; raises SetupProblem, StorageUnavailable.

    `open_to_all` makes an operator of whoever comes without credentials: only on loopback. `used`
    remembers tickets for all processes of the shop.
    """
    file = KeyFile(keys)
    tokens = Tokens(file.keys, clock, find=file.changed)
    outside = outside_issuer(issuer, clock, allow_addresses)
    book = AccessBook(log, reads)
    await book.start()
    if outside is not None:
        await outside.start()
    known = all_tokens(tokens, outside)
    rights = Rights(known, book, otherwise=LOCAL if open_to_all else ANONYMOUS)
    callers = Callers(
        rights,
        clock,
        ask_issuer=outside.shelf.read if outside else None,
        tickets=Tickets(tokens, used, clock),
    )
    check = Logins(reads, Passwords(), clock).check
    sessions = SessionDoor(tokens, callers, open_to_all=open_to_all, check_password=check)
    return Access(book, rights, callers, sessions, tokens, outside)
