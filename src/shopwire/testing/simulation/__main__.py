"""Runs seeds from the command line: one of them to look at, or many to find a bad one."""

import argparse
import logging
import sys
import time
from collections.abc import Iterable

import structlog

from shopwire.testing.simulation.sometimes import Sometimes
from shopwire.testing.simulation.workloads import WORKLOADS
from shopwire.testing.simulation.world import Violated, World


def main(arguments: list[str] | None = None) -> int:
    """Returns 1 where a seed is bad, or where a rare thing was never seen."""
    parser = argparse.ArgumentParser(prog="python -m shopwire.testing.simulation")
    parser.add_argument("--seed", type=int, help="one seed, with its whole history")
    parser.add_argument("--from", type=int, default=0, dest="first", help="first of many seeds")
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds")
    parser.add_argument("--workload", choices=sorted(WORKLOADS), default="stock")
    parser.add_argument("--log", action="store_true", help="show what the servers log")
    chosen = parser.parse_args(arguments)
    level = logging.INFO if chosen.log else logging.CRITICAL
    logging.basicConfig(level=level)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))
    if chosen.seed is not None:
        return _one(chosen.workload, chosen.seed)
    return _many(chosen.workload, range(chosen.first, chosen.first + chosen.seeds))


def _one(workload: str, seed: int) -> int:
    world = World(seed, WORKLOADS[workload]())
    bad = _problem(world)
    for call in world.recorder.calls:
        _say(call.told())
    for what, count in sorted(world.sometimes.seen.items()):
        _say(f"{count:>6} x {what}")
    end = f"{world.loop.steps} steps, {world.loop.time():.1f} s simulated"
    _say(
        f"{world.faults}\n{sum(map(len, world.events))} events, {end}\n{bad or 'nothing is wrong'}"
    )
    return 1 if bad else 0


def _many(workload: str, seeds: Iterable[int]) -> int:
    seen, bad, began = Sometimes(), list[int](), time.perf_counter()
    count = 0
    for seed in seeds:
        world = World(seed, WORKLOADS[workload]())
        problem = _problem(world)
        seen.add(world.sometimes)
        count += 1
        if problem:
            bad.append(seed)
            _say(problem)
    missed = seen.missed(WORKLOADS[workload].wanted)
    for what, often in sorted(seen.seen.items()):
        _say(f"{often:>8} x {what}")
    _say(f"{count} seeds in {time.perf_counter() - began:.1f} s, bad: {bad}, never seen: {missed}")
    return 1 if bad or missed else 0


def _problem(world: World) -> str:
    try:
        world.run()
    except Violated as problem:
        return str(problem)
    except Exception as problem:  # noqa: BLE001 - whatever it is, its seed must be told
        return f"seed {world.seed}: {type(problem).__name__}: {problem}"
    return ""


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
