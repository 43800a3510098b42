"""What time brings: sources are looked at, and the age of data is judged."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from shopwire.kernel.activities import Activity, Job
from shopwire.kernel.clock import Clock
from shopwire.kernel.commands import Command
from shopwire.modules.sources.api import JudgeSupply
from shopwire.modules.sources.events import EVENTS
from shopwire.modules.sources.store import DUE_FETCHES, DUE_JUDGEMENTS

FETCHES_MAX: Final = 4
"""Sources that one process looks at at once; the others wait in their rows."""

_ANY: Final = frozenset(kind.event_type for kind in EVENTS)


def activities(
    fetch: Callable[[Job], Awaitable[Sequence[Command]]], clock: Clock
) -> tuple[Activity, ...]:
    """Those of this module; `fetch` runs a source and writes down itself what came of it."""

    async def judge(job: Job) -> Sequence[Command]:
        return (JudgeSupply(supplier=job.payload["supplier"], at_ms=clock.now_ms()),)

    return (
        Activity(
            name="sources.fetch_source",
            wakes_on=_ANY,
            due=DUE_FETCHES,
            perform=fetch,
            concurrency_max=FETCHES_MAX,
        ),
        Activity(name="sources.judge_supply", wakes_on=_ANY, due=DUE_JUDGEMENTS, perform=judge),
    )
