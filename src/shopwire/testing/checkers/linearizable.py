"""Is there one order of all calls that explains every answer?

The search of Wing and Gong with Lowe's memory, as in Porcupine: calls are taken in the order of
their beginning, a call that could not have been next is put off, and a set of (calls taken, state)
that led nowhere is never entered again. Keys are independent, so each is searched by itself.
"""

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from shopwire.testing.checkers.finding import Finding
from shopwire.testing.history import Call, by_key

S = TypeVar("S", bound=Hashable)

STEPS_MAX: Final = 2_000_000
"""Steps of one key's search; beyond it the answer is `Undecided`, never a guess."""
CALLS_SHOWN_MAX: Final = 12
"""Calls that a finding tells."""


class Undecided(Exception):
    """The search took more than its limit of steps; a shorter or less concurrent history may do."""


class Model(Protocol[S]):
    """The sequential behaviour: what one caller alone would see."""

    def start(self, key: str) -> S:
        """The state before the first call."""
        ...

    def step(self, state: S, call: Call) -> Iterable[S]:
        """States in which the call may leave the system if it takes effect now.

        None where its answer contradicts the state. For a call of unknown end every effect that it
        may have had; that it had none at all is the checker's business.
        """
        ...


def check_linearizable(
    model: Model[S], calls: Iterable[Call], *, steps_max: int = STEPS_MAX
) -> list[Finding]:
    """A finding for each key whose history no sequential order explains.

    Raises Undecided where a key's search passes `steps_max`.
    """
    findings: list[Finding] = []
    for key, own in by_key(calls).items():
        stuck = _Search(model, own, model.start(key), steps_max).run()
        if stuck is not None:
            findings.append(_told(key, own, stuck))
    return findings


class _Entry:
    """The beginning or the end of a call, in the list of what is still to be explained."""

    __slots__ = ("after", "before", "call", "end", "number")

    def __init__(self, number: int, call: Call | None = None) -> None:
        self.number = number
        self.call = call
        """None for an end."""
        self.end: _Entry | None = None
        """For a beginning: its end, unless the call never had one."""
        self.before: _Entry = self
        self.after: _Entry | None = None

    def take_out(self) -> None:
        self.before.after = self.after
        if self.after is not None:
            self.after.before = self.before

    def put_back(self) -> None:
        self.before.after = self
        if self.after is not None:
            self.after.before = self


class _Search(Generic[S]):
    """One key's history; `run` tells which call nothing explains."""

    def __init__(self, model: Model[S], calls: Sequence[Call], state: S, steps_max: int) -> None:
        self._model = model
        self._calls = calls
        self._state = state
        self._steps_left = steps_max
        self._head, self._left = _entries(calls)
        self._taken = 0
        """A bit for each call that has its place in the order."""
        self._seen: set[tuple[int, S]] = set()
        self._path: list[tuple[_Entry, S, Iterator[S]]] = []

    def run(self) -> int | None:
        """None for a history that can be explained, else the number of a call that cannot."""
        deepest, stuck = -1, 0
        entry = self._head.after
        while self._left and entry is not None:
            if entry.call is not None:
                ways = iter(self._model.step(self._state, entry.call))
            elif self._path:
                # This answer was given although its call has no place yet: an earlier choice was
                # wrong. The last one is undone and its next way tried.
                if len(self._path) > deepest:
                    deepest, stuck = len(self._path), entry.number
                entry, ways = self._undo()
            else:
                return stuck if deepest >= 0 else entry.number
            entry = self._head.after if self._take(entry, ways) else entry.after
        return None

    def _take(self, entry: _Entry, ways: Iterator[S]) -> bool:
        """Gives the call its place, by the first way that leads somewhere new."""
        taken = self._taken | 1 << entry.number
        for state in ways:
            self._steps_left -= 1
            if not self._steps_left:
                raise Undecided(f"{self._calls[0].key}: {len(self._calls)} calls")
            if (taken, state) in self._seen:
                continue
            self._seen.add((taken, state))
            self._path.append((entry, self._state, ways))
            self._taken, self._state = taken, state
            entry.take_out()
            if entry.end is not None:
                entry.end.take_out()
                self._left -= 1
            return True
        return False

    def _undo(self) -> tuple[_Entry, Iterator[S]]:
        entry, self._state, ways = self._path.pop()
        self._taken ^= 1 << entry.number
        if entry.end is not None:
            entry.end.put_back()
            self._left += 1
        entry.put_back()
        return entry, ways


def _entries(calls: Sequence[Call]) -> tuple[_Entry, int]:
    """The list's head, and how many calls were answered.

    At one moment beginnings come before ends: two clocks that agree prove no order.
    """
    places: list[tuple[float, int, int, _Entry]] = []
    answered = 0
    for number, call in enumerate(calls):
        begin = _Entry(number, call)
        places.append((call.began, 0, number, begin))
        if not math.isinf(call.returned):
            begin.end = _Entry(number)
            places.append((call.returned, 1, number, begin.end))
            answered += 1
    head = last = _Entry(-1)
    for *_, entry in sorted(places, key=lambda place: place[:3]):
        last.after, entry.before = entry, last
        last = entry
    return head, answered


def _told(key: str, calls: Sequence[Call], stuck: int) -> Finding:
    """The call that has no place, with those that it overlaps and those just before."""
    wrong = calls[stuck]
    around = sorted(
        (call for call in calls if call.began <= wrong.returned), key=lambda call: call.returned
    )
    near = [call for call in around if call.returned >= wrong.began]
    before = [call for call in around if call.returned < wrong.began]
    shown: list[Any] = (before[-CALLS_SHOWN_MAX // 2 :] + near)[:CALLS_SHOWN_MAX]
    return Finding(
        check="linearizable",
        where=key,
        reason=f"no order of the {len(calls)} calls explains {wrong.told()}",
        calls=[call.told() for call in shown],
    )
