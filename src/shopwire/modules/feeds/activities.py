"""What time brings to feeds: what was cut off goes on, and what nobody needs any more goes."""

from collections.abc import Awaitable, Callable, Sequence

from shopwire.kernel.activities import Activity, Job
from shopwire.kernel.commands import Command
from shopwire.modules.feeds.api import PruneRun
from shopwire.modules.feeds.events import ImportDecided, ImportPruned, ImportStarted
from shopwire.modules.feeds.store import DUE_APPROVED, DUE_CUT_OFF, DUE_PRUNING

CloseCutOff = Callable[[str, str], Awaitable[None]]
"""Ends a run of a tenant that nobody is at any more."""
GoOn = Callable[[str, str], Awaitable[None]]
"""Brings a run of a tenant to its end, or waits for who is at it."""


def activities(go_on: GoOn, close_cut_off: CloseCutOff) -> tuple[Activity, ...]:
    """Those of this module; a run that is approved somewhere is waited for."""

    async def perform(job: Job) -> Sequence[Command]:
        await go_on(job.payload["run"], job.tenant)
        return ()

    async def close(job: Job) -> Sequence[Command]:
        await close_cut_off(job.payload["run"], job.tenant)
        return ()

    return (
        Activity(
            name="feeds.go_on",
            wakes_on=frozenset({ImportDecided.event_type}),
            due=DUE_APPROVED,
            perform=perform,
        ),
        Activity(
            name="feeds.close_cut_off",
            wakes_on=frozenset({ImportStarted.event_type}),
            due=DUE_CUT_OFF,
            perform=close,
        ),
        Activity(
            name="feeds.prune_run",
            wakes_on=frozenset({ImportPruned.event_type}),
            due=DUE_PRUNING,
            perform=_prune,
            concurrency_max=1,
        ),
    )


async def _prune(job: Job) -> Sequence[Command]:
    return (PruneRun(run=job.payload["run"]),)
