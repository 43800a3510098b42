"""A payment provider that does what a test says, and a shop that is paid through it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from tests.orders.world import ADDRESS, World, postgres_world

from shopwire.kernel.activities import Job
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Outcome
from shopwire.kernel.payments import Authorisation, Charge, Standing
from shopwire.kernel.trade_errors import ProviderUnavailable
from shopwire.modules.orders.domain import ASK_MS_MIN
from shopwire.modules.orders.store import UNFINISHED
from shopwire.services.checkout_door import CheckoutDoor
from shopwire.services.completion import Completion


class Clock(SystemClock):
    """The machine's clock, which a test may put forward."""

    ahead_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


class Provider:
    """Takes each charge once. `decides` says what comes of it; the default approves."""

    name = "simulator"

    def __init__(self) -> None:
        self.decides: Callable[[Charge], Authorisation] = approve
        self.known: dict[str, Authorisation] = {}
        self.asked: list[str] = []
        self.before: Callable[[Charge], Awaitable[None]] = nothing
        """What happens before a charge is taken; may raise."""
        self.after: Callable[[Charge], Awaitable[None]] = nothing
        """What happens before the answer is given; may raise."""
        self.fetches: Callable[[Charge], Awaitable[None]] = nothing

    async def authorise(self, charge: Charge) -> Authorisation:
        self.asked.append(charge.id)
        await self.before(charge)
        answer = self.known.setdefault(charge.id, self.decides(charge))
        await self.after(charge)
        return answer

    async def fetch(self, charge: Charge) -> Standing:
        await self.fetches(charge)
        return Standing(authorisation=self.known.get(charge.id))


async def nothing(charge: Charge) -> None:
    pass


async def away(charge: Charge) -> None:
    raise ProviderUnavailable(provider="simulator", retry_ms=1)


def approve(charge: Charge) -> Authorisation:
    return Authorisation(
        state="approved",
        reference=f"pay_{charge.id}",
        amount_minor=charge.amount_minor,
        currency=charge.currency,
    )


def decline(charge: Charge) -> Authorisation:
    return Authorisation(
        state="declined", reference=f"pay_{charge.id}", reason="insufficient_funds"
    )


def leave_open(charge: Charge) -> Authorisation:
    return Authorisation(state="pending", reference=f"pay_{charge.id}", next_url="https://bank/3ds")


class Till(World):
    """A world with a checkout door, a provider and a sweep."""

    def __init__(self, world: World, authorise_ms_max: int) -> None:
        super().__init__(world.shop)
        self.clock = Clock()
        self.provider = Provider()
        providers: dict[str, Any] = {"simulator": self.provider}
        write_path, reads = self.shop.write_path, self.shop.reads
        self.completion = Completion(write_path, reads, providers, self.clock)
        self.door = CheckoutDoor(
            write_path,
            reads,
            providers,
            self.completion,
            self.clock,
            provider="simulator",
            authorise_ms_max=authorise_ms_max,
        )

    async def buy(self, key: str = "key-1", **more: Any) -> Outcome:
        """One request at the door."""
        return await self.door.take(key, body(**more))

    async def sweep(self) -> None:
        """One round of the sweep over everything that is due."""
        now_ms = self.clock.now_ms()
        for row in await self.shop.reads.fetch(UNFINISHED, 100):
            if row["due_ms"] <= now_ms:
                job = Job(**row)
                for command in await self.completion.finish(job):
                    await self.do(command, principal="activity:orders.finish_checkout")

    async def sweep_until_decided(self) -> None:
        """The sweep's rounds, each at the moment for which it is due."""
        for _ in range(50):
            rows = await self.shop.reads.fetch(UNFINISHED, 100)
            if not rows:
                return
            # The database's clock stands still beside the one that is put forward.
            ahead = rows[0]["due_ms"] - self.clock.now_ms()
            self.clock.ahead_ms += max(ASK_MS_MIN, ahead)
            await self.sweep()
        raise AssertionError("the sweep goes on for ever")


def body(**more: Any) -> bytes:
    fields: dict[str, Any] = {
        "currency": "EUR",
        "email": "ada@example.org",
        "address": msgspec.to_builtins(ADDRESS),
        "method": "card",
    }
    if "lines" not in more:
        fields["cart_id"] = "cart-0001"
    return msgspec.json.encode(fields | more)


def bought(sku: str = "A", quantity: int = 1, price_minor: int = 2_095) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity, "price_minor": price_minor}


@asynccontextmanager
async def till(dsn: str, *, authorise_ms_max: int = 2_000) -> AsyncIterator[Till]:
    """A shop on PostgreSQL that can be bought in."""
    async with postgres_world(dsn) as world:
        yield Till(world, authorise_ms_max)


async def held_up(charge: Charge) -> None:
    await asyncio.Event().wait()
