"""The least total by trying everything: slow, and too simple to be wrong.

Nothing of the search is used here. Every way to take a need's units from its options is written
down, unit by unit; every set of suppliers that several needs share is paid for in turn. Given what
is paid, the needs have nothing to do with one another.
"""

from collections.abc import Iterator, Mapping, Sequence

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


def least_total(needs: Sequence[Need], fixed: Mapping[str, int]) -> int | None:
    """The least total of all assignments; None where there is none."""
    serves: dict[str, int] = {}
    for need in needs:
        for option in need.options:
            serves[option.supplier] = serves.get(option.supplier, 0) + 1
    shared = sorted(supplier for supplier, count in serves.items() if count > 1)
    ways = [_ways(need, fixed, shared) for need in needs]
    best: int | None = None
    for paid in range(1 << len(shared)):
        total = sum(fixed.get(name, 0) for at, name in enumerate(shared) if paid >> at & 1)
        for own in ways:
            fitting = [cost for mask, cost in own.items() if mask & ~paid == 0]
            if not fitting:
                break
            total += min(fitting)
        else:
            best = total if best is None else min(best, total)
    return best


def _ways(need: Need, fixed: Mapping[str, int], shared: Sequence[str]) -> dict[int, int]:
    """The least cost by which of the shared suppliers are used, with the others' fixed costs."""
    price = {one.supplier: one.price for one in need.options}
    found: dict[int, int] = {}
    for units in compositions(need):
        mask, cost = 0, 0
        for supplier, count in units.items():
            cost += count * price[supplier]
            if supplier in shared:
                mask |= 1 << shared.index(supplier)
            else:
                cost += fixed.get(supplier, 0)
        found[mask] = min(cost, found.get(mask, cost))
    return found
