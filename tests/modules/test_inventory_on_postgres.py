"""Reservations and sales on a real database: the schema's own limit, races, no drift."""

from typing import Any

import pytest
from tests.modules.shop import Shop, drifts, postgres_shop

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
from shopwire.modules.inventory.store import explain_stock

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
    await shop.do(
        PutBundle(sku="SET", parts=(Part(sku="A", quantity=2), Part(sku="B", quantity=1)))
    )
    for number in range(4):
        await shop.do(hold(f"h{number}", "A", "B", shopper="ann"))
    await shop.do(hold("beyond", "A", quantity=6, shopper="bob"))
    await shop.do(PostHold(hold_id="beyond", skus=("A",)))
    await shop.do(hold("brief", "B", ttl_ms=1))
    await shop.do(ExpireHolds(holds=(HoldRef(hold_id="brief", skus=("B",)),)))
    await shop.do(PostHold(hold_id="h0", skus=("A", "B")))
    await shop.do(PostHold(hold_id="h1", skus=("A", "B")))
    await shop.do(VoidHold(hold_id="h2", skus=("A", "B")))
    await shop.do(SellStock(sku="B", quantity=1, reference="counter"))
    booked = Booked(sku="A", reference="beyond", quantity=2, booking="po/1")
    await shop.do(BookSales(supplier="s", sales=(booked,), sequence=2))
    await shop.do(BookSales(supplier="t", sales=(booked,), sequence=2))
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
        assert kinds == {"report", "hold", "post", "void", "release"}
        assert {one["hold"] for one in explained["holds"]} == {"h3"}
        assert "ann" not in str(explained["holds"])
        sold = sum(pool["sold"] for pool in explained["pools"])
        assert sold == sum(
            one["quantity"] for one in explained["open_sales"] if one["state"] == "open"
        )
