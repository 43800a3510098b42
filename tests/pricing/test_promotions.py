"""Promotions: they begin and end at their moment, sell what they may, and give back."""

import asyncio

import msgspec
import pytest
from tests.orders.world import start
from tests.pricing.desk import (
    BEGINS_MS,
    ENDS_MS,
    HOUR_MS,
    NOON_MS,
    costing,
    entering,
    memory_desk,
    promotion,
    taking,
)

from shopwire.modules.inventory.api import ReportStock
from shopwire.modules.orders.api import CancelOrder
from shopwire.modules.pricing.api import (
    DescribeProduct,
    EndPromotion,
    Keep,
    PriceRules,
    PutRules,
    Reprice,
    SettleSale,
)
from shopwire.modules.pricing.domain import Sale, SaleUnits

pytestmark = pytest.mark.anyio


def error(outcome):
    assert not outcome.ok
    return msgspec.json.decode(outcome.body)


def taken(desk, sku="A", name="flash"):
    return desk.state.rows[Sale]["main", sku, name].taken


async def test_a_promotion_begins_and_ends_at_its_moment():
    async with memory_desk() as desk:
        before = await desk.price()
        await desk.enter()
        assert await desk.price() == before
        await desk.switch(BEGINS_MS - 1)
        assert await desk.price() == before
        await desk.switch(BEGINS_MS)
        assert await desk.price() == {
            "sku": "A",
            "amount_minor": 1_500,
            "currency": "EUR",
            "compare_at_minor": 2_000,
            "sale": {"ends_at_ms": ENDS_MS, "quota_left": None},
        }
        await desk.switch(ENDS_MS)
        assert await desk.price() == before


async def test_from_its_end_on_nobody_buys_at_its_price_even_before_it_is_switched_off():
    async with memory_desk() as desk:
        await desk.enter()
        await desk.switch(BEGINS_MS)
        desk.clock.ms = ENDS_MS - 1
        assert (await desk.buy(1, 1_500)).ok
        desk.clock.ms = ENDS_MS
        refused = error(await desk.buy(1, 1_500))
        assert refused["name"] == "PriceMoved"
        assert refused["data"]["changes"][0]["amount_minor"] == 2_000
        assert (await desk.buy(1, 2_000)).ok


async def test_a_cost_that_changes_meanwhile_moves_the_price_under_the_promotion_too():
    async with memory_desk() as desk:
        await desk.enter(kind="percent", value=5_000)
        await desk.switch(BEGINS_MS)
        # Half of 20.00 would leave no margin over a cost of 10.00.
        assert (await desk.price())["amount_minor"] == 1_112
        await desk.do(costing(cost_minor=400))
        assert (await desk.price())["amount_minor"] == 445
        await desk.do(PutRules(rules=PriceRules(margin_min_bp=0, ending_minor=None)))
        await desk.do(Reprice(sku="A"))
        assert (await desk.price())["amount_minor"] == 400


async def test_a_promotion_that_a_floor_leaves_nothing_of_is_none():
    async with memory_desk() as desk:
        await desk.do(costing(map_minor=2_000))
        before = await desk.price()
        await desk.enter()
        await desk.switch(BEGINS_MS)
        assert await desk.price() == before
        assert "sale" not in before


async def test_of_two_promotions_the_lower_price_counts_and_they_do_not_add_up():
    async with memory_desk() as desk:
        await desk.enter(value=1_500)
        await desk.enter(promotion="other", kind="percent", value=1_000, ends_at_ms=ENDS_MS + 1)
        await desk.switch(BEGINS_MS)
        await desk.switch(BEGINS_MS, promotion="other")
        assert (await desk.price())["amount_minor"] == 1_500
        await desk.switch(ENDS_MS)
        assert (await desk.price())["amount_minor"] == 1_800
        await desk.switch(ENDS_MS + 1, promotion="other")
        assert (await desk.price())["amount_minor"] == 2_000


# -- quota ------------------------------------------------------------------------------------


async def test_with_the_last_unit_of_its_quota_the_price_goes_back():
    async with memory_desk() as desk:
        await desk.enter(quota=5)
        await desk.switch(BEGINS_MS)
        assert (await desk.price())["sale"]["quota_left"] == 5
        assert (await desk.buy(3, 1_500)).ok
        assert (await desk.price())["sale"]["quota_left"] == 2
        refused = error(await desk.buy(3, 1_500))
        assert (refused["name"], refused["data"]["available"]) == ("QuotaShort", 2)
        assert (await desk.buy(2, 1_500)).ok
        sold_out = await desk.price()
        assert (sold_out["amount_minor"], "sale" in sold_out) == (2_000, False)
        assert error(await desk.buy(1, 1_500))["name"] == "PriceMoved"
        await desk.pump()
        assert desk.refused == []
        assert (await desk.price())["amount_minor"] == 2_000


