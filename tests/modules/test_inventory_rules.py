"""The arithmetic of stock pools: what a count contains, where units come from, what is shown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.modules.inventory.counting import (
    Mark,
    Parts,
    Report,
    booked,
    contains,
    counted,
    overpromised,
    released,
    superseded,
)
from shopwire.modules.inventory.domain import (
    OpenSale,
    Pool,
    Sale,
    StockItem,
    both_sides,
    document_of,
    moved,
    promised,
)
from shopwire.modules.inventory.holding import Wanted, choose

NOTHING = Mark(None, None)
counts = st.integers(0, 30)
units = st.integers(0, 12)


def pool(supplier: str = "s", **more: Any) -> Pool:
    return Pool(tenant="main", sku="A", supplier=supplier, **more)


def open_sale(reference: str = "r", quantity: int = 1, **more: Any) -> OpenSale:
    fields = {"tenant": "main", "sku": "A", "supplier": "s", "part": "", "seq": 1, "sold_at_ms": 1}
    return OpenSale(**(fields | {"reference": reference, "quantity": quantity} | more))


def obeys_the_limit(own: Pool) -> bool:
    return (
        min(own.reserved, own.sold, own.backorder, own.shortfall) >= 0
        and own.reserved + own.sold <= own.reported + own.backorder + own.shortfall
        and own.backorder + own.shortfall <= max(0, own.reserved + own.sold - own.reported)
    )


@given(counts, counts, counts, counts, st.lists(st.tuples(units, units), max_size=20))
def test_promises_in_any_order_keep_a_pool_explained(count, reserved, sold, room, changes):
    own = pool(backorder_max=room)
    sales = [open_sale(quantity=sold)] if sold else []
    own, _ = counted(own, Report(count, NOTHING, None), sales, room)
    own = promised(own, reserved, own.sold) if reserved <= own.sellable(0) else own
    assert obeys_the_limit(own)
    for held, gone in changes:
        if held <= own.sellable(0) + own.beyond(0, room):
            own = promised(own, own.reserved + held, own.sold)
        back = min(gone, own.reserved)
        own = promised(own, own.reserved - back, own.sold)
        assert obeys_the_limit(own)
        assert own.backorder <= own.backorder_max
        free = own.reported - own.reserved - own.sold
        assert own.sellable(0) == max(0, free)


@given(counts, counts, counts)
def test_a_line_of_the_ledger_says_what_changed(before, reserved, after):
    own, _ = counted(pool(), Report(before, NOTHING, None), (), 0)
    own = promised(own, min(reserved, before), 0)
    then, _ = counted(own, Report(after, NOTHING, None), (), 0)
    line, fact = moved(own, then, "report", reference="", command_id="c", now_ms=1)
    assert own.reported + line.reported_delta == line.reported == fact.reported == after
    assert own.shortfall + line.shortfall_delta == line.shortfall == fact.shortfall
    assert line.seq == own.seq + 1
    assert obeys_the_limit(then)


suppliers = st.lists(st.tuples(counts, units), min_size=1, max_size=5)
wishes = st.lists(
    st.tuples(
        st.integers(1, 15), st.none() | st.sampled_from("0123x"), st.sets(st.sampled_from("012"))
    ),
    min_size=1,
    max_size=3,
)


@given(suppliers, wishes, st.integers(0, 4), st.integers(0, 6))
def test_units_come_from_where_they_may_and_never_from_the_buffer(shelves, wanted, buffer, room):
    pools = [
        pool(str(at), reported=count, reserved=min(taken, count))
        for at, (count, taken) in enumerate(shelves)
    ]
    asked = [Wanted(quantity, own, tuple(avoid)) for quantity, own, avoid in wanted]
    got = choose(pools, asked, buffer, room)
    if got is None:
        one = asked[0]
        allowed = [own for own in pools if one.takes(own.supplier)]
        there = sum(own.sellable(buffer) + own.beyond(buffer, room) for own in allowed)
        assert len(asked) > 1 or there < one.quantity
        return
    assert sum(there + beyond for _, there, beyond in got) == sum(one.quantity for one in asked)
    assert len({own.supplier for own, _, _ in got}) == len(got)
    for own, there, beyond in got:
        assert any(one.takes(own.supplier) for one in asked)
        assert 0 <= there <= own.sellable(buffer)
        assert 0 <= beyond <= own.beyond(buffer, room)
        assert there == own.sellable(buffer) or not beyond or len(asked) > 1


@given(st.lists(units, min_size=1, max_size=6), st.integers(1, 60), st.integers(0, 5))
def test_the_fullest_pools_give_first(shelves, wanted, buffer):
    pools = [pool(str(at), reported=count) for at, count in enumerate(shelves)]
    got = choose(pools, [Wanted(wanted, None, ())], buffer, 0)
    available = sum(own.sellable(buffer) for own in pools)
    assert (got is None) == (available < wanted)
    if got is not None:
        emptied = [own.sellable(buffer) == there for own, there, _ in got]
        assert all(emptied[:-1])
        left = [own for own in pools if own.supplier not in {one.supplier for one, _, _ in got}]
        least = min(own.sellable(buffer) for own, _, _ in got)
        assert all(own.sellable(buffer) <= least for own in left)


@pytest.mark.parametrize(("count", "status"), [(0, "out"), (1, "low"), (5, "low"), (6, "in_stock")])
def test_the_public_number_says_when_few_are_left(count, status):
    item = StockItem(tenant="main", sku="A")
    assert document_of(item, [pool(reported=count)]).status == status


# -- which sales a count contains -------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "known", "older", "inside"),
    [
        (Mark(5, None), (6, None), True, True),
        (Mark(6, None), (6, None), False, True),
        (Mark(7, None), (6, None), False, False),
        (Mark(None, 5), (None, 6), True, True),
        (Mark(7, 5), (6, 6), True, True),
        (Mark(5, 7), (6, 6), False, False),
        (Mark(5, None), (None, 6), False, False),
        (Mark(None, 5), (6, None), False, False),
        (NOTHING, (6, 6), False, False),
    ],
)
def test_numbers_outrank_moments_and_what_cannot_be_compared_says_nothing(
    mark, known, older, inside
):
    own = pool(as_of_ms=known[0], sequence=known[1])
    assert superseded(own, mark) is older
    assert contains(own, mark) is inside


def test_a_count_contains_what_was_booked_by_then_and_nothing_else():
    sales = [
        open_sale("unknown", 1),
        open_sale("before", 2, answer="booked", marked_at_ms=90),
        open_sale("after", 4, answer="booked", marked_at_ms=110),
        open_sale("seen", 8),
    ]
    own, changed = counted(pool(), Report(20, Mark(100, None), {"seen"}), sales, 0)
    assert {sale.reference for sale in changed} == {"before", "seen"}
    assert (own.sold, own.sellable(0), own.doubtful) == (5, 15, False)
    own, changed = counted(pool(), Report(20, NOTHING, None), sales, 0)
    assert (changed, own.sold, own.doubtful) == ([], 15, True)


def test_a_purchase_order_is_seen_by_its_own_name():
    own, changed = counted(pool(), Report(9, NOTHING, {"r/s"}), [open_sale("r", 2)], 0)
    assert (own.sold, len(changed)) == (0, 1)
    own, changed = counted(pool(), Report(9, NOTHING, {"r/t"}), [open_sale("r", 2)], 0)
    assert (own.sold, len(changed)) == (2, 0)


def parts_of(quantity: int, **more: Any) -> Parts:
    return Parts([both_sides(open_sale("r", quantity, **more))[1]])


def states(parts: Parts) -> dict[str, int]:
    found: dict[str, int] = {}
    for sale in parts.all:
        assert isinstance(sale, Sale)
        found[sale.state] = found.get(sale.state, 0) + sale.quantity
    return found


def test_an_acknowledgement_that_comes_after_the_count_that_contains_it_is_still_heard():
    own = pool(reported=9, as_of_ms=100)
    for at_ms, state in ((100, "reflected"), (101, "open")):
        parts = parts_of(3)
        booked(parts, own, None, "", Mark(at_ms, None))
        assert states(parts) == {state: 3}


def test_what_was_seen_but_not_booked_is_open_again():
    own = pool(reported=9, as_of_ms=100)
    parts = parts_of(3, state="reflected")
    booked(parts, own, 2, "", Mark(90, None))
    assert states(parts) == {"reflected": 2, "open": 1}
    booked(parts, own, 2, "", Mark(95, None))
    assert states(parts) == {"reflected": 2, "open": 1}


def test_units_of_which_the_supplier_said_least_are_released_first():
    own = pool(reported=9, as_of_ms=100)
    parts = parts_of(5)
    booked(parts, own, 2, "", Mark(90, None))
    assert released(parts, own, 4, "cancelled", NOTHING) == 4
    assert states(parts) == {"released": 4, "reflected": 1}
    assert released(parts, own, 4, "cancelled", NOTHING) == 1


def test_refused_units_wait_for_a_count_that_knows():
    own = pool(reported=9, as_of_ms=100)
    for mark, state in (
        (NOTHING, "refused"),
        (Mark(101, None), "refused"),
        (Mark(99, None), "released"),
    ):
        parts = parts_of(2)
        released(parts, own, 2, "refused", mark)
        assert states(parts) == {state: 2}


def test_the_newest_sales_are_short_and_those_that_were_told_to_wait_last():
    sales = [
        open_sale("old", 2, seq=1),
        open_sale("waits", 3, seq=3, backordered=3),
        open_sale("new", 2, seq=2),
    ]
    own = pool(reported=1, sold=7, shortfall=6)
    short = [(one.reference, one.quantity) for one in overpromised(own, sales)]
    assert short == [("new", 2), ("old", 2), ("waits", 2)]
    own = pool(reported=1, reserved=5, sold=2, shortfall=6)
    short = [(one.reference, one.quantity) for one in overpromised(own, sales[:1])]
    assert short == [("old", 1)]
