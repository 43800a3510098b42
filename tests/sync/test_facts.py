"""Facts: each transition of an order is told, once and in order, whatever happened between."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sync.desk import ACME, Desk

from shopwire.adapters.postgres.store import open_store
from shopwire.kernel.events import NewEvent
from shopwire.kernel.identity import LOCAL
from shopwire.kernel.ids import partition_of
from shopwire.kernel.log import FACT_KINDS, Document
from shopwire.sync.facts import FACT_VERSIONS_MAX, FACTS_READ_MAX, FactState
from shopwire.sync.topics import KINDS, PUBLIC

ORDER = "order:sh_me-1.1"
PADDING = "orders are larger than their changes " * 9


def document(n):
    return {"n": n, "padding": PADDING, "only": n} if n % 3 else {"n": n, "padding": PADDING}


class Story(Desk):
    """A desk whose log can be read, and that notes every version it was told of."""

    reading = True

    def __init__(self, **more: object) -> None:
        super().__init__(**more)
        self.log, self.told, self.log_from = {}, [], 1
        self.read = 0

    def change(self, topic, version, doc):
        self.log[topic, version] = doc
        super().change(topic, version, doc)

    def run(self):
        super().run()
        while self.reading and self.fanout.wanted_facts:
            state, base = self.fanout.wanted_facts.popitem()
            self.read += 1
            found = [
                (version, state.view.project(json.dumps(doc).encode()), 0)
                for (topic, version), doc in sorted(self.log.items())
                if topic == state.name and version > max(base, self.log_from - 1)
            ]
            self.fanout.facts_read(state, base, found[: FACTS_READ_MAX + 1])
            self.fanout.flush()

    def take(self):
        new = super().take()
        for message in new:
            for item in message.get("items", [message]):
                if item.get("topic") == ORDER and item["t"] in {"snap", "patch"}:
                    self.told.append(item["v"])
        return new


def test_the_kinds_that_the_database_has_an_index_for_are_those_that_are_told_as_facts():
    assert {name for name, kind in KINDS.items() if kind.delivery == "fact"} == set(FACT_KINDS)


def test_a_burst_is_told_version_by_version():
    story = Story(caller=LOCAL)
    story.change(ORDER, 1, document(1))
    story.sub(ORDER, "stock:A")
    story.session.on_pause()
    for n in range(2, 9):
        story.change(ORDER, n, document(n))
        story.change("stock:A", n, document(n))
    story.session.on_resume()
    story.run()
    story.take()
    assert story.told == list(range(1, 9))
    assert story.read == 0
    stock = [m for m in story.seen for i in m.get("items", [m]) if i.get("topic") == "stock:A"]
    assert len(stock) == 2  # state is conflated as ever: nothing, then the newest
    assert story.doc(ORDER) == document(8)


def test_a_slow_client_is_told_more_than_is_kept_from_the_log():
    story = Story(caller=LOCAL)
    story.change(ORDER, 1, document(1))
    story.sub(ORDER)
    story.session.on_pause()
    last = 3 * FACT_VERSIONS_MAX
    for n in range(2, last + 1):
        story.change(ORDER, n, document(n))
    story.session.on_resume()
    story.run()
    story.take()
    assert story.told == list(range(1, last + 1))
    assert story.read == 1


def test_after_a_pause_it_goes_on_where_the_client_was():
    story = Story(caller=LOCAL)
    for n in range(1, 8):
        story.change(ORDER, n, document(n))
    story.say(t="sub", id=1, topics=[ORDER], have={ORDER: 3}, epoch=1)
    kinds = story.kinds()
    assert story.told == [4, 5, 6, 7]
    assert kinds[-1] == "live"  # behind what it speaks of, though that had to be read
    story.change(ORDER, 8, document(8))
    story.take()
    assert story.told == [4, 5, 6, 7, 8]


def test_nothing_overtakes_facts_that_are_being_read():
    story = Story(caller=LOCAL)
    for n in range(1, 5):
        story.change(ORDER, n, document(n))
    message = {"t": "sub", "id": 1, "topics": [ORDER], "have": {ORDER: 1}, "epoch": 1}
    story.session.on_message(json.dumps(message).encode())
    Desk.run(story)  # documents are read, facts are not yet
    story.fanout.beat()
    assert story.kinds() == ["welcome"]
    story.run()
    assert story.kinds() == ["batch", "live", "beat"]
    assert story.told == [2, 3, 4]


def test_no_later_transition_overtakes_one_that_a_live_client_lacks():
    story = Story(caller=LOCAL)
    story.change(ORDER, 1, document(1))
    story.sub(ORDER)
    story.take()
    story.log[ORDER, 2] = document(2)
    story.reading = False
    story.change(ORDER, 3, document(3))  # what lies between was not seen: it has to be read
    story.change(ORDER, 4, document(4))
    assert story.kinds() == []
    story.reading = True
    story.run()
    assert story.kinds() == ["batch"]
    assert story.told == [1, 2, 3, 4]


def test_where_the_log_has_them_no_more_there_is_a_snapshot():
    story = Story(caller=LOCAL)
    for n in range(1, 10):
        story.change(ORDER, n, document(n))
    story.log_from = 5
    story.say(t="sub", id=1, topics=[ORDER], have={ORDER: 2}, epoch=1)
    story.take()
    assert story.told == [9]
    story.change(ORDER, 10, document(10))
    story.take()
    assert story.told == [9, 10]
    assert story.doc(ORDER) == document(10)


def test_too_long_a_story_is_told_by_its_end():
    story = Story(caller=LOCAL)
    last = FACTS_READ_MAX + 10
    for n in range(1, last + 1):
        story.change(ORDER, n, document(n))
    story.say(t="sub", id=1, topics=[ORDER], have={ORDER: 2}, epoch=1)
    story.take()
    assert story.told == [last]


def test_a_supplier_hears_every_transition_in_its_own_view():
    topic = "purchase_order:sh_me-1.1/acme"
    story = Story(caller=ACME)
    for n in range(1, 6):
        story.change(topic, n, document(n) | {"order_id": "secret"})
    story.say(t="sub", id=1, topics=[topic], have={topic: 2}, epoch=1)
    story.take()
    assert [i["v"] for m in story.seen for i in m.get("items", ())] == [3, 4, 5]
    assert "secret" not in json.dumps(story.seen)
    assert story.read == 1


MOVES = st.lists(
    st.sampled_from(["change", "change", "change", "pause", "resume", "leave", "come", "beat"]),
    max_size=60,
)


@given(moves=MOVES)
@settings(max_examples=150)
def test_no_transition_is_missed_doubled_or_told_out_of_order(moves):
    story, version = Story(caller=LOCAL), 0
    story.sub(ORDER)
    for move in [*moves, "resume", "leave", "come"]:
        if move == "change":
            version += 1
            story.change(ORDER, version, document(version))
        elif move == "pause":
            story.session.on_pause()
        elif move == "resume":
            story.session.on_resume()
        elif move == "leave":
            story.take()
            story.say(t="unsub", id=2, topics=[ORDER])
        elif move == "come":
            story.take()
            held = story.replica.docs.get(ORDER)
            have = {ORDER: held.version} if held else {}
            story.say(t="sub", id=3, topics=[ORDER], have=have, epoch=1)
        else:
            story.fanout.beat()
        story.run()
    story.take()
    fresh = dict.fromkeys(story.told)
    assert [v for v in fresh if v] == list(range(1, version + 1))
    assert story.doc(ORDER) == (document(version) if version else None)


@pytest.mark.anyio
@pytest.mark.postgres
async def test_the_log_gives_transitions_by_an_index(database_url):
    async with open_store(database_url, []) as store:
        for kind in ("order", "stock"):
            for n in range(1, 6):
                topic = f"{kind}:x"
                event = NewEvent("main", topic, n, "t.t", b'{"n":%d}' % n, b"null", f"{kind}{n}")
                partition = partition_of("main", "x", store.log.partitions)
                await store.log.append(partition, [event])
        found = await store.log.transitions("main", "order:x", 2, 2)
        assert [(one.version, one.body) for one in found] == [(3, b'{"n":3}'), (4, b'{"n":4}')]
        assert isinstance(found[0], Document)
        assert await store.log.transitions("main", "order:y", 0, 9) == []
        assert await store.log.transitions("another", "order:x", 0, 9) == []
        plan = await store.reads.fetch(
            "EXPLAIN SELECT version FROM events"
            " WHERE tenant = 'main' AND topic = 'order:x' AND version > 2 AND is_fact(topic)"
            " ORDER BY version LIMIT 2"
        )
        assert "events_of_facts" in " ".join(str(row[0]) for row in plan)


def test_a_version_that_does_not_follow_is_no_next_step():
    state = FactState(ORDER, PUBLIC)
    state.loaded = True
    state.sessions.plain[object()] = None
    state.update(1, b'{"n":1}', 0)
    state.update(3, b'{"n":3}', 0)
    assert state.steps(1) is None
    assert state.first == 3


@pytest.mark.parametrize("how", ["unsub", "reset"])
def test_whoever_gives_a_topic_up_while_it_is_read_hears_beats_again(how):
    story = Story(caller=LOCAL)
    for n in range(1, 5):
        story.change(ORDER, n, document(n))
    message = {"t": "sub", "id": 1, "topics": [ORDER], "have": {ORDER: 1}, "epoch": 1}
    story.session.on_message(json.dumps(message).encode())
    Desk.run(story)  # facts are not read yet
    if how == "unsub":
        story.session.on_message(b'{"t":"unsub","id":2,"topics":["%b"]}' % ORDER.encode())
    else:
        story.fanout.reset(2, [4], 0.0, "epoch_changed")
    story.take()
    story.fanout.beat()
    assert story.kinds()[-1] == "beat"


def test_a_read_that_was_overtaken_while_nobody_watched_hides_no_transition():
    state = FactState(ORDER, PUBLIC)
    state.loaded = True
    state.update(4, b'{"n":4}', 0)
    state.reading = True
    for version in (5, 6):  # nobody watches: only the newest is kept
        state.update(version, b'{"n":%d}' % version, 0)
    state.read(1, [(version, b"{}", 0) for version in (2, 3, 4)])
    assert state.steps(3) is None
    state.read(3, [(4, b'{"n":4}', 0), (5, b'{"n":5}', 0), (6, b'{"n":6}', 0)])
    assert len(state.steps(3)) == 3
