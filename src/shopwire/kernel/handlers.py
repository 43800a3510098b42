"""Which handler decides a command, and what it touches together with those that it includes."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from shopwire.kernel.commands import Command, Handler
from shopwire.kernel.errors import UnknownOperation
from shopwire.kernel.ids import partition_of
from shopwire.kernel.rows import Need

THEN_DEPTH_MAX: Final = 3
"""How deep commands may name others that belong to them; deeper is a defect of a handler."""


Whole = Sequence[tuple[Handler[Any], Command]]
"""A command and all that it includes, each with its handler; the command itself is the first."""


class Handlers:
    """Every handler by its command, and what a command touches together with those it includes."""

    def __init__(self, handlers: Iterable[Handler[Any]], partitions: int) -> None:
        self.by_command: dict[type[Command], Handler[Any]] = {}
        self.partitions = partitions
        for handler in handlers:
            if self.by_command.setdefault(handler.command, handler) is not handler:
                raise ValueError(f"{handler.command.operation} has two handlers")
            for kind in handler.makes:
                if not kind.born_often or kind.blind or kind.key_fields != (kind.group_field,):
                    raise ValueError(f"a {kind.__name__} cannot be known to be new unseen")

    def of(self, command: Command) -> Handler[Any]:
        """Raises UnknownOperation."""
        handler = self.by_command.get(type(command))
        if handler is None:
            raise UnknownOperation(operation=command.operation)
        return handler

    def whole(self, command: Command, handler: Handler[Any] | None = None) -> Whole:
        """A command with all that it includes; `handler` is its own, if known.

        Made once for each command that is sent: what it includes is built for nothing but this.
        Raises UnknownOperation.
        """
        if handler is None:
            handler = self.of(command)
        found = [(handler, command)]
        if handler.includes is not None:
            for one in handler.includes(command):
                found += self.whole(one)
        return found

    def partitions_of(self, tenant: str, whole: Whole) -> tuple[int, ...]:
        """Where a command and all that it includes read and write, sorted."""
        handler, command = whole[0]
        if len(whole) == 1 and handler.keys is None:
            return (partition_of(tenant, handler.partition_key(command), self.partitions),)
        names: set[str] = set()
        for handler, command in whole:
            names.add(handler.partition_key(command))
            if handler.keys is not None:
                names.update(handler.keys(command))
        if len(names) == 1:
            return (partition_of(tenant, names.pop(), self.partitions),)
        return tuple(sorted({partition_of(tenant, name, self.partitions) for name in names}))


def needs_of(whole: Whole) -> frozenset[Need]:
    """The rows that a command and all that it includes want to see."""
    if len(whole) == 1:
        handler, command = whole[0]
        return frozenset(handler.needs(command))
    return frozenset(need for handler, command in whole for need in handler.needs(command))
