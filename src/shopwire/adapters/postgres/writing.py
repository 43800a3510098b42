"""One statement for all that a batch writes: its rows, its events, its answers."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from shopwire.kernel.queries import load_queries

_SQL: Final = load_queries("shopwire.adapters.postgres")
_PLACE: Final = re.compile(r"\$(\d+)")
_TARGET: Final = re.compile(r"\bINSERT INTO (\w+)")
_RESULT: Final = "\nSELECT CASE"
"""Where the result of `append` begins, behind its common table expressions."""
_ANSWERS: Final = ("answer", "answer_free")
_AT_TURN: Final = "append_at"
"""The append of a batch that was decided without the lock: only at the turn that it stands on."""
_WIDE: Final = "append_wide"
"""The same for a batch of several partitions."""
_MOVES: Final = "advance_all"
"""Positions that have to be where they are moved from, else nothing is written."""
_SPECIAL: Final = frozenset(("append", _AT_TURN, _WIDE, _MOVES, *_ANSWERS))
"""Parts that are more than the rows of a table."""
_NO_ROWS: Final = b"[]"
_NOTHING: Final[dict[str, list[Any]]] = {_MOVES: [[], [], [], []], "answer_free": [[], 0]}
"""Arguments with which such a part does nothing."""
_REFUSED: Final = "THEN turn_refuse()\n"
STATEMENTS_MAX: Final = 48
"""Sets of tables that are read, or written, by a statement of their own. Each connection plans it
once and keeps the plan, some 50 KiB a table; others go table by table."""
REPLACED_MAX: Final = 32
"""Times that such a set gives way to one that comes oftener, since a connection keeps its plan all
the same; after that they stay as they are."""
OFTENER: Final = 2
"""How many times as often a set has to come lately as the rarest of those that it may replace."""
LATELY_ASKED: Final = 2_048
"""Sets that are asked for until what was counted is worth half: a feed's sets, which begin long
after those of shoppers, come often then."""
COMMON_FROM: Final = 4
"""How often a set has to come before it gets one."""
COVER_PARTS_MAX: Final = 8
"""Parts without anything to do that a statement may have, where none is made for its set."""
_SEEN_MAX: Final = 4_096
"""Rare sets that are counted."""


class Combinations:
    """The sets of parts that run together, because they come often."""

    def __init__(
        self,
        most: int = STATEMENTS_MAX,
        common_from: int = COMMON_FROM,
        replaced_max: int = REPLACED_MAX,
    ) -> None:
        self._most = most
        self._common_from = common_from
        self._left = replaced_max
        """Times that one may still give way."""
        self._common: dict[tuple[str, ...], int] = {}
        """With how often each came lately."""
        self._seen: dict[tuple[str, ...], int] = {}
        """The same of all others."""
        self._asked = 0

    def allow(self, parts: tuple[str, ...]) -> bool:
        """Whether these parts may be one statement."""
        self._age()
        if parts in self._common:
            self._common[parts] += 1
            return True
        if len(self._seen) >= _SEEN_MAX:
            self._seen.clear()
        times = self._seen[parts] = self._seen.get(parts, 0) + 1
        if times < self._common_from or not self._has_room(times):
            return False
        self._common[parts] = self._seen.pop(parts)
        return True

    def _has_room(self, times: int) -> bool:
        """Whether there is room for a set that came so often, made by the rarest if need be."""
        if len(self._common) < self._most:
            return True
        rarest = min(self._common, key=self._common.__getitem__)
        if not self._left or times < OFTENER * max(self._common[rarest], self._common_from):
            return False
        self._left -= 1
        del self._common[rarest]
        return True

    def _age(self) -> None:
        self._asked += 1
        if self._asked < LATELY_ASKED:
            return
        self._asked = 0
        self._common = {parts: times // 2 for parts, times in self._common.items()}
        self._seen = {parts: times // 2 for parts, times in self._seen.items() if times > 1}

    def cover(self, parts: tuple[str, ...]) -> tuple[str, ...] | None:
        """These parts if they may be one statement, else the least of those that hold them all.

        None where there is none; then each has to go on its own.
        """
        if len(parts) == 1 or self.allow(parts):
            return parts
        wanted, most = set(parts), len(parts) + COVER_PARTS_MAX
        held = [one for one in self._common if len(one) <= most and wanted.issubset(one)]
        chosen = min(held, key=len, default=None)
        if chosen is not None:
            self._common[chosen] += 1
        return chosen


class Statement:
    """Parts that run together as one statement, and their arguments in one list."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._given: list[Sequence[Any]] = []
        """The arguments of each part."""

    def save(self, sql: str, rows: bytes) -> None:
        """Rows of one kind; `sql` takes them as $1."""
        self._add(sql, [rows])

    def append(self, arguments: Sequence[Any]) -> None:
        """Events of one partition."""
        self._add("append", arguments)

    def append_at(self, arguments: Sequence[Any], turn: int) -> None:
        """The same, maybe none, if the head's turn is that one; counts it, else ends all of it."""
        self._add(_AT_TURN, [*arguments, turn])

    def append_wide(self, arguments: Sequence[Any]) -> None:
        """Events of several partitions, maybe none, each at the turn of its head; or nothing."""
        self._add(_WIDE, arguments)

    def advance(self, columns: Sequence[Sequence[Any]]) -> None:
        """Positions, all of them or nothing at all; behind an append at turns."""
        self._add(_MOVES, columns)

    def answer(self, query: str, arguments: Sequence[Any]) -> None:
        """Answers of keys, by the query of that name."""
        self._add(query, arguments)

    def widened(self, parts: tuple[str, ...]) -> "Statement | None":
        """The same as a statement of these parts, of which the others have nothing to do.

        None where one of the others would do something all the same.
        """
        given = dict(zip(self._parts, self._given, strict=True))
        if parts == self.parts:
            return self
        wider = Statement()
        for part in parts:
            arguments = given.get(part) or _nothing_for(part)
            if arguments is None:
                return None
            wider._add(part, arguments)
        return wider

    @property
    def parts(self) -> tuple[str, ...]:
        """What it is made of."""
        return tuple(self._parts)

    @property
    def arguments(self) -> list[Any]:
        """Of all parts, one after the other."""
        return [argument for arguments in self._given for argument in arguments]

    @property
    def sql(self) -> str:
        """One row: the first offset, and how many answers were stored; none if fenced."""
        return _together(self.parts)

    def _add(self, part: str, arguments: Sequence[Any]) -> None:
        self._parts.append(part)
        self._given.append(arguments)


