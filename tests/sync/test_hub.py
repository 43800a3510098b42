"""The hub against a log that stalls, breaks, comes back, or becomes another one."""

import asyncio

import pytest
from tests.sync.served import QUICK, Shop, eventually, serving
from tests.sync.simulated import FakeClock

from shopwire.kernel.errors import LogCorrupt, StorageUnavailable
from shopwire.kernel.events import Position, Recorded
from shopwire.kernel.identity import LOCAL
from shopwire.sync.client import SyncClient
from shopwire.sync.fanout import Fanout
from shopwire.sync.hub import Hub
from shopwire.sync.limits import Limits
from shopwire.sync.rights import Rights

pytestmark = pytest.mark.anyio


class Brittle:
    """A log that can be paused (calls hang) and broken (calls raise)."""

    def __init__(self, log) -> None:
        self.log = log
        self.running = asyncio.Event()
        self.running.set()
        self.broken = False
        self.documents_calls = 0

    @property
    def partitions(self):
        return self.log.partitions

    async def gate(self):
        await self.running.wait()
        if self.broken:
            raise StorageUnavailable(retry_ms=1)

    async def heads(self):
        await self.gate()
        return await self.log.heads()

    async def read(self, partition, offset, limit):
        await self.gate()
        return await self.log.read(partition, offset, limit)

    async def documents(self, tenant, topics):
        self.documents_calls += 1
        await self.gate()
        return await self.log.documents(tenant, topics)

    async def tail(self, partition, offset):
        async for batch in self.log.tail(partition, offset):
            await self.gate()
            yield batch


@pytest.fixture
async def brittle():
    """A served shop whose log obeys the test, and a client that is live."""
    shop = Shop()
    real, shop.log = shop.log, Brittle(shop.log)
    shop.brittle, shop.real = shop.log, real
    shop.log.append = real.append
    async with serving(shop) as shop:
        client = SyncClient(shop.url, backoff_ms_min=10)
        await client.start()
        client.subscribe(["stock:A"])
        await client.until_live()
        shop.client = client
        yield shop
        await client.stop()


async def test_lag_grows_while_the_database_is_paused_and_goes_when_it_is_back(brittle):
    client = brittle.client
    assert client.status == "live"
    brittle.brittle.running.clear()
    await brittle.change([("stock:A", {"n": 1})])
    await client.until(lambda: client.lag_ms > 300)
    assert client.held("stock:A").version == 0
    brittle.brittle.running.set()
    await client.until(lambda: client.held("stock:A").version == 1)
    await client.until(lambda: client.lag_ms < 200)


async def test_the_hub_recovers_by_itself_from_a_broken_database(brittle):
    client = brittle.client
    brittle.brittle.broken = True
    await brittle.change([("stock:A", {"n": 1})])
    await client.until(lambda: client.lag_ms > 300)
    assert client.connections == 1
    brittle.brittle.broken = False
    await client.until(lambda: client.held("stock:A").version == 1)
    await client.until(lambda: client.lag_ms < 200)
    assert client.connections == 1


async def test_a_topic_that_cannot_be_read_now_is_read_later(brittle):
    client = brittle.client
    brittle.brittle.broken = True
    client.subscribe(["stock:B"])
    await client.until(lambda: client.lag_ms > 200)
    assert client.status == "delayed"
    brittle.brittle.broken = False
    await client.until_live()
    assert client.held("stock:B").version == 0


async def test_many_clients_for_the_same_topics_cost_one_read(brittle):
    await brittle.change([(f"stock:T{n}", {"n": n}) for n in range(50)])
    before = brittle.brittle.documents_calls
    brittle.brittle.running.clear()
    clients = [SyncClient(brittle.url) for _ in range(30)]
    for client in clients:
        await client.start()
        client.subscribe([f"stock:T{n}" for n in range(50)])
    for client in clients:
        await client.until(lambda c=client: bool(c._topics.open))
    brittle.brittle.running.set()
    for client in clients:
        await client.until_live()
        assert client.held("stock:T49").document == {"n": 49}
    assert brittle.brittle.documents_calls - before <= 2
    for client in clients:
        await client.stop()


