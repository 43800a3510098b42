"""Prices: never below a floor, whole minor units, no surprises when a cost rises."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.limits import MONEY_MINOR_MAX
from shopwire.modules.pricing.api import Markup, PriceRule, PriceRules, When
from shopwire.modules.pricing.domain import CostInput, Traits, list_price, quote
from shopwire.modules.pricing.events import RateUsed
from shopwire.modules.pricing.rates import Rate, RatesRow, parse_rate, taken_over
from shopwire.modules.pricing.rules import Article, Book, rank_of

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


# -- which rule decides -----------------------------------------------------------------------

LAMP = Traits(tenant="main", sku="A", product="p", categories=("lamps--desk",), brand="Lux")


def decided(*own: PriceRule, traits: Traits | None = LAMP, amount: int = 1_000) -> str | None:
    return quote("A", [cost("acme", amount)], PriceRules(rules=own), 1, traits=traits).facts.rule


def rule(name: str, priority: int = 0, **when: Any) -> PriceRule:
    return PriceRule(name=name, priority=priority, when=When(**when), factor_bp=30_000)


def test_the_more_special_rule_decides_and_priority_beats_it():
    ladder = [
        rule("all"),
        rule("cost", cost_from_minor=500),
        rule("supplier", suppliers=("acme",)),
        rule("brand", brands=("LUX",)),
        rule("category", categories=("lamps",)),
        rule("category and brand", categories=("lamps",), brands=("lux",)),
        rule("sku", skus=("A",)),
    ]
    for place, expected in enumerate(ladder):
        assert decided(*ladder[: place + 1]) == expected.name
        assert decided(*reversed(ladder[: place + 1])) == expected.name
    assert decided(*ladder, rule("first of all", 1)) == "first of all"


def test_of_equals_the_first_of_the_list_decides():
    one, other = rule("one", brands=("Lux",)), rule("other", brands=("lux",))
    assert decided(one, other) == "one"
    assert decided(other, one) == "other"


def test_a_rule_is_for_what_it_names_only():
    assert decided(rule("x", categories=("lamp",))) is None
    assert decided(rule("x", categories=("lamps--floor",))) is None
    assert decided(rule("x", brands=("Lux",)), traits=None) is None
    assert decided(rule("x", cost_from_minor=1_001)) is None
    assert decided(rule("x", cost_below_minor=1_000)) is None
    assert decided(rule("x", skus=("B",))) is None
    assert decided(rule("x", suppliers=("bolt",))) is None


@given(rules, st.integers(1, 10**6))
def test_the_index_finds_what_a_look_at_every_rule_finds(own, amount):
    many = tuple(
        rule(f"r{n}", n % 3 - 1, categories=("lamps",) if n % 2 else (), cost_from_minor=n * 99)
        for n in range(9)
    )
    fitting = [one for one in many if one.when.cost_from_minor <= amount]
    best = max(fitting, key=lambda one: (rank_of(one), -many.index(one)))
    book = Book(replace(own, rules=many))
    assert book.terms_for(Article("A", "acme", ("lamps--desk",), ""), amount).rule == best.name


# -- other currencies -------------------------------------------------------------------------


def rate(base: str, quote_: str, text: str) -> dict[str, Rate]:
    made = Rate(base=base, quote=quote_, rate_pico=parse_rate(text), valid_from_ms=7)
    return {made.pair: made}


def test_a_cost_is_converted_by_the_rate_that_holds_and_the_facts_name_it():
    offer = cost("s", 1_000, currency="USD", map_minor=5_001, msrp_minor=9_999)
    quoted = quote("A", [offer], PriceRules(), 1, rates=rate("USD", "EUR", "0.9213"))
    assert quoted.facts.cost_minor == 922  # 9.213 rounded up
    assert quoted.facts.rate == RateUsed(base="USD", quote="EUR", rate="0.9213", valid_from_ms=7)
    assert quoted.document is not None
    assert quoted.document.amount_minor >= 4_608  # 50.01 USD is 46.0742...
    assert quoted.document.compare_at_minor == 9_212


def test_a_rate_of_the_opposite_pair_is_turned_round_and_exponents_are_minded():
    yen = quote("A", [cost("s", 1_000, currency="JPY")], PriceRules(), 1)
    assert yen.document is None
    assert "no rate to EUR" in yen.facts.reason
    turned = quote(
        "A", [cost("s", 1_000, currency="JPY")], PriceRules(), 1, rates=rate("EUR", "JPY", "160")
    )
    assert turned.facts.cost_minor == 625


def test_the_cheapest_is_found_over_currencies():
    offers = [cost("euro", 1_000), cost("dollar", 1_050, currency="USD")]
    quoted = quote("A", offers, PriceRules(), 1, rates=rate("USD", "EUR", "0.9"))
    assert quoted.facts.supplier == "dollar"


@pytest.mark.parametrize("text", ["0", "-1", "1e9", "nan", "", "x", "0.1234567890123"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(InvalidField):
        parse_rate(text)


def test_the_table_of_rates_keeps_the_later_and_waits_for_those_to_come():
    row = RatesRow(tenant="main")

    def told(text: str, at_ms: int) -> Rate:
        return Rate(base="USD", quote="EUR", rate_pico=parse_rate(text), valid_from_ms=at_ms)

    row, touched = taken_over(row, [told("0.9", 10), told("0.8", 5), told("0.7", 50)], 20)
    assert touched == ("EUR", "USD")
    assert row.current["USD/EUR"].used().rate == "0.9"
    assert row.next_due_ms == 50
    again, touched = taken_over(row, [told("0.85", 8)], 20)
    assert (again, touched) == (row, ())
    row, touched = taken_over(row, [], 50)
    assert (row.current["USD/EUR"].used().rate, row.coming) == ("0.7", ())
