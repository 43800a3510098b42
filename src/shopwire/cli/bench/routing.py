"""Bench `routing`: choosing suppliers for real-shaped orders, beside trying everything and a list.

Every choice is compared with the least total of all assignments. The list is what rules in order
do, line by line: the cheapest offer that has enough.
"""

import asyncio
import time
from typing import Any, Final

from shopwire.cli.bench.common import Databases, latencies, machine
from shopwire.cli.bench.routing_brute import cost_of, least_total
from shopwire.cli.bench.routing_orders import Case, cases, open_world, shared_tables
from shopwire.cli.bench.svg import Chart
from shopwire.modules.routing.choice import greedy
from shopwire.modules.routing.weighing import choose, table_of

ORDERS: Final = 10_000
ORDERS_QUICK: Final = 1_000


async def run(quick: bool, _databases: Databases) -> dict[str, Any]:
    """Chooses for each order, and tries everything for the same order."""
    return await asyncio.to_thread(measure, ORDERS_QUICK if quick else ORDERS)


def measure(count: int) -> dict[str, Any]:
    """The figures for so many orders."""
    facts = machine()
    world = open_world(shared_tables())
    seconds: list[float] = []
    tried: list[float] = []
    equal = none = unfilled = 0
    ours = listed = 0
    parcels = listed_parcels = 0
    for case in cases(world, count):
        began = time.perf_counter()
        found = choose(case.wanted, case.known, case.occasion)
        seconds.append(time.perf_counter() - began)
        needs, fixed = table_of(case.wanted, case.known, case.occasion)
        began = time.perf_counter()
        least = least_total(needs, fixed)
        tried.append(time.perf_counter() - began)
        if found is None:
            none += 1
            equal += not needs
            continue
        split = case.known.rules.split_minor
        equal += least is not None and found.sums.total_minor == least - split
        baseline = greedy(needs, fixed)
        if baseline is None:
            unfilled += 1
            continue
        assert cost_of(needs, [dict(own) for own in baseline.units], fixed) == baseline.total
        ours += found.sums.total_minor
        listed += baseline.total - split
        parcels += len(found.parcels)
        listed_parcels += len(baseline.suppliers)
    return {
        "bench": "routing",
        "ours": {
            "equal_to_brute_force": equal / count,
            "orders": count,
            **latencies(seconds),
            "per_s": round(count / sum(seconds)),
            "parcels": parcels,
        },
        "baselines": {
            "greedy": {"unfilled": unfilled, "parcels": listed_parcels},
            "brute_force": latencies(tried),
        },
        "ratios": {
            "greedy_cost": round(listed / ours, 4),
            "greedy_parcels": round(listed_parcels / parcels, 4),
        },
        "refused": none,
        "lost": 0,
        "machine": facts | {"offers": world.source, "shape": _shape(count)},
    }


def _shape(count: int) -> dict[str, int]:
    """What the orders look like, for whoever compares figures."""
    world = open_world(shared_tables())
    found: dict[str, int] = {}
    for case in cases(world, min(count, ORDERS_QUICK)):
        name = f"lines_{_lines(case)}"
        found[name] = found.get(name, 0) + 1
    return dict(sorted(found.items()))


def _lines(case: Case) -> int:
    return len(case.wanted)


def charts(result: dict[str, Any]) -> list[Chart]:
    """The time of a choice, and what a list costs more."""
    ours, tried = result["ours"], result["baselines"]["brute_force"]
    times = [
        ("choice, p50", ours["p50_ms"]),
        ("choice, p95", ours["p95_ms"]),
        ("trying everything, p95", tried["p95_ms"]),
    ]
    costs = [("ours", 1.0), ("greedy list", result["ratios"]["greedy_cost"])]
    orders = f"{ours['orders']:,} orders"
    return [
        Chart(name="time", title=f"One choice, over {orders}", unit="ms", bars=times),
        Chart(name="cost", title=f"Total of {orders}, against ours", unit="", bars=costs),
    ]
