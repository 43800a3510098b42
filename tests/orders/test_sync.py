"""An old snapshot plus the events is the fresh snapshot, for every event of carts and orders."""

import msgspec
import pytest
from tests.orders.world import CART, ORDER, World, lines, memory_world

from shopwire.modules.carts.wiring import MODULE as CARTS
from shopwire.modules.inventory.api import ReportStock
from shopwire.modules.orders.api import CancelOrder, SettleConflict
from shopwire.modules.orders.wiring import MODULE as ORDERS
from shopwire.sync.reducer import Held, Replica

pytestmark = pytest.mark.anyio
MINE = ("cart:", "order:", "conflict:")


class Watched:
    """A world, and a screen that looks at it: each step is proved."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seen: set[str] = set()
        self._at = 0

    async def step(self, doing) -> None:
        """Takes a snapshot, does something, and applies what was told to the snapshot."""
        before = await self._mine()
        topics = {event.topic for event in before}
        held = {
            topic: Held(await self.world.shop.version(topic), await self.world.shop.document(topic))
            for topic in topics
        }
        replica = Replica(1, held)
        await doing
        known = {(event.topic, event.version) for event in before}
        fresh = [one for one in await self._mine() if (one.topic, one.version) not in known]
        assert fresh
        for event in sorted(fresh, key=lambda one: one.version):
            self.seen.add(event.event_type)
            document = msgspec.json.decode(event.document)
            replica.apply({"t": "snap", "topic": event.topic, "v": event.version, "doc": document})
        for topic, one in replica.docs.items():
            assert one.document == await self.world.shop.document(topic)
            assert one.version == await self.world.shop.version(topic)

    async def _mine(self):
        return [one for one in await self.world.shop.events() if one.topic.startswith(MINE)]


async def short(world: World, order_id: str) -> None:
    await world.do(ReportStock(sku="A", supplier="acme", quantity=1))
    await world.pump()
    assert (await world.order(order_id))["lines"][0]["conflict"]


async def placed(world: World, order_id: str) -> None:
    await world.complete(order_id)
    await world.pump()


async def test_every_event_can_be_followed():
    async with memory_world() as world:
        await world.article("A", acme=9)
        watched = Watched(world)
        await watched.step(world.put("A", 2))
        await watched.step(world.start(lines=lines(("A", 2))))
        await watched.step(world.fail())
        second = f"{CART}.2"
        await watched.step(world.start(order_id=second, lines=lines(("A", 2))))
        await watched.step(placed(world, second))
        await watched.step(short(world, second))
        settle = SettleConflict(conflict_id=f"{second}/C1", sku="A", supplier="acme", choice="wait")
        await watched.step(world.do(settle))
        await watched.step(world.do(CancelOrder(order_id=second, skus=("A",))))
        await watched.step(world.pump())
        assert (await world.order(second))["status"] == "cancelled"
        told = {kind.event_type for module in (CARTS, ORDERS) for kind in module.events}
        assert watched.seen == told
        assert await world.order(ORDER)
