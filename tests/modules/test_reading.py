"""What screens read of the catalogue: search, categories, pages, forged cursors."""

import base64
from typing import Any

import msgspec
import pytest
from tests.modules.shop import postgres_shop

from shopwire.kernel.errors import MalformedRequest
from shopwire.modules.catalog import store
from shopwire.modules.catalog.api import ProductContent, PutProduct, PutProducts, Variant
from shopwire.modules.catalog.store import get_product, list_products
from shopwire.modules.inventory.api import ReportStock
from shopwire.modules.pricing.api import ApplyCost

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


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


@pytest.mark.parametrize(
    "sku", ["MUG-1", "BK-M82S-42", "ABC123/45", "A_B.C", "STRA\u00dfE-7", "0012"]
)
async def test_a_sku_is_found_whole_and_while_it_is_typed(database_url, sku):
    async with postgres_shop(database_url) as shop:
        for id_, own in (("this", sku), ("other", "ZZZ 9")):
            product = ProductContent(id=id_, title="Thing", variants=(Variant(sku=own),))
            await shop.do(PutProduct(source="a", product=product))
        for q in (sku, sku.lower(), sku[:-1], sku[:3]):
            page = await list_products(shop.reads, "main", q=q)
            assert [item.topic for item in page.items] == ["product:this"]


@pytest.mark.parametrize("priced_first_min", [0, 1_000_000])
async def test_both_ways_of_reading_by_price_give_the_same_pages(
    database_url, monkeypatch, priced_first_min
):
    monkeypatch.setattr(store, "PRICED_FIRST_MIN", priced_first_min)
    async with postgres_shop(database_url) as shop:
        products = []
        for number in range(12):
            variants = (Variant(sku=f"T-{number}"), Variant(sku=f"T-{number}-L"))
            products.append(ProductContent(id=f"p{number:02}", title="Thing", variants=variants))
        await shop.do(PutProducts(source="a", products=tuple(products)))
        # Every third has no price, the others two: one that several share, and a dearer one.
        priced = [number for number in range(12) if number % 3]
        for number in priced:
            for sku, cost in ((f"T-{number}", 100 * (number % 4 + 1)), (f"T-{number}-L", 900)):
                await shop.do(cost_of(sku, cost))
        seen: list[str] = []
        at = None
        while True:
            page = await list_products(shop.reads, "main", sort="price", limit=3, cursor=at)
            assert page.total == 12
            seen += [item.topic for item in page.items]
            at = page.next
            if at is None:
                break
        rest = [number for number in range(12) if number % 3 == 0]
        wanted = sorted(priced, key=lambda number: (number % 4, number)) + rest
        assert seen == [f"product:p{number:02}" for number in wanted]


def cost_of(sku: str, cost_minor: int) -> ApplyCost:
    return ApplyCost(
        sku=sku,
        supplier="a",
        cost_minor=cost_minor,
        currency="EUR",
        lead_time_days=None,
        map_minor=None,
        msrp_minor=None,
        active=True,
    )


@pytest.mark.parametrize("q", ["cafe", "CAF\u00c9", "caf"])
async def test_accents_and_capitals_do_not_matter(database_url, q):
    async with postgres_shop(database_url) as shop:
        product = ProductContent(id="cup", title="Caf\u00e9 cup", variants=(Variant(sku="C"),))
        await shop.do(PutProduct(source="a", product=product))
        assert (await list_products(shop.reads, "main", q=q)).total == 1


def cursor(*parts: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).decode()


@pytest.mark.parametrize(
    ("sort", "forged"),
    [
        ("title", "not base64"),
        ("title", cursor("title", "a\0", "b")),
        ("title", cursor("title", "a", "b\0")),
        ("title", cursor("title", "a")),
        ("title", cursor("newest", "1", "b")),
        ("newest", cursor("newest", "9" * 30, "b")),
        ("newest", cursor("newest", "-1", "b")),
        ("price", cursor("price", "1_0", "b")),
        ("relevance", cursor("relevance", "inf", "b")),
        ("relevance", cursor("relevance", "1e999", "b")),
    ],
)
async def test_a_cursor_that_was_not_given_out_is_malformed(database_url, sort, forged):
    async with postgres_shop(database_url) as shop:
        with pytest.raises(MalformedRequest):
            await list_products(shop.reads, "main", q="x", sort=sort, cursor=forged)


async def test_what_cannot_be_a_name_is_malformed_before_the_database_sees_it(database_url):
    async with postgres_shop(database_url) as shop:
        with pytest.raises(MalformedRequest):
            await list_products(shop.reads, "main", category="\0")
        with pytest.raises(MalformedRequest):
            await get_product(shop.reads, "main", "\0")
        assert (await list_products(shop.reads, "main", q="\0")).total == 0
