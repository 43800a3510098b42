"""How much one GraphQL operation may ask for: measured on its text, before anything runs."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document
from typing_extensions import override

from shopwire.kernel.errors import QueryTooLarge

DEPTH_MAX: Final = 8
"""Levels of an operation; a deeper one is refused."""
INTROSPECTION_DEPTH_MAX: Final = 20
"""Levels below `__schema` and `__type`; the tools' own question has 16."""
COMPLEXITY_MAX: Final = 20_000
"""Values that one operation may ask for, as `Measure` counts them; one more and it is refused."""
ROOT_COST: Final = 10
"""What a field of the first level costs by itself: it reads the database."""
PAGE_COST: Final = 100
"""Entries that a page is taken to have whose `limit` is not written down as a number."""
LIST_COST: Final = 5
"""Entries that any other list is taken to have."""
ALIASES_MAX: Final = 20
"""Aliases in one operation, fragments counted as often as they are used: each may be a read."""


class Measure(msgspec.Struct, frozen=True):
    """How large a piece of an operation is."""

    depth: int = 0
    complexity: int = 0
    aliases: int = 0
    introspection: int = 0
    """Levels inside of an introspection."""

    def beside(self, other: "Measure") -> "Measure":
        """Both, on the same level."""
        return Measure(
            max(self.depth, other.depth),
            self.complexity + other.complexity,
            self.aliases + other.aliases,
            max(self.introspection, other.introspection),
        )

    def excess(self) -> tuple[str, int, int] | None:
        """The first limit that is passed: its name, its value, what was found."""
        found = (
            ("depth", DEPTH_MAX, self.depth),
            ("introspection_depth", INTROSPECTION_DEPTH_MAX, self.introspection),
            ("aliases", ALIASES_MAX, self.aliases),
            ("complexity", COMPLEXITY_MAX, self.complexity),
        )
        return next((one for one in found if one[2] > one[1]), None)


class _Place(msgspec.Struct, frozen=True):
    """Where a selection stands."""

    at_root: bool = False
    inside: bool = False
    """Below an introspection."""
    paged: bool = False
    """Right below a field with a `limit`, which has counted the list that stands here."""


class _Measuring:
    """Walks over a valid document; each fragment is measured once, however often it is used."""

    def __init__(self, context: Any) -> None:
        document, self._schema = context.graphql_document, context.schema._schema  # noqa: SLF001
        self._variables: Mapping[str, Any] = context.variables or {}
        self._fragments = {
            one.name.value: one
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        self._measured: dict[tuple[str, _Place], Measure] = {}
        self._operations = [
            one
            for one in document.definitions
            if isinstance(one, OperationDefinitionNode)
            and context.operation_name in (None, one.name.value if one.name else None)
        ]

    def whole(self) -> Measure:
        """The largest of the operations that may run."""
        largest = Measure()
        for one in self._operations:
            root = self._schema.get_root_type(one.operation)
            measured = self._set(one.selection_set, root, _Place(at_root=True))
            if measured.excess() or measured.complexity > largest.complexity:
                largest = measured
        return largest

    def _set(self, selected: SelectionSetNode, parent: Any, place: _Place) -> Measure:
        total = Measure()
        for one in selected.selections:
            if isinstance(one, FieldNode):
                found = self._field(one, parent, place)
            elif isinstance(one, InlineFragmentNode):
                condition = one.type_condition
                kind = self._schema.get_type(condition.name.value) if condition else parent
                found = self._set(one.selection_set, kind, place)
            elif isinstance(one, FragmentSpreadNode):
                found = self._fragment(one.name.value, place)
            else:
                continue
            total = total.beside(found)
        return total

    def _fragment(self, name: str, place: _Place) -> Measure:
        key = (name, place)
        if key not in self._measured:
            fragment = self._fragments[name]
            kind = self._schema.get_type(fragment.type_condition.name.value)
            self._measured[key] = self._set(fragment.selection_set, kind, place)
        return self._measured[key]

    def _field(self, node: FieldNode, parent: Any, place: _Place) -> Measure:
        name = node.name.value
        aliases = int(node.alias is not None)
        inside = place.inside or name in ("__schema", "__type")
        field: GraphQLField | None = self._schema.get_field(parent, name)
        if field is None:
            return Measure(1, 1, aliases)
        below = Measure()
        if node.selection_set is not None:
            under = _Place(inside=inside, paged="limit" in field.args)
            below = self._set(node.selection_set, get_named_type(field.type), under)
        if inside:
            return Measure(
                0,
                below.complexity + 1,
                below.aliases + aliases,
                below.introspection + 1,
            )
        times = 1 if place.paged and _is_list(field) else self._times(node, field)
        return Measure(
            below.depth + 1,
            (ROOT_COST if place.at_root else 1) + times * max(1, below.complexity),
            below.aliases + aliases,
            below.introspection,
        )

    def _times(self, node: FieldNode, field: GraphQLField) -> int:
        """How many entries a field may have."""
        for argument in node.arguments or ():
            value: Any = argument.value
            if isinstance(value, VariableNode):
                value = self._variables.get(value.name.value)
            if argument.name.value == "limit":
                return _number(value)
            if isinstance(value, ListValueNode):
                return len(value.values)
            if isinstance(value, list):
                return len(value)
        if "limit" in field.args:
            default = field.args["limit"].default_value
            return default if isinstance(default, int) else PAGE_COST
        return LIST_COST if _is_list(field) else 1


def _is_list(field: GraphQLField) -> bool:
    kind = field.type.of_type if is_non_null_type(field.type) else field.type
    return bool(is_list_type(kind))


def _number(value: Any) -> int:
    """A page's length as it is written, or the most that it can be."""
    if isinstance(value, IntValueNode):
        value = int(value.value)
    known = isinstance(value, int) and not isinstance(value, bool)
    return max(1, min(value, PAGE_COST)) if known else PAGE_COST


class QueryLimits(SchemaExtension):
    """Refuses what asks for too much, with 1015; nothing of it has run then."""

    @override
    def on_validate(self) -> Iterator[None]:
        """Validates first: only a valid document has fragments that end."""
        context = self.execution_context
        if context.graphql_document is not None and context.pre_execution_errors is None:
            errors = validate_document(
                context.schema._schema,  # noqa: SLF001 - the library's own way in
                context.graphql_document,
                context.validation_rules,
            )
            context.pre_execution_errors = errors or _too_large(context)
        yield


def _too_large(context: Any) -> list[GraphQLError]:
    excess = _Measuring(context).whole().excess()
    if excess is None:
        return []
    limit, most, found = excess
    problem = QueryTooLarge(limit=limit, max=most, found=min(found, 2**53 - 1))
    said = {**msgspec.to_builtins(problem.body()), "status": problem.status}
    return [GraphQLError(problem.message, extensions=said)]
