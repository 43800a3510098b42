"""Whatever the network and the log do: no step back, no gap, no torn transaction, no false live."""

import os
from collections import Counter

import pytest
from tests.simulation.search import first

from shopwire.testing.simulation.screens import World
from shopwire.testing.simulation.verdict import judge

SEEDS = int(os.environ.get("SHOPWIRE_SEEDS", "600"))
"""Histories; more of them by SHOPWIRE_SEEDS=10000."""
SLICES = 20
STEPS = 400
WANTED = Counter(reset=5, patch=100, batch=100, live=50, leftover=5)
"""What a proof has to have seen, and how often."""


@pytest.mark.parametrize("slice_", range(SLICES))
def test_every_history_ends_at_the_truth(slice_):
    assert judge(range(slice_, SEEDS, SLICES), STEPS).violations == ()


def test_the_simulation_reaches_what_it_is_for():
    seen = Counter()

    def reached(seed):
        nonlocal seen
        world = World(seed)
        world.run(steps=STEPS)
        for client in world.clients:
            seen += client.seen
        return seen >= WANTED

    first(f"{WANTED}", reached)
