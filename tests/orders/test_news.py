"""`ops:orders`: the orders that changed last, how many a minute, how many conflicts wait."""

import asyncio
from typing import Any

import msgspec
import pytest
from tests.orders.world import ORDER, lines, postgres_world

from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import StorageUnavailable
from shopwire.kernel.events import Position, Recorded
from shopwire.modules.inventory.api import ReportStock
from shopwire.services.order_news import MINUTE_MS, ORDERS_TOPIC, RECENT_MAX, OrderNews


class Hands:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.wall = 1_000_000

    def now_ms(self) -> int:
        return self.wall

    def monotonic_ms(self) -> float:
        return float(self.wall)


def told(number: int, at_ms: int, status: str = "placed", kind: str = "order_placed") -> Recorded:
    document = {"id": f"cart-0001.{number}", "number": "N", "status": status}
    return Recorded(
        Position(1, 0, number),
        "main",
        f"order:{document['id']}",
        1,
        f"orders.{kind}",
        msgspec.json.encode(document),
        b"null",
        "x",
        at_ms,
    )


def news(clock: Hands):
    published = []
    log: Any = None
    return OrderNews(log, log, lambda *one: published.append(one), clock), published


def test_the_latest_orders_come_first_and_the_oldest_go():
    clock = Hands()
    made, published = news(clock)
    made.take([told(number, clock.wall) for number in range(1, RECENT_MAX + 11)])
    made.take([told(20, clock.wall, "shipped", "order_changed")])
    made.tell()
    topic, version, document = published[0]
    assert (topic, version) == (ORDERS_TOPIC, clock.wall)
    assert document["recent"][0] == {"id": "cart-0001.20", "number": "N", "status": "shipped"}
    assert document["recent"][1]["id"] == f"cart-0001.{RECENT_MAX + 10}"
    assert len(document["recent"]) == RECENT_MAX


def test_orders_of_the_last_minute_are_counted_and_fade():
    clock = Hands()
    made, published = news(clock)
    made.take([told(1, clock.wall - MINUTE_MS + 10), told(2, clock.wall)])
    made.take([told(3, clock.wall, "failed", "checkout_failed")])
    made.tell()
    clock.wall += 11
    made.tell()
    assert [document["per_minute"] for _, _, document in published] == [2, 1]


def test_versions_grow_also_where_the_clock_is_set_back():
    clock = Hands()
    made, published = news(clock)
    made.tell()
    clock.wall -= 5_000
    made.tell()
    versions = [version for _, version, _ in published]
    assert versions == [1_000_000, 1_000_001]


def test_orders_of_another_shop_are_not_told():
    made, _ = news(Hands())
    made.take([msgspec.structs.replace(told(1, 1_000_000), tenant="other")])
    made.tell()
    assert made.document.recent == ()


@pytest.mark.anyio
@pytest.mark.postgres
async def test_it_follows_the_log_and_reads_what_was_before(database_url):
    async with postgres_world(database_url) as world:
        await world.article("A", acme=9)
        await world.placed(order_id="cart-0002.1")
        seen: asyncio.Queue = asyncio.Queue()
        log, reads = world.shop.log, world.shop.reads
        made = OrderNews(log, reads, lambda *one: seen.put_nowait(one), SystemClock())
        task = asyncio.create_task(made.run())
        try:
            _, _, first = await seen.get()
            assert (first["per_minute"], first["open_conflicts"]) == (1, 0)
            assert [one["id"] for one in first["recent"]] == ["cart-0002.1"]
            await world.placed(lines=lines(("A", 4)))
            await world.do(ReportStock(sku="A", supplier="acme", quantity=1))
            await world.pump()
            document = first
            while document["open_conflicts"] == 0:
                _, _, document = await asyncio.wait_for(seen.get(), 120)
            assert document["per_minute"] == 2
            assert document["recent"][0]["id"] in (ORDER, "cart-0002.1")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.anyio
async def test_it_can_be_stopped_while_it_waits_for_the_log():
    asked = asyncio.Event()

    class Away:
        async def heads(self):
            asked.set()
            raise ExceptionGroup("of the partitions", [StorageUnavailable(retry_ms=1)])

    log: Any = Away()
    running = asyncio.create_task(OrderNews(log, log, lambda *_: None, Hands()).run())
    await asked.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