def _nothing_for(part: str) -> Sequence[Any] | None:
    """Arguments with which it does nothing; None where it always does something."""
    if part in _SPECIAL:
        return _NOTHING.get(part)
    return [_NO_ROWS]


@lru_cache(maxsize=4 * STATEMENTS_MAX)
def rounds(saves: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    """Which of these may run at once, by their place: no statement writes a table twice."""
    found: list[tuple[int, ...]] = []
    taken: list[set[str]] = []
    for place, sql in enumerate(saves):
        targets = set(_TARGET.findall(sql))
        at = next((at for at, others in enumerate(taken) if not targets & others), len(found))
        if at == len(found):
            found.append(())
            taken.append(set())
        found[at] += (place,)
        taken[at] |= targets
    return tuple(found) or ((),)


@lru_cache(maxsize=4 * STATEMENTS_MAX)
def _together(parts: tuple[str, ...]) -> str:
    tables: list[str] = []
    first, source, answered = "NULL::bigint", "", "0"
    used = 0
    for number, part in enumerate(parts):
        if part in ("append", _AT_TURN, _WIDE):
            append = _at_turn(_SQL["append"]) if part == _AT_TURN else _SQL[part]
            with_, _, result = append.partition(_RESULT)
            tables.append(shifted(with_[with_.index("WITH ") + 5 :], used))
            ending = shifted("CASE" + result, used)
            first, _, source = ending.rpartition(" AS first, ")
            used += places(append)
        elif part == _MOVES:
            with_, _, _ = _SQL[part].partition("\nSELECT n ")
            tables.append(shifted(with_[with_.index("WITH ") + 5 :], used))
            moved = "(SELECT count(*) FROM moved) + (SELECT count(*) FROM begun)"
            also = f"    WHEN {moved} <> cardinality(${used + 1}::text[]) {_REFUSED}"
            first = first.replace(_REFUSED, _REFUSED + also)
            used += places(_SQL[part])
        elif part in _ANSWERS:
            tables.append(f"answered AS ({shifted(_SQL[part], used)}\nRETURNING 1)")
            answered = "(SELECT count(*) FROM answered)"
            used += places(_SQL[part])
        else:
            tables.append(f"saved_{number} AS ({shifted(part, used)})")
            used += places(part)
    result = f"SELECT {first} AS first, {answered} AS answered"
    return f"WITH {', '.join(tables)}\n{result}{', ' if source else ''}{source}"


def _at_turn(append: str) -> str:
    """`append` that takes a turn of the head as its last argument, and ends where it is over."""
    turn = f"${places(append) + 1}"
    for before, after in (
        ("SET next = next + $3\n", "SET next = next + $3, turn = turn + 1\n"),
        ("AND epoch = $2\n", f"AND epoch = $2 AND turn = {turn}::bigint\n"),
        ("\nSELECT CASE\n", "\nSELECT CASE\n    WHEN p.first IS NULL THEN turn_refuse()\n"),
        ("\nFROM place p", "\nFROM (SELECT) one LEFT JOIN place p ON true"),
    ):
        if append.count(before) != 1:
            raise ValueError(f"`append` has no {before.strip()!r}")
        append = append.replace(before, after)
    return append


def shifted(sql: str, by: int) -> str:
    """A part of a larger statement, its arguments behind `by` others."""
    return _PLACE.sub(lambda place: f"${int(place[1]) + by}", sql)


def places(sql: str) -> int:
    """How many arguments it takes."""
    return max(int(number) for number in _PLACE.findall(sql))
