"""What a transaction does in one statement is what it does in several."""

import pytest

from shopwire.adapters.postgres import writing
from shopwire.adapters.postgres.writing import Combinations, Statement, rounds
from shopwire.kernel.errors import ConstraintRefused, KeyInFlight, LogCorrupt
from shopwire.kernel.queries import load_queries
from shopwire.kernel.storage import Lease, Move, Writing
from shopwire.testing.conformance.sample import Counter, Line, new_event
from shopwire.testing.conformance.storage import DONE, OTHER, claim_of, counter, line, load, look_at

pytestmark = pytest.mark.anyio
CLAIM = load_queries("shopwire.adapters.postgres")["claim"]
ROWS = {Counter: [counter("s", "a"), counter("s", "b", 2)], Line: [line("s", "1")]}


@pytest.fixture(autouse=True, params=[True, False], ids=["at once", "table by table"])
def how(request, monkeypatch):
    """A statement for all, as for sets of tables that come often, and one a table."""
    monkeypatch.setattr(Combinations, "allow", lambda *_: request.param)


@pytest.fixture
def as_it_is(how, monkeypatch):
    monkeypatch.undo()


async def test_rows_events_and_answers_are_written_together(harness):
    opened = await harness.open()
    async with opened.storage.transaction([0]) as tx:
        await tx.write(ROWS, {0: [new_event("a:1", 1)]}, [(claim_of("a"), DONE)])
    async with opened.storage.transaction([0]) as tx:
        assert not (await tx.claim([claim_of("a")]))[0].mine
        answers = [(claim_of("c"), OTHER), (claim_of("b"), DONE)]
        await tx.write(
            {Counter: [counter("s", "a", 7)]},
            {0: [new_event("a:1", 2), new_event("a:2", 1), new_event("a:1", 3)]},
            answers,
        )
    assert [row.count for row in await load(opened.storage, ("main", "s"))] == [7, 2]
    assert [event.topic for event in await opened.log.read(0, 0, 9)] == ["a:1", "a:1", "a:2", "a:1"]
    async with opened.storage.transaction([0]) as tx:
        told = await tx.claim([claim_of(name) for name in "abc"])
        assert [claimed.outcome for claimed in told] == [DONE, DONE, OTHER]


@pytest.mark.parametrize("rows", [{}, ROWS], ids=["no rows", "rows"])
@pytest.mark.parametrize("topics", [(), ("a:1",)], ids=["no events", "events"])
@pytest.mark.parametrize("keys", [(), ("a",)], ids=["no answers", "answers"])
async def test_each_part_may_be_missing(harness, rows, topics, keys):
    opened = await harness.open()
    events = {2: [new_event(topic, 1) for topic in topics]} if topics else {}
    async with opened.storage.transaction([2]) as tx:
        await tx.write(rows, events, [(claim_of(key), DONE) for key in keys])
    assert len(await load(opened.storage, ("main", "s"))) == len(rows.get(Counter, ()))
    assert (await opened.log.heads()).next == (0, 0, len(topics), 0)
    async with opened.storage.transaction([2]) as tx:
        assert (await tx.claim([claim_of("a")]))[0].mine is not bool(keys)


async def test_events_of_several_partitions_are_written_together(harness):
    opened = await harness.open()
    events = {3: [new_event("c:1", 1)], 0: [new_event("a:1", 1), new_event("a:1", 2)]}
    async with opened.storage.transaction([0, 3]) as tx:
        await tx.write(ROWS, events, [(claim_of("a"), DONE)])
    assert (await opened.log.heads()).next == (2, 0, 0, 1)
    assert [document.version for document in await opened.log.documents("main", ["a:1"])] == [2]


async def test_what_the_schema_refuses_is_refused_with_all_the_rest(harness):
    opened = await harness.open()
    rows = {Line: [line("s", "1")], Counter: [counter("s", "b", -1)]}
    with pytest.raises(ConstraintRefused) as refused:
        async with opened.storage.transaction([0]) as tx:
            await tx.write(rows, {0: [new_event("a:1", 1)]}, [(claim_of("a"), DONE)])
    assert refused.value.data == {"constraint": "sample_counter_limit"}
    await nothing_is_there(opened)


