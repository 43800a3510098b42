"""A shop that sells: prices and stock are there, consumers are pumped by hand."""

import itertools
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from tests.modules.shop import Shop, memory_shop, postgres_shop

from shopwire.kernel.commands import Command, Envelope, Outcome
from shopwire.kernel.payments import Authorisation
from shopwire.modules.carts.api import PutLine, SetPart
from shopwire.modules.inventory.api import ReportStock
from shopwire.modules.orders.api import (
    Address,
    CompleteOrder,
    FailCheckout,
    OrderLine,
    StartCheckout,
)
from shopwire.modules.pricing.api import ApplyCost, PriceRules, PutRules
from shopwire.services.parts import MODULES

CART = "cart-0001"
ORDER = f"{CART}.1"
ADDRESS = Address(
    name="Ada Lovelace",
    lines=("12 St James's Square",),
    postal_code="SW1Y 4JH",
    city="London",
    country="GB",
)
PRICE = 2_095
"""Of every article here: its cost is 10.00, doubled and rounded up to .95."""


class World:
    """Sends commands and lets the consumers follow."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self._at: dict[int, int] = {}
        self._keys = itertools.count()
        self.refused: list[tuple[Command, Any]] = []
        """What a consumer's command was refused with: there should be nothing."""

    async def do(self, command: Command, key: str | None = None, principal: str = "system") -> Any:
        """One command; raises AssertionError where it is refused. Returns the result."""
        outcome = await self.ask(command, key, principal)
        assert outcome.ok, outcome.body
        return msgspec.json.decode(outcome.body)["result"]

    async def ask(
        self, command: Command, key: str | None = None, principal: str = "system"
    ) -> Outcome:
        """One command, whatever comes of it."""
        key = key or f"world-{next(self._keys)}"
        return await self.shop.write_path.submit(
            Envelope(command=command, key=key, principal=principal)
        )

    async def refusal(self, command: Command, key: str | None = None) -> Any:
        """The error with which a command is refused."""
        outcome = await self.ask(command, key)
        assert not outcome.ok, outcome.body
        return msgspec.json.decode(outcome.body)

    async def pump(self) -> None:
        """Lets all consumers follow until nothing new happens."""
        consumers = [one for module in MODULES for one in module.consumers if one.react]
        while True:
            heads = await self.shop.log.heads()
            moved = False
            for partition, end in enumerate(heads.next):
                at = self._at.get(partition, 0)
                if at >= end:
                    continue
                moved = True
                for event in await self.shop.log.read(partition, at, 500):
                    at = event.position.offset + 1
                    for consumer in consumers:
                        if event.event_type in consumer.event_types:
                            await self._follow(consumer, event)
                self._at[partition] = at
            if not moved:
                return

    async def _follow(self, consumer: Any, event: Any) -> None:
        for number, command in enumerate(consumer.react(event)):
            place = event.position
            outcome = await self.ask(
                command,
                f"{place.epoch}/{place.partition}/{place.offset}/{number}",
                f"consumer:{consumer.name}",
            )
            if not outcome.ok:
                self.refused.append((command, msgspec.json.decode(outcome.body)))

    async def order(self, order_id: str = ORDER) -> Any:
        """The order's document."""
        return await self.shop.document(f"order:{order_id}")

    async def stock(self, sku: str = "A") -> int:
        """Units that can be sold."""
        return (await self.shop.document(f"stock:{sku}"))["available"]

    # -- the way to an order -------------------------------------------------------------------

    async def article(self, sku: str = "A", **units: int) -> None:
        """A price, and units at suppliers."""
        await self.do(
            ApplyCost(
                sku=sku,
                supplier="any",
                cost_minor=1_000,
                currency="EUR",
                lead_time_days=None,
                map_minor=None,
                msrp_minor=None,
                active=True,
            )
        )
        for supplier, quantity in units.items():
            await self.do(ReportStock(sku=sku, supplier=supplier, quantity=quantity))

    async def put(self, sku: str = "A", quantity: int = 1, cart: str = CART, **more: Any) -> Any:
        """An article into a cart."""
        return await self.do(put_line(sku, quantity, cart, **more))

    async def start(self, **more: Any) -> Any:
        """A checkout of one article; the cart is filled before."""
        command = start(**more)
        if command.has_cart:
            for line in command.lines:
                parts = tuple(line.parts)
                await self.put(line.sku, line.quantity, command.cart_id, parts=parts)
        return await self.do(command, principal="checkout")

    async def complete(self, order_id: str = ORDER, **more: Any) -> Any:
        """The provider approved."""
        return await self.do(await self.completing(order_id, **more), f"complete/{order_id}")

    async def completing(self, order_id: str = ORDER, **more: Any) -> CompleteOrder:
        """The command that completes an order."""
        order = await self.order(order_id)
        fields = {
            "order_id": order_id,
            "skus": tuple(order["skus"]),
            "reference": f"pay_{order_id}",
            "amount_minor": order["total_minor"],
            "currency": order["currency"],
        }
        return CompleteOrder(**(fields | more))

    async def fail(self, order_id: str = ORDER, **more: Any) -> Any:
        """The provider declined."""
        order = await self.order(order_id)
        fields = {"order_id": order_id, "skus": tuple(order["skus"]), "reason": "declined"}
        return await self.do(FailCheckout(**(fields | more)))

    async def placed(self, **more: Any) -> str:
        """An order that is placed and of which everybody has heard; returns its id."""
        command = start(**more)
        await self.start(**more)
        await self.complete(command.order_id)
        await self.pump()
        return command.order_id


