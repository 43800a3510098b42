"""Rules that were put can be put back, as often as there are versions."""

import pytest
from tests.pricing.desk import costing, memory_desk

from shopwire.modules.pricing.api import DescribeProduct, PriceRule, PriceRules, PutRules, When
from shopwire.modules.pricing.api import UndoRules as Undo

pytestmark = pytest.mark.anyio

ONE, TWO, THREE = (PriceRules(ending_minor=ending) for ending in (10, 20, 30))


async def held(desk):
    document = await desk.shop.document("rules:default")
    return document["rules"]["ending_minor"], document.get("undo_to")


async def test_each_undo_goes_one_version_further_back():
    async with memory_desk() as desk:  # version 1 has no ending
        for rules in (TWO, THREE):
            await desk.do(PutRules(rules=rules), principal="ada")
        assert await held(desk) == (30, 2)
        await desk.do(Undo(to_version=2), principal="bob")
        document = await desk.shop.document("rules:default")
        assert (document["returns_to"], document["by"]) == (2, "bob")
        assert await held(desk) == (20, 1)
        await desk.do(Undo(to_version=1))
        assert await held(desk) == (None, 0)
        await desk.do(Undo(to_version=0))
        assert await held(desk) == (95, None)
        await desk.do(PutRules(rules=ONE))
        assert await held(desk) == (10, 6)


async def test_an_undo_is_refused_where_somebody_was_faster_or_there_is_no_such_version():
    async with memory_desk() as desk:
        await desk.do(PutRules(rules=TWO))
        assert (await desk.refusal(Undo(to_version=9)))["name"] == "NotFound"
        late = Undo(to_version=1, expected_version=1)
        assert (await desk.refusal(late))["name"] == "VersionConflict"
        assert (await desk.do(Undo(to_version=2)))["applied"] is False


async def test_prices_follow_the_category_and_brand_of_a_product():
    async with memory_desk() as desk:
        lamp = PriceRule(name="lamps", when=When(categories=("lamps",)), factor_bp=30_000)
        await desk.do(PutRules(rules=PriceRules(ending_minor=None, rules=(lamp,))))
        told = DescribeProduct(
            product="lamp", skus=("A", "B"), categories=("lamps--desk",), brand=""
        )
        assert (await desk.do(told))["applied"] == ["A"]
        assert (await desk.price())["amount_minor"] == 3_000
        await desk.do(costing("B", 500))
        assert (await desk.price("B"))["amount_minor"] == 1_500
        assert (await desk.do(told))["applied"] == []