async def test_many_at_once_take_exactly_the_quota():
    async with memory_desk() as desk:
        await desk.enter(quota=20)
        await desk.switch(BEGINS_MS)
        outcomes = await asyncio.gather(*(desk.buy(1 + n % 3, 1_500) for n in range(60)))
        assert taken(desk) <= 20
        sold = sum(1 + n % 3 for n, outcome in enumerate(outcomes) if outcome.ok)
        assert sold == taken(desk) == 20


async def test_one_order_takes_its_units_once_however_often_it_asks():
    async with memory_desk() as desk:
        await desk.enter(quota=5)
        await desk.switch(BEGINS_MS)
        await desk.do(taking("one", 2, 1_500), key="first")
        await desk.do(taking("one", 2, 1_500), key="second")
        assert taken(desk) == 2


async def test_behind_a_sold_out_promotion_the_next_one_is_found():
    async with memory_desk() as desk:
        await desk.enter(quota=1)
        await desk.enter(promotion="other", kind="percent", value=1_000)
        await desk.switch(BEGINS_MS)
        await desk.switch(BEGINS_MS, promotion="other")
        assert (await desk.buy(1, 1_500)).ok
        await desk.pump()
        assert (await desk.price())["amount_minor"] == 1_800


async def test_what_an_order_gives_up_comes_back_and_so_does_the_price():
    async with memory_desk() as desk:
        await desk.enter(quota=2)
        await desk.switch(BEGINS_MS)
        await desk.do(taking("one", 2, 1_500))
        assert (await desk.price())["amount_minor"] == 2_000
        settle = SettleSale(order="one", keeps=(Keep(sku="A", units=1),))
        await desk.do(settle)
        await desk.do(settle)
        assert taken(desk) == 1
        assert (await desk.price())["sale"]["quota_left"] == 1
        # What the order said before comes late, and takes nothing again.
        await desk.do(SettleSale(order="one", keeps=(Keep(sku="A", units=2),)))
        assert taken(desk) == 1
        await desk.do(SettleSale(order="nobody", keeps=(Keep(sku="A", units=0),)))
        assert taken(desk) == 1


async def test_a_smaller_quota_cannot_unsell_what_was_sold():
    async with memory_desk() as desk:
        await desk.enter(quota=5)
        await desk.switch(BEGINS_MS)
        await desk.do(taking("one", 3, 1_500))
        await desk.enter(version=2, quota=2)
        assert taken(desk) == 3
        assert (await desk.price())["amount_minor"] == 2_000
        await desk.enter(version=3, quota=9)
        assert (await desk.price())["sale"]["quota_left"] == 6


async def test_terms_that_come_late_change_nothing():
    async with memory_desk() as desk:
        await desk.enter(version=2, value=1_400)
        await desk.enter(version=1, value=1_300)
        await desk.switch(BEGINS_MS)
        assert (await desk.price())["amount_minor"] == 1_400
        await desk.do(entering("A", version=1, ended=True))
        assert (await desk.price())["amount_minor"] == 1_400
        await desk.do(entering("A", version=3, ended=True))
        assert (await desk.price())["amount_minor"] == 2_000


# -- orders -----------------------------------------------------------------------------------


async def _on_sale(desk, quota):
    await desk.do(ReportStock(sku="A", supplier="acme", quantity=100))
    await desk.enter(quota=quota)
    await desk.switch(BEGINS_MS)


def buying(number, quantity):
    line = msgspec.structs.replace(start().lines[0], quantity=quantity, price_minor=1_500)
    return start(
        order_id=f"cart-000{number}.1",
        cart_id=f"cart-000{number}",
        lines=(line,),
        has_cart=False,
    )


async def test_a_checkout_takes_from_the_quota_with_its_order_and_gives_back_when_it_fails():
    async with memory_desk() as desk:
        await _on_sale(desk, quota=4)
        first, second = buying(1, 3), buying(2, 2)
        await desk.do(first, principal="checkout")
        refused = error(await desk.ask(second, principal="checkout"))
        assert refused["name"] == "QuotaShort"
        assert await desk.stock() == 97
        await desk.fail(first.order_id)
        await desk.pump()
        assert (taken(desk), desk.refused) == (0, [])
        await desk.do(second, principal="checkout")
        assert taken(desk) == 2


