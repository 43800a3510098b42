"""One statement for all that a batch writes: its rows, its events, its answers."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from shopwire.kernel.queries import load_queries

_SQL: Final = load_queries("shopwire.adapters.postgres")
_PLACE: Final = re.compile(r"\$(\d+)")
_TARGET: Final = re.compile(r"\bINSERT INTO (\w+)")
_RESULT: Final = "\nSELECT CASE"
"""Where the result of `append` begins, behind its common table expressions."""
STATEMENTS_MAX: Final = 512
"""Statements that are remembered: one for each set of kinds that a batch may write together."""


class Statement:
    """Parts that run together as one statement, and their arguments in one list."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.arguments: list[Any] = []

    def save(self, sql: str, rows: bytes) -> None:
        """Rows of one kind; `sql` takes them as $1."""
        self._add(sql, [rows])

    def append(self, arguments: Sequence[Any]) -> None:
        """Events of one partition."""
        self._add("append", arguments)

    def answer(self, arguments: Sequence[Any]) -> None:
        """Answers of keys."""
        self._add("answer", arguments)

    @property
    def sql(self) -> str:
        """One row: the first offset, and how many answers were stored; none if fenced."""
        return _together(tuple(self._parts))

    def _add(self, part: str, arguments: Sequence[Any]) -> None:
        self._parts.append(part)
        self.arguments += arguments


def rounds(saves: Mapping[Any, str]) -> list[list[Any]]:
    """Kinds whose `save` may run at once: no table is written twice by one statement."""
    found: list[list[Any]] = []
    taken: list[set[str]] = []
    for kind, sql in saves.items():
        targets = set(_TARGET.findall(sql))
        at = next((at for at, others in enumerate(taken) if not targets & others), len(found))
        if at == len(found):
            found.append([])
            taken.append(set())
        found[at].append(kind)
        taken[at] |= targets
    return found


@lru_cache(maxsize=STATEMENTS_MAX)
def _together(parts: tuple[str, ...]) -> str:
    tables: list[str] = []
    first, source, answered = "NULL::bigint", "", "0"
    used = 0
    for number, part in enumerate(parts):
        if part == "append":
            with_, _, result = _SQL["append"].partition(_RESULT)
            tables.append(_shifted(with_[with_.index("WITH ") + 5 :], used))
            ending = _shifted("CASE" + result, used)
            first, _, source = ending.rpartition(" AS first\n")
            used += _places(_SQL["append"])
        elif part == "answer":
            tables.append(f"answered AS ({_shifted(_SQL['answer'], used)}\nRETURNING 1)")
            answered = "(SELECT count(*) FROM answered)"
            used += _places(_SQL["answer"])
        else:
            tables.append(f"saved_{number} AS ({_shifted(part, used)})")
            used += _places(part)
    return f"WITH {', '.join(tables)}\nSELECT {first} AS first, {answered} AS answered\n{source}"


def _shifted(sql: str, by: int) -> str:
    return _PLACE.sub(lambda place: f"${int(place[1]) + by}", sql)


def _places(sql: str) -> int:
    return max(int(number) for number in _PLACE.findall(sql))
