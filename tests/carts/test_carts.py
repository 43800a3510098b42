"""Carts: lines merge or conflict, prices are accepted and never slipped in, bought once."""

import random

import pytest
from tests.orders.world import CART, ORDER, PRICE, World, lines, memory_world, put_line, start

from shopwire.modules.carts.api import (
    AcceptPrices,
    CloseCart,
    ClosedLine,
    FinishCart,
    PutLine,
    ReopenCart,
    SetPart,
)
from shopwire.modules.carts.domain import CART_LINES_MAX, CART_SKUS_MAX, TRAIL_MAX
from shopwire.modules.inventory.api import Part, PutBundle, SetPolicy
from shopwire.modules.pricing.api import Accepted, ConfirmPrices

pytestmark = pytest.mark.anyio


async def held(world: World) -> dict[str, int]:
    """What the cart holds."""
    document = await world.shop.document(f"cart:{CART}")
    return {line["sku"]: line["quantity"] for line in document["lines"]}


async def test_the_first_line_makes_the_cart():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.put("A", 2)
        assert await world.shop.document(f"cart:{CART}") == {
            "id": CART,
            "lines": [{"sku": "A", "quantity": 2, "accepted_minor": PRICE, "currency": "EUR"}],
            "status": "open",
            "order_id": None,
            "attempt": 1,
        }


async def test_the_same_line_again_changes_nothing():
    async with memory_world() as world:
        await world.article("A", acme=5)
        await world.put("A", 2)
        again = await world.put("A", 2)
        assert (again["applied"], again["version"]) == (False, 1)
        assert await world.shop.version(f"cart:{CART}") == 1


async def test_lines_stay_in_the_order_in_which_they_came():
    async with memory_world() as world:
        for sku in ("C", "A", "B"):
            await world.article(sku, acme=5)
            await world.put(sku)
        await world.put("C", 0)
        await world.put("C", 2)
        document = await world.shop.document(f"cart:{CART}")
        assert [line["sku"] for line in document["lines"]] == ["C", "A", "B"]


async def test_more_than_there_is_does_not_go_into_a_cart():
    async with memory_world() as world:
        await world.article("A", acme=3)
        refused = await world.refusal(put_line("A", 4))
        assert (refused["name"], refused["data"]["available"]) == ("StockShort", 3)
        assert await world.shop.document(f"cart:{CART}") is None


async def test_fewer_are_taken_also_when_there_are_none_left():
    async with memory_world() as world:
        await world.article("A", acme=3)
        await world.put("A", 3)
        await world.placed(order_id="cart-0002.1", lines=lines(("A", 3)))
        await world.put("A", 2)
        await world.put("A", 0)
        assert await held(world) == {}


async def test_a_limit_a_shopper_holds_in_the_cart_too():
    async with memory_world() as world:
        await world.article("A", acme=9)
        await world.do(SetPolicy(sku="A", shopper_units_max=2))
        refused = await world.refusal(put_line("A", 3))
        assert (refused["name"], refused["data"]["allowed"]) == ("ShopperLimit", 2)


async def test_lines_that_others_changed_merge_and_the_same_line_conflicts():
    async with memory_world() as world:
        await world.article("A", acme=9)
        await world.article("B", acme=9)
        await world.put("A", 1)
        await world.put("B", 1, expected_version=1)
        await world.put("A", 3, expected_version=2)
        merged = await world.put("B", 2, expected_version=2)
        assert merged["applied"]
        refused = await world.refusal(put_line("A", 5, expected_version=2))
        assert refused["name"] == "VersionConflict"
        assert (refused["data"]["expected"], refused["data"]["current"]) == (2, 4)
        assert refused["data"]["conflicts"] == [
            {"field": "lines/A/quantity", "base": 1, "theirs": 3, "mine": 5}
        ]
        assert await held(world) == {"A": 3, "B": 2}


async def test_who_wants_what_is_there_already_has_no_conflict():
    async with memory_world() as world:
        await world.article("A", acme=9)
        await world.put("A", 1)
        await world.put("A", 3)
        same = await world.put("A", 3, expected_version=1)
        assert not same["applied"]


async def test_a_line_that_somebody_took_out_is_a_conflict():
    async with memory_world() as world:
        await world.article("A", acme=9)
        await world.put("A", 1)
        await world.put("A", 0)
        refused = await world.refusal(put_line("A", 2, expected_version=1))
        assert refused["data"]["conflicts"][0] == {
            "field": "lines/A/quantity",
            "base": 1,
            "theirs": 0,
            "mine": 2,
        }


