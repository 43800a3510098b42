"""Limits over all connections of one caller, and of one address."""

import asyncio
import json

import httpx2
import pytest
from picows import ws_connect
from tests.sync.accounts import guarded
from tests.sync.desk import ANNA, ME, SHOPPER, Desk
from tests.sync.served import QUICK
from tests.sync.simulated import FakeClock, SimWire

from shopwire.kernel.identity import ANONYMOUS, LOCAL, Caller
from shopwire.sync.codes import CloseCode
from shopwire.sync.crowd import Crowd, address_of, site_of
from shopwire.sync.limits import Limits
from shopwire.testing.conformance.sync import _Frames
from shopwire.testing.conformance.sync_events import streaming

OTHER = Caller(role="shopper", subject="sh_other")
FEW = Limits(caller_connections_max=2, address_connections_max=3)


class Room(Desk):
    """A desk with few seats and room for more clients."""

    def __init__(self, limits=FEW, **more: object) -> None:
        super().__init__(**more)
        self.fanout.limits = limits
        self.fanout.crowd = Crowd(limits, self.clock)

    def open(self, caller=SHOPPER, address=""):
        wire = SimWire()
        session = self.fanout.open(wire, caller, address)
        return session, wire


def test_one_more_connection_of_a_caller_is_closed_and_no_other_s():
    room = Room()
    first, second = room.open(), room.open()
    _, third = room.open()
    assert third.closed is CloseCode.TOO_MANY_CONNECTIONS
    assert (first[1].closed, second[1].closed) == (None, None)
    assert room.open(OTHER)[1].closed is None
    first[0].on_closed()
    first[0].on_closed()
    assert room.open()[1].closed is None
    assert room.open()[1].closed is CloseCode.TOO_MANY_CONNECTIONS


@pytest.mark.parametrize("caller", [ANONYMOUS, LOCAL])
def test_whoever_everybody_is_has_no_number_of_its_own(caller):
    room = Room()
    assert [room.open(caller)[1].closed for _ in range(9)] == [None] * 9
    assert room.fanout.crowd.seats == {}


def test_one_more_connection_of_an_address_is_closed_whoever_it_is():
    room = Room()
    for caller in (SHOPPER, OTHER, ANONYMOUS):
        assert room.open(caller, "203.0.113.9")[1].closed is None
    _, wire = room.open(ANNA, "203.0.113.9")
    assert wire.closed is CloseCode.TOO_MANY_CONNECTIONS
    assert room.open(ANNA, "203.0.113.8")[1].closed is None
    assert room.open(ANNA, "127.0.0.1")[1].closed is None


def test_a_token_does_not_lead_into_a_full_room():
    room = Room()
    room.open()
    room.open()
    session, wire = room.open(ANONYMOUS)
    for message in (
        {"t": "hello", "proto": 1, "epoch": None},
        {"t": "auth", "id": 4, "token": "me"},
        {"t": "ping", "id": 5},
    ):
        session.on_message(json.dumps(message).encode())
    told = [json.loads(frame) for frame in wire.frames]
    assert [message["t"] for message in told] == ["welcome", "error", "pong"]
    assert (told[1]["code"], told[1]["id"], told[1]["data"]["connections_max"]) == (1105, 4, 2)
    assert session.caller == ANONYMOUS


def test_a_refresh_by_the_same_caller_needs_no_other_seat():
    room = Room()
    room.open()
    session, wire = room.open()
    session.on_message(b'{"t":"hello","proto":1,"epoch":null}')
    session.on_message(b'{"t":"auth","id":4,"token":"me"}')
    assert json.loads(wire.frames[-1])["t"] == "authed"
    assert room.fanout.crowd.seats[f"caller shopper:{ME}"].count == 2


def test_a_token_that_ended_gives_its_seat_back():
    room = Room()
    session, _ = room.open()
    session.on_message(b'{"t":"hello","proto":1,"epoch":null}')
    room.clock.ms = SHOPPER.expires_at_ms
    room.fanout.sweep()
    assert session.caller == ANONYMOUS
    assert room.fanout.crowd.seats == {}


