"""Whatever crashes, is delayed, doubled, reordered or lost: no unit and no answer goes wrong.

A failing seed is printed; `python -m shopwire.testing.simulation --seed N` shows it again.
"""

import logging
import os
import subprocess
import sys

import pytest
import structlog

from shopwire.adapters.memory.storage import MemoryTransaction
from shopwire.kernel.storage import Claimed
from shopwire.testing.simulation.__main__ import main
from shopwire.testing.simulation.sometimes import Sometimes
from shopwire.testing.simulation.workloads import WORKLOADS
from shopwire.testing.simulation.world import Violated, World

pytestmark = pytest.mark.slow

SEEDS = {"stock": 400, "checkout": 150}
"""Histories of each workload; `shopwire.testing.simulation` runs more of them."""
SEEDS_SOAK = {"stock": 10_000, "checkout": 3_000}
SLICES = 10


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
        assert everything.missed(WORKLOADS[workload].wanted) == []


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


def found(workload="stock", seeds=60):
    """Seeds that show a defect, with what they say."""
    bad = {}
    for seed in range(seeds):
        try:
            World(seed, WORKLOADS[workload]()).run()
        except Violated as problem:
            bad[seed] = str(problem)
    return bad


def test_answers_that_are_not_remembered_are_found(monkeypatch):
    async def forgetful(self, claims):
        return [Claimed(mine=True, fingerprint=claim.fingerprint) for claim in claims]

    monkeypatch.setattr(MemoryTransaction, "claim", forgetful)
    monkeypatch.setattr(MemoryTransaction, "answer", _remembers_nothing)
    bad = found()
    assert any("effects" in text for text in bad.values())
    assert any("--seed" in text for text in bad.values())


async def _remembers_nothing(self, answers):
    return None
