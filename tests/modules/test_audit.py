"""Every kind of tampering is found by the check that is there for it, and by nothing before it."""

import asyncpg
import pytest
from tests.modules.shop import Shop, drifts, postgres_shop

from shopwire.modules.catalog.api import ProductContent, PutProduct, Variant
from shopwire.modules.inventory.api import ReportStock, SellStock
from shopwire.modules.pricing.api import ApplyCost
from shopwire.modules.suppliers.api import PutOffer, RegisterSupplier

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

DISTORTIONS = [
    ("inventory.pools", "UPDATE stock_pool SET reported = reported + 1"),
    ("inventory.lines", "UPDATE stock_ledger SET reported = reported + 1 WHERE seq = 2"),
    ("inventory.events", "UPDATE stock_ledger SET command_id = 'x' WHERE seq = 2"),
    ("inventory.documents", "UPDATE stock_item SET buffer = buffer + 1"),
    ("catalog.categories", "UPDATE category SET products = 7 WHERE slug = 'home'"),
    ("catalog.categories", "UPDATE category SET products = 7 WHERE slug = 'all'"),
    ("catalog.category_documents", "UPDATE category SET revision = 7"),
    ("catalog.products", "UPDATE product SET description = 'other'"),
    ("catalog.sku_owners", "UPDATE sku_owner SET product_id = ''"),
    ("catalog.sku_owners", "INSERT INTO sku_owner VALUES ('main', 'GHOST', 'thing')"),
    ("suppliers.offers", "UPDATE offer SET lead_time_days = 9"),
    ("suppliers.suppliers", "UPDATE supplier SET name = 'other'"),
    ("pricing.prices", "UPDATE price_input SET cost_minor = cost_minor + 1000"),
    ("pricing.prices", "UPDATE price SET amount_minor = amount_minor + 1"),
]


async def small_shop(shop: Shop) -> None:
    product = ProductContent(
        id="thing",
        title="Thing",
        description="A thing.",
        categories=(("Home", "Things"), ("All",)),
        variants=(Variant(sku="A"), Variant(sku="B", gtin="12")),
    )
    await shop.do(RegisterSupplier(id="a", name="A"))
    await shop.do(PutProduct(source="a", product=product))
    await shop.do(PutOffer(sku="A", supplier="a", cost_minor=500, currency="EUR"))
    terms = {"lead_time_days": 3, "map_minor": None, "msrp_minor": 9_900, "active": True}
    await shop.do(ApplyCost(sku="A", supplier="a", cost_minor=500, currency="EUR", **terms))
    await shop.do(ReportStock(sku="A", supplier="a", quantity=5))
    await shop.do(SellStock(sku="A", quantity=2))


@pytest.mark.parametrize(("check", "distortion"), DISTORTIONS)
async def test_what_was_tampered_with_is_found(database_url, check, distortion):
    async with postgres_shop(database_url) as shop:
        await small_shop(shop)
        assert await drifts(shop) == []
        connection = await asyncpg.connect(database_url)
        try:
            # No trigger stands in the way of somebody who owns the database.
            await connection.execute("SET session_replication_role = replica")
            await connection.execute(distortion)
        finally:
            await connection.close()
        assert check in {drift.check for drift in await drifts(shop)}
