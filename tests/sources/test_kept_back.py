"""Units that are kept back while a supplier's word is too old: not offered, and never lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.modules.inventory_shop import held_shop
from tests.modules.shop import drifts, error_of, postgres_shop, result_of

from shopwire.modules.inventory.api import (
    HoldLine,
    HoldStock,
    KeepBack,
    PostHold,
    ReportStock,
    SellStock,
    SetPolicy,
)
from shopwire.modules.inventory.domain import Pool
from shopwire.modules.inventory.limits import KEPT_BACK_MAX

pytestmark = pytest.mark.anyio
units = st.integers(0, 40)


@given(units, units, units, units, units)
def test_what_is_kept_back_is_offered_in_no_way(count, reserved, buffer, beyond, kept):
    pool = Pool(tenant="main", sku="A", supplier="s", reported=count, reserved=reserved)
    careful = Pool(**{name: getattr(pool, name) for name in ("tenant", "sku", "supplier",
        "reported", "reserved")}, kept_back=kept)  # fmt: skip
    assert careful.sellable(buffer) == max(0, pool.reported - reserved - buffer - kept)
    offered = careful.sellable(buffer) + careful.beyond(buffer, beyond)
    assert offered <= pool.sellable(buffer) + pool.beyond(buffer, beyond)
    closed = Pool(tenant="main", sku="A", supplier="s", reported=count, kept_back=KEPT_BACK_MAX)
    assert closed.sellable(0) + closed.beyond(0, 10**9) == 0


async def test_a_hold_takes_nothing_of_what_is_kept_back_and_all_of_it_afterwards():
    async with held_shop() as shop:
        await shop.do(ReportStock(sku="A", supplier="old", quantity=10))
        await shop.do(ReportStock(sku="A", supplier="fresh", quantity=2))
        await shop.do(KeepBack(skus=("A",), supplier="old", units=3, share_bp=2_500))
        assert (await shop.document("stock:A"))["available"] == 4 + 2
        hold = HoldStock(hold_id="h", lines=(HoldLine(sku="A", quantity=7),), ttl_ms=60_000)
        assert error_of(await shop.ask(hold))["name"] == "StockShort"
        await shop.do(KeepBack(skus=("A",), supplier="old"))
        assert (await shop.document("stock:A"))["available"] == 12
        await shop.do(hold)


async def test_keeping_back_moves_no_unit_and_again_is_nothing_new():
    async with held_shop() as shop:
        await shop.do(ReportStock(sku="A", supplier="s", quantity=5))
        keep = KeepBack(skus=("A",), supplier="s", everything=True)
        assert result_of(await shop.do(keep))["applied"] == ["A"]
        assert result_of(await shop.do(keep))["unchanged"] == ["A"]
        unknown = await shop.do(KeepBack(skus=("B", "C"), supplier="s"))
        assert result_of(unknown)["unchanged"] == ["B", "C"]
        error = error_of(await shop.ask(KeepBack(skus=("A",), supplier="s", share_bp=10_001)))
        assert error["data"]["field"] == "share_bp"


@pytest.mark.postgres
async def test_the_audit_explains_a_shop_of_which_some_is_kept_back(database_url):
    async with postgres_shop(database_url) as shop:
        await shop.do(SetPolicy(sku="A", buffer=1, backorder_max=4))
        await shop.do(ReportStock(sku="A", supplier="s", quantity=10))
        hold = HoldStock(hold_id="h", lines=(HoldLine(sku="A", quantity=3),), ttl_ms=60_000)
        await shop.do(hold)
        await shop.do(KeepBack(skus=("A",), supplier="s", units=4))
        assert (await shop.document("stock:A"))["available"] == 2
        assert await drifts(shop) == []
        await shop.do(KeepBack(skus=("A",), supplier="s", everything=True))
        refused = error_of(await shop.ask(SellStock(sku="A", quantity=1)))
        assert refused["name"] == "StockShort"
        await shop.do(PostHold(hold_id="h", skus=("A",)))
        shown = await shop.document("stock:A")
        assert (shown["available"], shown["backorder"]) == (0, 0)
        assert await drifts(shop) == []
        await shop.do(KeepBack(skus=("A",), supplier="s"))
        assert (await shop.document("stock:A"))["available"] == 6
