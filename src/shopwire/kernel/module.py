"""What a module tells the composition root about itself."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import msgspec

from shopwire.kernel.activities import Activity
from shopwire.kernel.checks import Check
from shopwire.kernel.commands import Command, Handler
from shopwire.kernel.events import Event, Recorded
from shopwire.kernel.queries import Reads
from shopwire.kernel.rows import Table


class Consumer(msgspec.Struct, frozen=True, kw_only=True):
    """Follows the log and answers events with commands, each event once.

    `react` is pure; its position moves in the transaction of the commands' effect (inbox).
    `expand` is for an event that concerns things the event does not name: it reads which, and
    gives commands in chunks. Their keys are derived from the event's place, so that a repeat after
    a crash has no second effect; the position moves when all are done.
    """

    name: str
    event_types: frozenset[str]
    react: Callable[[Recorded], Iterable[Command]] | None = None
    expand: Callable[[Recorded, Reads], AsyncIterator[Sequence[Command]]] | None = None


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """One module: its commands, its rows, its events, what it follows, how it is audited."""

    name: str
    handlers: tuple[Handler[Any], ...] = ()
    tables: tuple[Table, ...] = ()
    events: tuple[type[Event], ...] = ()
    consumers: tuple[Consumer, ...] = ()
    checks: tuple[Check, ...] = ()
    activities: tuple[Activity, ...] = ()
    """Those that need nothing from outside; the others are made where the composition root is."""
