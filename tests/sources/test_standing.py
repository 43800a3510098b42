"""How suppliers' data stands: the state that people see, and what the shop sells by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.modules.shop import error_of
from tests.sources.deciding import HOUR, MINUTE, PLACE, desk

from shopwire.kernel.fetching import Marks, Place
from shopwire.modules.sources.api import NoteGood, PauseSource, PutRule, RemoveSource
from shopwire.modules.sources.domain import Source, Supply
from shopwire.modules.sources.events import Caution, RuleDocument
from shopwire.modules.sources.freshness import judged
from shopwire.modules.sources.limits import BREAKER_FAILURES, GROWN_HOURS_MAX

pytestmark = pytest.mark.anyio


def rules() -> st.SearchStrategy[RuleDocument]:
    some = st.none() | st.integers(1, 3_000)
    return st.builds(
        RuleDocument,
        when_stale=st.sampled_from(["sell_on", "growing_buffer", "pause"]),
        units_per_hour=st.integers(0, 50),
        share_bp_per_hour=st.integers(0, 10_000),
        units_max=st.integers(0, 100),
        share_bp_max=st.integers(0, 10_000),
        late_after_minutes=some,
        stale_after_minutes=some,
    )


@given(rules(), st.integers(0, 200 * HOUR), st.booleans())
def test_looking_only_when_told_misses_no_change(rule, age, scheduled):
    """A supplier that is judged at `judge_ms` alone stands as one that is judged all the time."""
    source = Source(tenant="main", supplier="acme", name="main", place=PLACE)
    sources = [source] if scheduled else []
    start = Supply(tenant="main", supplier="acme", since_ms=0, rule=rule)
    told = judged(start, sources, 0)
    looks = 0
    while told.judge_ms is not None and told.judge_ms <= age:
        assert looks <= GROWN_HOURS_MAX + 3
        before = told.judge_ms
        told = judged(told, sources, before)
        assert told.judge_ms is None or told.judge_ms > before
        looks += 1
    now = judged(start, sources, age)
    assert (told.state, told.caution) == (now.state, now.caution)


@given(rules(), st.integers(0, 100 * HOUR), st.integers(0, 100 * HOUR))
def test_older_data_never_keeps_back_less(rule, age, further):
    supply = Supply(tenant="main", supplier="acme", since_ms=0, rule=rule)
    younger, older = (judged(supply, [], moment).caution for moment in (age, age + further))
    assert older.units >= younger.units
    assert older.share_bp >= younger.share_bp
    assert older.everything >= younger.everything


async def test_a_source_that_stops_is_late_then_stale_and_fresh_again():
    async with desk() as acme:
        begun = await acme.begin()
        await acme.finish(begun["fence"])
        seen = []
        for minutes in (0, 44, 1, 44, 1):
            acme.clock.ms += minutes * MINUTE
            await acme.judge()
            seen.append(acme.supply.state)
        assert seen == ["fresh", "fresh", "late", "late", "stale"]
        assert (await acme.document("supply:acme"))["state"] == "stale"
        await acme.finish((await acme.begin())["fence"], "unchanged")
        assert acme.supply.state == "fresh"


async def test_how_often_a_folder_is_looked_at_says_nothing_of_its_files():
    async with desk(place=Place(kind="folder", address="acme")) as acme:
        await acme.finish((await acme.begin())["fence"])
        seen = []
        for hours in (35, 36, 36):
            acme.clock.ms += hours * HOUR
            await acme.judge()
            seen.append(acme.supply.state)
        assert seen == ["fresh", "late", "stale"]


async def test_a_buffer_grows_by_the_hour_to_its_cap_and_goes_at_once():
    async with desk() as acme:
        rule = PutRule(
            supplier="acme", when_stale="growing_buffer", units_per_hour=2, units_max=5,
            share_bp_per_hour=100, share_bp_max=250, stale_after_minutes=60,
        )  # fmt: skip
        await acme.do(rule)
        await acme.finish((await acme.begin())["fence"])
        grown = []
        for minutes in (59, 1, 59, 1, 60, 600):
            acme.clock.ms += minutes * MINUTE
            await acme.judge()
            grown.append(acme.supply.caution)
        assert grown == [
            Caution(),
            Caution(units=2, share_bp=100),
            Caution(units=2, share_bp=100),
            Caution(units=4, share_bp=200),
            Caution(units=5, share_bp=250),
            Caution(units=5, share_bp=250),
        ]
        assert acme.supply.judge_ms is None
        await acme.do(NoteGood(supplier="acme", at_ms=acme.clock.ms))
        assert acme.supply.caution == Caution()


async def test_a_feed_that_was_held_is_good_once_a_person_let_it_in():
    async with desk() as acme:
        held = Marks(etag="x", good=False, run="r")
        await acme.finish((await acme.begin())["fence"], "held", run="r", marks=held)
        assert (acme.supply.good_ms, acme.supply.state) == (None, "late")
        acme.clock.ms += HOUR // 2
        await acme.finish((await acme.begin())["fence"], "held")
        other = NoteGood(supplier="acme", at_ms=acme.clock.ms, run="another")
        await acme.do(other)
        assert not acme.source().marks.good
        await acme.do(NoteGood(supplier="acme", at_ms=acme.clock.ms + 1, run="r"))
        assert acme.source().marks == Marks(etag="x")
        assert acme.supply.state == "fresh"


async def test_an_older_word_of_good_data_takes_nothing_back():
    async with desk() as acme:
        await acme.finish((await acme.begin())["fence"])
        good_ms = acme.supply.good_ms
        await acme.do(NoteGood(supplier="acme", at_ms=good_ms - 1))
        assert acme.supply.good_ms == good_ms


async def test_what_is_sold_follows_the_age_of_data_whoever_paused_it():
    async with desk() as acme:
        await acme.do(PutRule(supplier="acme", when_stale="pause"))
        await acme.do(PauseSource(supplier="acme"))
        assert acme.supply.state == "paused"
        acme.clock.ms += 2 * HOUR
        await acme.judge()
        assert (acme.supply.state, acme.supply.caution) == ("paused", Caution(everything=True))
        await acme.do(RemoveSource(supplier="acme"))
        assert acme.supply.caution == Caution()
        assert (await acme.document("supply:acme"))["sources"] == []
        assert await acme.document("source:acme/main") is None


async def test_an_open_breaker_is_told_with_its_reason_and_its_end():
    async with desk() as acme:
        for _ in range(BREAKER_FAILURES):
            await acme.fail(reason="connection refused")
        shown = await acme.document("supply:acme")
        assert (shown["state"], shown["breaker"]) == ("failed", "open")
        assert shown["breaker_reason"] == "main: connection refused"
        assert shown["retry_ms"] > acme.clock.ms


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"when_stale": "growing_buffer"}, "units_per_hour"),
        ({"late_after_minutes": 9, "stale_after_minutes": 8}, "late_after_minutes"),
        ({"share_bp_max": 10_001}, "share_bp_max"),
        ({"supplier": "a/b"}, "supplier"),
    ],
)
async def test_a_rule_that_cannot_be_kept_to_is_refused(fields, field):
    async with desk(place=None) as acme:
        error = error_of(await acme.ask(PutRule(**({"supplier": "acme"} | fields))))
        assert error["data"]["field"] == field
