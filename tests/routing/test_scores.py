"""Scores say what suppliers did: each case once, fading, and never from nothing."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from shopwire.modules.routing.api import Observe
from shopwire.modules.routing.domain import ScoreRow, Watch
from shopwire.modules.routing.observing import observed
from shopwire.modules.routing.scoring import (
    DAY_MS,
    DAYS_MAX,
    HALF_LIFE_DAYS,
    PRIOR,
    SCORE_MAX,
    UNIT,
    UNKNOWN,
    WEIGHTS,
    Tallies,
    added,
    faded,
    parts_of,
    score_of,
)

T0 = 1_800_000_000_000


def seen(what: str, at: int = 0, **more: Any) -> Observe:
    fields: dict[str, Any] = {"supplier": "acme", "purchase_order": "o.1/acme", "at_ms": T0 + at}
    return Observe(what=what, **(fields | more))  # type: ignore[arg-type]


def after(*observations: Observe) -> Tallies:
    watch, tallies = Watch(tenant="main", purchase_order="o.1/acme", supplier="acme"), Tallies()
    for one in observations:
        watch, tallies = observed(watch, tallies, one)
    return tallies


SENT = seen("sent", due_ms=T0 + 100)
ANSWER = seen("answered", 50, due_ms=T0 + 500, planned=4, accepted=4)


def cases(tallies: Tallies) -> dict[str, int]:
    """What was counted, in whole cases; times are left out."""
    names = ("answers", "answers_in_time", "parcels", "parcels_in_time", "units", "refused")
    more = ("promised", "withdrawn", "sold", "short")
    found = {name: getattr(tallies, name) // UNIT for name in (*names, *more)}
    return {name: count for name, count in found.items() if count}


def test_nothing_known_is_the_prior():
    assert score_of(Tallies()) == UNKNOWN == PRIOR
    assert set(parts_of(Tallies()).values()) == {PRIOR}
    assert sum(WEIGHTS.values()) == 100
    assert parts_of(Tallies()).keys() == WEIGHTS.keys()


def test_a_supplier_that_keeps_its_word_gains():
    good = after(SENT, ANSWER, seen("shipped", 400))
    assert cases(good) == {
        "answers": 1,
        "answers_in_time": 1,
        "parcels": 1,
        "parcels_in_time": 1,
        "units": 4,
        "promised": 4,
        "sold": 4,
    }
    assert (good.answer_ms, good.parcel_ms) == (50, 350)
    assert score_of(good) > UNKNOWN


@pytest.mark.parametrize(
    ("observations", "part"),
    [
        ((SENT, seen("answered", 101, planned=4, accepted=4)), "acknowledged"),
        ((SENT, seen("late", 150)), "acknowledged"),
        ((SENT, ANSWER, seen("shipped", 501)), "shipped"),
        ((SENT, ANSWER, seen("late", 600)), "shipped"),
        ((seen("promised", lead_ms=300), SENT, ANSWER, seen("shipped", 351)), "shipped"),
        ((SENT, seen("answered", 50, planned=4, refused=4)), "accepted"),
        ((SENT, ANSWER, seen("answered", 60, planned=4, accepted=3, refused=1)), "kept"),
        ((seen("short", short=2),), "honest"),
        ((SENT, seen("answered", 50, planned=4, accepted=3, refused=1)), "honest"),
    ],
)
def test_each_broken_word_lowers_its_own_part(observations, part):
    parts = parts_of(after(*observations))
    assert parts[part] < PRIOR


def test_a_lead_time_that_was_promised_counts_and_not_what_the_shop_allows():
    slow = seen("promised", lead_ms=3_000)
    assert parts_of(after(slow, SENT, ANSWER, seen("shipped", 900)))["shipped"] > PRIOR
    late = after(slow, SENT, ANSWER, seen("late", 600), seen("shipped", 900))
    assert cases(late)["parcels_in_time"] == 1


@pytest.mark.parametrize("more", [(), (seen("shipped", 400),), (seen("answered", 60),)])
def test_an_answer_that_says_since_when_it_was_owed_counts_like_two_observations(more):
    whole = replace(ANSWER, sent_at_ms=T0, sent_due_ms=T0 + 100)
    assert after(SENT, ANSWER, *more) == after(whole, *more)
    late = replace(whole, at_ms=T0 + 101)
    assert after(SENT, late, *more) == after(late, *more) != after(whole, *more)
    # A former release had noted the moment when it came.
    assert after(SENT, replace(whole, sent_at_ms=T0 + 7), *more) == after(whole, *more)


def test_what_is_told_again_counts_once():
    story = (SENT, ANSWER, seen("shipped", 400))
    twice = (SENT, SENT, ANSWER, ANSWER, *story[2:], *story[2:])
    assert after(*twice) == after(*story)
    late = (SENT, seen("late", 150), seen("late", 160))
    assert cases(after(*late)) == {"answers": 1}
    then = after(*late, seen("answered", 170, planned=4, accepted=4))
    assert (cases(then)["answers"], then.answers_in_time) == (1, 0)
    assert then.answer_ms == 170


def test_a_shortage_that_is_counted_again_counts_once_and_what_is_more_counts():
    short = [seen("short", at, short=count) for at, count in enumerate((2, 2, 3, 1))]
    assert cases(after(*short)) == {"sold": 3, "short": 3}
    refused = seen("answered", 50, planned=4, refused=4)
    assert cases(after(*short, refused))["short"] == 4


def test_units_that_were_refused_at_once_are_not_withdrawn():
    partly = (SENT, seen("answered", 50, planned=4, accepted=3, refused=1))
    assert "withdrawn" not in cases(after(*partly))
    later = seen("answered", 70, planned=4, accepted=1, refused=3)
    found = cases(after(*partly, later))
    assert (found["refused"], found["withdrawn"], found["promised"]) == (1, 2, 3)


def test_cases_fade_by_half_and_then_away():
    once = added(Tallies(), answers=100, answers_in_time=50)
    half = faded(once, HALF_LIFE_DAYS)
    assert abs(half.answers - 50 * UNIT) <= UNIT
    assert faded(once, 0) == once == faded(once, -3)
    assert faded(once, DAYS_MAX) == Tallies()
    parts = parts_of(half)["acknowledged"] - parts_of(once)["acknowledged"]
    assert parts > 0  # nearer to the prior again


counts = st.integers(0, 10_000)


@settings(max_examples=60, deadline=None)
@given(counts, counts, counts, counts, st.integers(0, 2_000))
def test_a_score_lies_between_nothing_and_all(one, two, three, four, days):
    tallies = Tallies(
        answers=one, answers_in_time=two, units=three, refused=four, sold=two, short=one
    )
    left = faded(tallies, days)
    assert 0 <= score_of(left) <= SCORE_MAX
    assert all(0 <= part <= SCORE_MAX for part in parts_of(left).values())
    assert left.answers <= tallies.answers


def test_a_document_shows_the_numbers_beside_the_score():
    tallies = after(SENT, ANSWER, seen("shipped", 400))
    row = ScoreRow(
        tenant="main", supplier="acme", score=score_of(tallies), day=T0 // DAY_MS, tallies=tallies
    )
    document = row.document(T0)
    assert (document.answers, document.answer_ms, document.parcel_ms) == (1, 50, 350)
    assert (document.units, document.sold, document.short) == (4, 4, 0)
    assert document.score == row.score
