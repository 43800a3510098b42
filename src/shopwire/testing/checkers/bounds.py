"""Counters with limits: from what callers saw, and from the ledger's own lines."""

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Final

import msgspec

from shopwire.testing.checkers.finding import Finding
from shopwire.testing.history import Call, by_key

FINDINGS_MAX: Final = 100
"""Findings of one checker; it has failed with the first."""

Weigh = Callable[[Call], int]
"""What a call adds to the counter if it takes effect; negative for what it gives back."""


def units_taken(call: Call) -> int:
    """What `reserve` and `sell` take, and `void`, `expire` and `release` give back."""
    units = int(call.arguments.get("units", 0))
    if call.name in ("reserve", "sell"):
        return units
    if call.name == "expire":
        return -units if call.value is not False else 0
    return -units if call.name in ("void", "release") else 0


def check_bounds(
    calls: Iterable[Call],
    limits: Mapping[str, int],
    *,
    weigh: Weigh = units_taken,
    reads: str = "read",
) -> list[Finding]:
    """Whether any order of the calls stays within 0 and the limit, and explains every read.

    For histories that are too long or too concurrent for `check_linearizable`, in a time that
    grows with n log n. At each moment the counter lies between the least that the answered calls
    leave possible and the most that all begun calls allow. A least above the limit is an
    oversale in every order; a `read` (of limit - counter) outside of the range that was possible
    while it was under way is a stale or torn one. `void` and `expire` name their `units`, and a
    key is one call however often it was sent.

    Args:
        calls: The history.
        limits: The counter's limit by key; a key that is missing has none.
        weigh: What a call adds.
        reads: Name of the calls whose value is what is left.
    """
    findings: list[Finding] = []
    for key, own in by_key(calls).items():
        findings += _bounds_of(key, own, limits.get(key), weigh, reads)
    return findings[:FINDINGS_MAX]


class _Range:
    """What is possible for a counter at one moment."""

    def __init__(self) -> None:
        self.least = 0
        self.most = 0


def _bounds_of(
    key: str, calls: list[Call], limit: int | None, weigh: Weigh, reads: str
) -> list[Finding]:
    """Walks over all beginnings and ends in order of time."""
    places: list[tuple[float, int, int]] = []
    for number, call in enumerate(calls):
        if call.end == "refused" and call.name != reads:
            continue
        places.append((call.began, 0, number))
        if not math.isinf(call.returned):
            places.append((call.returned, 1, number))
    now, findings, open_reads = _Range(), [], dict[int, _Range]()
    for _, ends, number in sorted(places):
        call = calls[number]
        if call.name == reads:
            if not ends:
                open_reads[number] = seen = _Range()
                seen.least, seen.most = now.least, now.most
            elif call.end == "ok" and limit is not None:
                seen = open_reads.pop(number)
                low, high = max(0, limit - seen.most), max(0, limit - seen.least)
                if not low <= call.value <= high:
                    reason = f"{call.told()}: only {low} to {high} was possible"
                    findings.append(_finding(key, reason))
            continue
        _move(now, weigh(call), ended=bool(ends), sure=call.end == "ok")
        for seen in open_reads.values():
            seen.least, seen.most = min(seen.least, now.least), max(seen.most, now.most)
        if limit is not None and now.least > limit:
            findings.append(_finding(key, f"at least {now.least} of {limit} after {call.told()}"))
        if now.most < 0:
            findings.append(_finding(key, f"at most {now.most} after {call.told()}"))
    return findings


def _move(now: _Range, weight: int, *, ended: bool, sure: bool) -> None:
    """What is taken counts for the most from its beginning and for the least from its end."""
    if ended and sure:
        now.least += max(weight, 0)
        now.most += min(weight, 0)
    elif not ended:
        now.most += max(weight, 0)
        now.least += min(weight, 0)


def _finding(key: str, reason: str) -> Finding:
    return Finding(check="bounds", where=key, reason=reason)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of one counter, as its ledger has it."""

    counter: str
    """A pool, an account."""
    seq: int
    deltas: Mapping[str, int]
    balances: Mapping[str, int]
    """After the movement, under the same names."""
    effect: Hashable = None
    """What caused it; two lines of one counter with the same effect are a doubled one."""


Rule = Callable[[Line], str | None]
"""Names what is wrong with a line, or None."""


def check_ledger(
    lines: Iterable[Line], rule: Rule = lambda _line: None, *, starts_at: int = 1
) -> list[Finding]:
    """Each counter's lines: numbered without a hole, each following from the one before it.

    No balance is ever below zero, `rule` finds nothing wrong with any line, and no effect is
    there twice.
    """
    findings: list[Finding] = []
    counters: dict[str, list[Line]] = {}
    for line in lines:
        counters.setdefault(line.counter, []).append(line)
    for counter, own in counters.items():
        before: Mapping[str, int] = {}
        effects: dict[Hashable, int] = {}
        for expected, line in enumerate(sorted(own, key=lambda one: one.seq), starts_at):
            where = f"{counter} line {line.seq}"
            findings += [
                Finding(check="ledger", where=where, reason=reason)
                for reason in _wrong_with(line, before, expected, rule)
            ]
            if line.effect is not None and effects.setdefault(line.effect, line.seq) != line.seq:
                reason = f"{line.effect} moved it already in line {effects[line.effect]}"
                findings.append(Finding(check="ledger", where=where, reason=reason))
            before = line.balances
    return findings[:FINDINGS_MAX]


def _wrong_with(line: Line, before: Mapping[str, int], expected: int, rule: Rule) -> list[str]:
    wrong: list[str] = []
    if line.seq != expected:
        wrong.append(f"its number should be {expected}")
    for name, balance in line.balances.items():
        follows = before.get(name, 0) + line.deltas.get(name, 0)
        if balance != follows:
            wrong.append(f"{name} is {balance}, the line before gives {follows}")
        if balance < 0:
            wrong.append(f"{name} is {balance}")
    if (broken := rule(line)) is not None:
        wrong.append(broken)
    return wrong
