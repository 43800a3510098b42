"""Commands about many things, of which each is taken or refused by itself."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

from shopwire.kernel.commands import Decision
from shopwire.kernel.errors import InvalidField, ShopwireError
from shopwire.kernel.events import Event
from shopwire.kernel.rows import Row

LINES_A_COMMAND_MAX: Final = 500
"""Things that one command may be about."""

T = TypeVar("T")


def each(lines: Iterable[T], name: Callable[[T], str], decide: Callable[[T], Decision]) -> Decision:
    """One decision of many.

    The result lists the names that were `applied` or `unchanged`, and those `refused` with their
    error. Raises InvalidField where a name is there twice, since the second would not see the
    first, or where there are too many.
    """
    rows: list[Row] = []
    events: list[Event] = []
    result: dict[str, list[Any]] = {"applied": [], "unchanged": [], "refused": []}
    named = [(name(line), line) for line in lines]
    check_lines([own for own, _ in named])
    for own, line in named:
        try:
            decision = decide(line)
        except ShopwireError as problem:
            result["refused"].append({"id": own, "error": problem.body()})
            continue
        rows += decision.put
        events += decision.events
        result["applied" if decision.events else "unchanged"].append(own)
    return Decision(put=rows, events=events, result=result)


def check_lines(names: Sequence[str]) -> None:
    """Raises InvalidField where one of the names is there twice, or where there are too many."""
    if len(names) <= LINES_A_COMMAND_MAX and len(set(names)) == len(names):
        return
    seen: set[str] = set()
    for own in names:
        if own in seen or len(seen) == LINES_A_COMMAND_MAX:
            reason = f"{own!r} is there twice" if own in seen else "too many lines"
            raise InvalidField(f"{reason}.", field="lines", reason=reason)
        seen.add(own)
