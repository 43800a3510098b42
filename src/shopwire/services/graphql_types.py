"""GraphQL types made from the structs of documents, so that no document is described twice."""

import types
from dataclasses import field, make_dataclass
from typing import Any, Final, Literal, Union, get_args, get_origin

import msgspec
import strawberry
from strawberry.scalars import JSON

_MADE: Final[dict[type, type]] = {}


class _Big(int):
    """Stands for whole numbers in types."""


BigInt: Any = _Big
"""Whole numbers below 2^53: times in milliseconds do not fit into GraphQL's own Int."""
BIG_INT: Final[dict[object, Any]] = {
    _Big: strawberry.scalar(name="BigInt", serialize=int, parse_value=int),
}
"""How the schema knows them."""


def type_of(struct: type[msgspec.Struct]) -> Any:
    """The GraphQL type of a struct; the same one each time."""
    made = _MADE.get(struct)
    if made is None:
        fields = [
            (one.name, _annotation(one.type), field(default=None))
            for one in msgspec.structs.fields(struct)
        ]
        plain = make_dataclass(struct.__name__, fields, kw_only=True)
        plain.__module__ = struct.__module__
        made = _MADE[struct] = strawberry.type(plain, description=struct.__doc__)
    return made


def filled(struct: type[msgspec.Struct], document: Any) -> Any:
    """A document as an object of that type; fields that it does not have are null."""
    kind = type_of(struct)
    return kind(
        **{
            one.name: _value(one.type, document[one.name])
            for one in msgspec.structs.fields(struct)
            if one.name in document
        }
    )


def _annotation(kind: Any) -> Any:
    """Everything may be null: a field that came later is missing in older documents."""
    return _inner(kind) | None


def _inner(kind: Any) -> Any:
    origin = get_origin(kind)
    if origin is Literal:
        return str
    if origin in {Union, types.UnionType}:
        return _inner(_only(kind))
    if origin in {tuple, list}:
        return list[_inner(get_args(kind)[0])]  # type: ignore[misc] # a type made at run time
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return type_of(kind)
    if kind is int:
        return BigInt
    return kind if kind in {str, bool} else JSON


def _only(kind: Any) -> Any:
    """What a value is where there is one."""
    rest = [one for one in get_args(kind) if one not in {type(None), msgspec.UnsetType}]
    return rest[0] if len(rest) == 1 else Any


def _value(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    origin = get_origin(kind)
    if origin in {Union, types.UnionType}:
        return _value(_only(kind), value)
    if origin in {tuple, list}:
        return [_value(get_args(kind)[0], one) for one in value]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return filled(kind, value)
    return value
