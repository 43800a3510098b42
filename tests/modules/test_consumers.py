"""Consumers: each event has its effect once, whatever fails, whoever runs, whatever is late."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec
import pytest
from tests.modules.shop import MODULES, Shop, drifts, memory_shop, postgres_shop

from shopwire.kernel.commands import Command
from shopwire.kernel.errors import StorageUnavailable
from shopwire.kernel.events import Recorded
from shopwire.kernel.ids import partition_of
from shopwire.kernel.module import Consumer
from shopwire.modules.inventory.api import SetPolicy
from shopwire.modules.pricing.api import PriceRules, PutRules
from shopwire.modules.pricing.domain import RULES_PARTITION
from shopwire.modules.suppliers.api import PutOffer, RegisterSupplier
from shopwire.services import consumers as runtime
from shopwire.services import ending
from shopwire.services.consumers import Consumers

pytestmark = pytest.mark.anyio

FOLLOWERS = [consumer for module in MODULES for consumer in module.consumers]
OFFERS = frozenset({"suppliers.offer_put"})
SUPPLIERS = frozenset({"suppliers.supplier_registered"})


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch):
    monkeypatch.setattr(runtime, "RETRY_MS_MIN", 1)


@asynccontextmanager
async def running(shop: Shop, followers: Iterable[Consumer]) -> AsyncIterator[Consumers]:
    consumers = Consumers(shop.log, shop.write_path, shop.reads, followers)
    task = asyncio.create_task(consumers.run())
    try:
        yield consumers
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def offer(sku: str) -> PutOffer:
    return PutOffer(sku=sku, supplier="a", cost_minor=1_000, currency="EUR")


def skus_of_one_partition(count: int) -> list[str]:
    candidates = (f"S{number}" for number in range(1_000))
    return [sku for sku in candidates if partition_of("main", sku, 4) == 0][:count]


async def test_a_wait_that_somebody_else_cancelled_ends_no_consumer(monkeypatch):
    cancelled = False

    def react(recorded: Recorded) -> Iterable[Command]:
        return (SetPolicy(sku=msgspec.json.decode(recorded.document)["sku"], buffer=1),)

    async with memory_shop() as shop:
        first, *_ = skus_of_one_partition(1)
        await shop.do(offer(first))
        write_react = shop.write_path.react

        async def cancel_once(*arguments: Any) -> Any:
            nonlocal cancelled
            if not cancelled:
                cancelled = True
                raise asyncio.CancelledError
            return await write_react(*arguments)

        monkeypatch.setattr(shop.write_path, "react", cancel_once)
        heads = (await shop.log.heads()).next
        own = Consumer(name="own", event_types=OFFERS, react=react)
        async with running(shop, [own]) as consumers:
            await asyncio.wait_for(consumers.catch_up(heads), 60)
    assert cancelled


async def test_a_consumer_that_misses_its_cancellation_ends_all_the_same(monkeypatch):
    """As where the connection that it waits for fails in the same moment."""
    waits, deaf = asyncio.Event(), True

    def react(recorded: Recorded) -> Iterable[Command]:
        return (SetPolicy(sku=msgspec.json.decode(recorded.document)["sku"], buffer=1),)

    async def miss_once(*_arguments: Any) -> Any:
        nonlocal deaf
        waits.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not deaf:
                raise
            deaf = False
            raise StorageUnavailable(retry_ms=1) from None

    monkeypatch.setattr(ending, "CANCEL_AGAIN_MS", 1)
    async with memory_shop() as shop:
        await shop.do(offer("A"))
        monkeypatch.setattr(shop.write_path, "react", miss_once)
        own = Consumer(name="own", event_types=OFFERS, react=react)
        consumers = Consumers(shop.log, shop.write_path, shop.reads, [own])
        task = asyncio.create_task(consumers.run())
        await waits.wait()
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=60)
        assert done
        assert task.cancelled()
    assert not deaf


async def test_an_event_that_cannot_be_taken_stops_nobody_else_and_is_not_skipped():
    tried = asyncio.Semaphore(0)
    broken = True
    first, bad, after = skus_of_one_partition(3)

    def react(recorded: Recorded) -> Iterable[Command]:
        sku = msgspec.json.decode(recorded.document)["sku"]
        if sku == bad and broken:
            tried.release()
            raise KeyError(sku)
        return (SetPolicy(sku=sku, buffer=1),)

    own = Consumer(name="own", event_types=OFFERS, react=react)
    other = Consumer(
        name="other", event_types=SUPPLIERS, react=lambda _: (SetPolicy(sku="OTHER", buffer=1),)
    )
    async with memory_shop() as shop:
        for sku in (first, bad, after):
            await shop.do(offer(sku))
        async with running(shop, [own, other]) as consumers:
            for _ in range(6):
                await tried.acquire()
            (stall,) = consumers.stalls
            assert (stall.consumer, stall.partition, stall.offset) == ("own", 0, 1)
            assert stall.tries > 1
            assert not stall.temporary
            assert await shop.version(f"stock:{first}") == 1
            assert await shop.version(f"stock:{after}") == 0
            await shop.do(RegisterSupplier(id="a", name="A"))
            await reached(shop, consumers, "other")
            assert await shop.version("stock:OTHER") == 1
            broken = False
            await consumers.catch_up((await shop.log.heads()).next)
            assert consumers.stalls == []
            for sku in (first, bad, after):
                assert await shop.version(f"stock:{sku}") == 1


async def test_events_that_lead_to_nothing_cost_no_transaction_and_are_seen_again_after_a_restart():
    (sku,) = skus_of_one_partition(1)
    seen: list[int] = []

    def react(recorded: Recorded) -> Iterable[Command]:
        seen.append(recorded.position.offset)
        last = len(seen) > 1 and recorded.version == 3
        return (SetPolicy(sku=sku, buffer=1),) if last else ()

    own = Consumer(name="own", event_types=OFFERS, react=react)
    async with memory_shop() as shop:
        await shop.do(offer(sku))
        async with running(shop, [own]) as consumers:
            await consumers.catch_up((await shop.log.heads()).next)
        assert (seen, await shop.log.position("own", 0)) == ([0], 0)
        for cost in (2_000, 3_000):
            await shop.do(msgspec.structs.replace(offer(sku), cost_minor=cost))
        async with running(shop, [own]) as consumers:
            await consumers.catch_up((await shop.log.heads()).next)
        assert seen == [0, 0, 1, 2]
        assert await shop.log.position("own", 0) == 3
        assert await shop.version(f"stock:{sku}") == 1


async def reached(shop: Shop, consumers: Consumers, name: str) -> None:
    """Waits for one consumer alone."""
    heads = (await shop.log.heads()).next
    for follower in consumers._followers:
        if follower._consumer.name == name:
            await follower.reach(heads[follower.partition])


async def test_a_repeat_that_reads_something_else_does_everything_once():
    rounds: list[Sequence[str]] = [("B", "C"), ("A", "B", "C", "D")]

    async def expand(_recorded: Recorded, _reads: Any) -> AsyncIterator[Sequence[Command]]:
        skus = rounds.pop(0)
        yield [SetPolicy(sku=sku, buffer=1) for sku in skus]
        if rounds:
            raise StorageUnavailable(retry_ms=1)

    own = Consumer(name="own", event_types=SUPPLIERS, expand=expand)
    async with memory_shop() as shop:
        await shop.do(RegisterSupplier(id="a", name="A"))
        async with running(shop, [own]) as consumers:
            await consumers.catch_up((await shop.log.heads()).next)
            assert consumers.refused == 0
            for sku in "ABCD":
                assert await shop.version(f"stock:{sku}") == 1


@pytest.mark.postgres
async def test_two_processes_that_follow_the_same_log_share_the_work(database_url):
    async with postgres_shop(database_url) as one, postgres_shop(database_url) as other:
        async with running(one, FOLLOWERS) as ours, running(other, FOLLOWERS) as theirs:
            for start in range(0, 90, 30):
                await one.many(offer(f"S{number}") for number in range(start, start + 30))
            heads = (await one.log.heads()).next
            await ours.catch_up(heads)
            await theirs.catch_up(heads)
            assert ours.refused + theirs.refused == 0
        for number in range(90):
            assert await one.version(f"price:S{number}") == 1
        assert await drifts(one) == []


@pytest.mark.postgres
async def test_new_rules_reach_a_sku_whose_first_cost_was_still_being_committed(database_url):
    """A cost that was priced by the old rules, and that nobody could see when the new ones came."""
    rules_partition = partition_of("main", RULES_PARTITION, 4)
    names = (f"S{number}" for number in range(100))
    late = next(sku for sku in names if partition_of("main", sku, 4) != rules_partition)
    connection = await asyncpg.connect(database_url)
    try:
        async with postgres_shop(database_url) as shop:
            open_ = connection.transaction()
            await open_.start()
            await connection.execute(
                "SELECT 1 FROM head WHERE partition = $1 FOR UPDATE",
                partition_of("main", late, 4),
            )
            await connection.execute(
                "INSERT INTO price_input VALUES"
                " ('main', $1, 'a', 1000, 'EUR', NULL, NULL, NULL, true)",
                late,
            )
            await shop.do(PutRules(rules=PriceRules(ending_minor=50)))
            async with running(shop, FOLLOWERS) as consumers:
                heads = (await shop.log.heads()).next
                done = asyncio.create_task(consumers.catch_up(heads))
                waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
                while not done.done() and not await shop.reads.fetch(
                    f"{waiting} HAVING count(*) > 0"
                ):
                    pass
                await open_.commit()
                await done
            assert (await shop.document(f"price:{late}"))["amount_minor"] == 2_050
            assert await drifts(shop) == []
    finally:
        await connection.close()
