"""What each command does and refuses, on the storage in memory."""

from typing import Any

import msgspec
import pytest
from tests.modules.shop import error_of, memory_shop, result_of

from shopwire.kernel.clock import SystemClock
from shopwire.modules.catalog import domain
from shopwire.modules.catalog.api import (
    Change,
    EditProduct,
    Image,
    Option,
    ProductContent,
    PutCategory,
    PutProduct,
    PutProducts,
    Variant,
)
from shopwire.modules.inventory.api import Count, ReportStock, ReportStocks, SellStock, SetPolicy
from shopwire.modules.pricing.api import ApplyCost, PriceRules, PutRules
from shopwire.modules.suppliers.api import PutOffer, RegisterSupplier, WithdrawOffer
from shopwire.sync.reducer import Held, Replica

pytestmark = pytest.mark.anyio


def mug(**more: Any) -> ProductContent:
    fields = {
        "id": "mug",
        "title": "Mug",
        "categories": (("Kitchen", "Cups"),),
        "variants": (Variant(sku="MUG-1"),),
    }
    return ProductContent(**(fields | more))


def cost_of(**more: Any) -> ApplyCost:
    terms: dict[str, Any] = {
        "sku": "A",
        "supplier": "a",
        "cost_minor": 1_000,
        "currency": "EUR",
        "lead_time_days": None,
        "map_minor": None,
        "msrp_minor": None,
        "active": True,
    }
    return ApplyCost(**(terms | more))


async def test_the_same_product_again_changes_nothing():
    async with memory_shop() as shop:
        await shop.do(PutProduct(source="a", product=mug()))
        before = await shop.version("product:mug")
        again = await shop.do(PutProduct(source="a", product=mug()))
        assert result_of(again) == {"applied": False}
        assert await shop.version("product:mug") == before
        assert await shop.version("category:all") == 1


async def test_categories_count_active_products_in_them_and_below():
    async with memory_shop() as shop:
        await shop.do(PutProduct(source="a", product=mug()))
        await shop.do(
            PutProduct(
                source="a",
                product=mug(id="pan", categories=(("Kitchen",),), variants=(Variant(sku="PAN-1"),)),
            )
        )
        counts = [
            (await shop.document(f"category:{slug}"))["products"]
            for slug in ("all", "kitchen", "kitchen--cups")
        ]
        assert counts == [2, 2, 1]
        change = Change(was="active", now="archived")
        await shop.do(EditProduct(id="mug", changes={"status": change}))
        counts = [
            (await shop.document(f"category:{slug}"))["products"]
            for slug in ("all", "kitchen", "kitchen--cups")
        ]
        assert counts == [1, 1, 0]


async def test_a_command_with_many_products_tells_each_category_once():
    async with memory_shop() as shop:
        products = tuple(mug(id=f"mug-{n}", variants=(Variant(sku=f"MUG-{n}"),)) for n in range(50))
        await shop.do(PutProducts(source="a", products=products))
        assert await shop.version("category:all") == 1
        assert (await shop.document("category:all"))["products"] == 50


async def test_a_sku_belongs_to_one_product():
    async with memory_shop() as shop:
        await shop.do(PutProduct(source="a", product=mug()))
        refused = error_of(await shop.ask(PutProduct(source="b", product=mug(id="other"))))
        assert refused["name"] == "AlreadyExists"
        assert await shop.document("product:other") is None


async def test_another_source_fills_blanks_and_adds_variants_but_rewrites_nothing():
    async with memory_shop() as shop:
        await shop.do(PutProduct(source="a", product=mug()))
        other = mug(
            title="Cup, cheap",
            description="Blue.",
            images=(Image(url="/x.svg"),),
            options=(Option(name="Size", values=("XL",)),),
            variants=(Variant(sku="MUG-XL", options={"Size": "XL"}),),
        )
        await shop.do(PutProduct(source="b", product=other))
        document = await shop.document("product:mug")
        assert document["title"] == "Mug"
        assert document["description"] == "Blue."
        assert [variant["sku"] for variant in document["variants"]] == ["MUG-1", "MUG-XL"]
        # The first source speaks again: what the other one added stays.
        await shop.do(PutProduct(source="a", product=mug(title="Mug, better")))
        document = await shop.document("product:mug")
        assert document["title"] == "Mug, better"
        assert [variant["sku"] for variant in document["variants"]] == ["MUG-1", "MUG-XL"]