async def test_a_base_that_is_long_gone_is_said_to_be_unknown():
    async with memory_world() as world:
        await world.article("A", acme=99)
        for quantity in range(1, TRAIL_MAX + 2):
            await world.put("A", quantity)
        refused = await world.refusal(put_line("A", 50, expected_version=1))
        assert refused["data"]["conflicts"][0]["base"] is None


async def test_a_version_that_was_never_there_is_a_conflict():
    async with memory_world() as world:
        await world.article("A", acme=9)
        refused = await world.refusal(put_line("A", 1, expected_version=7))
        assert refused["name"] == "VersionConflict"


async def test_random_edits_of_two_shoppers_lose_no_line():
    """Whoever edits with the version they saw either merges, or is told; nothing is overwritten."""
    dice = random.Random(7)
    async with memory_world() as world:
        skus = ["A", "B", "C"]
        for sku in skus:
            await world.article(sku, acme=1_000)
        await world.put("A", 1)
        model = {"A": 1}
        seen = {name: (1, dict(model)) for name in ("one", "two")}
        for _ in range(300):
            name, sku, quantity = dice.choice(["one", "two"]), dice.choice(skus), dice.randint(0, 9)
            version, known = seen[name]
            outcome = await world.ask(put_line(sku, quantity, expected_version=version))
            changed = known.get(sku, 0) != model.get(sku, 0) and model.get(sku, 0) != quantity
            if outcome.ok:
                assert not changed
                model[sku] = quantity
            assert await held(world) == {sku: count for sku, count in model.items() if count}
            if dice.random() < 0.5 or not outcome.ok:
                seen[name] = (await world.shop.version(f"cart:{CART}"), dict(model))


@pytest.mark.parametrize(
    "more",
    [
        {"cart_id": "short"},
        {"cart_id": "with space"},
        {"quantity": -1},
        {"accepted_minor": 0},
        {"currency": "euro"},
        {"shopper": ""},
        {"sku": " A"},
        {"parts": (SetPart(sku="B", quantity=0),)},
    ],
)
async def test_what_cannot_be_a_line_is_refused(more):
    async with memory_world() as world:
        fields = {"cart_id": CART, "shopper": "s", "sku": "A", "quantity": 1}
        wanted = PutLine(**({**fields, "accepted_minor": PRICE, "currency": "EUR"} | more))
        assert (await world.refusal(wanted))["name"] == "InvalidField"


async def test_a_cart_has_one_currency():
    async with memory_world() as world:
        await world.article("A", acme=9)
        await world.article("B", acme=9)
        await world.put("A", 1)
        refused = await world.refusal(put_line("B", 1, currency="USD"))
        assert (refused["name"], refused["data"]["rule"]) == ("RuleBroken", "one_currency")


async def test_a_cart_has_an_end(monkeypatch):
    monkeypatch.setattr("shopwire.modules.carts.commands.CART_LINES_MAX", 2)
    monkeypatch.setattr("shopwire.modules.carts.commands.CART_SKUS_MAX", 3)
    async with memory_world() as world:
        for sku in ("A", "B", "C", "D"):
            await world.article(sku, acme=9)
        await world.put("A")
        await world.put("B")
        assert (await world.refusal(put_line("C")))["name"] == "CartFull"
        await world.put("A", 0)
        await world.put("C")
        await world.put("B", 0)
        assert (await world.refusal(put_line("D")))["name"] == "CartFull"
    assert CART_LINES_MAX < CART_SKUS_MAX


async def test_a_set_is_put_in_with_its_parts():
    async with memory_world() as world:
        await world.article("S")
        await world.article("A", acme=4)
        await world.do(PutBundle(sku="S", parts=(Part(sku="A", quantity=2),)))
        parts = (SetPart(sku="A", quantity=2),)
        await world.put("S", 2, parts=parts)
        refused = await world.refusal(put_line("S", 3, parts=parts))
        assert (refused["name"], refused["data"]["available"]) == ("StockShort", 2)
        assert (await world.refusal(put_line("S", 1, "cart-0002")))["name"] == "BundleChanged"


# -- prices -----------------------------------------------------------------------------------


