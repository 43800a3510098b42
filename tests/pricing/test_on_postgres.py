"""Prices on a real database: promotions reach their SKUs, quotas hold, rates come due, no drift."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from tests.modules.shop import MODULES, drifts, handlers, postgres_shop, result_of
from tests.pricing.desk import HOUR_MS, costing, promotion, pump_clock, taking

from shopwire.kernel.commands import Handler
from shopwire.modules.catalog.api import ProductContent, PutProduct, Variant
from shopwire.modules.pricing.api import (
    ConfirmPrices,
    EndPromotion,
    PriceRule,
    PriceRules,
    PutRates,
    PutRules,
    RateLine,
    UndoRules,
    When,
)
from shopwire.modules.pricing.commands import do_confirm_prices
from shopwire.modules.pricing.domain import Sale
from shopwire.modules.pricing.reading import (
    explain_price,
    read_history,
    read_promotions,
    read_rates,
    read_rules,
)
from shopwire.modules.suppliers.api import PutOffer
from shopwire.services.consumers import Consumers

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]
PLAIN = PriceRules(ending_minor=None, compare_at_msrp=False)


async def caught_up(shop: Any) -> None:
    """Lets all consumers of prices follow, then those of what they made."""
    followers = [one for module in MODULES for one in module.consumers if "pricing" in one.name]
    for _ in range(3):
        consumers = Consumers(shop.log, shop.write_path, shop.reads, followers)
        running = asyncio.create_task(consumers.run())
        await consumers.catch_up((await shop.log.heads()).next)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert consumers.refused == 0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def shop_of(dsn: str, skus: int, own: list[Any] | None = None) -> AsyncIterator[Any]:
    async with postgres_shop(dsn, own) as shop:
        await shop.do(PutRules(rules=PLAIN))
        await shop.many(costing(f"S{n:03}") for n in range(skus))
        yield shop


async def amounts(shop: Any, *skus: str) -> list[int]:
    return [(await shop.document(f"price:{sku}"))["amount_minor"] for sku in skus]


async def test_a_promotion_reaches_its_skus_begins_ends_and_leaves_no_drift(database_url):
    async with shop_of(database_url, 40) as shop:
        begins, ends = now_ms() + HOUR_MS, now_ms() + 2 * HOUR_MS
        skus = tuple(f"S{n:03}" for n in range(30))
        await shop.do(promotion(skus=skus, starts_at_ms=begins, ends_at_ms=ends, quota=9))
        await caught_up(shop)
        assert (await shop.document("promotion:flash"))["skus_count"] == 30
        assert await pump_clock(shop, begins - 1) == 0
        await pump_clock(shop, begins)
        assert await amounts(shop, "S000", "S029", "S030") == [1_500, 1_500, 2_000]
        assert await pump_clock(shop, begins) == 0
        await shop.do(taking("o1", 9, 1_500, "S001"))
        # Fewer SKUs, other terms: who leaves goes back, who stays follows.
        await shop.do(
            promotion(skus=skus[:2], value=1_400, starts_at_ms=begins, ends_at_ms=ends, quota=9)
        )
        await caught_up(shop)
        await pump_clock(shop, begins)
        assert await amounts(shop, "S000", "S001", "S002") == [1_400, 2_000, 2_000]
        (shown,) = await read_promotions(shop.reads, "main")
        assert (shown["taken"], shown["running"], shown["sold_out"]) == (9, 2, 1)
        assert await drifts(shop) == []
        await pump_clock(shop, ends)
        assert await amounts(shop, "S000") == [2_000]
        assert await drifts(shop) == []


async def test_a_promotion_of_a_category_is_ended_by_hand_everywhere(database_url):
    async with shop_of(database_url, 3) as shop:
        lamp = ProductContent(
            id="lamp",
            title="Lamp",
            categories=(("Lamps", "Desk"),),
            variants=(Variant(sku="S000"), Variant(sku="S001")),
        )
        await shop.do(PutProduct(source="feed", product=lamp))
        await caught_up(shop)
        begins, ends = now_ms(), now_ms() + HOUR_MS
        await shop.do(promotion(skus=(), category="lamps", starts_at_ms=begins, ends_at_ms=ends))
        await caught_up(shop)
        await pump_clock(shop, now_ms())
        assert await amounts(shop, "S000", "S001", "S002") == [1_500, 1_500, 2_000]
        await shop.do(EndPromotion(id="flash"))
        await caught_up(shop)
        assert await amounts(shop, "S000", "S001") == [2_000, 2_000]
        assert await pump_clock(shop, ends) == 0
        assert await drifts(shop) == []


def careless(command, view, context):
    """do_confirm_prices of somebody who believes that there is no end to a quota."""

    class Boundless:
        def one(self, kind, group, *rest: str):
            row = view.one(kind, group, *rest)
            if kind is Sale and row is not None:
                return msgspec.structs.replace(row, quota=10**6)
            return row

    decision = do_confirm_prices(command, Boundless(), context)
    rows = [
        msgspec.structs.replace(row, quota=3) if isinstance(row, Sale) else row
        for row in decision.put
    ]
    return msgspec.structs.replace(decision, put=rows)


async def test_without_the_applications_check_the_schema_still_keeps_the_quota(database_url):
    own = [
        msgspec.structs.replace(one, decide=careless) if one.command is ConfirmPrices else one
        for one in handlers()
    ]
    assert all(isinstance(one, Handler) for one in own)
    async with shop_of(database_url, 1, own) as shop:
        begins, ends = now_ms(), now_ms() + HOUR_MS
        await shop.do(promotion(skus=("S000",), starts_at_ms=begins, ends_at_ms=ends, quota=3))
        await caught_up(shop)
        await pump_clock(shop, now_ms())
        outcomes = await shop.many(taking(f"o{n}", 1, 1_500, "S000") for n in range(8))
        assert sum(one.ok for one in outcomes) == 3
        names = {msgspec.json.decode(one.body)["name"] for one in outcomes if not one.ok}
        assert names == {"ConstraintRefused"}


async def test_two_servers_sell_exactly_the_quota(database_url):
    async with shop_of(database_url, 1) as one, postgres_shop(database_url) as other:
        begins, ends = now_ms(), now_ms() + HOUR_MS
        await one.do(promotion(skus=("S000",), starts_at_ms=begins, ends_at_ms=ends, quota=25))
        await caught_up(one)
        await pump_clock(one, now_ms())
        asked = [
            shop.ask(taking(f"{at}-{n}", 1, 1_500, "S000"), f"{at}-{n}")
            for n in range(40)
            for at, shop in enumerate((one, other))
        ]
        outcomes = await asyncio.gather(*asked)
        assert sum(outcome.ok for outcome in outcomes) == 25
        assert await drifts(one) == []


async def test_rates_convert_when_their_time_comes_and_rules_go_back_and_forth(database_url):
    async with shop_of(database_url, 2) as shop:
        await shop.do(PutOffer(sku="US", supplier="a", cost_minor=1_000, currency="USD"))
        await caught_up(shop)
        assert await shop.document("price:US") is None
        later = now_ms() + HOUR_MS
        told = [("0.9", 0), ("0.5", later)]
        rates = tuple(
            RateLine(base="USD", quote="EUR", rate=rate, valid_from_ms=at) for rate, at in told
        )
        await shop.do(PutRates(rates=rates))
        await caught_up(shop)
        assert await amounts(shop, "US", "S000") == [1_800, 2_000]
        assert await pump_clock(shop, later) == 1
        await caught_up(shop)
        assert await amounts(shop, "US") == [1_000]
        assert [one.rate for one in (await read_rates(shop.reads, "main"))["rates"]] == ["0.5"]
        dear = PriceRule(name="dear", when=When(skus=("S001",)), factor_bp=40_000)
        put = await shop.do(PutRules(rules=msgspec.structs.replace(PLAIN, rules=(dear,))))
        await caught_up(shop)
        assert await amounts(shop, "S000", "S001") == [2_000, 4_000]
        why = await explain_price(shop.reads, "main", "S001")
        assert [step.kind for step in why.steps] == ["cost", "rule", "floor_margin"]
        assert (why.rule, why.margin_minor, why.steps[1].because) == (
            "dear",
            3_000,
            ("names the SKU",),
        )
        assert await drifts(shop) == []
        versions = [await shop.version(f"price:S{n:03}") for n in range(2)]
        rules = await read_rules(shop.reads, "main")
        await shop.do(UndoRules(to_version=rules["undo_to"], expected_version=rules["version"]))
        await caught_up(shop)
        assert await amounts(shop, "S000", "S001") == [2_000, 2_000]
        after = [await shop.version(f"price:S{n:03}") for n in range(2)]
        assert after == [versions[0], versions[1] + 1]
        history = await read_history(shop.reads, "main")
        assert [(one["version"], one["returns_to"]) for one in history] == [
            (3, 1),
            (2, None),
            (1, None),
        ]
        assert result_of(put)["version"] == 2
        assert await drifts(shop) == []