def put_line(sku: str = "A", quantity: int = 1, cart: str = CART, **more: Any) -> PutLine:
    fields: dict[str, Any] = {
        "cart_id": cart,
        "shopper": "shopper-1",
        "sku": sku,
        "quantity": quantity,
        "accepted_minor": PRICE,
        "currency": "EUR",
    }
    return PutLine(**(fields | more))


def lines(*skus: tuple[str, int]) -> tuple[OrderLine, ...]:
    return tuple(
        OrderLine(sku=sku, title=f"Article {sku}", quantity=quantity, price_minor=PRICE)
        for sku, quantity in skus
    )


def a_set(sku: str, quantity: int, **parts: int) -> OrderLine:
    return OrderLine(
        sku=sku,
        title=f"Set {sku}",
        quantity=quantity,
        price_minor=PRICE,
        parts=tuple(SetPart(sku=part, quantity=count) for part, count in parts.items()),
    )


def start(**more: Any) -> StartCheckout:
    fields: dict[str, Any] = {
        "order_id": ORDER,
        "cart_id": more.get("order_id", ORDER).rpartition(".")[0],
        "shopper": "shopper-1",
        "lines": lines(("A", 1)),
        "currency": "EUR",
        "email": "ada@example.org",
        "address": ADDRESS,
        "method": "card",
        "provider": "simulator",
    }
    return StartCheckout(**(fields | more))


def approved(order: Any) -> Authorisation:
    return Authorisation(
        state="approved",
        reference=f"pay_{order['id']}",
        amount_minor=order["total_minor"],
        currency=order["currency"],
    )


async def _prepared(shop: Shop) -> World:
    world = World(shop)
    await world.do(PutRules(rules=PriceRules(compare_at_msrp=False)))
    return world


@asynccontextmanager
async def memory_world() -> AsyncIterator[World]:
    """A world without a database."""
    async with memory_shop() as shop:
        yield await _prepared(shop)


@asynccontextmanager
async def postgres_world(dsn: str, own_handlers: list[Any] | None = None) -> AsyncIterator[World]:
    """A world on a migrated database."""
    async with postgres_shop(dsn, own_handlers) as shop:
        yield await _prepared(shop)


def states_of(order: Any) -> dict[str, dict[str, int]]:
    """Units by state, a line each."""
    return {line["sku"]: line["units"] for line in order["lines"]}


def names_of(events: Iterable[Any], topic: str) -> list[str]:
    return [event.event_type for event in events if event.topic == topic]
