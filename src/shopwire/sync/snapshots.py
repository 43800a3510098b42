"""Reads documents for topics that nobody watched before; one read for all who ask at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.log import EventLog, Heads
from shopwire.sync.documents import TopicState
from shopwire.sync.facts import FACTS_READ_MAX, FactState
from shopwire.sync.fanout import Fanout
from shopwire.sync.limits import DOCUMENTS_READ_MAX, RETRY_MS_MAX, RETRY_MS_MIN

_LOG: Final = logging.getLogger(__name__)


class SnapshotLoader:
    """The topics are registered already, so changes during the read are buffered as newest states.

    Documents first, then the heads: everything that the documents contain lies before these heads,
    so a sub is whole as soon as the hub's tail has reached them.
    """

    def __init__(
        self, log: EventLog, fanout: Fanout, on_heads: Callable[[Heads], Awaitable[bool]]
    ) -> None:
        """Args: `on_heads` says whether these heads belong to the log that the fan-out follows."""
        self._log = log
        self._fanout = fanout
        self._on_heads = on_heads
        self._wake = asyncio.Event()
        self.reads = 0
        """Reads of documents since the start."""

    def wake(self) -> None:
        """There is something to read."""
        self._wake.set()

    async def run(self) -> None:
        """Reads for ever; a failure keeps what is wanted and tries again."""
        wait_ms = RETRY_MS_MIN
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._fanout.wanted or self._fanout.wanted_facts:
                try:
                    if self._fanout.wanted:
                        await self._read(self._next())
                    else:
                        await self._read_facts(next(iter(self._fanout.wanted_facts)))
                    wait_ms = RETRY_MS_MIN
                except Exception as problem:  # noqa: BLE001 - what is wanted stays wanted
                    known = isinstance(problem, ShopwireError)
                    _LOG.warning(
                        "documents could not be read: %s",
                        problem,
                        exc_info=None if known else problem,
                    )
                    await asyncio.sleep(wait_ms / 1_000)
                    wait_ms = min(RETRY_MS_MAX, wait_ms * 2)

    def _next(self) -> list[TopicState]:
        states: list[TopicState] = []
        for state in self._fanout.wanted:
            if len(states) == DOCUMENTS_READ_MAX:
                break
            states.append(state)
        return states

    async def _read_facts(self, state: FactState) -> None:
        """What happened to one topic while a client was away."""
        epoch = self._fanout.epoch
        base = self._fanout.wanted_facts[state]
        self.reads += 1
        found = await self._log.transitions(
            self._fanout.tenant, state.name, base, FACTS_READ_MAX + 1
        )
        heads = await self._log.heads()
        if await self._on_heads(heads) and self._fanout.epoch == epoch:
            self._fanout.wanted_facts.pop(state, None)
            seen = [(one.version, state.view.project(one.body), one.changed_at_ms) for one in found]
            self._fanout.facts_read(state, base, seen)

    async def _read(self, states: list[TopicState]) -> None:
        for state in states:
            del self._fanout.wanted[state]
        epoch = self._fanout.epoch
        try:
            self.reads += 1
            names = [state.name for state in states]
            documents = await self._log.documents(self._fanout.tenant, names)
            heads = await self._log.heads()
        except BaseException:
            if self._fanout.epoch == epoch:
                self._fanout.wanted = dict.fromkeys(states) | self._fanout.wanted
            raise
        if await self._on_heads(heads) and self._fanout.epoch == epoch:
            self._fanout.loaded(states, documents, heads.next)