async def test_all_prices_that_moved_are_told_at_once():
    async with memory_world() as world:
        await world.article("A", acme=9)
        wanted = ConfirmPrices(
            lines=(
                Accepted(sku="A", amount_minor=PRICE, currency="EUR"),
                Accepted(sku="A", amount_minor=1, currency="EUR"),
                Accepted(sku="GONE", amount_minor=2, currency="EUR"),
                Accepted(sku="A", amount_minor=PRICE, currency="USD"),
            )
        )
        refused = await world.refusal(wanted)
        assert refused["name"] == "PriceMoved"
        assert refused["data"]["changes"] == [
            {"sku": "A", "accepted_minor": 1, "amount_minor": PRICE, "currency": "EUR"},
            {"sku": "GONE", "accepted_minor": 2, "amount_minor": None, "currency": "EUR"},
            {"sku": "A", "accepted_minor": PRICE, "amount_minor": PRICE, "currency": "EUR"},
        ]


async def test_prices_are_accepted_only_as_they_are_now():
    async with memory_world() as world:
        await world.article("A", acme=9)
        await world.put("A", 2, accepted_minor=1_500)
        wrong = (Accepted(sku="A", amount_minor=1_600, currency="EUR"),)
        refused = await world.refusal(AcceptPrices(cart_id=CART, lines=wrong))
        assert refused["name"] == "PriceMoved"
        document = await world.shop.document(f"cart:{CART}")
        assert document["lines"][0]["accepted_minor"] == 1_500
        right = (Accepted(sku="A", amount_minor=PRICE, currency="EUR"),)
        await world.do(AcceptPrices(cart_id=CART, lines=right))
        document = await world.shop.document(f"cart:{CART}")
        assert document["lines"][0]["accepted_minor"] == PRICE


async def test_a_price_of_something_else_cannot_be_accepted():
    async with memory_world() as world:
        await world.article("A", acme=9)
        await world.article("B", acme=9)
        await world.put("A")
        other = (Accepted(sku="B", amount_minor=PRICE, currency="EUR"),)
        refused = await world.refusal(AcceptPrices(cart_id=CART, lines=other))
        assert refused["name"] == "InvalidField"


# -- a cart is bought once --------------------------------------------------------------------


async def test_nothing_changes_in_a_cart_that_is_being_paid_for():
    async with memory_world() as world:
        await world.article("A", acme=9)
        await world.start()
        for wish in (
            put_line("A", 2),
            AcceptPrices(
                cart_id=CART, lines=(Accepted(sku="A", amount_minor=PRICE, currency="EUR"),)
            ),
        ):
            refused = await world.refusal(wish)
            assert refused["name"] == "CartClosed"
            assert refused["data"] == {"cart": CART, "order": ORDER, "state": "checking_out"}


async def test_a_checkout_of_other_lines_than_the_cart_holds_is_refused():
    async with memory_world() as world:
        await world.article("A", acme=9)
        await world.put("A", 2)
        refused = await world.refusal(start(lines=lines(("A", 1))))
        assert refused["name"] == "VersionConflict"
        assert [one["field"] for one in refused["data"]["conflicts"]] == ["lines/A"]
        assert await world.stock() == 9
        assert await world.order() is None


async def test_another_attempt_than_the_carts_next_is_refused():
    async with memory_world() as world:
        await world.article("A", acme=9)
        await world.put("A", 1)
        refused = await world.refusal(start(order_id=f"{CART}.2"))
        assert refused["name"] == "VersionConflict"
        assert [one["field"] for one in refused["data"]["conflicts"]] == ["order_id"]


async def test_a_bought_cart_stays_bought():
    async with memory_world() as world:
        await world.article("A", acme=9)
        await world.placed()
        refused = await world.refusal(put_line("A", 2))
        assert (refused["name"], refused["data"]["state"]) == ("CartClosed", "ordered")
        reopened = await world.do(ReopenCart(cart_id=CART, order_id=ORDER))
        assert not reopened["applied"]
        assert (await world.shop.document(f"cart:{CART}"))["status"] == "ordered"


async def test_only_the_shop_itself_closes_a_cart():
    async with memory_world() as world:
        await world.article("A", acme=9)
        await world.put("A")
        line = ClosedLine(sku="A", quantity=1, accepted_minor=PRICE)
        for step in (
            CloseCart(cart_id=CART, order_id=ORDER, lines=(line,)),
            ReopenCart(cart_id=CART, order_id=ORDER),
            FinishCart(cart_id=CART, order_id=ORDER),
        ):
            assert (await world.ask(step, principal="local")).status == 404
        assert (await world.shop.document(f"cart:{CART}"))["status"] == "open"
