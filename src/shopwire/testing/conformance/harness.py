"""What a suite needs to know of the adapter under test."""

from typing import Protocol

import msgspec

from shopwire.kernel.log import EventLog
from shopwire.kernel.storage import Storage

TAIL_POLL_NEVER_MS = 600_000
"""Beyond every test's timeout: whoever reads on was woken by a hint."""


class Opened(msgspec.Struct, frozen=True):
    """A log and a storage as one process has them."""

    log: EventLog
    storage: Storage


class Harness(Protocol):
    """One database with the sample's tables; each `open` stands for another process."""

    async def open(
        self, *, queue_events_max: int = 1_000, tail_poll_ms: int = TAIL_POLL_NEVER_MS
    ) -> Opened:
        """Opens the database once more; the harness closes it."""
        ...

    async def new_epoch(self) -> None:
        """What a restore or a failover does."""
        ...

    async def age_answers(self, by_ms: int) -> None:
        """Makes every lease and answer `by_ms` older than it is."""
        ...
