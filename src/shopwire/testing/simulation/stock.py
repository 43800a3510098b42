"""Shoppers and a supplier on a few SKUs: every answer is held against one register a SKU."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from typing_extensions import override

from shopwire.kernel.commands import Command, Envelope, Outcome
from shopwire.kernel.rows import Row
from shopwire.kernel.storage import Claim
from shopwire.modules.inventory.activities import ACTIVITIES
from shopwire.modules.inventory.api import (
    ExpireHolds,
    HoldLine,
    HoldRef,
    HoldStock,
    Part,
    PostHold,
    PutBundle,
    ReportStock,
    SellStock,
    VoidHold,
)
from shopwire.modules.inventory.commands import HANDLERS
from shopwire.modules.inventory.domain import Pool, StockHold
from shopwire.services.activities import Activities
from shopwire.testing.checkers import Finding, StockRegister, check_linearizable
from shopwire.testing.history import Call
from shopwire.testing.simulation.cluster import Server, error_of
from shopwire.testing.simulation.database import Head
from shopwire.testing.simulation.ledgers import POOL_RULES, check_stock
from shopwire.testing.simulation.reads import SimLeader, SimReads
from shopwire.testing.simulation.world import Workload, World

SUPPLIER: Final = "s"
BUNDLE: Final = "SET"
TTL_MS: Final = (200, 2_000, 20_000)
"""How long holds wait for their payment."""


class StockWorkload(Workload):
    """Hot SKUs of one supplier each, so that there is one register that has to explain all."""

    handlers = HANDLERS
    constraints = POOL_RULES
    partitions = (1, 2, 4)
    servers = (1, 2, 3)
    may_repeat = ()
    wanted = (
        "a sale was refused as short", "a report left less than was promised",
        "a hold was refused as short", "a hold was posted", "a hold was voided",
        "a hold expired", "a hold was posted too late", "a posted hold was to be voided",
        "a hold of several lines",
        "one SKU on two lines", "a set was held",
        "a request came twice", "an answer was repeated", "a message was lost",
        "a commit's answer was lost", "a statement was refused", "killed at a statement",
        "killed after a commit that nobody was told of", "killed at a random moment",
        "paused at a random moment", "a silent transaction was ended by the server",
        "a batch was decided on a turn that was over",
        "a batch was decided before the one before it had committed",
        "refused for now: QueueFull", "refused for now: StorageUnavailable", "a client gave up",
    )  # fmt: skip

    def __init__(self, *, clients: int = 6, turns: int = 8) -> None:
        self.clients, self.turns = clients, turns
        self._office = Head()

    @override
    def open(self, world: World) -> None:
        """Nothing is outside."""

    @override
    def companion(self, world: World, server: Server) -> Sequence[Any]:
        """The sweep of holds whose time is over."""
        runner = Activities(
            world.cluster.log,
            server.write_path,
            SimReads(world.database, server.process),
            [one for one in ACTIVITIES if one.name == "inventory.expire_holds"],
            world.database.clock,
            SimLeader(self._office, server.process),
        )
        return [runner.run()]

    @override
    async def work(self, world: World) -> None:
        """A few clients, each with one wish after the other."""
        skus = [f"SKU-{number}" for number in range(world.rng.choice([1, 2, 3]))]
        if len(skus) > 1:
            parts = tuple(Part(sku=sku, quantity=n) for n, sku in enumerate(skus[:2], 1))
            put = Envelope(command=PutBundle(sku=BUNDLE, parts=parts), key="bundle")
            await world.cluster.send(put)
        supplier = _Client(world, "supplier", skus)
        for sku in skus:
            await supplier.report(sku, world.rng.randint(5, 60))
        clients = world.rng.randint(2, self.clients)
        await asyncio.gather(
            *(_Client(world, f"client{number}", skus).work(self.turns) for number in range(clients))
        )

    @override
    async def settle(self, world: World) -> None:
        """Every hold comes to its end by itself."""
        # Simulated time: looking again and again costs nothing.
        while any(one.state == "pending" for one in world.rows(StockHold)):  # noqa: ASYNC110
            await asyncio.sleep(1)

    @override
    def watch(
        self,
        world: World,
        rows: Mapping[type[Row], Sequence[Row]],
        answers: Sequence[tuple[Claim, Outcome]],
    ) -> list[Finding]:
        """A pool is never beyond its limit; what expires is written into the history."""
        early: list[Finding] = []
        for claim, outcome in answers:
            if claim.operation == "inventory.expire_holds" and outcome.ok:
                early += _note_expiry(world, result_of(outcome)["expired"])
        return early + [
            Finding(check="bounds", where="/".join(row.key), reason=broken)
            for row in rows.get(Pool, ())
            if (broken := POOL_RULES[Pool](row)) is not None
        ]

    @override
    def check(self, world: World) -> list[Finding]:
        """Ledgers, one register a SKU, and what callers know of each sale and hold."""
        calls = world.recorder.calls
        return [
            *check_stock(world),
            *check_linearizable(StockRegister(), calls),
            *_units_add_up(world),
        ]


def _note_expiry(world: World, holds: Sequence[str]) -> list[Finding]:
    """The sweep's effect has one moment: that of its commit, which is now; none comes early."""
    now_ms, early = world.database.clock.now_ms(), []
    for hold in world.rows(StockHold):
        if hold.hold_id in holds:
            world.sometimes("a hold expired")
            if now_ms < hold.expires_at_ms:
                reason = f"ended {hold.expires_at_ms - now_ms} ms before its time"
                early.append(Finding(check="stock", where=hold.hold_id, reason=reason))
            for sku in hold.skus:
                call = world.recorder.began("sweep", sku, "expire", hold=hold.hold_id)
                world.recorder.ok(call, value=True)
    return early


