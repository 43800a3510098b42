"""Reservations and sales on a real database: the schema's own limit, races, no drift."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import msgspec
import pytest
from tests.modules.inventory_shop import until
from tests.modules.shop import MODULES, Shop, drifts, error_of, handlers, postgres_shop, result_of

from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Command, Handler
from shopwire.modules.inventory.api import (
    Booked,
    BookSales,
    ExpireHolds,
    HoldLine,
    HoldRef,
    HoldStock,
    Part,
    PostHold,
    PutBundle,
    ReleaseSale,
    ReportStock,
    SellStock,
    SetPolicy,
    VoidHold,
)
from shopwire.modules.inventory.domain import Pool, StockHold, StockItem
from shopwire.modules.inventory.ending import posted
from shopwire.modules.inventory.holding import Portion
from shopwire.modules.inventory.holds import held
from shopwire.modules.inventory.store import explain_stock
from shopwire.modules.inventory.wiring import MODULE
from shopwire.services.activities import Activities
from shopwire.services.consumers import Consumers

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


def hold(hold_id: str, *skus: str, quantity: int = 1, **more: Any) -> HoldStock:
    lines = tuple(HoldLine(sku=sku, quantity=quantity) for sku in skus)
    return HoldStock(**({"hold_id": hold_id, "lines": lines, "ttl_ms": 60_000} | more))


async def everything(shop: Shop) -> None:
    """Each kind of movement at least once."""
    for sku in ("A", "B"):
        for supplier in ("s", "t"):
            await shop.do(ReportStock(sku=sku, supplier=supplier, quantity=4, sequence=1))
    await shop.do(SetPolicy(sku="A", backorder_max=2, shopper_units_max=9))
    parts = (Part(sku="A", quantity=2), Part(sku="B", quantity=1))
    await shop.do(PutBundle(sku="SET", parts=parts))
    for number in range(4):
        await shop.do(hold(f"h{number}", "A", "B", shopper="ann"))
    await shop.do(hold("beyond", "A", quantity=6, shopper="bob"))
    await shop.do(PostHold(hold_id="beyond", skus=("A",)))
    await shop.do(hold("brief", "B", ttl_ms=1))
    brief = (HoldRef(hold_id="brief", skus=("B",)),)
    for at_ms in range(100):
        expired = result_of(await shop.do(ExpireHolds(holds=brief, at_ms=at_ms)))["expired"]
        if expired:
            break
    await shop.do(PostHold(hold_id="h0", skus=("A", "B")))
    await shop.do(PostHold(hold_id="h1", skus=("A", "B")))
    await shop.do(VoidHold(hold_id="h2", skus=("A", "B")))
    await shop.do(SellStock(sku="B", quantity=1, reference="counter"))
    booked = Booked(sku="A", reference="beyond", quantity=2, booking="po/1")
    await shop.do(BookSales(supplier="s", sales=(booked,), sequence=2))
    await shop.do(BookSales(supplier="t", sales=(booked,), sequence=1))
    await shop.do(ReportStock(sku="A", supplier="s", quantity=1, sequence=2))
    for reason in ("cancelled", "refused", "returned"):
        for supplier in ("s", "t"):
            await shop.do(
                ReleaseSale(
                    sku="A", supplier=supplier, reference="beyond", quantity=1, reason=reason
                )
            )
    await shop.do(ReportStock(sku="A", supplier="t", quantity=0, seen=("beyond", "h0/t")))


async def test_every_movement_is_explained(database_url):
    async with postgres_shop(database_url) as shop:
        await everything(shop)
        assert await drifts(shop) == []
        explained = await explain_stock(shop.reads, "main", "A", before=None, limit=200)
        kinds = {line["kind"] for line in explained["lines"]}
        assert kinds == {"report", "hold", "post", "void", "book", "release"}
        assert {one["hold"] for one in explained["holds"]} == {"h3"}
        assert "ann" not in str(explained)
        for state, number in (("open", "sold"), ("refused", "withheld")):
            rows = [one["quantity"] for one in explained["open_sales"] if one["state"] == state]
            told = await shop.reads.fetch(
                f"SELECT sum({number})::bigint AS units FROM stock_pool WHERE sku = $1", "A"
            )
            assert told[0]["units"] == sum(rows)


@pytest.mark.parametrize("limit", [1, 3])
async def test_pages_of_a_ledger_follow_one_another_whatever_pool_a_line_is_of(database_url, limit):
    async with postgres_shop(database_url) as shop:
        await everything(shop)
        lines = await shop.reads.fetch("SELECT * FROM stock_ledger WHERE sku = $1", "A")
        places = sorted(
            ((one["at_ms"], one["supplier"], one["seq"]) for one in lines), reverse=True
        )
        found: list[tuple[int, str, int]] = []
        before = None
        while True:
            page = await explain_stock(shop.reads, "main", "A", before=before, limit=limit)
            found += [(one["at_ms"], one["supplier"], one["seq"]) for one in page["lines"]]
            if page["next"] is None:
                break
            before = found[-1]
        assert found == places
        assert {supplier for _, supplier, _ in places} == {"s", "t"}


TAMPERED = [
    ("inventory.holds", "UPDATE stock_hold SET state = 'voided' WHERE hold_id = 'h3'"),
    ("inventory.holds", "UPDATE stock_pool SET reserved = reserved + 1"),
    ("inventory.sales", "UPDATE stock_sale SET state = 'reflected' WHERE state = 'open'"),
    ("inventory.sales", "UPDATE stock_pool SET withheld = withheld + 1"),
    ("inventory.sales", "DELETE FROM stock_sale WHERE reference = 'counter'"),
    ("inventory.hold_sales", "UPDATE stock_sale SET quantity = 9 WHERE reference = 'h0'"),
    ("inventory.hold_sales", "DELETE FROM stock_sale WHERE reference = 'h1'"),
    ("inventory.tallies", "UPDATE stock_tally SET quantity = quantity + 1"),
    ("inventory.tallies", "DELETE FROM stock_tally"),
    ("inventory.bundles", "UPDATE stock_item SET bundles = '[]' WHERE sku = 'A'"),
    ("inventory.documents", "UPDATE stock_item SET backorder_max = 7 WHERE sku = 'A'"),
    ("inventory.documents", "UPDATE stock_item SET sets = sets + 1 WHERE sku = 'SET'"),
    ("inventory.documents", "UPDATE stock_item SET preorder_until_ms = 5"),
    ("inventory.pools", "UPDATE stock_pool SET backorder = backorder + 1"),
    ("inventory.lines", "UPDATE stock_ledger SET backorder_delta = 5 WHERE seq = 2"),
    ("inventory.events", "UPDATE stock_ledger SET backorder = 5 WHERE kind = 'hold'"),
]


class Inside:
    """Reads what one open transaction sees."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        return await self._connection.fetch(query, *args)


