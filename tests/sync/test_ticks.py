"""Short messages: only to who asked for them, and never where they would say something else."""

import json

import msgspec
from tests.sync.simulated import FakeClock, SimWire

from shopwire.kernel.events import Position, Recorded
from shopwire.kernel.log import Document
from shopwire.sync.bundles import ShortFrames
from shopwire.sync.fanout import Fanout
from shopwire.sync.limits import SHORT_FRAMES_MAX, Limits
from shopwire.sync.protocol import short_frame
from shopwire.sync.reducer import Replica, decode_server

TEXT = "long enough that a patch is the shorter way to say it " * 2
TOPICS = ["stock:A", "price:A"]


class Client:
    def __init__(self, fanout, *, short) -> None:
        self.wire, self.replica = SimWire(), Replica()
        self.session = fanout.open(self.wire)
        self.say(t="hello", proto=1, short=short)
        self.say(t="sub", id=1, topics=TOPICS)

    def say(self, **message: object):
        self.session.on_message(json.dumps(message).encode())

    def hear(self):
        frames = list(self.wire.frames)
        self.wire.frames.clear()
        for frame in frames:
            self.replica.apply(decode_server(frame))
        return frames


class Hub:
    """Two clients that watch the same."""

    def __init__(self) -> None:
        self.fanout = Fanout("main", FakeClock(), Limits())
        self.fanout.begin(1, [0], 0)
        self.short, self.plain = (Client(self.fanout, short=short) for short in (True, False))
        self.versions = dict.fromkeys(TOPICS, 1)
        document = msgspec.json.encode({"n": 0, "old": 1, "text": TEXT})
        held = [Document(topic, 1, document, 0) for topic in TOPICS]
        self.fanout.loaded(list(self.fanout.wanted), held, [0])
        self.fanout.flush()
        self.hear()

    def change(self, *topics: str, flush=True, **fields: object):
        events = []
        for topic in topics:
            self.versions[topic] += 1
            body = msgspec.json.encode({**fields, "text": TEXT})
            position = Position(1, 0, self.fanout.applied[0] + len(events))
            version = self.versions[topic]
            events.append(Recorded(position, "main", topic, version, "e", body, b"null", "c", 7))
        self.fanout.apply(0, events)
        if flush:
            self.fanout.flush()

    def hear(self):
        frames = [client.hear() for client in (self.short, self.plain)]
        assert self.short.replica.docs == self.plain.replica.docs
        assert self.short.replica.versions == self.versions
        assert self.short.replica.missed == self.plain.replica.missed == {}
        return frames


def test_a_change_of_one_field_is_a_tick_to_who_reads_them():
    hub = Hub()
    hub.change("stock:A", n=1, old=1)
    (short,), (plain,) = hub.hear()
    assert short == b'["stock:A",2,{"n":1},7]'
    assert json.loads(plain)["t"] == "patch"


def test_topics_that_change_together_are_ticks_in_one_batch():
    hub = Hub()
    hub.change(*TOPICS, n=1, old=1)
    (short,), (plain,) = hub.hear()
    items = json.loads(short)["items"]
    assert sorted(items) == [["price:A", 2, {"n": 1}, 7], ["stock:A", 2, {"n": 1}, 7]]
    assert len(json.loads(plain)["items"]) == 2


def test_what_a_tick_cannot_say_is_said_whole():
    hub = Hub()
    hub.change("stock:A", n=1)  # a field goes
    (short,), (plain,) = hub.hear()
    assert short == plain
    assert json.loads(short)["del"] == ["old"]
    hub.change("stock:A", n=2, flush=False)
    hub.change("stock:A", n=3)  # a version is left out
    (short,), (plain,) = hub.hear()
    assert short == plain
    assert json.loads(short)["from"] == 2


def test_the_short_form_is_made_once_for_all_and_kept_for_nobody():
    hub = Hub()
    other = Client(hub.fanout, short=True)
    hub.fanout.flush()
    other.hear()
    hub.change("stock:A", n=1, old=1)
    (mine,), (theirs,) = hub.short.hear(), other.hear()
    assert mine is theirs
    assert not hub.fanout.short


def test_short_forms_are_bounded_within_a_flush():
    frames = ShortFrames()
    for version in range(1, SHORT_FRAMES_MAX + 5):
        frame = b'{"t":"patch","topic":"a","from":%d,"v":%d,"set":{},"at":1}'
        assert frames[frame % (version - 1, version)] == b'["a",%d,{},1]' % version
        assert len(frames) <= SHORT_FRAMES_MAX


def test_first_snapshots_are_left_as_they_are():
    frame = b'{"t":"batch","items":[{"t":"snap","topic":"a","v":1,"doc":null,"at":1}]}'
    assert short_frame(frame) is frame
