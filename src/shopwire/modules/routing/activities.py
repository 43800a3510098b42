"""What routing does outside of a decision: it looks for another supplier."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from shopwire.kernel.activities import Activity, Job
from shopwire.kernel.commands import Command
from shopwire.modules.orders.events import ConflictOpened
from shopwire.modules.routing.store import DUE
from shopwire.modules.shipping.events import PurchaseOrderLate

LOOKED_FOR_MAX: Final = 8
"""Questions that are looked at together; the others wait in their rows."""


def activities(find: Callable[[Job], Awaitable[Sequence[Command]]]) -> tuple[Activity, ...]:
    """The search for another supplier; `find` reads the market and gives what follows."""
    return (
        Activity(
            name="routing.find_supplier",
            wakes_on=frozenset({ConflictOpened.event_type, PurchaseOrderLate.event_type}),
            due=DUE,
            perform=find,
            concurrency_max=LOOKED_FOR_MAX,
        ),
    )
