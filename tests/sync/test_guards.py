"""Guards that no ordinary history reaches."""

import asyncio

import msgspec
import pytest
from tests.sync.simulated import FakeClock
from tests.sync.test_bug_classes import Bench, document

from shopwire.kernel.events import Position, Recorded
from shopwire.kernel.limits import READ_EVENTS_MAX
from shopwire.kernel.log import Document, Heads
from shopwire.sync.codes import CloseCode
from shopwire.sync.facts import FACT_VERSIONS_MAX, FactState
from shopwire.sync.fanout import Fanout
from shopwire.sync.hub import Hub
from shopwire.sync.limits import Limits
from shopwire.sync.snapshots import SnapshotLoader
from shopwire.sync.topics import PUBLIC
from shopwire.sync.transports.queued import QueuedWire
from shopwire.sync.waiting import TEXT

pytestmark = pytest.mark.anyio


class LongLog:
    """Says where it ends, nothing else."""

    partitions = 1

    def __init__(self, end) -> None:
        self.end = end

    async def heads(self):
        return Heads(1, (self.end,))


def recorded(offset, command):
    return Recorded(
        Position(1, 0, offset), "main", f"stock:{offset}", 1, "e", b"{}", b"null", command, 1
    )


async def test_a_read_that_ends_inside_a_command_is_held_until_the_rest_is_there():
    log = LongLog(READ_EVENTS_MAX + 5)
    hub = Hub(log)
    hub.fanout.begin(1, [0], 0)
    first = [recorded(n, "whole" if n < 100 else "torn") for n in range(READ_EVENTS_MAX)]
    await hub._take(0, first)
    assert hub.fanout.applied == [100]
    await hub._take(0, [recorded(READ_EVENTS_MAX + n, "torn") for n in range(5)])
    assert hub.fanout.applied == [READ_EVENTS_MAX + 5]


async def test_a_full_read_that_ends_at_the_head_is_not_held():
    hub = Hub(LongLog(READ_EVENTS_MAX))
    hub.fanout.begin(1, [0], 0)
    await hub._take(0, [recorded(n, "all") for n in range(READ_EVENTS_MAX)])
    assert hub.fanout.applied == [READ_EVENTS_MAX]


async def test_a_followed_topic_does_not_run_ahead_of_the_others_of_its_command():
    bench = Bench()
    client = bench.client()
    client.sub(["stock:A", "price:A"])
    bench.load(0, document("stock:A", 1), document("price:A", 1))
    client.hear()
    ahead = bench.client(7)
    ahead.sub(["stock:A"], have={"stock:A": 2})
    bench.load(2, document("stock:A", 2, n=2))
    assert client.hear() == []
    bench.apply(bench.event("stock:A", 2, n=2), bench.event("price:A", 2, n=2))
    assert client.hear() == ["patch", "patch"]
    assert len(client.replica.missed) == 0


async def test_answers_wait_for_a_client_that_does_not_read_and_are_bounded():
    bench = Bench()
    client = bench.client()
    client.session.on_pause()
    client.wire.frames.clear()
    client.say({"t": "ping", "id": 1})
    assert not client.wire.frames
    client.session.on_resume()
    assert client.hear() == ["pong"]
    client.session.on_pause()
    for number in range(20_000):
        bench.clock.ms += 25
        client.say({"t": "ping", "id": number})
        if client.wire.closed is not None:
            break
    assert client.wire.closed is CloseCode.FLOODING
    assert client.session._answer_bytes < 300_000


async def test_subs_that_wait_for_live_are_bounded():
    bench = Bench()
    client = bench.client()
    for number in range(2_000):
        bench.clock.ms += 25
        client.sub(["stock:A"], number)
        if client.wire.closed is not None:
            break
    assert client.wire.closed is CloseCode.FLOODING
    assert number <= 1_001


async def test_another_shop_s_event_is_counted_and_not_shown():
    fanout = Fanout("another", FakeClock(), Limits())
    fanout.begin(7, [0], 0)
    bench = Bench()
    bench.fanout = fanout
    client = bench.client()
    client.sub(["stock:A"])
    bench.load(0)
    client.hear()
    bench.apply(bench.event("stock:A", 1, n=1))
    assert client.hear() == []
    assert fanout.applied == [1]


async def test_events_that_come_again_move_nothing_back():
    bench = Bench()
    client = bench.client()
    client.sub(["stock:A"])
    bench.load(0)
    client.hear()
    events = [bench.event("stock:A", version, n=version) for version in (1, 2, 3)]
    bench.apply(*events)
    assert client.hear() == ["snap"]
    bench.apply(*events[:2])
    assert bench.fanout.applied == [3]
    assert client.hear() == []
    bench.apply(bench.event("stock:A", 4, n=4))
    assert client.hear() == ["patch"]


