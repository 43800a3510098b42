"""Whole checkouts: carts, stock, money and purchase orders, all of them with trouble of their own.

The doors, the completion, the consumers and the activities are the ones that serve the shop.
Provider and suppliers are the simulated ones, with cards and habits that make trouble, and with
books of their own: what they say at the end has to be what the shop says.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from typing_extensions import override

from shopwire.adapters.payments import Simulator
from shopwire.adapters.suppliers import Habits, SimulatedSuppliers
from shopwire.kernel.commands import Command, Envelope, Outcome
from shopwire.kernel.payments import PaymentProvider
from shopwire.kernel.purchasing import ShipTo
from shopwire.kernel.rows import Row
from shopwire.kernel.storage import Claim
from shopwire.modules.carts.api import AcceptPrices, PutLine
from shopwire.modules.inventory.api import ReportStock
from shopwire.modules.inventory.domain import Pool, StockHold
from shopwire.modules.orders.activities import activities as order_activities
from shopwire.modules.orders.api import CancelOrder, Choice, SettleConflict
from shopwire.modules.orders.domain import Conflict, Order
from shopwire.modules.orders.store import read_contact
from shopwire.modules.payments.activities import activities as payment_activities
from shopwire.modules.payments.domain import Movement
from shopwire.modules.pricing.api import Accepted, Markup, PriceRules, PutRules
from shopwire.modules.shipping.activities import activities as shipping_activities
from shopwire.modules.shipping.activities import ship_to_of
from shopwire.modules.shipping.api import OpenReturn, ReceiveReturn, SetSupplierRules, Units
from shopwire.modules.shipping.domain import PurchaseOrder
from shopwire.modules.suppliers.api import PutOffer
from shopwire.services.activities import Activities
from shopwire.services.carrier_door import carrier_routes
from shopwire.services.checkout_door import CheckoutDoor
from shopwire.services.completion import Completion
from shopwire.services.consumers import Consumers
from shopwire.services.parts import MODULES
from shopwire.services.supplier_door import supplier_routes
from shopwire.services.webhook_door import WebhookDoor
from shopwire.testing.checkers import Finding
from shopwire.testing.simulation.books import check_books
from shopwire.testing.simulation.checkout_world import HalfDone, SimRouter, habits_of, note
from shopwire.testing.simulation.cluster import Server, error_of
from shopwire.testing.simulation.database import Head
from shopwire.testing.simulation.ledgers import POOL_RULES, check_stock
from shopwire.testing.simulation.outside import RemoteProvider, RemoteSuppliers
from shopwire.testing.simulation.reads import SimLeader, SimReads
from shopwire.testing.simulation.trade_reads import trade_twins
from shopwire.testing.simulation.world import Workload, World

SUPPLIERS: Final = ("north", "south")
SECRET: Final = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"  # noqa: S105 - nobody's
CARDS: Final = (
    *["card"] * 6, "card_declined", "card_slow", "card_too_slow", "card_away", "card_lost",
    "card_pending", "card_pending_declined", "card_pending_silent", "card_told_first",
    "card_told_twice", "card_told_reversed", "card_told_late", "card_never_told",
    "card_lost_and_never_told",
)  # fmt: skip
ADDRESS: Final = {
    "name": "A. Person", "lines": ["Street 1"], "postal_code": "1", "city": "C", "country": "NL",
}  # fmt: skip
LEFT_OUT: Final = frozenset({"pricing.rules"})
"""Consumers that read tables which nothing here fills."""


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What one server has beside its write path."""

    checkout: CheckoutDoor
    webhooks: WebhookDoor
    notices: Mapping[str, Callable[[Any, str], Awaitable[Any]]]
    """The doors of suppliers and carriers, by the word in their path."""
    consumers: Consumers


class _Notice:
    """As much of a request as those doors look at."""

    def __init__(self, headers: Mapping[str, str], body: bytes) -> None:
        self.headers, self._body = headers, body

    async def body(self) -> bytes:
        return self._body


