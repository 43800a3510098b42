"""Suppliers that call articles by SKUs of their own: what they are asked for, what they answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.modules.shop import error_of, memory_shop, result_of
from tests.shipping.desk import ORDER, plan_of, po, send, ship, units
from tests.shipping.sheets import new_sheet

from shopwire.modules.shipping.api import (
    AcknowledgePurchaseOrder,
    ApplyOffer,
    CancelPurchaseOrders,
    RecordCancellation,
    Units,
)
from shopwire.modules.shipping.purchasing import in_own_skus

NAMES = st.sampled_from("ABCDEF")
SKUS = st.dictionaries(NAMES, st.none() | NAMES, min_size=1)
"""The supplier's SKU by the shop's; some are the shop's SKU of another line, some come twice."""


def lines_of(skus: dict[str, str | None]):
    sheet = new_sheet(dict.fromkeys(skus, 5))
    return tuple(replace(line, supplier_sku=skus[line.sku]) for line in sheet.lines)


def one(sku: str) -> tuple[Units, ...]:
    return (Units(sku=sku, quantity=2),)


@given(SKUS, NAMES)
def test_a_name_is_the_shops_sku_or_else_the_one_line_that_the_supplier_calls_so(skus, name):
    (found,) = in_own_skus(lines_of(skus), one(name))
    assert found.quantity == 2
    called = [sku for sku, theirs in skus.items() if theirs == name]
    if name in skus:
        assert found.sku == name
    elif len(called) == 1:
        assert found.sku == called[0]
    else:
        assert found.sku == name, "nobody was asked for it"


@given(SKUS, st.lists(NAMES))
def test_what_was_understood_once_stays_and_without_own_skus_nothing_changes(skus, names):
    named = tuple(Units(sku=name, quantity=place) for place, name in enumerate(names))
    found = in_own_skus(lines_of(skus), named)
    assert [line.quantity for line in found] == [line.quantity for line in named]
    assert in_own_skus(lines_of(dict.fromkeys(skus)), named) == named
    settled = tuple(line for line in found if line.sku in skus)
    assert in_own_skus(lines_of(skus), settled) == settled


async def matched(shop) -> str:
    """A purchase order of which the supplier calls A `X-1`, and B as the shop does."""
    offer = ApplyOffer(sku="A", supplier="acme", cost_minor=250, currency="EUR", supplier_sku="X-1")
    await shop.do(offer)
    await shop.do(plan_of({"acme": {"A": 3, "B": 2}}))
    return await send(shop, "acme")


async def line_of(shop, sku: str):
    document = await shop.document(f"purchase_order:{po('acme')}")
    return next(line for line in document["lines"] if line["sku"] == sku)


async def acknowledge(shop, own: str, **of: int):
    lines = tuple(Units(sku=sku.replace("_", "-"), quantity=of[sku]) for sku in of)
    return await shop.ask(AcknowledgePurchaseOrder(purchase_order=own, lines=lines))


@pytest.mark.anyio
async def test_a_line_carries_both_skus_from_its_plan_on():
    async with memory_shop() as shop:
        await matched(shop)
        offer = ApplyOffer(sku="A", supplier="acme", cost_minor=250, currency="EUR")
        await shop.do(replace(offer, supplier_sku="X-2"))
        assert (await line_of(shop, "A"))["supplier_sku"] == "X-1"
        assert (await line_of(shop, "B"))["supplier_sku"] is None


@pytest.mark.anyio
async def test_an_acknowledgement_and_a_parcel_in_the_suppliers_skus_take_effect_once():
    async with memory_shop() as shop:
        own = await matched(shop)
        assert result_of(await acknowledge(shop, own, X_1=3, B=2))["applied"]
        assert not result_of(await acknowledge(shop, own, A=3, B=2))["applied"]
        assert (await line_of(shop, "A"))["accepted"] == 3
        first = result_of(await ship(shop, own, **{"X-1": 2}))
        again = result_of(await ship(shop, own, A=2))
        assert (first["applied"], again["applied"]) == (True, False)
        assert (await line_of(shop, "A"))["shipped"] == 2
        parcel = await shop.document(f"shipment:{first['shipment']}")
        assert parcel["lines"] == [{"sku": "A", "quantity": 2}], "shoppers know the shop's SKU"


@pytest.mark.anyio
async def test_a_cancellation_in_the_suppliers_skus_takes_effect():
    async with memory_shop() as shop:
        own = await matched(shop)
        await shop.do(
            CancelPurchaseOrders(order_id=ORDER, wish="w", reason="shopper", lines=units(A=2))
        )
        granted = (Units(sku="X-1", quantity=2),)
        await shop.do(RecordCancellation(purchase_order=own, asked=units(A=2), cancelled=granted))
        assert (await line_of(shop, "A"))["cancelled"] == 2


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("said", "name"),
    [({"X_2": 3}, "PurchaseOrderState"), ({"X_1": 1, "A": 2}, "InvalidField")],
    ids=["a SKU of no line", "both SKUs of one line"],
)
async def test_an_answer_that_cannot_be_meant_is_refused(said, name):
    async with memory_shop() as shop:
        own = await matched(shop)
        assert error_of(await acknowledge(shop, own, **said))["name"] == name
        assert (await line_of(shop, "A"))["accepted"] == 0
