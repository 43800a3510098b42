"""A shop on PostgreSQL with its activities, its consumers, its doors, and suppliers outside."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from litestar import Litestar
from litestar.exceptions import HTTPException
from tests.modules.shop import Shop, postgres_shop

from shopwire.adapters.suppliers import Habits, SimulatedSuppliers
from shopwire.adapters.suppliers.books import Book
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.purchasing import SupplierChannel
from shopwire.kernel.webhooks import new_secret
from shopwire.kernel.write_path import WritePath
from shopwire.modules.shipping.activities import activities
from shopwire.modules.shipping.consumers import CONSUMERS
from shopwire.services.activities import Activities
from shopwire.services.carrier_door import carrier_routes
from shopwire.services.consumers import Consumers
from shopwire.services.loopback import Loopback
from shopwire.services.problems import on_defect, on_http, on_known
from shopwire.services.supplier_door import supplier_routes

WAIT_S = 200
CLOCK = SystemClock()


def secret_of(source: str) -> str | None:
    """Everybody's, except of one that is no partner."""
    return None if "stranger" in source else new_secret(source.encode().ljust(32, b"-")[:32])


def secrets_of(source: str) -> list[str]:
    secret = secret_of(source)
    return [secret] if secret else []


def doors(write_path: WritePath, reads: Any, *more: Any) -> Litestar:
    """The two doors, and other routes beside them."""
    return Litestar(
        route_handlers=[
            *carrier_routes(write_path, reads, secrets_of, CLOCK),
            *supplier_routes(write_path, secrets_of, CLOCK),
            *more,
        ],
        exception_handlers={
            ShopwireError: on_known,
            HTTPException: on_http,
            Exception: on_defect,
        },
        openapi_config=None,
        logging_config=None,
    )


class Alone:
    """Is always elected."""

    @asynccontextmanager
    async def elected(self) -> AsyncIterator[asyncio.Event]:
        yield asyncio.Event()


class World(msgspec.Struct):
    """What runs."""

    shop: Shop
    suppliers: SimulatedSuppliers
    consumers: Consumers
    work: Activities

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Looks again whenever the log has grown."""
        async with asyncio.timeout(WAIT_S):
            await until(self.shop, holds)

    async def followed(self) -> None:
        """Returns when the consumers have seen what is in the log."""
        async with asyncio.timeout(WAIT_S):
            await self.consumers.catch_up((await self.shop.log.heads()).next)


async def until(shop: Shop, holds: Callable[[], Awaitable[bool]]) -> None:
    """Returns when it holds; looks whenever the log has grown."""
    while True:
        heads = await shop.log.heads()
        if await holds():
            return
        tails = [
            asyncio.ensure_future(anext(shop.log.tail(partition, end)))
            for partition, end in enumerate(heads.next)
        ]
        try:
            await asyncio.wait(tails, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in tails:
                one.cancel()
            await asyncio.gather(*tails, return_exceptions=True)


async def at_once(_seconds: float) -> None:
    """Time of the suppliers': whatever takes long is over, after everybody had a turn."""
    await asyncio.sleep(0)


@asynccontextmanager
async def world(
    dsn: str,
    habits: Habits | None = None,
    *,
    book: Book | None = None,
    around: Callable[[SupplierChannel], SupplierChannel] = lambda channel: channel,
    seed: int = 1,
) -> AsyncIterator[World]:
    """Everything of shipping, until the block ends."""
    loopback = Loopback()
    suppliers = SimulatedSuppliers(
        seed=seed,
        habits=habits,
        book=book,
        deliver=loopback.post,
        secret_of=secret_of,
        clock=CLOCK,
        sleep=at_once,
    )
    async with postgres_shop(dsn) as shop:
        loopback.app = doors(shop.write_path, shop.reads)
        consumers = Consumers(shop.log, shop.write_path, shop.reads, CONSUMERS)
        work = Activities(
            shop.log, shop.write_path, shop.reads, activities(around(suppliers)), CLOCK, Alone()
        )
        running = [asyncio.create_task(consumers.run()), asyncio.create_task(work.run())]
        try:
            yield World(shop, suppliers, consumers, work)
        finally:
            await suppliers.close()
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)
