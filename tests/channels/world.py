"""A shop on PostgreSQL whose purchase orders take ways, and media that remember what left."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from tests.modules.shop import Shop, postgres_shop
from tests.shipping.world import CLOCK, WAIT_S, Alone, until

from shopwire.kernel.posting import Bundle, Medium
from shopwire.kernel.purchasing import ShipTo
from shopwire.modules.channels.activities import activities as channel_activities
from shopwire.modules.channels.api import PutChannel, Way, WebhookWay
from shopwire.modules.shipping.activities import activities as shipping_activities
from shopwire.services.activities import Activities
from shopwire.services.outside import FetchedOrders
from shopwire.services.ways import Ledger, Posting, Ways

ADA = ShipTo(name="Ada", lines=("Lane 1",), postal_code="1000", city="Ghent", country="BE")
WEBHOOK = WebhookWay(url="https://acme.example/orders")


async def address_of(_tenant: str, _order_id: str) -> ShipTo:
    return ADA


class Remembered(Medium):
    """Keeps what was prepared and what left; `fault` is raised in its place once."""

    def __init__(self) -> None:
        self.staged: list[Bundle] = []
        self.left: list[Bundle] = []
        self.asked: list[str] = []
        self.fault: Exception | None = None
        self.knows: bool | None = None

    async def stage(self, bundle: Bundle) -> None:
        self.staged.append(bundle)

    async def release(self, bundle: Bundle) -> None:
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        self.left.append(bundle)

    async def released(self, bundle: Bundle) -> bool | None:
        self.asked.append(bundle.id)
        return self.knows

    @property
    def orders(self) -> list[str]:
        """Every purchase order that left, as often as it did."""
        return [one.order.id for bundle in self.left for one in bundle.orders]


class Road(msgspec.Struct):
    """What runs."""

    shop: Shop
    ways: Ways
    work: Activities
    ledger: Ledger

    async def until(self, holds: Callable[[], Any]) -> None:
        """Looks again whenever the log has grown."""
        async with asyncio.timeout(WAIT_S):
            await until(self.shop, holds)

    async def bundle_is(self, bundle: str, state: str) -> None:
        """Returns when a bundle has a state."""

        async def there() -> bool:
            found = await self.shop.document(f"bundle:{bundle}")
            return found is not None and found["state"] == state

        await self.until(there)


@asynccontextmanager
async def road(
    dsn: str,
    media: Mapping[str, Medium],
    *,
    way: Way | None = None,
    others: Mapping[str, Any] | None = None,
    gather_ms: int = 0,
    orders_max: int = 100,
) -> AsyncIterator[Road]:
    """Shipping with its ways, until the block ends; acme is reached by `way`."""
    async with postgres_shop(dsn) as shop:
        ledger = Ledger(shop.write_path, shop.reads)
        usual = FetchedOrders(shop.log)
        ways = Ways(ledger, usual, {"posted": Posting(ledger), "fetch": usual, **(others or {})})
        if way is not None:
            put = PutChannel(supplier="acme", way=way, gather_ms=gather_ms, orders_max=orders_max)
            await shop.do(put)
        work = [
            *shipping_activities(ways, address_of),
            *channel_activities(media, address_of),
        ]
        runner = Activities(shop.log, shop.write_path, shop.reads, work, CLOCK, Alone())
        running = asyncio.create_task(runner.run())
        try:
            yield Road(shop, ways, runner, ledger)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
