"""Both buses, held to one suite."""

import asyncio

import pytest
from tests.hubs.brokers import MemoryHarness, NatsHarness

from shopwire.adapters.bus.arrivals import Arrivals
from shopwire.kernel.bus import Run, decode_run, encode_run, recorded, runs_of
from shopwire.kernel.events import Position, Recorded
from shopwire.testing.conformance.bus import BusConformance, run_of

pytestmark = pytest.mark.anyio


ANSWER_MS_MAX = 60_000
"""A broker that is slow because the machine is busy is not what these tests are about."""


class TestMemoryBus(BusConformance):
    @pytest.fixture
    async def harness(self):
        harness = MemoryHarness()
        yield harness
        await harness.close()


class TestNatsBus(BusConformance):
    @pytest.fixture
    async def harness(self, data_folder):
        harness = await NatsHarness(data_folder, ANSWER_MS_MAX).start()
        yield harness
        await harness.close()

    async def test_the_broker_is_asked_after_what_it_is_asked_about(self, harness, monkeypatch):
        """Its answer would tell nothing of a subscription that is written later."""
        reader = await harness.open()
        wire, written = reader._client._transport, bytearray()
        write, write_all = wire.write, wire.writelines
        monkeypatch.setattr(wire, "write", lambda data: (written.extend(data), write(data)))
        monkeypatch.setattr(
            wire, "writelines", lambda parts: (written.extend(b"".join(parts)), write_all(parts))
        )
        await reader.follow(0)
        assert written.rindex(b"PING") > written.index(b"SUB ")

    async def test_who_follows_is_known_to_the_broker(self, harness):
        """Else what others publish right after it would be missed."""
        reader = await harness.open()
        harness.pause()
        try:
            following = asyncio.create_task(reader.follow(0))
            _, waiting = await asyncio.wait({following}, timeout=0.2)
            assert waiting
        finally:
            harness.resume()
        assert await following


def event(offset, *, command=None, size=2):
    return Recorded(
        Position(1, 0, offset), "main", f"t:{offset}", 1, "test.changed",
        b" " * size, b'{"secret":1}', command or f"c{offset}", 5,
    )  # fmt: skip


def test_a_run_comes_back_as_it_went_in_but_for_the_facts():
    events = [event(at) for at in range(3, 8)]
    (run,) = runs_of(1, 0, events)
    back = recorded(decode_run(encode_run(run)), 4)
    assert [each.position.offset for each in back] == [4, 5, 6, 7]
    assert all(each.facts == b"null" for each in back)
    assert b"secret" not in encode_run(run)
    assert [(e.topic, e.version, e.document, e.command_id, e.recorded_at_ms) for e in back] == [
        (e.topic, e.version, e.document, e.command_id, e.recorded_at_ms) for e in events[1:]
    ]


def test_runs_are_cut_at_the_limits_and_say_where_a_command_goes_on():
    events = [event(at, command="one" if at < 5 else f"c{at}") for at in range(8)]
    runs = runs_of(1, 0, events, events_max=3)
    assert [(run.first, run.next, run.more) for run in runs] == [
        (0, 3, True), (3, 6, False), (6, 8, False),
    ]  # fmt: skip
    by_size = runs_of(1, 0, [event(at, size=1_000) for at in range(4)], bytes_max=2_600)
    assert [(run.first, run.next) for run in by_size] == [(0, 2), (2, 4)]


def test_what_is_too_large_for_the_bus_leaves_a_hole_that_the_next_run_shows():
    large = {2, 5}
    events = [event(at, size=5_000 if at in large else 10) for at in range(6)]
    runs = runs_of(1, 0, events, bytes_max=4_000)
    assert [(run.first, run.next) for run in runs] == [(0, 2), (3, 5), (6, 6)]


def test_what_is_no_run_is_none():
    assert decode_run(b"nonsense") is None
    assert decode_run(encode_run(Run(1, 0, 5))) == Run(1, 0, 5)


async def test_bytes_that_wait_are_bounded_too():
    async def leave(_):
        pass

    arrivals = Arrivals(leave, bytes_max=100)
    for at in range(10):
        arrivals.put(run_of(at), 40)
    assert arrivals.dropped == 8
    assert [(await arrivals.next(0)).first for _ in range(2)] == [8, 9]
