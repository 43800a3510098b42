"""Batches that are decided without a look, and whatever may make what is remembered wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import msgspec
import pytest
from typing_extensions import override

from shopwire.adapters.memory import MemoryState, MemoryStorage
from shopwire.adapters.postgres.store import open_store
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Envelope, Outcome
from shopwire.kernel.errors import Fenced, KeyReused, StockShort, StorageUnavailable
from shopwire.kernel.ids import partition_of
from shopwire.kernel.kept import KEPT_GROUPS_MAX, KEPT_MS_MAX, LOOK_BATCHES, Kept, proves
from shopwire.kernel.storage import Claim, Look, Storage, Writing
from shopwire.kernel.write_path import WritePath
from shopwire.modules.inventory.api import HoldLine, HoldStock, ReportStock, VoidHold
from shopwire.modules.inventory.commands import HANDLERS
from shopwire.modules.inventory.domain import Pool, StockHold, StockItem
from shopwire.modules.inventory.store import TABLES

pytestmark = pytest.mark.anyio
UNITS = 6


class Ticking(SystemClock):
    """A clock that is set forward: what is kept for so long is kept however slow the machine is."""

    ahead_ms = 0

    @override
    def monotonic_ms(self) -> float:
        return 1_000.0 + self.ahead_ms


class Counting(Storage):
    """Counts what is asked of it; the next write may break before or after its commit."""

    def __init__(self, inner: Storage) -> None:
        self._inner = inner
        self.looks = self.locked = 0
        self.lose = ""
        self.about = asyncio.Event()
        """Set when something is about to be written, or looked at."""
        self.go = asyncio.Event()
        """Waited for before a write that breaks, and by a look if `slow`."""
        self.go.set()
        self.slow = False

    @property
    @override
    def partitions(self) -> int:
        return self._inner.partitions

    @override
    @asynccontextmanager
    async def transaction(self, partitions):
        self.locked += 1
        async with self._inner.transaction(partitions) as tx:
            yield tx

    @override
    async def look(self, partitions, claims, wanted):
        self.looks += 1
        if self.slow:
            self.go.clear()
            self.about.set()
            await self.go.wait()
        return await self._inner.look(partitions, claims, wanted)

    @override
    async def write_at(self, look, turns, writing):
        lose, self.lose = self.lose, ""
        self.about.set()
        await self.go.wait()
        if lose == "before":
            raise StorageUnavailable(retry_ms=1)
        await self._inner.write_at(look, turns, writing)
        if lose == "after":
            raise StorageUnavailable(retry_ms=1)

    @override
    def committed(self, partitions):
        self._inner.committed(partitions)

    @override
    async def sweep(self, limit):
        return 0


class Process:
    """One of several that write the same shop."""

    def __init__(self, storage: Counting, path: WritePath, clock: Ticking) -> None:
        self.storage, self.path, self.clock = storage, path, clock

    async def ask(self, command, key):
        return await self.path.submit(Envelope(command=command, key=key))

    async def hold(self, name, *, quantity=1, key=None, sku="A"):
        """Units held under a key of the same name."""
        return await self.ask(hold_of(name, quantity, sku), key or name)

    async def asked(self, work):
        """What came of it, and how often that looked and locked."""
        looks, locked = self.storage.looks, self.storage.locked
        outcome = await work
        return outcome, self.storage.looks - looks, self.storage.locked - locked

    async def pool(self, sku="A"):
        """The pool as it is stored."""
        async with self.storage._inner.transaction([]) as tx:
            (row,) = await tx.load(Pool, [("main", sku)])
        return row

    async def held(self, name):
        """The hold as it is stored, None where there is none."""
        async with self.storage._inner.transaction([]) as tx:
            rows = await tx.load(StockHold, [("main", name)])
        return rows[0] if rows else None


class Shop:
    """A database, and the processes on it."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.stack = stack

    async def storage(self) -> Storage:
        raise NotImplementedError

    async def process(self) -> Process:
        storage, clock = Counting(await self.storage()), Ticking()
        path = WritePath(storage, HANDLERS, clock, ahead_min=1)
        await path.start()
        self.stack.push_async_callback(path.stop)
        return Process(storage, path, clock)


