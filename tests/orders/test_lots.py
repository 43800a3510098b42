"""The arithmetic of units: whatever suppliers say, nothing appears and nothing vanishes."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.modules.orders.api import UnitsNow
from shopwire.modules.orders.lots import (
    BEHIND,
    Lot,
    line_state,
    questioned,
    shares_of,
    status_of,
    told,
)


def lot(quantity: int = 5, **more: Any) -> Lot:
    fields = {
        "plan": "cart-0001.1",
        "line": "A",
        "sku": "A",
        "supplier": "acme",
        "quantity": quantity,
        "value_minor": quantity * 1_000,
        "reference": "cart-0001.1",
    }
    return Lot(**(fields | more))


def units(ordered: int, **more: Any) -> UnitsNow:
    fields = dict.fromkeys(
        ("accepted", "refused", "cancelling", "cancelled", "shipped", "delivered"), 0
    )
    return UnitsNow(sku="A", ordered=ordered, **(fields | more))


@st.composite
def words(draw, ordered: int) -> list[UnitsNow]:
    """What a supplier says of its units one after the other, as its purchase order counts them."""
    said, now = [], units(ordered)
    for _ in range(draw(st.integers(1, 8))):
        expected = now.ordered - now.refused - now.cancelled - now.shipped
        match draw(st.sampled_from(["accept", "refuse", "ship", "deliver", "ask", "cancel"])):
            case "accept":
                most = now.ordered - now.refused - now.cancelled
                now = change(now, accepted=draw(st.integers(now.shipped, most)))
            case "refuse":
                more = draw(st.integers(0, expected))
                now = change(now, refused=now.refused + more)
            case "ship":
                more = draw(st.integers(0, expected))
                shipped = now.shipped + more
                now = change(now, shipped=shipped, accepted=max(now.accepted, shipped))
            case "deliver":
                now = change(now, delivered=draw(st.integers(now.delivered, now.shipped)))
            case "ask":
                now = change(now, cancelling=draw(st.integers(0, expected)))
            case "cancel":
                more = draw(st.integers(0, expected))
                now = change(now, cancelled=now.cancelled + more)
        most = now.ordered - now.refused - now.cancelled
        now = change(now, accepted=min(now.accepted, most))
        now = change(now, cancelling=min(now.cancelling, most - now.shipped))
        said.append(now)
    return said


def change(now: UnitsNow, **fields: Any) -> UnitsNow:
    return msgspec.structs.replace(now, **fields)


@st.composite
def shared(draw):
    """Lots of several lines that one purchase order serves, and what is said of it."""
    counts = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    lots = [lot(count, line=f"L{at}") for at, count in enumerate(counts)]
    wished = {f"L{at}": draw(st.integers(0, count)) for at, count in enumerate(counts)}
    return lots, draw(words(sum(counts))), wished


@given(shared())
def test_lots_add_up_to_what_was_said_and_break_no_rule(drawn):
    lots, said, wished = drawn
    for now in said:
        before = lots
        lots = told(lots, now, wished)
        for field in ("accepted", "refused", "cancelling", "cancelled", "shipped", "delivered"):
            assert sum(getattr(one, field) for one in lots) == getattr(now, field), field
        assert [one.broken() for one in lots] == [[]] * len(lots)
        for earlier, later in zip(before, lots, strict=True):
            assert later.gone >= earlier.gone
            assert later.worth(later.gone) >= earlier.worth(earlier.gone)
            assert sum(later.states().values()) == later.quantity - later.moved


@given(shared())
def test_the_same_word_again_changes_nothing(drawn):
    lots, said, wished = drawn
    for now in said:
        lots = told(lots, now, wished)
        assert told(lots, now, wished) == lots


@given(shared(), st.integers(0, 30))
def test_questions_are_only_about_units_without_an_answer(drawn, short):
    lots, said, wished = drawn
    for now in said:
        lots = told(lots, now, wished)
    asked = questioned(lots, short)
    assert [one.broken() for one in asked] == [[]] * len(asked)
    room = sum(max(0, one.unanswered - one.cancelling) for one in lots)
    assert sum(one.questioned for one in asked) == min(short, room)
    assert questioned(asked, short) == asked


def test_units_of_the_line_that_was_cut_are_those_that_are_cancelled():
    lots = [lot(2, line="set"), lot(3, line="A")]
    after = told(lots, units(5, cancelled=2), {"set": 2})
    assert [(one.line, one.cancelled) for one in after] == [("set", 2), ("A", 0)]
    after = told(after, units(5, cancelled=4), {"set": 2, "A": 2})
    assert [(one.line, one.cancelled) for one in after] == [("set", 2), ("A", 2)]


def test_replaced_units_are_neither_shown_as_cancelled_nor_paid_back():
    replaced = lot(5, swapped=2, cancelling=2)
    assert replaced.states() == {"promised": 3}
    gone = told([replaced], units(5, cancelled=2), {})[0]
    assert gone.states() == {"promised": 3}
    assert gone.gone == 0
    assert told([replaced], units(5, cancelled=3), {})[0].gone == 1


@given(st.integers(0, 10**12), st.lists(st.integers(1, 1_000), min_size=1, max_size=8))
def test_shares_add_up_to_the_whole(value, pieces):
    shares = shares_of(value, pieces)
    assert sum(shares) == value
    assert min(shares) >= 0


@given(st.dictionaries(st.sampled_from(BEHIND), st.integers(1, 9)))
def test_a_state_and_a_status_follow_from_the_units(states):
    state, status = line_state(states), status_of(states)
    kept = {name: count for name, count in states.items() if name != "cancelled"}
    assert state in (states or {"cancelled": 0})
    assert (status == "cancelled") == (bool(states) and not kept)
    assert (status == "delivered") == (bool(kept) and set(kept) <= {"delivered", "returned"})


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ({}, "placed"),
        ({"promised": 2}, "placed"),
        ({"promised": 1, "ordered": 1}, "in_fulfilment"),
        ({"confirmed": 1, "shipped": 1}, "partly_shipped"),
        ({"shipped": 1, "cancelled": 4}, "shipped"),
        ({"shipped": 1, "delivered": 1}, "shipped"),
        ({"delivered": 1, "returned": 1}, "delivered"),
        ({"in_question": 1, "delivered": 1}, "partly_shipped"),
        ({"cancelled": 1}, "cancelled"),
    ],
)
def test_what_a_placed_order_says(states, status):
    assert status_of(states) == status
