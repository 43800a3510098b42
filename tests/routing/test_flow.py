"""From a choice to purchase orders: held, sold, explained, looked at by a person, moved."""

from typing import Any

import pytest
from tests.orders.world import ORDER, PRICE, World, lines, memory_world, states_of
from tests.routing.market import written

from shopwire.modules.inventory.api import ReportStock
from shopwire.modules.orders.api import CancelOrder, SettleConflict, Source
from shopwire.modules.routing.api import (
    ChooseSupplier,
    LeaveToPerson,
    Pick,
    ReleaseRoute,
    Reroute,
    Review,
)
from shopwire.modules.routing.consumers import CONSUMERS, react
from shopwire.modules.routing.domain import late_question
from shopwire.modules.shipping.api import (
    AcknowledgePurchaseOrder,
    BeginSending,
    RecordSending,
    RecordShipment,
    RefusePurchaseOrder,
    Units,
)
from shopwire.modules.shipping.events import PurchaseOrderAcknowledged, PurchaseOrderSent

pytestmark = pytest.mark.anyio

LOOK = (Review(why="rule", rule="poor margin", skus=("A",)),)


async def bought(world: World, quantity: int = 2, **more: Any) -> None:
    await world.placed(lines=lines(("A", quantity)), **more)
    assert world.refused == []


async def sent(world: World, purchase_order: str) -> None:
    await world.do(BeginSending(purchase_order=purchase_order))
    await world.do(RecordSending(purchase_order=purchase_order, outcome="received"))
    await world.pump()


async def suppliers(world: World) -> dict[str, int]:
    """Units that each purchase order is for and expects still."""
    found = {}
    for event in await world.shop.events():
        if event.topic.startswith("purchase_order:"):
            document = await world.shop.document(event.topic)
            line = document["lines"][0]
            found[document["supplier"]] = line["ordered"] - line["refused"] - line["cancelled"]
    return {name: units for name, units in found.items() if units}


async def route(world: World) -> Any:
    return await world.shop.document(f"route:{ORDER}")


async def test_the_chosen_supplier_sends_it_and_not_the_fullest():
    async with memory_world() as world:
        await world.article("A", fullest=9, acme=3)
        await bought(world, route=written(("A", "acme", 2)))
        assert await suppliers(world) == {"acme": 2}
        document = await route(world)
        assert document["state"] == "chosen"
        assert document["shares"] == [{"sku": "A", "supplier": "acme", "quantity": 2}]
        assert document["choice"]["sums"]["profit_minor"] == 2_000


async def test_without_a_choice_it_is_the_fullest_as_ever():
    async with memory_world() as world:
        await world.article("A", fullest=9, acme=3)
        await bought(world)
        assert await suppliers(world) == {"fullest": 2}
        assert await route(world) is None


async def test_a_sale_is_not_lost_where_the_chosen_units_are_gone_meanwhile():
    async with memory_world() as world:
        await world.article("A", fullest=9, second=3, acme=1)
        choice = written(("A", "acme", 2), next_best=(("A", "second"),))
        await bought(world, route=choice)
        assert await suppliers(world) == {"acme": 1, "second": 1}
        shares = {one["supplier"]: one["quantity"] for one in (await route(world))["shares"]}
        assert shares == {"acme": 1, "second": 1}


async def test_a_choice_of_units_that_exist_nowhere_does_not_stop_a_sale():
    async with memory_world() as world:
        await world.article("A", fullest=9)
        await bought(world, route=written(("A", "gone", 2)))
        assert await suppliers(world) == {"fullest": 2}


async def test_purchase_orders_wait_until_a_person_lets_them_go():
    async with memory_world() as world:
        await world.article("A", acme=3)
        await bought(world, route=written(("A", "acme", 2), reviews=LOOK))
        assert (await route(world))["state"] == "waiting"
        begun = await world.do(BeginSending(purchase_order=f"{ORDER}/acme"))
        assert begun == {"applied": False, "status": "planned"}
        done = await world.do(ReleaseRoute(order_id=ORDER, note="fine"), principal="operator")
        assert done["state"] == "released"
        document = await route(world)
        assert (document["state"], document["note"]) == ("released", "fine")
        assert (await world.do(ReleaseRoute(order_id=ORDER)))["applied"] is False
        await sent(world, f"{ORDER}/acme")
        assert states_of(await world.order()) == {"A": {"ordered": 2}}


async def test_an_order_that_waits_can_be_cancelled_at_once():
    async with memory_world() as world:
        await world.article("A", acme=3)
        await bought(world, route=written(("A", "acme", 2), reviews=LOOK))
        await world.do(CancelOrder(order_id=ORDER, skus=("A",)))
        await world.pump()
        assert (await world.order())["status"] == "cancelled"
        assert await world.stock() == 3