async def test_edits_of_different_fields_merge_and_of_one_field_conflict():
    async with memory_shop() as shop:
        await shop.do(PutProduct(source="a", product=mug()))
        await shop.do(EditProduct(id="mug", changes={"title": Change(was="Mug", now="Cup")}))
        await shop.do(EditProduct(id="mug", changes={"brand": Change(was="", now="Kiln")}))
        document = await shop.document("product:mug")
        assert (document["title"], document["brand"]) == ("Cup", "Kiln")
        late = EditProduct(id="mug", changes={"title": Change(was="Mug", now="Beaker")})
        refused = error_of(await shop.ask(late))
        assert refused["name"] == "VersionConflict"
        assert refused["data"]["conflicts"] == [
            {"field": "title", "base": "Mug", "theirs": "Cup", "mine": "Beaker"}
        ]


async def test_a_feed_leaves_an_edited_field_alone():
    async with memory_shop() as shop:
        await shop.do(PutProduct(source="a", product=mug()))
        await shop.do(EditProduct(id="mug", changes={"title": Change(was="Mug", now="Cup")}))
        await shop.do(PutProduct(source="a", product=mug(title="Mug 2", description="New.")))
        document = await shop.document("product:mug")
        assert (document["title"], document["description"]) == ("Cup", "New.")


async def test_a_variant_that_is_dropped_frees_its_sku():
    async with memory_shop() as shop:
        both = mug(variants=(Variant(sku="MUG-1"), Variant(sku="MUG-2")))
        await shop.do(PutProduct(source="a", product=both))
        await shop.do(PutProduct(source="a", product=mug()))
        assert len((await shop.document("product:mug"))["variants"]) == 1
        other = mug(id="other", variants=(Variant(sku="MUG-2"),))
        await shop.do(PutProduct(source="b", product=other))
        refused = error_of(await shop.ask(PutProduct(source="a", product=both)))
        assert refused["name"] == "AlreadyExists"


async def test_a_sku_moves_between_products_of_one_batch():
    async with memory_shop() as shop:
        both = mug(variants=(Variant(sku="MUG-1"), Variant(sku="MUG-2")))
        await shop.do(PutProduct(source="a", product=both))
        outcomes = await shop.many(
            [
                PutProduct(source="a", product=mug()),
                PutProduct(source="a", product=mug(id="two", variants=(Variant(sku="MUG-2"),))),
                PutProduct(source="a", product=both),
            ]
        )
        assert [outcome.status for outcome in outcomes] == [200, 200, 409]


async def test_two_sources_that_tell_the_same_again_do_not_take_turns():
    async with memory_shop() as shop:
        own = PutProduct(source="a", product=mug())
        other = PutProduct(source="b", product=mug(description="Blue.", tags=("cup",)))
        await shop.do(own)
        await shop.do(other)
        version = await shop.version("product:mug")
        for command in (own, other, own, other):
            assert result_of(await shop.do(command)) == {"applied": False}
        assert await shop.version("product:mug") == version
        # Who filled a blank may change it; once the own source speaks, its word counts.
        await shop.do(PutProduct(source="b", product=mug(description="Deep blue.")))
        assert (await shop.document("product:mug"))["description"] == "Deep blue."
        await shop.do(PutProduct(source="a", product=mug(description="Red.")))
        await shop.ask(PutProduct(source="b", product=mug(description="Blue.")))
        assert (await shop.document("product:mug"))["description"] == "Red."


async def test_an_editor_who_wants_no_merge_names_the_version_that_was_seen():
    async with memory_shop() as shop:
        await shop.do(PutProduct(source="a", product=mug()))
        brand = {"brand": Change(was="", now="Kiln")}
        await shop.do(EditProduct(id="mug", changes=brand, expected_version=1))
        late = EditProduct(
            id="mug", changes={"title": Change(was="Mug", now="Cup")}, expected_version=1
        )
        refused = error_of(await shop.ask(late))
        assert refused["name"] == "VersionConflict"
        assert (refused["data"]["expected"], refused["data"]["current"]) == (1, 2)


