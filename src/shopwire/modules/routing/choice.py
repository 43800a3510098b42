"""Which supplier sends how many of what: the assignment with the least total, and the proof of it.

Everything here is pure arithmetic over integers. A need is units of one SKU. An option is what one
supplier asks for a unit and how many it can give. Opening a supplier costs a fixed amount once, no
matter how many SKUs it sends: that is what makes lines depend on one another, and what a greedy
list gets wrong.

The search walks over the needs; at each it tries the ways in which the need can be met. A way is a
set of suppliers, and its cost is that of filling the cheapest first. What is left costs at least
the sum of each need's cheapest way with a share of the fixed costs: a supplier's fixed cost divided
by the number of needs that it could serve. Where that is no better than the best known, the branch
is cut. Two branches that opened the same suppliers have the same future, so only the cheaper one
goes on.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Final, NamedTuple

EXACT_NEEDS_MAX: Final = 6
"""Needs up to which the search always runs to its end, however long it takes."""
EXACT_OPTIONS_MAX: Final = 5
"""Options of one need up to which the search always runs to its end."""
OPTIONS_MAX: Final = 8
"""Options of one need that are combined; of more only the cheapest, and the result says its gap."""
STEPS_MAX: Final = 60_000
"""Ways that a search beyond the exact sizes weighs, some 20 ms; then it goes on by trial."""
TRIALS_MAX: Final = 1_500
"""Sets of suppliers that are tried where the search did not end; then the best so far stands."""
WAYS_TRIED_MAX: Final = 16
"""Ways of one need, the cheapest, that such a trial chooses among."""


class Option(NamedTuple):
    """What one supplier asks for a unit of a need, and how many it gives."""

    supplier: str
    price: int
    """Of one unit, weighed, in minor units; may be negative where a supplier is preferred."""
    most: int
    """Units that it can give."""
    least: int = 1
    """Fewest units that it takes an order for."""


class Need(NamedTuple):
    """Units of one SKU."""

    sku: str
    quantity: int
    options: tuple[Option, ...]


class Solution(NamedTuple):
    """An assignment, and how good it is."""

    units: tuple[tuple[tuple[str, int], ...], ...]
    """For each need, in the order given: (supplier, units)."""
    total: int
    """Prices of all units, and the fixed cost of every supplier in it, in minor units."""
    bound: int
    """No assignment costs less than this; equal to `total` where that is proved to be the best."""
    steps: int
    """How much was weighed until it stood: the same for the same input."""

    @property
    def gap(self) -> int:
        """By how much a better assignment could be cheaper at most, in minor units."""
        return self.total - self.bound

    @property
    def suppliers(self) -> tuple[str, ...]:
        """Who sends something, sorted."""
        return tuple(sorted({supplier for need in self.units for supplier, _ in need}))


class _Way(NamedTuple):
    """One way to meet a need: these suppliers, as bits, each with some units."""

    cost: int
    mask: int
    units: tuple[tuple[str, int], ...]


def solve(needs: Sequence[Need], fixed: Mapping[str, int]) -> Solution | None:
    """The cheapest assignment; None where a need cannot be met.

    `fixed` is what each supplier costs once, at least 0 minor units. Up to EXACT_NEEDS_MAX needs of
    EXACT_OPTIONS_MAX options the result is proved to be the best; beyond that the search ends after
    STEPS_MAX and TRIALS_MAX steps and `bound` says what is proved. The same input has the same
    result always.
    """
    if any(amount < 0 for amount in fixed.values()):
        raise ValueError("a fixed cost is at least 0")
    names = sorted({option.supplier for need in needs for option in need.options})
    bits = {name: 1 << at for at, name in enumerate(names)}
    ways = [_ways_of(need, bits) for need in needs]
    if not all(ways):
        return None
    exact = len(needs) <= EXACT_NEEDS_MAX and all(
        len(need.options) <= EXACT_OPTIONS_MAX for need in needs
    )
    order = sorted(range(len(needs)), key=lambda at: (len(ways[at]), needs[at].sku, at))
    search = _Search(
        [ways[at] for at in order],
        [fixed.get(name, 0) for name in names],
        None if exact else STEPS_MAX,
    )
    search.run()
    units: list[tuple[tuple[str, int], ...]] = [()] * len(needs)
    for at, way in zip(order, search.best, strict=True):
        units[at] = way.units
    bound = search.bound
    if any(len(need.options) > OPTIONS_MAX for need in needs):
        bound = min(bound, sum(_least_cost(need) for need in needs))
    return Solution(tuple(units), search.total, min(bound, search.total), search.steps)


def can_be_met(need: Need) -> bool:
    """Whether there is any way, whatever it costs: what `solve` says of this need alone."""
    bits = {option.supplier: 1 << at for at, option in enumerate(need.options)}
    return bool(_ways_of(need, bits))


def _ways_of(need: Need, bits: Mapping[str, int]) -> list[_Way]:
    """All ways that could be part of a best assignment, the cheapest first.

    A way is left out where a part of its suppliers does it for no more.
    """
    options = sorted(
        (one for one in need.options if one.most >= max(1, one.least)),
        key=lambda one: (one.price, one.supplier),
    )[:OPTIONS_MAX]
    found: list[_Way] = []
    for size in range(1, len(options) + 1):
        for chosen in combinations(options, size):
            mask = sum(bits[one.supplier] for one in chosen)
            filled = _fill(chosen, need.quantity)
            if filled is None:
                continue
            cost = sum(one.price * units for one, units in zip(chosen, filled, strict=True))
            if any(way.mask & mask == way.mask and way.cost <= cost for way in found):
                continue
            units = tuple((one.supplier, n) for one, n in zip(chosen, filled, strict=True))
            found.append(_Way(cost, mask, units))
    return sorted(found)


def _fill(chosen: Sequence[Option], quantity: int) -> list[int] | None:
    """Units of each so that all of them send something, the cheapest as much as it can."""
    least = [max(1, one.least) for one in chosen]
    left = quantity - sum(least)
    if left < 0:
        return None
    units = list(least)
    for at, one in enumerate(chosen):
        more = min(left, one.most - units[at])
        units[at] += more
        left -= more
    return None if left else units


def _least_cost(need: Need) -> int:
    """What a need costs at least, with nothing fixed and no smallest order."""
    left, cost = need.quantity, 0
    for one in sorted(need.options, key=lambda one: one.price):
        units = min(left, one.most)
        left -= units
        cost += units * one.price
    return cost


class _Search:
    """Branch and bound over the ways of each need; by trial where that takes too long."""

    def __init__(
        self, ways: Sequence[list[_Way]], fixed: Sequence[int], steps_max: int | None
    ) -> None:
        self._ways, self._fixed, self._steps_max = ways, fixed, steps_max
        serves = [0] * len(fixed)
        for own in ways:
            offered = 0
            for way in own:
                offered |= way.mask
            for bit in _bits(offered):
                serves[bit] += 1
        # Rounded down: a share that is too small only makes the bound weaker, never wrong.
        self._shares = [cost // max(1, n) for cost, n in zip(fixed, serves, strict=True)]
        self._costs = {0: 0}
        self._rests: list[dict[int, int]] = [{} for _ in ways]
        self._reached: list[dict[int, int]] = [{} for _ in ways]
        self._path: list[_Way] = []
        self.best: tuple[_Way, ...] = ()
        self.total = -1
        self.steps = 0
        self.bound = 0

    def run(self) -> None:
        """Searches; afterwards `best`, `total` and `bound` say what was found."""
        least = self._rest(0, 0)
        self._walk(0, 0, 0)
        if not self._is_spent():
            self.bound = self.total
            return
        self.bound = least
        self._try_sets()

    def _walk(self, at: int, opened: int, spent: int) -> None:
        if at == len(self._ways):
            if not self.best or spent < self.total:
                self.best, self.total = tuple(self._path), spent
            return
        if self._known(at, opened, spent):
            return
        branches = []
        for way in self._ways[at]:
            new = way.mask & ~opened
            cost = spent + way.cost + self._opening(new)
            after = opened | way.mask
            branches.append((cost + self._rest(at + 1, after), cost, after, way))
        branches.sort()
        for least, cost, after, way in branches:
            if self._is_spent() or (self.best and least >= self.total):
                return
            self._path.append(way)
            self._walk(at + 1, after, cost)
            self._path.pop()

    def _is_spent(self) -> bool:
        return self._steps_max is not None and self.steps >= self._steps_max

    def _try_sets(self) -> None:
        """Leaves one supplier out after the other as long as that is cheaper."""
        few = [own[:WAYS_TRIED_MAX] for own in self._ways]
        allowed = 0
        for own in few:
            for way in own:
                allowed |= way.mask
        now = self._among(few, allowed)
        trials, better = 0, True
        while better and now is not None:
            better = False
            for bit in _bits(allowed):
                if trials == TRIALS_MAX:
                    break
                trials += 1
                found = self._among(few, allowed & ~(1 << bit))
                if found is not None and found[0] < now[0]:
                    now, allowed, better = found, allowed & ~(1 << bit), True
        self.steps += trials
        if now is not None and (not self.best or now[0] < self.total):
            self.total, self.best = now

    def _among(
        self, few: Sequence[list[_Way]], allowed: int
    ) -> tuple[int, tuple[_Way, ...]] | None:
        """Each need's cheapest way by these suppliers, each with its share of what it costs."""
        path, opened, total = list[_Way](), 0, 0
        for own in few:
            fitting = [way for way in own if not way.mask & ~allowed]
            if not fitting:
                return None
            best = min(
                fitting,
                key=lambda way: (
                    way.cost + sum(self._shares[bit] for bit in _bits(way.mask & ~opened)),
                    way,
                ),
            )
            path.append(best)
            total += best.cost + self._opening(best.mask & ~opened)
            opened |= best.mask
        return total, tuple(path)

    def _known(self, at: int, opened: int, spent: int) -> bool:
        """Whether the same suppliers were opened here before for no more."""
        reached = self._reached[at]
        before = reached.get(opened)
        if before is not None and before <= spent:
            return True
        reached[opened] = spent
        return False

    def _opening(self, mask: int) -> int:
        """The fixed costs of suppliers."""
        cost = self._costs.get(mask)
        if cost is None:
            cost = self._costs[mask] = sum(self._fixed[bit] for bit in _bits(mask))
        return cost

    def _rest(self, at: int, opened: int) -> int:
        """What the needs from here on cost at least, with these suppliers open already."""
        if at == len(self._ways):
            return 0
        known = self._rests[at].get(opened)
        if known is None:
            self.steps += len(self._ways[at])
            known = self._rest(at + 1, opened) + min(
                way.cost + sum(self._shares[bit] for bit in _bits(way.mask & ~opened))
                for way in self._ways[at]
            )
            self._rests[at][opened] = known
        return known


def _bits(mask: int) -> Iterable[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def greedy(needs: Sequence[Need], fixed: Mapping[str, int]) -> Solution | None:
    """What a list of rules in order does, need by need: the cheapest supplier that has enough.

    Where nobody has enough the cheapest ones are emptied in turn. It does not see that a second
    parcel costs, and is kept to be compared with. None where a need cannot be met.
    """
    units: list[tuple[tuple[str, int], ...]] = []
    total, opened = 0, set[str]()
    for need in needs:
        options = sorted(need.options, key=lambda one: (one.price, one.supplier))
        whole = [one for one in options if one.least <= need.quantity <= one.most]
        parts, left = list[tuple[str, int]](), need.quantity
        for one in whole[:1] or options:
            taken = min(left, one.most)
            if taken >= max(1, one.least):
                parts.append((one.supplier, taken))
                total += taken * one.price
                left -= taken
        if left:
            return None
        opened |= {supplier for supplier, _ in parts}
        units.append(tuple(parts))
    total += sum(fixed.get(supplier, 0) for supplier in opened)
    return Solution(tuple(units), total, total, 0)