async def test_a_person_chooses_another_supplier_before_anything_leaves():
    async with memory_world() as world:
        await world.article("A", acme=3, zeta=5)
        await bought(world, route=written(("A", "acme", 2), reviews=LOOK))
        wish = ChooseSupplier(
            order_id=ORDER, move="M1", sku="A", supplier="acme", to="zeta", quantity=2
        )
        await world.do(wish, principal="operator")
        await world.pump()
        assert world.refused == []
        assert await suppliers(world) == {"zeta": 2}
        assert await world.stock() == 6
        moves = (await route(world))["moves"]
        assert [(one["why"], one["supplier"], one["quantity"]) for one in moves] == [
            ("review", "acme", 2)
        ]
        assert states_of(await world.order()) == {"A": {"promised": 2}}
        assert (await world.do(wish, principal="operator"))["applied"] is False
        await world.do(ReleaseRoute(order_id=ORDER))
        await sent(world, f"{ORDER}/zeta")
        assert (await world.order())["total_minor"] == 2 * PRICE


async def test_a_person_cannot_choose_who_has_too_few_or_what_is_gone():
    async with memory_world() as world:
        await world.article("A", acme=3, zeta=1)
        await bought(world, route=written(("A", "acme", 2), reviews=LOOK))
        fields: dict[str, Any] = {"order_id": ORDER, "sku": "A", "supplier": "acme"}
        short = await world.refusal(ChooseSupplier(**fields, move="M1", to="zeta", quantity=2))
        assert short["name"] == "StockShort"
        more = await world.refusal(ChooseSupplier(**fields, move="M1", to="zeta", quantity=3))
        assert more["name"] == "OrderState"
        same = await world.refusal(ChooseSupplier(**fields, move="M1", to="acme", quantity=1))
        assert same["name"] == "OrderState"
        named = await world.refusal(ChooseSupplier(**fields, move="C1", to="zeta", quantity=1))
        assert named["name"] == "InvalidField"
        assert (await route(world))["moves"] == []


async def refused(world: World, **pools: int) -> str:
    """An order whose supplier refuses all of it; returns the conflict's id."""
    await world.article("A", **pools)
    await bought(world, route=written(("A", "acme", 2)))
    await sent(world, f"{ORDER}/acme")
    await world.do(RefusePurchaseOrder(purchase_order=f"{ORDER}/acme", reason="out_of_stock"))
    await world.pump()
    return f"{ORDER}/C1"


def to(supplier: str, quantity: int, cost: int = 1_200) -> tuple[Pick, ...]:
    return (Pick(sku="A", supplier=supplier, quantity=quantity, cost_minor=cost),)


def rerouting(conflict: str, picks: tuple[Pick, ...], **more: Any) -> Reroute:
    fields: dict[str, Any] = {"shipping_minor": 300, "paid_minor": 2 * PRICE, "seen": 1}
    return Reroute(conflict_id=conflict, sku="A", picks=picks, **(fields | more))


async def test_refused_units_come_from_the_next_best_at_the_same_price():
    async with memory_world() as world:
        conflict = await refused(world, acme=3, zeta=5)
        await world.do(rerouting(conflict, to("zeta", 2)), principal="activity:routing")
        await world.pump()
        assert world.refused == []
        assert await suppliers(world) == {"zeta": 2}
        order = await world.order()
        assert states_of(order) == {"A": {"promised": 2}}
        assert (order["total_minor"], order["refunded_minor"]) == (2 * PRICE, 0)
        told = await world.shop.document(f"conflict:{conflict}")
        assert (told["status"], told["choice"], told["by"]) == ("settled", "replace", "routing")
        move = (await route(world))["moves"][0]
        assert (move["why"], move["loss_minor"]) == ("refused", 0)
        assert move["picks"][0]["supplier"] == "zeta"


async def test_a_move_that_finds_its_units_gone_changes_nothing_and_may_come_again():
    async with memory_world() as world:
        conflict = await refused(world, acme=3, zeta=5)
        await world.do(ReportStock(sku="A", supplier="zeta", quantity=1))
        gone = await world.refusal(rerouting(conflict, to("zeta", 2)))
        assert gone["name"] == "StockShort"
        assert (await route(world))["moves"] == []
        assert (await world.shop.document(f"conflict:{conflict}"))["status"] == "open"
        await world.do(ReportStock(sku="A", supplier="zeta", quantity=4))
        await world.do(rerouting(conflict, to("zeta", 2), seen=2))
        await world.pump()
        assert await suppliers(world) == {"zeta": 2}


async def test_a_move_of_fewer_units_than_are_in_question_is_refused():
    async with memory_world() as world:
        conflict = await refused(world, acme=3, zeta=5)
        fewer = await world.refusal(rerouting(conflict, to("zeta", 1)))
        assert fewer["name"] == "InvalidField"
        assert (await world.shop.document(f"conflict:{conflict}"))["status"] == "open"