async def test_a_refused_product_leaves_no_category_behind(monkeypatch):
    monkeypatch.setattr(domain, "CATEGORIES_A_SHOP_MAX", 3)
    async with memory_shop() as shop:
        await shop.do(PutProduct(source="a", product=mug()))
        deep = mug(id="x", categories=(("Kitchen", "Pans", "Small"),), variants=(Variant(sku="X"),))
        refused = error_of(await shop.ask(PutProduct(source="a", product=deep)))
        assert refused["data"]["field"] == "categories"
        assert await shop.document("category:kitchen--pans") is None


async def test_a_long_path_has_a_short_slug_of_its_own():
    async with memory_shop() as shop:
        names = ["\u6f22" * 200] * 8
        slugs = set()
        for last in ("one", "two"):
            path = (*names[:7], last)
            slugs.add(result_of(await shop.do(PutCategory(path=path)))["slug"])
        assert len(slugs) == 2
        assert all(len(slug) <= 200 for slug in slugs)


async def test_a_supplier_has_no_slash_so_that_two_offers_never_share_a_topic():
    async with memory_shop() as shop:
        await shop.do(PutOffer(sku="A/B", supplier="C", cost_minor=5, currency="EUR"))
        refused = error_of(
            await shop.ask(PutOffer(sku="A", supplier="B/C", cost_minor=5, currency="EUR"))
        )
        assert refused["data"]["field"] == "supplier"


async def test_a_sale_takes_all_or_nothing_and_says_what_is_left():
    async with memory_shop() as shop:
        for supplier, quantity in (("a", 3), ("b", 2)):
            await shop.do(ReportStock(sku="MUG-1", supplier=supplier, quantity=quantity))
        refused = error_of(await shop.ask(SellStock(sku="MUG-1", quantity=6)))
        assert refused["data"] == {"sku": "MUG-1", "requested": 6, "available": 5}
        assert result_of(await shop.do(SellStock(sku="MUG-1", quantity=5)))["available"] == 0
        assert (await shop.document("stock:MUG-1"))["status"] == "out"


async def test_a_count_delivered_twice_gives_no_unit_back_that_was_sold_between():
    async with memory_shop() as shop:
        ahead = ReportStock(
            sku="MUG-1", supplier="a", quantity=5, as_of_ms=SystemClock().now_ms() + 200_000
        )
        await shop.do(ahead)
        await shop.do(SellStock(sku="MUG-1", quantity=5))
        assert result_of(await shop.do(ahead)) == {"applied": False, "reason": "unchanged"}
        assert not (await shop.ask(SellStock(sku="MUG-1", quantity=1))).ok


async def test_a_buffer_is_never_sold():
    async with memory_shop() as shop:
        await shop.do(ReportStock(sku="MUG-1", supplier="a", quantity=3))
        await shop.do(SetPolicy(sku="MUG-1", buffer=2))
        assert (await shop.document("stock:MUG-1"))["available"] == 1
        assert not (await shop.ask(SellStock(sku="MUG-1", quantity=2))).ok


async def test_counts_of_many_skus_are_taken_or_refused_one_by_one():
    async with memory_shop() as shop:
        counts = (Count(sku="MUG-1", quantity=3), Count(sku="MUG-1", quantity=4))
        refused = error_of(await shop.ask(ReportStocks(supplier="a", counts=counts)))
        assert refused["name"] == "InvalidField"
        counts = (Count(sku="MUG-1", quantity=3),)
        result = result_of(await shop.do(ReportStocks(supplier="a", counts=counts)))
        assert result["applied"] == ["MUG-1"]


