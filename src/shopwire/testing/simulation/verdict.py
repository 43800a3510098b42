"""What came of many histories of screens."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from shopwire.testing.simulation.screens import World

FALSE_LIVE: Final = frozenset(
    {"live too early", "live without a document", "a beat before its document", "a false proof"}
)
"""What is found where a screen says that it is up to date, and is not."""


class Verdict(NamedTuple):
    """What came of many histories."""

    seeds: int
    violations: tuple[str, ...]
    """With their seeds."""
    false_live: int
    """Of these, screens that said that they were up to date and were not."""
    seen: Counter[str]
    """Messages that clients took, by kind: a proof that never met one proves nothing of it."""


def judge(seeds: Iterable[int], steps: int, make: Callable[[int], World] = World) -> Verdict:
    """Runs histories to their ends; never raises for what one of them broke."""
    count, lies = 0, 0
    violations: list[str] = []
    seen: Counter[str] = Counter()
    for seed in seeds:
        count += 1
        world = make(seed)
        try:
            world.run(steps)
            world.settle()
            world.check_end()
        except AssertionError as problem:
            violations.append(f"seed {seed}: {problem}")
            lies += str(problem) in FALSE_LIVE
        for client in world.clients:
            seen += client.seen
    return Verdict(count, tuple(violations), lies, seen)