async def test_what_was_tampered_with_is_found(database_url):
    async with postgres_shop(database_url) as shop:
        await everything(shop)
    connection = await asyncpg.connect(database_url)
    try:
        # Nothing stands in the way of somebody who owns the database.
        await connection.execute("SET session_replication_role = replica")
        for table in ("stock_pool", "stock_ledger"):
            for name in await connection.fetch(
                "SELECT conname FROM pg_constraint"
                " WHERE contype = 'c' AND conrelid = $1::text::regclass",
                table,
            ):
                await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name[0]}")
        for expected, distortion in TAMPERED:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(distortion)
            found = set()
            for check in MODULE.checks:
                found |= {drift.check for drift in await check.run(Inside(connection))}
            await transaction.rollback()
            assert expected in found, distortion
    finally:
        await connection.close()


# -- the schema's last word -----------------------------------------------------------------------


def _with(instead: dict[type[Command], Any]) -> list[Handler[Any]]:
    """All handlers, some of them with a decision that checks nothing."""
    return [
        msgspec.structs.replace(one, decide=instead.get(one.command, one.decide))
        for one in handlers()
    ]


def careless_hold(command, view, context):
    """do_hold_stock without its checks: takes whatever is asked from the first pool."""
    chosen = []
    for line in command.lines:
        pool = view.all(Pool, line.sku)[0]
        portions = [Portion(pool, line.quantity, 0)]
        chosen.append((view.one(StockItem, line.sku), portions))
    return held(command, chosen, [], view, context)


def careless_post(command, view, context):
    """do_post_hold that does not look whether the hold is over."""
    return posted(view.one(StockHold, command.hold_id), view, context)


