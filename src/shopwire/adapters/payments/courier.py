"""How the simulated provider sends its webhooks: signed, and again until they are taken."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final

import msgspec

from shopwire.kernel.clock import Clock
from shopwire.kernel.webhooks import sign

DELIVERIES_MAX: Final = 12
"""How often one webhook is sent before the provider gives up: for more than half an hour, since who
asks a provider that is too slow to answer has nothing but its webhooks."""
DELIVERIES_WAITING_MAX: Final = 10_000
"""Webhooks under way at once; what is beyond is never sent, as it may happen with any provider."""
AGAIN_MS_MIN: Final = 500
"""Wait after the first delivery that was not taken; it doubles each time."""

Deliver = Callable[[Mapping[str, str], bytes], Awaitable[int]]
"""Brings headers and body to the shop's door and returns the HTTP status it answered."""
Sleep = Callable[[float], Awaitable[object]]

_LOG: Final = logging.getLogger(__name__)


class Notice(msgspec.Struct, frozen=True):
    """One webhook."""

    id: str
    body: bytes


class Courier:
    """Brings notices to the shop. Without somebody to bring them to, it keeps quiet."""

    def __init__(
        self, secret: str, deliver: Deliver | None, clock: Clock, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._secret, self._deliver = secret, deliver
        self._clock, self._sleep = clock, sleep
        self._running: set[asyncio.Task[None]] = set()

    def send(self, notice: Notice, *, wait_ms: int = 0) -> None:
        """Sends it in the background."""
        if self._deliver is None:
            return
        if len(self._running) >= DELIVERIES_WAITING_MAX:
            _LOG.warning("webhook %s of the simulated provider is never sent", notice.id)
            return
        self.run(self._bring_later(notice, wait_ms))

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Does something in the background, until it is done or the courier closes."""
        self.keep(asyncio.create_task(work))

    def keep(self, task: asyncio.Task[None]) -> None:
        """Looks after something that goes on in the background, until it is done or this closes."""
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def bring(self, notice: Notice) -> None:
        """Sends it and returns when the shop has taken it, or after the last try."""
        if self._deliver is None:
            return
        for number in range(DELIVERIES_MAX):
            try:
                status = await self._deliver(
                    sign([self._secret], notice.id, notice.body, now_ms=self._clock.now_ms()),
                    notice.body,
                )
            except Exception as problem:  # noqa: BLE001 - whatever the shop does, it is not ours
                _LOG.info("webhook %s could not be brought: %s", notice.id, problem)
                status = 0
            if 200 <= status < 300:
                return
            await self._sleep(AGAIN_MS_MIN * 2**number / 1_000)
        _LOG.warning("webhook %s was not taken after %d times", notice.id, DELIVERIES_MAX)

    async def settled(self) -> None:
        """Returns when nothing is under way."""
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)

    async def close(self) -> None:
        """Gives up what is under way."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _bring_later(self, notice: Notice, wait_ms: int) -> None:
        if wait_ms:
            await self._sleep(wait_ms / 1_000)
        await self.bring(notice)
