"""Shoppers first: while they buy, feeds are taken in by small pieces, with pauses between them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Annotated, Final, TypeVar

import msgspec

from shopwire.kernel.clock import Clock, SystemClock

T = TypeVar("T")
IMPORT_SHARE_PERCENT: Final = 75
"""Of the time while shoppers wait for an answer, how much all imports may take together. Beyond it
they wait until nobody waits, or until their share has grown again: so each of them ends."""
SHOPPERS_GONE_MS: Final = 1_000
"""After the last shopper for so long feeds are taken in as fast as they come."""
PIECE_ROWS_MAX: Final = 128
"""Rows of a feed that are read, compared or put into effect in one piece while shoppers buy. A
shopper who comes in the middle of one waits for its end, about as long as for another checkout."""

SharePercent = Annotated[int, msgspec.Meta(ge=1, le=100)]
"""With 100 imports make no pauses, but go by pieces all the same."""
Wait = Callable[[asyncio.Event, float], Awaitable[None]]
"""Returns once the event is set, or after so many seconds."""


async def wait_for_event(event: asyncio.Event, seconds: float) -> None:
    """Returns once it is set, or after so many seconds."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


class Pacing:
    """Knows whether somebody buys, and gives imports their turns."""

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        share_percent: int = IMPORT_SHARE_PERCENT,
        wait: Wait = wait_for_event,
    ) -> None:
        """Args: `share_percent` from 1 to 100."""
        if not 1 <= share_percent <= 100:
            raise ValueError(f"a share of {share_percent} percent")
        self._clock = clock or SystemClock()
        self._wait = wait
        self._rest = (100 - share_percent) / share_percent
        """How long to pause after a piece, in times of the piece."""
        self._shoppers = 0
        self._nobody = asyncio.Event()
        self._nobody.set()
        self._seen_ms = float("-inf")
        """When the last shopper was answered."""
        self._not_before_ms = 0.0
        self._one = asyncio.Lock()

    @contextmanager
    def shopper(self) -> Iterator[None]:
        """Somebody waits for an answer."""
        self._shoppers += 1
        self._nobody.clear()
        try:
            yield
        finally:
            self._shoppers -= 1
            self._seen_ms = self._clock.monotonic_ms()
            if not self._shoppers:
                self._nobody.set()

    @property
    def busy(self) -> bool:
        """Whether shoppers are there: then work is to be done by pieces of PIECE_ROWS_MAX rows."""
        if self._shoppers:
            return True
        return self._clock.monotonic_ms() - self._seen_ms < SHOPPERS_GONE_MS

    def rows_max(self, otherwise: int) -> int:
        """Rows of the next piece; `otherwise` where nobody buys."""
        return min(PIECE_ROWS_MAX, otherwise) if self.busy else otherwise

    def cut(self, rows: Sequence[T], otherwise: int) -> Iterator[Sequence[T]]:
        """Rows as pieces, each of as many as it may have when it is asked for."""
        at = 0
        while at < len(rows):
            until = at + self.rows_max(otherwise)
            yield rows[at:until]
            at = until

    @asynccontextmanager
    async def piece(
        self, spent_ms: Callable[[], Sequence[float]] | None = None
    ) -> AsyncIterator[None]:
        """Around one piece of work, which does not hold another one.

        Where nobody buys it begins at once. Else one piece goes at a time, whichever import it is
        of: while nobody waits for an answer, or after the pause that its share asks for. A piece
        counts as long as it takes, or by what one of `spent_ms` grows at most where that is less:
        what it waits for shoppers is no time that they lose.
        """
        if not self.busy:
            yield
            return
        async with self._one:
            await self._turn()
            began = self._clock.monotonic_ms()
            before = spent_ms() if spent_ms else ()
            try:
                yield
            finally:
                now = self._clock.monotonic_ms()
                took_ms = now - began
                if spent_ms:
                    spent = [b - a for a, b in zip(before, spent_ms(), strict=True)]
                    took_ms = min(took_ms, max(spent))
                self._not_before_ms = now + took_ms * self._rest

    async def _turn(self) -> None:
        while self._shoppers:
            left_ms = self._not_before_ms - self._clock.monotonic_ms()
            if left_ms <= 0:
                return
            await self._wait(self._nobody, left_ms / 1_000)