@pytest.mark.parametrize(
    ("by", "choice", "supplier", "quantity"),
    [
        ("shopper", "replace", "zeta", 2),
        ("operator", "cancel", "zeta", 2),
        ("operator", "replace", "acme", 2),
        ("operator", "replace", "zeta", 1),
        ("operator", "replace", "zeta", 3),
    ],
)
async def test_nobody_names_suppliers_who_may_not_or_other_units(by, choice, supplier, quantity):
    async with memory_world() as world:
        conflict = await refused(world, acme=3, zeta=5)
        wish = SettleConflict(
            conflict_id=conflict,
            sku="A",
            choice=choice,
            by=by,
            sources=(Source(supplier=supplier, quantity=quantity),),
        )
        assert (await world.refusal(wish))["name"] == "InvalidField"
        sources = (Source(supplier="zeta", quantity=2),)
        right = SettleConflict(
            conflict_id=conflict, sku="A", choice="replace", by="operator", sources=sources
        )
        assert (await world.do(right))["quantity"] == 2


async def test_a_person_who_is_faster_decides():
    async with memory_world() as world:
        conflict = await refused(world, acme=3, zeta=5)
        await world.do(CancelOrder(order_id=ORDER, skus=("A",), by="operator"))
        await world.pump()
        late = await world.do(rerouting(conflict, to("zeta", 2)))
        assert late == {"applied": False, "state": "closed"}
        assert (await world.order())["status"] == "cancelled"
        assert await world.stock() == 1 + 5


async def test_what_nobody_sends_is_left_to_a_person_with_the_reason():
    async with memory_world() as world:
        conflict = await refused(world, acme=3)
        await world.do(LeaveToPerson(conflict_id=conflict, why="loss", loss_minor=250))
        await world.pump()
        left = (await route(world))["left"]
        assert [(one["why"], one["loss_minor"]) for one in left] == [("loss", 250)]
        assert (await world.shop.document(f"conflict:{conflict}"))["status"] == "open"
        await world.do(SettleConflict(conflict_id=conflict, sku="A", choice="cancel"))
        await world.pump()
        assert (await route(world))["left"] == []


async def test_what_the_rules_leave_to_people_is_not_reported():
    async with memory_world() as world:
        conflict = await refused(world, acme=3)
        await world.do(LeaveToPerson(conflict_id=conflict, why="off"))
        assert (await route(world))["left"] == []


async def test_units_of_a_supplier_that_does_not_answer_move_and_are_called_back():
    async with memory_world() as world:
        await world.article("A", acme=3, zeta=5)
        await bought(world, route=written(("A", "acme", 2)))
        await sent(world, f"{ORDER}/acme")
        purchase_order = await world.shop.document(f"purchase_order:{ORDER}/acme")
        await world.do(
            RecordSending(
                purchase_order=f"{ORDER}/acme",
                outcome="received",
                asked=purchase_order["due_at_ms"],
            )
        )
        await world.pump()
        late = await world.shop.document(f"purchase_order:{ORDER}/acme")
        assert late["late"] == "acknowledgement"
        question = late_question(f"{ORDER}/acme", "A")
        await world.do(rerouting(question, to("zeta", 2), purchase_order=f"{ORDER}/acme"))
        await world.pump()
        assert world.refused == []
        asked_back = await world.shop.document(f"purchase_order:{ORDER}/acme")
        assert asked_back["status"] == "cancelling"
        assert states_of(await world.order()) == {"A": {"promised": 2}}
        move = (await route(world))["moves"][0]
        assert (move["why"], move["quantity"]) == ("late", 2)
        await sent(world, f"{ORDER}/zeta")
        await world.do(
            AcknowledgePurchaseOrder(
                purchase_order=f"{ORDER}/zeta", lines=(Units(sku="A", quantity=2),)
            )
        )
        await world.do(
            RecordShipment(
                purchase_order=f"{ORDER}/zeta",
                reference="parcel-1",
                carrier="dhl",
                tracking="T1",
                lines=(Units(sku="A", quantity=2),),
            )
        )
        await world.pump()
        assert states_of(await world.order()) == {"A": {"shipped": 2}}
        score = await world.shop.document("score:acme")
        assert (score["answers"], score["score"] < 900) == (1, True)
        words = {
            one.event_type: one for one in await world.shop.events() if one.topic.endswith("/zeta")
        }
        assert PurchaseOrderSent.event_type in words
        assert not any(PurchaseOrderSent.event_type in one.event_types for one in CONSUMERS)
        (answered,) = react(words[PurchaseOrderAcknowledged.event_type])
        assert answered.sent_due_ms - answered.sent_at_ms == 2 * 3_600_000
