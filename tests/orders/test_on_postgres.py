"""Orders on a real database: what the schema refuses, what the audit finds, what lists show."""

import asyncio
from typing import Any

import asyncpg
import msgspec
import pytest
from tests.databases import rows_of
from tests.modules.shop import drifts
from tests.orders.paying import till
from tests.orders.world import (
    CART,
    ORDER,
    PRICE,
    World,
    a_set,
    approved,
    lines,
    postgres_world,
)

from shopwire.adapters.postgres.leader import PostgresLeader
from shopwire.kernel.errors import MalformedRequest, NotFound
from shopwire.modules.carts.store import cart_to_buy, read_cart
from shopwire.modules.catalog.api import Option, ProductContent, PutProducts, Variant
from shopwire.modules.catalog.store import alternatives_to, titles_of
from shopwire.modules.inventory.api import Part, PutBundle, ReportStock
from shopwire.modules.orders.activities import WAIT, activities
from shopwire.modules.orders.api import CancelOrder, LineCut, SettleConflict
from shopwire.modules.orders.lots import COUNTS
from shopwire.modules.orders.store import (
    list_conflicts,
    list_orders,
    read_checkout,
    read_contact,
    read_order,
)
from shopwire.modules.suppliers.api import PutOffer
from shopwire.services.activities import Activities
from shopwire.services.consumers import Consumers
from shopwire.services.parts import MODULES

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


async def execute(dsn: str, statement: str, *args: Any) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(statement, *args)
    finally:
        await connection.close()


async def test_an_order_leaves_no_drift(database_url):
    async with postgres_world(database_url) as world:
        await world.article("A", acme=9)
        await world.article("B", acme=1, zeta=2)
        await world.article("S")
        parts = (Part(sku="A", quantity=1), Part(sku="B", quantity=1))
        await world.do(PutBundle(sku="S", parts=parts))
        await world.placed(lines=(*lines(("A", 2), ("B", 1)), a_set("S", 2, A=1, B=1)))
        await world.start(order_id="cart-0002.1")
        await world.start(order_id="cart-0003.1", has_cart=False)
        await world.fail("cart-0003.1")
        await world.do(ReportStock(sku="B", supplier="zeta", quantity=0))
        await world.pump()
        order = await world.order()
        assert {line["sku"]: line["state"] for line in order["lines"]} == {
            "A": "promised",
            "B": "in_question",
            "S": "in_question",
        }
        await world.do(CancelOrder(order_id=ORDER, skus=tuple(order["skus"])))
        await world.pump()
        assert world.refused == []
        assert await drifts(world.shop) == []


# -- what the schema refuses ------------------------------------------------------------------

ANOTHER = """
    INSERT INTO customer_order SELECT (jsonb_populate_record(
        o, '{"order_id": "cart-0009.1", "cart_id": "cart-0009", "total_minor": 7}'
    )).* FROM customer_order o
"""
REFUSED = {
    "a total that is not its lines": (
        "UPDATE customer_order SET total_minor = total_minor + 1", "order_keeps_its_word"),
    "another total of a new order": (
        ANOTHER, "order_total_is_its_lines"),
    "an order whose attempt has a leading zero": (
        ANOTHER.replace("0009.1", "0009.01"), "order_id_is_an_attempt"),
    "an order of a cart whose name is none": (
        ANOTHER.replace("cart-0009", "cart 0009"), "order_cart_is_a_name"),
    "an order whose lines change alone": (
        "UPDATE customer_order SET lines = jsonb_set(lines, '{0,quantity}', '77')",
        "order_total_is_its_lines"),
    "an order that lives elsewhere": (
        "UPDATE customer_order SET cart_id = 'cart-0009'", "order_lives_with_its_cart"),
    "more units shipped than accepted": (
        "UPDATE customer_order SET lots = jsonb_set(lots, '{0,shipped}', '1')",
        "order_lots_are_sound"),
    "units that vanish": (
        "UPDATE customer_order SET lots = jsonb_set(lots, '{0,refused}', '1')",
        "order_lots_are_sound"),
    "units below zero": (
        "UPDATE customer_order SET lots = jsonb_set(lots, '{0,waiting}', '-1')",
        "order_lots_are_sound"),
    "an order that was never placed": (
        "UPDATE customer_order SET status = 'failed'", "order_is_placed_once"),
    "an order that is placed twice": (
        "UPDATE customer_order SET placed_at_ms = placed_at_ms + 1", "order_keeps_its_word"),
    "a second answer": (
        "UPDATE customer_order SET answer_status = 409", "order_keeps_its_word"),
    "a step back": (
        "UPDATE customer_order SET version = version - 1", "order_keeps_its_word"),
    "more money back than was paid": (
        "UPDATE customer_order SET refunded_minor = total_minor + 1",
        "customer_order_check"),
    "a cart that is sold again": (
        "UPDATE cart SET status = 'open', order_id = NULL, attempt = 2", "cart_is_bought_once"),
    "a cart of another order": (
        "UPDATE cart SET order_id = 'cart-0009.1'", "cart_is_bought_once"),
}  # fmt: skip
"""Statements past all of the application's checks, and what stops them."""