class CheckoutWorkload(Workload):
    """A few shoppers with carts, two suppliers, a provider, and everything that can go wrong."""

    handlers = tuple(handler for module in MODULES for handler in module.handlers)
    constraints = POOL_RULES
    partitions = (1, 2)
    servers = (1, 2)
    may_repeat = ("order", "payment", "cart", "stock", "purchase_order")
    wanted = (
        "placed at once", "placed later", "a card was declined", "a price had moved",
        "a checkout was refused as short", "a checkout timed out", "an order was cancelled",
        "a supplier refused units", "units came from elsewhere", "promised units were short",
        "a request came twice", "a message was lost", "a commit's answer was lost",
        "killed at a statement", "killed after a commit that nobody was told of",
        "killed at a random moment", "paused at a random moment", "money went back",
        "a purchase order was planned with its sale", "a purchase order was planned afterwards",
        "a batch of several partitions was decided ahead",
    )  # fmt: skip

    def __init__(self, *, shoppers: int = 3, turns: int = 2) -> None:
        self.shoppers, self.turns = shoppers, turns
        self._office = Head()
        self._twins = trade_twins()
        self.provider: Simulator
        self.suppliers: SimulatedSuppliers
        self.habits = Habits()
        self.answers: dict[str, list[Outcome]] = {}
        """What the checkout's door said to stay, by idempotency key."""

    @override
    def open(self, world: World) -> None:
        """The world outside."""
        rng, clock = world.rng, world.database.clock

        async def bring(headers: Mapping[str, str], body: bytes) -> int:
            lower = {name.lower(): value for name, value in headers.items()}

            async def take(server: Server) -> Outcome:
                word = await server.desk.webhooks.take("simulator", lower, body)
                return Outcome(status=200, body=word.encode())

            outcome = await world.cluster.ask(take)
            return outcome.status if outcome else 0

        slowness = rng.choice([1, 1, 30])  # a bank that takes longer than a checkout may
        self.half_done = HalfDone(bank_is_slow=slowness > 1)

        async def sleep(seconds: float) -> None:
            await asyncio.sleep(seconds * slowness)

        async def tell(path: str, headers: Mapping[str, str], body: bytes) -> int:
            *_, kind, name = path.split("/")

            async def take(server: Server) -> Outcome:
                answer = await server.desk.notices[kind](_Notice(headers, body), name)
                world.sometimes(f"{kind} told something")
                return Outcome(status=answer.status_code or 200, body=answer.content)

            outcome = await world.cluster.ask(take)
            return outcome.status if outcome else 0

        self.provider = Simulator(
            [SECRET], deliver=bring, clock=clock, sleep=sleep, answer_ms_max=5_000
        )
        self.habits = habits_of(world)
        self.suppliers = SimulatedSuppliers(
            seed=rng.randrange(1_000),
            clock=clock,
            habits=self.habits,
            deliver=tell,
            secret_of=lambda _source: SECRET,
        )

    @override
    def companion(self, world: World, server: Server) -> Sequence[Any]:
        """Doors, consumers and activities, as the composition root puts them together."""
        database, path, log = world.database, server.write_path, world.cluster.log
        reads = SimReads(database, server.process, self._twins)
        providers: dict[str, PaymentProvider] = {"simulator": RemoteProvider(self.provider)}
        clock = database.clock
        completion = Completion(path, reads, providers, clock)
        router = SimRouter(world.rng, SUPPLIERS)
        followed = [
            consumer
            for module in MODULES
            for consumer in module.consumers
            if consumer.name not in LEFT_OUT
        ]
        consumers = Consumers(log, path, reads, followed)
        server.desk = Desk(
            checkout=CheckoutDoor(
                path, reads, providers, completion, clock, provider="simulator", router=router
            ),
            webhooks=WebhookDoor(path, reads, providers, completion.complete, clock),
            notices={
                "suppliers": supplier_routes(path, _secrets, clock)[0].fn,
                "carriers": carrier_routes(path, reads, _secrets, clock)[0].fn,
            },
            consumers=consumers,
        )

        async def address_of(tenant: str, order_id: str) -> ShipTo | None:
            contact = await read_contact(reads, tenant, order_id)
            return None if contact is None else ship_to_of(msgspec.structs.asdict(contact[1]))

        work = [
            *(one for module in MODULES for one in module.activities),
            *order_activities(completion.finish),
            *payment_activities(providers),
            *shipping_activities(RemoteSuppliers(self.suppliers), address_of),
        ]
        leader = SimLeader(self._office, server.process)
        return [consumers.run(), Activities(log, path, reads, work, clock, leader).run()]

    @override
    async def work(self, world: World) -> None:
        """Shelves are filled while everything still works; then come the shoppers."""
        faults, world.database.faults = world.database.faults, type(world.database.faults)()
        skus = [f"SKU-{number}" for number in range(world.rng.choice([1, 2]))]
        shop = Shopkeeper(world, skus)
        await shop.open()
        world.database.faults = faults
        count = world.rng.randint(2, self.shoppers)
        await asyncio.gather(
            *(Shopper(world, self, f"shopper{n}", skus).work(self.turns) for n in range(count)),
            shop.work(self.turns),
        )

    @override
    async def settle(self, world: World) -> None:
        """Somebody chooses where somebody has to; everything else comes to its end by itself."""
        operator = Shopkeeper(world, ())
        while True:
            await asyncio.sleep(5)
            await self.provider.courier.settled()
            await self.suppliers.settled()
            for conflict in world.rows(Conflict):
                if conflict.status == "open":
                    await operator.settle(conflict)
            if not self.unsettled(world) and await self.followed_up(world):
                return

    def unsettled(self, world: World) -> list[str]:
        """What is still on its way, in words."""
        orders, holds = world.rows(Order), world.rows(StockHold)
        found = [f"order {one.order_id}" for one in orders if one.status == "checking_out"]
        found += [f"hold {one.hold_id}" for one in holds if one.state == "pending"]
        found += [f"{m.kind} {m.order_id}" for m in world.rows(Movement) if m.state == "requested"]
        found += [f"conflict {c.conflict_id}" for c in world.rows(Conflict) if c.status == "open"]
        ended = {"cancelled", "refused"}
        open_steps = {"planned", "sending", "timed_out", "sent"}
        shipping = not self.habits.keeps
        if shipping:
            ended |= {"shipped", "delivered"}
        return found + [
            f"purchase order {one.id} {one.step} {one.status}"
            for one in world.rows(PurchaseOrder)
            if one.status not in ended and (shipping or one.step in open_steps)
        ]

    async def followed_up(self, world: World) -> bool:
        """Whether every consumer has taken everything, and nothing came of it."""
        before = [len(events) for events in world.events]
        for server in world.cluster.servers:
            if server.process.alive and server.desk is not None:
                await server.desk.consumers.catch_up(before)
        return before == [len(events) for events in world.events] and not self.unsettled(world)

    @override
    def watch(
        self,
        world: World,
        rows: Mapping[type[Row], Sequence[Row]],
        answers: Sequence[tuple[Claim, Outcome]],
    ) -> list[Finding]:
        """No pool is ever beyond its limit, and no order half-done for long after the faults."""
        note(world, rows)
        return self.half_done.saw(world, rows) + [
            Finding(check="bounds", where="/".join(row.key), reason=broken)
            for row in rows.get(Pool, ())
            if (broken := POOL_RULES[Pool](row)) is not None
        ]

    @override
    def check(self, world: World) -> list[Finding]:
        """Stock, orders, money and purchase orders say the same, and so do the books outside."""
        same = [
            Finding(check="effects", where=key, reason=f"answered {one.body!r} and {other.body!r}")
            for key, (one, *more) in self.answers.items()
            for other in more
            if (one.status, one.body) != (other.status, other.body)
        ]
        books = check_books(world, self.provider.book.entries(), self.suppliers.book.entries())
        return [*check_stock(world), *books, *same]


