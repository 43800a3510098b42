"""The suites as a list of rules that can be run without a test runner."""

import asyncio
import functools
import inspect
import traceback
from collections.abc import Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, Final, Literal

import msgspec

from shopwire.testing.conformance.remote import NotOfferedError, RemoteTarget
from shopwire.testing.conformance.sync import SyncConformance
from shopwire.testing.conformance.sync_commands import CommandsConformance
from shopwire.testing.conformance.sync_doors import (
    OverEvents,
    OverGraphql,
    OverPoll,
    OverWebSocket,
)
from shopwire.testing.conformance.sync_events import EventsConformance
from shopwire.testing.conformance.sync_proofs import ProofsConformance
from shopwire.testing.conformance.sync_rights import RightsConformance

RULE_S_MAX: Final = 60.0
"""How long one rule may take; reached only by a defect."""
DOORS: Final[dict[str, type]] = {
    "websocket": OverWebSocket,
    "events": OverEvents,
    "poll": OverPoll,
    "graphql": OverGraphql,
}
"""One suite, at each of the doors."""
SUITES: Final[dict[str, type]] = {
    "sync": SyncConformance,
    "events": EventsConformance,
    "proofs": ProofsConformance,
    "rights": RightsConformance,
    "commands": CommandsConformance,
    **{f"door-{name}": suite for name, suite in DOORS.items()},
}
ON_WISH: Final = frozenset({"commands", *(f"door-{name}" for name in DOORS)})
"""Suites that are only run when they are named: they need a server made for them, or ask again
at each door what the others ask at one."""

Run = Callable[[RemoteTarget], Awaitable[None]]


class Rule(msgspec.Struct, frozen=True):
    """One thing that a server has to do."""

    suite: str
    name: str
    run: Run


class Verdict(msgspec.Struct, frozen=True):
    """What came of a rule."""

    rule: Rule
    outcome: Literal["ok", "failed", "skipped"]
    why: str = ""


def rules_of(suite: str) -> Iterator[Rule]:
    """The rules of a suite, in the order in which they are written."""
    made = SUITES[suite]()
    tests: dict[str, Any] = {}
    for kind in reversed(type(made).__mro__):
        tests |= vars(kind)
    for name, test in tests.items():
        if not name.startswith("test_") or not inspect.isfunction(test):
            continue
        words = name.removeprefix("test_").replace("_", " ")
        for told, values in _cases(test):
            run = functools.partial(getattr(made, name), **values)
            yield Rule(suite, f"{words}{told}", run)


async def check(rule: Rule, target: RemoteTarget) -> Verdict:
    """Runs one rule."""
    try:
        async with asyncio.timeout(RULE_S_MAX):
            await rule.run(target)
    except Exception as problem:  # noqa: BLE001 - whatever it is, it is the rule's verdict
        missing = _find(problem, NotOfferedError)
        if missing is not None:
            return Verdict(rule, "skipped", str(missing))
        return Verdict(rule, "failed", _why(problem))
    return Verdict(rule, "ok")


def _cases(test: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a rule is run with: once, or once for each row of its table."""
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    if not marks:
        yield "", {}
        return
    (mark,) = marks
    names, rows = mark.args
    columns = [name.strip() for name in names.split(",")] if isinstance(names, str) else names
    for row in rows:
        values = (row,) if len(columns) == 1 else row
        told = ", ".join(str(value)[:40] for value in values)
        yield f" [{told}]", dict(zip(columns, values, strict=True))


def _find(problem: BaseException, kind: type[BaseException]) -> BaseException | None:
    if isinstance(problem, kind):
        return problem
    if isinstance(problem, BaseExceptionGroup):
        return next((found for one in problem.exceptions if (found := _find(one, kind))), None)
    return None


def _why(problem: BaseException) -> str:
    """The line of the rule that failed, and what was said about it."""
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    where = _last_line(problem.__traceback__)
    said = f"{type(problem).__name__}: {problem}".rstrip(": ")
    return f"{where}\n{said}" if where else said


def _last_line(trace: TracebackType | None) -> str:
    lines = [
        line
        for line in traceback.extract_tb(trace)
        if "/testing/conformance/sync" in line.filename.replace("\\", "/")
    ]
    if not lines:
        return ""
    line = lines[-1]
    return f"{line.filename.rpartition('/')[2]}:{line.lineno}: {line.line}"
