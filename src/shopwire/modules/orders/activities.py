"""What orders do by themselves: finish checkouts that nobody finished, order again what waits."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from shopwire.kernel.activities import Activity, Job
from shopwire.kernel.commands import Command
from shopwire.modules.orders.api import OrderAgain
from shopwire.modules.orders.store import UNFINISHED, WAITING

SWEEP_JOBS_MAX: Final = 32
"""Checkouts that the sweep finishes at once; a provider that hangs holds each for seconds."""


async def order_again(job: Job) -> Sequence[Command]:
    """The time to wait is over: the supplier is asked again."""
    return (OrderAgain(conflict_id=job.id),)


WAIT: Final = Activity(
    name="orders.order_again",
    wakes_on=frozenset({"orders.conflict_settled"}),
    due=WAITING,
    perform=order_again,
)


def activities(finish: Callable[[Job], Awaitable[Sequence[Command]]]) -> tuple[Activity, ...]:
    """The sweep of checkouts; `finish` asks the provider and completes, waits or gives up.

    No event wakes it: the first question is due seconds after the start, and by then it has looked
    by itself.
    """
    return (
        Activity(
            name="orders.finish_checkout",
            wakes_on=frozenset(),
            due=UNFINISHED,
            perform=finish,
            concurrency_max=SWEEP_JOBS_MAX,
        ),
    )
