"""A checkout, step by step: everything or nothing, once, and back."""

import pytest
from tests.orders.world import CART, ORDER, PRICE, lines, memory_world, states_of

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
