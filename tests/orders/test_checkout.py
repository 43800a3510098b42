"""A checkout, step by step: everything or nothing, once, and back."""

import pytest
from msgspec.structs import replace
from tests.orders.world import CART, ORDER, PRICE, lines, memory_world, states_of

from shopwire.modules.orders.consumers import react
from shopwire.modules.payments.consumers import capture_when_placed
from shopwire.modules.shipping.api import (
    BeginSending,
    Departures,
    HoldPurchaseOrders,
    RecordSending,
    SetSupplierRules,
)
from shopwire.modules.shipping.consumers import follow_allocation

pytestmark = pytest.mark.anyio


async def test_a_checkout_holds_opens_and_closes_in_one_step():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.article("B", acme=1, zeta=2)
        result = await world.start(lines=lines(("A", 2), ("B", 3)))
        assert result["total_minor"] == 5 * PRICE
        order = await world.order()
        assert (order["status"], order["payment"]) == ("checking_out", "opened")
        assert states_of(order) == {"A": {"held": 2}, "B": {"held": 3}}
        assert (await world.stock("A"), await world.stock("B")) == (3, 0)
        cart = await world.shop.document(f"cart:{CART}")
        assert (cart["status"], cart["order_id"]) == ("checking_out", ORDER)
        payment = await world.shop.document(f"payment:{ORDER}")
        assert (payment["state"], payment["amount_minor"]) == ("opened", 5 * PRICE)


COMPLETED = ("inventory.hold_posted", "orders.order_placed")
PLANNED = ("shipping.purchase_order_planned", "shipping.purchase_order_sent")
_FLAGS = ((b',"told":true', b""), (b',"capture":true', b""))


async def events_of(world, *types: str):
    return [one for one in await world.shop.events() if one.event_type in types]


async def test_the_transaction_that_places_an_order_allocates_it_and_asks_for_the_capture():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.article("B", acme=1, zeta=2)
        await world.start(lines=lines(("A", 2), ("B", 3)))
        await world.complete()
        allocated = await events_of(world, "orders.order_allocated", "payments.movement_requested")
        (placed,) = await events_of(world, "orders.order_placed")
        assert [one.command_id for one in allocated] == [placed.command_id] * 2
        assert (await world.shop.document(f"payment:{ORDER}"))["capturing_minor"] == 5 * PRICE
        for event in await events_of(world, "inventory.hold_posted"):
            assert list(react(event)) == []
        assert capture_when_placed(placed) == ()


async def test_an_order_knows_its_purchase_orders_when_they_are_planned_and_sent():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed(lines=lines(("A", 2)))
        own = f"{ORDER}/acme"
        await world.do(BeginSending(purchase_order=own))
        await world.do(RecordSending(purchase_order=own, outcome="received"))
        assert states_of(await world.order()) == {"A": {"ordered": 2}}
        for event in await events_of(world, *PLANNED):
            assert list(react(event)) == []


async def test_what_a_former_release_did_not_tell_is_told_by_the_consumers_and_once():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.placed(lines=lines(("A", 2)))
        version = await world.shop.version(f"order:{ORDER}")
        told = []
        for event in await events_of(world, *COMPLETED, *PLANNED):
            facts = event.facts
            for flag, gone in _FLAGS:
                facts = facts.replace(flag, gone)
            former = replace(event, facts=facts)
            for follow in (react, capture_when_placed):
                if (follow is react) == (event.event_type != "orders.order_placed"):
                    told += follow(former)
        names = sorted(command.operation for command in told)
        assert names == [
            "orders.note_allocation",
            "orders.note_purchase_order",
            "payments.request_capture",
        ]
        for number, command in enumerate(told):
            await world.do(command, f"former-{number}", "consumer:orders.follow")
        assert await world.shop.version(f"order:{ORDER}") == version
        payment = await world.shop.document(f"payment:{ORDER}")
        assert payment["capturing_minor"] == 2 * PRICE


async def test_a_completed_order_is_placed_sold_and_allocated():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.article("B", acme=1, zeta=2)
        await world.placed(lines=lines(("A", 2), ("B", 3)))
        order = await world.order()
        assert order["status"] == "placed"
        assert order["placed_at_ms"]
        assert states_of(order) == {"A": {"promised": 2}, "B": {"promised": 3}}
        assert (await world.shop.document(f"cart:{CART}"))["status"] == "ordered"
        purchase_orders = [
            await world.shop.document(f"purchase_order:{ORDER}/{name}") for name in ("acme", "zeta")
        ]
        units = [{line["sku"]: line["ordered"] for line in one["lines"]} for one in purchase_orders]
        assert units == [{"A": 2, "B": 1}, {"B": 2}]
        assert world.refused == []


PLANNED_WITH = ("orders.order_allocated", "shipping.purchase_order_sending")


async def test_a_completion_plans_and_begins_what_it_can_in_its_own_transaction():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.article("B", acme=1, zeta=2)
        await world.start(lines=lines(("A", 2), ("B", 3)))
        await world.complete(suppliers=("acme", "elsewhere", "zeta"))
        (placed,) = await events_of(world, "orders.order_placed")
        done = await events_of(world, *PLANNED_WITH)
        assert [one.command_id for one in done] == [placed.command_id] * 3
        assert list(follow_allocation(done[0])) == []
        for name, units in {"acme": {"A": 2, "B": 1}, "zeta": {"B": 2}}.items():
            sheet = await world.shop.document(f"purchase_order:{ORDER}/{name}")
            assert sheet["status"] == "sending"
            assert {line["sku"]: line["ordered"] for line in sheet["lines"]} == units
        heads = await world.shop.log.heads()
        await world.pump()
        assert await world.shop.log.heads() == heads, "nobody does it a second time"
        own = f"{ORDER}/acme"
        await world.do(RecordSending(purchase_order=own, outcome="received"))
        assert states_of(await world.order())["A"] == {"ordered": 2}


@pytest.mark.parametrize("named", [(), ("acme",), ("zeta",)])
async def test_units_of_a_supplier_that_was_not_named_are_planned_by_the_consumer(named):
    async with memory_world() as world:
        await world.article("A", acme=1, zeta=2)
        await world.start(lines=lines(("A", 3)))
        await world.complete(suppliers=named)
        assert await events_of(world, *PLANNED_WITH[1:]) == []
        await world.pump()
        for name, units in {"acme": 1, "zeta": 2}.items():
            sheet = await world.shop.document(f"purchase_order:{ORDER}/{name}")
            assert (sheet["status"], sheet["lines"][0]["ordered"]) == ("planned", units)
        assert world.refused == []


@pytest.mark.parametrize(
    "waits",
    [
        SetSupplierRules(supplier="acme", send_after_ms=60_000),
        SetSupplierRules(supplier="acme", departures=Departures(orders=3)),
        HoldPurchaseOrders(order_id=ORDER, held=True),
    ],
)
async def test_a_purchase_order_that_waits_is_planned_with_the_sale_and_not_begun(waits):
    async with memory_world() as world:
        await world.article("A", acme=1)
        await world.do(waits)
        await world.start()
        await world.complete(suppliers=("acme",))
        sheet = await world.shop.document(f"purchase_order:{ORDER}/acme")
        assert sheet["status"] == "planned"
        heads = await world.shop.log.heads()
        await world.pump()
        assert await world.shop.log.heads() == heads
