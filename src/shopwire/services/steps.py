"""Starting in order, stopping in the opposite one, each step timed and logged."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any, Final, TypeVar

import structlog

from shopwire.services.ending import end_tasks

T = TypeVar("T")

_log: Final = structlog.get_logger()


class Steps:
    """A stack of parts: what was entered last is left first, whatever fails."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self.took_ms: dict[str, float] = {}

    async def enter(self, step: str, part: AbstractAsyncContextManager[T]) -> T:
        """Starts a part; it is stopped when the stack is closed."""
        started = time.perf_counter()
        value = await part.__aenter__()
        self.took_ms[step] = _since(started)
        _log.info("start.step", step=step, took_ms=self.took_ms[step])

        async def leave(
            kind: type[BaseException] | None,
            problem: BaseException | None,
            trace: TracebackType | None,
        ) -> bool:
            stopping = time.perf_counter()
            try:
                await part.__aexit__(kind, problem, trace)
            except Exception as failure:
                if failure is problem:
                    raise
                _log.exception("stop.failed", step=step)
            _log.info("stop.step", step=step, took_ms=_since(stopping))
            return False

        self._stack.push_async_exit(leave)
        return value

    async def close(self) -> None:
        """Stops everything that was started."""
        await self._stack.aclose()


@asynccontextmanager
async def in_background(
    work: Coroutine[Any, Any, None], on_failure: Callable[[BaseException], None]
) -> AsyncIterator[None]:
    """Runs `work` until the block is left; one that ends by an error is reported, never ignored.

    So is one that is cancelled by somebody else.
    """
    task = asyncio.create_task(work)

    def report(done: asyncio.Task[None]) -> None:
        if not done.cancelled() and (problem := done.exception()) is not None:
            on_failure(problem)
        elif done.cancelled() and not done.cancelling():
            on_failure(asyncio.CancelledError("what it waited for was cancelled"))

    task.add_done_callback(report)
    try:
        yield
    finally:
        await end_tasks([task])


@asynccontextmanager
async def started(
    start: Callable[[], Coroutine[Any, Any, None]], stop: Callable[[], Coroutine[Any, Any, None]]
) -> AsyncIterator[None]:
    """A part with start and stop as a block."""
    await start()
    try:
        yield
    finally:
        await stop()


def _since(moment: float) -> float:
    return round((time.perf_counter() - moment) * 1_000, 1)