async def test_rows_that_are_said_to_be_new_are_refused_where_they_are_there(postgres_harness):
    opened = await postgres_harness.open()
    for shelf in "st":
        async with opened.storage.transaction([0]) as tx:
            await tx.write({Counter: [counter(shelf, "a")]}, {}, [], {Counter})
    with pytest.raises(ConstraintRefused):
        async with opened.storage.transaction([0]) as tx:
            await tx.write({Counter: [counter("u", "a"), counter("s", "a", 2)]}, {}, [], {Counter})
    found = await load(opened.storage, ("main", "s"), ("main", "t"), ("main", "u"))
    assert [(row.shelf, row.count) for row in found] == [("s", 1), ("t", 1)]


async def test_keys_whose_time_is_over_are_answered_beside_free_ones(harness):
    opened = await harness.open()
    lease = await opened.storage.take_lease(claim_of("b"), 60_000)
    await opened.storage.drop_lease(lease)
    claims = [claim_of(name) for name in "abc"]
    async with opened.storage.transaction([0]) as tx:
        assert all(told.mine for told in await tx.claim(claims))
        await tx.write(ROWS, {}, [(claim, DONE) for claim in claims])
    async with opened.storage.transaction([0]) as tx:
        assert [told.outcome for told in await tx.claim(claims)] == [DONE, DONE, DONE]


async def test_a_version_that_does_not_follow_refuses_all_the_rest(harness):
    opened = await harness.open()
    with pytest.raises(LogCorrupt):
        async with opened.storage.transaction([0]) as tx:
            await tx.write(ROWS, {0: [new_event("a:1", 2)]}, [(claim_of("a"), DONE)])
    await nothing_is_there(opened)


@pytest.mark.parametrize("heads", [(0,), (0, 2)], ids=["one head", "several"])
async def test_a_topic_that_is_there_does_not_begin_anew(harness, heads):
    opened = await harness.open()
    async with opened.storage.transaction([0]) as tx:
        await tx.write({}, {0: [new_event("a:1", 1)]}, [])
    again = {0: [new_event("b:1", 1), new_event("a:1", 1)]}
    with pytest.raises(LogCorrupt):
        async with opened.storage.transaction(heads) as tx:
            await tx.write(ROWS, again, [(claim_of("a"), DONE)])
    await nothing_but_the_first(opened)


@pytest.mark.parametrize("heads", [(0,), (0, 2)], ids=["one head", "several"])
async def test_a_topic_that_is_there_does_not_begin_anew_ahead(harness, heads, monkeypatch):
    monkeypatch.setattr(Combinations, "allow", lambda *_: True)
    opened = await harness.open()
    async with opened.storage.transaction([0]) as tx:
        await tx.write({}, {0: [new_event("a:1", 1)]}, [])
    look = await look_at(opened.storage, "a", heads=heads)
    again = {0: [new_event("b:1", 1), new_event("a:1", 1)]}
    writing = Writing(rows=ROWS, events=again, answers=[(claim_of("a"), DONE)])
    with pytest.raises(LogCorrupt):
        await opened.storage.write_at(look, look.turns, writing)
    await nothing_but_the_first(opened)


async def nothing_but_the_first(opened):
    """The log has one event, and the storage nothing."""
    assert (await opened.log.heads()).next == (1, 0, 0, 0)
    assert [one.topic for one in await opened.log.documents("main", ["a:1", "b:1"])] == ["a:1"]
    assert not await load(opened.storage, ("main", "s"))
    async with opened.storage.transaction([0]) as tx:
        assert (await tx.claim([claim_of("a")]))[0].mine