def _secrets(_source: str) -> Sequence[str]:
    """Everybody signs with the same."""
    return (SECRET,)


class _Caller:
    """Somebody who sends commands, each under a key of its own until it is answered."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.rng, self.name = world, world.rng, name
        self._number = 0

    async def ask(self, command: Command, principal: str | None = None) -> Outcome:
        self._number += 1
        envelope = Envelope(
            command=command, key=f"{self.name}-{self._number}", principal=principal or self.name
        )
        outcome = await self.world.cluster.send(envelope)
        assert outcome is not None
        return outcome

    async def document(self, topic: str) -> Any:
        found = await self.world.cluster.log.documents("main", [topic])
        return msgspec.json.decode(found[0].body) if found else None


class Shopkeeper(_Caller):
    """Fills the shelves, changes prices and counts, chooses where promised units are short."""

    def __init__(self, world: World, skus: Sequence[str]) -> None:
        super().__init__(world, "shopkeeper" if skus else "operator")
        self.skus = skus

    async def open(self) -> None:
        """Rules, suppliers, offers and stock; returns when there are prices."""
        rules = PriceRules(markups=(Markup(),), ending_minor=None, margin_min_bp=0)
        await self.ask(PutRules(rules=rules))
        for supplier in SUPPLIERS:
            await self.ask(
                SetSupplierRules(
                    supplier=supplier,
                    send_after_ms=self.rng.choice([0, 5_000]),
                    acknowledge_within_ms=10_000,
                    ship_within_ms=20_000,
                )
            )
        for sku in self.skus:
            await self.offer(sku)
            for supplier in SUPPLIERS:
                await self.report(sku, supplier)
        for sku in self.skus:
            # Simulated time: looking again and again costs nothing.
            while await self.document(f"price:{sku}") is None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def offer(self, sku: str) -> None:
        """A cost, and with it a price."""
        cost = self.rng.randint(500, 600)
        await self.ask(PutOffer(sku=sku, supplier=SUPPLIERS[0], cost_minor=cost, currency="EUR"))

    async def report(self, sku: str, supplier: str) -> None:
        """A count that says nothing of its moment."""
        await self.ask(
            ReportStock(sku=sku, supplier=supplier, quantity=self.rng.choice([0, 1, 2, 3, 5, 8]))
        )

    async def work(self, turns: int) -> None:
        """Prices and counts move while people buy."""
        for _ in range(turns):
            await asyncio.sleep(self.rng.random() * 4)
            sku = self.rng.choice(self.skus)
            if self.rng.random() < 0.4:
                await self.offer(sku)
            else:
                await self.report(sku, self.rng.choice(SUPPLIERS))

    async def settle(self, conflict: Conflict) -> None:
        """Replaces if it can, cancels if not."""
        choices: list[Choice] = ["replace", "cancel"]
        choice = self.rng.choice(choices)
        for one in (choice, "cancel"):
            outcome = await self.ask(
                SettleConflict(
                    conflict_id=conflict.conflict_id,
                    sku=conflict.sku,
                    supplier=conflict.supplier,
                    choice=one,
                    by="operator",
                )
            )
            if outcome.ok or error_of(outcome).name != "StockShort":
                return


class Shopper(_Caller):
    """Fills a cart, pays, perhaps turns back."""

    def __init__(
        self, world: World, workload: CheckoutWorkload, name: str, skus: Sequence[str]
    ) -> None:
        super().__init__(world, name)
        self.workload, self.skus = workload, skus

    async def work(self, turns: int) -> None:
        """One cart after the other."""
        for turn in range(turns):
            await asyncio.sleep(self.rng.random() * 2)
            cart = f"cart-{self.name}-{turn}"
            if await self.fill(cart):
                await self.buy(cart)

    async def fill(self, cart: str) -> bool:
        """Whether anything is in it then."""
        filled = False
        for sku in self.rng.sample(self.skus, self.rng.randint(1, len(self.skus))):
            price = await self.document(f"price:{sku}")
            outcome = await self.ask(
                PutLine(
                    cart_id=cart,
                    shopper=self.name,
                    sku=sku,
                    quantity=self.rng.randint(1, 2),
                    accepted_minor=price["amount_minor"],
                    currency=price["currency"],
                )
            )
            filled = filled or outcome.ok
        return filled

    async def buy(self, cart: str) -> None:
        """Tries again where a price moved or a card was declined; two windows may do so at once."""
        for attempt in range(3):
            keys = [f"{cart}-{attempt}"]
            if self.rng.random() < 0.2:
                keys.append(f"{cart}-{attempt}-other-window")
            outcomes = await asyncio.gather(*(self.checkout(cart, key) for key in keys))
            outcome = next((one for one in outcomes if one.ok), outcomes[0])
            if outcome.ok:
                await self.follow(outcome)
                return
            problem = error_of(outcome)
            if problem.name == "PriceMoved":
                self.world.sometimes("a price had moved")
                await self.accept(cart, problem.data["changes"])
            elif problem.name == "PaymentDeclined":
                self.world.sometimes("a card was declined")
            else:
                if problem.name == "StockShort":
                    self.world.sometimes("a checkout was refused as short")
                return

    async def checkout(self, cart: str, key: str) -> Outcome:
        """One window's request, repeated until it is answered."""
        card = self.rng.choice(CARDS)
        asked = {
            "cart_id": cart,
            "currency": "EUR",
            "email": "person@example.org",
            "address": ADDRESS,
            "method": card,
        }
        body = msgspec.json.encode(asked)

        async def take(server: Server) -> Outcome:
            outcome: Outcome = await server.desk.checkout.take(key, body)
            if outcome.status < 400 or not error_of(outcome).temporary:
                self.workload.answers.setdefault(key, []).append(outcome)
            return outcome

        outcome = await self.world.cluster.insist(take)
        assert outcome is not None
        return outcome

    async def accept(self, cart: str, changes: Sequence[Mapping[str, Any]]) -> None:
        """The prices of now."""
        lines = tuple(
            Accepted(
                sku=change["sku"],
                amount_minor=change["amount_minor"],
                currency=change["currency"],
            )
            for change in changes
            if change["amount_minor"] is not None
        )
        await self.ask(AcceptPrices(cart_id=cart, lines=lines))

    async def follow(self, outcome: Outcome) -> None:
        """Looks at the order, and perhaps cancels it, or sends something back."""
        self.world.sometimes("placed at once" if outcome.status == 200 else "placed later")
        order_id = msgspec.json.decode(outcome.body)["result"]["order_id"]
        await asyncio.sleep(self.rng.random() * 10)
        if self.rng.random() < 0.25:
            document = await self.document(f"order:{order_id}")
            cancelled = await self.ask(CancelOrder(order_id=order_id, skus=tuple(document["skus"])))
            if cancelled.ok:
                self.world.sometimes("an order was cancelled")
        elif not self.workload.habits.keeps and self.rng.random() < 0.5:
            await self.send_back(order_id)

    async def send_back(self, order_id: str) -> None:
        """One unit of the first article, as soon as all of it was delivered; it arrives."""
        for _ in range(10):
            await asyncio.sleep(5)
            document = await self.document(f"order:{order_id}")
            if document["status"] == "delivered":
                lines = (Units(sku=document["skus"][0], quantity=1),)
                opened = await self.ask(OpenReturn(order_id=order_id, lines=lines))
                if opened.ok:
                    return_id = msgspec.json.decode(opened.body)["result"]["return"]
                    received = await self.ask(ReceiveReturn(return_id=return_id))
                    if received.ok:
                        self.world.sometimes("something was sent back")
                return
