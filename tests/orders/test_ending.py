"""How checkouts end otherwise: given up, too late, cancelled, held anew; and cancelling later."""

import pytest
from tests.orders.paying import approve
from tests.orders.world import (
    CART,
    ORDER,
    PRICE,
    World,
    approved,
    lines,
    memory_world,
    start,
    states_of,
)

from shopwire.kernel.clock import SystemClock
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.payments import Charge
from shopwire.modules.inventory.api import VoidHold
from shopwire.modules.orders.api import (
    AnswerLater,
    CancelOrder,
    CompleteOrder,
    FailCheckout,
    LineCut,
    NoteAllocation,
    NotePurchaseOrder,
)
from shopwire.modules.orders.domain import number_of
from shopwire.modules.orders.store import Checkout
from shopwire.modules.payments.api import RecordVoid
from shopwire.modules.shipping.api import (
    Allocation,
    BeginSending,
    OpenReturn,
    PlanPurchaseOrders,
    ReceiveReturn,
    RecordSending,
    RecordShipment,
    RecordTracking,
    Units,
)
from shopwire.services.completion import Completion

pytestmark = pytest.mark.anyio


async def payment_of(world: World, order_id: str = ORDER):
    return await world.shop.document(f"payment:{order_id}")


# -- a checkout that comes to nothing ---------------------------------------------------------


async def test_a_failed_checkout_opens_the_cart_for_another_attempt():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.start(lines=lines(("A", 2)))
        await world.fail()
        assert (await world.order())["status"] == "failed"
        assert await world.stock() == 5
        cart = await world.shop.document(f"cart:{CART}")
        assert (cart["status"], cart["order_id"], cart["attempt"]) == ("open", None, 2)
        await world.placed(order_id=f"{CART}.2", lines=lines(("A", 2)))
        assert (await world.order(f"{CART}.2"))["status"] == "placed"
        assert await world.stock() == 3


async def test_an_authorisation_that_comes_too_late_is_recorded_and_given_back():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.start()
        late = await world.completing()
        await world.fail(reason="timed_out")
        await world.do(late, f"complete/{ORDER}")
        order, payment = await world.order(), await payment_of(world)
        assert order["status"] == "failed"
        assert payment["voiding"]
        assert payment["captured_minor"] == payment["capturing_minor"] == 0
        assert await world.stock() == 5
        await world.do(RecordVoid(order_id=ORDER))
        assert (await payment_of(world))["released_minor"] == PRICE


async def test_a_decline_after_the_placing_changes_nothing():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed()
        version = await world.shop.version(f"order:{ORDER}")
        await world.fail()
        assert await world.shop.version(f"order:{ORDER}") == version
        assert (await payment_of(world))["state"] == "authorised"


async def test_a_completion_again_changes_nothing_whatever_its_key():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.start()
        command = await world.completing()
        first = await world.do(command, "one")
        assert await world.do(command, "other") == first
        assert await world.stock() == 4
        assert not (await payment_of(world))["voiding"]


async def test_a_shopper_may_turn_back_while_it_is_being_paid_for():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.start()
        late = await world.completing()
        await world.do(CancelOrder(order_id=ORDER, skus=("A",)))
        order = await world.order()
        assert (order["status"], order["reason"]) == ("cancelled", "shopper")
        assert await world.stock() == 5
        await world.do(late)
        assert (await payment_of(world))["voiding"]
        assert (await world.order())["status"] == "cancelled"
        assert (await world.shop.document(f"cart:{CART}"))["status"] == "open"


async def test_a_hold_that_is_gone_refuses_the_completion_and_is_made_anew():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.start(lines=lines(("A", 2)))
        await world.do(VoidHold(hold_id=ORDER, skus=("A",)))
        command = await world.completing()
        refused = await world.refusal(command)
        assert refused["name"] == "HoldGone"
        assert (await payment_of(world))["state"] == "opened"
        await world.complete(anew=True, shopper="shopper-1")
        await world.pump()
        order = await world.order()
        assert (order["status"], states_of(order)) == ("placed", {"A": {"promised": 2}})
        assert await world.stock() == 3
        assert world.refused == []


