"""A shop in memory whose clock stands still until a test moves it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.modules.shop import Shop

from shopwire.adapters.memory import MemoryLog, MemoryState, MemoryStorage
from shopwire.kernel.write_path import WritePath
from shopwire.modules.inventory.domain import LedgerLine, Pool
from shopwire.modules.inventory.wiring import MODULE


class Clock:
    """Milliseconds that a test sets."""

    def __init__(self) -> None:
        self.ms = 1_700_000_000_000

    def now_ms(self) -> int:
        return self.ms

    def monotonic_ms(self) -> float:
        return float(self.ms)


class HeldShop(Shop):
    """A shop with its clock and its storage in the test's hand."""

    clock: Clock
    state: MemoryState


def over_the_limit(pool: Pool | LedgerLine) -> str | None:
    """The twin of the schema's limit."""
    if min(pool.reserved, pool.sold, pool.backorder, pool.shortfall) < 0:
        return "stock_pool_negative"
    if pool.reserved + pool.sold > pool.reported + pool.backorder + pool.shortfall:
        return "stock_pool_limit"
    if pool.backorder > pool.backorder_max:
        return "stock_pool_backorder_max"
    if pool.backorder + pool.shortfall > max(0, pool.reserved + pool.sold - pool.reported):
        return "stock_pool_beyond_exact"
    return None


@asynccontextmanager
async def held_shop() -> AsyncIterator[HeldShop]:
    """The inventory alone, in memory, held to the limits that the schema has."""
    clock = Clock()
    state = MemoryState(clock=clock, constraints={Pool: over_the_limit, LedgerLine: over_the_limit})
    write_path = WritePath(MemoryStorage(state), MODULE.handlers, clock)
    await write_path.start()
    log = MemoryLog(state)
    shop = HeldShop(write_path, log)
    shop.clock, shop.state = clock, state
    try:
        yield shop
    finally:
        await write_path.stop()
        await log.close()


async def until(shop: Shop, true: Callable[[], Awaitable[bool]]) -> None:
    """Waits for something that an event brings about."""
    heads = (await shop.log.heads()).next
    changed = asyncio.Event()

    async def follow(partition: int, at: int) -> None:
        async for _ in shop.log.tail(partition, at):
            changed.set()

    tails = [asyncio.create_task(follow(number, at)) for number, at in enumerate(heads)]
    try:
        async with asyncio.timeout(120):
            while not await true():
                await changed.wait()
                changed.clear()
    finally:
        for tail in tails:
            tail.cancel()
        await asyncio.gather(*tails, return_exceptions=True)
