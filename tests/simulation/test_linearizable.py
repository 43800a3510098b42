"""The checker of linearizability finds every planted defect and accuses nobody falsely."""

import itertools
from collections import Counter

import pytest
from tests.simulation.registers import (
    FAULTS,
    explainable,
    explainable_by_trying,
    history,
    obeyed,
)

from shopwire.testing.checkers import StockRegister, Undecided, check_linearizable
from shopwire.testing.history import Recorder, from_lines, to_lines

GOOD = 1_000
BAD_OF_A_KIND = 30


def findings(recorder, units):
    return check_linearizable(StockRegister(units), recorder.calls)


def test_a_thousand_right_histories_raise_no_alarm():
    unknown = concurrent = 0
    for seed in range(GOOD):
        recorder, register = history(
            seed, calls=20 + seed % 40, processes=2 + seed % 6, unknowns=(seed % 4) * 0.05
        )
        assert findings(recorder, register.units) == [], f"seed {seed}"
        calls = recorder.calls
        unknown += sum(call.end == "unknown" for call in calls)
        concurrent += sum(b.began < a.returned for a, b in itertools.pairwise(calls))
    assert unknown > 500
    assert concurrent > 10_000


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_defect_is_found_where_calls_come_one_by_one(fault):
    bad = 0
    for seed in itertools.count():
        recorder, register = history(seed, fault=fault, processes=1)
        right = obeyed(recorder, register.units)
        assert (findings(recorder, register.units) == []) == right, f"seed {seed}"
        bad += not right
        if bad == BAD_OF_A_KIND:
            break
    assert seed < 20 * BAD_OF_A_KIND


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_defect_is_found_among_concurrent_calls(fault):
    bad = 0
    for seed in itertools.count():
        recorder, register = history(
            seed, fault=fault, calls=25, processes=3, unknowns=(seed % 3) * 0.03
        )
        right = explainable(StockRegister(register.units), recorder.calls)
        assert (findings(recorder, register.units) == []) == right, f"seed {seed}"
        bad += not right
        if bad == BAD_OF_A_KIND:
            break
    assert seed < 30 * BAD_OF_A_KIND


def test_small_histories_are_judged_as_by_trying_all_orders():
    verdicts = Counter()
    for seed in range(1_500):
        fault = FAULTS[seed % len(FAULTS)] if seed % 3 else None
        recorder, register = history(
            seed, fault=fault, calls=5, processes=3, unknowns=0.1, units=seed % 7
        )
        model = StockRegister(register.units)
        right = explainable_by_trying(model, recorder.calls)
        assert explainable(model, recorder.calls) == right, f"seed {seed}"
        assert (findings(recorder, register.units) == []) == right, f"seed {seed}"
        verdicts[right] += 1
    assert verdicts[False] > 100
    assert verdicts[True] > 500


def recorded(*calls: tuple[object, ...]):
    """Calls with their times: (process, name, arguments, began, returned or None, end, value)."""
    recorder = Recorder(lambda: 0)
    for process, name, arguments, began, returned, end, value in calls:
        call = recorder.began(process, "SKU", name, **arguments)
        call.began = began
        if returned is not None:
            call.end, call.value, call.returned = end, value, returned
    return recorder


def test_two_winners_of_one_unit_are_found():
    recorder = recorded(
        ("a", "reserve", {"hold": "a", "units": 1}, 1, 4, "ok", None),
        ("b", "reserve", {"hold": "b", "units": 1}, 2, 3, "ok", None),
    )
    (finding,) = findings(recorder, 1)
    assert finding.where == "SKU"
    assert "reserve(hold=" in str(finding)


def test_an_unknown_effect_may_come_later_or_never():
    lost = ("a", "sell", {"units": 1}, 1, None, "unknown", None)
    for seen in (0, 1):
        assert findings(recorded(lost, ("b", "read", {}, 5, 6, "ok", seen)), 1) == []
    back = [("b", "read", {}, 5, 6, "ok", 0), ("b", "read", {}, 7, 8, "ok", 1)]
    assert len(findings(recorded(lost, *back), 1)) == 1


def test_a_call_that_began_after_an_answer_comes_after_it():
    first = ("a", "sell", {"units": 1}, 1, 2, "ok", None)
    assert len(findings(recorded(first, ("b", "read", {}, 3, 4, "ok", 1)), 1)) == 1
    overlapping = ("b", "read", {}, 1.5, 4, "ok", 1)
    assert findings(recorded(first, overlapping), 1) == []


def test_at_one_moment_neither_is_taken_to_be_first():
    first = ("a", "sell", {"units": 1}, 1, 2, "ok", None)
    for seen in (0, 1):
        assert findings(recorded(first, ("b", "read", {}, 2, 3, "ok", seen)), 1) == []


def test_a_hold_whose_time_is_over_may_be_refused_before_it_is_swept():
    hold = ("a", "reserve", {"hold": "h", "units": 1}, 1, 2, "ok", None)
    early = ("a", "post", {"hold": "h"}, 3, 4, "refused", "over")
    late = ("a", "post", {"hold": "h", "late": True}, 3, 4, "refused", "over")
    assert len(findings(recorded(hold, early), 1)) == 1
    assert findings(recorded(hold, late), 1) == []


def test_keys_are_judged_apart():
    recorder, register = history(1)
    other = recorder.began("x", "OTHER", "read")
    recorder.ok(other, 99)
    found = check_linearizable(StockRegister({"SKU": register.units}), recorder.calls)
    assert [finding.where for finding in found] == ["OTHER"]


def test_a_search_without_end_says_so():
    recorder, register = history(3, calls=60, processes=6)
    with pytest.raises(Undecided):
        check_linearizable(StockRegister(register.units), recorder.calls, steps_max=20)


def test_a_history_survives_being_written_down():
    recorder, register = history(11, unknowns=0.2)
    read = from_lines(list(to_lines(recorder.calls)))
    assert [call.told() for call in read] == [call.told() for call in recorder.calls]
    assert check_linearizable(StockRegister(register.units), read) == []


def test_a_recorder_tells_one_moment_from_the_next_though_its_clock_stands():
    recorder = Recorder(lambda: 5.0)
    one = recorder.began("a", "SKU", "read")
    recorder.ok(one, 1)
    other = recorder.began("a", "SKU", "read")
    assert one.began < one.returned < other.began
    with pytest.raises(ValueError, match="ended already"):
        recorder.ok(one, 2)
