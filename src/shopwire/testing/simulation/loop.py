"""An event loop without a machine under it: a seed chooses what runs next, and time is a number.

Everything that awaits runs on it unchanged. Among the callbacks that are ready the seed picks one,
so that each seed is another interleaving; when none is ready, time jumps to the next timer. Two
runs with one seed are equal step by step.

Code belongs to a `Process`. One that is killed never runs again: not its next line, not its
`finally`, not its timers, exactly as after SIGKILL. One that is paused goes on later where it
stood, as after SIGSTOP and SIGCONT.
"""

import asyncio
import contextvars
import heapq
import itertools
import random
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from typing_extensions import override

T = TypeVar("T")

STEPS_MAX: Final = 5_000_000
"""Callbacks of one run; a run that takes more hangs, and says so with `Stuck`."""

_process: contextvars.ContextVar["Process | None"] = contextvars.ContextVar("process", default=None)


class Stuck(Exception):
    """Nothing is ready, no timer runs, and what was waited for has not come; or it never ends."""


class Process:
    """Something that can be killed: all tasks that were started in it, and in them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.paused = False
        self.held: list[_Step] = []
        """What would have run while it was paused."""
        self.on_kill: list[Callable[[], None]] = []
        """Told at the kill, on behalf of those who notice a closed socket."""

    def kill(self) -> None:
        """It never runs again; what it held is given free by those who held it for it."""
        if self.alive:
            self.alive = False
            for told in self.on_kill:
                told()

    @staticmethod
    def current() -> "Process | None":
        """The process of the running code, None outside of all."""
        return _process.get()


class _Step:
    """A callback that waits for its turn; the part of asyncio.Handle that asyncio itself uses."""

    __slots__ = ("_args", "_callback", "_cancelled", "_context", "_order", "_when")

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: contextvars.Context | None,
        when: float = 0.0,
        order: int = 0,
    ) -> None:
        self._callback, self._args = callback, args
        self._context = context if context is not None else contextvars.copy_context()
        self._when, self._order = when, order
        self._cancelled = False

    def cancel(self) -> None:
        self._cancelled = True

    def cancelled(self) -> bool:
        return self._cancelled

    def when(self) -> float:
        return self._when

    def run(self) -> None:
        """Does nothing where it was cancelled or its process is dead, and waits with a paused."""
        process = self._context.get(_process)
        if process is not None and process.paused and process.alive:
            process.held.append(self)
        elif not self._cancelled and (process is None or process.alive):
            self._context.run(self._callback, *self._args)

    def __lt__(self, other: "_Step") -> bool:
        return (self._when, self._order) < (other._when, other._order)


class _SimFuture(asyncio.Future[Any]):
    """Sets of futures have to be in the same order each time: their hash is a number, no place."""

    def __init__(self, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self._number = number
        super().__init__(loop=loop)

    @override
    def __hash__(self) -> int:
        return self._number

    @override
    def __eq__(self, other: object) -> bool:
        return self is other


class _SimTask(asyncio.Task[T]):
    """As for futures."""

    def __init__(
        self,
        number: int,
        coro: Coroutine[Any, Any, T],
        loop: asyncio.AbstractEventLoop,
        name: str | None,
        context: contextvars.Context | None,
    ) -> None:
        self._number = number
        super().__init__(coro, loop=loop, name=name or f"task-{number}", context=context)

    @override
    def __hash__(self) -> int:
        return self._number

    @override
    def __eq__(self, other: object) -> bool:
        return self is other


class SimLoop(asyncio.AbstractEventLoop):
    """See the module; `run` takes the place of `asyncio.run`."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._now = 0.0
        self._ready: list[_Step] = []
        self._timers: list[_Step] = []
        self._tasks: list[asyncio.Task[Any]] = []
        """All of them, so that no collector finalizes one of a dead process in between."""
        self._running = False
        self._numbers = itertools.count()
        self._halted: BaseException | None = None
        self.steps = 0
        self.failures: list[str] = []
        """What asyncio has to complain about: an exception that nobody fetched."""

    # -- running ---------------------------------------------------------------------------------

    def run(self, main: Coroutine[Any, Any, T], *, steps_max: int = STEPS_MAX) -> T:
        """Runs `main` to its end and returns its result; raises Stuck where it cannot end.

        What is still running then is dropped where it stands.
        """
        asyncio._set_running_loop(self)  # noqa: SLF001 - how a loop says that it runs
        self._running = True
        try:
            task = self.create_task(main)
            while not task.done():
                self._step()
                if self._halted is not None:
                    raise self._halted
                if self.steps > steps_max:
                    raise Stuck(f"no end after {self.steps} steps, at {self._now:.3f} s")
            return task.result()
        finally:
            self._drop()
            self._running = False
            asyncio._set_running_loop(None)  # noqa: SLF001 - as above

    def halt(self, problem: BaseException) -> None:
        """Ends the run after the present step: `run` raises the problem, whoever is awaiting."""
        self._halted = problem

    def skip(self, seconds: float) -> None:
        """Lets time pass in which nobody runs: what fell due in it is due now, each of it once."""
        self._now += seconds

    def _step(self) -> None:
        ready = self._ready
        while self._timers and (not ready or self._timers[0].when() <= self._now):
            timer = heapq.heappop(self._timers)
            if not timer.cancelled():
                self._now = max(self._now, timer.when())
                ready.append(timer)
        if not ready:
            raise Stuck(f"nothing is left to run at {self._now:.3f} s")
        self.steps += 1
        at = int(self._rng.random() * len(ready))
        ready[at], ready[-1] = ready[-1], ready[at]
        ready.pop().run()

    def _drop(self) -> None:
        """Ends what is left without letting it do anything that counts."""
        self._ready.clear()
        self._timers.clear()
        failures = list(self.failures)
        for task in self._tasks:
            coroutine = task.get_coro()
            if not task.done() and coroutine is not None:
                try:
                    coroutine.close()
                except RuntimeError:  # it awaits in its finally: nobody runs that any more
                    continue
        self.failures = failures

    # -- what asyncio asks of a loop -------------------------------------------------------------

    @override
    def time(self) -> float:
        """Seconds since the run began."""
        return self._now

    @override
    def call_soon(  # type: ignore[override]
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> _Step:
        """Ready at once, in no particular order among the ready."""
        step = _Step(callback, args, context)
        self._ready.append(step)
        return step

    @override
    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> _Step:
        """Ready when the time has come."""
        step = _Step(callback, args, context, when, self.steps)
        heapq.heappush(self._timers, step)
        return step

    @override
    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> _Step:
        """Ready after a delay in seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    @override
    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return _SimFuture(next(self._numbers), self)

    @override
    def create_task(  # type: ignore[override]
        self,
        coro: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[T]:
        """A task in the process of whoever starts it."""
        task = _SimTask(next(self._numbers), coro, self, name, context)
        self._tasks.append(task)
        return task

    def start(self, process: Process, coro: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task in a process of its own."""
        context = contextvars.copy_context()
        context.run(_process.set, process)
        return self.create_task(coro, context=context)

    def resume(self, process: Process) -> None:
        """A paused process goes on."""
        process.paused = False
        self._ready += process.held
        process.held = []

    @override
    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Kept in `failures`."""
        self.failures.append(f"{context.get('message')}: {context.get('exception')!r}")

    @override
    def get_debug(self) -> bool:
        """Never: asyncio's own debug mode looks at the machine's clock."""
        return False

    @override
    def is_running(self) -> bool:
        """Whether `run` is under way."""
        return self._running

    @override
    def is_closed(self) -> bool:
        """Never closed: there is nothing to close."""
        return False


def seeded_loop(seed: int) -> SimLoop:
    """The loop of a seed."""
    # What touches files, sockets and threads is left abstract: it raises NotImplementedError.
    return SimLoop(random.Random(seed))  # type: ignore[abstract]  # noqa: S311 - to be repeated


class LoopClock:
    """The loop's time as a Clock; its epoch is a moment of 2026."""

    def __init__(self, loop: SimLoop, *, began_ms: int = 1_790_000_000_000) -> None:
        self._loop, self._began_ms = loop, began_ms

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        return self._began_ms + int(self._loop.time() * 1_000)

    def monotonic_ms(self) -> float:
        """Milliseconds since the run began."""
        return self._loop.time() * 1_000
