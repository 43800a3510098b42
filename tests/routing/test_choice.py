"""The best assignment is the best: compared with trying everything."""

import random
from itertools import product
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopwire.cli.bench.routing_brute import compositions, cost_of, least_total
from shopwire.modules.routing.choice import Need, Option, greedy, solve

NAMES = "abcdefghij"


def needs_of(
    draw_many: int, options_max: int, units_max: int, names: str
) -> st.SearchStrategy[list[Need]]:
    option = st.builds(
        Option,
        supplier=st.sampled_from(names),
        price=st.integers(-20, 400),
        most=st.integers(0, units_max + 2),
        least=st.integers(1, 3),
    )
    own = st.lists(option, min_size=1, max_size=options_max, unique_by=lambda one: one.supplier)
    need = st.tuples(st.integers(1, units_max), own.map(tuple))
    return st.lists(need, min_size=1, max_size=draw_many).map(
        lambda found: [Need(f"S{at}", *one) for at, one in enumerate(found)]
    )


def least_by_everything(needs, fixed):
    """Tries every assignment of every unit."""
    everything = [list(compositions(need)) for need in needs]
    return min((cost_of(needs, units, fixed) for units in product(*everything)), default=None)


fixed_costs = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 600))


def checked(needs, fixed):
    """The solution's total, after its units were counted and its price added up anew."""
    found = solve(needs, fixed)
    if found is None:
        return None
    for need, own in zip(needs, found.units, strict=True):
        offered = {one.supplier: one for one in need.options}
        assert sum(units for _, units in own) == need.quantity
        assert all(offered[who].least <= units <= offered[who].most for who, units in own)
    assert cost_of(needs, [dict(own) for own in found.units], fixed) == found.total
    assert found.bound <= found.total
    return found


@settings(max_examples=150, deadline=None)
@given(needs_of(3, 3, 3, "abcd"), fixed_costs)
def test_it_is_as_cheap_as_the_cheapest_of_all_assignments(needs, fixed):
    found = checked(needs, fixed)
    assert (found.total if found else None) == least_by_everything(needs, fixed)
    assert (found.total if found else None) == least_total(needs, fixed)


@settings(max_examples=60, deadline=None)
@given(needs_of(6, 5, 5, "abcdefg"), fixed_costs)
def test_six_lines_of_five_offers_are_solved_exactly(needs, fixed):
    found = checked(needs, fixed)
    assert (found.total if found else None) == least_total(needs, fixed)
    assert found is None or found.gap == 0


def test_few_suppliers_that_share_all_lines_are_solved_exactly():
    """The same suppliers are opened in many ways here, and not the cheapest way first."""
    for seed in range(200):
        draw = random.Random(seed)
        needs = [
            Need(
                f"S{at}",
                draw.randint(1, 3),
                tuple(
                    Option(name, draw.randint(10, 200), draw.randint(1, 3))
                    for name in draw.sample("abcd", draw.randint(2, 4))
                ),
            )
            for at in range(draw.randint(2, 5))
        ]
        fixed = {name: draw.randint(0, 150) for name in "abcd"}
        found = checked(needs, fixed)
        assert (found.total if found else None) == least_total(needs, fixed), seed


def test_one_parcel_is_better_than_two_cheap_ones():
    needs = [
        Need("A", 1, (Option("near", 100, 9), Option("both", 130, 9))),
        Need("B", 1, (Option("far", 100, 9), Option("both", 130, 9))),
    ]
    fixed = {"near": 400, "far": 400, "both": 400}
    found = solve(needs, fixed)
    assert found is not None
    assert found.suppliers == ("both",)
    assert found.total == 660
    listed = greedy(needs, fixed)
    assert listed is not None
    assert listed.total == 1_000


def test_a_line_is_split_where_nobody_has_enough():
    need = Need("A", 5, (Option("x", 10, 3), Option("y", 12, 3), Option("z", 50, 3)))
    found = solve([need], {})
    assert found is not None
    assert found.units == ((("x", 3), ("y", 2)),)


def test_a_line_is_split_where_that_is_cheaper_because_both_send_anyway():
    needs = [
        Need("A", 4, (Option("x", 10, 2), Option("y", 30, 9))),
        Need("B", 1, (Option("x", 10, 9),)),
    ]
    found = solve(needs, {"x": 500, "y": 100})
    assert found is not None
    assert dict(found.units[0]) == {"x": 2, "y": 2}


def test_a_smallest_order_is_kept():
    need = Need("A", 4, (Option("x", 10, 3), Option("y", 20, 9, least=3)))
    found = solve([need], {})
    assert found is not None
    assert dict(found.units[0]) == {"x": 1, "y": 3}


def test_what_nobody_has_cannot_be_assigned():
    assert solve([Need("A", 5, (Option("x", 10, 4),))], {}) is None
    assert solve([Need("A", 1, ())], {}) is None


def test_a_negative_fixed_cost_is_a_defect():
    with pytest.raises(ValueError, match="at least 0"):
        solve([Need("A", 1, (Option("x", 1, 1),))], {"x": -1})


def market(seed: int, lines: int, offers: int, suppliers: int, scarce: bool) -> list[Need]:
    random_ = random.Random(seed)
    names = [f"s{at:02}" for at in range(suppliers)]
    return [
        Need(
            f"S{at}",
            random_.randint(1, 6),
            tuple(
                Option(name, random_.randint(500, 1_500), random_.randint(1, 4) if scarce else 99)
                for name in random_.sample(names, offers)
            ),
        )
        for at in range(lines)
    ]


@pytest.mark.parametrize("scarce", [False, True])
def test_the_exact_sizes_are_quick_with_any_number_of_suppliers(scarce):
    times = []
    for suppliers in (5, 8, 12, 20, 30):
        for seed in range(8):
            needs = market(seed, 6, 5, suppliers, scarce)
            fixed = {f"s{at:02}": 300 + 37 * (at * seed % 11) for at in range(suppliers)}
            began = process_time()
            found = solve(needs, fixed)
            times.append(process_time() - began)
            assert found is None or found.gap == 0
    assert sorted(times)[len(times) // 2] < 0.1


def test_more_than_that_ends_and_says_how_far_from_the_best_it_may_be():
    needs = market(3, 40, 7, 30, scarce=True)
    needs = [need._replace(quantity=min(need.quantity, 4)) for need in needs]
    fixed = {f"s{at:02}": 900 for at in range(30)}
    found = solve(needs, fixed)
    assert found is not None
    assert 0 < found.gap < found.total
    assert solve(needs, fixed) == found
    listed = greedy(needs, fixed)
    assert listed is None or found.total <= listed.total


def test_options_beyond_the_limit_leave_the_bound_honest():
    options = tuple(Option(f"s{at:02}", 100 + at, 1) for at in range(12))
    found = solve([Need("A", 8, options)], {"s00": 10_000})
    assert found is not None
    best = least_total([Need("A", 8, options)], {"s00": 10_000})
    assert best is not None
    assert found.bound <= best <= found.total
