"""The demo's shoppers and what becomes of their orders, in a real shop with quick suppliers."""

import asyncio
from random import Random

import pytest
from structlog.testing import capture_logs

from shopwire.adapters.suppliers import Habits
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Command, Envelope
from shopwire.kernel.ids import new_id
from shopwire.modules.inventory.api import ReportStock
from shopwire.modules.orders.events import OrderStatus
from shopwire.modules.suppliers.api import PutOffer, RegisterSupplier
from shopwire.services.container import ServeOptions, open_container
from shopwire.services.demo.aftercare import Aftercare
from shopwire.services.demo.catalogue import catalogue
from shopwire.services.demo.shoppers import Doors, Shoppers
from shopwire.services.demo.wishes import GREEDY_UNITS, Wish, Wishes
from shopwire.services.outside import World

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

WISH = Wish(
    lines=(("A", 1), ("B", 2)),
    leaves=False,
    card="card",
    second_card=None,
    regrets=False,
    returns=False,
)
PROMPT = Habits(answers="now", acknowledge_ms=0, ship_ms=0, track_ms=0)
SLOW = Habits(answers="now", ship_ms=600_000)
NEVER = Habits(answers="now", refuses=1.0)


def changed(**fields: object) -> Wish:
    return Wish(**{name: getattr(WISH, name) for name in Wish.__struct_fields__} | fields)


class People:
    """A shop with two articles, and the people in it."""

    def __init__(self, container) -> None:
        self.container = container
        self.doors = Doors(
            submit=container.write_path.submit,
            checkout=container.checkout.take,
            reads=container.store.reads,
        )
        self.bought = []
        chance = Random(1)
        self.shoppers = Shoppers(
            self.doors,
            lambda: WISH,
            lambda order, wish: self.bought.append((order, wish)),
            per_s=1e6,
            chance=chance,
            pause_s=0,
        )
        self.aftercare = Aftercare(self.doors, SystemClock(), chance, look_s=0.05)

    async def stock(self, units=10):
        await self.all(RegisterSupplier(id="kiln", name="Kiln"))
        for sku in ("A", "B"):
            await self.all(
                PutOffer(sku=sku, supplier="kiln", cost_minor=500, currency="EUR"),
                ReportStock(sku=sku, supplier="kiln", quantity=units),
            )
        while len(await self.doors.documents("price", ["A", "B"])) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # prices follow by a consumer

    async def all(self, *commands: Command):
        for command in commands:
            outcome = await self.container.write_path.submit(
                Envelope(command=command, key=new_id())
            )
            assert outcome.ok, outcome.body

    async def order(self, order_id):
        return (await self.doors.documents("order", [order_id]))[order_id]

    async def until(self, order_id, *statuses: OrderStatus):
        async with asyncio.timeout(120):
            while (order := await self.order(order_id))["status"] not in statuses:
                await self.aftercare.step()
        return order


@pytest.fixture
def habits():
    return PROMPT


@pytest.fixture
async def people(tmp_path, database_url, habits):
    options = ServeOptions(
        data=tmp_path,
        database_url=database_url,
        suppliers="simulator",
        world=World(habits={"kiln": habits}),
    )
    with capture_logs():
        async with open_container(options) as container:
            container.app()
            people = People(container)
            await people.stock()
            yield people
            await people.shoppers.close()


async def test_a_shopper_buys_and_the_order_goes_its_way_to_the_door(people):
    order_id = await people.shoppers.shop(WISH)
    people.aftercare.add(order_id, WISH)
    order = await people.until(order_id, "delivered")
    assert [(line["sku"], line["quantity"]) for line in order["lines"]] == [("A", 1), ("B", 2)]
    while people.aftercare.waiting:
        await people.aftercare.step()


async def test_a_shopper_who_leaves_buys_nothing(people):
    assert await people.shoppers.shop(changed(leaves=True)) is None


async def test_a_shopper_without_what_was_wanted_leaves(people):
    assert await people.shoppers.shop(changed(lines=(("NOTHING", 1),))) is None


async def test_a_declined_shopper_takes_another_card_or_leaves(people):
    assert await people.shoppers.shop(changed(card="card_declined")) is None
    order_id = await people.shoppers.shop(changed(card="card_declined", second_card="card"))
    assert (await people.order(order_id))["status"] != "failed"


async def test_a_greedy_shopper_takes_what_there_is(people):
    order_id = await people.shoppers.shop(changed(lines=(("A", GREEDY_UNITS),)))
    assert (await people.order(order_id))["lines"][0]["quantity"] == 10
    assert await people.shoppers.shop(changed(lines=(("A", 1),))) is None


async def test_a_payment_that_takes_its_time_is_followed(people):
    order_id = await people.shoppers.shop(changed(card="card_pending"))
    people.aftercare.add(order_id, WISH)
    await people.until(order_id, "delivered")


async def test_something_is_sent_back_and_paid_back(people):
    order_id = await people.shoppers.shop(changed(returns=True))
    people.aftercare.add(order_id, changed(returns=True))
    async with asyncio.timeout(120):
        while not (await people.order(order_id))["refunded_minor"]:
            await people.aftercare.step()


@pytest.mark.parametrize("habits", [SLOW])
async def test_an_order_is_regretted(people):
    order_id = await people.shoppers.shop(changed(regrets=True))
    people.aftercare.add(order_id, changed(regrets=True))
    order = await people.until(order_id, "cancelled")
    assert order["refunded_minor"] in (0, order["total_minor"])


@pytest.mark.parametrize("habits", [NEVER])
async def test_a_conflict_is_chosen_about_after_a_while(people, monkeypatch):
    monkeypatch.setattr("shopwire.services.demo.aftercare.PATIENCE_MS", 0)
    order_id = await people.shoppers.shop(changed(lines=(("A", 1),)))
    people.aftercare.add(order_id, WISH)
    async with asyncio.timeout(120):
        while not (line := (await people.order(order_id))["lines"][0])["conflict"]:
            assert line["state"] not in {"shipped", "delivered"}
            await asyncio.sleep(0.02)  # the supplier refuses by itself
        conflict = line["conflict"]
        while (found := await people.doors.documents("conflict", [conflict]))[conflict][
            "status"
        ] == "open":
            await people.aftercare.step()
    assert found[conflict]["choice"] in {"wait", "cancel", "replace"}


async def test_shoppers_come_in_at_random_moments_and_are_told_of(people):
    for _ in range(3):
        await people.shoppers.step()
    async with asyncio.timeout(120):
        while len(people.bought) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # they shop by themselves
    assert len({order for order, _ in people.bought}) == 3


def test_wishes_are_popular_articles_and_all_kinds_of_shoppers():
    skus = [offer.sku for offer in catalogue().offers if offer.supplier == "kiln-co"]
    maker = Wishes(skus, Random(7))
    wishes = [maker.next() for _ in range(2_000)]
    wanted: dict[str, int] = {}
    for wish in wishes:
        for sku, _ in wish.lines:
            wanted[sku] = wanted.get(sku, 0) + 1
    assert max(wanted, key=wanted.__getitem__) in skus[:3]
    assert {len(wish.lines) for wish in wishes} == {1, 2, 3, 4}
    for name in ("leaves", "regrets", "returns"):
        assert {getattr(wish, name) for wish in wishes} == {True, False}
    assert any(quantity == GREEDY_UNITS for wish in wishes for _, quantity in wish.lines)
    assert len({wish.card for wish in wishes}) > 5
