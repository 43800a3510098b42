"""Reservations on the storage in memory: held, posted, voided, expired; all or nothing."""

from typing import Any

import msgspec
import pytest
from tests.modules.inventory_shop import Clock, held_shop
from tests.modules.shop import error_of, result_of

from shopwire.modules.inventory.api import (
    CheckStock,
    ExpireHolds,
    HoldLine,
    HoldRef,
    HoldStock,
    Part,
    PostHold,
    PutBundle,
    ReleaseSale,
    ReportStock,
    SetPolicy,
    VoidHold,
)

pytestmark = pytest.mark.anyio


def hold(hold_id: str, *lines: HoldLine, ttl_ms: int = 60_000, shopper: str = "") -> HoldStock:
    return HoldStock(hold_id=hold_id, lines=lines, ttl_ms=ttl_ms, shopper=shopper)


def line(sku: str, quantity: int = 1, **more: Any) -> HoldLine:
    return HoldLine(sku=sku, quantity=quantity, **more)


async def stocked(shop, **counts: int) -> None:
    for sku, quantity in counts.items():
        await shop.do(ReportStock(sku=sku, supplier="s", quantity=quantity))


async def available(shop, sku: str) -> int:
    return (await shop.document(f"stock:{sku}"))["available"]


async def test_what_is_held_is_taken_off_and_comes_back_when_voided():
    async with held_shop() as shop:
        await stocked(shop, A=5)
        result = result_of(await shop.do(hold("h1", line("A", 3))))
        assert result["lines"] == [{"sku": "A", "supplier": "s", "quantity": 3, "backordered": 0}]
        assert await available(shop, "A") == 2
        await shop.do(VoidHold(hold_id="h1", skus=("A",)))
        assert await available(shop, "A") == 5
        again = await shop.do(VoidHold(hold_id="h1", skus=("A",)))
        assert result_of(again) == {"hold": "h1", "state": "voided"}
        assert await available(shop, "A") == 5


async def test_a_hold_over_several_partitions_is_all_or_nothing():
    async with held_shop() as shop:
        names = [f"S{n}" for n in range(12)]
        await stocked(shop, **dict.fromkeys(names, 2))
        await shop.do(hold("h1", *[line(name, 2) for name in names[:6]]))
        refused = error_of(await shop.ask(hold("h2", *[line(name) for name in names[5:]])))
        assert refused["name"] == "StockShort"
        assert refused["data"] == {"sku": "S5", "requested": 1, "available": 0}
        assert [await available(shop, name) for name in names] == [0] * 6 + [2] * 6
        await shop.do(PostHold(hold_id="h1", skus=tuple(names[:6])))
        assert [await available(shop, name) for name in names] == [0] * 6 + [2] * 6


async def test_equal_lines_add_up():
    async with held_shop() as shop:
        await stocked(shop, A=3)
        refused = error_of(await shop.ask(hold("h1", line("A", 2), line("A", 2))))
        assert refused["data"] == {"sku": "A", "requested": 4, "available": 3}
        await shop.do(hold("h1", line("A", 2), line("A", 1)))
        assert await available(shop, "A") == 0


async def test_sets_that_share_an_article_add_up():
    async with held_shop() as shop:
        await stocked(shop, A=5, B=9, C=9)
        one = (Part(sku="A", quantity=2), Part(sku="B", quantity=1))
        two = (Part(sku="A", quantity=1), Part(sku="C", quantity=3))
        await shop.do(PutBundle(sku="SET-1", parts=one))
        await shop.do(PutBundle(sku="SET-2", parts=two))
        lines = (line("SET-1", 2, parts=one), line("SET-2", 1, parts=two))
        refused = error_of(await shop.ask(hold("h1", *lines, line("A"))))
        assert refused["data"] == {"sku": "A", "requested": 6, "available": 5}
        await shop.do(hold("h1", *lines))
        assert [await available(shop, sku) for sku in "ABC"] == [0, 7, 6]
        alone = error_of(await shop.ask(hold("h2", line("SET-1", 1, parts=one))))
        assert alone["data"] == {"sku": "SET-1", "requested": 1, "available": 0}
        await shop.do(VoidHold(hold_id="h1", skus=("A", "B", "C", "SET-1")))
        assert [await available(shop, sku) for sku in "ABC"] == [5, 9, 9]


async def test_a_set_that_is_made_of_other_parts_by_now_is_refused():
    async with held_shop() as shop:
        await stocked(shop, A=5, B=9)
        await shop.do(PutBundle(sku="SET", parts=(Part(sku="A", quantity=2),)))
        for parts in ((), (Part(sku="A", quantity=1),), (Part(sku="B", quantity=2),)):
            refused = error_of(await shop.ask(hold("h1", line("SET", parts=parts))))
            assert refused["name"] == "BundleChanged"
            assert refused["data"]["parts"] == [{"sku": "A", "quantity": 2}]
        refused = error_of(
            await shop.ask(hold("h1", line("A", parts=(Part(sku="B", quantity=1),))))
        )
        assert refused["data"] == {"sku": "A", "parts": []}


