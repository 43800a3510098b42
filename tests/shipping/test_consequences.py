"""What follows in other modules from what suppliers and shoppers do."""

import pytest
from tests.orders.world import ORDER, PRICE, World, lines, memory_world
from tests.shipping.desk import po, units

from shopwire.modules.inventory.api import ReportStock
from shopwire.modules.payments.api import RecordCapture
from shopwire.modules.shipping.api import (
    AcknowledgePurchaseOrder,
    BeginSending,
    OpenReturn,
    ReceiveReturn,
    RecordSending,
    RecordShipment,
    Units,
)
from shopwire.modules.suppliers.api import PutOffer, RegisterSupplier

pytestmark = pytest.mark.anyio
OWN = po("acme", ORDER)


async def sent(world: World, quantity: int) -> None:
    """An order whose supplier has its purchase order."""
    await world.placed(lines=lines(("A", quantity)))
    await world.do(BeginSending(purchase_order=OWN))
    await world.do(RecordSending(purchase_order=OWN, outcome="received"))
    await world.pump()


async def parcel(world: World, quantity: int, reference: str = "P1") -> None:
    await world.do(
        RecordShipment(
            purchase_order=OWN,
            reference=reference,
            carrier="dhl",
            tracking=reference,
            lines=(Units(sku="A", quantity=quantity),),
        )
    )
    await world.pump()


async def captured(world: World) -> None:
    document = await world.shop.document(f"payment:{ORDER}")
    for one in document["movements"]:
        if one["kind"] == "capture":
            await world.do(
                RecordCapture(
                    order_id=ORDER, capture_id=one["id"], amount_minor=one["amount_minor"]
                )
            )
    await world.pump()
    assert (await world.shop.document(f"payment:{ORDER}"))["state"] == "captured"


async def refunds(world: World) -> list[tuple[str, int]]:
    document = await world.shop.document(f"payment:{ORDER}")
    return [
        (one["id"], one["amount_minor"]) for one in document["movements"] if one["kind"] == "refund"
    ]


async def test_an_order_is_planned_by_its_allocation_at_the_cost_of_its_offers():
    async with memory_world() as world:
        await world.do(RegisterSupplier(id="acme", name="Acme"))
        await world.article("A", acme=1, bolt=9)
        await world.do(PutOffer(sku="A", supplier="acme", cost_minor=1_000, currency="EUR"))
        await world.pump()
        await world.placed(lines=lines(("A", 3)))
        documents = [
            await world.shop.document(f"purchase_order:{po(name, ORDER)}")
            for name in ("acme", "bolt")
        ]
        found = [one["lines"][0] for one in documents if one is not None]
        assert sum(line["ordered"] for line in found) == 3
        if documents[0] is not None:
            assert documents[0]["lines"][0]["cost_minor"] == 1_000
        assert world.refused == []


@pytest.mark.parametrize("first", ["acknowledgement", "count", "parcel"])
async def test_a_sale_is_in_the_count_once_the_supplier_has_booked_it(first):
    """Whichever comes first: what the supplier says of the sale, or a count that contains it."""
    async with memory_world() as world:
        await world.article("A", acme=10)
        await sent(world, 3)
        assert await world.stock() == 7
        word = AcknowledgePurchaseOrder(purchase_order=OWN, lines=units(A=3), booked_at_ms=50)
        count = ReportStock(sku="A", supplier="acme", quantity=7, as_of_ms=60)
        if first == "count":
            await world.do(count)
            await world.pump()
            assert await world.stock() == 4, "nobody knows yet that the count contains the sale"
            await world.do(word)
        elif first == "acknowledgement":
            await world.do(word)
            await world.pump()
            await world.do(count)
        else:
            await parcel(world, 3)
            booked = (await world.shop.document(f"shipment:{ORDER}/S1"))["shipped_at_ms"]
            late = ReportStock(sku="A", supplier="acme", quantity=7, as_of_ms=booked)
            await world.do(late)
        await world.pump()
        assert await world.stock() == 7
        assert world.refused == []


async def test_each_part_of_a_sale_is_booked_once():
    async with memory_world() as world:
        await world.article("A", acme=10)
        await sent(world, 5)
        await parcel(world, 2)
        at_ms = (await world.shop.document(f"shipment:{ORDER}/S1"))["shipped_at_ms"]
        await world.do(ReportStock(sku="A", supplier="acme", quantity=8, as_of_ms=at_ms))
        assert await world.stock() == 5, "two of five are in the count"
        word = AcknowledgePurchaseOrder(
            purchase_order=OWN, lines=units(A=5), booked_at_ms=at_ms + 1
        )
        for _ in range(2):
            await world.do(word)
            await world.pump()
        await world.do(ReportStock(sku="A", supplier="acme", quantity=5, as_of_ms=at_ms + 1))
        assert await world.stock() == 5, "all five are"
        assert world.refused == []


async def test_a_return_puts_money_and_stock_back_once():
    async with memory_world() as world:
        await world.article("A", acme=10)
        await sent(world, 3)
        await captured(world)
        await world.do(AcknowledgePurchaseOrder(purchase_order=OWN, lines=units(A=3)))
        await parcel(world, 3)
        assert await world.stock() == 7
        back = f"{ORDER}/R1"
        await world.do(OpenReturn(order_id=ORDER, lines=units(A=2), reason="unwanted"))
        await world.pump()
        assert await refunds(world) == [], "nothing arrived yet"
        for _ in range(3):
            await world.do(ReceiveReturn(return_id=back, lines=units(A=1)))
            await world.pump()
        assert await refunds(world) == [(f"{back}/1", PRICE)]
        assert await world.stock() == 8
        await world.do(ReceiveReturn(return_id=back, receipt=2, restock=False))
        await world.pump()
        assert await refunds(world) == [(f"{back}/1", PRICE), (f"{back}/2", PRICE)]
        assert await world.stock() == 8, "it cannot be sold again"
        assert world.refused == []
