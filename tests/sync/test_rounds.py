"""Beats go round in groups, and what changes meanwhile does not wait for the last one."""

import asyncio

import pytest

from shopwire.adapters.memory import MemoryLog, MemoryState
from shopwire.kernel.events import Position, Recorded
from shopwire.sync.hub import Hub
from shopwire.sync.limits import BEAT_SHARES, ROUND_SESSIONS, Limits
from shopwire.testing.simulation.screens import SimWire

pytestmark = pytest.mark.anyio


class Told(SimWire):
    """A socket that says what it is given."""

    def __init__(self, hear) -> None:
        super().__init__()
        self.hear = hear

    def send(self, kind, frame):
        super().send(kind, frame)
        self.hear(frame)

    def kinds(self):
        return [
            next(
                kind for kind in ("beat", "snap", "patch", "live", "welcome") if kind in frame[:40]
            )
            for frame in (frame.decode() for frame in self.frames)
        ]


async def test_a_change_during_a_beat_reaches_the_last_before_the_beat_and_who_left_gets_none():
    hub = Hub(MemoryLog(MemoryState(1)), limits=Limits(beat_ms=50, flush_interval_ms=0))
    await hub.start()
    live, told, heard = asyncio.Event(), asyncio.Event(), []
    change = Recorded(
        Position(1, 0, 0), "main", "stock:A", 1, "t.changed", b'{"n":1}', b"null", "c", 5
    )

    def first(frame):
        if live.is_set() and b'"beat"' in frame and left in hub.fanout.sessions:
            hub.fanout.remove(left)
            asyncio.get_running_loop().call_soon(hub.fanout.apply, 0, [change])

    def last(frame):
        if b'"live"' in frame:
            live.set()
        elif b'"beat"' in frame and left not in hub.fanout.sessions and not told.is_set():
            heard.extend(own[-1].kinds())  # before the next round, however late who waits is woken
            told.set()

    # All that matter are of one share, of which there are two groups and one more.
    wires = [Told(lambda _: None) for _ in range(2 * ROUND_SESSIONS * BEAT_SHARES + 1)]
    own = wires[::BEAT_SHARES]
    own[0].hear, own[-1].hear = first, last
    sessions = [hub.open(wire) for wire in wires]
    left = sessions[::BEAT_SHARES][-2]
    for session in sessions:
        session.on_message(b'{"t":"hello","proto":1}')
        session.on_message(b'{"t":"sub","id":1,"topics":["stock:A"]}')
    async with asyncio.timeout(60):
        await live.wait()
        before = len(own[-2].frames)
        await told.wait()
    await hub.stop()
    assert heard[-2:] in (["snap", "beat"], ["patch", "beat"])
    assert len(own[-2].frames) == before


async def test_everybody_is_beaten_once_a_round_in_even_shares_however_they_come_and_go():
    hub = Hub(MemoryLog(MemoryState(1)), limits=Limits(beat_ms=40, flush_interval_ms=0))
    await hub.start()
    beaten, round_over = [], asyncio.Event()

    def note(wire):
        def hear(frame):
            if b'"beat"' in frame and not round_over.is_set():
                beaten.append(wire)
                if beaten.count(wires[0]) == 3:
                    round_over.set()

        return hear

    wires = [Told(None) for _ in range(3 * BEAT_SHARES)]
    for wire in wires:
        wire.hear = note(wire)
    sessions = [hub.open(wire) for wire in wires]
    assert {len(share) for share in hub.fanout.shares} == {3}
    for session in sessions:
        session.on_message(b'{"t":"hello","proto":1}')
    for session in sessions[1::7]:
        session.on_closed()
    assert sum(map(len, hub.fanout.shares)) == len(hub.fanout.sessions)
    async with asyncio.timeout(60):
        await round_over.wait()
    await hub.stop()
    first, second, third = (at for at, wire in enumerate(beaten) if wire is wires[0])
    there = [wire for at, wire in enumerate(wires) if at % 7 != 1]
    for begin, end in ((first, second), (second, third)):
        assert sorted(map(id, beaten[begin:end])) == sorted(map(id, there))
        shares = [wires.index(wire) % BEAT_SHARES for wire in beaten[begin:end]]
        assert shares == sorted(shares)
