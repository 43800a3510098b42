"""What time brings to feeds: an approval that was cut off goes on."""

from collections.abc import Awaitable, Callable, Sequence

from shopwire.kernel.activities import Activity, Job
from shopwire.kernel.commands import Command
from shopwire.modules.feeds.events import ImportDecided
from shopwire.modules.feeds.store import DUE_APPROVED

GoOn = Callable[[str, str], Awaitable[None]]
"""Brings a run of a tenant to its end, or waits for who is at it."""


def activities(go_on: GoOn) -> tuple[Activity, ...]:
    """Those of this module; a run that is approved somewhere is waited for."""

    async def perform(job: Job) -> Sequence[Command]:
        await go_on(job.payload["run"], job.tenant)
        return ()

    return (
        Activity(
            name="feeds.go_on",
            wakes_on=frozenset({ImportDecided.event_type}),
            due=DUE_APPROVED,
            perform=perform,
        ),
    )
