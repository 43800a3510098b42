"""No stack of rules, promotions, rates and endings asks less than a floor."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.limits import MONEY_MINOR_MAX
from shopwire.modules.pricing.api import Markup, PriceRule, PriceRules, When
from shopwire.modules.pricing.domain import CostInput, Sale, Traits, quote
from shopwire.modules.pricing.floors import BASIS
from shopwire.modules.pricing.rates import Rate
from shopwire.modules.pricing.rules import check_rules

CURRENCIES = ("EUR", "USD", "JPY", "KWD")
SUPPLIERS = ("acme", "bolt", "cora")
CATEGORIES = ("lamps", "lamps--desk", "chairs")
BRANDS = ("Lux", "LUX", "Sit")

bp = st.integers(0, 4_000)
names = st.lists(st.sampled_from(["A", "B"]), max_size=2, unique=True).map(tuple)
whens = st.builds(
    When,
    cost_from_minor=st.integers(0, 5_000),
    cost_below_minor=st.none() | st.integers(5_001, 10**6),
    skus=names,
    categories=st.lists(st.sampled_from(CATEGORIES), max_size=2).map(tuple),
    brands=st.lists(st.sampled_from(BRANDS), max_size=1).map(tuple),
    suppliers=st.lists(st.sampled_from(SUPPLIERS), max_size=2).map(tuple),
)
one_rule = st.builds(
    PriceRule,
    name=st.text("abcdef", min_size=1, max_size=6),
    when=whens,
    priority=st.integers(-3, 3),
    factor_bp=st.integers(0, 50_000),
    add_minor=st.integers(0, 2_000),
    shipping_minor=st.none() | st.integers(0, 900),
    fee_minor=st.none() | st.integers(0, 90),
    fee_bp=st.none() | bp,
    ending_minor=st.none() | st.integers(0, 99),
    exact=st.booleans(),
    margin_min_bp=st.none() | bp,
    compare_at_bp=st.none() | st.integers(10_001, 30_000),
)
rules = st.builds(
    PriceRules,
    currency=st.sampled_from(CURRENCIES),
    markups=st.lists(
        st.builds(
            Markup,
            cost_from_minor=st.integers(0, 50_000),
            factor_bp=st.integers(0, 50_000),
            add_minor=st.integers(0, 2_000),
        ),
        max_size=3,
        unique_by=lambda one: one.cost_from_minor,
    ).map(tuple),
    rules=st.lists(one_rule, max_size=5, unique_by=lambda one: one.name).map(tuple),
    shipping_minor=st.integers(0, 900),
    fee_minor=st.integers(0, 90),
    fee_bp=bp,
    ending_minor=st.none() | st.integers(0, 99),
    margin_min_bp=bp,
    keep_map=st.booleans(),
    compare_at_msrp=st.booleans(),
    compare_at_bp=st.none() | st.integers(10_001, 30_000),
)
costs = st.lists(
    st.builds(
        CostInput,
        tenant=st.just("main"),
        sku=st.just("A"),
        supplier=st.sampled_from(SUPPLIERS),
        cost_minor=st.integers(1, 10**7) | st.just(MONEY_MINOR_MAX),
        currency=st.sampled_from(CURRENCIES),
        lead_time_days=st.none() | st.integers(0, 30),
        map_minor=st.none() | st.integers(1, 10**7),
        msrp_minor=st.none() | st.integers(1, 10**7),
        active=st.booleans(),
    ),
    max_size=3,
    unique_by=lambda one: one.supplier,
)
sales = st.lists(
    st.builds(
        Sale,
        tenant=st.just("main"),
        sku=st.just("A"),
        promotion=st.sampled_from(["p1", "p2", "p3"]),
        terms_version=st.just(1),
        kind=st.sampled_from(["percent", "amount", "fixed"]),
        value=st.integers(1, 9_999),
        currency=st.sampled_from(CURRENCIES),
        starts_at_ms=st.just(0),
        ends_at_ms=st.integers(1, 3),
        quota=st.none() | st.integers(1, 3),
        taken=st.integers(0, 1),
        state=st.sampled_from(["planned", "running", "running", "ended"]),
        bucket=st.just(0),
    ),
    max_size=3,
    unique_by=lambda one: one.promotion,
)
rates = st.dictionaries(
    st.sampled_from([f"{a}/{b}" for a in CURRENCIES for b in CURRENCIES if a != b]),
    st.integers(1, 10**14),
    max_size=6,
).map(
    lambda found: {
        pair: Rate(base=pair[:3], quote=pair[4:], rate_pico=pico, valid_from_ms=0)
        for pair, pico in found.items()
    }
)
traits = st.none() | st.builds(
    Traits,
    tenant=st.just("main"),
    sku=st.just("A"),
    categories=st.lists(st.sampled_from(CATEGORIES), max_size=2).map(tuple),
    brand=st.sampled_from(["", *BRANDS]),
)
EXPONENT = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}


def worth(amount, currency, own, table):
    """The lower bound of an amount in the shop's currency as an exact fraction, or None."""
    if currency == own:
        return amount, 1
    up, down = 10 ** EXPONENT[own], 10 ** EXPONENT[currency]
    if (rate := table.get(f"{currency}/{own}")) is not None:
        return amount * rate.rate_pico * up, 10**12 * down
    if (rate := table.get(f"{own}/{currency}")) is not None:
        return amount * 10**12 * up, rate.rate_pico * down
    return None