def _units_add_up(world: World) -> list[Finding]:
    """What is sold is what callers were told was sold, and perhaps what nobody knows."""
    findings = []
    holds = {hold.hold_id: hold for hold in world.rows(StockHold)}
    for pool in world.rows(Pool):
        sure, perhaps = dict[str, int](), dict[str, int]()
        for number, call in enumerate(world.recorder.calls):
            if call.key != pool.sku or call.end not in ("ok", "unknown"):
                continue
            units, name = 0, f"sale {number}"
            if call.name == "sell":
                units = call.arguments["units"]
            elif call.name == "post" and call.arguments["hold"] in holds:
                name = call.arguments["hold"]
                units = sum(one.quantity for one in holds[name].taken if one.sku == pool.sku)
            (sure if call.end == "ok" else perhaps)[name] = units
        least, most = sum(sure.values()), sum((perhaps | sure).values())
        if not least <= pool.sold <= most:
            reason = f"{pool.sold} sold, callers know of {least} to {most}"
            findings.append(Finding(check="conservation", where=pool.sku, reason=reason))
    return findings


class _Client:
    """Somebody with a few wishes, one after the other."""

    def __init__(self, world: World, name: str, skus: Sequence[str]) -> None:
        self.world, self.rng, self.name, self.skus = world, world.rng, name, skus
        self._number = 0

    async def work(self, turns: int) -> None:
        for _ in range(turns):
            self._number += 1
            await asyncio.sleep(self.rng.random() * 0.2)
            sku, draw = self.rng.choice(self.skus), self.rng.random()
            if draw < 0.15:
                await self.read(sku)
            elif draw < 0.3:
                await self.report(sku, self.rng.randint(0, 40))
            elif draw < 0.5:
                await self.sell(sku, self.rng.randint(1, 4))
            else:
                await self.buy()

    async def read(self, sku: str) -> None:
        call = self.world.recorder.began(self.name, sku, "read")
        await asyncio.sleep(self.rng.random() * 0.02)
        found = await self.world.cluster.log.documents("main", [f"stock:{sku}"])
        document = msgspec.json.decode(found[0].body) if found else {"available": 0}
        self.world.recorder.ok(call, document["available"])

    async def sell(self, sku: str, units: int) -> None:
        call = self.world.recorder.began(self.name, sku, "sell", units=units)
        outcome = await self.ask(SellStock(sku=sku, quantity=units))
        if outcome is not None and not outcome.ok:
            self.world.sometimes("a sale was refused as short")
        self.ended([call], outcome)

    async def report(self, sku: str, units: int) -> None:
        self._number += 1
        call = self.world.recorder.began(self.name, sku, "report", units=units)
        outcome = await self.ask(ReportStock(sku=sku, supplier=SUPPLIER, quantity=units))
        if outcome is not None and result_of(outcome).get("shortfall"):
            self.world.sometimes("a report left less than was promised")
        self.ended([call], outcome)

    async def buy(self) -> None:
        """Reserves, thinks it over, and then pays, goes back, or forgets about it."""
        hold, ttl_ms = f"{self.name}-{self._number}", self.rng.choice(TTL_MS)
        lines, units = self.basket()
        calls = [
            self.world.recorder.began(self.name, sku, "reserve", hold=hold, units=count)
            for sku, count in units.items()
        ]
        outcome = await self.ask(HoldStock(hold_id=hold, lines=lines, ttl_ms=ttl_ms))
        if outcome is not None and not outcome.ok:
            self.world.sometimes("a hold was refused as short")
        self.ended(calls, outcome)
        if outcome is not None and not outcome.ok:
            return
        await asyncio.sleep(self.rng.random() * ttl_ms * self.rng.choice([0.1, 1.5]) / 1_000)
        if self.rng.random() < 0.2:
            # A sweep whose clock is ahead must end nothing.
            self._number += 1
            await self.ask(ExpireHolds(holds=(HoldRef(hold_id=hold, skus=tuple(units)),)))
        for _ in range(self.rng.choice([0, 1, 1, 1, 2])):
            # Who finishes it may come twice, under a key of its own, and may not even agree.
            await self.finish(hold, tuple(units), self.rng.choice(["post", "post", "void"]))

    def basket(self) -> tuple[tuple[HoldLine, ...], dict[str, int]]:
        """Lines, and how many units of each SKU they come to."""
        skus = [self.rng.choice(self.skus) for _ in range(self.rng.choice([1, 1, 2, 3]))]
        lines = [HoldLine(sku=sku, quantity=self.rng.randint(1, 3)) for sku in skus]
        units: dict[str, int] = {}
        for line in lines:
            units[line.sku] = units.get(line.sku, 0) + line.quantity
        if len(self.skus) > 1 and self.rng.random() < 0.2:
            self.world.sometimes("a set was held")
            parts = tuple(Part(sku=sku, quantity=n) for n, sku in enumerate(self.skus[:2], 1))
            lines.append(HoldLine(sku=BUNDLE, quantity=1, parts=parts))
            for part in parts:
                units[part.sku] = units.get(part.sku, 0) + part.quantity
        if len(units) > 1:
            self.world.sometimes("a hold of several lines")
        if len(set(skus)) < len(skus):
            self.world.sometimes("one SKU on two lines")
        return tuple(lines), units

    async def finish(self, hold: str, skus: tuple[str, ...], how: str) -> None:
        self._number += 1
        calls = [self.world.recorder.began(self.name, sku, how, hold=hold) for sku in skus]
        kind = PostHold if how == "post" else VoidHold
        outcome = await self.ask(kind(hold_id=hold, skus=skus))
        if outcome is not None and outcome.ok:
            self.world.sometimes(f"a hold was {how}ed")
        elif outcome is not None and error_of(outcome).data.get("state") == "expired":
            self.world.sometimes("a hold was posted too late")
        elif outcome is not None and error_of(outcome).data.get("state") == "posted":
            self.world.sometimes("a posted hold was to be voided")
        self.ended(calls, outcome)

    async def ask(self, command: Command) -> Outcome | None:
        envelope = Envelope(command=command, key=str(self._number), principal=self.name)
        tries = 1_000 if self.rng.random() < 0.9 else 2
        return await self.world.cluster.send(envelope, tries_max=tries)

    def ended(self, calls: Sequence[Call], outcome: Outcome | None) -> None:
        """What the caller learnt; a refusal speaks of one SKU only."""
        recorder = self.world.recorder
        for call in calls:
            if outcome is None:
                recorder.unknown(call)
            elif outcome.ok:
                recorder.ok(call, result_of(outcome).get("available"))
            else:
                recorder.refused(call, _why(call, outcome))


def _why(call: Call, outcome: Outcome) -> Any:
    data = error_of(outcome).data
    if call.name in ("post", "void"):
        ended = {"voided": "over", "expired": "over", "posted": "posted"}
        return ended.get(str(data.get("state")))
    return data.get("available") if data.get("sku") == call.key else None


def result_of(outcome: Outcome) -> dict[str, Any]:
    """What a command came to."""
    result: dict[str, Any] = msgspec.json.decode(outcome.body).get("result") or {}
    return result
