"""Brokers that a test may ill-treat."""

import asyncio
import os
import signal

import nats.js.errors

from shopwire.adapters.bus.limits import PUBLISH_MS_MAX
from shopwire.adapters.bus.memory import MemoryBroker, MemoryBus
from shopwire.adapters.bus.nats import NatsBus
from shopwire.adapters.bus.server import EmbeddedNats
from shopwire.kernel.bus import decode_run
from shopwire.testing.conformance.bus import until_turned


class MemoryHarness:
    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.buses = []

    async def open(self):
        bus = MemoryBus(self.broker)
        self.buses.append(bus)
        await bus.start()
        return bus

    async def kept(self, epoch, partition):
        return self.broker.kept.get((epoch, partition), [])

    async def kill(self):
        self.broker.go_down()

    async def revive(self, *, wiped=False):
        self.broker.come_back(wiped=wiped)

    async def close(self):
        for bus in self.buses:
            await bus.close()


class NatsHarness:
    """A real NATS server of its own."""

    def __init__(self, folder, publish_ms_max=PUBLISH_MS_MAX) -> None:
        self.publish_ms_max = publish_ms_max
        self.server = EmbeddedNats(folder)
        self.buses = []
        self.running = False

    async def start(self):
        await self.server.start()
        self.running = True
        return self

    async def open(self):
        bus = NatsBus([self.server.url], "test", publish_ms_max=self.publish_ms_max)
        self.buses.append(bus)
        await bus.start()
        if self.running:
            await until_turned(bus, up=True)
        return bus

    async def kept(self, epoch, partition):
        bus = await self.open()
        js, subject = bus._js, bus._subject(epoch, partition)
        runs, sequence = [], 1
        while True:
            try:
                found = await js.get_msg(bus.stream, sequence, subject=subject, next=True)
            except nats.js.errors.NotFoundError:
                return runs
            runs.append(decode_run(found.data))
            sequence = found.seq + 1

    async def kill(self):
        os.kill(self.server.pid, signal.SIGKILL)
        async with asyncio.timeout(60):
            await self.server.died.wait()
        self.running = False

    def pause(self):
        """The broker is there and does nothing."""
        os.kill(self.server.pid, signal.SIGSTOP)
        # Sent is not stopped: until all of its threads are, one may still answer.
        os.waitid(os.P_PID, self.server.pid, os.WSTOPPED)

    def resume(self):
        os.kill(self.server.pid, signal.SIGCONT)

    async def revive(self, *, wiped=False):
        if wiped:
            self.server.wipe()
        await self.server.start()
        self.running = True

    async def close(self):
        for bus in self.buses:
            await bus.close()
        await self.server.stop()
