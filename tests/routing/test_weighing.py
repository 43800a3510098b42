"""What is weighed against what, which rules hold, and what a choice says of itself."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.routing.market import NOW_MS, candidate, chosen, plain, sends

from shopwire.kernel.errors import InvalidField
from shopwire.modules.routing.api import RoutingRules, Rule
from shopwire.modules.routing.checking import check_rules
from shopwire.modules.routing.weighing import Terms

NEARER = Rule(name="p", action="prefer", suppliers=("near",), bonus_minor=11)
NEAR = candidate("A", "near", 1_000)
FAR = candidate("A", "far", 990)


def test_the_cheapest_sends_it_where_only_money_counts():
    assert sends(chosen({"A": 2}, NEAR, FAR)) == {"A": {"far": 2}}


@pytest.mark.parametrize(
    ("rules", "scores", "other"),
    [
        (plain(lead_day_minor=5), {}, {"lead_time_days": 4}),
        (plain(lead_day_minor=5), {}, {"lead_time_days": None}),
        (plain(score_bp=1_000), {"near": 950, "far": 500}, {}),
        (plain(doubt_bp=500), {}, {"doubtful": True}),
        (plain(doubt_bp=500), {}, {"as_of_ms": None}),
        (plain(doubt_bp=500), {}, {"as_of_ms": NOW_MS - 6 * 24 * 3_600_000}),
        (plain(rules=(NEARER,)), {}, {}),
        (plain(rules=(Rule(name="x", action="exclude", suppliers=("far",)),)), {}, {}),
    ],
)  # fmt: skip
def test_something_else_may_outweigh_a_cheaper_unit(rules, scores, other):
    far = candidate("A", "far", 990, **other)
    found = chosen({"A": 2}, NEAR, far, rules=rules, scores=scores)
    assert sends(found) == {"A": {"near": 2}}


def test_shipping_counts_once_a_parcel_and_again_for_each_further_unit():
    terms = {
        "near": Terms(parcel_minor=300, unit_minor=10),
        "far": Terms(parcel_minor=300, unit_minor=25, handling_minor=5),
    }
    found = chosen({"A": 1}, NEAR, FAR, terms=terms)
    assert sends(found) == {"A": {"far": 1}}
    found = chosen({"A": 3}, NEAR, FAR, terms=terms)
    assert found is not None
    assert sends(found) == {"A": {"near": 3}}
    assert found.sums.shipping_minor == 320
    assert found.sums.total_minor == 3_320
    best = found.alternatives[0]
    assert (best.kind, best.supplier, best.sums.total_minor) == ("without", "near", 3 * 990 + 355)


def test_a_further_parcel_weighs_something_besides_its_shipping():
    candidates = [NEAR, candidate("B", "near", 1_100), FAR, candidate("B", "far", 1_120)]
    assert sends(chosen({"A": 1, "B": 1}, *candidates))["A"] == {"far": 1}
    found = chosen({"A": 1, "B": 1}, *candidates, rules=plain(split_minor=11))
    assert sends(found) == {"A": {"near": 1}, "B": {"near": 1}}
    assert found is not None
    assert found.sums.weights_minor == 0
    split = [one for one in found.alternatives if len({p.supplier for p in one.picks}) > 1]
    assert all(one.sums.weights_minor == 11 for one in split)


def test_profit_is_what_is_left_of_the_price():
    rules = plain(fee_bp=300, fee_minor=25, parcel_minor=400)
    found = chosen({"A": 2}, NEAR, rules=rules, price=2_000)
    assert found is not None
    assert found.sums.fee_minor == 145
    assert found.sums.profit_minor == 4_000 - 2_000 - 400 - 145


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"there": 0}, "no_stock"),
        ({"cost_minor": None}, "no_offer"),
        ({"currency": "USD"}, "currency"),
        ({"paused": True}, "paused"),
        ({"supplier": "abroad"}, "region"),
        ({"supplier": "never"}, "rule"),
    ],
)
def test_offers_that_are_not_weighed_are_named_with_the_reason(other, why):
    other = dict(other)
    rules = plain(rules=(Rule(name="not them", action="exclude", suppliers=("never",)),))
    terms = {"abroad": Terms(parcel_minor=0, unit_minor=0, countries=("US",))}
    supplier = other.pop("supplier", "cheap")
    cheap = candidate("A", supplier, 1, **other)
    found = chosen({"A": 1}, NEAR, cheap, rules=rules, terms=terms)
    assert found is not None
    assert sends(found) == {"A": {"near": 1}}
    assert [(one.supplier, one.why) for one in found.left_out] == [(cheap.supplier, why)]


def test_rules_hold_where_all_of_their_conditions_do():
    def far_is_out(**conditions: Any) -> bool:
        rule = Rule(name="r", action="exclude", suppliers=("far",), **conditions)
        found = chosen(
            {"A": 2}, NEAR, FAR, rules=plain(rules=(rule,)), categories=frozenset({"toys"})
        )
        return sends(found) == {"A": {"near": 2}}

    assert far_is_out(skus=("A",), categories=("toys", "food"), countries=("DE",))
    assert far_is_out(value_from_minor=10_000, value_to_minor=10_000)
    assert far_is_out(margin_below_minor=4_011)
    assert not far_is_out(margin_below_minor=4_010)
    assert not far_is_out(skus=("B",))
    assert not far_is_out(categories=("food",))
    assert not far_is_out(countries=("FR",))
    assert not far_is_out(value_from_minor=10_001)
    assert not far_is_out(value_to_minor=9_999)


def test_an_order_waits_for_a_person_where_a_rule_says_so():
    poor = Rule(name="poor", action="review", margin_below_minor=1_000)
    named = Rule(name="far away", action="review", suppliers=("far",), skus=("A",))
    found = chosen({"A": 1}, FAR, rules=plain(rules=(poor, named)), price=1_500)
    assert found is not None
    assert [(one.why, one.rule, one.skus) for one in found.reviews] == [
        ("rule", "poor", ("A",)),
        ("rule", "far away", ("A",)),
    ]
    found = chosen({"A": 1}, NEAR, rules=plain(rules=(poor, named)), price=2_000)
    assert found is not None
    assert found.reviews == ()


def test_what_only_an_excluded_supplier_has_is_sold_and_looked_at():
    rule = Rule(name="not far", action="exclude", suppliers=("far",))
    b = candidate("B", "near", 500)
    found = chosen({"A": 1, "B": 1}, FAR, b, rules=plain(rules=(rule,)))
    assert found is not None
    assert sends(found) == {"B": {"near": 1}}
    assert found.unrouted == ("A",)
    assert [(one.why, one.skus) for one in found.reviews] == [("excluded", ("A",))]


def test_units_that_are_there_come_before_units_that_are_not():
    soon = candidate("A", "soon", 100, there=0, beyond=50)
    assert sends(chosen({"A": 2}, NEAR, soon)) == {"A": {"near": 2}}
    assert sends(chosen({"A": 2}, candidate("A", "near", 1_000, there=1), soon)) == {
        "A": {"soon": 2}
    }


def test_order_minimum_and_maximum_are_kept():
    small = candidate("A", "small", 10, most=2)
    big = candidate("A", "big", 20, least=4)
    assert sends(chosen({"A": 5}, small, big, NEAR)) == {"A": {"big": 4, "small": 1}}


def test_nobody_takes_over_who_was_told_to_be_avoided():
    assert chosen({"A": 1}, NEAR, avoid=frozenset({"near"})) is None
    assert sends(chosen({"A": 1}, NEAR, FAR, avoid=frozenset({"far"}))) == {"A": {"near": 1}}


def test_who_takes_over_is_told_with_the_choice():
    third = candidate("A", "third", 995)
    b = candidate("B", "near", 10)
    found = chosen({"A": 1, "B": 1}, NEAR, FAR, third, b, rules=plain(split_minor=500))
    assert found is not None
    assert sends(found)["A"] == {"near": 1}
    assert found.next_best == (("A", "far"), ("A", "third"))


def test_what_nobody_has_is_left_to_whoever_has_it():
    found = chosen({"A": 1, "B": 5}, NEAR, candidate("B", "near", 10, there=4))
    assert found is not None
    assert found.unrouted == ("B",)
    assert found.reviews == ()


amounts = st.integers(0, 2_000)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 3_000), amounts), min_size=1, max_size=5),
    st.integers(1, 9),
    amounts,
    st.dictionaries(st.sampled_from("abcde"), st.integers(0, 1_000)),
    st.integers(0, 10_000),
)
def test_every_part_of_a_total_is_shown_and_adds_up(pools, quantity, split, scores, basis):
    names = "abcde"
    candidates = [
        candidate("A", names[at], cost, there, lead_time_days=cost % 9)
        for at, (there, cost, _) in enumerate(pools)
    ]
    terms = {
        names[at]: Terms(parcel_minor=parcel, unit_minor=parcel // 3, handling_minor=parcel % 7)
        for at, (_, _, parcel) in enumerate(pools)
    }
    rules = RoutingRules(split_minor=split, score_bp=basis, doubt_bp=basis, lead_day_minor=3)
    found = chosen({"A": quantity}, *candidates, rules=rules, terms=terms, scores=scores)
    if found is None:
        assert sum(there for there, *_ in pools) < quantity
        return
    sums = found.sums
    assert sums.total_minor == sums.cost_minor + sums.shipping_minor + sums.weights_minor
    assert found.bound_minor == sums.total_minor
    assert sum(sends(found)["A"].values()) == quantity
    assert [one.sums.total_minor for one in found.alternatives] == sorted(
        one.sums.total_minor for one in found.alternatives
    )
    assert all(one.sums.total_minor >= sums.total_minor for one in found.alternatives)


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"split_minor": -1}, "rules.split_minor"),
        ({"unit_minor": 2, "parcel_minor": 1}, "rules.unit_minor"),
        ({"score_bp": 100_001}, "rules.score_bp"),
        ({"rules": (Rule(name="a", action="review"),) * 2}, "rules.rules.name"),
        ({"rules": (Rule(name="a", action="prefer"),)}, "rules.bonus_minor"),
        ({"rules": (Rule(name="a", action="exclude", bonus_minor=1),)}, "rules.bonus_minor"),
        ({"rules": (Rule(name="a", action="review", skus=("",)),)}, "rules.skus"),
        ({"rules": (Rule(name="a", action="review", value_to_minor=-1),)}, "rules.value_to_minor"),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_meant_are_refused(rules, field):
    with pytest.raises(InvalidField) as refused:
        check_rules(RoutingRules(**rules))
    assert refused.value.data["field"] == field
