"""The relay: takes the log's events to the bus, from one process of all."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import structlog

from shopwire.kernel.bus import Bus, runs_of
from shopwire.kernel.errors import BusUnavailable, ShopwireError
from shopwire.kernel.events import Recorded
from shopwire.kernel.limits import READ_EVENTS_MAX
from shopwire.kernel.log import EventLog
from shopwire.services.activities import Leader

OFFICE: Final = "relay"
"""What the relay of a shop is elected for."""
REFILL_EVENTS_MAX: Final = 10_000
"""Events of a partition that a broker which holds none of them, or older ones only, is given again.

Readers that are further behind read the log; so the bus need not have what is older.
"""
RETRY_MS: Final = 250
"""Wait before the bus is asked again where it stands."""
ELECT_RETRY_MS: Final = 1_000
"""Wait before the office is asked for again while the database is away."""

_log: Final = structlog.get_logger()


class Relay:
    """Publishes each partition in order, a run at a time, as fast as the bus takes it.

    It remembers nothing: where to go on, the bus says itself. An acknowledgement is no proof of
    anything here; whatever is doubtful is asked again, and readers count for themselves. A second
    relay, which thinks that it is still in office, is refused by the bus.
    """

    def __init__(self, log: EventLog, bus: Bus, leader: Leader) -> None:
        self._log = log
        self._bus = bus
        self._leader = leader
        self.leads = False
        """Whether this process is the one that relays."""
        self.events = 0
        """Events published since the start."""
        self.reached: list[int | None] = [None] * log.partitions
        """By partition: the offset behind what the bus was given; None where that is not known."""

    def behind(self, heads: Sequence[int]) -> int:
        """How many events the bus was not yet given, in the process that relays."""
        return sum(
            max(0, head - reached)
            for head, reached in zip(heads, self.reached, strict=True)
            if reached is not None
        )

    async def run(self) -> None:
        """Waits for the office, relays, and again, until it is cancelled."""
        while True:
            try:
                async with self._leader.elected() as lost:
                    _log.info("relay.leads")
                    self.leads = True
                    await self._relay_until(lost)
            except ShopwireError as problem:
                _log.warning("relay.rests", problem=str(problem))
            finally:
                self.leads = False
                self.reached = [None] * self._log.partitions
            await asyncio.sleep(ELECT_RETRY_MS / 1_000)

    async def _relay_until(self, lost: asyncio.Event) -> None:
        jobs = [asyncio.create_task(self._relay(each)) for each in range(self._log.partitions)]
        gone = asyncio.create_task(lost.wait())
        try:
            done, _ = await asyncio.wait({gone, *jobs}, return_when=asyncio.FIRST_COMPLETED)
            for job in done - {gone}:
                job.result()  # raises: they end by an error only
        finally:
            for job in (gone, *jobs):
                job.cancel()
            await asyncio.gather(gone, *jobs, return_exceptions=True)

    async def _relay(self, partition: int) -> None:
        while True:
            try:
                await self._go_on(partition)
            except BusUnavailable as problem:
                self.reached[partition] = None
                _log.debug("relay.asks", partition=partition, problem=str(problem))
                await asyncio.sleep(RETRY_MS / 1_000)

    async def _go_on(self, partition: int) -> None:
        """Publishes from where the bus stands; returns where the log turned out to be another."""
        heads = await self._log.heads()
        head = heads.next[partition]
        kept = await self._bus.last(heads.epoch, partition)
        oldest = max(0, head - REFILL_EVENTS_MAX)
        # More than the log has can only be of a log that lost its end without a new epoch.
        offset = oldest if kept is None or not oldest <= kept <= head else kept
        self.reached[partition] = offset
        async for events in self._commands(partition, offset):
            if any(event.position.epoch > heads.epoch for event in events):
                return
            for run in runs_of(heads.epoch, partition, events):
                await self._bus.publish(run)
                self.reached[partition] = run.next
                self.events += len(run.events)

    async def _commands(self, partition: int, offset: int) -> AsyncIterator[list[Recorded]]:
        """The log from an offset on, cut between commands only."""
        held: list[Recorded] = []
        async for batch in self._log.tail(partition, offset):
            events, held = [*held, *batch], []
            if len(batch) >= READ_EVENTS_MAX:
                heads = await self._log.heads()
                if heads.next[partition] > batch[-1].position.offset + 1:
                    whole = len(events)
                    while whole and events[whole - 1].command_id == events[-1].command_id:
                        whole -= 1
                    events, held = events[:whole], events[whole:]
            if events:
                yield events
