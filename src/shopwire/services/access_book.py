"""What was decided about accounts, in memory and in step with the log: doors ask it often."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec
import structlog

from shopwire.kernel.access_errors import Unauthenticated
from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.events import Recorded
from shopwire.kernel.identity import Caller
from shopwire.kernel.ids import DEFAULT_TENANT, partition_of
from shopwire.kernel.log import EventLog
from shopwire.kernel.queries import Reads
from shopwire.modules.access.events import HOME, AccountChanged, AccountDocument
from shopwire.modules.access.store import Decided, read_decided

RETRY_MS: Final = 1_000
"""How long to wait after the log could not be read."""

_log: Final = structlog.get_logger()
_document: Final = msgspec.json.Decoder(AccountDocument).decode


class AccessBook:
    """Answers `Standing` from memory.

    It is read before any door opens, and follows the log from there. While the database is away it
    answers as of its last word: then nothing new can be read or decided by anybody either.
    """

    def __init__(
        self,
        log: EventLog,
        reads: Reads,
        on_change: Callable[[str], None] = lambda _: None,
        *,
        tenant: str = DEFAULT_TENANT,
    ) -> None:
        """Args: `on_change` is told the account that something was decided about."""
        self._log, self._reads = log, reads
        self._tenant = tenant
        self._partition = partition_of(tenant, HOME, log.partitions)
        self._accounts: dict[str, Decided] = {}
        self._offset = 0
        self.on_change = on_change

    async def start(self) -> None:
        """Reads everything that was decided before; raises StorageUnavailable."""
        heads = await self._log.heads()  # first, so that nothing falls between
        self._offset = heads.next[self._partition]
        before, self._accounts = self._accounts, await read_decided(self._reads, self._tenant)
        for account in before.keys() | self._accounts.keys():
            if before.get(account) != self._accounts.get(account):
                self.on_change(account)

    async def run(self) -> None:
        """Follows until it is cancelled; after any trouble everything is read again."""
        while True:
            try:
                async for batch in self._log.tail(self._partition, self._offset):
                    self.take(batch)
                    self._offset = batch[-1].position.offset + 1
            except ShopwireError as problem:
                _log.warning("access.rests", problem=str(problem))
            await asyncio.sleep(RETRY_MS / 1_000)
            try:
                await self.start()
            except ShopwireError as problem:
                _log.warning("access.rests", problem=str(problem))

    def take(self, events: list[Recorded]) -> None:
        """Events of the log, in order."""
        for event in events:
            if event.event_type == AccountChanged.event_type and event.tenant == self._tenant:
                said = _document(event.document)
                self._accounts[said.account] = Decided(
                    said.closed, said.void_before_ms, frozenset(said.grants)
                )
                self.on_change(said.account)

    def check(self, caller: Caller) -> None:
        """See Standing."""
        decided = self._accounts.get(caller.account)
        if decided is None:
            return
        if decided.closed:
            raise Unauthenticated(reason="the account is closed")
        if caller.token_id and caller.issued_at_ms < decided.void_before_ms:
            raise Unauthenticated(reason="the session was ended")

    def granted(self, caller: Caller, kind: str) -> bool:
        """See Standing."""
        decided = self._accounts.get(caller.account)
        return decided is not None and kind in decided.grants
