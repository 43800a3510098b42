"""The language-neutral vectors, run by the Python reducer."""

import json
from pathlib import Path

import pytest

from shopwire.kernel.errors import MalformedRequest
from shopwire.sync.codes import least_wait_ms, may_reconnect
from shopwire.sync.protocol import short_frame
from shopwire.sync.reducer import Held, ProtocolBroken, Replica, decode_server
from shopwire.sync.transports.sse import read_request

FOLDER = Path(__file__).parents[1] / "vectors"
VECTORS = sorted((FOLDER / "sync").glob("*.json"))


def listed(name):
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def test_there_are_enough_vectors():
    assert len(VECTORS) >= 200


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_vector(path):
    vector = json.loads(path.read_text(encoding="utf-8"))
    assert vector["name"] == path.stem
    assert vector["why"]
    start = vector["start"]
    docs = {topic: Held(d["v"], d["doc"]) for topic, d in start["docs"].items()}
    replica = Replica(start["epoch"], docs)
    replica.suspect.update(start.get("suspect", ()))
    told = []
    for message in vector["messages"]:
        told += [[topic, held.version] for topic, held in replica.apply(message).steps]
    end = vector["end"]
    assert told == end.pop("told", told)
    assert {
        "epoch": replica.epoch,
        "docs": {t: {"v": h.version, "doc": h.document} for t, h in replica.docs.items()},
        "refetch": sorted(replica.missed),
    } == end


@pytest.mark.parametrize("case", listed("broken.json"), ids=lambda case: case["name"])
def test_what_no_server_says_changes_nothing(case):
    start = {"stock:A": Held(5, {"available": 5})}
    replica = Replica(7, start)
    with pytest.raises(ProtocolBroken):
        replica.apply(decode_server(case["message"]))
    assert (replica.epoch, replica.docs, replica.missed) == (7, start, {})


@pytest.mark.parametrize("case", listed("ticks.json"), ids=lambda case: case["name"])
def test_what_a_short_message_means(case):
    if case["means"] is None:
        with pytest.raises(ProtocolBroken):
            Replica().apply(decode_server(case["message"]))
    else:
        assert decode_server(case["message"]) == case["means"]
        frame = json.dumps(case["means"], separators=(",", ":")).encode()
        assert short_frame(frame) == case["message"].encode()


@pytest.mark.parametrize("case", listed("closes.json"), ids=lambda case: str(case["code"]))
def test_whether_a_close_lets_a_client_come_back(case):
    assert may_reconnect(case["code"]) is case["reconnect"]
    assert least_wait_ms(case["code"]) == case["least_ms"]


@pytest.mark.parametrize("case", listed("cursors.json"), ids=lambda case: case["name"])
def test_what_an_event_stream_s_cursor_says(case):
    query = "&".join(f"topic={topic}" for topic in case["topics"])
    # Headers come as bytes; what is not ASCII in them is read by its bytes.
    cursor = case["cursor"].encode()
    scope = {"query_string": query.encode(), "headers": [(b"last-event-id", cursor)]}
    if case["epoch"] is None:
        with pytest.raises(MalformedRequest):
            read_request(scope)
    else:
        wanted = read_request(scope)
        assert (wanted.epoch, wanted.have) == (case["epoch"], case["have"])