@pytest.mark.parametrize("shared", ["caller", "address"])
def test_many_connections_do_not_speak_more_often_than_one_may(shared):
    limits = Limits(crowd_messages_per_s_max=1, crowd_messages_burst_max=6)
    room = Room(limits)
    who = {"caller": {}, "address": {"caller": ANONYMOUS, "address": "203.0.113.9"}}[shared]
    answers = []
    for _ in range(4):
        session, wire = room.open(**who)
        session.on_message(b'{"t":"hello","proto":1,"epoch":null}')
        session.on_message(b'{"t":"ping","id":1}')
        answers += [json.loads(frame) for frame in wire.frames]
    refused = [message for message in answers if message["t"] == "error"]
    assert [message["t"] for message in answers].count("pong") == 3
    assert [message["code"] for message in refused] == [1012, 1012]
    assert refused[0]["data"]["retry_ms"] > 0


def test_another_token_renews_no_allowance():
    limits = Limits(crowd_messages_per_s_max=1, crowd_messages_burst_max=4)
    room = Room(limits)
    session, wire = room.open(ANONYMOUS, "203.0.113.9")
    session.on_message(b'{"t":"hello","proto":1,"epoch":null}')
    for number in range(6):
        session.on_message(b'{"t":"auth","id":%d,"token":"me"}' % number)
    assert [json.loads(frame)["t"] for frame in wire.frames].count("authed") == 3


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1%eth0", "2001:db8:1:2::/64"),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("::ffff:127.0.0.1", ""),
        ("", ""),
        ("a name", ""),
    ],
)
def test_whose_an_address_is(address, site):
    assert site_of(address) == site


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("203.0.113.9", "1.2.3.4", "203.0.113.9"),
        ("", "1.2.3.4", ""),
    ],
)
def test_only_a_proxy_on_this_machine_says_for_whom_it_speaks(peer, forwarded, address):
    assert address_of(peer, forwarded) == address


def test_an_empty_seat_is_forgotten():
    crowd = Crowd(FEW, FakeClock())
    seats = crowd.take(SHOPPER, "203.0.113.9")
    assert len(crowd.seats) == 2
    crowd.leave(seats)
    assert crowd.seats == {}
    crowd.check(SHOPPER, "203.0.113.9")


@pytest.mark.anyio
@pytest.mark.parametrize("picows", [True, False])
async def test_every_door_says_so_in_its_own_way(picows):
    limits = Limits(address_connections_max=1, beat_ms=QUICK.beat_ms)
    header = "X-Forwarded-For: 203.0.113.9"
    async with (
        guarded(picows=picows, limits=limits) as shop,
        httpx2.AsyncClient() as web,
        streaming(shop, [("topic", "stock:A")], header) as first,
    ):
        await first.until("live")
        async with streaming(shop, [("topic", "stock:A")], header) as second:
            assert second.status == 429
            assert (await second.body())["code"] == 1105
        async with streaming(shop, [("topic", "stock:A")]) as elsewhere:
            assert elsewhere.status == 200
        url = shop.url.replace("ws", "http", 1) + "/poll"
        poll = await web.post(url, json={"topics": ["stock:A"]}, headers=dict([header.split(": ")]))
        assert (poll.status_code, poll.json()["code"]) == (429, 1105)
        listener = _Frames()
        transport = await opened(shop, listener)
        async with asyncio.timeout(60):
            assert await listener.messages.get() == CloseCode.TOO_MANY_CONNECTIONS
        transport.disconnect(False)
        await transport.wait_disconnected()


async def opened(shop, listener):
    headers = {"X-Forwarded-For": "203.0.113.9"}
    transport, _ = await ws_connect(lambda: listener, shop.url, extra_headers=headers)
    return transport
