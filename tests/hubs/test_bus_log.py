"""Following the log over a bus: nothing missed, nothing doubled, whatever the bus does."""

import asyncio
import random

import msgspec
import pytest
from tests.hubs.lines import Office, World, reached

from shopwire.kernel.bus import RUN_BYTES_MAX, RUN_EVENTS_MAX, Run, runs_of
from shopwire.kernel.errors import StorageUnavailable

pytestmark = pytest.mark.anyio

PATIENT = {"poll_ms": 60_000, "late_ms": 60_000}
"""Where only the bus may bring something: the log is never asked for the time that passes."""


@pytest.fixture
async def world():
    world = World()
    yield world
    await world.close()


async def begun(world, poll_ms=30, late_ms=5):
    """A relay and a follower that have both taken a first event."""
    relay = await world.relay()
    log = await world.follow(poll_ms=poll_ms, late_ms=late_ms)
    await world.append(1)
    await world.until_all()
    await reached(relay, 1)
    return relay, log


async def test_the_bus_brings_what_follows_and_the_database_is_left_alone(world: World):
    _relay, log = await begun(world, **PATIENT)
    before = log.log.reads
    for _ in range(20):
        await world.append(2)
    await world.until_all()
    assert log.log.reads == before
    assert log.counts.gaps == log.counts.late == 0
    assert log.source == "bus"
    assert all(event.facts == b"null" for event in world.taken)


async def test_a_lost_run_is_seen_with_the_next_one_and_read_from_the_log(world: World):
    relay, log = await begun(world, **PATIENT)
    world.broker.loses = lambda _: True
    await world.append(3)
    await reached(relay, 4)
    world.broker.loses = lambda _: False
    assert len(world.taken) == 1
    await world.append(1)
    await world.until_all()
    assert log.counts.gaps == 1


async def test_the_last_run_lost_is_seen_by_the_log_being_longer(world: World):
    relay, log = await begun(world, poll_ms=60_000, late_ms=5)
    world.broker.loses = lambda _: True
    await world.append(3)
    await reached(relay, 4)
    await log.heads()
    await world.until_all()
    assert log.counts.late == 1


async def test_a_silent_bus_is_believed_for_a_while_only(world: World):
    await begun(world, poll_ms=20, late_ms=60_000)
    world.broker.loses = lambda _: True
    await world.append(3)
    await world.until_all()


async def test_doubled_runs_bring_nothing_twice(world: World):
    world.broker.copies = 3
    _relay, log = await begun(world)
    for _ in range(10):
        await world.append(2)
    await world.until_all()
    assert log.counts.doubled > 0


async def test_a_command_is_taken_whole_however_many_runs_carry_it(world: World):
    await begun(world, **PATIENT)
    at_once = []
    world.more = _Noting(world.more, lambda: at_once.append(len(world.taken)))
    await world.append(2 * RUN_EVENTS_MAX + 1)
    await world.until_all()
    assert at_once[-1] == 2 * RUN_EVENTS_MAX + 2
    assert len(set(at_once)) == 1


async def test_an_event_that_is_too_large_is_read_from_the_log(world: World):
    _relay, log = await begun(world, **PATIENT)
    await world.append(1, size=RUN_BYTES_MAX + 1)
    await world.until_all()
    assert log.counts.gaps == 1
    await world.append(1)
    await world.until_all()
    assert log.counts.gaps == 1


async def test_without_a_broker_the_database_is_followed_and_the_bus_again_when_it_is_back(
    world: World,
):
    world.broker.go_down()
    relay = await world.relay()
    log = await world.follow()
    assert log.source == "log"
    for _ in range(5):
        await world.append(1)
    await world.until_all()
    world.broker.come_back()
    await reached(relay, 5)
    assert log.source == "bus"
    before = log.counts.runs
    for _ in range(5):
        await world.append(1)
        await world.until_all()
    assert log.counts.runs > before


async def test_a_database_that_is_away_does_not_stop_what_the_bus_brings(world: World):
    _relay, log = await begun(world)

    async def away(_partition, _offset, _limit):
        raise StorageUnavailable(retry_ms=1)

    log.log.read = away
    for _ in range(20):
        await world.append(1)
        await world.until_all()


