"""Bench `simulate`: seeded histories of a hub and its clients, and what they broke.

Each seed makes two: one with bad networks alone, one with rights that come and go, too.
"""

import asyncio
import time
from concurrent.futures import ProcessPoolExecutor
from os import cpu_count
from typing import Any, Final

from shopwire.cli.bench.common import Databases, machine
from shopwire.cli.bench.svg import Chart
from shopwire.testing.simulation.screens import World
from shopwire.testing.simulation.stories import StoryWorld
from shopwire.testing.simulation.verdict import Verdict, judge

SEEDS: Final = 10_000
SEEDS_QUICK: Final = 500
STEPS: Final = 400
"""Of one history, before everything comes to rest."""


async def run(quick: bool, databases: Databases) -> dict[str, Any]:
    """`violations` and `false_live` are to be 0; `examples` name seeds to look at again."""
    del databases  # the log is in memory, and goes wrong as the seed says
    facts = machine()
    seeds, workers = SEEDS_QUICK if quick else SEEDS, max(1, cpu_count() or 1)
    loop = asyncio.get_running_loop()
    began = time.monotonic()
    with ProcessPoolExecutor(workers) as pool:
        parts = [
            loop.run_in_executor(pool, judge, range(first, seeds, workers), STEPS, world)
            for world in (World, StoryWorld)
            for first in range(workers)
        ]
        verdicts: list[Verdict] = await asyncio.gather(*parts)
    spent_s = time.monotonic() - began
    violations = [each for verdict in verdicts for each in verdict.violations]
    seen = sum((verdict.seen for verdict in verdicts), verdicts[0].seen.__class__())
    return {
        "bench": "simulate",
        "quick": quick,
        "ours": {
            "seeds": sum(verdict.seeds for verdict in verdicts),
            "violations": len(violations),
            "false_live": sum(verdict.false_live for verdict in verdicts),
            "seeds_per_s": round(sum(verdict.seeds for verdict in verdicts) / spent_s, 1),
            "messages": dict(sorted(seen.items())),
            "examples": violations[:5],
        },
        "baselines": {},
        "ratios": {},
        "refused": 0,
        "lost": len(violations),
        "machine": {**facts, "steps": STEPS},
    }


def charts(result: dict[str, Any]) -> list[Chart]:
    """What the histories were made of."""
    messages = result["ours"]["messages"]
    return [
        Chart(
            name="messages",
            title="Messages that clients took",
            unit="",
            bars=[(name, float(count)) for name, count in messages.items()],
        )
    ]