@pytest.mark.parametrize("what", REFUSED)
async def test_the_schema_has_the_last_word(database_url, what):
    statement, constraint = REFUSED[what]
    async with postgres_world(database_url) as world:
        await world.article("A", acme=5)
        await world.placed()
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            await execute(database_url, statement)
        assert constraint in refused.value.constraint_name


async def test_no_count_of_a_lot_is_left_out(database_url):
    wrong = dict.fromkeys((*COUNTS, "value_minor"), "-1") | {"quantity": '"-1"'}
    async with postgres_world(database_url) as world:
        await world.article("A", acme=5)
        await world.placed()
        for name, value in wrong.items():
            with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
                await execute(
                    database_url,
                    f"UPDATE customer_order SET lots = jsonb_set(lots, '{{0,{name}}}', '{value}')",
                )
            assert refused.value.constraint_name == "order_lots_are_sound", name


async def test_what_is_over_stays_over(database_url):
    async with postgres_world(database_url) as world:
        await world.article("A", acme=5)
        await world.start()
        await world.fail()
        for statement in (
            "UPDATE customer_order SET status = 'checking_out'",
            "UPDATE customer_order SET status = 'placed', placed_at_ms = 1",
        ):
            with pytest.raises(asyncpg.CheckViolationError):
                await execute(database_url, statement)


async def test_a_choice_is_never_replaced(database_url):
    async with postgres_world(database_url) as world:
        await in_question(world)
        await settled(world, "wait")
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await execute(database_url, "UPDATE order_conflict SET choice = 'cancel'")
        assert refused.value.constraint_name == "conflict_is_settled_once"


async def in_question(world: World) -> None:
    await world.article("A", acme=5, zeta=4)
    await world.placed(lines=lines(("A", 5)))
    await world.do(ReportStock(sku="A", supplier="acme", quantity=3))
    await world.pump()


async def settled(world: World, choice: str) -> None:
    await world.do(
        SettleConflict(conflict_id=f"{ORDER}/C1", sku="A", supplier="acme", choice=choice)
    )
    await world.pump()


async def test_shopper_and_operator_settle_at_once_and_one_wins(database_url):
    async with postgres_world(database_url) as world:
        await in_question(world)
        wishes = [
            SettleConflict(
                conflict_id=f"{ORDER}/C1", sku="A", supplier="acme", choice=choice, by=by
            )
            for choice in ("wait", "cancel", "replace")
            for by in ("shopper", "operator")
        ]
        outcomes = await asyncio.gather(*(world.ask(wish) for wish in wishes))
        assert sum(one.ok for one in outcomes) == 1
        refused = {msgspec.json.decode(one.body)["name"] for one in outcomes if not one.ok}
        assert refused == {"ConflictSettled"}
        await world.pump()
        assert world.refused == []
        assert await drifts(world.shop) == []


# -- the audit --------------------------------------------------------------------------------

PLANTED = {
    "orders.documents": "UPDATE documents SET body = '{}' WHERE topic LIKE 'order:%'",
    "orders.units": "UPDATE customer_order SET lots = jsonb_set(lots, '{0,quantity}', '2')",
    "orders.carts": "UPDATE documents SET body = replace(body::text, 'ordered', 'open')::json "
    "WHERE topic LIKE 'cart:%'",
    "orders.sales": "DELETE FROM customer_order",
    "carts.documents": "UPDATE cart_line SET quantity = quantity + 1",
}
"""Damage that nobody would see on a screen at once, and the check that finds it."""


