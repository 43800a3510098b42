"""The bug classes that the best engines had, each shut out by name.

Numbers are those of the list this protocol was designed from; the reducer's share of them is also
in tests/vectors/sync, which the TypeScript client runs too.
"""

import json
import re
from collections import deque
from pathlib import Path

import pytest
from tests.sync.simulated import FakeClock, SimWire

from shopwire.kernel.events import Position, Recorded
from shopwire.kernel.log import Document
from shopwire.sync.codes import CloseCode
from shopwire.sync.fanout import Fanout
from shopwire.sync.limits import Limits
from shopwire.sync.origins import Origins
from shopwire.sync.reducer import Replica

ROOT = Path(__file__).parents[2]
CLASSES = set(range(1, 19))
IN_PYTHON = ["tests/sync/test_bug_classes.py", "tests/sync/test_commands.py"]
IN_PYTHON += ["tests/client/test_python_client.py"]
IN_TYPESCRIPT = ["packages/client/test/bugClasses.test.ts", "packages/client/test/tabs.test.ts"]
ONLY_ON_SCREENS = {3, 4, 5, 15}
"""What is foretold before its answer, and tabs: the Python client has neither."""
LONG = "text that does not change and is longer than a change " * 3


class Bench:
    """A fan-out with hands on everything."""

    def __init__(self, **limits: int) -> None:
        self.clock = FakeClock()
        self.fanout = Fanout("main", self.clock, Limits(**limits))
        self.fanout.begin(7, [0], self.clock.ms)
        self.offset = 0

    def event(self, topic, version, **fields: object):
        body = json.dumps({"text": LONG, **fields}).encode()
        position = Position(7, 0, self.offset)
        self.offset += 1
        now = self.clock.now_ms()
        return Recorded(
            position, "main", topic, version, "e", body, b"null", f"c{self.offset}", now
        )

    def apply(self, *events: Recorded):
        self.fanout.apply(0, events)
        self.fanout.flush()

    def client(self, epoch=None):
        return Hand(self, epoch)

    def load(self, head, *documents: Document):
        """Answers everything that is wanted."""
        states, self.fanout.wanted = list(self.fanout.wanted), {}
        self.fanout.loaded(states, documents, [head])
        self.fanout.flush()
        return [state.name for state in states]


class Hand:
    """A client moved by hand."""

    def __init__(self, bench, epoch) -> None:
        self.bench = bench
        self.wire = SimWire()
        self.session = bench.fanout.open(self.wire)
        self.replica = Replica()
        self.say({"t": "hello", "proto": 1, "epoch": epoch})

    def say(self, message):
        self.session.on_message(json.dumps(message).encode())
        self.bench.fanout.flush()

    def sub(self, topics, sub=1, **more: object):
        self.say({"t": "sub", "id": sub, "topics": topics, **more})

    def hear(self):
        """Everything that was sent, as kinds; items are applied."""
        kinds = []
        while self.wire.frames:
            message = json.loads(self.wire.frames.popleft())
            self.replica.apply(message)
            kinds += [item["t"] for item in message.get("items", [message])]
        return kinds


def document(topic, version, **fields: object):
    return Document(topic, version, json.dumps({"text": LONG, **fields}).encode(), 5)


def numbers(files, pattern):
    text = "".join((ROOT / name).read_text(encoding="utf-8") for name in files)
    found = re.findall(pattern, text, flags=re.MULTILINE)
    return {int(number) for listed in found for number in re.findall(r"\d+", listed)}


def test_each_class_is_shut_out_by_name_in_both_languages():
    assert numbers(IN_PYTHON, r"def test_class_(\d+)_") == CLASSES - ONLY_ON_SCREENS
    assert numbers(IN_TYPESCRIPT, r"""^ *it\("([\d, ]+):""") == CLASSES


def test_class_1_a_change_between_snapshot_and_subscription_is_not_lost():
    bench = Bench()
    client = bench.client()
    client.sub(["stock:A"])
    bench.apply(bench.event("stock:A", 4, n=4))
    assert client.hear() == ["welcome"], "a change is held back until the topic is read"
    bench.load(1, document("stock:A", 3, n=3))
    assert client.hear() == ["snap", "live"]
    assert client.replica.docs["stock:A"].document["n"] == 4


