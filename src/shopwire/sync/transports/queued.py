"""A wire for transports whose sending has to be awaited: a bounded queue and a task."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from shopwire.sync.codes import CloseCode
from shopwire.sync.limits import Limits
from shopwire.sync.session import Session


class QueuedWire:
    """Takes frames at once, sends them in order, tells the session when to hold back."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._queue: deque[bytes] = deque()
        self._bytes = 0
        self._paused = False
        self._taken = False
        self._wake = asyncio.Event()
        self.session: Session | None = None
        self.closed: CloseCode | None = None
        """Why the session ended, once it has."""

    def send(self, kind: int, frame: bytes) -> None:
        """Queues a frame; above the high mark the session is told to hold back."""
        self._queue.append(frame)
        self._bytes += len(frame)
        self._wake.set()
        if not self._paused and self._bytes > self._limits.write_high_bytes:
            self._paused = True
            if self.session is not None:
                self.session.on_pause()

    def ping(self) -> None:
        """The server under this transport pings by itself, or cannot."""

    def progressed(self) -> bool:
        """Whether anything was taken since the last call, or nothing is waiting."""
        taken, self._taken = self._taken, False
        return taken or not self._queue

    def close(self, code: CloseCode) -> None:
        """The pump ends after what is queued."""
        self.closed = code
        self._wake.set()

    async def pump(self, send: Callable[[bytes], Awaitable[None]]) -> CloseCode:
        """Sends until the session is closed; returns why it was."""
        while True:
            while self._queue:
                frame = self._queue.popleft()
                await send(frame)
                self._taken = True
                self._bytes -= len(frame)
                if self._paused and self._bytes <= self._limits.write_low_bytes:
                    self._paused = False
                    if self.session is not None:
                        self.session.on_resume()
            if self.closed is not None:
                return self.closed
            self._wake.clear()
            await self._wake.wait()
