"""Counts that are decided at once are what each alone would have been."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.inventory.desk import Desk

from shopwire.kernel.commands import Context
from shopwire.kernel.errors import InvalidField
from shopwire.kernel.events import encode_event
from shopwire.kernel.limits import QUANTITY_MAX
from shopwire.kernel.working_set import WorkingSet
from shopwire.modules.inventory import bulk
from shopwire.modules.inventory.api import (
    Booked,
    BookSales,
    Count,
    HoldLine,
    HoldStock,
    KeepBack,
    Part,
    PostHold,
    PutBundle,
    ReleaseSale,
    ReportStock,
    ReportStocks,
    SellStock,
    SetPolicy,
)
from shopwire.modules.inventory.commands import HANDLERS
from shopwire.modules.inventory.events import BundleRef
from shopwire.modules.inventory.limits import SEEN_REFERENCES_MAX

NOW_MS = 1_700_000_000_000
SKUS = ("A", "B", "C", "S")
NEEDS = next(one.needs for one in HANDLERS if one.command is ReportStocks)
moments = st.sampled_from([None, None, NOW_MS - 9, NOW_MS, NOW_MS + 5])
sequences = st.sampled_from([None, None, 3, 7])
skus, suppliers = st.sampled_from(SKUS[:3]), st.sampled_from(["s1", "s1", "a2"])
references = st.sampled_from(["", "r1", "r2"])
units = st.integers(0, 12)

quantities = st.one_of(*[units] * 9, st.sampled_from([-1, QUANTITY_MAX, QUANTITY_MAX + 1]))
more = st.builds(Count, sku=st.sampled_from([*SKUS, "new", " bad", ""]), quantity=quantities)
counts = st.builds(
    lambda first, *rest: tuple({count.sku: count for count in (*rest, *first)}.values()),
    st.tuples(*[st.builds(Count, sku=st.just(sku), quantity=quantities) for sku in "AB"]),
    more,
    more,
)
reports = st.builds(
    ReportStocks,
    supplier=st.sampled_from(["s1"] * 8 + ["a2"]),
    counts=counts,
    as_of_ms=moments,
    sequence=sequences,
    seen=st.sampled_from([None, None, (), ("r1",), ("r2/s1", "h0")]),
    reference=st.sampled_from(["", "import 1"]),
)
others = st.one_of(
    st.builds(ReportStock, sku=skus, supplier=suppliers, quantity=units, as_of_ms=moments),
    st.builds(SellStock, sku=skus, quantity=st.integers(1, 4), reference=references),
    st.builds(
        HoldStock,
        hold_id=st.sampled_from(["h0", "h1"]),
        lines=st.tuples(st.builds(HoldLine, sku=skus, quantity=st.integers(1, 6))),
        ttl_ms=st.just(900_000),
    ),
    st.builds(PostHold, hold_id=st.sampled_from(["h0", "h1"]), skus=st.tuples(skus)),
    st.builds(
        SetPolicy,
        sku=skus,
        buffer=st.sampled_from([0, 2]),
        low_threshold=st.sampled_from([0, 5]),
        backorder_max=st.sampled_from([0, 4]),
        preorder_until_ms=st.sampled_from([None, None, NOW_MS + 50_000]),
    ),
    st.builds(
        KeepBack,
        supplier=suppliers,
        skus=st.tuples(skus),
        units=st.sampled_from([0, 3]),
        share_bp=st.just(0),
        everything=st.booleans(),
    ),
    st.builds(
        BookSales,
        supplier=suppliers,
        sales=st.tuples(st.builds(Booked, sku=skus, reference=references)),
        at_ms=moments,
    ),
    st.builds(
        ReleaseSale,
        sku=skus,
        supplier=suppliers,
        reference=references,
        quantity=st.integers(1, 2),
        reason=st.sampled_from(["cancelled", "refused"]),
    ),
    st.builds(PutBundle, sku=st.just("S"), parts=st.just((Part(sku="A", quantity=2),))),
)


def view_of(desk, command):
    """The rows that the command may see."""
    needs = frozenset(NEEDS(command))
    held = WorkingSet()
    for kind, group in needs:
        held.hold(
            kind, [("main", group)], desk.rows.get(kind, {}).get(("main", group), {}).values()
        )
    return held.view("main", needs)


def told(decision):
    """All that a decision says, as it is written."""
    events = [encode_event(one, tenant="main", command_id="c") for one in decision.events]
    return decision.put, events, decision.result


def both_ways(desk, command):
    """What is decided at once, and what one by one."""
    context = Context(tenant="main", principal="p", command_id="c", now_ms=NOW_MS)
    view = view_of(desk, command)
    at_once = told(bulk.do_report_stocks(command, view, context))
    return at_once, told(bulk._one_by_one(command, command.counts, view, context))


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.one_of(others, others, reports), max_size=12),
    st.lists(reports, min_size=1, max_size=4),
)
def test_counts_at_once_say_what_each_alone_says(before, later):
    desk = Desk()
    for sku, supplier in (("A", "s1"), ("B", "s1"), ("B", "a2")):
        first = ReportStock(sku=sku, supplier=supplier, quantity=8)
        desk.decide(first, f"{sku}{supplier}", NOW_MS)
    for at, command in enumerate(before):
        desk.decide(command, f"b{at}", NOW_MS + at)
    for at, command in enumerate(later):
        at_once, one_by_one = both_ways(desk, command)
        assert at_once == one_by_one
        desk.decide(command, f"l{at}", NOW_MS + 100 + at)


def test_most_counts_of_a_feed_are_decided_at_once(monkeypatch):
    desk = Desk()
    for number in range(3):
        desk.decide(ReportStock(sku=f"K{number}", supplier="s1", quantity=9), f"k{number}", NOW_MS)
    lines = (HoldLine(sku="K0", quantity=2),)
    desk.decide(HoldStock(hold_id="h", lines=lines, ttl_ms=900_000), "h", NOW_MS)
    alone = []
    monkeypatch.setattr(bulk, "_one_by_one", lambda _, counts, *__: alone.extend(counts))
    counts = tuple(Count(sku=f"K{number}", quantity=4 + number) for number in range(3))
    desk.decide(ReportStocks(supplier="s1", counts=counts), "all", NOW_MS + 1)
    assert not alone
    assert [desk.pool(f"K{number}").reported for number in range(3)] == [4, 5, 6]


def test_first_counts_of_articles_are_decided_at_once(monkeypatch):
    desk, alone = Desk(), []
    desk.decide(ReportStock(sku="K0", supplier="a2", quantity=9), "other", NOW_MS)
    monkeypatch.setattr(bulk, "_one_by_one", lambda _, counts, *__: alone.extend(counts))
    counts = tuple(Count(sku=f"K{number}", quantity=4 + number) for number in range(3))
    desk.decide(ReportStocks(supplier="s1", counts=counts), "all", NOW_MS + 1)
    assert not alone
    pools = [one for held in desk.rows[bulk.Pool].values() for one in held.values()]
    assert [one.reported for one in pools if one.supplier == "s1"] == [4, 5, 6]


@pytest.mark.parametrize(
    ("others", "count"),
    [
        ((), Count(sku="new", quantity=0)),
        ((), Count(sku="new", quantity=-1)),
        ((), Count(sku="new", quantity=QUANTITY_MAX + 1)),
        ((), Count(sku="", quantity=1)),
        ((), Count(sku=" new", quantity=1)),
        (({"backorder_max": 4},), Count(sku="A", quantity=3)),
        (({"buffer": 2, "low_threshold": 0},), Count(sku="A", quantity=2)),
        (({"parts": (Part(sku="B", quantity=1),), "sets": 3},), Count(sku="A", quantity=3)),
        (({"bundles": (BundleRef(sku="S", parts=("A",)),)},), Count(sku="A", quantity=3)),
    ],
)
def test_a_first_count_at_once_says_what_it_says_alone(others, count):
    desk = Desk()
    for changed in others:
        desk.decide(ReportStock(sku="A", supplier="a2", quantity=8), "a2", NOW_MS)
        rows = desk.rows[bulk.StockItem]["main", "A"]
        key, row = next(iter(rows.items()))
        rows[key] = msgspec.structs.replace(row, **changed)
    for mark in ({}, {"as_of_ms": NOW_MS}, {"sequence": 7}):
        command = ReportStocks(supplier="s1", counts=(count,), reference="import 1", **mark)
        at_once, one_by_one = both_ways(desk, command)
        assert at_once == one_by_one


@pytest.mark.parametrize(
    ("of_pool", "of_item", "quantity"),
    [
        ({"sold": 2}, {}, 9),
        ({"withheld": 2}, {}, 9),
        ({"reserved": 5}, {}, 4),
        ({"reserved": 9, "shortfall": 2, "reported": 7}, {}, 9),
        ({"reserved": 9, "backorder": 2, "reported": 7, "backorder_max": 3}, {}, 12),
        ({}, {"backorder_max": 4}, 7),
        ({}, {"parts": (Part(sku="B", quantity=1),), "sets": 3}, 7),
        ({}, {"bundles": (BundleRef(sku="S", parts=("A",)),)}, 7),
        ({"as_of_ms": 5, "sequence": 6, "doubtful": True}, {}, 8),
    ],
)
def test_what_is_no_plain_count_is_decided_as_ever(of_pool, of_item, quantity):
    desk = Desk()
    for supplier in ("s1", "a2"):
        desk.decide(ReportStock(sku="A", supplier=supplier, quantity=8), supplier, NOW_MS)
    for kind, changed in ((bulk.StockItem, of_item), (bulk.Pool, of_pool)):
        rows = desk.rows[kind]["main", "A"]
        key, row = next(iter(rows.items()))
        rows[key] = msgspec.structs.replace(row, **changed)
    counts = (Count(sku="A", quantity=quantity),)
    at_once, one_by_one = both_ways(desk, ReportStocks(supplier="s1", counts=counts))
    assert at_once == one_by_one


@pytest.mark.parametrize(
    "odd",
    [
        {"supplier": ""},
        {"as_of_ms": NOW_MS + 10**9},
        {"sequence": -1},
        {"seen": ("x",) * (SEEN_REFERENCES_MAX + 1)},
        {"reference": " odd"},
        {"counts": ()},
    ],
)
def test_what_cannot_be_used_is_refused_of_each(odd):
    desk, counts = Desk(), (Count(sku="A", quantity=7),)
    desk.decide(ReportStock(sku="A", supplier="s1", quantity=8), "k", NOW_MS)
    command = ReportStocks(**{"supplier": "s1", "counts": counts} | odd)
    at_once, one_by_one = both_ways(desk, command)
    assert at_once == one_by_one


def test_rows_of_many_groups_come_in_the_order_of_one():
    desk, command = Desk(), ReportStocks(supplier="s1", counts=(Count(sku="A", quantity=7),))
    for supplier in ("s1", "a2"):
        desk.decide(ReportStock(sku="A", supplier=supplier, quantity=8), supplier, NOW_MS)
    view = view_of(desk, command)
    assert view.many(bulk.Pool, ["A"]) == [view.all(bulk.Pool, "A")]


@pytest.mark.parametrize("skus", [["A", "A"], [f"K{number}" for number in range(501)]])
def test_a_name_twice_or_too_many_are_refused_as_a_whole(skus):
    command = ReportStocks(supplier="s1", counts=tuple(Count(sku=sku, quantity=1) for sku in skus))
    answer = Desk().decide(command, "k", NOW_MS)
    assert isinstance(answer, InvalidField)
    assert answer.data["field"] == "lines"


def test_rows_are_seen_only_where_they_were_named():
    command = ReportStocks(supplier="s1", counts=(Count(sku="A", quantity=1),))
    view = view_of(Desk(), command)
    with pytest.raises(KeyError, match="not named"):
        view.many(bulk.Pool, ["A", "B"])
