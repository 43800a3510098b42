"""What every Bus does."""

import asyncio
from collections.abc import Callable
from typing import Protocol

import pytest

from shopwire.adapters.bus.limits import WAITING_RUNS_MAX
from shopwire.kernel.bus import Bus, Carried, Run, Subscription
from shopwire.kernel.errors import BusUnavailable

WAIT_S = 90
"""Longer than anything here takes; reached only by a defect."""
WAIT_MS = WAIT_S * 1_000


class BusHarness(Protocol):
    """A broker that a test may ill-treat, and buses on it."""

    async def open(self) -> Bus:
        """A bus of a further process, started; connected unless the broker is away."""
        ...

    async def kept(self, epoch: int, partition: int) -> list[Run]:
        """What the broker holds of a partition."""
        ...

    async def kill(self) -> None:
        """Takes the broker away at once."""
        ...

    async def revive(self, *, wiped: bool = False) -> None:
        """Brings it back, with its store or without."""
        ...


def run_of(first: int, count: int = 1, *, epoch: int = 1, partition: int = 0) -> Run:
    """A run that can be told from others."""
    return Run(
        epoch,
        partition,
        first,
        tuple(
            Carried(epoch, "main", f"t:{offset}", 1, "test.changed", b"{}", f"c{offset}", 5)
            for offset in range(first, first + count)
        ),
    )


async def until_turned(bus: Bus, *, up: bool) -> None:
    """Waits until a bus has noticed that its broker is there, or is not."""
    turned = asyncio.Event()
    bus.watch(lambda _: turned.set())
    async with asyncio.timeout(WAIT_S):
        while bus.up is not up:
            await turned.wait()
            turned.clear()


async def asked(bus: Bus) -> Bus:
    """A bus that knows where its broker stands."""
    for epoch in (1, 2):
        for partition in range(3):
            await bus.last(epoch, partition)
    return bus


async def _next(runs: Subscription) -> Run:
    async with asyncio.timeout(WAIT_S):
        while (run := await runs.next(WAIT_MS)) is None:
            pass  # woken without a run: the broker came or went
        return run


