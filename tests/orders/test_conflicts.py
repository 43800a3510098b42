"""A supplier has fewer units than were promised: who is asked, what can be chosen, what follows."""

from typing import Any

import pytest
from tests.orders.world import ORDER, PRICE, World, a_set, lines, memory_world, states_of

from shopwire.modules.inventory.api import Part, PutBundle, ReportStock
from shopwire.modules.orders.api import CancelOrder, OrderAgain, SettleConflict
from shopwire.modules.shipping.api import (
    AcknowledgePurchaseOrder,
    BeginSending,
    RecordCancellation,
    RecordSending,
    RecordShipment,
    RefusePurchaseOrder,
    Units,
)

pytestmark = pytest.mark.anyio

PO = f"{ORDER}/acme"
CONFLICT = f"{ORDER}/C1"


async def sent(world: World, purchase_order: str = PO) -> None:
    """The supplier has it."""
    await world.do(BeginSending(purchase_order=purchase_order))
    await world.do(RecordSending(purchase_order=purchase_order, outcome="received"))
    await world.pump()


async def count(world: World, quantity: int, supplier: str = "acme", sku: str = "A") -> None:
    """A supplier's new count, which contains no sale of ours."""
    await world.do(ReportStock(sku=sku, supplier=supplier, quantity=quantity))
    await world.pump()


async def settle(world: World, choice: str, **more: Any) -> Any:
    fields: dict[str, Any] = {
        "conflict_id": CONFLICT,
        "sku": "A",
        "supplier": "acme",
        "choice": choice,
    }
    result = await world.do(SettleConflict(**(fields | more)))
    await world.pump()
    return result


async def refunds(world: World) -> int:
    """What is being paid back, or was."""
    payment = await world.shop.document(f"payment:{ORDER}")
    if payment["voiding"]:
        return payment["amount_minor"]
    return payment["refunding_minor"] + payment["refunded_minor"]


async def test_a_count_below_what_was_promised_puts_units_in_question():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed(lines=lines(("A", 4)))
        await count(world, 1)
        order = await world.order()
        line = order["lines"][0]
        assert line["state"] == "in_question"
        assert line["units"] == {"in_question": 3, "promised": 1}
        assert (line["conflict"], line["conflict_sku"]) == (CONFLICT, "A")
        assert line["choices"] == ["wait", "cancel", "replace"]
        conflict = await world.shop.document(f"conflict:{CONFLICT}")
        assert (conflict["supplier"], conflict["quantity"], conflict["reason"]) == (
            "acme",
            3,
            "overpromised",
        )
        assert conflict["order_id"] == ORDER
        assert conflict["status"] == "open"


async def test_the_newest_order_is_the_one_in_question():
    async with memory_world() as world:
        await world.article("A", acme=2)
        await world.placed(order_id="cart-0001.1")
        await world.placed(order_id="cart-0002.1")
        await count(world, 1)
        states = [
            (await world.order(name))["lines"][0]["state"]
            for name in ("cart-0001.1", "cart-0002.1")
        ]
        assert states == ["promised", "in_question"]


async def test_the_same_shortage_told_again_asks_once():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed(lines=lines(("A", 4)))
        await count(world, 1)
        version = await world.shop.version(f"conflict:{CONFLICT}")
        await count(world, 1)
        assert await world.shop.version(f"conflict:{CONFLICT}") == version
        await count(world, 0)
        conflict = await world.shop.document(f"conflict:{CONFLICT}")
        assert conflict["quantity"] == 4


async def test_whoever_is_first_settles_it():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed(lines=lines(("A", 4)))
        await count(world, 1)
        await settle(world, "wait", by="operator")
        late = await world.refusal(
            SettleConflict(conflict_id=CONFLICT, sku="A", supplier="acme", choice="cancel")
        )
        assert late["name"] == "ConflictSettled"
        assert late["data"] == {"conflict": CONFLICT, "choice": "wait"}
        conflict = await world.shop.document(f"conflict:{CONFLICT}")
        assert (conflict["status"], conflict["choice"], conflict["by"]) == (
            "settled",
            "wait",
            "operator",
        )
        order = await world.order()
        assert states_of(order) == {"A": {"promised": 1, "waiting": 3}}


async def test_a_shopper_needs_to_know_no_supplier_and_may_not_name_a_wrong_one():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed(lines=lines(("A", 4)))
        await count(world, 1)
        wish = {"conflict_id": CONFLICT, "choice": "wait"}
        for wrong in ({"sku": "B"}, {"sku": "A", "supplier": "zeta"}):
            refused = await world.refusal(SettleConflict(**wish, **wrong))
            assert refused["name"] == "InvalidField"
        await world.do(SettleConflict(**wish, sku="A"))
        unknown = {**wish, "conflict_id": f"{ORDER}/C9"}
        assert (await world.refusal(SettleConflict(**unknown, sku="A")))["name"] == "NotFound"