class MemoryShop(Shop):
    def __init__(self, stack: AsyncExitStack) -> None:
        super().__init__(stack)
        self.state = MemoryState()

    async def storage(self):
        return MemoryStorage(self.state)

    async def new_epoch(self):
        self.state.new_epoch()


class PostgresShop(Shop):
    def __init__(self, stack: AsyncExitStack, dsn: str) -> None:
        super().__init__(stack)
        self.dsn = dsn

    async def storage(self):
        return (await self.stack.enter_async_context(open_store(self.dsn, TABLES))).storage

    async def new_epoch(self):
        await self.by_hand("UPDATE head SET epoch = epoch + 1")

    async def by_hand(self, sql):
        con = await asyncpg.connect(self.dsn)
        try:
            return await con.fetch(sql)
        finally:
            await con.close()


@pytest.fixture
async def memory_shop() -> AsyncIterator[Shop]:
    async with AsyncExitStack() as stack:
        yield MemoryShop(stack)


@pytest.fixture
async def postgres_shop(database_url) -> AsyncIterator[PostgresShop]:
    async with AsyncExitStack() as stack:
        yield PostgresShop(stack, database_url)


@pytest.fixture
async def alone(memory_shop) -> Process:
    """The same in memory: of what no storage has a part in."""
    return await stocked(memory_shop)


@pytest.fixture(params=["memory_shop", pytest.param("postgres_shop", marks=pytest.mark.postgres)])
def shop(request) -> Shop:
    return request.getfixturevalue(request.param)


@pytest.fixture
async def one(shop) -> Process:
    return await stocked(shop)


async def stocked(shop) -> Process:
    """A process that has held a unit of six and remembers the article."""
    one = await shop.process()
    await one.ask(ReportStock(sku="A", supplier="s", quantity=UNITS), "report")
    # Which rows are read at once is only settled after they have come a few times.
    for number in range(5):
        await one.ask(ReportStock(sku="W", supplier="s", quantity=9), f"w-{number}")
        await one.hold(f"w-{number}", sku="W")
    await one.hold("first")
    return one


def hold_of(name, quantity=1, sku="A"):
    lines = (HoldLine(sku=sku, quantity=quantity),)
    return HoldStock(hold_id=name, lines=lines, ttl_ms=900_000)


def error_of(outcome):
    return msgspec.json.decode(outcome.body)["code"]


async def test_a_hold_behind_another_needs_no_look(one):
    for number in range(3):
        told, looks, locked = await one.asked(one.hold(f"next-{number}"))
        assert (told.ok, looks, locked) == (True, 0, 0)
    pool = await one.pool()
    assert (pool.reserved, pool.seq) == (4, 5)


async def test_time_goes_on_without_a_look(alone):
    alone.clock.ahead_ms = KEPT_MS_MAX - 500
    _, looks, _ = await alone.asked(alone.hold("later"))
    first, later = await alone.held("first"), await alone.held("later")
    assert looks == 0
    assert 0 <= later.held_at_ms - first.held_at_ms - (KEPT_MS_MAX - 500) < 400


async def test_rows_are_read_anew_after_a_while(alone):
    alone.clock.ahead_ms = KEPT_MS_MAX + 1
    assert (await alone.asked(alone.hold("later")))[1:] == (1, 0)
    assert (await alone.asked(alone.hold("next")))[1:] == (0, 0)


async def test_what_another_process_wrote_is_seen(alone, memory_shop):
    other = await memory_shop.process()
    assert (await other.hold("theirs", quantity=UNITS - 2)).ok
    told, looks, locked = await alone.asked(alone.hold("two", quantity=2))
    assert (error_of(told), looks, locked) == (StockShort.code, 0, 1)
    assert (await alone.hold("one")).ok
    assert (await alone.pool()).reserved == UNITS


