"""A hub that tells many at once: every connection gets its own frames, whole and in order."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import pytest
from tests.ring.test_ring import pytestmark as needs_ring
from tests.sync.served import SOON_S, eventually, serving
from tests.sync.test_bad_clients import FILLING, DeafClient, deaf, flood, one_session

from shopwire.adapters.ring.ring import Ring
from shopwire.services.broadcasting import broadcast_finding, broadcasting
from shopwire.sync.broadcast import Broadcast, head_of
from shopwire.sync.session import State

pytestmark = [pytest.mark.anyio, needs_ring]


class Counting(Ring):
    """Says how often it was used, and what was not done."""

    def __init__(self) -> None:
        super().__init__(64)
        self.sent = 0
        self.undone = 0
        self.groups = 0
        self.lazy = False

    def send_groups(self, groups):
        groups = list(groups)
        self.groups += len(groups)
        if self.lazy:
            return [(place, 0) for places, _ in groups for place in places]
        return super().send_groups(groups)

    def send(self, places, data):
        undone = super().send(places, data)
        self.sent += len(places)
        self.undone += len(undone)
        return undone


@pytest.fixture
def ring(monkeypatch):
    monkeypatch.setattr("shopwire.sync.broadcast.BROADCAST_SCREENS_MIN", 1)
    counting = Counting()
    yield counting
    counting.close()


class Screen(DeafClient):
    """Takes apart what comes, and trusts nothing."""

    def __init__(self, port, size=1 << 16) -> None:
        super().__init__(port)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        self.rest = b""
        self.versions = {}

    async def frames(self):
        """Whole frames until the connection ends."""
        loop = asyncio.get_running_loop()
        while True:
            while (frame := self.next()) is not None:
                yield frame
            try:
                part = await loop.sock_recv(self.socket, 65_536)
            except ConnectionResetError:
                part = b""
            if not part:
                return
            self.rest += part

    def next(self):
        data = self.rest
        if len(data) < 2:
            return None
        assert data[0] in (0x81, 0x88, 0x89, 0x8A), "no beginning of a frame"
        size, start = data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10], "big"), 10
        if len(data) < start + size:
            return None
        self.rest = data[start + size :]
        payload = data[start : start + size]
        return json.loads(payload) if data[0] == 0x81 else {"t": "control"}


async def last_of(screen, topics, number):
    """Follows topics until a number is in all; every patch has to follow what is known."""
    versions, left = screen.versions, set(topics.split())
    async with asyncio.timeout(SOON_S):
        async for frame in screen.frames():
            for item in frame.get("items", [frame]):
                if item["t"] not in ("patch", "snap"):
                    continue
                topic = item["topic"]
                assert topic in topics.split(), "what another connection asked for"
                if item["t"] == "patch":
                    assert item["from"] == versions[topic]
                    assert item["set"].keys() <= {"n", "x"}
                    body = item["set"]
                else:
                    body = item["doc"] or {}
                assert item["v"] > versions.get(topic, -1), "told twice"
                versions[topic] = item["v"]
                if body.get("n") == number:
                    left.discard(topic)
                    if not left:
                        return True
    return False


@asynccontextmanager
async def hub_with(ring):
    async with serving(broadcast=Broadcast(ring)) as shop:
        yield shop


async def test_connections_that_come_and_go_get_what_they_asked_for_and_nothing_else(ring):
    async with hub_with(ring) as shop:
        done = asyncio.Event()

        async def visits(topic):
            count = 0
            while not done.is_set():
                screen = Screen(shop.port)
                await screen.start([topic])
                heard = 0
                async for frame in screen.frames():
                    items = frame.get("items", [frame])
                    told = [item["topic"] for item in items if item["t"] in ("patch", "snap")]
                    assert set(told) <= {topic}
                    heard += len(told)
                    if heard > 2 + count % 3:
                        break
                count += 1
                screen.close()
            return count

        async def stays(topic):
            screen = Screen(shop.port)
            await screen.start([topic])
            assert await last_of(screen, topic, "end")
            screen.close()

        topics = [f"stock:T{number}" for number in range(4)]
        for topic in topics:
            await shop.change([(topic, {"n": -1})])
        tasks = [asyncio.create_task(visits(topic)) for topic in topics * 4]
        steady = [asyncio.create_task(stays(topic)) for topic in topics]
        for number in range(160):
            await shop.change([(topics[number % 4], {"n": number})])
            await asyncio.sleep(0)
        done.set()
        for topic in topics:
            await eventually(lambda: shop.hub.stats().screens >= len(topics))
            await shop.change([(topic, {"n": "end"})])
        for number in range(8):
            for topic in topics:
                await shop.change([(topic, {"n": "end", "x": number})])
        async with asyncio.timeout(SOON_S):
            visited = await asyncio.gather(*tasks)
            await asyncio.gather(*steady)
        assert sum(visited) > len(tasks)
        assert ring.sent > 160
        await eventually(lambda: shop.hub.stats().screens == 0)
        assert sorted([*ring._free, *range(ring._next, 64)]) == list(range(64))


async def test_a_socket_that_is_full_goes_on_in_the_middle_of_the_frame(ring):
    async with hub_with(ring) as shop:
        client, quick = Screen(shop.port, 4_096), Screen(shop.port)
        await client.start(["stock:A"])
        await eventually(lambda: shop.hub.stats().screens == 1)
        session = one_session(shop)
        await eventually(lambda: len(session.watched) == 1)
        await quick.start(["stock:A"])
        reading = asyncio.create_task(last_of(quick, "stock:A", "end"))
        under = session.wire._transport.underlying_transport
        for _ in range(2):
            last = await flood(shop, ["stock:A"], session)
            assert 0 < under.get_write_buffer_size() < 2 * len(FILLING)
            session.wire.ping()
            assert await last_of(client, "stock:A", last)
            await eventually(lambda: session.writable and not session.pending)
        assert ring.undone >= 2
        await shop.change([("stock:A", {"n": "end"})])
        assert await reading
        for screen in (client, quick):
            screen.close()


async def test_what_waits_when_a_connection_gets_its_place_goes_first(ring):
    """A place that comes late, while the transport has bytes: nobody may send past them."""
    async with hub_with(None) as shop:
        client = Screen(shop.port, 4_096)
        await client.start(["stock:A"])
        await eventually(lambda: shop.hub.stats().screens == 1)
        session = one_session(shop)
        await eventually(lambda: len(session.watched) == 1)
        wire, fanout = session.wire, shop.hub.fanout
        under = wire._transport.underlying_transport
        number = 0
        while not under.get_write_buffer_size():
            number += 1
            await shop.change([("stock:A", {"n": number, "x": "x" * 4_000})])
            await asyncio.sleep(0)
        assert session.writable
        fanout.broadcast._together = ring
        wire._take_place(session, under)
        assert not session.writable
        assert session in fanout.aside
        assert await last_of(client, "stock:A", number)
        client.close()


async def test_a_connection_that_the_server_ends_is_ended_for_the_client_at_once(ring):
    async with hub_with(ring) as shop:
        client = Screen(shop.port)
        await client.start(["stock:A"])
        await eventually(lambda: shop.hub.stats().screens == 1)
        one_session(shop).wire.cut()
        async with asyncio.timeout(SOON_S):
            assert [frame["t"] async for frame in client.frames()][-1] in (
                "live",
                "welcome",
                "beat",
            )
        assert shop.hub.stats().screens == 0
        assert ring._free == [0]
        client.close()


async def test_screens_of_different_topics_get_different_frames_at_once(ring, monkeypatch):
    monkeypatch.setattr("shopwire.sync.broadcast.BROADCAST_SCREENS_MIN", 3)
    wishes = ["stock:A", "stock:B", "stock:A stock:B", "stock:C stock:B", "stock:A stock:B stock:C"]
    async with hub_with(ring) as shop:
        screens = [Screen(shop.port) for _ in wishes]
        for screen, wish in zip(screens, wishes, strict=True):
            await screen.start(wish.split())
        await eventually(
            lambda: sum(len(s.watched) for s in shop.hub.fanout.sessions if not s.pending) == 9
        )
        for number in range(30):
            await shop.change([(f"stock:{name}", {"n": number}) for name in "ABC"])
            await asyncio.gather(*map(last_of, screens, wishes, [number] * len(wishes)))
        assert ring.groups > 30
        ring.lazy = True
        await shop.change([(f"stock:{name}", {"n": 30}) for name in "ABC"])
        await asyncio.gather(*map(last_of, screens, wishes, [30] * len(wishes)))
        one_gone, *_ = shop.hub.fanout.sessions
        shop.hub.broadcast.leave(one_gone)
        await shop.change([(f"stock:{name}", {"n": "end"}) for name in "ABC"])
        await asyncio.gather(*map(last_of, screens, wishes, ["end"] * len(wishes)))
        for screen in screens:
            screen.close()


class Deceiving(Counting):
    """Says of the first place that nobody knows, and of the second that nothing was tried."""

    def send(self, places, data):
        if len(places) < 2:
            return super().send(places, data)  # a beat
        return [(places[0], -1), *((place, 0) for place in places[1:])]


async def test_who_is_somewhere_in_a_frame_is_cut_and_others_are_told(ring):
    deceiving = Deceiving()
    async with hub_with(deceiving) as shop:
        first, second = Screen(shop.port), Screen(shop.port)
        for number, screen in enumerate((first, second), 1):
            await screen.start(["stock:A"])
            await eventually(lambda number=number: shop.hub.stats().screens == number)
        await eventually(lambda: all(s.watched and not s.pending for s in shop.hub.fanout.sessions))
        await shop.change([("stock:A", {"n": 1})])
        assert await last_of(second, "stock:A", 1)
        await eventually(lambda: shop.hub.stats().screens == 1)
        assert not await last_of(first, "stock:A", 1)
        for screen in (first, second):
            screen.close()
    deceiving.close()


async def test_a_ring_that_stopped_is_not_used_and_nobody_misses_anything(ring):
    async with hub_with(ring) as shop:
        client = Screen(shop.port)
        await client.start(["stock:A"])
        await eventually(lambda: shop.hub.stats().screens == 1)
        await shop.change([("stock:A", {"n": 1})])
        assert await last_of(client, "stock:A", 1)
        ring.usable = False
        sent = ring.sent
        await shop.change([("stock:A", {"n": 2})])
        assert await last_of(client, "stock:A", 2)
        assert ring.sent == sent
        client.close()


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_the_head_of_a_frame_says_how_long_it_is(size, head):
    assert head_of(b"x" * size) == head


async def test_a_kernel_that_refuses_is_told_and_takes_nothing_away(monkeypatch):
    told = []

    def refuse():
        raise OSError(1, "Operation not permitted")

    def log(event, **facts: object):
        told.append((event, facts))

    async with broadcasting("auto", log), broadcasting("direct", log):
        pass
    assert broadcast_finding("auto").verdict == "ok"
    assert "io_uring" in broadcast_finding("auto").seen
    monkeypatch.setattr("shopwire.services.broadcasting.open_ring", refuse)
    async with broadcasting("auto", log) as broadcast, serving(broadcast=broadcast) as shop:
        client = await deaf(shop, ["stock:A"])
        await shop.change([("stock:A", {"n": 1})])
        await client.read_until(b'"n":1')
        assert one_session(shop).state is State.OPEN
        client.close()
    assert [facts["way"] for _, facts in told] == ["io_uring", "direct", "direct"]
    assert "not permitted" in told[2][1]["reason"]
    finding = broadcast_finding("auto")
    assert finding.verdict == "note"
    assert "not permitted" in finding.seen
    assert "as it is set" in broadcast_finding("direct").seen
