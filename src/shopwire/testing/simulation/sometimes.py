"""Rare things that a proof has to have seen: a run that never met them proves nothing of them."""

from collections import Counter
from collections.abc import Collection


class Sometimes:
    """Counts what happened; call it with the name of what just did."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def __call__(self, what: str) -> None:
        """It happened once more."""
        self.seen[what] += 1

    def add(self, other: "Sometimes") -> None:
        """What another run saw."""
        self.seen.update(other.seen)

    def missed(self, wanted: Collection[str]) -> list[str]:
        """Which of the wanted things never happened."""
        return sorted(set(wanted) - self.seen.keys())
