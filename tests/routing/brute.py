"""The best assignment by trying everything: slow, and too simple to be wrong."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

from shopwire.modules.routing.choice import Need


def compositions(need: Need) -> Iterator[dict[str, int]]:
    """Every way to take a need's units from its options."""

    def split(at: int, left: int) -> Iterator[dict[str, int]]:
        if at == len(need.options):
            if not left:
                yield {}
            return
        option = need.options[at]
        for units in range(min(left, option.most) + 1):
            if units and units < option.least:
                continue
            for rest in split(at + 1, left - units):
                yield {option.supplier: units, **rest} if units else rest

    return split(0, need.quantity)


def cost_of(
    needs: Sequence[Need], units: Sequence[Mapping[str, int]], fixed: Mapping[str, int]
) -> int:
    """What an assignment costs, added up anew."""
    prices = [{one.supplier: one.price for one in need.options} for need in needs]
    opened = {supplier for own in units for supplier in own}
    total = sum(fixed.get(supplier, 0) for supplier in opened)
    for own, price in zip(units, prices, strict=True):
        total += sum(price[supplier] * count for supplier, count in own.items())
    return total


def least_by_everything(needs: Sequence[Need], fixed: Mapping[str, int]) -> int | None:
    """Tries every assignment of every unit."""
    everything = [list(compositions(need)) for need in needs]
    return min((cost_of(needs, units, fixed) for units in product(*everything)), default=None)


def least_by_suppliers(needs: Sequence[Need], fixed: Mapping[str, int]) -> int | None:
    """Tries every set of suppliers that are paid for; with them each need stands alone."""
    names = sorted({option.supplier for need in needs for option in need.options})
    everything = []
    for need in needs:
        price = {one.supplier: one.price for one in need.options}
        everything.append(
            [
                (
                    sum(1 << names.index(supplier) for supplier in units),
                    sum(price[supplier] * count for supplier, count in units.items()),
                )
                for units in compositions(need)
            ]
        )
    best = None
    for paid in range(1 << len(names)):
        costs = [min(_within(ways, paid), default=None) for ways in everything]
        if any(cost is None for cost in costs):
            continue
        total = sum(cost for cost in costs if cost is not None)
        total += sum(fixed.get(name, 0) for at, name in enumerate(names) if paid >> at & 1)
        best = total if best is None else min(best, total)
    return best


def _within(ways: Iterable[tuple[int, int]], paid: int) -> Iterator[int]:
    return (cost for mask, cost in ways if mask & ~paid == 0)