async def test_units_that_are_waited_for_are_not_asked_about_again():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed(lines=lines(("A", 4)))
        await count(world, 1)
        await settle(world, "wait")
        await count(world, 1)
        assert (await world.order())["lines"][0]["conflict"] is None
        await count(world, 0)
        order = await world.order()
        assert states_of(order) == {"A": {"in_question": 1, "waiting": 3}}


async def test_cancelled_units_are_free_and_paid_back():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed(lines=lines(("A", 4)))
        await count(world, 1)
        await settle(world, "cancel")
        order = await world.order()
        assert states_of(order) == {"A": {"cancelled": 3, "promised": 1}}
        assert await refunds(world) == 3 * PRICE
        assert await world.stock() == 0
        assert world.refused == []


async def test_a_supplier_that_knows_of_it_is_asked_first():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed(lines=lines(("A", 4)))
        await sent(world)
        await count(world, 1)
        await settle(world, "cancel")
        order = await world.order()
        assert states_of(order) == {"A": {"cancelling": 3, "ordered": 1}}
        assert await refunds(world) == 0
        await world.do(
            RecordCancellation(
                purchase_order=PO,
                asked=(Units(sku="A", quantity=3),),
                cancelled=(Units(sku="A", quantity=2),),
            )
        )
        await world.pump()
        order = await world.order()
        assert states_of(order) == {"A": {"cancelled": 2, "ordered": 2}}
        assert await refunds(world) == 2 * PRICE


async def test_another_supplier_replaces_the_units():
    async with memory_world() as world:
        await world.article("A", acme=5, zeta=3)
        await world.placed(lines=lines(("A", 5)))
        await count(world, 3)
        await settle(world, "replace")
        order = await world.order()
        assert states_of(order) == {"A": {"promised": 5}}
        assert await world.stock() == 1
        other = await world.shop.document(f"purchase_order:{ORDER}/zeta")
        assert [(line["sku"], line["ordered"]) for line in other["lines"]] == [("A", 2)]
        first = await world.shop.document(f"purchase_order:{PO}")
        assert [(line["ordered"], line["cancelled"]) for line in first["lines"]] == [(5, 2)]
        assert await refunds(world) == 0
        assert world.refused == []


async def test_nobody_else_has_the_units_and_the_question_stays_open():
    async with memory_world() as world:
        await world.article("A", acme=5, zeta=1)
        await world.placed(lines=lines(("A", 5)))
        await count(world, 3)
        refused = await world.refusal(
            SettleConflict(conflict_id=CONFLICT, sku="A", supplier="acme", choice="replace")
        )
        assert (refused["name"], refused["data"]["available"]) == ("StockShort", 1)
        assert (await world.shop.document(f"conflict:{CONFLICT}"))["status"] == "open"
        assert states_of(await world.order())["A"]["in_question"] == 2


async def test_a_replacement_is_called_back_where_the_first_supplier_shipped_after_all():
    async with memory_world() as world:
        await world.article("A", acme=5, zeta=3)
        await world.placed(lines=lines(("A", 5)))
        await sent(world)
        await count(world, 3)
        await settle(world, "replace")
        await world.do(
            RecordShipment(
                purchase_order=PO,
                reference="box-1",
                carrier="post",
                tracking="T1",
                lines=(Units(sku="A", quantity=5),),
            )
        )
        await world.pump()
        order = await world.order()
        assert states_of(order) == {"A": {"shipped": 5}}
        other = await world.shop.document(f"purchase_order:{ORDER}/zeta")
        assert other["status"] == "cancelled"
        assert await refunds(world) == 0
        assert await world.stock() == 3
        assert world.refused == []


async def test_refused_units_are_in_question_and_dropped():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed(lines=lines(("A", 4)))
        await sent(world)
        await world.do(
            AcknowledgePurchaseOrder(purchase_order=PO, lines=(Units(sku="A", quantity=3),))
        )
        await world.pump()
        order = await world.order()
        assert states_of(order) == {"A": {"confirmed": 3, "in_question": 1}}
        conflict = await world.shop.document(f"conflict:{CONFLICT}")
        assert (conflict["reason"], conflict["quantity"]) == ("refused", 1)
        await settle(world, "cancel")
        order = await world.order()
        assert states_of(order) == {"A": {"cancelled": 1, "confirmed": 3}}
        assert await refunds(world) == PRICE
        assert world.refused == []