async def test_a_key_that_another_took_meanwhile_refuses_all_the_rest(harness):
    opened = await harness.open()
    async with opened.storage.transaction([1]) as tx:
        await tx.answer([(claim_of("b"), DONE)])
    answers = [(claim_of("a"), DONE), (claim_of("b"), DONE)]
    with pytest.raises(KeyInFlight):
        async with opened.storage.transaction([0]) as tx:
            await tx.write(ROWS, {0: [new_event("a:1", 1)]}, answers)
    await nothing_is_there(opened)


async def nothing_is_there(opened):
    assert await load(opened.storage, ("main", "s")) == []
    assert (await opened.log.heads()).next == (0, 0, 0, 0)
    async with opened.storage.transaction([0]) as tx:
        assert (await tx.claim([claim_of("a")]))[0].mine


async def test_keys_and_rows_are_read_together(harness):
    opened = await harness.open()
    odd = counter("s", "ü'\"\\", 3, label="a\tb", tags=("x", "ю"))
    async with opened.storage.transaction([0]) as tx:
        others = [counter("t", "a"), counter("s", "a", 9, tenant="t2")]
        mine = [counter("s", "a", 1_000_000), odd]
        await tx.save({Counter: [*others, *mine], Line: [line("s", "1")]})
        await tx.answer([(claim_of("b"), OTHER)])
    async with opened.storage.transaction([0]) as tx:
        wanted = {Counter: [("main", "s"), ("main", "none")], Line: [("main", "s")]}
        claimed, found = await tx.read([claim_of(name) for name in "abc"], wanted)
        assert [(one.mine, one.outcome) for one in claimed] == [
            (True, None), (False, OTHER), (True, None),
        ]  # fmt: skip
        assert sorted(found[Counter], key=lambda row: row.key) == mine
        assert found[Line] == [line("s", "1")]
        assert await tx.read([], {}) == ([], {})
        assert await tx.read([claim_of("a")], {}) == ([claimed[0]], {})
        assert await tx.read([], {Line: [("main", "t")]}) == ([], {Line: []})


async def test_a_lease_that_runs_is_told_with_the_rest_of_its_time(harness):
    opened = await harness.open()
    assert isinstance(await opened.storage.take_lease(claim_of("a"), 60_000), Lease)
    async with opened.storage.transaction([0]) as tx:
        (held,), _ = await tx.read([claim_of("a", fingerprint=b"g" * 16)], {})
    assert (held.mine, held.fingerprint, held.outcome) == (False, b"f" * 16, None)
    assert 0 < held.retry_ms <= 60_000


def test_no_table_is_written_twice_by_one_statement():
    saves = (
        "INSERT INTO item (a) SELECT 1",
        "INSERT INTO sale (a) SELECT 1",
        "INSERT INTO sale (a) SELECT 2",
        "SELECT 1",
        "INSERT INTO sale (a) SELECT 3",
    )
    assert rounds(saves) == ((0, 1, 3), (2,), (4,))
    assert rounds(()) == ((),)


@pytest.mark.usefixtures("as_it_is")
def test_a_set_of_tables_that_comes_often_has_a_statement_of_its_own():
    combinations = Combinations(2, 3)
    told = [combinations.allow((name,)) for name in "aabaabbbcccc"]
    assert told == [
        False, False, False, True, True, False, True, True, False, False, False, False,
    ]  # fmt: skip


@pytest.mark.usefixtures("as_it_is")
def test_sets_that_never_come_again_are_not_counted_for_ever():
    combinations = Combinations(1, 2)
    for number in range(10_000):
        assert not combinations.allow((str(number),))
    assert [combinations.allow(("often",)) for _ in range(3)] == [False, True, True]


@pytest.mark.usefixtures("as_it_is")
def test_a_set_that_comes_oftener_than_the_rarest_takes_its_place():
    combinations = Combinations(2, 2, replaced_max=1)
    told = [combinations.allow((name,)) for name in "aabbbcccc"]
    assert told == [False, True, False, True, True, False, False, False, True]
    assert [combinations.allow((name,)) for name in "abc"] == [False, True, True]
    assert not any(combinations.allow(("a",)) for _ in range(100))  # none gives way any more