async def test_the_same_hold_again_changes_nothing_and_another_is_refused():
    async with held_shop() as shop:
        await stocked(shop, A=5, B=5)
        first = result_of(await shop.do(hold("h1", line("A", 2))))
        version = await shop.version("stock:A")
        assert result_of(await shop.do(hold("h1", line("A", 2)))) == first
        assert await shop.version("stock:A") == version
        for other in (hold("h1", line("A", 1)), hold("h1", line("A", 2), line("B"))):
            assert error_of(await shop.ask(other))["name"] == "HoldTaken"
        await shop.do(PostHold(hold_id="h1", skus=("A",)))
        assert result_of(await shop.do(hold("h1", line("A", 2)))) == first


async def test_what_is_over_stays_over():
    async with held_shop() as shop:
        await stocked(shop, A=5)
        for name in ("posted", "voided", "expired"):
            await shop.do(hold(name, line("A"), ttl_ms=10))
        await shop.do(PostHold(hold_id="posted", skus=("A",)))
        await shop.do(VoidHold(hold_id="voided", skus=("A",)))
        shop.clock.ms += 10
        refs = tuple(HoldRef(hold_id=n, skus=("A",)) for n in ("posted", "voided", "expired"))
        assert result_of(await shop.do(ExpireHolds(holds=refs))) == {"expired": ["expired"]}
        assert result_of(await shop.do(ExpireHolds(holds=refs, at_ms=1))) == {"expired": []}
        assert await available(shop, "A") == 4
        posted = await shop.do(PostHold(hold_id="posted", skus=("A",)))
        assert msgspec.json.decode(posted.body)["versions"] == {}
        refused = error_of(await shop.ask(VoidHold(hold_id="posted", skus=("A",))))
        assert refused["data"] == {"hold": "posted", "state": "posted"}
        for name, state in (("voided", "voided"), ("expired", "expired"), ("none", "unknown")):
            refused = error_of(await shop.ask(PostHold(hold_id=name, skus=("A",))))
            assert refused["name"] == "HoldGone"
            assert refused["data"] == {"hold": name, "state": state}
        again = error_of(await shop.ask(hold("voided", line("A"))))
        assert again["data"] == {"hold": "voided", "state": "voided"}


async def test_a_hold_keeps_its_units_until_its_time_is_over():
    async with held_shop() as shop:
        await stocked(shop, A=1)
        await shop.do(hold("h1", line("A"), ttl_ms=1_000))
        refs = (HoldRef(hold_id="h1", skus=("A",)),)
        shop.clock.ms += 999
        await shop.do(ExpireHolds(holds=refs))
        assert await available(shop, "A") == 0
        shop.clock.ms += 1
        await shop.do(ExpireHolds(holds=refs, at_ms=1))
        assert await available(shop, "A") == 1


async def test_many_holds_of_one_article_end_with_one_event():
    async with held_shop() as shop:
        await stocked(shop, A=9, B=9)
        for number in range(5):
            lines = (line("A"), line("B")) if number % 2 else (line("A"),)
            await shop.do(hold(f"h{number}", *lines, ttl_ms=5))
        version = await shop.version("stock:A")
        shop.clock.ms += 5
        refs = tuple(HoldRef(hold_id=f"h{n}", skus=("A", "B")) for n in range(5))
        await shop.do(ExpireHolds(holds=refs))
        assert await available(shop, "A") == await available(shop, "B") == 9
        assert await shop.version("stock:A") == version + 1


async def test_whoever_ends_a_hold_names_all_that_it_took():
    async with held_shop() as shop:
        await stocked(shop, A=9, B=9)
        await shop.do(hold("h1", line("A"), line("B")))
        for kind in (PostHold, VoidHold):
            refused = error_of(await shop.ask(kind(hold_id="h1", skus=("A",))))
            assert (refused["name"], refused["data"]["value"]) == ("InvalidField", "B")


async def test_units_beyond_the_count_are_promised_as_the_policy_allows():
    async with held_shop() as shop:
        await stocked(shop, A=2)
        await shop.do(SetPolicy(sku="A", backorder_max=3))
        document = await shop.document("stock:A")
        assert (document["available"], document["backorder"]) == (2, 3)
        result = result_of(await shop.do(hold("h1", line("A", 4))))
        assert result["lines"][0]["backordered"] == 2
        document = await shop.document("stock:A")
        assert (document["available"], document["backorder"]) == (0, 1)
        assert document["status"] == "backorder"
        refused = error_of(await shop.ask(hold("h2", line("A", 2))))
        assert refused["data"]["available"] == 1
        # A policy that allows less takes nothing back that was promised.
        await shop.do(SetPolicy(sku="A", backorder_max=0))
        assert (await shop.document("stock:A"))["status"] == "out"
        await shop.do(PostHold(hold_id="h1", skus=("A",)))
        await stocked(shop, A=7)
        assert await available(shop, "A") == 3


