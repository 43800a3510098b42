"""How tasks end: when they are told to, and not because of what happens to somebody else."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

CANCEL_AGAIN_MS: Final = 500
"""After so long a task that was cancelled and still runs is cancelled once more."""


def is_told_to_end() -> bool:
    """Whether a CancelledError is meant for this task.

    Else something that it waited for was cancelled, and whoever cancelled that did not mean it.
    """
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancels tasks until all are over, however they end.

    A cancellation may be lost: a library may take one that comes together with a result, such as a
    connection that cannot be had, for the result alone. Then the task goes on, and who waited for
    its end after one cancellation would wait for ever.
    """
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=CANCEL_AGAIN_MS / 1_000)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # looked at here, so that nobody is warned of it later
