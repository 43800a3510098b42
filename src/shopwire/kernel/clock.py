"""Time as an argument, so that decisions can be replayed."""

import time
from typing import Protocol


class Clock(Protocol):
    """Where code that does I/O takes the time from. Pure code takes `now_ms` instead."""

    def now_ms(self) -> int:
        """Wall-clock milliseconds since the Unix epoch, UTC."""
        ...

    def monotonic_ms(self) -> float:
        """Milliseconds that never go back; only differences mean something."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Wall-clock milliseconds since the Unix epoch, UTC."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> float:
        """Milliseconds that never go back; only differences mean something."""
        return time.monotonic_ns() / 1_000_000
