"""Returns: each unit comes back once, and its money goes back once."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.modules.shop import Shop, error_of, memory_shop, result_of
from tests.shipping.desk import ORDER, accept, facts_of, plan_of, ship, units
from tests.shipping.sheets import new_sheet

from shopwire.modules.shipping.api import CloseReturn, OpenReturn, ReceiveReturn

pytestmark = pytest.mark.anyio
FIRST = f"{ORDER}/R1"


async def delivered(shop: Shop, price_minor: int = 500) -> None:
    """Five units of one SKU at the shopper's, two of one supplier and three of another."""
    await shop.do(plan_of({"acme": {"A": 2}, "bolt": {"A": 3}}, price_minor=price_minor))
    await ship(shop, await accept(shop, "acme", A=2), A=2)
    await ship(shop, await accept(shop, "bolt", A=3), A=3)


@given(st.integers(1, 9), st.integers(0, 1_000), st.lists(st.integers(1, 9)))
def test_the_parts_of_a_line_cost_exactly_what_was_paid(ordered, value, parts):
    line = replace(new_sheet({"A": ordered}, value).lines[0], shipped=ordered, accepted=ordered)
    refunds = []
    for wanted in (*parts, ordered):
        part = min(wanted, line.ordered - line.returned)
        refunds.append(line.worth(part))
        line = replace(line, returned=line.returned + part)
    assert sum(refunds) == value
    assert min(refunds) >= 0


async def test_a_return_takes_units_from_whoever_sent_them():
    async with memory_shop() as shop:
        await delivered(shop)
        opened = await shop.do(OpenReturn(order_id=ORDER, lines=units(A=3), reason="damaged"))
        assert result_of(opened) == {"return": FIRST, "value_minor": 1_500, "currency": "EUR"}
        await shop.do(ReceiveReturn(return_id=FIRST))
        facts = (await facts_of(shop, "shipping.return_received"))[0]
        assert [(one["supplier"], one["quantity"]) for one in facts["units"]] == [
            ("acme", 2),
            ("bolt", 1),
        ]
        assert (facts["refund_minor"], facts["receipt"], facts["restock"]) == (
            1_500,
            f"{FIRST}/1",
            True,
        )
        document = await shop.document(f"return:{FIRST}")
        assert document["lines"] == [{"sku": "A", "announced": 3, "received": 3}]
        assert (document["status"], document["refund_minor"]) == ("received", 1_500)
        assert "acme" not in str(document)


async def test_only_what_was_shipped_can_be_sent_back():
    async with memory_shop() as shop:
        await shop.do(plan_of({"acme": {"A": 3}}))
        own = await accept(shop, "acme", A=3)
        await ship(shop, own, A=1)
        refused = error_of(await shop.ask(OpenReturn(order_id=ORDER, lines=units(A=2))))
        assert refused["name"] == "ReturnState"
        assert error_of(await shop.ask(OpenReturn(order_id=ORDER, lines=units(B=1))))
        await shop.do(OpenReturn(order_id=ORDER, lines=units(A=1)))


async def test_a_unit_is_on_one_return_only():
    async with memory_shop() as shop:
        await delivered(shop)
        await shop.do(OpenReturn(order_id=ORDER, lines=units(A=4)))
        assert error_of(await shop.ask(OpenReturn(order_id=ORDER, lines=units(A=2))))
        await shop.do(OpenReturn(order_id=ORDER, lines=units(A=1)))
        await shop.do(ReceiveReturn(return_id=FIRST))
        assert error_of(await shop.ask(OpenReturn(order_id=ORDER, lines=units(A=1))))


async def test_a_receipt_under_another_key_has_no_second_effect():
    async with memory_shop() as shop:
        await delivered(shop)
        await shop.do(OpenReturn(order_id=ORDER, lines=units(A=4)))
        first = await shop.do(ReceiveReturn(return_id=FIRST, lines=units(A=1)))
        again = await shop.do(ReceiveReturn(return_id=FIRST, lines=units(A=1)))
        assert result_of(first)["refund_minor"] == 500
        assert result_of(again) == {"applied": False, "refund_minor": 500}
        other = await shop.ask(ReceiveReturn(return_id=FIRST, lines=units(A=2)))
        assert error_of(other)["name"] == "ReturnState"
        assert len(await facts_of(shop, "shipping.return_received")) == 1


