"""Whatever the network and the log do: no step back, no gap, no torn transaction, no false live."""

import os
from collections import Counter

import pytest

from shopwire.testing.simulation.screens import World
from shopwire.testing.simulation.verdict import judge

SEEDS = int(os.environ.get("SHOPWIRE_SEEDS", "600"))
"""Histories; more of them by SHOPWIRE_SEEDS=10000."""
SLICES = 20
STEPS = 400


@pytest.mark.parametrize("slice_", range(SLICES))
def test_every_history_ends_at_the_truth(slice_):
    assert judge(range(slice_, SEEDS, SLICES), STEPS).violations == ()


def test_the_simulation_reaches_what_it_is_for():
    seen = Counter()
    for seed in range(150):
        world = World(seed)
        world.run(steps=STEPS)
        for client in world.clients:
            seen += client.seen
    assert seen["reset"] > 5
    assert seen["patch"] > 100
    assert seen["batch"] > 100
    assert seen["live"] > 50
    assert seen["leftover"] > 5
