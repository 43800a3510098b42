"""The modules on a real database: races, the schema's own limit, prices that follow, no drift."""

import asyncio

import asyncpg
import msgspec
import pytest
from tests.modules.shop import MODULES, drifts, handlers, postgres_shop

from shopwire.kernel.commands import Handler
from shopwire.modules.catalog.api import ProductContent, PutProducts, Variant
from shopwire.modules.catalog.store import get_product, list_products
from shopwire.modules.inventory.api import ReportStock, SellStock
from shopwire.modules.inventory.commands import sale
from shopwire.modules.inventory.domain import Pool, StockItem
from shopwire.modules.inventory.store import explain_stock
from shopwire.modules.pricing.api import PriceRules, PutRules
from shopwire.modules.suppliers.api import PutOffer, WithdrawOffer
from shopwire.services.consumers import Consumers

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


async def test_a_race_for_the_last_units_sells_exactly_what_there_is(database_url):
    async with postgres_shop(database_url) as one, postgres_shop(database_url) as other:
        await one.do(ReportStock(sku="LAST", supplier="a", quantity=12))
        await one.do(ReportStock(sku="LAST", supplier="b", quantity=8))
        asked = [
            shop.ask(SellStock(sku="LAST", quantity=1), f"{at}-{number}")
            for number in range(100)
            for at, shop in enumerate((one, other))
        ]
        outcomes = await asyncio.gather(*asked)
        assert sum(outcome.ok for outcome in outcomes) == 20
        assert (await one.document("stock:LAST"))["available"] == 0
        explained = await explain_stock(one.reads, "main", "LAST", before=None, limit=200)
        assert sum(pool["sold"] for pool in explained["pools"]) == 20
        assert sum(line["sold_delta"] for line in explained["lines"]) == 20
        assert await drifts(one) == []


def careless_sale(command, view, context):
    """do_sell_stock without its check: takes whatever is asked from the first pool."""
    item = view.one(StockItem, command.sku) or StockItem(tenant="main", sku=command.sku)
    pools = {pool.supplier: pool for pool in view.all(Pool, command.sku)}
    return sale(command, item, pools, [(pools["a"], command.quantity)], context)


async def test_without_the_applications_check_the_schema_still_sells_what_there_is(database_url):
    careless = [
        Handler(
            command=handler.command,
            partition_key=handler.partition_key,
            needs=handler.needs,
            decide=careless_sale if handler.command is SellStock else handler.decide,
            keys=handler.keys,
        )
        for handler in handlers()
    ]
    async with postgres_shop(database_url, careless) as shop:
        await shop.do(ReportStock(sku="LAST", supplier="a", quantity=7))
        outcomes = await shop.many(SellStock(sku="LAST", quantity=1) for _ in range(40))
        assert sum(outcome.ok for outcome in outcomes) == 7
        refused = {msgspec.json.decode(one.body)["name"] for one in outcomes if not one.ok}
        assert refused == {"ConstraintRefused"}
        assert await drifts(shop) == []


async def test_a_sale_beyond_the_limit_cannot_hide_behind_a_report_of_its_batch(database_url):
    careless = [
        Handler(
            command=handler.command,
            partition_key=handler.partition_key,
            needs=handler.needs,
            decide=careless_sale if handler.command is SellStock else handler.decide,
            keys=handler.keys,
        )
        for handler in handlers()
    ]
    async with postgres_shop(database_url, careless) as shop:
        await shop.do(ReportStock(sku="LAST", supplier="a", quantity=3))
        sold, restocked = await shop.many(
            [
                SellStock(sku="LAST", quantity=5),
                ReportStock(sku="LAST", supplier="a", quantity=10),
            ]
        )
        assert not sold.ok
        assert restocked.ok
        assert (await shop.document("stock:LAST"))["available"] == 10
        assert await drifts(shop) == []


DISTORTIONS = {
    "inventory.pools": "UPDATE stock_pool SET reported = reported + 1",
    "inventory.lines": "UPDATE stock_ledger SET reported = reported + 1 WHERE seq = 2",
    "inventory.events": "UPDATE stock_ledger SET command_id = 'x' WHERE seq = 2",
    "inventory.documents": "UPDATE stock_item SET buffer = buffer + 1",
}