async def test_a_log_that_lost_events_without_a_new_epoch_starts_everybody_anew(brittle):
    client = brittle.client
    for number in range(3):
        await brittle.change([("stock:A", {"n": number})])
    await client.until(lambda: client.held("stock:A").version == 3)
    state = brittle.state
    for partition in state.events:
        del partition[1:]
    first = next(events[0] for events in state.events if events)
    known = state.documents["main", "stock:A"]
    state.documents["main", "stock:A"] = type(known)("stock:A", 1, first.document, 0)
    await client.until(lambda: client.held("stock:A") == (1, {"n": 0}))


async def test_an_ephemeral_topic_is_published_in_the_process():
    async with serving(rights=Rights(otherwise=LOCAL)) as shop:
        client = SyncClient(shop.url)
        await client.start()
        client.subscribe(["ops:pulse"])
        await client.until_live()
        assert client.held("ops:pulse") == (0, None)
        shop.hub.publish_ephemeral("ops:pulse", 1_000, {"screens": 1})
        shop.hub.publish_ephemeral("ops:pulse", 999, {"screens": 0})
        await client.until(lambda: client.held("ops:pulse").version == 1_000)
        assert client.held("ops:pulse").document == {"screens": 1}
        await shop.new_epoch()
        await client.until(lambda: client.replica.epoch == 2 and "ops:pulse" in client.replica.docs)
        assert client.held("ops:pulse").version == 1_000
        await client.stop()
    with pytest.raises(ValueError, match="ephemeral"):
        shop.hub.publish_ephemeral("stock:A", 1, {})


async def test_operator_topics_are_closed_unless_the_server_was_told_otherwise():
    async with serving() as shop:
        client = SyncClient(shop.url)
        await client.start()
        client.subscribe(["offer:A/acme", "import:1", "supplier:x", "ops:pulse", "stock:A"])
        await client.until_live()
        assert [error["data"]["reason"] for error in client.errors] == ["not_allowed"] * 4
        await client.stop()


async def test_stats_count_what_is_there():
    async with serving() as shop:
        client = SyncClient(shop.url)
        await client.start()
        client.subscribe(["stock:A", "stock:B"])
        await client.until_live()
        await shop.change([("stock:A", {"n": 1})])
        await client.until(lambda: client.held("stock:A").version == 1)
        stats = shop.hub.stats()
        assert (stats.screens, stats.connections, stats.topics, stats.epoch) == (1, 1, 2, 1)
        assert sum(stats.head) == 1
        assert stats.frames >= 2
        assert stats.lag_ms < 1_000
        await client.stop()
        await eventually(lambda: not shop.hub.stats().connections)
        assert shop.hub.stats().topics == 0


def test_a_skipped_offset_is_never_taken():
    fanout = Fanout("main", FakeClock(), Limits())
    fanout.begin(1, [0], 0)
    late = Recorded(Position(1, 0, 1), "main", "stock:A", 2, "e", b"{}", b"null", "c", 0)
    with pytest.raises(LogCorrupt):
        fanout.apply(0, [late])
    assert fanout.applied == [0]


async def test_a_command_longer_than_a_read_of_the_log_stays_in_one_batch():
    async with serving(limits=QUICK) as shop:
        heard = []
        client = SyncClient(shop.url, on_change=heard.append)
        await client.start()
        client.subscribe(["stock:T0", "stock:T2499"])
        await client.until_live()
        heard.clear()
        await shop.change([(f"stock:T{n}", {"n": n}) for n in range(2_500)])
        await client.until(lambda: client.held("stock:T2499").version == 1)
        assert [change.topics for change in heard] == [{"stock:T0", "stock:T2499"}]
        await client.stop()


async def test_events_of_other_shops_are_not_shown():
    shop = Shop()
    hub = Hub(shop.log, "another", limits=QUICK)
    async with serving(shop):
        await hub.start()
        await shop.change([("stock:A", {"n": 1})])
        await hub._prove()
        assert "stock:A" not in hub.fanout.topics
        await hub.stop()
