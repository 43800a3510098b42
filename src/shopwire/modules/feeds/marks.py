"""Marks of what a supplier said last: by them the same rows are known again, see `quick`."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from itertools import repeat
from typing import Final

import msgspec

Packed = Iterable[tuple[str, bytes]]
"""What rows count for, and the marks of all that count for it, in order, as the network writes
them."""
_Kinds = list[tuple[str, "array[int]"]]


class Marks:
    """Marks of what a supplier said last, eight bytes each, by what their rows count for."""

    def __init__(self, found: Packed = (), rests: Packed = ()) -> None:
        """Args: `rests` are the marks of all cells but the counts."""
        self._kinds, self._rests = _read(found), _read(rests)

    def kinds_of(self, marks: "array[int]") -> bytes:
        """What `aside` takes, for each of some marks; 0 where nobody said it last."""
        numbers: dict[int, int] = {}
        for number, (_, said) in reversed(list(enumerate(self._kinds, 1))):
            numbers.update(zip(said, repeat(number)))
        return bytes(map(numbers.get, marks, repeat(0)))

    def aside(self, kind: int) -> str:
        """What the rows of a kind count for."""
        return self._kinds[kind - 1][0]

    def find(self, mark: int) -> str | None:
        """What the rows of a mark count for; None where nobody said them last."""
        return _find(self._kinds, mark)

    def find_rest(self, rest: int) -> str | None:
        """The same of rows that may have had other counts."""
        return _find(self._rests, rest)


def _read(found: Packed) -> _Kinds:
    kinds: _Kinds = []
    for aside, packed in found:
        marks = array("q", packed)
        marks.byteswap()
        kinds.append((aside, marks))
    return kinds


def _find(kinds: _Kinds, mark: int) -> str | None:
    for aside, marks in kinds:
        at = bisect_left(marks, mark)
        if at < len(marks) and marks[at] == mark:
            return aside
    return None


class Aside(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a product's rows count for, beside their number."""

    offers: int
    notes: dict[str, int] = {}
    """What was read leniently, and how often."""


class Quiet(msgspec.Struct):
    """Rows that say what they said last time."""

    rows: int = 0
    offers: int = 0
    keys: "array[int]" = msgspec.field(default_factory=lambda: array("q"))
    """Hashes of the keys of their groups."""
    skus: "array[int]" = msgspec.field(default_factory=lambda: array("q"))
    """Hashes of their SKUs."""


_asides: Final[dict[str, Aside]] = {}


def aside_of(text: str) -> Aside:
    """The same, read; it is one of a few."""
    found = _asides.get(text)
    if found is None:
        if len(_asides) > 1_000:
            _asides.clear()
        found = _asides[text] = msgspec.json.decode(text, type=Aside)
    return found