@pytest.mark.parametrize("check", DISTORTIONS)
async def test_a_number_that_was_tampered_with_is_found(database_url, check):
    async with postgres_shop(database_url) as shop:
        await shop.do(ReportStock(sku="A", supplier="a", quantity=5))
        await shop.do(SellStock(sku="A", quantity=2))
        assert await drifts(shop) == []
        connection = await asyncpg.connect(database_url)
        try:
            await connection.execute("SET session_replication_role = replica")
            await connection.execute(DISTORTIONS[check])
        finally:
            await connection.close()
        assert check in {drift.check for drift in await drifts(shop)}


async def test_a_sale_cannot_make_room_for_itself(database_url):
    async with postgres_shop(database_url) as shop:
        await shop.do(ReportStock(sku="A", supplier="a", quantity=1))
    connection = await asyncpg.connect(database_url)
    try:
        changes = (
            "sold = 5",
            "sold = 5, shortfall = 4",
            "shortfall = 4, reports = 2",
            "sold = -1",
            "reported = -1",
        )
        for change in changes:
            with pytest.raises(asyncpg.CheckViolationError):
                await connection.execute(f"UPDATE stock_pool SET {change}")
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute("UPDATE stock_ledger SET sold = 0")
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute("DELETE FROM stock_ledger")
    finally:
        await connection.close()


async def test_prices_follow_offers_and_rules_and_a_restart_repeats_nothing(database_url):
    followers = [consumer for module in MODULES for consumer in module.consumers]
    async with postgres_shop(database_url) as shop:

        async def caught_up() -> None:
            consumers = Consumers(shop.log, shop.write_path, shop.reads, followers)
            running = asyncio.create_task(consumers.run())
            await consumers.catch_up((await shop.log.heads()).next)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            assert consumers.refused == 0

        for number in range(30):
            await shop.do(
                PutOffer(sku=f"S{number}", supplier="a", cost_minor=1_000 + number, currency="EUR")
            )
        await caught_up()
        assert (await shop.document("price:S0"))["amount_minor"] == 2_095
        versions = [await shop.version(f"price:S{number}") for number in range(30)]
        await caught_up()
        assert [await shop.version(f"price:S{number}") for number in range(30)] == versions
        await shop.do(PutRules(rules=PriceRules(ending_minor=50)))
        await shop.do(WithdrawOffer(sku="S7", supplier="a"))
        await caught_up()
        assert (await shop.document("price:S0"))["amount_minor"] == 2_050
        assert await shop.document("price:S7") is None
        assert await drifts(shop) == []


def goods(number: int) -> ProductContent:
    return ProductContent(
        id=f"thing-{number:03}",
        title=f"{'Blue' if number % 2 else 'Red'} thing {number}",
        brand="Kiln & Co",
        categories=(("Home", "Odd" if number % 2 else "Even"),),
        variants=(Variant(sku=f"T-{number}"),),
    )


@pytest.mark.parametrize("sort", ["relevance", "title", "newest", "price"])
async def test_pages_follow_each_other_without_gap_or_repeat(database_url, sort):
    async with postgres_shop(database_url) as shop:
        for start in (0, 20):
            products = tuple(goods(number) for number in range(start, start + 20))
            await shop.do(PutProducts(source="a", products=products))
        seen, cursor = [], None
        while True:
            page = await list_products(
                shop.reads, "main", q="thi kiln", sort=sort, limit=7, cursor=cursor
            )
            assert page.total == 40
            seen += [item.topic for item in page.items]
            cursor = page.next
            if cursor is None:
                break
        assert len(seen) == 40
        assert len(set(seen)) == 40


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"q": "blue"}, 10),
        ({"q": "T-3"}, 1),
        ({"q": "blue red"}, 0),
        ({"q": "' OR 1=1 --"}, 0),
        ({"q": "!!! & | ("}, 20),
        ({"category": "home"}, 20),
        ({"category": "home--odd"}, 10),
        ({"category": "all", "q": "BLUE thi"}, 10),
        ({"status": "draft"}, 0),
    ],
)
async def test_search_and_categories_find_what_they_should(database_url, asked, found):
    async with postgres_shop(database_url) as shop:
        await shop.do(PutProducts(source="a", products=tuple(goods(n) for n in range(20))))
        page = await list_products(shop.reads, "main", **asked)
        assert page.total == found


async def test_an_item_brings_price_and_stock_of_each_variant(database_url):
    async with postgres_shop(database_url) as shop:
        await shop.do(PutProducts(source="a", products=(goods(1),)))
        await shop.do(ReportStock(sku="T-1", supplier="a", quantity=4))
        item = await get_product(shop.reads, "main", "thing-001")
        assert [entry.topic for entry in item.stocks] == ["stock:T-1"]
        assert item.prices == []
