"""Wake-ups inside one process. A hint is never needed for correctness, only for speed."""

import asyncio
from collections.abc import Iterable


class Hints:
    """Tells waiting readers that a partition has grown.

    A reader notes `seen()` before it reads and waits with that number, so a hint that comes
    between its read and its wait is not lost.
    """

    def __init__(self, partitions: int) -> None:
        self._given = [0] * partitions
        self._waiting: list[set[asyncio.Future[None]]] = [set() for _ in range(partitions)]

    def seen(self, partition: int) -> int:
        """How many hints a partition has had."""
        return self._given[partition]

    def give(self, partitions: Iterable[int]) -> None:
        """Wakes the readers of those partitions."""
        for partition in partitions:
            self._given[partition] += 1
            waiting, self._waiting[partition] = self._waiting[partition], set()
            for future in waiting:
                if not future.done():
                    future.set_result(None)

    async def wait(self, partition: int, seen: int, timeout_ms: float) -> None:
        """Returns after a hint later than `seen`, or after `timeout_ms` without one."""
        if self._given[partition] != seen:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting[partition]
        waiting.add(future)
        try:
            await asyncio.wait((future,), timeout=timeout_ms / 1_000)
        finally:
            waiting.discard(future)
