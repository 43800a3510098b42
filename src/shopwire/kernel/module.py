"""What a module tells the composition root about itself."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from shopwire.kernel.checks import Check
from shopwire.kernel.commands import Command, Handler
from shopwire.kernel.events import Event, Recorded
from shopwire.kernel.rows import Table


class Consumer(msgspec.Struct, frozen=True, kw_only=True):
    """Follows the log and answers events with commands.

    Its position moves in the transaction of the commands' effect (inbox), so each event has its
    effect once. `react` is pure.
    """

    name: str
    event_types: frozenset[str]
    react: Callable[[Recorded], Iterable[Command]]


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """One module: its commands, its rows, its events, what it follows."""

    name: str
    handlers: tuple[Handler[Any], ...] = ()
    tables: tuple[Table, ...] = ()
    events: tuple[type[Event], ...] = ()
    consumers: tuple[Consumer, ...] = ()
    checks: tuple[Check, ...] = ()
    """Run by `shopwire log verify`."""