async def test_a_suppliers_own_sku_is_kept_where_it_is_another_one():
    async with memory_shop() as shop:
        offer = PutOffer(sku="A", supplier="a", cost_minor=5, currency="EUR")
        await shop.do(offer)
        for same in ("", "A"):
            told = result_of(await shop.do(msgspec.structs.replace(offer, supplier_sku=same)))
            assert not told["applied"]
        await shop.do(msgspec.structs.replace(offer, supplier_sku="X-1"))
        assert (await shop.document("offer:A/a"))["supplier_sku"] == "X-1"


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (ReportStock(sku="A", supplier="a", quantity=-1), "quantity"),
        (ReportStock(sku="A", supplier="a", quantity=10**9 + 1), "quantity"),
        (ReportStock(sku="", supplier="a", quantity=1), "sku"),
        (ReportStock(sku="A\n", supplier="a", quantity=1), "sku"),
        (ReportStock(sku="A", supplier="a", quantity=1, as_of_ms=10**15), "as_of_ms"),
        (ReportStock(sku="A", supplier="a", quantity=1, as_of_ms=-(10**30)), "as_of_ms"),
        (ReportStock(sku="A", supplier="a", quantity=1, reference="\0"), "reference"),
        (SellStock(sku="A", quantity=0), "quantity"),
        (SellStock(sku="A", quantity=1, reference="x" * 300), "reference"),
        (PutOffer(sku="A", supplier="a", cost_minor=0, currency="EUR"), "cost_minor"),
        (PutOffer(sku="A", supplier="a", cost_minor=5, currency="euro"), "currency"),
        (
            PutOffer(sku="A", supplier="a", cost_minor=5, currency="EUR", supplier_sku="\0"),
            "supplier_sku",
        ),
        (
            PutOffer(sku="A", supplier="a", cost_minor=5, currency="EUR", order_min=5, order_max=4),
            "order_max",
        ),
        (PutRules(rules=PriceRules(margin_min_bp=10_000)), "rules.margin_min_bp"),
        (PutProduct(source="a", product=mug(variants=())), "variants"),
        (PutProduct(source="a", product=mug(id="a/b")), "id"),
        (
            PutProduct(source="a", product=mug(variants=(Variant(sku="A", title="\0"),))),
            "variants",
        ),
        (PutProduct(source="a", product=mug(images=(Image(url="x" * 2_001),))), "images"),
        (PutProduct(source="a", product=mug(options=(Option(name="\0"),))), "options"),
        (RegisterSupplier(id="a/b", name="A"), "id"),
        (cost_of(currency="euro"), "currency"),
        (cost_of(map_minor=0), "map_minor"),
        (cost_of(msrp_minor=10**30), "msrp_minor"),
        (cost_of(lead_time_days=-1), "lead_time_days"),
        (PutProduct(source="a", product=mug(title="")), "title"),
    ],
)
async def test_what_is_never_allowed_is_refused_with_its_field(command, field):
    async with memory_shop() as shop:
        refused = error_of(await shop.ask(command))
        assert refused["name"] == "InvalidField"
        assert refused["data"]["field"] == field
        assert await shop.events() == []


async def test_a_price_follows_a_cost_and_goes_with_the_last_offer():
    async with memory_shop() as shop:
        await shop.do(cost_of())
        assert (await shop.document("price:A"))["amount_minor"] == 2_095
        await shop.do(cost_of(active=False))
        assert await shop.document("price:A") is None
        assert await shop.version("price:A") == 2


async def test_an_old_document_and_the_events_make_the_fresh_document():
    """For each type of event: a client that held the state before holds the state after."""
    steps = [
        RegisterSupplier(id="a", name="A"),
        RegisterSupplier(id="a", name="A & Sons"),
        PutProduct(source="a", product=mug()),
        EditProduct(id="mug", changes={"title": Change(was="Mug", now="Cup")}),
        ReportStock(sku="MUG-1", supplier="a", quantity=9),
        SetPolicy(sku="MUG-1", buffer=1),
        SellStock(sku="MUG-1", quantity=2),
        PutOffer(sku="MUG-1", supplier="a", cost_minor=500, currency="EUR"),
        WithdrawOffer(sku="MUG-1", supplier="a"),
        PutRules(rules=PriceRules(ending_minor=99)),
    ]
    seen = set()
    async with memory_shop() as shop:
        for step in steps:
            before = {event.topic: event for event in await shop.events()}
            held = {
                topic: Held(event.version, await shop.document(topic))
                for topic, event in before.items()
            }
            replica = Replica(1, held)
            at = len(await shop.events())
            await shop.do(step)
            events = await shop.events()
            assert len(events) > at
            for event in sorted(events, key=lambda one: one.version):
                seen.add(event.event_type)
                document = msgspec.json.decode(event.document)
                replica.apply(
                    {"t": "snap", "topic": event.topic, "v": event.version, "doc": document}
                )
            for topic, one in replica.docs.items():
                assert one.document == await shop.document(topic)
                assert one.version == await shop.version(topic)
    assert seen >= {
        "suppliers.supplier_registered",
        "suppliers.offer_put",
        "suppliers.offer_withdrawn",
        "catalog.product_put",
        "catalog.product_edited",
        "catalog.category_changed",
        "inventory.stock_reported",
        "inventory.stock_sold",
        "inventory.stock_policy_set",
        "pricing.rules_put",
    }