@pytest.mark.parametrize("check", PLANTED)
async def test_the_audit_finds_planted_damage(database_url, check):
    async with postgres_world(database_url) as world:
        await world.article("A", acme=5)
        await world.placed()
        assert await drifts(world.shop) == []
        if check == "orders.sales":
            # A second sale of the same order, as a defect of the completion would make it.
            await execute(
                database_url,
                'INSERT INTO events SELECT partition, "offset" + 100000, epoch, tenant, topic, '
                "version + 100000, event_type, document, replace(facts::text, "
                '\'"hold":"cart-0001.1"\', \'"hold":"cart-0001.1~2"\')::json, command_id, '
                "recorded_at_ms FROM events WHERE event_type = 'inventory.hold_posted'",
            )
        else:
            await execute(database_url, PLANTED[check])
        assert check in {one.check for one in await drifts(world.shop)}


async def test_the_audit_finds_money_that_nobody_asked_for(database_url):
    async with postgres_world(database_url) as world:
        await world.article("A", acme=5)
        await world.article("B", acme=5)
        await world.placed(lines=lines(("A", 3), ("B", 1)))
        cut = (LineCut(sku="A", quantity=2),)
        await world.do(CancelOrder(order_id=ORDER, skus=("A", "B"), lines=cut))
        await world.pump()
        await execute(
            database_url,
            "INSERT INTO consumer_position SELECT 'orders.follow', partition, next FROM head",
        )
        assert await drifts(world.shop) == []
        await execute(
            database_url,
            "UPDATE documents SET body = jsonb_set(body::jsonb, '{movements}', '[]')::json "
            "WHERE topic LIKE 'payment:%'",
        )
        found = [one for one in await drifts(world.shop) if one.check == "orders.refunds"]
        assert [one.expected for one in found] == [f"a refund of {2 * PRICE}"]


async def test_the_audit_finds_a_checkout_that_nobody_decided(database_url):
    async with postgres_world(database_url) as world:
        await world.article("A", acme=5)
        await world.start()
        assert await drifts(world.shop) == []
        await execute(database_url, "ALTER TABLE customer_order DISABLE TRIGGER USER")
        await execute(
            database_url,
            "UPDATE customer_order SET started_at_ms = 1, ask_at_ms = 2, expires_at_ms = 2",
        )
        assert "orders.deadlines" in {one.check for one in await drifts(world.shop)}


# -- what is read -----------------------------------------------------------------------------


async def test_orders_are_listed_newest_first_and_page_by_page(database_url):
    async with postgres_world(database_url) as world:
        await world.article("A", acme=50)
        for number in range(5):
            await world.placed(order_id=f"cart-000{number}.1")
        await world.start(order_id="cart-0009.1")
        reads, seen, cursor = world.shop.reads, [], None
        while True:
            page = await list_orders(reads, "main", limit=2, cursor=cursor)
            seen += [one.topic for one in page.items]
            cursor = page.next
            if cursor is None:
                break
        moments = [f"order:cart-000{number}.1" for number in (9, 4, 3, 2, 1, 0)]
        assert seen == moments
        waiting = await list_orders(reads, "main", status="checking_out")
        assert [one.topic for one in waiting.items] == ["order:cart-0009.1"]
        one = await read_order(reads, "main", "cart-0003.1")
        assert msgspec.json.decode(one.doc) == await world.order("cart-0003.1")
        with pytest.raises(NotFound):
            await read_order(reads, "main", "cart-7777.1")
        with pytest.raises(MalformedRequest):
            await list_orders(reads, "main", cursor="'; DROP")


async def test_conflicts_are_listed_with_what_helps_to_choose(database_url):
    async with postgres_world(database_url) as world:
        await in_question(world)
        for supplier, active in (("acme", True), ("zeta", True)):
            await world.do(PutOffer(sku="A", supplier=supplier, cost_minor=900, currency="EUR"))
            assert active
        page = await list_conflicts(world.shop.reads, "main")
        conflict = msgspec.json.decode(page.items[0].doc)
        assert (conflict["id"], conflict["quantity"]) == (f"{ORDER}/C1", 2)
        assert msgspec.json.decode(page.items[0].stock)["available"] == 4
        offers = msgspec.json.decode(page.items[0].offers)
        assert [one["supplier"] for one in offers] == ["zeta"]
        await settled(world, "wait")
        assert (await list_conflicts(world.shop.reads, "main")).items == []
        every = await list_conflicts(world.shop.reads, "main", status="", order_id=ORDER)
        assert len(every.items) == 1


