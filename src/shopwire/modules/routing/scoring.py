"""How well a supplier keeps its word, as a number that can be explained: pure.

Everything that a supplier did counts, and counts less with time: half after HALF_LIFE_DAYS. Sums
are kept in thousandths of a unit, so that they stay integers. Each part of the score is a share of
what went well, drawn towards PRIOR as if PRIOR_WEIGHT cases had been seen before the first one: a
supplier of whom nothing is known has the prior, and one bad day does not ruin it.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

SCORE_MAX: Final = 1_000
"""The score of a supplier that always keeps its word."""
PRIOR: Final = 900
"""What each part of a score is before anything is known."""
PRIOR_WEIGHT: Final = 5
"""How many cases the prior counts as."""
UNIT: Final = 1_000
"""What a case that happened just now counts."""
HALF_LIFE_DAYS: Final = 60
"""After how many days a case counts half."""
DAYS_MAX: Final = 20 * HALF_LIFE_DAYS
"""Days after which nothing is left of a case."""
DAY_MS: Final = 24 * 3_600_000
"""Milliseconds of a day."""
_DAILY_PPM: Final = 988_514
"""What is left after a day, in millionths: its 60th power is a half."""

WEIGHTS: Final[Mapping[str, int]] = {
    "acknowledged": 15,
    "shipped": 30,
    "accepted": 25,
    "kept": 15,
    "honest": 15,
}
"""Percent of the score that each part makes."""


class Tallies(msgspec.Struct, frozen=True, kw_only=True):
    """What a supplier did, in thousandths that fade; all at least 0."""

    answers: int = 0
    """Purchase orders that it had to answer."""
    answers_in_time: int = 0
    answer_ms: int = 0
    """Time of all answers, each as its weight times milliseconds divided by UNIT."""
    parcels: int = 0
    """Purchase orders that it had to ship."""
    parcels_in_time: int = 0
    parcel_ms: int = 0
    """Time from the answer to the first parcel, as `answer_ms`."""
    units: int = 0
    """Units that it was asked for and answered."""
    refused: int = 0
    promised: int = 0
    """Units that it accepted."""
    withdrawn: int = 0
    """Units that it accepted and gave up later."""
    sold: int = 0
    """Units that were sold from its counts."""
    short: int = 0
    """Units that were sold from its counts and that it lacked."""


def faded(tallies: Tallies, days: int) -> Tallies:
    """What is left of them after so many whole days."""
    if days <= 0:
        return tallies
    if days >= DAYS_MAX:
        return Tallies()
    left = 1_000_000
    for _ in range(days):
        left = left * _DAILY_PPM // 1_000_000
    fields = msgspec.structs.asdict(tallies)
    return Tallies(**{name: value * left // 1_000_000 for name, value in fields.items()})


def added(tallies: Tallies, **cases: int) -> Tallies:
    """With further cases; times are added as they are, everything else as cases."""
    return replace(
        tallies,
        **{
            name: getattr(tallies, name) + (count if name.endswith("_ms") else count * UNIT)
            for name, count in cases.items()
        },
    )


def parts_of(tallies: Tallies) -> dict[str, int]:
    """Each part of the score, from 0 to SCORE_MAX, by its name in WEIGHTS."""
    return {
        "acknowledged": _share(tallies.answers_in_time, tallies.answers),
        "shipped": _share(tallies.parcels_in_time, tallies.parcels),
        "accepted": _share(tallies.units - tallies.refused, tallies.units),
        "kept": _share(tallies.promised - tallies.withdrawn, tallies.promised),
        "honest": _share(tallies.sold - tallies.short, tallies.sold),
    }


def _share(good: int, all_: int) -> int:
    """A share drawn towards the prior, from 0 to SCORE_MAX."""
    weight = PRIOR_WEIGHT * UNIT
    good = max(0, min(good, all_))
    return (good * SCORE_MAX + weight * PRIOR) // (all_ + weight)


def score_of(tallies: Tallies) -> int:
    """The score, from 0 to SCORE_MAX: its parts by their weights."""
    parts = parts_of(tallies)
    return sum(parts[name] * percent for name, percent in WEIGHTS.items()) // 100


def mean_ms(total_ms: int, cases: int) -> int | None:
    """The mean of times, in milliseconds; None where there was no case."""
    return total_ms * UNIT // cases if cases else None


UNKNOWN: Final = score_of(Tallies())
"""The score of a supplier of whom nothing is known."""
