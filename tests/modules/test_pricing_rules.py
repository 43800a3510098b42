"""Prices: never below a floor, whole minor units, no surprises when a cost rises."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.kernel.limits import MONEY_MINOR_MAX
from shopwire.modules.pricing.api import Markup, PriceRules
from shopwire.modules.pricing.domain import CostInput, list_price, quote

markups = st.lists(
    st.builds(
        Markup,
        cost_from_minor=st.integers(0, 50_000),
        factor_bp=st.integers(0, 50_000),
        add_minor=st.integers(0, 2_000),
    ),
    max_size=5,
    unique_by=lambda markup: markup.cost_from_minor,
).map(tuple)
rules = st.builds(
    PriceRules,
    currency=st.sampled_from(["EUR", "JPY"]),
    markups=markups,
    ending_minor=st.none() | st.integers(0, 99),
    margin_min_bp=st.integers(0, 9_000),
)


def cost(supplier: str, amount: int, **more: Any) -> CostInput:
    fields = {
        "currency": "EUR",
        "lead_time_days": None,
        "map_minor": None,
        "msrp_minor": None,
        "active": True,
    }
    return CostInput(
        tenant="main", sku="A", supplier=supplier, cost_minor=amount, **(fields | more)
    )


@given(rules, st.integers(1, 10**7), st.integers(0, 10**7))
def test_no_stack_of_rules_breaks_a_floor(own, amount, least):
    price, _ = list_price(amount, least, own)
    assert type(price) is int
    assert price >= amount
    assert price >= least
    assert (price - amount) * 10_000 >= price * own.margin_min_bp - 10_000


@given(rules, st.integers(1, 10**7))
def test_a_price_ends_as_the_rules_say(own, amount):
    price, _ = list_price(amount, 0, own)
    if own.ending_minor is not None and own.currency == "EUR":
        assert price % 100 == own.ending_minor


@given(st.integers(0, 50_000), st.integers(0, 2_000), st.integers(1, 10**6), st.integers(1, 10**6))
def test_under_one_rule_a_higher_cost_never_makes_a_lower_price(factor, add, one, other):
    own = PriceRules(markups=(Markup(factor_bp=factor, add_minor=add),))
    low, high = sorted((one, other))
    assert list_price(low, 0, own)[0] <= list_price(high, 0, own)[0]


def test_an_absurd_cost_stays_within_the_limit():
    own = PriceRules(markups=(Markup(factor_bp=1_000_000),))
    assert list_price(MONEY_MINOR_MAX, 0, own)[0] == MONEY_MINOR_MAX


def test_the_cheapest_offer_counts_and_the_quicker_one_of_two():
    inputs = [
        cost("slow", 1_000, lead_time_days=9),
        cost("unknown", 1_000),
        cost("quick", 1_000, lead_time_days=2),
        cost("gone", 500, active=False),
    ]
    assert quote("A", inputs, PriceRules(), 1).facts.supplier == "quick"


def test_no_offer_in_the_shops_currency_makes_no_price_and_says_why():
    quoted = quote("A", [cost("s", 1_000, currency="USD")], PriceRules(), 1)
    assert quoted.document is None
    assert "USD" in quoted.facts.reason


def test_a_demanded_minimum_holds_whoever_is_cheapest():
    inputs = [cost("cheap", 100), cost("strict", 5_000, map_minor=9_000)]
    document = quote("A", inputs, PriceRules(), 1).document
    assert document is not None
    assert document.amount_minor >= 9_000


@pytest.mark.parametrize(("msrp", "shown"), [(99_999, 99_999), (1, None), (None, None)])
def test_a_suggested_price_is_shown_only_where_it_is_higher(msrp, shown):
    document = quote("A", [cost("s", 1_000, msrp_minor=msrp)], PriceRules(), 1).document
    assert document is not None
    assert document.compare_at_minor == shown
