"""The checkout's door: one request, one answer, whatever is repeated, lost or late."""

import asyncio

import asyncpg
import msgspec
import pytest
from tests.modules.shop import drifts
from tests.orders.paying import (
    away,
    body,
    bought,
    decline,
    held_up,
    leave_open,
    till,
)
from tests.orders.world import CART, ORDER, PRICE

from shopwire.kernel.errors import (
    InvalidField,
    KeyInFlight,
    KeyMissing,
    KeyReused,
    MalformedRequest,
    NotFound,
)
from shopwire.modules.orders.domain import ANSWER_MS

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


def error(outcome):
    return msgspec.json.decode(outcome.body)


async def test_a_cart_is_bought_in_one_request(database_url):
    async with till(database_url) as shop:
        await shop.article("A", acme=5)
        await shop.put("A", 2)
        outcome = await shop.buy()
        assert outcome.status == 200
        answer = msgspec.json.decode(outcome.body)
        assert answer["result"]["order_id"] == ORDER
        assert answer["result"]["status"] == "placed"
        assert answer["result"]["total_minor"] == 2 * PRICE
        # The version that placed it; the next one, of the same transaction, says who sends it.
        assert answer["versions"] == {f"order:{ORDER}": 2}
        assert await shop.shop.version(f"order:{ORDER}") == 3
        await shop.pump()
        assert (await shop.order())["status"] == "placed"
        assert shop.refused == []
        assert await drifts(shop.shop) == []


async def test_lines_are_bought_without_a_cart(database_url):
    async with till(database_url) as shop:
        await shop.article("A", acme=5)
        outcome = await shop.buy(lines=[bought("A", 1), bought("A", 2)])
        result = msgspec.json.decode(outcome.body)["result"]
        order = await shop.order(result["order_id"])
        assert [(line["sku"], line["quantity"]) for line in order["lines"]] == [("A", 3)]
        assert await shop.stock() == 2
        await shop.pump()
        assert await drifts(shop.shop) == []


async def test_a_repeat_gets_the_same_bytes_and_is_marked(database_url):
    async with till(database_url) as shop:
        await shop.article("A", acme=5)
        await shop.put("A", 2)
        first = await shop.buy()
        await shop.pump()
        again = await shop.buy()
        assert (again.status, again.body, again.replayed) == (200, first.body, True)
        assert shop.provider.asked == [ORDER]
        assert await shop.stock() == 3


async def test_another_body_under_the_same_key_is_refused_and_sees_nothing(database_url):
    async with till(database_url) as shop:
        await shop.article("A", acme=5)
        await shop.put("A", 2)
        await shop.buy()
        other = await shop.buy(email="eve@example.org")
        assert (other.status, error(other)["name"]) == (422, KeyReused.__name__)
        assert b"EUR" not in other.body


async def test_another_key_cannot_buy_the_cart_again(database_url):
    async with till(database_url) as shop:
        await shop.article("A", acme=5)
        await shop.put("A", 2)
        await shop.buy()
        other = await shop.buy("key-2")
        assert other.status == 409
        assert error(other)["name"] == "CartClosed"
        assert error(other)["data"]["order"] == ORDER


