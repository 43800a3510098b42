"""What waits in a lane: a command on its way, or the commands of a consumer's step."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from shopwire.kernel.commands import Envelope
from shopwire.kernel.handlers import Whole
from shopwire.kernel.storage import Claim, Move


class Ticket:
    """A command on its way: its handler, its partitions, the right to its key."""

    __slots__ = (
        "claim",
        "envelope",
        "handler",
        "identity",
        "lines",
        "partitions",
        "slot",
        "waiter",
        "whole",
    )
    weight: Final = 1
    """How many commands it is."""

    def __init__(self, envelope: Envelope, whole: Whole, partitions: tuple[int, ...]) -> None:
        self.envelope = envelope
        self.whole = whole
        """With what belongs to it."""
        self.handler = handler = whole[0][0]
        self.partitions = partitions
        self.lines = 1 if handler.lines is None else handler.lines(envelope.command)
        """Things that it is about."""
        tenant, principal, key = envelope.tenant, envelope.principal, envelope.key
        operation = envelope.command.operation
        self.claim = Claim(
            tenant=tenant,
            principal=principal,
            operation=operation,
            key=key,
            fingerprint=envelope.fingerprint,
        )
        self.identity: Final = (tenant, principal, operation, key)
        """The scope in which the key is unique."""
        self.waiter: Any = None
        self.slot = 0


class Step:
    """Commands with which a consumer answers events, and its move over them: all of it or nothing.

    A domain refusal is an answer like any other; a temporary one or a defect undoes the step.
    """

    __slots__ = ("lines", "move", "partitions", "tickets", "weight")

    def __init__(self, move: Move, tickets: Sequence[Ticket]) -> None:
        self.move = move
        self.tickets = tickets
        self.weight = len(tickets)
        self.lines = sum(ticket.lines for ticket in tickets)
        self.partitions = tuple(sorted({at for ticket in tickets for at in ticket.partitions}))


Item = Ticket | Step
"""What waits in a lane."""


def tickets_of(items: Iterable[Item]) -> list[Ticket]:
    """Every command of these, in order."""
    tickets: list[Ticket] = []
    for item in items:
        tickets += item.tickets if isinstance(item, Step) else (item,)
    return tickets


def partitions_of(items: Iterable[Item]) -> list[int]:
    """Where these read and write, sorted."""
    return sorted({number for item in items for number in item.partitions})
