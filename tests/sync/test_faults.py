"""The bad network of the tests: it does what its plan says, and nothing else."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from tests.sync.served import SOON_S, eventually

from shopwire.testing.faults import KINDS, Fault, FaultProxy, plan_faults

pytestmark = pytest.mark.anyio

SEED = 47
"""With it the third of three connections is the first, and the first the second."""


@asynccontextmanager
async def echoing(**options: object):
    """A server that says everything again, behind a proxy."""

    async def echo(reader, writer):
        while data := await reader.read(1_000):
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy = FaultProxy(server.sockets[0].getsockname()[1], **options)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def connected(proxy):
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def said(line, text=b"hello"):
    reader, writer = line
    writer.write(text)
    async with asyncio.timeout(SOON_S):
        return await reader.readexactly(len(text))


async def ended(reader):
    async with asyncio.timeout(SOON_S):
        while await reader.read(10):
            continue
        raise ConnectionError


async def test_without_faults_everything_is_carried():
    async with echoing() as proxy, connected(proxy) as line:
        text = b"x" * 1_000_000
        assert await said(line, text) == text
        assert proxy.carried_bytes == 2 * len(text)
        assert (proxy.opened, proxy.refused, proxy.lost_bytes) == (1, 0, 0)


async def test_an_end_is_passed_on():
    async with echoing() as proxy, connected(proxy) as (reader, writer):
        await said((reader, writer))
        writer.write_eof()
        async with asyncio.timeout(SOON_S):
            assert await reader.read() == b""


async def test_a_cut_is_felt_by_all_and_lets_them_come_back():
    async with echoing() as proxy:
        async with connected(proxy) as one, connected(proxy) as other:
            await said(one)
            await said(other)
            proxy.begin(Fault(0, "cut"))
            for reader, _ in (one, other):
                with pytest.raises(ConnectionError):
                    await ended(reader)
        async with connected(proxy) as line:
            assert await said(line) == b"hello"
        assert proxy.broken == 2


async def test_a_half_open_connection_swallows_and_new_ones_do_not():
    async with echoing() as proxy, connected(proxy) as dead:
        await said(dead)
        proxy.begin(Fault(0, "half_open"))
        dead[1].write(b"anybody?")
        async with connected(proxy) as line:
            assert await said(line) == b"hello"
        await eventually(lambda: proxy.lost_bytes == len(b"anybody?"))
        assert not dead[0].at_eof()


async def test_what_froze_comes_afterwards_in_order():
    async with echoing() as proxy, connected(proxy) as line:
        await said(line)
        proxy.begin(Fault(0, "freeze"))
        for number in range(10):
            line[1].write(b"%d" % number)
        answer = asyncio.create_task(line[0].readexactly(10))
        await asyncio.wait([answer], timeout=0.05)
        assert not answer.done()
        proxy.end("freeze")
        assert await answer == b"0123456789"


async def test_delayed_and_throttled_bytes_come_late_and_whole():
    async with echoing() as proxy, connected(proxy) as line:
        loop = asyncio.get_running_loop()
        for fault in (Fault(0, "delay", 0, 40), Fault(0, "throttle", 0, 25_000)):
            proxy.begin(fault)
            began = loop.time()
            assert await said(line, b"y" * 1_000) == b"y" * 1_000
            assert loop.time() - began >= 0.06
            proxy.end(fault.kind)


class Late:
    """Time that goes on when all of so many wait for it: how quick the machine is says nothing."""

    def __init__(self, many: int) -> None:
        self.many, self.now_s = many, 0.0
        self._due: dict[asyncio.Event, float] = {}

    async def wait(self, seconds: float) -> None:
        own = asyncio.Event()
        self._due[own] = self.now_s + seconds
        self.go_on()
        await own.wait()

    def go_on(self) -> None:
        if self._due and len(self._due) >= self.many:
            first = min(self._due, key=lambda one: self._due[one])
            self.now_s = self._due.pop(first)
            first.set()


async def test_connections_overtake_each_other_as_the_seed_says():
    late = Late(3)
    async with echoing(seed=SEED, late=late.wait) as proxy, AsyncExitStack() as stack:
        lines = []
        for number in (1, 2, 3):
            lines.append(await stack.enter_async_context(connected(proxy)))
            await eventually(lambda number=number: proxy.opened == number)
        done = []

        async def speak(number):
            await said(lines[number - 1])
            done.append(number)
            late.many -= 1
            late.go_on()

        proxy.begin(Fault(7, "reorder", 0, 150))
        await asyncio.gather(*map(speak, (1, 2, 3)))
        assert done == [3, 1, 2]


async def test_new_connections_are_refused_while_others_go_on():
    async with echoing() as proxy, connected(proxy) as line:
        await said(line)
        proxy.begin(Fault(0, "refuse"))
        async with connected(proxy) as (reader, _):
            with pytest.raises(ConnectionError):
                await ended(reader)
        assert await said(line) == b"hello"
        assert proxy.refused == 1


async def test_a_plan_is_the_same_for_the_same_seed_and_is_carried_out_in_its_order():
    plan = plan_faults(17, 600_000)
    assert plan == plan_faults(17, 600_000)
    assert plan != plan_faults(18, 600_000)
    assert {fault.kind for fault in plan} == set(KINDS)
    ends = [fault.at_ms + fault.lasts_ms for fault in plan]
    assert max(ends) < 600_000
    assert all(fault.at_ms > end for fault, end in zip(plan[1:], ends, strict=False))
    told, waited = [], []

    async def wait(seconds):
        waited.append(seconds)

    async with echoing() as proxy:
        await proxy.run(plan, wait=wait, told=told.append)
        async with connected(proxy) as line:
            assert await said(line) == b"hello"  # every fault has ended
    assert told == plan
    assert len(waited) == len(plan) + sum(1 for fault in plan if fault.lasts_ms)
