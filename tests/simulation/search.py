"""Seeds are looked through until something has happened.

Which seed shows a thing changes whenever tasks run in another order: a test that names one proves
nothing after the next change. A test that looks for it proves the same before and after.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

SEEDS_SOUGHT_MAX = 400
"""After so many seeds it counts as never. What is sought happens in one of twenty, or more often:
in so many, it stays away by chance once in a milliard."""


def first(what: str, look: Callable[[int], T], seeds: Iterable[int] = range(SEEDS_SOUGHT_MAX)) -> T:
    """What `look` found in the first seed in which it found anything."""
    seed = None
    for seed in seeds:
        if found := look(seed):
            return found
    raise AssertionError(f"{what}: in no seed up to {seed}")