async def test_rows_that_another_process_changed_without_an_event_are_seen(alone, memory_shop):
    other = await memory_shop.process()
    async with other.storage.transaction([partition_of("main", "A", 8)]) as tx:
        (row,) = await tx.load(Pool, [("main", "A")])
        await tx.save({Pool: [msgspec.structs.replace(row, kept_back=UNITS)]})
    assert error_of(await alone.hold("next")) == StockShort.code


async def test_what_this_process_wrote_under_the_lock_is_seen(alone):
    two_articles = (HoldLine(sku="A", quantity=UNITS - 1), HoldLine(sku="W", quantity=1))
    wide = HoldStock(hold_id="wide", lines=two_articles, ttl_ms=900_000)
    assert (await alone.ask(wide, "wide")).ok
    told, _, locked = await alone.asked(alone.hold("next"))
    assert (error_of(told), locked) == (StockShort.code, 0)


async def test_what_other_commands_change_of_an_article_is_remembered(alone):
    assert (await alone.ask(VoidHold(hold_id="first", skus=("A",)), "void")).ok
    told, looks, _ = await alone.asked(alone.hold("all", quantity=UNITS))
    assert (told.ok, looks) == (True, 0)


async def test_a_key_that_was_answered_before_has_one_effect(one):
    first = await one.held("first")
    told = await one.hold("first")
    assert (told.ok, told.replayed) == (True, True)
    assert await one.held("first") == first
    assert (await one.pool()).reserved == 1
    # One that should have looked is followed by some that do.
    for name in ("next", "then"):
        assert (await one.asked(one.hold(name)))[1] == 1


async def test_a_key_that_was_answered_before_tells_nothing_to_another_body(one):
    """A refusal of the request itself is not stored, so nothing would refuse it."""
    told = await one.hold("wrong", quantity=0, key="first")
    assert error_of(told) == KeyReused.code


async def test_a_hold_that_is_there_is_found_under_another_key(one):
    told = await one.hold("first", key="other")
    assert told.ok
    assert (await one.pool()).reserved == 1


async def test_a_hold_that_is_there_is_found_also_where_nothing_is_left(one):
    """A refusal writes no hold, so nothing would refuse it."""
    assert (await one.hold("rest", quantity=UNITS - 1)).ok
    told = await one.hold("first", key="other")
    assert told.ok
    assert error_of(await one.hold("more")) == StockShort.code


async def test_batches_look_for_a_while_where_articles_are_sold_out(alone):
    await alone.hold("rest", quantity=UNITS - 1)
    counts = [(await alone.asked(alone.hold(f"more-{at}")))[1] for at in range(LOOK_BATCHES + 2)]
    assert counts == [1] * (LOOK_BATCHES + 2)


@pytest.mark.parametrize("lose", ["before", "after"])
async def test_what_may_not_have_been_written_is_not_remembered(one, shop, lose):
    other = await shop.process()
    one.storage.lose = lose
    with pytest.raises(StorageUnavailable):
        await one.hold("lost")
    # As many turns and versions as if the lost one were there.
    assert (await other.ask(ReportStock(sku="A", supplier="s", quantity=3), "theirs")).ok
    assert (await one.hold("next")).ok
    pool = await one.pool()
    assert (pool.reported, pool.reserved) == (3, 2 if lose == "before" else 3)
    assert error_of(await one.hold("more", quantity=2)) == StockShort.code


async def test_holds_on_their_way_do_not_stand_on_one_that_was_lost(alone, memory_shop):
    alone.storage.lose = "before"
    sent = [asyncio.create_task(alone.hold(f"h{number}")) for number in range(2 * UNITS)]
    told = await asyncio.gather(*sent, return_exceptions=True)
    lost = sum(isinstance(answer, StorageUnavailable) for answer in told)
    held = sum(not isinstance(answer, Exception) and answer.ok for answer in told)
    assert lost
    assert (await alone.pool()).reserved == held + 1 <= UNITS


