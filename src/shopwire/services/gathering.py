"""One read for all who ask at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, Generic, TypeVar

T = TypeVar("T")

GATHERED_KEYS_MAX: Final = 500
"""Keys of one read; who would make it larger waits for the next one."""


class Gathered(Generic[T]):
    """Asks for several callers at once what each of them would have asked alone.

    While a read is under way those who come wait together for the next, so that nobody is told what
    was true before it asked. One alone waits for nobody. What is told may be about the keys of
    others, too.
    """

    def __init__(
        self, read: Callable[[Sequence[str]], Awaitable[T]], *, keys_max: int = GATHERED_KEYS_MAX
    ) -> None:
        """Args: `read` takes keys, each once and sorted."""
        self._read = read
        self._keys_max = keys_max
        self._waiting: list[tuple[frozenset[str], asyncio.Future[T]]] = []
        self._task: asyncio.Task[None] | None = None

    async def of(self, keys: Iterable[str]) -> T:
        """What the read tells of these keys; raises what it raises."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((frozenset(keys), future))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while asked := self._take():
                await self._answer(asked)
        finally:
            self._task = None
            # Only where the loop is being closed somebody is left.
            for _, future in self._waiting:
                future.cancel()
            self._waiting = []

    def _take(self) -> list[tuple[frozenset[str], asyncio.Future[T]]]:
        """Those who go first, and at least one."""
        keys: set[str] = set()
        count = 0
        for own, _ in self._waiting:
            if count and len(keys | own) > self._keys_max:
                break
            keys |= own
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    async def _answer(self, asked: Sequence[tuple[frozenset[str], asyncio.Future[T]]]) -> None:
        keys = sorted(frozenset().union(*(own for own, _ in asked)))
        found: T
        try:
            found = await self._read(keys)
        except BaseException as problem:
            for _, future in asked:
                # A caller that left meanwhile is told nothing.
                with suppress(asyncio.InvalidStateError):
                    _refuse(future, problem)
            if not isinstance(problem, Exception):
                raise
            return
        for _, future in asked:
            if not future.done():
                future.set_result(found)


def _refuse(future: "asyncio.Future[T]", problem: BaseException) -> None:
    if isinstance(problem, Exception):
        future.set_exception(problem)
    else:
        future.cancel()
