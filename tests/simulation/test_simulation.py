"""Whatever crashes, is delayed, doubled, reordered or lost: no unit and no answer goes wrong.

A failing seed is printed; `python -m shopwire.testing.simulation --seed N` shows it again.
"""

import logging
import os
import subprocess
import sys
from typing import ClassVar

import pytest
import structlog
from tests.crash.careless import careless
from tests.simulation.search import SEEDS_SOUGHT_MAX, first

from shopwire.adapters.memory.storage import MemoryTransaction
from shopwire.kernel.storage import Claimed
from shopwire.modules.inventory.commands import HANDLERS
from shopwire.modules.orders.api import CHECKOUT_MS
from shopwire.services import activities
from shopwire.testing.simulation.__main__ import main
from shopwire.testing.simulation.checkout import CheckoutWorkload
from shopwire.testing.simulation.checkout_world import HALF_DONE_MS_MAX
from shopwire.testing.simulation.database import Head
from shopwire.testing.simulation.ledgers import POOL_RULES
from shopwire.testing.simulation.sometimes import Sometimes
from shopwire.testing.simulation.stock import StockWorkload
from shopwire.testing.simulation.workloads import WORKLOADS
from shopwire.testing.simulation.world import Violated, World

pytestmark = pytest.mark.slow

SEEDS = {"stock": 430, "checkout": 70}
"""Histories of each workload, the same in every run: 500 together are what every change is held to.
`make soak` and `shopwire.testing.simulation` run more of them."""
SEEDS_SOAK = {"stock": 10_000, "checkout": 3_000}
SLICES = 10
SEEDS_ON_A_SCHEMA = 15


def run(workload, seeds):
    seen = Sometimes()
    for seed in seeds:
        try:
            seen.add(World(seed, WORKLOADS[workload]()).run())
        except Exception as problem:
            raise AssertionError(f"{workload} seed {seed}: {problem!r}") from problem
    return seen


@pytest.fixture(autouse=True)
def _quiet(caplog):
    """What servers log while they are tormented would fill the memory."""
    caplog.set_level(logging.CRITICAL)
    logging.disable(logging.CRITICAL)
    before = structlog.get_config()
    silent = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=silent, cache_logger_on_first_use=False)
    yield
    structlog.configure(**before)
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def seen():
    """What all slices of a workload have seen so far."""
    return {workload: (Sometimes(), set()) for workload in WORKLOADS}


@pytest.mark.parametrize("slice_", range(SLICES))
@pytest.mark.parametrize("workload", WORKLOADS)
def test_every_history_keeps_every_promise(workload, slice_, seen):
    own = run(workload, range(slice_, SEEDS[workload], SLICES))
    everything, slices = seen[workload]
    everything.add(own)
    slices.add(slice_)
    if len(slices) == SLICES:
        see_the_rest(workload, everything)


def see_the_rest(workload, seen):
    """What a proof has to have seen and is rare may want a few seeds more."""

    def sees_all(seed):
        wanted = WORKLOADS[workload].wanted
        if seen.missed(wanted):
            seen.add(run(workload, [seed]))
        return not seen.missed(wanted)

    more = range(SEEDS[workload], SEEDS[workload] + SEEDS_SOUGHT_MAX)
    first(f"all of {workload}, of which {seen.missed(WORKLOADS[workload].wanted)}", sees_all, more)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("workload", WORKLOADS)
def test_every_history_of_a_long_night_keeps_every_promise(workload):
    seen = run(workload, range(SEEDS_SOAK[workload]))
    assert seen.missed(WORKLOADS[workload].wanted) == []


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_seed_is_the_same_history_each_time(workload):
    for seed in range(5):
        one, other = (World(seed, WORKLOADS[workload]()) for _ in range(2))
        one.run()
        garbage = [object() for _ in range(1_000)]  # other objects at other places
        other.run()
        assert one.digest() == other.digest()
        del garbage


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_seed_is_the_same_history_in_every_process(workload):
    told = set()
    for hash_seed in ("1", "2", "random"):
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "shopwire.testing.simulation",
                "--seed=2",
                f"--workload={workload}",
            ],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        told.add(done.stdout)
    assert len(told) == 1


def test_seeds_can_be_run_from_the_command_line(capsys):
    assert main(["--seed", "3"]) == 0
    told = capsys.readouterr().out
    assert "nothing is wrong" in told
    assert "client0: " in told


def told_by(workload, seed):
    """What is wrong in a world with a defect in it; nothing where the defect did not show."""
    try:
        World(seed, workload()).run()
    except Violated as problem:
        return str(problem)
    return ""


def found(workload, words):
    """What the first world says in which a defect shows by these words."""

    def look(seed):
        told = told_by(workload, seed)
        return told if words in told else ""

    return first(f"{workload.__name__}: {words!r}", look)


def test_answers_that_are_not_remembered_are_found(monkeypatch):
    async def claim(self, claims):
        return [Claimed(mine=True, fingerprint=claim.fingerprint) for claim in claims]

    async def answer(self, answers):
        return None

    monkeypatch.setattr(MemoryTransaction, "claim", claim)
    monkeypatch.setattr(MemoryTransaction, "answer", answer)
    assert "--seed" in found(StockWorkload, "effects: ")


def test_writers_that_do_not_wait_for_each_other_are_found(monkeypatch):
    async def at_once(self):
        return None

    monkeypatch.setattr(Head, "__aenter__", at_once)
    monkeypatch.setattr(Head, "release", lambda self, task: None)
    monkeypatch.setattr(Head, "forget", lambda self, process: None)
    assert found(StockWorkload, "finding")


def test_what_a_checkout_waits_for_by_its_settings_fits_the_promise():
    assert CHECKOUT_MS + activities.LOOK_AGAIN_MS_MAX <= HALF_DONE_MS_MAX == 30_000


def test_orders_that_stay_half_done_are_found(monkeypatch):
    """The sweep looks too seldom for what is promised: 30 s after the last fault."""
    monkeypatch.setattr(activities, "LOOK_AGAIN_MS_MAX", 20 * activities.LOOK_AGAIN_MS_MAX)
    assert found(CheckoutWorkload, "it is half-done for")


class Careless(StockWorkload):
    """Holds are booked without a look at what there is, and no schema has the last word."""

    constraints: ClassVar = {}
    handlers = careless(HANDLERS)


class CarelessOnASchema(Careless):
    """The same, with the schema."""

    constraints = POOL_RULES


def test_units_that_are_promised_twice_are_found():
    assert found(Careless, "bounds: ")


def test_the_schema_alone_keeps_every_promise_about_stock():
    for seed in range(SEEDS_ON_A_SCHEMA):
        assert told_by(CarelessOnASchema, seed) == ""


class Unswept(StockWorkload):
    """Nobody ends the holds whose time is over."""

    def companion(self, world, server):
        return ()


def test_holds_that_nobody_ends_are_found():
    assert found(Unswept, "rest: world")
