"""From which pools the units of a hold come."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from shopwire.modules.inventory.api import HoldLine, Preferred
from shopwire.modules.inventory.domain import Pool


class Wanted(NamedTuple):
    """Units of one SKU that one line wants, and where from."""

    quantity: int
    supplier: str | None
    avoid: tuple[str, ...]
    line: HoldLine | None = None

    def takes(self, supplier: str) -> bool:
        """Whether units of this supplier will do."""
        if self.supplier is not None and supplier != self.supplier:
            return False
        return supplier not in self.avoid


class Portion(NamedTuple):
    """Units of one pool: those that the supplier has, and those it does not have yet."""

    pool: Pool
    there: int
    beyond: int


def wanted_units(lines: Sequence[HoldLine]) -> dict[str, list[Wanted]]:
    """What the lines want of each SKU; a set wants its parts, and equal SKUs come together."""
    if len(lines) == 1 and not lines[0].parts:
        only = lines[0]
        return {only.sku: [Wanted(only.quantity, only.supplier, only.avoid, only)]}
    found: dict[str, list[Wanted]] = {}
    for line in lines:
        for sku, quantity in (
            [(part.sku, part.quantity * line.quantity) for part in line.parts]
            if line.parts
            else [(line.sku, line.quantity)]
        ):
            one = Wanted(quantity, line.supplier, line.avoid, line)
            found.setdefault(sku, []).append(one)
    return found


def choose(
    pools: Sequence[Pool],
    wanted: Sequence[Wanted],
    buffer: int,
    beyond_max: int,
    prefer: Sequence[Preferred] = (),
) -> list[Portion] | None:
    """Which pools give how much; None where they have too little.

    Those preferred first, then the fullest pool, ties by supplier, and units that are there before
    units that are not. Who may choose among fewest suppliers is served first.
    """
    if len(pools) == 1 and len(wanted) == 1:
        return _from_one(pools[0], wanted[0], buffer, beyond_max)
    there = {pool.supplier: pool.sellable(buffer) for pool in pools}
    beyond = {pool.supplier: pool.beyond(buffer, beyond_max) for pool in pools}
    taken: dict[str, list[int]] = {}
    if len(wanted) > 1:
        wanted = sorted(wanted, key=lambda one: sum(map(one.takes, there)))
    wishes = [[wish.supplier, wish.quantity] for wish in prefer]
    for one in wanted:
        left = one.quantity
        for kind, room in enumerate((there, beyond)):
            left -= _take_preferred(one, left, kind, room, taken, wishes)
            left -= _take(one, left, kind, room, taken)
        if left:
            return None
    by_supplier = {pool.supplier: pool for pool in pools}
    return [Portion(by_supplier[supplier], *units) for supplier, units in taken.items()]


def _from_one(pool: Pool, one: Wanted, buffer: int, beyond_max: int) -> list[Portion] | None:
    there = min(one.quantity, pool.sellable(buffer))
    beyond = one.quantity - there
    if not one.takes(pool.supplier) or (beyond and beyond > pool.beyond(buffer, beyond_max)):
        return None
    return [Portion(pool, there, beyond)]


def _take(
    one: Wanted, left: int, kind: int, room: dict[str, int], taken: dict[str, list[int]]
) -> int:
    """Takes up to `left` units where there is room; returns how many."""
    got = 0
    for supplier in sorted(room, key=lambda name: (-room[name], name)):
        units = min(left - got, room[supplier])
        if units > 0 and one.takes(supplier):
            room[supplier] -= units
            taken.setdefault(supplier, [0, 0])[kind] += units
            got += units
    return got


def _take_preferred(
    one: Wanted,
    left: int,
    kind: int,
    room: dict[str, int],
    taken: dict[str, list[int]],
    wishes: list[list[Any]],
) -> int:
    """Takes units of those preferred, of each as many as are wished; returns how many.

    What a wish had of it is taken off it, so that the next line does not have it again.
    """
    got = 0
    for wish in wishes:
        supplier, most = wish
        units = min(left - got, room.get(supplier, 0))
        units = units if most is None else min(units, most)
        if units > 0 and one.takes(supplier):
            room[supplier] -= units
            taken.setdefault(supplier, [0, 0])[kind] += units
            got += units
            if most is not None:
                wish[1] -= units
    return got


def available_to(pools: Iterable[Pool], one: Wanted, buffer: int, beyond_max: int) -> int:
    """How many units a line could have if nobody else in its hold took any."""
    return sum(
        pool.sellable(buffer) + pool.beyond(buffer, beyond_max)
        for pool in pools
        if one.takes(pool.supplier)
    )


def sets_of(parts: Iterable[tuple[int, int]]) -> int:
    """How many sets there are, of (units that there are, units in one set) for each part."""
    return min((units // each for units, each in parts), default=0)
