"""A shop with prices in memory, whose clock a test moves."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from tests.modules.shop import handlers
from tests.orders.world import World

from shopwire.adapters.memory import MemoryLog, MemoryState, MemoryStorage
from shopwire.kernel.activities import Job
from shopwire.kernel.write_path import WritePath
from shopwire.modules.pricing.activities import ACTIVITIES
from shopwire.modules.pricing.api import (
    Accepted,
    ApplyCost,
    ConfirmPrices,
    EnterSales,
    PriceRules,
    PutPromotion,
    PutRules,
    SwitchSales,
)

HOUR_MS = 3_600_000
NOON_MS = 1_800_000_000_000
"""When the tests' clock begins."""
BEGINS_MS, ENDS_MS = NOON_MS + HOUR_MS, NOON_MS + 2 * HOUR_MS


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.ms = NOON_MS

    def now_ms(self) -> int:
        return self.ms

    def monotonic_ms(self) -> float:
        return float(self.ms)


class _Shop:
    """What a `World` drives."""

    def __init__(self, write_path: WritePath, log: MemoryLog) -> None:
        self.write_path, self.log, self.reads = write_path, log, None

    async def document(self, topic: str) -> Any:
        found = await self.log.documents("main", [topic])
        return msgspec.json.decode(found[0].body) if found else None


class Desk(World):
    """A world whose prices are the cost doubled, in whole and cents, without suggested prices."""

    def __init__(self, shop: Any, clock: FakeClock, state: MemoryState) -> None:
        super().__init__(shop)
        self.clock, self.state = clock, state
        self._orders = itertools.count()

    async def price(self, sku: str = "A") -> Any:
        return await self.shop.document(f"price:{sku}")

    async def enter(self, *skus: str, version: int = 1, **more: Any) -> Any:
        return await self.do(entering(*(skus or ("A",)), version=version, **more))

    async def switch(self, at_ms: int, *skus: str, promotion: str = "flash") -> Any:
        """The clock reaches a moment, and what is due then happens."""
        self.clock.ms = max(self.clock.ms, at_ms)
        return await self.do(SwitchSales(promotion=promotion, skus=skus or ("A",), at_ms=at_ms))

    async def buy(self, quantity: int, amount_minor: int, sku: str = "A") -> Any:
        """An order of its own takes units at a price; its outcome."""
        return await self.ask(taking(f"order-{next(self._orders)}", quantity, amount_minor, sku))


def taking(order: str, quantity: int, amount_minor: int, sku: str = "A") -> ConfirmPrices:
    line = Accepted(sku=sku, amount_minor=amount_minor, currency="EUR", quantity=quantity)
    return ConfirmPrices(lines=(line,), order=order)


def costing(sku: str = "A", cost_minor: int = 1_000, **more: Any) -> ApplyCost:
    fields: dict[str, Any] = {
        "supplier": "acme",
        "currency": "EUR",
        "lead_time_days": None,
        "map_minor": None,
        "msrp_minor": None,
        "active": True,
    }
    return ApplyCost(sku=sku, cost_minor=cost_minor, **(fields | more))


def promotion(**more: Any) -> PutPromotion:
    fields: dict[str, Any] = {
        "id": "flash",
        "name": "Lunch hour",
        "skus": ("A",),
        "kind": "fixed",
        "value": 1_500,
        "currency": "EUR",
        "starts_at_ms": BEGINS_MS,
        "ends_at_ms": ENDS_MS,
    }
    return PutPromotion(**(fields | more))


def entering(*skus: str, version: int = 1, **more: Any) -> EnterSales:
    fields: dict[str, Any] = {
        "promotion": "flash",
        "kind": "fixed",
        "value": 1_500,
        "currency": "EUR",
        "starts_at_ms": BEGINS_MS,
        "ends_at_ms": ENDS_MS,
        "quota": None,
        "bucket": 0,
    }
    return EnterSales(skus=skus, terms_version=version, **(fields | more))


@asynccontextmanager
async def memory_desk() -> AsyncIterator[Desk]:
    """A shop without a database; article A costs 10.00 and is asked 20.00 for."""
    clock = FakeClock()
    state = MemoryState(clock=clock)
    write_path = WritePath(MemoryStorage(state), handlers(), clock)
    await write_path.start()
    log = MemoryLog(state)
    try:
        desk = Desk(_Shop(write_path, log), clock, state)
        await desk.do(
            PutRules(rules=PriceRules(ending_minor=None, compare_at_msrp=False)), principal="ada"
        )
        await desk.do(costing())
        yield desk
    finally:
        await write_path.stop()
        await log.close()


async def pump_clock(shop: Any, now_ms: int) -> int:
    """What the activities do when the clock stands there; returns how many commands that was."""
    done = 0
    for activity in ACTIVITIES:
        while due := [
            row for row in await shop.reads.fetch(activity.due, 16) if row["due_ms"] <= now_ms
        ]:
            for row in due:
                job = Job(
                    id=row["id"], tenant=row["tenant"], due_ms=row["due_ms"], payload=row["payload"]
                )
                for command in await activity.perform(job):
                    await shop.do(command)
                    done += 1
    return done
