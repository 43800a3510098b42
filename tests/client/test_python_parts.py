"""What the Python client decides without a server: age, digests, hubs, portions, facts."""

import json
import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.sync.client_digest import DIGEST_TOPICS_MAX, Proofs
from shopwire.sync.client_freshness import DRIFT_MAX, Freshness
from shopwire.sync.client_hubs import HUBS_MAX, Hubs, home_of, socket_of
from shopwire.sync.client_topics import SUB_CHARS_MAX, SUB_TOPICS_MAX, portions
from shopwire.sync.reducer import Held

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "digests.json").read_text())
UP = {"connected": True, "complete": True}


# -- age ------------------------------------------------------------------------------------------


@given(skew=st.integers(-(10**12), 10**12), delays=st.lists(st.integers(0, 60_000), max_size=9))
def test_neither_clock_has_to_be_right(skew, delays):
    """A beat says as much whatever time it is there; one that lay in a queue proves less."""
    fresh, now = Freshness(), 1_000_000.0
    fresh.welcomed(0, now + skew, now)
    for delay in delays:
        now += 2_000 + delay
        fresh.proved(0, now - delay + skew, now)
        age = fresh.age_ms(now)
        # How far the clocks are apart may have been learnt anew by the drift of that time.
        assert age <= delay + 0.001
        assert age >= delay - DRIFT_MAX * (now - 1_000_000) - 0.001


@pytest.mark.parametrize(
    ("later", "status"),
    [(0, "live"), (3_000, "live"), (3_001, "delayed"), (10_000, "delayed"), (10_001, "stale")],
)
def test_without_beats_a_value_grows_old(later, status):
    fresh = Freshness()
    fresh.welcomed(0, 5, 100)
    assert fresh.status(100 + later, **UP) == status


def test_what_the_server_does_not_know_the_client_does_not():
    fresh = Freshness()
    fresh.welcomed(9_000, 0, 0)
    assert (fresh.lag_ms, fresh.age_ms(500)) == (9_000, 9_500)
    assert fresh.status(500, **UP) == "delayed"
    assert fresh.status(2_000, **UP) == "stale"


def test_no_status_is_better_than_its_connection():
    fresh = Freshness()
    assert fresh.status(0, **UP) == "delayed", "nothing was proven yet"
    fresh.welcomed(0, 0, 0)
    assert fresh.status(0, connected=False, complete=True) == "offline"
    assert fresh.status(0, connected=True, complete=False) == "delayed"


# -- digests --------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_digest_says_what_every_client_s_would(vector):
    held = {topic: Held(one["v"], one["doc"]) for topic, one in vector["held"].items()}
    question = Proofs(lambda: held).ask(1)
    if held:
        versions = {topic: one.version for topic, one in held.items()}
        assert question == {"t": "digest", "id": 1, "topics": versions, "hash": vector["hash"]}
    else:
        assert question is None


def test_only_what_is_held_and_differs_is_wrong():
    held = {name: Held(1, {"n": name}) for name in ("a:1", "b:1", "c:1", "d:1")}
    proofs = Proofs(lambda: held)
    question = proofs.ask(7)
    same = Proofs(lambda: {"b:1": held["b:1"]}).ask(1)["hash"]
    held["c:1"] = Held(2, {"n": "newer"})
    hashes = {"a:1": "00000000", "b:1": same, "c:1": "00000000", "d:1": "", "e:1": "00000000"}
    assert proofs.differ(6, list(hashes), hashes) == [], "the answer to another question"
    assert proofs.differ(7, list(hashes), hashes) == ["a:1"]
    assert proofs.differ(7, list(hashes), hashes) == []
    assert (proofs.counts, sorted(question["topics"])) == ((1, 1), ["a:1", "b:1", "c:1", "d:1"])


def test_many_topics_are_proven_part_by_part():
    held = {f"stock:{n:04}": Held(1, None) for n in range(2 * DIGEST_TOPICS_MAX + 1)}
    proofs, seen = Proofs(lambda: held), []
    for number in range(4):
        question = proofs.ask(number)
        assert proofs.ask(99) is None, "one question at a time"
        proofs.same(number)
        seen.append(list(question["topics"]))
    assert [len(part) for part in seen] == [500, 500, 1, 500]
    assert set().union(*seen[:3]) == set(held)


# -- hubs -----------------------------------------------------------------------------------------


def test_each_hub_is_tried_before_one_is_tried_again():
    hubs = Hubs("ws://a/sync", random.Random(1))
    hubs.take({"hubs": ["http://a/sync", "https://b/sync", "/sync", "ws://c/sync"]})
    assert hubs.all == ("ws://a/sync", "wss://b/sync", "ws://c/sync")
    tried = []
    for _ in range(60):
        tried.append(hubs.current)
        hubs.failed()
    assert set(tried[:3]) == set(hubs.all)
    assert all(one != other for one, other in pairwise(tried))
    assert all(set(tried[at : at + 4]) == set(hubs.all) for at in range(len(tried) - 3))


@pytest.mark.parametrize("told", [None, [], {"hubs": "x"}, {"hubs": []}, {"hubs": [7, "ftp://x/"]}])
def test_a_list_that_cannot_be_read_changes_nothing(told):
    hubs = Hubs("ws://a/sync", random.Random(1))
    hubs.take(told)
    hubs.failed()
    assert (hubs.current, hubs.all) == ("ws://a/sync", ("ws://a/sync",))


def test_a_list_has_its_end():
    hubs = Hubs("ws://a/sync", random.Random(1))
    hubs.take({"hubs": [f"http://h{n}/sync" for n in range(HUBS_MAX + 9)]})
    assert len(hubs.all) == HUBS_MAX


def test_addresses():
    assert home_of("wss://shop.example/sync") == "https://shop.example"
    assert home_of("ws://127.0.0.1:8000/under/sync") == "http://127.0.0.1:8000/under"
    assert socket_of("/sync", "https://shop.example") == "wss://shop.example/sync"
    assert socket_of("http://[broken", "https://shop.example") is None


# -- portions -------------------------------------------------------------------------------------


@given(st.lists(st.text(min_size=1, max_size=255), max_size=40), st.integers(1, 60))
def test_portions_hold_everything_in_order_and_fit(topics, times):
    names = [f"{n}:{topic}" for n in range(times) for topic in topics]
    parts = list(portions(names))
    assert [topic for part in parts for topic in part] == names
    assert all(1 <= len(part) <= SUB_TOPICS_MAX for part in parts)
    assert all(sum(map(len, part)) <= SUB_CHARS_MAX for part in parts)


def test_long_names_make_small_portions():
    names = [f"{n:03}{'x' * 197}" for n in range(200)]
    assert [len(part) for part in portions(names)] == [90, 90, 20]
    assert [len(part) for part in portions([f"{n}" for n in range(1_001)])] == [500, 500, 1]