def test_class_2_an_older_snapshot_does_not_overwrite_a_newer_change():
    bench = Bench()
    client = bench.client()
    client.sub(["stock:A"])
    bench.apply(bench.event("stock:A", 9, n=9))
    bench.load(1, document("stock:A", 8, n=8))
    client.hear()
    client.replica.apply({"t": "snap", "topic": "stock:A", "v": 8, "doc": {"n": 8}, "at": 1})
    assert client.replica.docs["stock:A"] == (9, {"text": LONG, "n": 9})


@pytest.mark.parametrize("epoch", [6, 8])
def test_class_8_an_unknown_epoch_does_not_stick(epoch):
    bench = Bench()
    client = bench.client(epoch)
    assert client.hear() == ["welcome", "reset"]
    client.sub(["stock:A"], have={"stock:A": 3})
    bench.load(0, document("stock:A", 3, n=3))
    assert client.hear() == ["snap", "live"]


def test_class_8_a_version_that_nobody_made_does_not_stick():
    bench = Bench()
    client = bench.client(7)
    client.sub(["stock:A"], have={"stock:A": 300})
    bench.load(0, document("stock:A", 3, n=3))
    assert client.hear() == ["welcome", "reset"]
    other = bench.client(7)
    other.sub(["stock:A"], have={"stock:A": 300})
    assert bench.load(0, document("stock:A", 3, n=3)) == ["stock:A"], "asked again for the doubt"
    assert other.hear() == ["welcome", "reset"]


def test_class_8_a_client_that_is_ahead_of_this_hub_is_believed():
    bench = Bench()
    first = bench.client()
    first.sub(["stock:A"])
    bench.load(0, document("stock:A", 3, n=3))
    ahead = bench.client(7)
    ahead.sub(["stock:A"], have={"stock:A": 4})
    bench.load(1, document("stock:A", 4, n=4))
    assert ahead.hear() == ["welcome"], "live waits until the hub has come that far"
    bench.apply(bench.event("stock:A", 4, n=4))
    assert ahead.hear() == ["live"]


def test_class_9_an_epoch_change_reaches_every_subscription():
    bench = Bench()
    clients = [bench.client() for _ in range(3)]
    topics = [f"stock:{n}" for n in range(20)]
    for client in clients:
        client.sub(topics[:10])
        client.sub(topics[10:], 2)
    bench.load(0)
    for client in clients:
        client.hear()
        assert len(client.replica.docs) == 20
    bench.fanout.reset(8, [5], bench.clock.ms, "epoch_changed")
    for client in clients:
        assert client.hear() == ["reset"]
        assert client.replica.docs == {}
        assert client.session.watched == {}
    assert not any(state.sessions for state in bench.fanout.topics.values())


def test_class_10_what_was_read_before_a_new_epoch_is_not_sent_after_it():
    bench = Bench()
    client = bench.client()
    client.sub(["stock:A"])
    states, bench.fanout.wanted = list(bench.fanout.wanted), {}
    bench.fanout.reset(8, [0], bench.clock.ms, "epoch_changed")
    bench.fanout.loaded(states, [document("stock:A", 50, n=50)], [0])
    bench.fanout.flush()
    assert client.hear() == ["welcome", "reset"]
    client.sub(["stock:A"], 2)
    bench.load(0, document("stock:A", 2, n=2))
    assert client.hear() == ["snap", "live"]
    assert client.replica.docs["stock:A"].version == 2


def test_class_11_live_waits_for_its_backlog():
    bench = Bench()
    client = bench.client()
    client.sub(["stock:A", "price:A"])
    bench.load(2, document("stock:A", 2, n=2))
    assert client.hear() == ["welcome", "snap", "snap"]
    bench.apply(bench.event("stock:A", 2, n=2))
    assert client.hear() == []
    bench.apply(bench.event("price:A", 1, n=2))
    assert client.hear() == ["snap", "live"]


def test_class_11_live_does_not_overtake_what_a_slow_client_still_lacks():
    bench = Bench()
    client = bench.client()
    client.session.on_pause()
    client.sub(["stock:A"])
    bench.load(0, document("stock:A", 1))
    assert client.hear() == ["welcome"]
    client.session.on_resume()
    bench.fanout.flush()
    assert client.hear() == ["snap", "live"]