async def test_units_that_were_sold_meanwhile_end_the_order_and_its_payment():
    async with memory_world() as world:
        await world.article("A", acme=2)
        await world.start(lines=lines(("A", 2)))
        await world.do(VoidHold(hold_id=ORDER, skus=("A",)))
        await world.placed(order_id="cart-0002.1", lines=lines(("A", 1)))
        command = await world.completing(anew=True, shopper="shopper-1")
        refused = await world.refusal(command)
        assert refused["name"] == "StockShort"
        await world.fail(
            reason="stock_short", detail="A", reference="p", authorised_minor=2 * PRICE
        )
        assert (await world.order())["reason"] == "stock_short"
        payment = await payment_of(world)
        assert payment["voiding"]
        assert payment["authorised_minor"] == 2 * PRICE


async def test_a_provider_that_promises_another_sum_places_nothing():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.start()
        refused = await world.refusal(await world.completing(amount_minor=1))
        assert refused["name"] == "RuleBroken"
        assert (await world.order())["status"] == "checking_out"


async def test_the_first_answer_stays():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.start()
        later = await world.do(AnswerLater(order_id=ORDER))
        assert later["answer"]["status"] == 202
        placed = await world.complete()
        assert placed["answer"] == later["answer"]
        assert (await world.order())["status"] == "placed"


# -- who may say it ---------------------------------------------------------------------------


async def test_nobody_from_outside_takes_a_step_of_the_saga():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.start(has_cart=False)
        order = await world.order()
        money = approve(Charge(id=ORDER, amount_minor=PRICE, currency="EUR", method="card"))
        steps = [
            start(order_id="cart-0002.1"),
            CompleteOrder(
                order_id=ORDER,
                skus=tuple(order["skus"]),
                reference=money.reference,
                amount_minor=PRICE,
                currency="EUR",
            ),
            FailCheckout(order_id=ORDER, skus=tuple(order["skus"]), reason="declined"),
            AnswerLater(order_id=ORDER),
            NoteAllocation(order_id=ORDER, plan=ORDER, sku="A", shares=()),
            NotePurchaseOrder(
                order_id=ORDER, plan=ORDER, supplier="a", purchase_order="p", version=1, sent=True,
                units=(),
            ),
        ]  # fmt: skip
        for step in steps:
            outcome = await world.ask(step, principal="local")
            assert (outcome.status, b"UnknownOperation" in outcome.body) == (404, True), step
        assert (await world.order())["status"] == "checking_out"


async def test_a_person_is_in_no_document_and_no_fact():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed()
        for event in await world.shop.events():
            for secret in (b"Lovelace", b"ada@", b"St James", b'"card"'):
                assert secret not in event.document + event.facts, event.event_type


def test_a_number_is_short_and_can_be_read_out():
    assert number_of(ORDER) == number_of(ORDER)
    assert number_of(ORDER) != number_of(f"{CART}.2")
    assert len(number_of(ORDER)) == 11
    assert not set(number_of(ORDER)) & set("01AEIOU")


# -- cancelling what was placed ---------------------------------------------------------------


async def sent(world: World, purchase_order: str = f"{ORDER}/acme") -> None:
    await world.do(BeginSending(purchase_order=purchase_order))
    await world.do(RecordSending(purchase_order=purchase_order, outcome="received"))
    await world.pump()


async def shipped(world: World, quantity: int, tracking: str = "T1") -> None:
    await world.do(
        RecordShipment(
            purchase_order=f"{ORDER}/acme",
            reference=tracking,
            carrier="post",
            tracking=tracking,
            lines=(Units(sku="A", quantity=quantity),),
        )
    )
    await world.pump()


async def test_a_cancelled_order_gives_stock_and_money_back_once():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed(lines=lines(("A", 2)))
        await world.do(CancelOrder(order_id=ORDER, skus=("A",)))
        await world.pump()
        order, payment = await world.order(), await payment_of(world)
        assert (order["status"], states_of(order)) == ("cancelled", {"A": {"cancelled": 2}})
        assert await world.stock() == 5
        assert payment["voiding"] or payment["refunding_minor"] == 2 * PRICE
        refused = await world.refusal(CancelOrder(order_id=ORDER, skus=("A",)))
        assert refused["name"] == "OrderState"
        assert world.refused == []