async def test_a_hundred_requests_at_once_make_one_order(database_url):
    async with till(database_url) as shop:
        await shop.article("A", acme=500)
        await shop.put("A", 1)
        asked = [shop.buy() for _ in range(100)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        answers = [one for one in outcomes if not isinstance(one, BaseException)]
        waiting = [one for one in outcomes if isinstance(one, BaseException)]
        assert {type(one) for one in waiting} <= {KeyInFlight}
        assert {(one.status, one.body) for one in answers} == {(200, answers[0].body)}
        assert [one.replayed for one in answers].count(False) == 1
        assert shop.provider.asked == [ORDER]
        assert await shop.stock() == 499


async def test_a_hundred_keys_at_once_for_one_cart_make_one_order(database_url):
    async with till(database_url) as shop:
        await shop.article("A", acme=500)
        await shop.put("A", 1)
        outcomes = await asyncio.gather(*(shop.buy(f"key-{at}") for at in range(100)))
        assert sorted(one.status for one in outcomes) == [200] + [409] * 99
        assert await shop.stock() == 499


async def test_a_declined_payment_gives_everything_back(database_url):
    async with till(database_url) as shop:
        await shop.article("A", acme=5)
        await shop.put("A", 2)
        shop.provider.decides = decline
        outcome = await shop.buy()
        assert (outcome.status, error(outcome)["name"]) == (402, "PaymentDeclined")
        assert error(outcome)["data"] == {"payment": ORDER, "reason": "insufficient_funds"}
        assert await shop.stock() == 5
        cart = await shop.shop.document(f"cart:{CART}")
        assert (cart["status"], cart["attempt"]) == ("open", 2)
        assert (await shop.buy()).body == outcome.body
        second = await shop.buy("key-2")
        assert error(second)["data"]["payment"] == f"{CART}.2"
        await shop.pump()
        assert await drifts(shop.shop) == []


async def test_a_price_that_moved_is_not_slipped_in(database_url):
    async with till(database_url) as shop:
        await shop.article("A", acme=5)
        await shop.put("A", 2, accepted_minor=1_000)
        outcome = await shop.buy()
        assert (outcome.status, error(outcome)["name"]) == (409, "PriceMoved")
        assert error(outcome)["data"]["changes"] == [
            {"sku": "A", "accepted_minor": 1_000, "amount_minor": PRICE, "currency": "EUR"}
        ]
        assert await shop.stock() == 5
        assert (await shop.shop.document(f"cart:{CART}"))["status"] == "open"
        assert await shop.order() is None


async def test_the_last_unit_is_sold_once(database_url):
    async with till(database_url) as shop:
        await shop.article("A", acme=1)
        outcomes = await asyncio.gather(
            *(shop.buy(f"key-{at}", lines=[bought()]) for at in range(20))
        )
        assert sorted(one.status for one in outcomes) == [200] + [409] * 19
        refused = {error(one)["name"] for one in outcomes if not one.ok}
        assert refused == {"StockShort"}


async def test_a_provider_that_is_slow_leaves_the_order_to_the_sweep(database_url):
    async with till(database_url, authorise_ms_max=50) as shop:
        await shop.article("A", acme=5)
        await shop.put("A", 2)
        shop.provider.after = held_up
        outcome = await shop.buy()
        assert outcome.status == 202
        result = msgspec.json.decode(outcome.body)["result"]
        assert (result["order_id"], result["status"]) == (ORDER, "checking_out")
        await shop.sweep_until_decided()
        assert (await shop.order())["status"] == "placed"
        again = await shop.buy()
        assert (again.status, again.body, again.replayed) == (202, outcome.body, True)


async def test_a_shopper_who_has_to_confirm_is_told_where(database_url):
    async with till(database_url) as shop:
        await shop.article("A", acme=5)
        await shop.put("A", 2)
        shop.provider.decides = leave_open
        outcome = await shop.buy()
        assert outcome.status == 202
        assert msgspec.json.decode(outcome.body)["result"]["next_url"] == "https://bank/3ds"


async def test_a_provider_that_was_away_is_asked_again_in_the_same_request(database_url):
    async with till(database_url) as shop:
        await shop.article("A", acme=5)
        await shop.put("A", 2)

        async def away_once(charge):
            if len(shop.provider.asked) == 1:
                await away(charge)

        shop.provider.before = away_once
        assert (await shop.buy()).status == 200
        assert shop.provider.asked == [ORDER, ORDER]


async def test_a_repeat_while_the_first_is_at_work_is_told_to_come_back(database_url):
    async with till(database_url) as shop:
        await shop.article("A", acme=5)
        await shop.put("A", 2)
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def wait(charge):
            asked.set()
            await go_on.wait()

        shop.provider.before = wait
        first = asyncio.create_task(shop.buy())
        await asked.wait()
        with pytest.raises(KeyInFlight) as refused:
            await shop.buy()
        assert refused.value.data["retry_ms"] > 0
        go_on.set()
        assert (await first).status == 200
        assert (await shop.buy()).body == (await first).body


async def test_a_repeat_goes_on_where_the_first_was_killed(database_url):
    async with till(database_url) as shop:
        await shop.article("A", acme=5)
        await shop.put("A", 2)
        asked = asyncio.Event()

        async def wait(charge):
            asked.set()
            await held_up(charge)

        shop.provider.before = wait
        first = asyncio.create_task(shop.buy())
        await asked.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)

        async def at_once(charge):
            pass

        shop.provider.before = at_once
        shop.clock.ahead_ms = ANSWER_MS
        again = await shop.buy()
        assert (again.status, again.replayed) == (200, True)
        assert (await shop.order())["status"] == "placed"
        assert await shop.stock() == 3


async def test_the_order_holds_when_its_key_has_expired(database_url):
    async with till(database_url) as shop:
        await shop.article("A", acme=5)
        await shop.put("A", 2)
        first = await shop.buy()
        inline = await shop.buy("key-2", lines=[bought()])
        await forget_keys(database_url)
        again = await shop.buy()
        assert (again.status, again.body) == (200, first.body)
        assert (await shop.buy("key-2", lines=[bought()])).body == inline.body
        assert await shop.stock() == 2


async def forget_keys(dsn):
    connection = await asyncpg.connect(dsn)
    await connection.execute("DELETE FROM idempotency")
    await connection.close()


@pytest.mark.parametrize(
    ("key", "sent", "refusal"),
    [
        (None, body(), KeyMissing),
        ("k", b"{", MalformedRequest),
        ("k", body(lines=[]), InvalidField),
        ("k", body(cart_id=None), InvalidField),
        ("k", body(cart_id="cart-0001", lines=[bought()]), InvalidField),
        ("k", body(cart_id="cart-9999"), NotFound),
        ("k", body(surplus=1), InvalidField),
        ("k", body(provider="nobody"), InvalidField),
    ],
)
async def test_what_cannot_be_read_is_refused_and_its_key_stays_free(
    database_url, key, sent, refusal
):
    async with till(database_url) as shop:
        await shop.article("A", acme=5)
        await shop.put("A", 1)
        with pytest.raises(refusal):
            await shop.door.take(key, sent)
        assert (await shop.buy("k")).status == 200


@pytest.mark.parametrize(
    "more",
    [
        {"email": "nobody"},
        {"address": {"name": "A", "lines": ["1"], "postal_code": "", "city": "X", "country": "uk"}},
        {"method": ""},
    ],
)
async def test_a_person_is_never_repeated_in_a_refusal(database_url, more):
    async with till(database_url) as shop:
        await shop.article("A", acme=5)
        await shop.put("A", 1)
        outcome = await shop.buy(**more)
        assert (outcome.status, error(outcome)["name"]) == (422, "InvalidField")
        assert "value" not in error(outcome)["data"]
        assert (await shop.buy()).status == 200
