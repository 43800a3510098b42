"""Simulated shoppers: they fill carts and check out, through the same doors as everybody."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from random import Random
from typing import Any, Final, Protocol

import msgspec
import structlog

from shopwire.kernel.commands import Command, Envelope, Outcome
from shopwire.kernel.errors import ErrorBody, ShopwireError
from shopwire.kernel.identity import Caller
from shopwire.kernel.ids import DEFAULT_TENANT, new_id, topic_of
from shopwire.kernel.queries import Reads, load_queries
from shopwire.modules.carts.api import AcceptPrices, PutLine
from shopwire.modules.pricing.api import Accepted
from shopwire.services.demo.wishes import Wish

SHOPPER: Final = "demo-shopper"
PASSERS_BY: Final = Caller(role="operator", subject=SHOPPER)
"""Who buys: the demonstration itself, for people who have no session."""
"""Who sends their commands."""
TRIPS_MAX: Final = 200
"""Shoppers in the shop at once; the next one waits outside."""
TRIES_MAX: Final = 5
"""How often one thing is asked again because the shop could not take it just then."""
PAUSE_S: Final = 4.0
"""How long a shopper looks before the next click, about."""
AGREES_SHARE: Final = 0.7
"""Shoppers who take a price that has moved."""
_STREETS: Final = ("Lindenweg", "Am Hafen", "Mill Lane", "Rue du Lac", "Kirchgasse")
_CITIES: Final = (("10115", "Berlin", "DE"), ("4051", "Basel", "CH"), ("67000", "Strasbourg", "FR"))

_SQL: Final = load_queries("shopwire.services.demo")
_log: Final = structlog.get_logger()
_error: Final = msgspec.json.Decoder(ErrorBody).decode

Submit = Callable[[Envelope], Awaitable[Outcome]]


class Checkout(Protocol):
    """The door of checkouts."""

    def __call__(self, key: str | None, body: bytes, *, caller: Caller) -> Awaitable[Outcome]:
        """See CheckoutDoor.take."""
        ...


class Doors(msgspec.Struct, frozen=True, kw_only=True):
    """What simulated people use of the shop."""

    submit: Submit
    checkout: Checkout
    reads: Reads

    async def send(self, command: Command, key: str, principal: str = SHOPPER) -> Outcome:
        """Sends a command until the shop has taken or refused it."""
        envelope = Envelope(command=command, key=key, principal=principal)
        return await patiently(lambda: self.submit(envelope))

    async def documents(self, kind: str, ids: Iterable[str]) -> dict[str, Any]:
        """What screens show of things that exist, by their ids."""
        topics = {topic_of(kind, own_id): own_id for own_id in ids}
        rows = await self.reads.fetch(_SQL["documents_of"], DEFAULT_TENANT, list(topics))
        found = {topics[row["topic"]]: row["body"] for row in rows}
        return {own_id: document for own_id, document in found.items() if document is not None}


async def patiently(ask: Callable[[], Awaitable[Outcome]]) -> Outcome:
    """Asks again what could not be taken just then; raises ShopwireError after the last try."""
    for attempt in range(TRIES_MAX):
        last = attempt == TRIES_MAX - 1
        try:
            outcome = await ask()
        except ShopwireError as problem:
            if last or not problem.temporary:
                raise
            wait_ms = problem.data.get("retry_ms") or 1_000
        else:
            if last or outcome.ok or not (refusal := _error(outcome.body)).temporary:
                return outcome
            wait_ms = refusal.data.get("retry_ms") or 1_000
        await asyncio.sleep(wait_ms / 1_000)
    raise AssertionError("the last try returns or raises")


class Shoppers:
    """Shoppers who come at random moments; `on_bought` hears of their orders."""

    def __init__(
        self,
        doors: Doors,
        next_wish: Callable[[], Wish],
        on_bought: Callable[[str, Wish], None],
        *,
        per_s: float,
        chance: Random,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._doors = doors
        self._next_wish = next_wish
        self._on_bought = on_bought
        self._per_s = per_s
        self._chance = chance
        self._pause_s = pause_s
        self._inside: set[asyncio.Task[None]] = set()

    async def step(self) -> None:
        """Waits for the next shopper, and lets that one in."""
        await asyncio.sleep(self._chance.expovariate(self._per_s))
        while len(self._inside) >= TRIPS_MAX:
            await asyncio.wait(self._inside, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(self._come_in(self._next_wish()))
        self._inside.add(task)
        task.add_done_callback(self._inside.discard)

    async def close(self) -> None:
        """Sends everybody home."""
        inside = list(self._inside)
        for task in inside:
            task.cancel()
        await asyncio.gather(*inside, return_exceptions=True)

    async def _come_in(self, wish: Wish) -> None:
        try:
            order = await self.shop(wish)
        except ShopwireError as problem:
            _log.warning("demo.refused", party="shoppers", reason=str(problem))
            return
        if order is not None:
            self._on_bought(order, wish)

    async def shop(self, wish: Wish) -> str | None:
        """One shopper from the door to the door; the id of an order that stands or may."""
        cart, shopper = new_id(), f"demo-{new_id()[-12:]}"
        filled = [
            sku for sku, quantity in wish.lines if await self._put(cart, shopper, sku, quantity)
        ]
        if wish.leaves or not filled:
            return None
        await self._pause()
        return await self._buy(cart, shopper, wish, set(filled))

    async def _put(self, cart: str, shopper: str, sku: str, quantity: int) -> bool:
        """Puts an article into the cart, or as many as there are."""
        await self._pause()
        price = (await self._doors.documents("price", [sku])).get(sku)
        if price is None:
            return False
        left = await self._put_units(cart, shopper, sku, quantity, price)
        if left is None or left < 1:
            return left is None
        return await self._put_units(cart, shopper, sku, min(left, quantity), price) is None

    async def _put_units(
        self, cart: str, shopper: str, sku: str, quantity: int, price: Any
    ) -> int | None:
        """None where the cart holds them now, else how many there are."""
        line = PutLine(
            cart_id=cart,
            shopper=shopper,
            sku=sku,
            quantity=quantity,
            accepted_minor=price["amount_minor"],
            currency=price["currency"],
        )
        outcome = await self._doors.send(line, f"{cart}/{sku}/{quantity}")
        return None if outcome.ok else int(_error(outcome.body).data.get("available", 0))

    async def _buy(self, cart: str, shopper: str, wish: Wish, skus: set[str]) -> str | None:
        """Checks out; takes what is told meanwhile as people do."""
        card = wish.card
        for attempt in range(TRIES_MAX):
            key, body = f"{cart}/{attempt}", self._request(cart, card)
            outcome = await patiently(partial(self._doors.checkout, key, body, caller=PASSERS_BY))
            if outcome.ok:
                order: str = msgspec.json.decode(outcome.body)["result"]["order_id"]
                return order
            told = _error(outcome.body)
            _log.debug("demo.not_bought", reason=told.name)
            match told.name:
                case "PaymentDeclined" if wish.second_card is not None and card == wish.card:
                    card = wish.second_card
                case "PriceMoved" if self._chance.random() < AGREES_SHARE:
                    if not await self._agree(cart, attempt, told.data["changes"]):
                        return None
                case "StockShort" if len(skus) > 1 and told.data["sku"] in skus:
                    skus.discard(told.data["sku"])
                    await self._take_out(cart, shopper, told.data["sku"])
                case _:
                    return None
            await self._pause()
        return None

    async def _agree(self, cart: str, attempt: int, changes: list[dict[str, Any]]) -> bool:
        if any(change["amount_minor"] is None for change in changes):
            return False
        lines = tuple(
            Accepted(
                sku=change["sku"],
                amount_minor=change["amount_minor"],
                currency=change["currency"],
            )
            for change in changes
        )
        command = AcceptPrices(cart_id=cart, lines=lines)
        return (await self._doors.send(command, f"{cart}/agreed/{attempt}")).ok

    async def _take_out(self, cart: str, shopper: str, sku: str) -> None:
        nothing = PutLine(
            cart_id=cart, shopper=shopper, sku=sku, quantity=0, accepted_minor=1, currency="EUR"
        )
        await self._doors.send(nothing, f"{cart}/{sku}/0")

    def _request(self, cart: str, card: str) -> bytes:
        """Nobody lives there; example.org is nobody's either."""
        code, city, country = self._chance.choice(_CITIES)
        return msgspec.json.encode(
            {
                "cart_id": cart,
                "currency": "EUR",
                "email": f"shopper-{cart[-6:]}@example.org",
                "address": {
                    "name": f"Demo Shopper {cart[-6:]}",
                    "lines": [f"{self._chance.choice(_STREETS)} {self._chance.randint(1, 99)}"],
                    "postal_code": code,
                    "city": city,
                    "country": country,
                },
                "method": card,
            }
        )

    async def _pause(self) -> None:
        await asyncio.sleep(self._chance.uniform(0.3, 1.7) * self._pause_s)