async def test_a_cart_is_read_with_prices_and_stock_of_now(database_url):
    async with postgres_world(database_url) as world:
        await world.article("A", acme=5)
        await world.put("A", 2, accepted_minor=1_000)
        await world.put("A", 2, cart="cart-0002")
        cart = await read_cart(world.shop.reads, "main", CART)
        assert cart["topic"] == f"cart:{CART}"
        price = msgspec.json.decode(cart["prices"][0].doc)
        assert price["amount_minor"] == PRICE
        assert msgspec.json.decode(cart["stocks"][0].doc)["available"] == 5
        bought = await cart_to_buy(world.shop.reads, "main", CART)
        assert (bought.shopper, bought.lines[0].accepted_minor) == ("shopper-1", 1_000)
        with pytest.raises(NotFound):
            await read_cart(world.shop.reads, "main", "cart-9999")


async def test_only_the_contact_row_knows_the_person(database_url):
    async with postgres_world(database_url) as world:
        await world.article("A", acme=5)
        await world.placed()
        email, address = await read_contact(world.shop.reads, "main", ORDER) or ("", None)
        assert (email, address.city if address else "") == ("ada@example.org", "London")
        found = await rows_of(database_url)
        named = {
            table
            for table, rows in found.items()
            if any("Lovelace" in row or "ada@example" in row for row in rows)
        }
        assert named == {"order_contact"}


def product(name: str, *skus: str, category: str = "Cups") -> ProductContent:
    return ProductContent(
        id=name,
        title=name.title(),
        categories=((category,),),
        options=(Option(name="Size", values=skus),),
        variants=tuple(Variant(sku=sku, title=sku.lower()) for sku in skus),
    )


async def test_instead_of_a_short_article_its_kin_are_offered(database_url):
    async with postgres_world(database_url) as world:
        reads = world.shop.reads
        products = (
            product("mug", "MUG-S", "MUG-L"),
            product("cup", "CUP-S", "CUP-L"),
            product("pan", "PAN", category="Pans"),
        )
        await world.do(PutProducts(source="a", products=products))
        for sku, units in (("MUG-S", 0), ("MUG-L", 2), ("CUP-S", 9), ("CUP-L", 1), ("PAN", 9)):
            await world.article(sku, acme=units)
        found = await alternatives_to(reads, "main", "MUG-S", quantity=2)
        assert [(one.sku, one.kind) for one in found] == [
            ("MUG-L", "variant"),
            ("CUP-S", "category"),
        ]
        assert msgspec.json.decode(found[0].price.doc)["amount_minor"] == PRICE
        assert found[1].product.topic == "product:cup"
        assert await alternatives_to(reads, "main", "UNKNOWN") == []
        titles = await titles_of(reads, "main", ["MUG-S", "PAN", "UNKNOWN"])
        assert titles == {"MUG-S": "Mug, mug-s", "PAN": "Pan, pan"}


# -- by themselves ----------------------------------------------------------------------------


async def test_consumers_and_sweep_finish_what_a_door_began(database_url):
    """The real runners: the order is placed, allocated and planned without anybody's help."""
    async with till(database_url) as shop:
        await shop.article("A", acme=5)
        await shop.start(lines=lines(("A", 2)), checkout_ms=1_000)
        order = await shop.order()
        shop.provider.known[ORDER] = approved(order)
        followed = [one for module in MODULES for one in module.consumers]
        log, write_path, reads = shop.shop.log, shop.shop.write_path, shop.shop.reads
        consumers = Consumers(log, write_path, reads, followed)
        swept = (*activities(shop.completion.finish), WAIT)
        leader = PostgresLeader(database_url, "test")
        sweep = Activities(log, write_path, reads, swept, shop.clock, leader)
        tasks = [asyncio.create_task(consumers.run()), asyncio.create_task(sweep.run())]
        try:
            await event_of(shop, "shipping.purchase_order_planned")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert (await shop.order())["status"] == "placed"
        assert await shop.shop.document(f"purchase_order:{ORDER}/acme")
        assert await drifts(shop.shop) == []


async def event_of(shop: World, event_type: str) -> None:
    """Waits until the log has one."""
    waiting = [
        asyncio.create_task(_until(shop, partition, event_type))
        for partition in range(shop.shop.log.partitions)
    ]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=60)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _until(shop: World, partition: int, event_type: str) -> None:
    async for batch in shop.shop.log.tail(partition, 0):
        if any(event.event_type == event_type for event in batch):
            return


async def test_the_database_knows_what_is_to_be_asked(database_url):
    async with postgres_world(database_url) as world:
        await world.article("A", acme=5)
        await world.start()
        checkout = await read_checkout(world.shop.reads, "main", ORDER)
        assert checkout is not None
        assert (checkout.method, checkout.skus, checkout.total_minor) == ("card", ("A",), PRICE)
        assert await read_checkout(world.shop.reads, "main", "cart-0009.1") is None