def test_class_12_a_client_never_keeps_what_the_server_no_longer_has():
    bench = Bench()
    client = bench.client()
    client.sub(["product:A"])
    bench.load(0, document("product:A", 1, n=1))
    event = bench.event("product:A", 2)
    bench.apply(Recorded(*[*_values(event)[:5], b"null", b"null", "c", 9]))
    client.hear()
    assert client.replica.docs["product:A"] == (2, None)


def _values(event):
    return [getattr(event, name) for name in event.__struct_fields__]


def test_class_16_a_half_open_connection_is_pinged_and_then_cut():
    bench = Bench(ping_after_ms=1_000, silence_ms_max=3_000)
    client = bench.client()
    pings = deque()
    client.wire.ping = lambda: pings.append(1)
    client.wire.progressed = lambda: False
    bench.clock.ms += 1_000
    bench.fanout.sweep()
    assert len(pings) == 1
    bench.clock.ms += 1_999
    bench.fanout.sweep()
    assert client.wire.closed is None
    bench.clock.ms += 1
    bench.fanout.sweep()
    assert client.wire.closed is CloseCode.SILENT
    assert not bench.fanout.sessions


def test_class_16_a_server_that_stood_still_takes_nobody_for_silent():
    """A paused machine, a starved process: what was said meanwhile is not read yet."""
    bench = Bench(ping_after_ms=1_000, silence_ms_max=3_000, hello_ms_max=3_000)
    client, wire = bench.client(), SimWire()
    bench.fanout.open(wire)
    client.wire.progressed = lambda: False
    bench.clock.ms += 60_000
    bench.fanout.sweep(59_000)
    assert client.wire.closed is None
    assert wire.closed is None
    bench.clock.ms += 2_000
    bench.fanout.sweep()
    assert client.wire.closed is CloseCode.SILENT
    assert wire.closed is CloseCode.HELLO_TIMEOUT


def test_class_16_a_slow_client_that_takes_bytes_is_not_cut():
    bench = Bench(ping_after_ms=1_000, silence_ms_max=3_000)
    client = bench.client()
    for _ in range(10):
        bench.clock.ms += 1_000
        bench.fanout.sweep()
    assert client.wire.closed is None


def test_class_17_a_storm_reads_each_topic_once():
    bench = Bench()
    clients = [bench.client() for _ in range(200)]
    for client in clients:
        client.sub(["stock:A", "stock:B"])
    assert bench.load(0, document("stock:A", 1)) == ["stock:A", "stock:B"]
    for client in clients:
        client.session.on_closed()
    for client in [bench.client(7) for _ in range(200)]:
        client.sub(["stock:A", "stock:B"], have={"stock:A": 1, "stock:B": 0})
        assert client.hear() == ["welcome", "live"]
    assert not bench.fanout.wanted


def test_class_17_a_storm_encodes_each_frame_once():
    bench = Bench()
    clients = [bench.client() for _ in range(50)]
    topics = ["stock:A", "stock:B"]
    for client in clients:
        client.sub(topics)
    bench.load(0, *(document(topic, 1) for topic in topics))
    assert len({id(client.wire.frames[1]) for client in clients}) == 1
    bench.apply(bench.event("stock:A", 2, n=2), bench.event("stock:B", 2, n=2))
    assert len({id(client.wire.frames[-1]) for client in clients}) == 1
    bench.apply(bench.event("stock:A", 3, n=3))
    assert len({id(client.wire.frames[-1]) for client in clients}) == 1


def test_class_18_a_reconnect_never_goes_back_in_time():
    bench = Bench()
    client = bench.client()
    client.sub(["stock:A"])
    bench.load(0, document("stock:A", 1, n=1))
    for version in range(2, 6):
        bench.apply(bench.event("stock:A", version, n=version))
    client.hear()
    again = bench.client(7)
    again.replica = client.replica
    again.sub(["stock:A"], have={"stock:A": 5})
    assert again.hear() == ["welcome", "live"]
    assert again.replica.docs["stock:A"].version == 5


def test_a_slow_client_gets_one_patch_over_all_it_missed():
    bench = Bench()
    client = bench.client()
    client.sub(["stock:A"])
    bench.load(0, document("stock:A", 1, n=1))
    client.hear()
    client.session.on_pause()
    for version in range(2, 7):
        bench.apply(bench.event("stock:A", version, n=version))
    assert not client.wire.frames
    client.session.on_resume()
    bench.fanout.flush()
    assert client.hear() == ["patch"]
    assert client.replica.docs["stock:A"].document["n"] == 6


