"""Everything that knows callers: keys, what was decided about accounts, rights, sessions."""

from pathlib import Path

import msgspec

from shopwire.adapters.security.keys import keys_at
from shopwire.adapters.security.passwords import Passwords
from shopwire.adapters.security.tokens import Tokens
from shopwire.kernel.clock import Clock
from shopwire.kernel.identity import ANONYMOUS, LOCAL
from shopwire.kernel.log import EventLog
from shopwire.kernel.queries import Reads
from shopwire.services.access_book import AccessBook
from shopwire.services.callers import Callers
from shopwire.services.logins import Logins
from shopwire.services.session_door import SessionDoor
from shopwire.sync.rights import Rights


class Access(msgspec.Struct, frozen=True):
    """The parts of one process that know callers."""

    book: AccessBook
    rights: Rights
    callers: Callers
    sessions: SessionDoor


async def open_access(
    log: EventLog, reads: Reads, clock: Clock, *, keys: Path, open_to_all: bool
) -> Access:
    """Reads the keys, and what was decided; raises SetupProblem, StorageUnavailable.

    `open_to_all` makes an operator of whoever comes without credentials: only on loopback.
    """
    tokens = Tokens(keys_at(keys), clock)
    book = AccessBook(log, reads)
    await book.start()
    rights = Rights(tokens, book, otherwise=LOCAL if open_to_all else ANONYMOUS)
    callers = Callers(rights, clock)
    check = Logins(reads, Passwords(), clock).check
    sessions = SessionDoor(tokens, callers, open_to_all=open_to_all, check_password=check)
    return Access(book, rights, callers, sessions)
