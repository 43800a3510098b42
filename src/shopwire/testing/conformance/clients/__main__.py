"""Checks a client: `python -m shopwire.testing.conformance.clients -- COMMAND OF ITS DRIVER`."""

import argparse
import asyncio
import sys
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final

from shopwire.testing.conformance.clients.at_doors import DOORS, RULES_AT_DOORS, DoorRule
from shopwire.testing.conformance.clients.driver import Driver, UnsupportedError
from shopwire.testing.conformance.clients.rules import RULES
from shopwire.testing.conformance.clients.stage import Stage
from shopwire.testing.conformance.remote import NotOfferedError, RemoteTarget
from shopwire.testing.conformance.sync_doors import DoorsTarget

PASSED: Final = 0
FAILED: Final = 1
NOT_RUN: Final = 2
"""Exit codes: every rule that could be checked is kept; one is broken; nothing was checked."""
_RULES: Final = ("rules.py", "at_doors.py")
"""Where a line that failed is looked for."""
ClientRule = Callable[[Driver], Awaitable[None]]
RULE_S_MAX: Final = 60.0
"""Longest time of one rule."""


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m shopwire.testing.conformance.clients",
        description="Checks a client of sync protocol 1, rule by rule.",
    )
    parser.add_argument("--only", default="", help="only rules with these words in their names")
    parser.add_argument("--server", default="", help="a real server's WebSocket; asks its doors")
    parser.add_argument("--control", default="", help="address of that server's back door")
    parser.add_argument("--door", action="append", choices=DOORS, help="only these of its doors")
    parser.add_argument("--list", action="store_true", help="name the rules and check nothing")
    parser.add_argument("driver", nargs="*", help="the command that drives the client, behind --")
    chosen = parser.parse_args(arguments)
    rules: dict[str, ClientRule] = {name: _on_a_stage(rule) for name, rule in RULES.items()}
    if chosen.server:
        target = RemoteTarget(chosen.server, control_url=chosen.control)
        rules = at_doors(target, chosen.door or DOORS)
    rules = {name: rule for name, rule in rules.items() if chosen.only in name}
    if chosen.list:
        for name, rule in rules.items():
            _say(f"{name:<40}  {(rule.__doc__ or '').splitlines()[0]}")
        return PASSED
    if not rules or not chosen.driver or not __debug__:
        sys.stderr.write("name a driver behind --, and rules that there are; run without -O\n")
        return NOT_RUN
    return asyncio.run(_check_all(chosen.driver, rules))


def _on_a_stage(rule: Callable[[Stage, Driver], Awaitable[None]]) -> ClientRule:
    """With a server of its own."""

    async def played(driver: Driver) -> None:
        async with Stage() as stage:
            await rule(stage, driver)

    played.__doc__ = rule.__doc__
    return played


def at_doors(target: DoorsTarget, doors: Iterable[str]) -> dict[str, ClientRule]:
    """The rules for a client at doors of a real server, by `door: rule`."""
    return {
        f"{door}: {name}": _at_a_door(target, door, rule)
        for door in doors
        for name, rule in RULES_AT_DOORS.items()
    }


def _at_a_door(target: DoorsTarget, door: str, rule: DoorRule) -> ClientRule:
    async def entered(driver: Driver) -> None:
        await rule(target, driver, door)

    entered.__doc__ = rule.__doc__
    return entered


async def check(rule: ClientRule, driver: Driver) -> tuple[str, str]:
    """`ok`, `failed` or `skipped`, and why; a client of its own for each rule."""
    driver.forget()
    try:
        async with asyncio.timeout(RULE_S_MAX):
            await rule(driver)
            await driver.ask("stop")
    except (UnsupportedError, NotOfferedError) as missing:
        return "skipped", str(missing)
    except (AssertionError, TimeoutError, OSError) as problem:
        place = traceback.extract_tb(problem.__traceback__)
        where = next((one.line for one in reversed(place) if one.filename.endswith(_RULES)), "")
        return "failed", f"{problem}\n{where}".strip()
    return "ok", ""


async def _check_all(command: Sequence[str], rules: Mapping[str, ClientRule]) -> int:
    counted: Counter[str] = Counter()
    left = list(rules)
    while left:
        async with Driver(command) as driver:
            outcome = "ok"
            # What a rule left behind that was not ended ends with the process.
            while left and outcome == "ok":
                name = left.pop(0)
                outcome, why = await check(rules[name], driver)
                counted[outcome] += 1
                _tell(name, outcome, why)
    _say("")
    _say(", ".join(f"{counted[outcome]} {outcome}" for outcome in ("ok", "failed", "skipped")))
    if counted["failed"]:
        return FAILED
    return PASSED if counted["ok"] else NOT_RUN


def _tell(name: str, outcome: str, why: str) -> None:
    _say(f"{outcome:<8} {name}" + (f" ({why})" if outcome == "skipped" else ""))
    for line in why.splitlines() if outcome == "failed" else ():
        _say(f"{'':<9}{line}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