@pytest.mark.usefixtures("as_it_is")
def test_a_set_keeps_its_place_by_those_that_ride_in_it():
    combinations = Combinations(2, 2, replaced_max=1)
    for parts in ("abc", "abc", "xyz", "xyz"):
        combinations.allow(tuple(parts))
    for _ in range(9):
        combinations.cover(("a", "b"))
    assert not combinations.allow(tuple("abc"[:1]))
    for _ in range(8):
        combinations.allow(("new",))
    assert combinations.allow(tuple("abc"))
    assert not combinations.allow(tuple("xyz"))


@pytest.mark.usefixtures("as_it_is")
def test_what_came_often_long_ago_gives_way_to_what_comes_now(monkeypatch):
    monkeypatch.setattr(writing, "LATELY_ASKED", 100)
    combinations = Combinations(1, 2)
    assert [combinations.allow(("once",)) for _ in range(1_000)].count(False) == 1
    assert [combinations.allow(("now",)) for _ in range(1_000)].count(False) < 200
    assert not combinations.allow(("once",))


@pytest.mark.usefixtures("as_it_is")
def test_a_rare_set_rides_in_the_least_statement_that_holds_it():
    combinations = Combinations(3, 1)
    for parts in ("abcdefg", "abcd", tuple("ab") + tuple(str(n) for n in range(9))):
        assert combinations.allow(tuple(parts))
    assert combinations.cover(("b", "d")) == tuple("abcd")
    assert combinations.cover(("b", "f")) == tuple("abcdefg")
    assert combinations.cover(("b", "8")) is None  # too much that has nothing to do
    assert combinations.cover(("b", "z")) is None
    assert combinations.cover(("z",)) == ("z",)


@pytest.mark.usefixtures("as_it_is")
def test_a_statement_for_more_has_nothing_else_to_do():
    statement = Statement()
    statement.save("INSERT INTO item", b"[1]")
    statement.append_at([0, 1, 0, None, [], 0, None], 7)
    wider = statement.widened(("INSERT INTO sale", *statement.parts, "advance_all", "answer_free"))
    assert wider is not None
    assert wider.arguments == [b"[]", *statement.arguments, [], [], [], [], [], 0]
    assert statement.widened(statement.parts) is statement
    for busy in ("append", "append_wide", "answer"):
        assert statement.widened((*statement.parts, busy)) is None


async def test_what_is_decided_ahead_may_ride_in_a_statement_for_more(harness, monkeypatch):
    opened = await harness.open()
    claims, wanted = [claim_of("a")], {Counter: [("main", "s")]}
    both = wanted | {Line: [("main", "s")]}
    monkeypatch.setattr(Combinations, "allow", lambda *_: False)
    monkeypatch.setattr(Combinations, "cover", lambda self, parts: parts)
    look = await opened.storage.look([0, 1], claims, both)
    seen: list[tuple[str, ...]] = []
    monkeypatch.setattr(Combinations, "cover", lambda self, parts: seen.append(parts) or parts)
    answers, moves = [(claim_of("a"), DONE)], (Move("c", 0, 0, 3),)
    writing = Writing(rows=ROWS, events={}, answers=answers, moves=moves)
    await opened.storage.write_at(look, look.turns, writing)
    await opened.storage.look([0, 1], claims, both)
    monkeypatch.setattr(Combinations, "cover", lambda self, parts: seen[parts[0] == CLAIM])
    look = await opened.storage.look([0, 1], [claim_of("a"), claim_of("b")], wanted)
    assert look.rows == {Counter: ROWS[Counter]}
    less = Writing(rows={Counter: [counter("s", "a", 5)]}, events={}, answers=())
    await opened.storage.write_at(look, look.turns, less)
    assert [row.count for row in await load(opened.storage, ("main", "s"))] == [5, 2]
    assert await opened.log.position("c", 0) == 3
