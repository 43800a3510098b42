"""Checks a server of the protocol: `python -m shopwire.testing.conformance ws://host/sync`."""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from shopwire.testing.conformance.remote import RemoteTarget
from shopwire.testing.conformance.rules import (
    DOORS,
    ON_WISH,
    SUITES,
    Rule,
    Verdict,
    check,
    rules_of,
)
from shopwire.testing.conformance.sync import connected

PASSED: Final = 0
FAILED: Final = 1
NOT_RUN: Final = 2
"""Exit codes: every rule that could be checked is kept; one is broken; nothing was checked."""


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m shopwire.testing.conformance",
        description="Checks a server of sync protocol 1, rule by rule.",
    )
    parser.add_argument("url", help="address of the WebSocket, ws://127.0.0.1:8000/sync")
    parser.add_argument("--events", default="", help="address of the events, if not <url>/sse")
    parser.add_argument("--poll", default="", help="address of long-poll, if not <url>/poll")
    parser.add_argument("--graphql", default="", help="GraphQL's WebSocket, if not /graphql")
    parser.add_argument("--control", default="", help="address of the server's back door")
    parser.add_argument("--suite", action="append", choices=list(SUITES), help="only these")
    parser.add_argument("--door", action="append", choices=[*DOORS, "all"], help="at these doors")
    parser.add_argument("--only", default="", help="only rules with these words in their names")
    parser.add_argument("--list", action="store_true", help="name the rules and check nothing")
    chosen = parser.parse_args(arguments)
    if not __debug__:
        return _cannot("the rules are assertions: run Python without -O")
    doors = DOORS if "all" in (chosen.door or ()) else chosen.door or ()
    suites = [*(chosen.suite or ()), *(f"door-{name}" for name in doors)]
    suites = suites or [name for name in SUITES if name not in ON_WISH]
    rules = [rule for name in suites for rule in rules_of(name) if chosen.only in rule.name]
    if not rules:
        return _cannot("no rule has these words in its name")
    if chosen.list:
        for rule in rules:
            _say(f"{rule.suite:<8}  {rule.name}")
        return PASSED
    if urlsplit(chosen.url).scheme not in {"ws", "wss"}:
        return _cannot(f"{chosen.url} is no address of a WebSocket")
    target = RemoteTarget(
        chosen.url,
        events_url=chosen.events,
        control_url=chosen.control,
        poll_url=chosen.poll,
        graphql_url=chosen.graphql,
    )
    return asyncio.run(_check_all(target, rules))


async def _check_all(target: RemoteTarget, rules: Iterable[Rule]) -> int:
    try:
        async with connected(target):
            pass
    except Exception as problem:  # noqa: BLE001 - a refused handshake, by several types
        return _cannot(f"{target.url} cannot be reached: {problem}")
    counted: Counter[str] = Counter()
    for rule in rules:
        verdict = await check(rule, target)
        counted[verdict.outcome] += 1
        _tell(verdict)
    _say("")
    _say(", ".join(f"{counted[outcome]} {outcome}" for outcome in ("ok", "failed", "skipped")))
    if counted["failed"]:
        return FAILED
    return PASSED if counted["ok"] else NOT_RUN


def _tell(verdict: Verdict) -> None:
    why = f" ({verdict.why})" if verdict.outcome == "skipped" else ""
    _say(f"{verdict.outcome:<8} {verdict.rule.suite:<8}  {verdict.rule.name}{why}")
    if verdict.outcome == "failed":
        for line in verdict.why.splitlines():
            _say(f"{'':<18} {line}")


def _cannot(why: str) -> int:
    sys.stderr.write(why + "\n")
    return NOT_RUN


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