async def test_a_return_comes_in_several_parcels_each_refunded_once():
    async with memory_shop() as shop:
        await delivered(shop, price_minor=333)
        await shop.do(OpenReturn(order_id=ORDER, lines=units(A=3)))
        await shop.do(ReceiveReturn(return_id=FIRST, lines=units(A=1), restock=False))
        assert (await shop.document(f"return:{FIRST}"))["status"] == "partly_received"
        skipped = await shop.ask(ReceiveReturn(return_id=FIRST, lines=units(A=1), receipt=3))
        assert error_of(skipped)["name"] == "ReturnState"
        much = await shop.ask(ReceiveReturn(return_id=FIRST, lines=units(A=3), receipt=2))
        assert error_of(much)["name"] == "ReturnState"
        await shop.do(ReceiveReturn(return_id=FIRST, receipt=2))
        facts = await facts_of(shop, "shipping.return_received")
        assert [(one["receipt"], one["refund_minor"], one["restock"]) for one in facts] == [
            (f"{FIRST}/1", 333, False),
            (f"{FIRST}/2", 666, True),
        ]
        done = await shop.ask(ReceiveReturn(return_id=FIRST, receipt=3))
        assert error_of(done)["name"] == "ReturnState"


async def test_what_never_arrives_may_be_announced_again_after_the_return_is_closed():
    async with memory_shop() as shop:
        await delivered(shop)
        await shop.do(OpenReturn(order_id=ORDER, lines=units(A=5)))
        await shop.do(ReceiveReturn(return_id=FIRST, lines=units(A=2)))
        await shop.do(CloseReturn(return_id=FIRST))
        assert (await shop.document(f"return:{FIRST}"))["status"] == "closed"
        assert error_of(await shop.ask(ReceiveReturn(return_id=FIRST, receipt=2)))
        assert result_of(await shop.do(CloseReturn(return_id=FIRST)))["applied"] is False
        again = await shop.do(OpenReturn(order_id=ORDER, lines=units(A=3)))
        assert result_of(again)["return"] == f"{ORDER}/R2"
        assert error_of(await shop.ask(OpenReturn(order_id=ORDER, lines=units(A=1))))


@pytest.mark.parametrize("seed", range(30))
async def test_whatever_is_announced_received_and_closed_no_unit_is_refunded_twice(seed):
    dice = random.Random(seed)
    price = dice.choice([0, 1, 333, 500])
    async with memory_shop() as shop:
        await delivered(shop, price_minor=price)
        known = 0
        for _ in range(30):
            own = f"{ORDER}/R{dice.randint(1, max(1, known))}"
            match dice.randrange(4):
                case 0:
                    opened = await shop.ask(
                        OpenReturn(order_id=ORDER, lines=units(A=dice.randint(1, 3)))
                    )
                    known += opened.ok
                case 1 | 2:
                    lines = dice.choice([None, units(A=dice.randint(1, 2))])
                    await shop.ask(
                        ReceiveReturn(return_id=own, lines=lines, receipt=dice.randint(1, 3))
                    )
                case _ if dice.random() < 0.5:
                    await shop.ask(CloseReturn(return_id=own))
        facts = await facts_of(shop, "shipping.return_received")
        came: dict[str, int] = {}
        for one in facts:
            for unit in one["units"]:
                came[unit["supplier"]] = came.get(unit["supplier"], 0) + unit["quantity"]
        assert came.get("acme", 0) <= 2
        assert came.get("bolt", 0) <= 3
        assert sum(one["refund_minor"] for one in facts) == price * sum(came.values())
        receipts = [one["receipt"] for one in facts]
        assert len(set(receipts)) == len(receipts)