async def test_what_was_read_behind_one_that_was_lost_is_not_remembered(alone, memory_shop):
    storage, other = alone.storage, await memory_shop.process()
    storage.lose = "before"
    storage.go.clear()
    storage.about.clear()
    lost = asyncio.create_task(alone.hold("lost"))
    await storage.about.wait()
    # The next is about an article of the same partition that has to be read.
    storage.slow = True
    storage.about.clear()
    behind = asyncio.create_task(alone.ask(hold_of("behind", 1, "X"), "behind"))
    await storage.about.wait()
    storage.go.set()
    with pytest.raises(StorageUnavailable):
        await lost
    storage.slow = False
    storage.go.set()
    assert error_of(await behind) == StockShort.code
    assert (await other.ask(ReportStock(sku="A", supplier="s", quantity=3), "theirs")).ok
    assert (await alone.hold("next")).ok
    pool = await alone.pool()
    assert (pool.reported, pool.reserved) == (3, 2)


async def test_a_writer_of_another_epoch_is_fenced(one, shop):
    await shop.new_epoch()
    with pytest.raises(Fenced):
        await one.hold("next")


@pytest.mark.postgres
@pytest.mark.parametrize("table", ["stock_pool", "stock_item"])
async def test_rows_that_were_changed_by_hand_are_seen(postgres_shop, table):
    what = {"stock_pool": "kept_back = 6", "stock_item": "buffer = 6"}[table]
    one = await stocked(postgres_shop)
    assert (await one.asked(one.hold("next")))[1:] == (0, 0)
    await postgres_shop.by_hand(f"UPDATE {table} SET {what}")
    assert error_of(await one.hold("more")) == StockShort.code


@pytest.mark.postgres
async def test_whoever_changes_what_is_remembered_counts_a_turn(database_url):
    """Of every kind of row that is not made by the commands which need no look."""
    needed = {
        need.kind.table
        for handler in HANDLERS
        if handler.makes
        for need in handler.needs(msgspec.structs.replace(hold_of("h"), shopper="ann"))
        if need.kind not in handler.makes
    }
    con = await asyncpg.connect(database_url)
    try:
        found = await con.fetch(
            "SELECT tgrelid::regclass::text AS name FROM pg_trigger"
            " WHERE tgfoid = 'heads_count_a_turn'::regproc AND tgenabled = 'O' AND tgtype = 30"
        )
    finally:
        await con.close()
    assert {row["name"] for row in found} == needed


def test_what_was_taken_for_granted_is_proven_by_what_the_storage_would_refuse():
    claim = Claim(tenant="main", principal="p", operation="o", key="k", fingerprint=b"f")
    answers = [(claim, Outcome(status=200, body=b"{}"))]
    hold = StockHold(tenant="main", hold_id="h", taken=(), held_at_ms=0, expires_at_ms=1)
    wanted, made = {StockHold: [("main", "h")]}, frozenset({StockHold})
    good = Writing(rows={StockHold: [hold]}, events={}, answers=answers, born={StockHold})
    assert proves(good, wanted, made, 1)
    for bad in ({"answers": ()}, {"born": ()}, {"rows": {}, "born": ()}):
        assert not proves(msgspec.structs.replace(good, **bad), wanted, made, 1)
    assert not proves(good, {StockHold: [("main", "h"), ("main", "i")]}, made, 1)
    assert not proves(good, wanted, made, 2)


def test_time_never_goes_back_behind_a_batch_that_looked():
    """What is counted leaves parts of a millisecond out, and lags behind the database's time."""
    clock = Ticking()
    kept = Kept(0, 7, Look(turns={0: 7}, now_ms=100, claimed=[], rows={}), clock)
    kept.follow(Writing(rows={}, events={}, answers=()), 1_000)
    seen = kept.look([], {}, frozenset())
    assert seen is not None
    assert seen.now_ms == 1_000


def test_what_is_kept_is_bounded():
    kept = Kept(0, 7, Look(turns={0: 7}, now_ms=0, claimed=[], rows={}), SystemClock())
    groups = [("main", f"S{number}") for number in range(KEPT_GROUPS_MAX)]
    kept.add({StockItem: groups}, {StockItem: []})
    assert kept.look([], {StockItem: groups}, frozenset()) is not None
    kept.add({StockItem: [("main", "X")]}, {StockItem: []})
    assert kept.look([], {StockItem: groups[:1]}, frozenset()) is None
