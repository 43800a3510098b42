"""`shopwire bench`: measures this machine, always beside baselines of the same run."""

import asyncio
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop
from cyclopts import App
from rich.console import Console
from rich.table import Table

from shopwire.cli.bench.common import Databases, write_charts
from shopwire.kernel.errors import SetupProblem
from shopwire.services.garbage import spare_what_lives_on

app = App(name="bench", help="Measure this machine, beside baselines of the same run.")

BENCHES: Final = {
    "log": "shopwire.cli.bench.log",
    "fanout": "shopwire.cli.bench.fanout",
    "screen": "shopwire.cli.bench.screen",
    "peers": "shopwire.cli.bench.peers",
    "slow": "shopwire.cli.bench.slow",
    "storm": "shopwire.cli.bench.storm",
    "bytes": "shopwire.cli.bench.bytes_",
    "simulate": "shopwire.cli.bench.simulate",
    "import": "shopwire.cli.bench.import_",
    "reserve": "shopwire.cli.bench.reserve",
    "checkout": "shopwire.cli.bench.checkout",
    "up": "shopwire.cli.bench.up",
    "routing": "shopwire.cli.bench.routing",
    "reprice": "shopwire.cli.bench.reprice",
}
"""Each module has `async def run(quick, databases) -> dict` and `def charts(result) -> list`."""
RESULTS: Final = Path("bench/results")


@app.default
def bench(
    *names: str,
    quick: bool = False,
    offers: int = 0,
    json: bool = False,
    out: Path = RESULTS,
) -> int:
    """Run one bench by name, several, or all of them.

    Args:
        names: log, fanout, screen, peers, slow, storm, bytes, simulate, import, reserve, checkout,
            up, reprice, routing; all of them when none is named.
        quick: End each within 45 seconds; figures are rougher then.
        offers: Rows of each feed of `import`, such as 1000000; it alone has such a number.
        json: Print one JSON object a bench, nothing else.
        out: Where plots and results are written.
    """
    chosen = names or tuple(name for name, module in BENCHES.items() if find_spec(module))
    for name in chosen:
        if name not in BENCHES or not find_spec(BENCHES[name]):
            raise SetupProblem(
                f"There is no bench {name!r}.", what="bench", reason=f"known: {', '.join(BENCHES)}"
            )
    if offers and chosen != ("import",):
        raise SetupProblem(
            "--offers is for `import` alone.", what="bench", reason="others have no feeds"
        )
    for name in chosen:
        module = import_module(BENCHES[name])
        spare_what_lives_on()  # as a server does; baselines gain from it as we do
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            result = runner.run(_run(module, quick=quick, offers=offers))
        if json:
            sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
            sys.stdout.flush()
        else:
            _print(result)
            for path in write_charts(out, result, module.charts(result)):
                print(f"  {path}")
    return 0


async def _run(module: Any, *, quick: bool, offers: int) -> dict[str, Any]:
    more = {"offers": offers} if offers else {}
    async with Databases() as databases:
        result: dict[str, Any] = await module.run(quick, databases, **more)
    return result


def _print(result: dict[str, Any]) -> None:
    table = Table("figure", "value", title=str(result["bench"]))
    for part in ("ours", "baselines", "ratios", "refused", "lost", "machine"):
        for name, value in _flat(part, result.get(part)):
            table.add_row(name, f"{value:,.2f}" if isinstance(value, float) else str(value))
    Console().print(table)


def _flat(name: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [row for key, inner in value.items() for row in _flat(f"{name}.{key}", inner)]
    return [(name, value)]
