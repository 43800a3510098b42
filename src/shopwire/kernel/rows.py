"""Rows: the state that decisions read and write, as immutable values."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple, Protocol, TypeVar

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a module's table.

    Field names are column names. A field whose type is no scalar (str, int, bool, None) is kept
    as JSON. Rows are loaded by group: all rows of one tenant whose `group_field` has one value.
    A kind with `omit_defaults` is sent without the fields that have their default: it costs less.
    """

    table: ClassVar[str]
    group_field: ClassVar[str]
    key_fields: ClassVar[tuple[str, ...]]
    """Primary key without the tenant; contains `group_field`."""
    append_only: ClassVar[bool] = False
    """Lines of a ledger: written once, never loaded for a decision, never changed."""
    blind: ClassVar[bool] = False
    """May be put without having been named: another row of the decision proves what it says."""
    born_often: ClassVar[bool] = False
    """New rows come often, many at once. Where all of a batch are new they are inserted without the
    ON CONFLICT clause at the end of `save`, which costs a third of such a row; one that is there
    refuses them, in every storage."""

    tenant: str

    @property
    def key(self) -> tuple[str, ...]:
        """The primary key with the tenant first."""
        return (self.tenant, *(getattr(self, name) for name in self.key_fields))

    @property
    def group(self) -> tuple[str, str]:
        """What a decision names in `needs` to get this row."""
        return (self.tenant, getattr(self, self.group_field))


R = TypeVar("R", bound=Row)


class Need(NamedTuple):
    """All rows of `kind` whose group is `group`: what a decision must have in hand."""

    kind: type[Row]
    group: str


class View(Protocol):
    """The rows that a decision asked for, as they stand after the decisions before it."""

    def all(self, kind: type[R], group: str) -> list[R]:
        """Rows of one group, sorted by key; KeyError if `needs` did not name it."""
        ...

    def one(self, kind: type[R], group: str, *rest: str) -> R | None:
        """The row with this key (`group_field` first, then the others in `key_fields` order)."""
        ...

    def many(self, kind: type[R], groups: Sequence[str]) -> list[list[R]]:
        """Rows of each of these groups, as `all` has them."""
        ...


class Table(msgspec.Struct, frozen=True):
    """How one kind of row is read and written.

    `load` takes (tenants text[], groups text[]) and returns all columns by name. `save` takes one
    array a field of the row, in the order of the fields, and inserts or replaces.
    """

    kind: type[Row]
    load: str
    save: str


def by_kind(rows: Iterable[Row]) -> dict[type[Row], list[Row]]:
    """Rows sorted into their kinds, order kept."""
    kinds: dict[type[Row], list[Row]] = {}
    for row in rows:
        kinds.setdefault(type(row), []).append(row)
    return kinds
