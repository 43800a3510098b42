"""Which handler decides a command, and what it touches together with those that it includes."""

from collections.abc import Iterable
from typing import Any, Final

from shopwire.kernel.commands import Command, Handler
from shopwire.kernel.errors import UnknownOperation
from shopwire.kernel.ids import partition_of
from shopwire.kernel.rows import Need

THEN_DEPTH_MAX: Final = 3
"""How deep commands may name others that belong to them; deeper is a defect of a handler."""


class Handlers:
    """Every handler by its command, and what a command touches together with those it includes."""

    def __init__(self, handlers: Iterable[Handler[Any]], partitions: int) -> None:
        self.by_command: dict[type[Command], Handler[Any]] = {}
        self.partitions = partitions
        for handler in handlers:
            if self.by_command.setdefault(handler.command, handler) is not handler:
                raise ValueError(f"{handler.command.operation} has two handlers")

    def of(self, command: Command) -> Handler[Any]:
        """Raises UnknownOperation."""
        handler = self.by_command.get(type(command))
        if handler is None:
            raise UnknownOperation(operation=command.operation)
        return handler

    def partitions_of(
        self, tenant: str, command: Command, handler: Handler[Any]
    ) -> tuple[int, ...]:
        """Where it and all that it includes read and write, sorted; `handler` is its own."""
        key = handler.partition_key(command)
        if handler.includes is not None:
            names = {key, *self._keys(handler, command, THEN_DEPTH_MAX)}
        elif handler.keys is not None:
            names = {key, *handler.keys(command)}
        else:
            return (partition_of(tenant, key, self.partitions),)
        if len(names) == 1:
            return (partition_of(tenant, key, self.partitions),)
        return tuple(sorted({partition_of(tenant, name, self.partitions) for name in names}))

    def needs_of(self, command: Command, handler: Handler[Any] | None = None) -> frozenset[Need]:
        """The rows that it and all that it includes want to see; `handler` is its own, if known."""
        if handler is None:
            handler = self.of(command)
        needs = frozenset(handler.needs(command))
        if handler.includes is not None:
            needs = needs.union(*(self.needs_of(one) for one in handler.includes(command)))
        return needs

    def _keys(self, handler: Handler[Any], command: Command, depth: int) -> Iterable[str]:
        yield handler.partition_key(command)
        if handler.keys is not None:
            yield from handler.keys(command)
        if handler.includes is not None and depth:
            for one in handler.includes(command):
                yield from self._keys(self.of(one), one, depth - 1)
