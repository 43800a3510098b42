"""Clients that read slowly, never, or leave; a server that stops or dies."""

import asyncio
import base64
import os
import socket

import pytest
from tests.e2e.shop import free_port
from tests.sync.served import QUICK, SOON_S, Shop, eventually, serving
from tests.sync.simulated import FakeClock

from shopwire.sync import client_connection
from shopwire.sync.client import SyncClient
from shopwire.sync.limits import Limits
from shopwire.sync.session import State

pytestmark = pytest.mark.anyio
FILLING = "x" * 4_000


class DeafClient:
    """Shakes hands, subscribes, and reads only when it is told to."""

    def __init__(self, port) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self.socket.setblocking(False)
        self.port = port

    async def start(self, topics):
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self.socket, ("127.0.0.1", self.port))
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            "GET /sync HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await loop.sock_sendall(self.socket, request.encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += await loop.sock_recv(self.socket, 1)
        await self.say('{"t":"hello","proto":1}')
        names = ",".join(f'"{topic}"' for topic in topics)
        await self.say(f'{{"t":"sub","id":1,"topics":[{names}]}}')

    async def say(self, text):
        data = text.encode()
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe%b" % len(data).to_bytes(2)
        masked = b"\x81" + size + b"\0\0\0\0" + data
        await asyncio.get_running_loop().sock_sendall(self.socket, masked)

    async def read_until(self, wanted):
        """Reads on until the bytes are there; returns how much came."""
        loop = asyncio.get_running_loop()
        seen, count = b"", 0
        async with asyncio.timeout(SOON_S):
            while wanted not in seen:
                part = await loop.sock_recv(self.socket, 65_536)
                assert part, "closed"
                count += len(part)
                seen = seen[-len(wanted) :] + part
        return count

    def close(self):
        self.socket.close()


def one_session(shop):
    (session,) = shop.hub.fanout.sessions
    return session


async def deaf(shop, topics):
    client = DeafClient(shop.port)
    await client.start(topics)
    await eventually(lambda: shop.hub.stats().screens == 1)
    await eventually(lambda: len(one_session(shop).watched) == len(topics))
    return client


async def flood(shop, topics, session):
    """Changes until the socket is full, and then a hundred times as much."""
    number = 0
    while session.writable:
        number += 1
        await shop.change([(topics[number % len(topics)], {"n": number, "x": FILLING})])
    for _ in range(500):
        number += 1
        await shop.change([(topics[number % len(topics)], {"n": number, "x": FILLING})])
    return number


async def test_a_client_that_never_reads_costs_one_entry_a_topic():
    topics = [f"stock:T{n}" for n in range(10)]
    async with serving() as shop:
        client = await deaf(shop, topics)
        session = one_session(shop)
        await flood(shop, topics, session)
        buffered = session.wire._transport.underlying_transport.get_write_buffer_size()
        assert buffered <= QUICK.write_high_bytes + 10 * 5_000
        assert len(session.pending) <= len(topics)
        assert not session._answers
        client.close()


async def test_a_slow_client_ends_with_the_newest_state_in_few_frames():
    topics = [f"stock:T{n}" for n in range(3)]
    async with serving() as shop:
        client = await deaf(shop, topics)
        last = await flood(shop, topics, one_session(shop))
        received = await client.read_until(b'"n":%d,' % last)
        assert received < 500 * len(FILLING) / 2
        assert one_session(shop).state is State.OPEN
        await eventually(lambda: not one_session(shop).pending)
        client.close()


async def test_a_client_without_a_sign_of_life_is_cut_and_others_are_not():
    clock, never_ms = FakeClock(), 3_600_000
    limits = Limits(sweep_every_ms=never_ms, beat_ms=never_ms)
    async with serving(limits=limits, clock=clock) as shop:
        good = SyncClient(shop.url)
        await good.start()
        good.subscribe(["stock:A"])
        await good.until_live()
        session, client = one_session(shop), DeafClient(shop.port)
        await client.start(["stock:A"])
        (other,) = shop.hub.fanout.sessions.keys() - {session}
        await eventually(lambda: other.watched)  # the last that it says
        clock.ms += limits.ping_after_ms
        shop.hub.fanout.sweep()
        await eventually(lambda: session.heard_ms == clock.ms)  # its answer
        clock.ms += limits.silence_ms_max - 1
        shop.hub.fanout.sweep()
        await eventually(lambda: shop.hub.stats().screens == 1)
        assert one_session(shop) is session
        assert good.connections == 1
        assert good.status == "live"
        client.close()
        await good.stop()


async def test_a_client_that_says_nothing_at_all_is_cut():
    async with serving(limits=Limits(hello_ms_max=50, sweep_every_ms=20)) as shop:
        _, writer = await asyncio.open_connection("127.0.0.1", shop.port)
        client = DeafClient(shop.port)
        client.say = _say_nothing
        await client.start([])
        await client.read_until(b"hello_timeout")
        client.close()
        writer.close()


async def _say_nothing(_text):
    return None


async def test_a_full_server_says_so():
    async with serving(limits=Limits(sessions_max=1)) as shop:
        first, second = SyncClient(shop.url), SyncClient(shop.url)
        await first.start()
        await first.until(lambda: first.status != "offline")
        await second.start()
        await second.until(lambda: second.close_code == 4004)
        await first.stop()
        await second.stop()


async def test_a_server_that_stops_flushes_and_lets_clients_come_back():
    shop = Shop()
    client = None
    async with serving(shop):
        client = SyncClient(shop.url, backoff_ms_min=5, seed=1)
        await client.start()
        client.subscribe(["stock:A"])
        await client.until_live()
        await shop.change([("stock:A", {"n": 1})])
        await client.until(lambda: client.held("stock:A").version == 1)
        shop.hub.close_sessions()
        await client.until(lambda: client.close_code == 4000)
    assert client.status == "offline"
    await client.stop()


async def test_a_client_resumes_without_gap_after_the_server_was_killed():
    shop = Shop()
    await shop.change([("stock:A", {"n": 0}), ("stock:B", {"n": 0})])
    seen, port = [], free_port()
    async with serving(shop, port=port):
        client = SyncClient(
            shop.url,
            on_change=lambda _: seen.append(client.held("stock:A")),
            backoff_ms_min=5,
            seed=1,
        )
        await client.start()
        client.subscribe(["stock:A", "stock:B"])
        await client.until_live()
        client.cut()
    await client.until(lambda: client.status == "offline")
    assert client.held("stock:A").version == 1
    await shop.change([("stock:A", {"n": 1})])
    hub_seen = len(seen)
    async with serving(shop, port=port):
        await client.until(lambda: client.held("stock:A").version == 2)
        await client.until_live()
        versions = [held.version for held in seen if held is not None]
        assert versions == sorted(versions)
        assert len(seen) == hub_seen + 1, "what had not changed was not sent again"
        await client.stop()


async def test_a_cut_connection_is_found_by_missing_beats(monkeypatch):
    """Half-open: the server is there for the socket's sake only."""
    monkeypatch.setattr(client_connection, "DEAD_AFTER_BEATS", 2.5)
    async with serving(limits=Limits(beat_ms=40)) as shop:
        client = SyncClient(shop.url, backoff_ms_min=5, seed=1)
        await client.start()
        client.subscribe(["stock:A"])
        await client.until_live()
        await eventually(lambda: len(shop.hub.fanout.sessions) == 1)
        before = client.connections
        one_session(shop).state = State.CLOSING
        await client.until(lambda: client.connections > before)
        await client.until_live()
        await client.stop()