async def test_a_wiped_broker_is_refilled_and_nothing_is_taken_twice(world: World):
    relay, _log = await begun(world)
    for _ in range(10):
        await world.append(1)
    await world.until_all()
    world.broker.go_down()
    world.broker.come_back(wiped=True)
    await world.append(1)
    await world.until_all()
    await reached(relay, 12)
    kept = world.broker.kept[1, 0]
    assert kept[0].first == 0
    assert [run.first for run in kept[1:]] == [run.next for run in kept[:-1]]
    assert kept[-1].next == 12


async def test_of_two_relays_each_goes_on_where_the_other_was(world: World):
    relays = [await world.relay(), await world.relay()]  # each thinks that it is in office
    await world.follow()
    for _ in range(30):
        await world.append(1)
    await world.until_all()
    await reached(relays[0], 30)
    kept = world.broker.kept[1, 0]
    assert [run.first for run in kept[1:]] == [run.next for run in kept[:-1]]


async def test_a_relay_that_loses_its_office_hands_over(world: World):
    office = Office()
    first = await world.relay(office)
    await world.follow()
    await world.append(1)
    await reached(first, 1)
    second = await world.relay(office)
    assert not second.leads
    office.lost.set()
    await reached(second, 1)
    await world.append(1)
    await reached(second, 2)
    await world.until_all()


async def test_another_epoch_is_read_from_the_log_until_the_follower_knows_it(world: World):
    _relay, log = await begun(world)
    world.state.new_epoch()
    world.log._epoch = world.state.epoch  # a writer of the new epoch
    await world.append(2)
    await world.until_all()
    assert (await log.heads()).epoch == 2
    await world.append(1)
    await world.until_all()


def forged(world, first, count, *, epoch=1):
    """A run as a relay would make it, with events that can be told from the log's."""
    events = runs_of(epoch, 0, world.state.events[0])[0].events
    other = msgspec.structs.replace(events[0], document=b'"forged"')
    return Run(epoch, 0, first, (other,) * count)


async def test_of_a_run_that_overlaps_only_what_is_new_is_taken(world: World):
    await world.append(3)
    log = await world.follow(**PATIENT)
    await world.until_all()
    bus = await world.bus()
    await world.append(2)
    (run,) = runs_of(1, 0, world.state.events[0])
    assert (run.first, run.next) == (0, 5)
    await bus.last(1, 0)
    await bus.publish(run)
    await world.until_all()
    assert log.counts.runs == 1


async def test_a_run_of_another_epoch_is_not_believed(world: World):
    """The log may have been restored: the same offsets are other events there."""
    await world.append(3)
    log = await world.follow(**PATIENT)
    await world.until_all()
    bus = await world.bus()
    await bus.last(2, 0)
    await world.append(1)
    await bus.publish(forged(world, 3, 1, epoch=2))  # one of the future: the log is asked
    await world.until_all()
    world.state.new_epoch()
    assert (await log.heads()).epoch == 2
    await bus.last(1, 0)
    await bus.publish(forged(world, 4, 1))  # one of the past: nothing
    world.log._epoch = 2
    await world.append(1)
    await bus.publish(runs_of(2, 0, world.state.events[0])[0])
    await world.until_all()


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens_each_event_comes_once_and_in_order(world: World, seed: int):
    await live_through(world, random.Random(seed))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(12, 500))
async def test_whatever_happens_for_longer(world: World, seed: int):
    await live_through(world, random.Random(seed), steps=400)


async def live_through(world: World, chance: random.Random, steps=60):
    office = Office()
    await world.relay(office)
    await world.relay(office)
    log = await world.follow(poll_ms=20, late_ms=3)

    def lose(_):
        return chance.random() < 0.3

    for _ in range(steps):
        fault = chance.random()
        if fault < 0.1:
            world.broker.go_down()
        elif fault < 0.3:
            world.broker.come_back(wiped=chance.random() < 0.3)
        elif fault < 0.4:
            world.broker.loses = lose if chance.random() < 0.7 else lambda _: False
        elif fault < 0.5:
            world.broker.copies = chance.choice([0, 1, 2])
        elif fault < 0.6:
            office.lost.set()
        elif fault < 0.7:
            await log.heads()
        else:
            await world.append(chance.choice([1, 1, 2, 40, RUN_EVENTS_MAX + 3]))
        for _ in range(chance.randrange(30)):
            await asyncio.sleep(0)
    world.broker.come_back()
    await world.until_all()


class _Noting:
    """An event that also calls somebody."""

    def __init__(self, event, note) -> None:
        self._event, self._note = event, note

    def set(self):
        self._note()
        self._event.set()

    async def wait(self):
        await self._event.wait()

    def clear(self):
        self._event.clear()