async def test_refused_units_come_from_another_supplier():
    async with memory_world() as world:
        await world.article("A", acme=5, zeta=4)
        await world.placed(lines=lines(("A", 4)))
        await sent(world)
        await world.do(RefusePurchaseOrder(purchase_order=PO, reason="out_of_stock"))
        await world.pump()
        await settle(world, "replace")
        order = await world.order()
        assert states_of(order) == {"A": {"promised": 4}}
        other = await world.shop.document(f"purchase_order:{ORDER}/zeta")
        assert [(line["sku"], line["ordered"]) for line in other["lines"]] == [("A", 4)]
        assert world.refused == []


async def test_refused_units_that_are_waited_for_are_ordered_again():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed(lines=lines(("A", 4)))
        await sent(world)
        await world.do(RefusePurchaseOrder(purchase_order=PO, reason="out_of_stock"))
        await world.pump()
        await settle(world, "wait")
        assert states_of(await world.order()) == {"A": {"waiting": 4}}
        await world.do(OrderAgain(conflict_id=CONFLICT))
        await world.pump()
        assert states_of(await world.order()) == {"A": {"promised": 4}}
        again = await world.shop.document(f"purchase_order:{PO}/2")
        assert [(line["sku"], line["ordered"]) for line in again["lines"]] == [("A", 4)]
        await world.do(OrderAgain(conflict_id=CONFLICT))
        assert await world.shop.document(f"purchase_order:{PO}/3") is None
        assert world.refused == []


async def test_a_supplier_that_accepts_after_all_lifts_the_question():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed(lines=lines(("A", 4)))
        await sent(world)
        await count(world, 1)
        await world.do(
            AcknowledgePurchaseOrder(purchase_order=PO, lines=(Units(sku="A", quantity=4),))
        )
        await world.pump()
        order = await world.order()
        assert states_of(order) == {"A": {"confirmed": 4}}
        assert order["lines"][0]["conflict"] is None
        assert (await world.shop.document(f"conflict:{CONFLICT}"))["status"] == "lifted"
        late = await world.refusal(
            SettleConflict(conflict_id=CONFLICT, sku="A", supplier="acme", choice="cancel")
        )
        assert (late["name"], late["data"]["choice"]) == ("ConflictSettled", "lifted")


async def test_a_part_that_is_not_to_come_takes_its_set_with_it():
    async with memory_world() as world:
        await world.article("S")
        await world.article("A", acme=4)
        await world.article("C", acme=4)
        parts = (Part(sku="A", quantity=2), Part(sku="C", quantity=1))
        await world.do(PutBundle(sku="S", parts=parts))
        await world.placed(lines=(a_set("S", 2, A=2, C=1),))
        await count(world, 3)
        await settle(world, "cancel")
        order = await world.order()
        assert states_of(order) == {"S": {"cancelled": 3, "promised": 3}}
        assert await refunds(world) == PRICE
        assert world.refused == []


async def test_a_refused_part_takes_its_set_with_it():
    async with memory_world() as world:
        await world.article("S")
        await world.article("A", acme=4)
        await world.article("C", zeta=4)
        parts = (Part(sku="A", quantity=2), Part(sku="C", quantity=1))
        await world.do(PutBundle(sku="S", parts=parts))
        await world.placed(lines=(a_set("S", 2, A=2, C=1),))
        await sent(world)
        await world.do(
            AcknowledgePurchaseOrder(purchase_order=PO, lines=(Units(sku="A", quantity=2),))
        )
        await world.pump()
        await settle(world, "cancel")
        order = await world.order()
        assert states_of(order) == {"S": {"cancelled": 3, "confirmed": 2, "promised": 1}}
        assert await refunds(world) == PRICE
        assert world.refused == []


async def test_cancelling_the_order_settles_what_is_in_question():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed(lines=lines(("A", 4)))
        await sent(world)
        await world.do(
            AcknowledgePurchaseOrder(purchase_order=PO, lines=(Units(sku="A", quantity=3),))
        )
        await world.pump()
        await world.do(CancelOrder(order_id=ORDER, skus=("A",), by="operator"))
        await world.pump()
        conflict = await world.shop.document(f"conflict:{CONFLICT}")
        assert (conflict["status"], conflict["choice"], conflict["by"]) == (
            "settled",
            "cancel",
            "operator",
        )
        order = await world.order()
        assert states_of(order) == {"A": {"cancelled": 1, "cancelling": 3}}
        await world.do(
            RecordCancellation(
                purchase_order=PO,
                asked=(Units(sku="A", quantity=3),),
                cancelled=(Units(sku="A", quantity=3),),
            )
        )
        await world.pump()
        order = await world.order()
        assert (order["status"], order["reason"]) == ("cancelled", "operator")
        assert await refunds(world) == 4 * PRICE
        assert world.refused == []
