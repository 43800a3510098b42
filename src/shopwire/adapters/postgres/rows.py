"""Rows of modules to arrays of columns and back."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec import inspect

from shopwire.kernel.rows import Row, Table

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_SCALARS: Final = (
    inspect.StrType,
    inspect.IntType,
    inspect.BoolType,
    inspect.FloatType,
    inspect.NoneType,
    inspect.LiteralType,
)


class RowCodec:
    """How one kind of row becomes the arguments of its table's `save`, and records become rows.

    Fields of scalar types travel as they are; others as JSON, in a json, jsonb or text column.
    """

    def __init__(self, table: Table) -> None:
        self.load, self.save = table.load, table.save
        self._kind = table.kind
        self._names = _declared(table.kind)
        self._all: Callable[[Row], tuple[Any, ...]] = attrgetter(*self._names)
        self._decoders = {
            field.name: msgspec.json.Decoder(field.type)
            for field in msgspec.structs.fields(table.kind)
            if not _is_scalar(inspect.type_info(field.type))
        }
        self._coded = [at for at, name in enumerate(self._names) if name in self._decoders]

    def arguments(self, rows: Sequence[Row], text_at: frozenset[int]) -> list[Sequence[Any]]:
        """One array a field. `text_at`: which parameters the statement takes as text."""
        columns: list[Sequence[Any]] = list(zip(*map(self._all, rows), strict=True))
        for at in self._coded:
            coded: list[bytes] = [_encode(value) for value in columns[at]]
            columns[at] = [text.decode() for text in coded] if at in text_at else coded
        return columns

    def rows(self, records: Iterable[Mapping[str, Any]]) -> list[Any]:
        """Records as rows; a missing column is a defect of the table's `load`."""
        kind, decoders = self._kind, self._decoders
        if not decoders:
            return [kind(**record) for record in records]
        rows = []
        for record in records:
            values = dict(record)
            for name, decoder in decoders.items():
                values[name] = decoder.decode(values[name])
            rows.append(kind(**values))
        return rows


def _declared(kind: type[Row]) -> list[str]:
    """Fields in the order in which they are written down, the tenant first.

    The struct's own order moves keyword-only fields to the end, and `kw_only` is not inherited.
    """
    fields = set(kind.__struct_fields__)
    written = [
        name for base in reversed(kind.__mro__) for name in vars(base).get("__annotations__", ())
    ]
    return [name for name in dict.fromkeys(written) if name in fields]


def _is_scalar(info: inspect.Type) -> bool:
    if isinstance(info, inspect.UnionType):
        return all(_is_scalar(part) for part in info.types)
    return isinstance(info, _SCALARS)