@settings(max_examples=200)
@given(rules, costs, traits, rates, sales)
def test_no_stack_of_rules_promotions_and_rates_breaks_a_floor(own, inputs, told, table, running):
    quoted = quote("A", inputs, own, 1, traits=told, rates=table, sales=running)
    priced = [
        (one, value)
        for one in inputs
        if one.active and (value := worth(one.cost_minor, one.currency, own.currency, table))
    ]
    if not priced:
        assert quoted.document is None
        return
    price = quoted.document.amount_minor
    assert type(price) is int
    if price == MONEY_MINOR_MAX:
        return
    facts = quoted.facts
    rule = next((one for one in own.rules if one.name == facts.rule), None)

    def told_by(name):
        said = getattr(rule, name, None)
        return getattr(own, name) if said is None else said

    # The cheapest in exact fractions is what every price has to cover, with shipping and fees.
    over, under = min((value for _, value in priced), key=lambda v: v[0] / v[1])
    landed = over + (told_by("shipping_minor") + told_by("fee_minor")) * under
    margin = max(own.margin_min_bp, (rule.margin_min_bp or 0) if rule else 0)
    assert price * (BASIS - told_by("fee_bp") - margin) * under >= landed * BASIS
    if own.keep_map:
        for one, _ in priced:
            if one.map_minor is not None:
                over, under = worth(one.map_minor, one.currency, own.currency, table)
                assert price * under >= over
    assert quoted.document.compare_at_minor is None or quoted.document.compare_at_minor > price


@settings(max_examples=80)
@given(rules, costs, traits, rates, sales)
def test_a_promotion_only_ever_lowers_a_price(own, inputs, told, table, running):
    with_sale = quote("A", inputs, own, 1, traits=told, rates=table, sales=running).document
    without = quote("A", inputs, own, 1, traits=told, rates=table).document
    if without is None:
        assert with_sale is None
    elif with_sale.sale is None:
        assert with_sale == without
    else:
        assert with_sale.amount_minor < without.amount_minor
        assert with_sale.compare_at_minor == without.amount_minor


@settings(max_examples=40)
@given(rules)
def test_rules_that_a_shop_put_before_are_read_as_they_were(own):
    stored = msgspec.to_builtins(own)
    assert msgspec.convert(stored, PriceRules) == own
    old = {"currency": "EUR", "markups": [{"factor_bp": 15_000}], "margin_min_bp": 500}
    assert msgspec.convert(old, PriceRules).rules == ()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (PriceRules(margin_min_bp=9_000, fee_bp=1_000), "margin_min_bp"),
        (PriceRules(rules=(PriceRule(name="a", margin_min_bp=10_000),)), "margin_min_bp"),
        (PriceRules(rules=(PriceRule(name="a"), PriceRule(name="a"))), "rules.name"),
        (PriceRules(rules=(PriceRule(name=""),)), "rules.name"),
        (PriceRules(rules=(PriceRule(name="a", factor_bp=1_000_001),)), "factor_bp"),
        (PriceRules(rules=(PriceRule(name="a", ending_minor=100),)), "ending_minor"),
        (PriceRules(rules=(PriceRule(name="a", compare_at_bp=9_000),)), "compare_at_bp"),
        (PriceRules(rules=(PriceRule(name="a", priority=2_000),)), "priority"),
        (
            PriceRules(
                rules=(PriceRule(name="a", when=When(cost_from_minor=9, cost_below_minor=9)),)
            ),
            "when",
        ),
    ],
)
def test_rules_that_make_no_sense_are_refused_by_name(wrong, field):
    with pytest.raises(InvalidField) as refused:
        check_rules(wrong)
    assert field in refused.value.data["field"]