async def test_without_the_applications_check_the_schema_holds_the_limit(database_url):
    async with postgres_shop(database_url, _with({HoldStock: careless_hold})) as shop:
        await shop.do(ReportStock(sku="A", supplier="a", quantity=7))
        await shop.do(SetPolicy(sku="A", backorder_max=3))
        outcomes = await shop.many(hold(f"h{number}", "A") for number in range(40))
        assert sum(outcome.ok for outcome in outcomes) == 10
        refused = {error_of(one)["name"] for one in outcomes if not one.ok}
        assert refused == {"ConstraintRefused"}
        assert await drifts(shop) == []


async def test_a_hold_beyond_the_limit_cannot_hide_behind_a_report_of_its_batch(database_url):
    async with postgres_shop(database_url, _with({HoldStock: careless_hold})) as shop:
        await shop.do(ReportStock(sku="A", supplier="a", quantity=3))
        taken, restocked = await shop.many(
            [hold("h", "A", quantity=5), ReportStock(sku="A", supplier="a", quantity=10)]
        )
        assert not taken.ok
        assert restocked.ok
        assert (await shop.document("stock:A"))["available"] == 10
        assert await drifts(shop) == []


async def test_a_hold_that_is_posted_twice_in_one_batch_is_refused(database_url):
    async with postgres_shop(database_url, _with({PostHold: careless_post})) as shop:
        await shop.do(ReportStock(sku="A", supplier="a", quantity=9))
        await shop.do(hold("other", "A", quantity=5))
        await shop.do(hold("h", "A", quantity=2))
        outcomes = await shop.many(PostHold(hold_id="h", skus=("A",)) for _ in range(3))
        assert [outcome.ok for outcome in outcomes] == [True, False, False]
        assert await drifts(shop) == []


async def test_a_hold_is_posted_once_even_if_nobody_looks(database_url):
    async with postgres_shop(database_url, _with({PostHold: careless_post})) as shop:
        await shop.do(ReportStock(sku="A", supplier="a", quantity=9))
        await shop.do(hold("h1", "A", quantity=2))
        await shop.do(hold("h2", "A", quantity=5))
        await shop.do(PostHold(hold_id="h1", skus=("A",)))
        again = await shop.ask(PostHold(hold_id="h1", skus=("A",)))
        assert error_of(again)["name"] == "ConstraintRefused"
        await shop.do(VoidHold(hold_id="h2", skus=("A",)))
        gone = await shop.ask(PostHold(hold_id="h2", skus=("A",)))
        assert error_of(gone)["name"] == "ConstraintRefused"
        assert await drifts(shop) == []


REFUSED = [
    # Two are there: one is reserved, one was sold, one was cancelled.
    "UPDATE stock_pool SET reserved = 9",
    "UPDATE stock_pool SET reserved = 2, backorder = 1",
    "UPDATE stock_pool SET reserved = 2, backorder = 1, backorder_max = 1",
    "UPDATE stock_pool SET reserved = 2, shortfall = 1",
    "UPDATE stock_pool SET backorder = 1, backorder_max = 1",
    "UPDATE stock_pool SET shortfall = 1, reports = reports + 1",
    "UPDATE stock_pool SET reserved = -1",
    "UPDATE stock_pool SET withheld = -1",
    "UPDATE stock_pool SET sold = -1",
    "UPDATE stock_hold SET taken = '[]' WHERE state = 'pending'",
    "UPDATE stock_hold SET state = 'voided', taken = '[{}]' WHERE state = 'pending'",
    "UPDATE stock_hold SET state = 'voided', shopper = 'x' WHERE state = 'pending'",
    "UPDATE stock_hold SET expires_at_ms = expires_at_ms + 1 WHERE state = 'pending'",
    "UPDATE stock_hold SET state = 'pending' WHERE state = 'posted'",
    "UPDATE stock_hold SET state = 'voided' WHERE state = 'posted'",
    "DELETE FROM stock_hold",
    "UPDATE stock_sale SET quantity = quantity + 1",
    "UPDATE stock_sale SET state = 'open', reason = NULL WHERE state = 'released'",
    "UPDATE stock_sale SET state = 'released'",
    "DELETE FROM stock_sale",
    "UPDATE stock_ledger SET sold = sold",
]