async def test_an_order_is_cancelled_before_anybody_knows_who_sends_it():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.start(lines=lines(("A", 2)))
        await world.complete()
        await world.do(CancelOrder(order_id=ORDER, skus=("A",)))
        await world.pump()
        assert states_of(await world.order()) == {"A": {"cancelled": 2}}
        assert await world.stock() == 5
        assert world.refused == []


async def test_some_of_a_line_are_cancelled():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.article("B", acme=5)
        await world.placed(lines=lines(("A", 3), ("B", 1)))
        cut = (LineCut(sku="A", quantity=2),)
        await world.do(CancelOrder(order_id=ORDER, skus=("A", "B"), lines=cut))
        await world.pump()
        order = await world.order()
        assert states_of(order) == {"A": {"cancelled": 2, "promised": 1}, "B": {"promised": 1}}
        refused = await world.refusal(CancelOrder(order_id=ORDER, skus=("A", "B"), lines=cut))
        assert refused["name"] == "OrderState"
        payment = await payment_of(world)
        assert payment["refunding_minor"] == 2 * PRICE


async def test_what_is_shipped_cannot_be_cancelled_but_sent_back():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed(lines=lines(("A", 2)))
        await sent(world)
        await shipped(world, 2)
        order = await world.order()
        assert (order["status"], states_of(order)) == ("shipped", {"A": {"shipped": 2}})
        assert [one["tracking"] for one in order["shipments"]] == ["T1"]
        refused = await world.refusal(CancelOrder(order_id=ORDER, skus=("A",)))
        assert refused["data"]["allowed"] == ["return"]
        shipment = order["shipments"][0]["id"]
        await world.do(RecordTracking(shipment=shipment, event="e1", status="delivered", at_ms=1))
        await world.pump()
        order = await world.order()
        assert (order["status"], order["shipments"][0]["status"]) == ("delivered", "delivered")
        opened = await world.do(
            OpenReturn(order_id=ORDER, lines=(Units(sku="A", quantity=1),), reason="unwanted")
        )
        await world.do(ReceiveReturn(return_id=opened["return"]))
        await world.pump()
        order = await world.order()
        assert (order["status"], states_of(order)) == (
            "delivered",
            {"A": {"delivered": 1, "returned": 1}},
        )
        assert world.refused == []


async def test_an_order_goes_through_its_states():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed(lines=lines(("A", 2)))
        seen = [(await world.order())["status"]]
        await sent(world)
        seen.append((await world.order())["status"])
        await shipped(world, 1)
        seen.append((await world.order())["status"])
        await shipped(world, 1, "T2")
        seen.append((await world.order())["status"])
        assert seen == ["placed", "in_fulfilment", "partly_shipped", "shipped"]


async def test_a_plan_that_is_refused_keeps_no_paid_order_from_being_placed():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.start()
        await world.do(
            PlanPurchaseOrders(
                order_id=ORDER,
                currency="EUR",
                allocations=(Allocation(sku="A", supplier="acme", quantity=9),),
            )
        )
        order = await world.order()
        checkout = Checkout(
            order_id=ORDER,
            status="checking_out",
            skus=("A",),
            shopper="shopper-1",
            provider="simulator",
            method="card",
            total_minor=PRICE,
            currency="EUR",
            started_at_ms=order["started_at_ms"],
            expires_at_ms=order["expires_at_ms"],
            answer_status=None,
            answer_body=None,
            suppliers=("acme",),
        )
        completion = Completion(world.shop.write_path, None, {}, SystemClock())
        answered = await completion.settle(DEFAULT_TENANT, checkout, approved(order))
        assert answered.status == 200
        assert (await world.order())["status"] == "placed"
        await world.pump()
        assert [refused["name"] for _, refused in world.refused] == ["AlreadyExists"]
