"""The modules on a real database: races, the schema's own limit, prices that follow, no drift."""

import asyncio

import asyncpg
import msgspec
import pytest
from tests.modules.shop import MODULES, drifts, handlers, postgres_shop

from shopwire.kernel.commands import Handler
from shopwire.modules.inventory.api import ReportStock, SellStock
from shopwire.modules.inventory.commands import sale
from shopwire.modules.inventory.domain import Pool, StockItem
from shopwire.modules.inventory.holding import Portion
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
    return sale(command, item, pools, [Portion(pools["a"], command.quantity, 0)], context)


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
