"""Real order lines against stock that is too small: each is sold, refused or quarantined."""

import asyncio
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager

import asyncpg
import pytest
from tests.modules.shop import postgres_shop
from tests.replay.retail import Tally, baskets, read
from tests.replay.shoppers import Checkouts, Holds, percent, price, serve, stock

from shopwire.cli.main import run as run_cli
from shopwire.services.container import ServeOptions, open_container

pytestmark = [pytest.mark.anyio, pytest.mark.postgres, pytest.mark.data]

SAMPLE = ["2011-12-09.csv"]
UNPAID = "SELECT 1 FROM payment WHERE captured_minor < amount_minor LIMIT 1"
REASONS = {"cancellation", "no article", "no quantity", "no price"}


@asynccontextmanager
async def holding(dsn, lines, _folder):
    async with postgres_shop(dsn) as shop:
        there = await stock(shop.write_path, lines)
        yield Holds(shop.write_path, shop.log), there


@asynccontextmanager
async def checking_out(dsn, lines, folder):
    async with open_container(ServeOptions(data=folder, database_url=dsn)) as container:
        there = await stock(container.write_path, lines)
        prices = await price(container.write_path, lines, container.store.log)
        yield Checkouts(container.checkout, prices, container.store.log), there
        await captured(dsn)


async def captured(dsn):
    """Returns when the money of every order was taken."""
    async with asyncio.timeout(300):
        while await fetch(dsn, UNPAID):  # noqa: ASYNC110 - it happens in the database
            await asyncio.sleep(0.2)


async def fetch(dsn, query):
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(query)
    finally:
        await connection.close()


async def replay(dsn, folder, files, way):
    """Returns the lines, those that are none, how many were read, and what became of them."""
    lines, bad, count = read(files)
    tally = Tally()
    async with way(dsn, lines, folder) as (shop, there):
        began = time.monotonic()
        await serve(baskets(lines), shop, tally)
        took_s = time.monotonic() - began
    await check(dsn, lines, tally, there)
    assert count == tally.sold_lines + tally.refused_lines + len(bad)
    assert {one.reason for one in bad} <= REASONS
    units = sum(tally.sold.values())
    sys.stdout.write(
        f"{count} lines: {tally.sold_lines} sold, {tally.refused_lines} refused as short, "
        f"{len(bad)} quarantined ({dict(Counter(one.reason for one in bad))}); {units} units of "
        f"{sum(there.values())} ({percent(units, sum(there.values()))} %) in "
        f"{len(tally.orders)} orders, {tally.tries} tries, {took_s:.1f} s\n"
    )
    return tally


async def check(dsn, lines, tally, there):
    """Every unit: what was wanted, what there was, what was sold, what the books say."""
    wanted = Counter()
    for line in lines:
        wanted[line.code] += line.quantity
    assert {code: tally.sold[code] + tally.refused[code] for code in wanted} == dict(wanted)
    books = await fetch(
        dsn,
        "SELECT sku, sum(reported)::bigint AS there, sum(sold)::bigint AS sold,"
        " sum(reserved)::bigint AS held, sum(shortfall + backorder)::bigint AS beyond"
        " FROM stock_pool GROUP BY sku",
    )
    assert {row["sku"]: row["there"] for row in books} == there
    assert {row["sku"]: row["sold"] for row in books} == {code: tally.sold[code] for code in there}
    assert {(row["held"], row["beyond"]) for row in books} == {(0, 0)}
    assert all(tally.sold[code] <= there[code] for code in there)
    told = await asyncio.to_thread(run_cli, ["log", "verify", "--database", dsn])
    assert told == 0


@pytest.mark.slow
async def test_a_real_day_is_reserved_and_paid_line_by_line(database_url, shared_data, tmp_path):
    files = [shared_data / "uci-online-retail" / name for name in SAMPLE]
    tally = await replay(database_url, tmp_path, files, holding)
    assert tally.refused_lines > 100
    assert tally.sold_lines > 800


@pytest.mark.slow
async def test_a_real_day_is_bought_at_the_checkout(database_url, shared_data, tmp_path):
    files = [shared_data / "uci-online-retail" / name for name in SAMPLE]
    tally = await replay(database_url, tmp_path, files, checking_out)
    await money_adds_up(database_url, tally)
    assert tally.refused_lines > 100


async def money_adds_up(dsn, tally):
    """Each order is there once, was placed, and its sum was taken once."""
    orders = await fetch(dsn, "SELECT order_id, status, total_minor FROM customer_order")
    placed = {row["order_id"]: row["total_minor"] for row in orders if row["status"] != "failed"}
    assert placed == tally.orders
    payments = await fetch(dsn, "SELECT order_id, captured_minor, refunded_minor FROM payment")
    taken = {row["order_id"]: row["captured_minor"] for row in payments if row["captured_minor"]}
    assert taken == tally.orders
    assert not any(row["refunded_minor"] for row in payments)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("way", [holding, checking_out])
async def test_all_real_days_add_up(database_url, shared_data, tmp_path, way):
    files = sorted((shared_data / "uci-online-retail").glob("*.csv"))
    tally = await replay(database_url, tmp_path, files, way)
    assert tally.sold_lines + tally.refused_lines > 58_000
    if way is checking_out:
        await money_adds_up(database_url, tally)
