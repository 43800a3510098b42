"""The arithmetic of a stock pool, against a model that keeps every sale for ever."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.modules.inventory.domain import (
    UNREFLECTED_SALES_MAX,
    Pool,
    StockItem,
    document_of,
    moved,
    reported,
    sold_from,
    spread,
    too_late,
)


class Report(NamedTuple):
    quantity: int
    age: int | None
    """How long before now the count was taken; None says nothing."""


class Sell(NamedTuple):
    quantity: int


steps = st.lists(
    st.one_of(
        st.builds(Report, st.integers(0, 30), st.none() | st.integers(0, 20)),
        st.builds(Sell, st.integers(1, 6)),
    ),
    max_size=60,
)


class Model:
    """What the pool must say, computed the slow way."""

    def __init__(self) -> None:
        self.reported, self.as_of = 0, None
        self.sales: list[tuple[int, int]] = []

    def report(self, quantity: int, as_of: int | None) -> None:
        if as_of is not None and self.as_of is not None and as_of < self.as_of:
            return
        self.reported = quantity
        if as_of is not None:
            self.as_of = as_of
            self.sales = [sale for sale in self.sales if sale[0] > as_of]

    @property
    def sold(self) -> int:
        return sum(quantity for _, quantity in self.sales)


def pool() -> Pool:
    return Pool(tenant="main", sku="A", supplier="s")


@given(steps)
def test_a_pool_agrees_with_a_model_that_keeps_every_sale(history):
    model, own = Model(), pool()
    for now, step in enumerate(history, 100):
        before = own
        if isinstance(step, Report):
            as_of = None if step.age is None else now - step.age
            model.report(step.quantity, as_of)
            if not too_late(own, as_of):
                own = reported(own, step.quantity, as_of)
        elif own.sellable(0) >= step.quantity:
            model.sales.append((now, step.quantity))
            own = sold_from(own, step.quantity, now)
        assert (own.reported, own.sold) == (model.reported, model.sold)
        assert own.sold == sum(sale.quantity for sale in own.unreflected)
        assert own.reserved + own.sold <= own.reported + own.shortfall
        assert own.sellable(0) == max(0, model.reported - model.sold)
        if own is not before:
            _, line, fact = moved(before, own, "report", reference="", command_id="c", now_ms=now)
            assert before.reported + line.reported_delta == line.reported == fact.reported
            assert before.sold + line.sold_delta == line.sold == fact.sold


@given(st.lists(st.integers(1, 3), min_size=1, max_size=200), st.integers(0, 250))
def test_remembering_fewer_sales_never_offers_more(quantities, as_of):
    own = reported(pool(), 1_000, None)
    exact = 0
    for now, quantity in enumerate(quantities):
        own = sold_from(own, quantity, now)
        exact += quantity if now > as_of else 0
    assert len(own.unreflected) <= UNREFLECTED_SALES_MAX
    after = reported(own, 1_000, as_of)
    assert after.sold >= exact


def test_a_late_count_does_not_erase_newer_sales():
    own = reported(pool(), 10, 1_000)
    own = sold_from(own, 4, 2_000)
    own = reported(own, 10, 1_500)
    assert own.sellable(0) == 6
    own = reported(own, 6, 2_500)
    assert own.sellable(0) == 6
    assert own.sold == 0


def test_a_count_below_what_was_sold_is_a_shortfall_and_sells_nothing():
    own = sold_from(reported(pool(), 10, None), 8, 1)
    own = reported(own, 3, None)
    assert (own.shortfall, own.sellable(0), own.doubtful) == (5, 0, True)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=6), st.integers(1, 60), st.integers(0, 5))
def test_units_come_from_the_fullest_pools_and_never_from_the_buffer(counts, wanted, buffer):
    pools = [
        Pool(tenant="main", sku="A", supplier=f"s{at}", reported=count)
        for at, count in enumerate(counts)
    ]
    taken = spread(pools, wanted, buffer)
    available = sum(max(0, count - buffer) for count in counts)
    assert sum(part for _, part in taken) == min(wanted, available)
    for own, part in taken:
        assert 0 < part <= own.sellable(buffer)


@pytest.mark.parametrize(("count", "status"), [(0, "out"), (1, "low"), (5, "low"), (6, "in_stock")])
def test_the_public_number_says_when_few_are_left(count, status):
    item = StockItem(tenant="main", sku="A")
    own = Pool(tenant="main", sku="A", supplier="s", reported=count)
    assert document_of(item, [own]).status == status


def test_a_report_delivered_again_reflects_nothing_new_even_from_a_clock_ahead_of_ours():
    own = reported(pool(), 5, 5_000)
    own = sold_from(own, 5, 1_000)
    again = reported(own, 5, 5_000)
    assert (again.sold, again.sellable(0)) == (5, 0)
    later = reported(own, 0, 6_000)
    assert (later.sold, later.sellable(0)) == (0, 0)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40), st.integers(0, 60))
def test_a_clock_that_goes_back_never_makes_a_sale_older(moments, as_of):
    own = reported(pool(), 1_000, None)
    for now in moments:
        own = sold_from(own, 1, now)
    kept = [sale.at_ms for sale in own.unreflected]
    assert kept == sorted(set(kept))
    assert reported(own, 1_000, as_of).sold >= sum(1 for now in moments if now > as_of)


def test_sales_of_one_moment_are_remembered_as_one():
    own = reported(pool(), 1_000, None)
    for _ in range(500):
        own = sold_from(own, 1, 7)
    own = sold_from(own, 3, 8)
    assert [tuple(sale) for sale in own.unreflected] == [(7, 500), (8, 3)]
    assert reported(own, 1_000, 7).sold == 3