async def test_proofs_that_wait_for_the_tail_are_few_and_the_oldest_counts_first():
    bench = Bench()
    asked = bench.clock.ms
    for end in range(1, 50):
        bench.clock.ms += 500
        bench.fanout.prove([end], bench.clock.ms)
    assert len(bench.fanout._proofs) <= 4
    assert bench.fanout.lag_ms() >= 49 * 500
    bench.apply(bench.event("stock:A", 1, n=1))
    assert bench.fanout.lag_ms() == bench.clock.ms - (asked + 500)


class OtherLife(LongLog):
    """Was restored since the hub last looked."""

    async def heads(self):
        return Heads(8, (self.end,))

    async def documents(self, tenant, topics):
        return [Document(topic, 9, b'{"n":9}', 0) for topic in topics]


async def test_documents_of_another_life_of_the_log_are_not_taken():
    bench = Bench()
    client = bench.client()
    client.sub(["stock:A"])
    client.hear()

    async def is_the_same(heads):
        return heads.epoch == bench.fanout.epoch

    loader = SnapshotLoader(OtherLife(5), bench.fanout, is_the_same)
    await loader._read(loader._next())
    bench.fanout.flush()
    assert client.hear() == []


class Renewed(LongLog):
    """Goes on in another epoch, at the same offsets."""

    async def heads(self):
        return Heads(8, (self.end,))

    async def tail(self, partition, start):
        event = recorded(start, "new")
        yield [msgspec.structs.replace(event, position=Position(8, 0, start))]
        await asyncio.Event().wait()


async def test_events_of_another_epoch_are_not_taken_for_those_of_this_one():
    hub = Hub(Renewed(1))
    hub.fanout.begin(7, [0], 0)
    async with asyncio.timeout(60):
        await hub._follow(0)
    assert hub.fanout.epoch == 8
    await hub.stop()


async def test_names_that_were_never_read_are_not_kept():
    bench = Bench()
    client = bench.client()
    for number in range(50):
        client.sub([f"stock:{number}"], number)
        client.say({"t": "unsub", "id": number, "topics": [f"stock:{number}"]})
    assert bench.fanout.topics == {}


async def test_who_is_ahead_of_this_hub_is_told_nothing_old():
    bench = Bench()
    client = bench.client()
    client.sub(["stock:A"])
    bench.load(0, document("stock:A", 1))
    ahead = bench.client(7)
    ahead.sub(["stock:A"], have={"stock:A": 3})
    bench.load(3, document("stock:A", 3))
    ahead.hear()
    for version in (2, 3):
        bench.apply(bench.event("stock:A", version, n=version))
    # `live` comes when the hub has got as far as the log was; nothing that the client has already.
    assert [kind for kind in ahead.hear() if kind != "live"] == []
    bench.apply(bench.event("stock:A", 4, n=4))
    assert [kind for kind in ahead.hear() if kind != "live"] == ["patch"]


async def test_facts_that_come_while_earlier_ones_are_read_are_all_kept():
    state = FactState("payment:x", PUBLIC)
    state.sessions.plain[object()] = None
    state.update(10, b"{}", 0)
    state.reading = True
    for version in range(11, 11 + 2 * FACT_VERSIONS_MAX):
        state.update(version, b"{}", 0)
    state.read(5, [(version, b"{}", 0) for version in range(6, 10)])
    assert len(state.steps(5)) == state.version - 5


class Held:
    """A session as a queued wire sees it."""

    def __init__(self) -> None:
        self.calls = []

    def on_pause(self):
        self.calls.append("pause")

    def on_resume(self):
        self.calls.append("resume")


async def test_a_queued_wire_asks_to_hold_back_and_to_go_on():
    wire = QueuedWire(Limits(write_high_bytes=100, write_low_bytes=20))
    held = wire.session = Held()
    assert wire.progressed(), "nothing waits"
    for _ in range(12):
        wire.send(TEXT, b"0123456789")
    assert held.calls == ["pause"]
    assert not wire.progressed()
    sent = []

    async def send(frame):
        sent.append(frame)
        if len(sent) == 9:
            assert held.calls == ["pause"]

    pump = asyncio.create_task(wire.pump(send))
    wire.close(CloseCode.SERVER_STOPPING)
    assert await pump is CloseCode.SERVER_STOPPING
    assert len(sent) == 12
    assert held.calls == ["pause", "resume"]
    assert wire.progressed()
