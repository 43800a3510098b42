"""Digests: a client proves that it equals the server, and finds the one topic that does not."""

import json
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sync.desk import Desk

from shopwire.sync.digests import canonical, digest_of, digest_of_documents, line_of

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "digests.json").read_text())
SIMPLE = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
DOCUMENTS = st.dictionaries(
    st.text(),
    st.recursive(
        SIMPLE,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    ),
    max_size=6,
)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_vectors_that_every_client_runs(vector):
    held = {topic: (entry["v"], entry["doc"]) for topic, entry in vector["held"].items()}
    assert digest_of_documents(held) == vector["hash"]


@given(document=DOCUMENTS, spaces=st.sampled_from([None, 1, 2]))
def test_one_document_has_one_spelling(document, spaces):
    shuffled = dict(reversed(document.items()))
    one, other = (
        canonical(
            json.dumps(each, indent=spaces, ensure_ascii=bool(spaces)).encode(
                "utf-8", "surrogatepass"
            )
        )
        for each in (document, shuffled)
    )
    assert one == other
    assert json.loads(one) == document


def test_the_digest_is_a_crc_over_lines():
    assert line_of("stock:A", 3, b'{"b":1,"a":"x"}') == b'stock:A@3 {"a":"x","b":1}\n'
    assert (
        digest_of([b"one\n", b"two\n"])
        == f"{zlib.crc32(b'one' + bytes([10]) + b'two' + bytes([10])):08x}"
    )
    assert digest_of([]) == "00000000"


def told(desk, **changed: object):
    desk.take()
    held = {t: (h.version, h.document) for t, h in desk.replica.docs.items()}
    held |= changed.get("held", {})
    topics = {topic: version for topic, (version, _) in held.items()}
    desk.say(t="digest", id=9, topics=topics, hash=digest_of_documents(held))
    (answer,) = desk.take()
    return answer


@pytest.fixture
def desk():
    desk = Desk()
    for topic in ("stock:A", "price:A", "stock:É"):
        desk.change(topic, 1, {"z": 1, "a": topic})
    desk.sub("stock:A", "price:A", "stock:É", "stock:GONE")
    return desk


def test_what_is_equal_is_said_to_be(desk):
    assert told(desk) == {"t": "same", "id": 9}
    desk.change("stock:A", 2, {"z": 2, "a": None})
    assert told(desk) == {"t": "same", "id": 9}


def test_one_planted_error_is_found_and_its_topic_told(desk):
    answer = told(desk, held={"price:A": (1, {"z": 1, "a": "wrong"})})
    assert answer["t"] == "differ"
    mine = {t: (h.version, h.document) for t, h in desk.replica.docs.items()}
    mine["price:A"] = (1, {"z": 1, "a": "wrong"})
    wrong = [
        t for t in answer["topics"] if digest_of_documents({t: mine[t]}) != answer["hashes"][t]
    ]
    assert wrong == ["price:A"]
    assert desk.fanout.differed == 1


def test_news_on_their_way_are_no_difference(desk):
    desk.take()
    held = {t: (h.version, h.document) for t, h in desk.replica.docs.items()}
    desk.change("stock:A", 2, {"z": 2, "a": "newer"})
    topics = {topic: version for topic, (version, _) in held.items()}
    desk.say(t="digest", id=9, topics=topics, hash=digest_of_documents(held))
    assert desk.kinds()[-1] == "same"


@pytest.mark.parametrize(
    "held", [{"stock:A": (7, {})}, {"stock:B": (1, {})}, {"stock:A": (0, None)}]
)
def test_what_the_server_cannot_tell_differs(desk, held):
    answer = told(desk, held=held)
    assert answer["t"] == "differ"
    assert [t for t, crc in answer["hashes"].items() if not crc] == list(held)


def test_a_digest_tells_nothing_of_what_may_not_be_seen(desk):
    desk.change("payment:x", 1, {"secret": 1})
    answer = told(desk, held={"payment:x": (1, {"secret": 1})})
    assert answer["hashes"]["payment:x"] == ""


def test_a_narrowed_view_is_compared_as_it_is_seen():
    desk = Desk(token="acme")
    topic = "purchase_order:sh_me-1.1/acme"
    desk.change(topic, 1, {"id": "x", "order_id": "secret"})
    desk.sub(topic)
    assert told(desk) == {"t": "same", "id": 9}
