"""The rows of one batch: loaded once, decided over in order, saved once."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from operator import attrgetter
from typing import Any, cast

from typing_extensions import override

from shopwire.kernel.rows import Need, R, Row, View

_Group = tuple[str, str]
_Rest = tuple[str, ...]
_Shelf = tuple[
    Callable[[Row], _Group],
    Callable[[Row], _Rest],
    dict[_Group, dict[_Rest, Row]],
    dict[tuple[_Group, _Rest], Row],
    set[tuple[_Group, _Rest]],
    list[Row],
]
"""How rows of a kind are told apart, and where they are put: looked up once, not for each row."""


@cache
def _group_of(kind: type[Row]) -> Callable[[Row], _Group]:
    """`Row.group`, without asking each row how it is grouped."""
    return cast("Callable[[Row], _Group]", attrgetter("tenant", kind.group_field))


@cache
def _rest_of(kind: type[Row]) -> Callable[[Row], _Rest]:
    """How to tell the rows of one group apart: the key's fields without the group's."""
    names = [name for name in kind.key_fields if name != kind.group_field]
    if not names:
        return lambda _: ()
    if len(names) == 1:
        get = attrgetter(names[0])
        return lambda row: (get(row),)
    return cast("Callable[[Row], _Rest]", attrgetter(*names))


class WorkingSet:
    """What the decisions of one batch read and change.

    A decision sees what the decisions before it put. Nothing reaches the storage until the whole
    batch is decided, so a refused command has nothing to undo.
    """

    __slots__ = ("_born", "_changed", "_groups", "_lines", "_shelves", "_undo")

    def __init__(self) -> None:
        self._undo: list[list[Callable[[], None]]] = []
        """How to take back what was put since each `begin`, the latest last."""
        self._groups: dict[type[Row], dict[_Group, dict[_Rest, Row]]] = {}
        self._changed: dict[type[Row], dict[tuple[_Group, _Rest], Row]] = {}
        self._born: dict[type[Row], set[tuple[_Group, _Rest]]] = {}
        """Places whose group was loaded without them."""
        self._lines: dict[type[Row], list[Row]] = {}
        self._shelves: dict[type[Row], _Shelf] = {}
        """Of the kinds that were put since `take_changed`."""

    def hold(self, kind: type[Row], groups: Iterable[_Group], rows: Iterable[Row]) -> None:
        """Takes the loaded rows of `groups`; a group without a row is held as empty."""
        held = self._groups.setdefault(kind, {})
        for group in groups:
            held[group] = {}
        group_of, rest_of = _group_of(kind), _rest_of(kind)
        for row in rows:
            held[group_of(row)][rest_of(row)] = row

    def view(self, tenant: str, needs: frozenset[Need]) -> View:
        """What one decision may see: the groups that it named, nothing else."""
        return _TenantView(self._groups, tenant, needs)

    def check(self, tenant: str, needs: frozenset[Need], rows: Sequence[Row]) -> None:
        """Raises ValueError for a row of another shop, or one that was put without being read.

        Both are defects of a handler. The second would overwrite what somebody else wrote, unless
        its kind is `blind`.
        """
        for row in rows:
            kind = type(row)
            if row.tenant != tenant:
                raise ValueError(f"{kind.__name__} of shop {row.tenant!r} put by {tenant!r}")
            if kind.append_only or kind.blind:
                continue
            if (kind, group := getattr(row, kind.group_field)) not in needs:
                raise ValueError(f"{kind.__name__} {group!r} was put but not named in needs")

    def put(self, rows: Iterable[Row]) -> None:
        """Takes checked rows as the present state; one equal to the held row is no change."""
        undo = self._undo[-1] if self._undo else None
        shelves = self._shelves
        for row in rows:
            kind = type(row)
            shelf = shelves.get(kind)
            if shelf is None:
                shelf = shelves[kind] = self._shelf(kind)
            group_of, rest_of, groups, changed, born, lines = shelf
            if kind.append_only:
                lines.append(row)
                if undo is not None:
                    undo.append(partial(_forget_last, lines))
                continue
            group, rest = group_of(row), rest_of(row)
            held = groups.get(group)
            if held is None:
                # A blind row's group may not be held: then nobody in this batch can ask for it.
                held = groups[group] = {}
            before = held.get(rest)
            if before != row:
                place = (group, rest)
                if undo is not None:
                    undo.append(partial(_put_back, held, rest, before))
                    undo.append(partial(_put_back, changed, place, changed.get(place)))
                if before is None and not kind.blind:
                    born.add(place)
                held[rest] = row
                changed[place] = row

    def _shelf(self, kind: type[Row]) -> "_Shelf":
        """How rows of a kind are put, and where."""
        return (
            _group_of(kind),
            _rest_of(kind),
            self._groups.setdefault(kind, {}),
            self._changed.setdefault(kind, {}),
            self._born.setdefault(kind, set()),
            self._lines.setdefault(kind, []),
        )

    def begin(self) -> None:
        """What is put from now on can be taken back, until `keep` or `undo`; they may be nested."""
        self._undo.append([])

    def keep(self) -> None:
        """What was put since the last `begin` stays, unless an outer one takes it back."""
        steps = self._undo.pop()
        if self._undo:
            self._undo[-1] += steps

    def undo(self) -> None:
        """Takes back what was put since the last `begin`."""
        for step in reversed(self._undo.pop()):
            step()

    def take_changed(self) -> tuple[dict[type[Row], Sequence[Row]], frozenset[type[Row]]]:
        """The rows to save since the last call: the last state of each, ledgers' lines in order.

        With them the kinds of which all these rows are new: none of them is in the storage. Not to
        be called between `begin` and its end: what was taken cannot be undone.
        """
        rows: dict[type[Row], Sequence[Row]] = {
            kind: list(changed.values()) for kind, changed in self._changed.items() if changed
        }
        rows |= {kind: lines for kind, lines in self._lines.items() if lines}
        born = frozenset(
            # What was taken back is no longer changed, and still new when it comes again.
            kind
            for kind, places in self._born.items()
            if places and self._changed[kind].keys() <= places
        )
        self._changed, self._lines, self._born, self._shelves = {}, {}, {}, {}
        return rows, born


def _forget_last(lines: list[Row]) -> None:
    lines.pop()


def _put_back(held: dict[Any, Row], place: Any, before: Row | None) -> None:
    if before is None:
        del held[place]
    else:
        held[place] = before


class _TenantView(View):
    """A window on the working set; see `View` for the contract."""

    __slots__ = ("_groups", "_needs", "_tenant")

    def __init__(
        self,
        groups: dict[type[Row], dict[_Group, dict[_Rest, Row]]],
        tenant: str,
        needs: frozenset[Need],
    ) -> None:
        self._groups = groups
        self._tenant = tenant
        self._needs = needs

    def _group(self, kind: type[Any], group: str) -> dict[_Rest, Any]:
        if (kind, group) not in self._needs:
            raise KeyError(f"{kind.__name__} {group!r} is not named in needs")
        return self._groups[kind][self._tenant, group]

    @override
    def all(self, kind: type[R], group: str) -> list[R]:
        rows = self._group(kind, group)
        return [rows[rest] for rest in sorted(rows)] if len(rows) > 1 else list(rows.values())

    @override
    def one(self, kind: type[R], group: str, *rest: str) -> R | None:
        found: R | None = self._group(kind, group).get(rest)
        return found

    @override
    def many(self, kind: type[R], groups: Sequence[str]) -> list[list[R]]:
        needs, tenant = self._needs, self._tenant
        held: dict[_Group, dict[_Rest, Any]] = self._groups.get(kind, {})
        found: list[list[R]] = []
        for group in groups:
            if (kind, group) not in needs:
                raise KeyError(f"{kind.__name__} {group!r} is not named in needs")
            rows = held[tenant, group]
            in_order = sorted(rows) if len(rows) > 1 else rows
            found.append([rows[rest] for rest in in_order])
        return found