async def test_an_order_that_is_cancelled_after_it_was_placed_gives_its_units_back():
    async with memory_desk() as desk:
        await _on_sale(desk, quota=3)
        order = buying(3, 3)
        await desk.do(order, principal="checkout")
        await desk.complete(order.order_id)
        await desk.pump()
        assert (taken(desk), (await desk.price())["amount_minor"]) == (3, 2_000)
        skus = tuple((await desk.order(order.order_id))["skus"])
        await desk.do(CancelOrder(order_id=order.order_id, skus=skus, by="operator"))
        await desk.pump()
        assert (await desk.order(order.order_id))["status"] == "cancelled"
        assert (taken(desk), desk.refused) == (0, [])
        assert (await desk.price())["sale"]["quota_left"] == 3
        assert all(row.units == 0 for row in desk.state.rows[SaleUnits].values())


# -- the object -------------------------------------------------------------------------------


async def test_a_promotion_is_an_object_that_is_put_changed_and_ended():
    async with memory_desk() as desk:
        assert (await desk.do(promotion()))["version"] == 1
        assert (await desk.do(promotion()))["applied"] is False
        assert (await desk.do(promotion(value=1_400), principal="ada"))["version"] == 2
        document = await desk.shop.document("promotion:flash")
        assert (document["value"], document["by"], document["status"]) == (1_400, "ada", "planned")
        conflict = await desk.refusal(promotion(value=1, expected_version=1))
        assert conflict["name"] == "VersionConflict"
        await desk.do(EndPromotion(id="flash"))
        assert (await desk.do(EndPromotion(id="flash")))["applied"] is False
        assert (await desk.refusal(promotion()))["name"] == "PromotionOver"
        assert (await desk.refusal(EndPromotion(id="none")))["name"] == "NotFound"


async def test_a_promotion_whose_time_is_over_is_not_taken_up_again():
    async with memory_desk() as desk:
        await desk.do(promotion())
        desk.clock.ms = ENDS_MS
        again = promotion(ends_at_ms=ENDS_MS + HOUR_MS)
        assert (await desk.refusal(again))["name"] == "PromotionOver"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"skus": ()}, "skus"),
        ({"category": "lamps"}, "skus"),
        ({"value": 0}, "value"),
        ({"kind": "percent", "value": 10_000}, "value"),
        ({"ends_at_ms": BEGINS_MS}, "ends_at_ms"),
        ({"starts_at_ms": 1, "ends_at_ms": NOON_MS}, "ends_at_ms"),
        ({"quota": 0}, "quota"),
        ({"currency": "eur"}, "currency"),
        ({"id": ""}, "id"),
    ],
)
async def test_a_promotion_that_makes_no_sense_is_refused_by_its_field(wrong, field):
    async with memory_desk() as desk:
        refused = await desk.refusal(promotion(**wrong))
        assert (refused["name"], refused["data"]["field"]) == ("InvalidField", field)


async def test_who_comes_into_a_category_gets_its_promotion_and_who_leaves_loses_it():
    async with memory_desk() as desk:
        await desk.do(promotion(skus=(), category="lamps", quota=4))

        def told(*categories: str) -> DescribeProduct:
            return DescribeProduct(product="a", skus=("A",), categories=categories, brand="")

        await desk.do(told("lamps--desk", "new"))
        assert (await desk.price())["amount_minor"] == 2_000
        await desk.switch(BEGINS_MS)
        assert (await desk.price())["sale"]["quota_left"] == 4
        assert (await desk.buy(1, 1_500)).ok
        await desk.do(told("chairs"))
        assert (await desk.price())["amount_minor"] == 2_000
        await desk.do(told("lamps"))
        await desk.switch(BEGINS_MS + 1)
        assert (await desk.price())["sale"]["quota_left"] == 3
        await desk.do(EndPromotion(id="flash"))
        await desk.do(told("chairs"))
        await desk.do(told("lamps"))
        await desk.switch(BEGINS_MS + 2)
        assert (await desk.price("A"))["sale"]["quota_left"] == 3
        await desk.do(entering("A", version=9, ended=True))
        assert (await desk.price())["amount_minor"] == 2_000