class BusConformance:
    """Subclass it and provide the fixture `harness`."""

    async def test_runs_arrive_whole_and_in_order(self, harness: BusHarness) -> None:
        """At everybody who follows their partition, and at nobody else."""
        publisher, reader = await asked(await harness.open()), await harness.open()
        mine, others = await reader.follow(1), await reader.follow(2)
        sent = [run_of(at, 3, partition=1) for at in range(0, 30, 3)]
        for run in sent:
            await publisher.publish(run)
        await publisher.publish(run_of(7, partition=2))
        assert [await _next(mine) for _ in sent] == sent
        assert await _next(others) == run_of(7, partition=2)
        await mine.close()
        await publisher.publish(run_of(30, partition=1))
        assert await mine.next(0) is None

    async def test_the_bus_says_where_to_go_on(self, harness: BusHarness) -> None:
        """By epoch and partition, to any process."""
        one, other = await asked(await harness.open()), await asked(await harness.open())
        assert await one.last(1, 0) is None
        await one.publish(run_of(40, 2))
        await one.publish(run_of(42, 3))
        await one.publish(run_of(5, epoch=2))
        assert await other.last(1, 0) == 45
        assert await other.last(2, 0) == 6
        assert await other.last(1, 1) is None

    async def test_a_run_is_kept_once_however_many_publish_it(self, harness: BusHarness) -> None:
        """A publisher that was paused goes on where another one has been meanwhile."""
        one, other = await asked(await harness.open()), await asked(await harness.open())
        await one.publish(run_of(0, 2))
        await one.publish(run_of(2, 2))
        assert await other.last(1, 0) == 4
        await other.publish(run_of(4, 2))
        with pytest.raises(BusUnavailable):
            await one.publish(run_of(4, 2))
        assert await one.last(1, 0) == 6
        await one.publish(run_of(6))
        assert await harness.kept(1, 0) == [run_of(0, 2), run_of(2, 2), run_of(4, 2), run_of(6)]

    async def test_an_epoch_begins_anew(self, harness: BusHarness) -> None:
        """Offsets of another epoch are other events."""
        bus = await asked(await harness.open())
        runs = await bus.follow(0)
        await bus.publish(run_of(8, 2))
        await bus.publish(run_of(3, epoch=2))
        assert [await _next(runs), await _next(runs)] == [run_of(8, 2), run_of(3, epoch=2)]
        assert (await bus.last(1, 0), await bus.last(2, 0)) == (10, 4)

    async def test_a_slow_reader_loses_the_oldest_and_holds_nobody_up(
        self, harness: BusHarness
    ) -> None:
        """What waits for it is bounded."""
        publisher, reader = await asked(await harness.open()), await harness.open()
        slow, quick = await reader.follow(0), await reader.follow(0)
        last = WAITING_RUNS_MAX + 50
        for at in range(last + 1):
            await publisher.publish(run_of(at))
            assert (await _next(quick)).first == at
        held: list[int] = []
        while not held or held[-1] != last:
            held.append((await _next(slow)).first)
        assert len(held) <= WAITING_RUNS_MAX
        assert held == list(range(held[0], last + 1))

    async def test_a_broker_that_is_away_is_told_and_waited_for(self, harness: BusHarness) -> None:
        """Publishing fails in bounded time; afterwards all goes on, with what was kept."""
        publisher, reader = await asked(await harness.open()), await harness.open()
        runs = await reader.follow(0)
        await publisher.publish(run_of(0))
        assert await _next(runs) == run_of(0)
        await harness.kill()
        await until_turned(publisher, up=False)
        async with asyncio.timeout(WAIT_S):
            with pytest.raises(BusUnavailable):
                await publisher.publish(run_of(1))
            with pytest.raises(BusUnavailable):
                await publisher.last(1, 0)
        await harness.revive()
        await until_turned(publisher, up=True)
        await until_turned(reader, up=True)
        assert await publisher.last(1, 0) == 1
        await publisher.publish(run_of(1))
        assert await _next(runs) == run_of(1)

    async def test_a_broker_that_was_wiped_holds_nothing_and_takes_anything(
        self, harness: BusHarness
    ) -> None:
        """It is refilled from wherever the publisher says."""
        bus = await asked(await harness.open())
        runs = await bus.follow(0)
        for at in range(3):
            await bus.publish(run_of(at))
        await harness.kill()
        await until_turned(bus, up=False)
        await harness.revive(wiped=True)
        await until_turned(bus, up=True)
        with pytest.raises(BusUnavailable):
            await bus.publish(run_of(3))  # it does not know yet that all is gone
        assert await bus.last(1, 0) is None
        await bus.publish(run_of(1, 2))
        assert await harness.kept(1, 0) == [run_of(1, 2)]
        arrived = [await _next(runs) for _ in range(4)]
        assert arrived[-1] == run_of(1, 2)

    async def test_it_starts_without_its_broker(self, harness: BusHarness) -> None:
        """Whoever followed before the connection follows after it."""
        await harness.kill()
        bus = await harness.open()
        runs = await bus.follow(0)
        assert not bus.up
        await harness.revive()
        await until_turned(bus, up=True)
        await (await asked(bus)).publish(run_of(0))
        assert await _next(runs) == run_of(0)

    async def test_whoever_begins_while_the_broker_is_away_follows_afterwards(
        self, harness: BusHarness
    ) -> None:
        """Not only before the first connection."""
        bus = await harness.open()
        await harness.kill()
        await until_turned(bus, up=False)
        runs = await bus.follow(0)
        await harness.revive()
        await until_turned(bus, up=True)
        await (await asked(bus)).publish(run_of(0))
        assert await _next(runs) == run_of(0)

    async def test_states_reach_everybody_and_the_last_one_who_comes_later(
        self, harness: BusHarness
    ) -> None:
        """Also after the broker was away."""
        teller = await harness.open()
        early = _Hearing(await harness.open())
        teller.tell("ops:pulse", 1, b'{"n":1}')
        await early.until(("ops:pulse", 1, b'{"n":1}'))
        teller.tell("ops:pulse", 2, b'{"n":2}')
        await early.until(("ops:pulse", 2, b'{"n":2}'))
        late = _Hearing(await harness.open())
        await late.until(("ops:pulse", 2, b'{"n":2}'))
        await harness.kill()
        await until_turned(teller, up=False)
        teller.tell("ops:pulse", 3, b'{"n":3}')
        await harness.revive(wiped=True)
        await late.until(("ops:pulse", 3, b'{"n":3}'))


class _Hearing:
    """What one process heard."""

    def __init__(self, bus: Bus) -> None:
        self._heard: list[tuple[str, int, bytes]] = []
        self._more = asyncio.Event()
        hear: Callable[[str, int, bytes], None] = self._hear
        bus.hear(hear)

    def _hear(self, topic: str, version: int, document: bytes) -> None:
        self._heard.append((topic, version, document))
        self._more.set()

    async def until(self, state: tuple[str, int, bytes]) -> None:
        """Waits until a state was heard."""
        async with asyncio.timeout(WAIT_S):
            while state not in self._heard:
                await self._more.wait()
                self._more.clear()
