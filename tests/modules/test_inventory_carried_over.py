"""Sales that pools kept as a list become rows, also while the former release goes on."""

import asyncpg
import pytest
from tests.modules.shop import drifts, postgres_shop, result_of

from shopwire.adapters.postgres.migrate import load_migrations, migrate
from shopwire.kernel.ids import partition_of
from shopwire.kernel.limits import PARTITIONS_DEFAULT
from shopwire.modules.inventory.api import ReportStock

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

POOL = """
INSERT INTO stock_pool (tenant, sku, supplier, reported, reserved, sold, shortfall, reports,
    as_of_ms, doubtful, unreflected, seq)
VALUES ('main', $1, 's', 10, 0, $2, 0, 1, 50, false, $3, 2)
ON CONFLICT (tenant, sku, supplier) DO UPDATE SET
    sold = excluded.sold, unreflected = excluded.unreflected, seq = stock_pool.seq + 1
"""
LINE = """
INSERT INTO stock_ledger (tenant, sku, supplier, seq, kind, reported_delta, reserved_delta,
    sold_delta, shortfall_delta, reported, reserved, sold, shortfall, reference, command_id, at_ms)
SELECT 'main', $1, 's', l.seq, l.kind, l.reported, 0, l.sold, 0, 10, 0, l.after, 0, '', 'c', 60
FROM (VALUES (1, 'report', 10, 0, 0), (2, 'sale', 0, $2::bigint, $2::bigint))
    AS l (seq, kind, reported, sold, after)
"""
SALE = """
INSERT INTO stock_ledger (tenant, sku, supplier, seq, kind, reported_delta, reserved_delta,
    sold_delta, shortfall_delta, reported, reserved, sold, shortfall, reference, command_id, at_ms)
VALUES ('main', $1, 's', 3, 'sale', 0, 0, $2::bigint - $3::bigint, 0, 10, 0, $2, 0, '', 'c', 99)
"""
ITEM = "INSERT INTO stock_item VALUES ('main', $1, 1, 0, 5)"
DOCUMENT = """
INSERT INTO documents (tenant, topic, version, body, changed_at_ms, partition)
VALUES ('main', 'stock:' || $1, 1,
    json_build_object('sku', $1::text, 'available', $2::int,
        'status', CASE WHEN $2 > 5 THEN 'in_stock' ELSE 'low' END)::text::json, 60, $3)
"""


@pytest.fixture
def before_url(postgres, _postgres_loop):
    """A database as the former release left it."""
    run, name = _postgres_loop.run_until_complete, "before_holds"

    async def make() -> None:
        admin = await asyncpg.connect(postgres.dsn("postgres"))
        await admin.execute(f"CREATE DATABASE {name}")
        await admin.close()
        # Everything that was before the tables of this change, whichever module it is of.
        later = ("0295_post_turns_by_hand.sql",)  # these build on them
        former = [
            one
            for one in load_migrations()
            if not "0032" <= one.name < "0040" and one.name not in later
        ]
        await migrate(postgres.dsn(name), migrations=former)

    async def drop() -> None:
        admin = await asyncpg.connect(postgres.dsn("postgres"))
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()

    run(make())
    yield postgres.dsn(name)
    run(drop())


async def test_the_list_is_carried_over_and_goes_on_to_be(before_url):
    connection = await asyncpg.connect(before_url)
    try:
        for sku, sold, sales in (("A", 5, "[[60, 2], [70, 3]]"), ("B", 4, "[[65, 4]]")):
            await connection.execute(ITEM, sku)
            await connection.execute(LINE, sku, sold)
            await connection.execute(POOL, sku, sold, sales)
        await migrate(before_url, phase="pre")
        # The former release still sells, and still takes over reports.
        await connection.execute(POOL, "A", 7, "[[60, 2], [70, 3], [80, 2]]")
        await connection.execute(SALE, "A", 7, 5)
        await connection.execute(POOL, "B", 9, "[[65, 9]]")
        await connection.execute(SALE, "B", 9, 4)
        for sku, available in (("A", 3), ("B", 1)):
            partition = partition_of("main", sku, PARTITIONS_DEFAULT)
            await connection.execute(DOCUMENT, sku, available, partition)
        await migrate(before_url)
    finally:
        await connection.close()
    async with postgres_shop(before_url) as shop:
        assert await drifts(shop) == []
        report = ReportStock(sku="A", supplier="s", quantity=8, as_of_ms=70)
        assert result_of(await shop.do(report))["available"] == 6
        report = ReportStock(sku="B", supplier="s", quantity=8, as_of_ms=64)
        assert result_of(await shop.do(report))["available"] == 0
        assert await drifts(shop) == []