async def test_the_tables_refuse_what_would_break_them(database_url):
    async with postgres_shop(database_url) as shop:
        await shop.do(ReportStock(sku="A", supplier="a", quantity=2))
        for name in ("pending", "posted"):
            await shop.do(hold(name, "A"))
        await shop.do(PostHold(hold_id="posted", skus=("A",)))
        release = ReleaseSale(
            sku="A", supplier="a", reference="posted", quantity=1, reason="cancelled"
        )
        await shop.do(release)
        await shop.do(hold("sold", "A"))
        await shop.do(PostHold(hold_id="sold", skus=("A",)))
    connection = await asyncpg.connect(database_url)
    try:
        for statement in REFUSED:
            with pytest.raises(asyncpg.CheckViolationError):
                await connection.execute(statement)
    finally:
        await connection.close()


# -- races ----------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def several(url: str, own: Sequence[Handler[Any]] | None = None) -> AsyncIterator[list[Shop]]:
    """Write paths as several processes have them: nothing in common but the database."""
    async with contextlib.AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(postgres_shop(url, list(own) if own else None))
            for _ in range(3)
        ]


@pytest.mark.parametrize("careful", [True, False])
async def test_a_race_for_few_units_sells_exactly_what_there_is(database_url, careful):
    """Orders of one and of several articles, in every order of their lines."""
    own = None if careful else _with({HoldStock: careless_hold})
    units = {"A": 20, "B": 15, "C": 25, "D": 30}
    async with several(database_url, own) as shops:
        for sku, quantity in units.items():
            await shops[0].do(ReportStock(sku=sku, supplier="a", quantity=quantity))
        wishes = [("A",), ("B", "C"), ("C", "B"), ("D", "A"), ("A", "D", "B"), ("C",), ("D",)]

        async def buy(number: int) -> tuple[str, ...]:
            shop, skus = shops[number % len(shops)], wishes[number % len(wishes)]
            outcome = await shop.ask(hold(f"h{number}", *skus), f"hold/{number}")
            if not outcome.ok:
                name = "StockShort" if careful else "ConstraintRefused"
                assert error_of(outcome)["name"] == name
                return ()
            other = shops[(number + 1) % len(shops)]
            if number % 5 == 0:
                await other.do(VoidHold(hold_id=f"h{number}", skus=skus), f"void/{number}")
                return ()
            # Whoever completes first: both may ask.
            await asyncio.gather(
                other.do(PostHold(hold_id=f"h{number}", skus=skus), f"post/{number}"),
                shop.do(PostHold(hold_id=f"h{number}", skus=skus), f"post/{number}/again"),
            )
            return skus

        bought = await asyncio.gather(*(buy(number) for number in range(240)))
        # What was given back last may have found nobody: now somebody takes it.
        for sku, quantity in units.items():
            for number in range(quantity):
                name = f"rest/{sku}/{number}"
                if (await shops[0].ask(hold(name, sku))).ok:
                    await shops[0].do(PostHold(hold_id=name, skus=(sku,)))
        for sku, quantity in units.items():
            explained = await explain_stock(shops[0].reads, "main", sku, before=None, limit=200)
            assert explained["pools"][0]["sold"] == quantity
            assert explained["pools"][0]["reserved"] == 0
            assert sum(skus.count(sku) for skus in bought) <= quantity
        assert await drifts(shops[0]) == []


async def test_one_hold_asked_for_by_many_at_once_is_one(database_url):
    async with several(database_url) as shops:
        for sku in ("A", "B", "C"):
            await shops[0].do(ReportStock(sku=sku, supplier="a", quantity=50))
        outcomes = await asyncio.gather(
            *(
                shops[number % 3].ask(hold("the-one", "A", "B", "C"), f"key-{number}")
                for number in range(60)
            )
        )
        assert all(outcome.ok for outcome in outcomes)
        assert len({msgspec.json.encode(result_of(outcome)) for outcome in outcomes}) == 1
        assert (await shops[0].document("stock:B"))["available"] == 49
        assert await drifts(shops[0]) == []


# -- when time is over ----------------------------------------------------------------------------


class AlwaysLeader:
    """The only process there is."""

    @contextlib.asynccontextmanager
    async def elected(self) -> AsyncIterator[asyncio.Event]:
        yield asyncio.Event()


