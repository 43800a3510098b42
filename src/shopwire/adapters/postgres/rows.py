"""Rows of modules to JSON that `save` reads, and records back to rows."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import inspect

from shopwire.adapters.postgres.arrays import taking_texts
from shopwire.adapters.postgres.reading import as_json
from shopwire.kernel.errors import ConstraintRefused
from shopwire.kernel.rows import Row, Table

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_ARRAYS: Final = re.compile(r"\bunnest\(\s*(\$1::[^()]*?)\s*\)")
"""The arrays of a `save`, one a field."""
_CONFLICT: Final = "\nON CONFLICT "
"""Where what a `save` does with rows that are there begins."""
_SCALARS: Final = (
    inspect.StrType,
    inspect.IntType,
    inspect.BoolType,
    inspect.FloatType,
    inspect.NoneType,
    inspect.LiteralType,
)


class RowCodec:
    """How one kind of row becomes the argument of its table's `save`, and records become rows.

    Fields of scalar types travel as they are; others as JSON, in a json or jsonb column. Of a
    kind that leaves its defaults out they are not sent.
    """

    def __init__(self, table: Table, place: int = 0) -> None:
        """Args: `place` is where its table comes in a statement with others."""
        self.place = place
        self._kind = table.kind
        self._decode = msgspec.json.Decoder(list[table.kind]).decode  # type: ignore[name-defined]
        self._decoders = {
            field.name: msgspec.json.Decoder(field.type)
            for field in msgspec.structs.fields(table.kind)
            if not _is_scalar(inspect.type_info(field.type))
        }
        self.load = taking_texts(table.load)
        self.load_json = as_json(self.load)
        self._types = {
            field.name: field.type
            for field in msgspec.structs.fields(table.kind)
            if field.name in self._decoders
        }
        self.save = _reading_json(table, frozenset(self._decoders))
        self.insert = self.save.partition(_CONFLICT)[0] if table.kind.born_often else self.save
        """For rows of which none is there."""

    def argument(self, rows: Sequence[Row]) -> bytes:
        """All rows as one JSON array; raises ConstraintRefused for what no column can hold."""
        try:
            return _encode(rows)
        except (OverflowError, UnicodeEncodeError) as problem:
            raise ConstraintRefused(
                "The database cannot hold a value.", constraint="value"
            ) from problem

    def rows_of(self, text: bytes | None) -> list[Any]:
        """What `load_json` found, as rows."""
        if text is None:
            return []
        try:
            found = self._decode(text)
        except msgspec.ValidationError:
            return self._rows_beyond(text)
        return found

    def _rows_beyond(self, text: bytes) -> list[Any]:
        """Rows with a word that this release does not know: a later one may write beside it.

        A scalar stays what it is, and is written back as it came. It takes four times as long.
        """
        kind, types = self._kind, self._types
        found: list[dict[str, Any]] = msgspec.json.decode(text)
        for values in found:
            for name, declared in types.items():
                values[name] = msgspec.convert(values[name], declared, str_keys=True)
        return [kind(**values) for values in found]

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


def _reading_json(table: Table, coded: frozenset[str]) -> str:
    """`save` with one JSON array of rows in the place of its arrays.

    Encoding one text costs a fraction of encoding an array a field, value by value, and it is the
    writer of the partition that would wait for it.
    """
    names = _declared(table.kind)
    found = _ARRAYS.findall(table.save)
    types = [part.strip().partition("::") for part in found[0].split(",")] if found else []
    if len(found) != 1 or [place for place, _, _ in types] != [
        f"${at}" for at in range(1, len(names) + 1)
    ]:
        raise ValueError(f"`save` of {table.kind.__name__} has to unnest one array a field, once")
    if table.kind.__struct_encode_fields__ != table.kind.__struct_fields__:
        raise ValueError(f"{table.kind.__name__} has to be encoded with fields by their names")
    absent = _absent(table.kind, coded)
    columns = ", ".join(
        f'"{name}" {kind.removesuffix("[]")}'
        for name, (_, _, kind) in zip(names, types, strict=True)
    )
    values = ", ".join(
        f'coalesce("{name}", {absent[name]}) AS "{name}"' if name in absent else f'"{name}"'
        for name in names
    )
    given = f"json_to_recordset($1::json) AS given ({columns})"
    return _ARRAYS.sub(lambda _: f"(SELECT {values} FROM {given}) AS given", table.save)  # noqa: S608 - names of fields, no values


def _absent(kind: type[Row], coded: frozenset[str]) -> dict[str, str]:
    """As SQL, what a field is whose value the row does not name: its default.

    In most rows most fields are, and reading one costs more than storing it.
    """
    # A JSON null is a value of such a column, as an empty list is.
    found = dict.fromkeys(coded, "'null'")
    if not kind.__struct_config__.omit_defaults:
        return found
    for field in msgspec.structs.fields(kind):
        default = field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        if default is msgspec.NODEFAULT or default is None:
            continue
        if _takes_none(field.type):
            raise ValueError(f"{kind.__name__}.{field.name}: None would be taken for its default")
        if field.name in coded:
            found[field.name] = _literal(_encode(default).decode())
        elif isinstance(default, str):
            found[field.name] = _literal(default)
        else:
            found[field.name] = _encode(default).decode()
    return found


def _takes_none(declared: Any) -> bool:
    info = inspect.type_info(declared)
    return isinstance(info, inspect.UnionType) and info.includes_none


def _literal(text: str) -> str:
    if "$" in text or "\\" in text:
        raise ValueError(f"{text!r} cannot be written into a statement as it is")
    quoted = text.replace("'", "''")
    return f"'{quoted}'"


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
