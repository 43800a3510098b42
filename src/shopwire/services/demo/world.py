"""How the demo's parties behave: each supplier in a way of its own."""

from collections.abc import Mapping
from typing import Final

from shopwire.adapters.suppliers import Habits
from shopwire.services.demo.shelves import Shelves
from shopwire.services.outside import World

HABITS: Final[Mapping[str, Habits]] = {
    # Quick and reliable.
    "kiln-co": Habits(
        answers="now", answer_ms=200, ship_ms=12_000, track_ms=7_000, carrier="swiftpost"
    ),
    # Sends in two parcels, and tells some things twice.
    "loomhouse": Habits(
        acknowledge_ms=3_000, ship_ms=15_000, track_ms=8_000, splits=0.4, twice=0.2,
        carrier="parcelway",
    ),
    # Counts badly: now and then it has fewer than it said.
    "rivet-cycles": Habits(
        acknowledge_ms=4_000, ship_ms=20_000, track_ms=9_000, partial=0.05, refuses=0.02,
        carrier="heavyhaul",
    ),
    # Its line is bad: requests and answers get lost.
    "daybreak-lighting": Habits(
        acknowledge_ms=2_500, ship_ms=14_000, track_ms=8_000, request_lost=0.04, answer_lost=0.06,
        delayed=0.04, away=0.1, carrier="swiftpost",
    ),
    # Slow, and sells the same goods to others meanwhile; its carrier mixes things up.
    "harbour-wholesale": Habits(
        acknowledge_ms=12_000, ship_ms=30_000, track_ms=10_000, refuses=0.04, silent=0.03,
        shuffles=0.3, troubled=0.1, carrier="harbourline",
    ),
}  # fmt: skip


def demo_world(shelves: Shelves) -> World:
    """Suppliers with these shelves and their habits; payments go by the shoppers' cards."""
    return World(habits=HABITS, stockroom=shelves)
