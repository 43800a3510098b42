"""Runs that have arrived and wait for their reader, bounded."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from typing_extensions import override

from shopwire.adapters.bus.limits import WAITING_BYTES_MAX, WAITING_RUNS_MAX
from shopwire.kernel.bus import Run, Subscription


class Arrivals(Subscription):
    """See Subscription. The oldest run goes where there is no room: its reader sees the hole."""

    def __init__(
        self,
        leave: Callable[["Arrivals"], Awaitable[None]],
        *,
        runs_max: int = WAITING_RUNS_MAX,
        bytes_max: int = WAITING_BYTES_MAX,
    ) -> None:
        self._leave = leave
        self._runs_max, self._bytes_max = runs_max, bytes_max
        self._waiting: deque[tuple[Run, int]] = deque()
        self._bytes = 0
        self._reader: asyncio.Future[None] | None = None
        self.dropped = 0
        """Runs that did not fit."""

    def put(self, run: Run, size: int) -> None:
        """One more run of `size` bytes."""
        self._waiting.append((run, size))
        self._bytes += size
        while len(self._waiting) > self._runs_max or self._bytes > self._bytes_max:
            self._bytes -= self._waiting.popleft()[1]
            self.dropped += 1
        self.wake()

    @override
    async def next(self, timeout_ms: float) -> Run | None:
        if not self._waiting:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait((self._reader,), timeout=timeout_ms / 1_000)
            finally:
                self._reader = None
        if not self._waiting:
            return None
        run, size = self._waiting.popleft()
        self._bytes -= size
        return run

    @override
    def wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    @override
    async def close(self) -> None:
        self._waiting.clear()
        self._bytes = 0
        await self._leave(self)