async def test_a_preorder_is_sold_until_its_moment():
    async with held_shop() as shop:
        until_ms = shop.clock.ms + 500
        await shop.do(SetPolicy(sku="A", backorder_max=5, preorder_until_ms=until_ms))
        await stocked(shop, A=0)
        document = await shop.document("stock:A")
        assert (document["status"], document["backorder"]) == ("preorder", 5)
        assert document["preorder_until_ms"] == until_ms
        await shop.do(hold("h1", line("A")))
        shop.clock.ms += 500
        assert error_of(await shop.ask(hold("h2", line("A"))))["name"] == "StockShort"


async def test_one_shopper_may_have_so_many_and_others_as_many_again():
    async with held_shop() as shop:
        await stocked(shop, A=9)
        await shop.do(SetPolicy(sku="A", shopper_units_max=2))
        await shop.do(hold("h1", line("A"), shopper="ann"))
        refused = error_of(await shop.ask(hold("h2", line("A", 2), shopper="ann")))
        assert refused["name"] == "ShopperLimit"
        assert refused["data"] == {"sku": "A", "requested": 2, "allowed": 1}
        check = CheckStock(sku="A", quantity=2, shopper="ann")
        assert error_of(await shop.ask(check))["name"] == "ShopperLimit"
        await shop.do(hold("h3", line("A", 2), shopper="bob"))
        # What was bought counts, what was given back does not.
        await shop.do(PostHold(hold_id="h1", skus=("A",)))
        await shop.do(hold("h4", line("A"), shopper="ann"))
        assert not (await shop.ask(hold("h5", line("A"), shopper="ann"))).ok
        await shop.do(VoidHold(hold_id="h4", skus=("A",)))
        await shop.do(hold("h6", line("A"), shopper="ann"))
        release = ReleaseSale(sku="A", supplier="s", reference="h1", quantity=1, reason="cancelled")
        await shop.do(release)
        await shop.do(hold("h7", line("A"), shopper="ann"))


async def test_only_so_many_units_wait_for_payment():
    async with held_shop() as shop:
        await stocked(shop, A=9)
        await shop.do(SetPolicy(sku="A", held_units_max=3))
        await shop.do(hold("h1", line("A", 3)))
        refused = error_of(await shop.ask(hold("h2", line("A"))))
        assert (refused["name"], refused["temporary"]) == ("HoldLimit", True)
        await shop.do(PostHold(hold_id="h1", skus=("A",)))
        await shop.do(hold("h2", line("A")))


async def test_a_line_may_name_its_supplier_or_avoid_some():
    async with held_shop() as shop:
        for supplier, quantity in (("a", 2), ("b", 5), ("c", 3)):
            await shop.do(ReportStock(sku="A", supplier=supplier, quantity=quantity))
        # The free line gives way to those that may choose less.
        lines = (line("A", 3), line("A", 5, supplier="b"), line("A", 2, avoid=("b", "c")))
        result = result_of(await shop.do(hold("h1", *lines)))
        taken = {one["supplier"]: one["quantity"] for one in result["lines"]}
        assert taken == {"a": 2, "b": 5, "c": 3}
        refused = error_of(await shop.ask(hold("h2", line("A", supplier="x"))))
        assert refused["data"]["available"] == 0


async def test_a_check_refuses_as_a_hold_would_and_changes_nothing():
    async with held_shop() as shop:
        await stocked(shop, A=2)
        before = len(await shop.events())
        await shop.do(CheckStock(sku="A", quantity=2))
        assert error_of(await shop.ask(CheckStock(sku="A", quantity=3)))["name"] == "StockShort"
        assert len(await shop.events()) == before


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (hold("h"), "lines"),
        (hold("h", *[line("A")] * 101), "lines"),
        (hold("", line("A")), "hold_id"),
        (hold("h", line("A", 0)), "quantity"),
        (hold("h", line("A"), ttl_ms=0), "ttl_ms"),
        (hold("h", line("A"), ttl_ms=10**12), "ttl_ms"),
        (hold("h", line("A"), shopper="\0"), "shopper"),
        (hold("h", line("A", parts=(Part(sku="B", quantity=0),))), "parts.quantity"),
        (hold("h", line("A", 10**6, parts=(Part(sku="B", quantity=10**6),))), "quantity"),
        (SetPolicy(sku="A", backorder_max=-1), "backorder_max"),
        (SetPolicy(sku="A", held_units_max=-1), "held_units_max"),
        (SetPolicy(sku="A", preorder_until_ms=-1), "preorder_until_ms"),
        (PutBundle(sku="A", parts=(Part(sku="A", quantity=1),)), "parts"),
        (ReportStock(sku="A", supplier="a", quantity=1, sequence=-1), "sequence"),
        (ReportStock(sku="A", supplier="a", quantity=1, seen=("r",) * 5_001), "seen"),
    ],
)
async def test_what_is_never_allowed_is_refused_with_its_field(command, field):
    async with held_shop() as shop:
        refused = error_of(await shop.ask(command))
        assert (refused["name"], refused["data"].get("field")) == ("InvalidField", field)
        assert await shop.events() == []


def test_the_clock_of_these_tests_stands_still():
    clock = Clock()
    assert clock.now_ms() == clock.now_ms() == clock.ms
