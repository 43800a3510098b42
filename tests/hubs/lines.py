"""A log in memory, a broker in memory, and who follows it over the bus."""

import asyncio
from contextlib import asynccontextmanager

import msgspec

from shopwire.adapters.bus.log import BusLog
from shopwire.adapters.bus.memory import MemoryBroker, MemoryBus
from shopwire.adapters.memory import MemoryLog, MemoryState
from shopwire.kernel.events import NewEvent
from shopwire.kernel.log import EventLog
from shopwire.services.relay import Relay

WAIT_S = 90


class Office:
    """The one office of a relay; its holder can be told that it lost it."""

    def __init__(self) -> None:
        self._free = asyncio.Lock()
        self.lost = asyncio.Event()

    @asynccontextmanager
    async def elected(self):
        async with self._free:
            self.lost = asyncio.Event()
            yield self.lost


class CountedLog(MemoryLog):
    """Counts reads, and can be away."""

    def __init__(self, state) -> None:
        super().__init__(state)
        self.reads = 0

    async def read(self, partition, offset, limit):
        self.reads += 1
        return await super().read(partition, offset, limit)


class World:
    """One partition, a relay, a follower."""

    def __init__(self) -> None:
        self.state = MemoryState(1)
        self.log = MemoryLog(self.state)
        self.broker = MemoryBroker()
        self.taken = []
        self.more = asyncio.Event()
        self.versions = {}
        self.commands = 0
        self.tasks = []
        self.buses = []

    async def bus(self):
        bus = MemoryBus(self.broker)
        self.buses.append(bus)
        await bus.start()
        return bus

    async def append(self, count, *, command=None, size=2):
        """One command with `count` events."""
        self.commands += 1
        events = []
        for number in range(count):
            topic = f"t:{number}"
            self.versions[topic] = self.versions.get(topic, 0) + 1
            document = b'"' + b"x" * size + b'"'
            events.append(
                NewEvent(
                    "main", topic, self.versions[topic], "test.changed", document,
                    b'{"cost":1}', command or f"c{self.commands}",
                )
            )  # fmt: skip
        await self.log.append(0, events)

    async def relay(self, office=None):
        relay = Relay(self.log, await self.bus(), office or Office())
        self.tasks.append(asyncio.create_task(relay.run()))
        return relay

    async def follow(self, offset=0, *, poll_ms=30, late_ms=5) -> BusLog:
        followed = BusLog(
            await self.bus(), CountedLog(self.state), self.state.hints,
            poll_ms=poll_ms, late_ms=late_ms,
        )  # fmt: skip
        self.tasks.append(asyncio.create_task(self._take(followed, offset)))
        return followed

    async def _take(self, log: EventLog, offset):
        async for batch in log.tail(0, offset):
            self.taken += batch
            self.more.set()

    async def until(self, condition):
        async with asyncio.timeout(WAIT_S):
            while not condition():
                await self.more.wait()
                self.more.clear()

    async def until_all(self):
        await self.until(lambda: len(self.taken) >= len(self.state.events[0]))
        self.check()

    def check(self):
        """Each event once, in order, as the log has it but for the facts."""
        here = [msgspec.structs.replace(each, facts=b"null") for each in self.state.events[0]]
        assert self.taken == here

    async def close(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for bus in self.buses:
            await bus.close()


async def reached(relay: Relay, offset):
    """For what no message tells: how far a relay is."""
    async with asyncio.timeout(WAIT_S):
        while relay.reached[0] != offset:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)