def test_beyond_the_kept_history_the_document_is_sent():
    bench = Bench()
    client = bench.client()
    client.sub(["stock:A"])
    bench.load(0, document("stock:A", 1, n=1))
    client.hear()
    client.session.on_pause()
    for version in range(2, 12):
        bench.apply(bench.event("stock:A", version, n=version))
    client.session.on_resume()
    bench.fanout.flush()
    assert client.hear() == ["snap"]


def test_large_first_snapshots_come_in_frames_of_bounded_size():
    bench = Bench()
    client = bench.client()
    topics = [f"product:{n}" for n in range(200)]
    client.sub(topics)
    bench.load(0, *(document(topic, 1, filling="y" * 2_000) for topic in topics))
    sizes = [len(frame) for frame in client.wire.frames]
    assert max(sizes) < 70_000
    assert client.hear() == ["welcome", *["snap"] * 200, "live"]


@pytest.mark.parametrize("topics", [1, 2])
def test_one_client_s_failure_is_its_own(topics):
    bench = Bench()
    good, bad = bench.client(), bench.client()
    names = ["stock:A", "stock:B"][:topics]

    def fail(kind, frame):
        if b'"t":"snap"' not in frame and b'"t":"live"' not in frame:
            raise ZeroDivisionError
        bad.wire.send(kind, frame)

    bad.session.push = fail
    for client in (bad, good):
        client.sub(names)
    bench.load(0, *(document(name, 1) for name in names))
    assert set(bench.fanout.sessions) == {good.session, bad.session}
    bench.apply(*(bench.event(name, 2, n=2) for name in names))
    assert bad.wire.closed is CloseCode.SERVER_FAILED
    assert good.hear()[-1] in {"patch", "batch"}
    assert list(bench.fanout.sessions) == [good.session]
    assert not bench.fanout.aside


def test_whoever_lacks_nothing_and_takes_bytes_is_not_flushed_by_itself():
    bench = Bench()
    client = bench.client()
    client.sub(["stock:A"])
    assert list(bench.fanout.aside) == [client.session]
    bench.load(0, document("stock:A", 1))
    assert not bench.fanout.aside
    client.hear()
    client.session.on_pause()
    bench.fanout.touch(client.session)
    bench.fanout.flush()
    bench.apply(bench.event("stock:A", 2, n=2))
    assert list(bench.fanout.aside) == [client.session]
    assert client.hear() == []
    client.session.on_resume()
    bench.fanout.flush()
    assert not bench.fanout.aside
    client.session.on_pause()
    client.session.on_closed()
    client.session.on_pause()
    assert not bench.fanout.aside


def test_unwatched_topics_are_followed_and_bounded(monkeypatch):
    monkeypatch.setattr("shopwire.sync.fanout.TOPICS_IDLE_MAX", 3)
    bench = Bench()
    client = bench.client()
    topics = [f"stock:{n}" for n in range(5)]
    client.sub(topics)
    bench.load(0, *(document(topic, 1) for topic in topics))
    client.session.on_closed()
    assert list(bench.fanout.topics) == topics[2:]
    bench.apply(bench.event("stock:4", 2, n=2))
    late = bench.client()
    late.sub(["stock:4"])
    assert late.hear() == ["welcome", "snap", "live"]
    assert late.replica.docs["stock:4"].version == 2


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "shop.example", True),
        ("https://shop.example", "shop.example", True),
        ("http://localhost:8000", "localhost:8000", True),
        ("http://localhost:9000", "localhost:8000", False),
        ("https://evil.example", "shop.example", False),
        ("null", "shop.example", False),
        ("https://partner.example", "shop.example", True),
        ("https://shop.example", None, False),
    ],
)
def test_pages_of_other_origins_are_refused(origin, host, allowed):
    assert Origins(["https://partner.example/"]).allow(origin, host) is allowed


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("localhost:8000", True), ("[::1]:8000", True), ("evil.example:8000", False), (None, False)],
)
def test_a_name_that_is_not_the_server_s_is_refused(host, allowed):
    origins = Origins(hosts=frozenset({"localhost", "[::1]"}))
    assert origins.allow(None if host is None else f"http://{host}", host) is allowed
