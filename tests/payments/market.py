"""A whole shop that is paid through the simulated provider: door, webhooks, activities, sweep."""

import base64
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tests.orders.paying import Clock, body
from tests.orders.world import World, postgres_world

from shopwire.adapters.payments import MemoryBook, Simulator
from shopwire.adapters.payments.books import Entry
from shopwire.kernel.activities import Activity, Job
from shopwire.kernel.commands import Envelope, Outcome
from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.trade_errors import ProviderUnavailable
from shopwire.modules.orders.store import UNFINISHED
from shopwire.modules.payments.activities import activities
from shopwire.modules.payments.store import CHECKS
from shopwire.services.checkout_door import CheckoutDoor
from shopwire.services.completion import Completion
from shopwire.services.webhook_door import WebhookDoor

SECRET = "whsec_" + base64.b64encode(b"the simulated provider's secret").decode()


class Market(World):
    """See Simulator for what can be told to a card; time passes only when a test says so."""

    def __init__(self, world: World, **told: Any) -> None:
        super().__init__(world.shop)
        self.clock = Clock()
        self.simulator = Simulator(
            [SECRET], book=told.pop("book", MemoryBook()), deliver=self._deliver,
            clock=self.clock, sleep=self._sleep, **told,
        )  # fmt: skip
        providers = {"simulator": self.simulator}
        write_path, reads = self.shop.write_path, self.shop.reads
        self.completion = Completion(write_path, reads, providers, self.clock)
        self.checkout = CheckoutDoor(
            write_path,
            reads,
            providers,
            self.completion,
            self.clock,
            provider="simulator",
            authorise_ms_max=500,
        )
        self.webhooks = WebhookDoor(
            write_path, reads, providers, self.completion.complete, self.clock
        )
        self.activities = activities(providers)
        self.outcomes: list[str] = []
        """What became of each webhook."""
        self.troubles: list[str] = []
        """Jobs that have to be done again."""
        self._tries = itertools.count()

    async def _deliver(self, headers: Mapping[str, str], body: bytes) -> int:
        try:
            self.outcomes.append(await self.webhooks.take("simulator", headers, body))
        except ShopwireError as problem:
            self.outcomes.append(type(problem).__name__)
            return problem.status
        return 200

    async def _sleep(self, _seconds: float) -> None:
        """Whoever waits, waits no longer than the test does."""

    async def buy(self, cart: str = "cart-0001", method: str = "card", **more: Any) -> Outcome:
        return await self.checkout.take(f"buy-{cart}", body(cart_id=cart, method=method, **more))

    async def settle(self) -> None:
        """Lets consumers, activities, webhooks and the sweep go on until all is quiet."""
        quiet = 0
        while quiet < 2:
            await self.simulator.courier.settled()
            await self.pump()
            done = [await self.work(activity) for activity in self.activities]
            done.append(await self.sweep())
            await self.simulator.courier.settled()
            quiet = 0 if any(done) else quiet + 1

    async def work(self, activity: Activity) -> int:
        """One round over the open jobs of an activity; returns how many there were."""
        rows = await self.shop.reads.fetch(activity.due, 1_000)
        for row in rows:
            await self.perform(activity, Job(**row))
        return len(rows)

    async def perform(self, activity: Activity, job: Job) -> None:
        """One job, as the runner does it."""
        try:
            commands = await activity.perform(job)
        except ProviderUnavailable as problem:
            self.troubles.append(f"{activity.name} {job.id}: {type(problem).__name__}")
            return
        for command in commands:
            envelope = Envelope(
                command=command,
                key=f"{job.id}/{next(self._tries)}",
                principal=f"activity:{activity.name}",
            )
            outcome = await self.shop.write_path.submit(envelope)
            assert outcome.ok, outcome.body

    async def sweep(self) -> int:
        """Goes to the next moment at which somebody has to ask the provider, and asks."""
        rows = await self.shop.reads.fetch(UNFINISHED, 1_000)
        for row in rows:
            job = Job(**row)
            self.clock.ahead_ms += max(0, job.due_ms - self.clock.now_ms())
            for command in await self.completion.finish(job):
                await self.do(command, principal="activity:orders.finish_checkout")
        return len(rows)

    async def payment(self, order_id: str = "cart-0001.1") -> Any:
        return await self.shop.document(f"payment:{order_id}")

    def entry(self, order_id: str = "cart-0001.1") -> Entry:
        (found,) = [one for one in self.simulator.book.entries() if one.id == order_id]
        return found

    async def drifts(self) -> list[Any]:
        return [drift for check in CHECKS for drift in await check.run(self.shop.reads)]


@asynccontextmanager
async def market(dsn: str, **told: Any) -> AsyncIterator[Market]:
    async with postgres_world(dsn) as world:
        shop = Market(world, **told)
        try:
            yield shop
        finally:
            await shop.simulator.close()