@contextlib.asynccontextmanager
async def swept(shop: Shop) -> AsyncIterator[Activities]:
    """The shop with its activities running."""
    work = MODULE.activities
    clock, leader = SystemClock(), AlwaysLeader()
    activities = Activities(shop.log, shop.write_path, shop.reads, work, clock, leader)
    running = asyncio.create_task(activities.run())
    try:
        yield activities
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_holds_end_when_their_time_is_over_without_being_looked_for(
    database_url, monkeypatch
):
    """How much later depends on the machine; `make soak` holds it to LATE_MS_MAX."""
    monkeypatch.setattr("shopwire.services.activities.LOOK_AGAIN_MS_MAX", 3_600_000)
    async with postgres_shop(database_url) as shop:
        for sku in ("A", "B", "C"):
            await shop.do(ReportStock(sku=sku, supplier="a", quantity=500))
        await shop.do(hold("long", "A"))
        await shop.do(hold("sold", "A"))
        await shop.do(PostHold(hold_id="sold", skus=("A",)))
        async with swept(shop):
            wishes = [("A",), ("A", "B"), ("C",)]
            await shop.many(
                hold(f"h{number}", *wishes[number % 3], ttl_ms=300 + number)
                for number in range(450)
            )
            pending = "SELECT count(*) AS n FROM stock_hold WHERE state = 'pending'"

            async def over() -> bool:
                return (await shop.reads.fetch(pending))[0]["n"] == 1

            await until(shop, over)
        (late,) = await shop.reads.fetch(
            "SELECT min(l.at_ms - h.expires_at_ms) AS early"
            " FROM stock_ledger l JOIN stock_hold h ON h.hold_id = l.reference"
            " WHERE l.kind = 'expire'"
        )
        assert late["early"] >= 0
        assert (await shop.document("stock:B"))["available"] == 500
        assert (await shop.document("stock:A"))["available"] == 498
        assert await drifts(shop) == []


async def test_a_preorder_ends_by_itself(database_url):
    async with postgres_shop(database_url) as shop, swept(shop):
        await shop.do(ReportStock(sku="A", supplier="a", quantity=0))
        status = "out"
        for ahead_ms in (300, 3_000, 30_000):  # some machine is busy for longer than the first
            until_ms = SystemClock().now_ms() + ahead_ms
            await shop.do(SetPolicy(sku="A", backorder_max=5, preorder_until_ms=until_ms))
            status = (await shop.document("stock:A"))["status"]
            if status == "preorder":
                break
        assert status == "preorder"

        async def over() -> bool:
            return (await shop.document("stock:A"))["status"] == "out"

        await until(shop, over)
        assert await drifts(shop) == []


# -- sets -----------------------------------------------------------------------------------------


async def test_sets_are_counted_as_their_parts_come_and_go(database_url):
    followers = [one for module in MODULES for one in module.consumers]
    async with postgres_shop(database_url) as shop:

        async def sets() -> int:
            consumers = Consumers(shop.log, shop.write_path, shop.reads, followers)
            running = asyncio.create_task(consumers.run())
            await consumers.catch_up((await shop.log.heads()).next)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            assert consumers.refused == 0
            return (await shop.document("stock:SET"))["available"]

        parts = (Part(sku="A", quantity=2), Part(sku="B", quantity=1))
        await shop.do(PutBundle(sku="SET", parts=parts))
        assert await sets() == 0
        await shop.do(ReportStock(sku="A", supplier="a", quantity=7))
        await shop.do(ReportStock(sku="B", supplier="a", quantity=9))
        assert await sets() == 3
        line = HoldLine(sku="SET", quantity=2, parts=parts)
        await shop.do(HoldStock(hold_id="h", lines=(line,), ttl_ms=60_000))
        assert await sets() == 1
        await shop.do(VoidHold(hold_id="h", skus=("A", "B")))
        await shop.do(SetPolicy(sku="A", buffer=2))
        assert await sets() == 2
        # Made of something else, it follows that and no longer what it was made of.
        await shop.do(PutBundle(sku="SET", parts=(Part(sku="B", quantity=3),)))
        await shop.do(ReportStock(sku="A", supplier="a", quantity=0))
        assert await sets() == 3
        kept = await shop.reads.fetch("SELECT bundles::text AS b FROM stock_item WHERE sku = 'A'")
        assert kept[0]["b"] == "[]"
        assert await drifts(shop) == []
