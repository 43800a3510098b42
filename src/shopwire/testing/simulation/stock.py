"""Shoppers and suppliers on a few SKUs: everything that moves stock, and what must hold of it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from typing_extensions import override

from shopwire.kernel.commands import Command, Envelope, Outcome
from shopwire.kernel.rows import Row
from shopwire.modules.inventory.api import ReportStock, SellStock
from shopwire.modules.inventory.commands import HANDLERS
from shopwire.modules.inventory.domain import LedgerLine, Pool
from shopwire.testing.checkers import (
    Finding,
    Line,
    StockRegister,
    check_ledger,
    check_linearizable,
)
from shopwire.testing.history import Call
from shopwire.testing.simulation.cluster import Server, error_of
from shopwire.testing.simulation.world import Workload, World

SUPPLIER: Final = "s"
BALANCES: Final = ("reported", "reserved", "sold", "shortfall")


def pool_limit(pool: Pool) -> str | None:
    """The schema's CHECK on a pool, for the memory twin."""
    if min(pool.reported, pool.reserved, pool.sold, pool.shortfall) < 0:
        return "stock_pool_bounds"
    return (
        "stock_pool_limit" if pool.reserved + pool.sold > pool.reported + pool.shortfall else None
    )


def ledger_of(lines: Sequence[LedgerLine]) -> list[Line]:
    """The ledger in the checker's words."""
    return [
        Line(
            counter=f"{line.sku}/{line.supplier}",
            seq=line.seq,
            deltas={name: getattr(line, f"{name}_delta") for name in BALANCES},
            balances={name: getattr(line, name) for name in BALANCES},
            effect=(line.command_id, line.kind, line.reference),
        )
        for line in lines
    ]


def over_limit(line: Line) -> str | None:
    """More is promised than the supplier has and was known to be short of."""
    at = line.balances
    promised, allowed = at["reserved"] + at["sold"], at["reported"] + at["shortfall"]
    return f"{promised} promised of {allowed}" if promised > allowed else None


class StockWorkload(Workload):
    """Hot SKUs of one supplier each, so that every answer can be held against one register."""

    handlers = HANDLERS
    constraints: Mapping[type[Row], Any] = {Pool: pool_limit}
    may_repeat = ()
    wanted = (
        "a sale was refused as short", "a report left less than was promised",
        "a request came twice", "an answer was repeated", "a message was lost",
        "a commit's answer was lost", "a statement was refused", "killed at a statement",
        "killed after a commit that nobody was told of", "killed at a random moment",
        "paused at a random moment", "a silent transaction was ended by the server",
        "refused for now: QueueFull", "refused for now: StorageUnavailable", "a client gave up",
    )  # fmt: skip

    def __init__(self, *, clients: int = 6, turns: int = 12) -> None:
        self.clients, self.turns = clients, turns

    @override
    def companion(self, server: Server) -> Sequence[Any]:
        return ()

    @override
    async def work(self, world: World) -> None:
        skus = [f"SKU-{number}" for number in range(world.rng.choice([1, 2, 3]))]
        clients = world.rng.randint(2, self.clients)
        await asyncio.gather(
            *(_Client(world, f"client{number}", skus).work(self.turns) for number in range(clients))
        )

    @override
    async def settle(self, world: World) -> None:
        """Everything was answered or given up; there is nothing else to wait for."""

    @override
    def watch(self, world: World, rows: Mapping[type[Row], Sequence[Row]]) -> list[Finding]:
        return [
            Finding(check="bounds", where="/".join(row.key), reason=broken)
            for row in rows.get(Pool, ())
            if isinstance(row, Pool) and (broken := pool_limit(row)) is not None
        ]

    @override
    def check(self, world: World) -> list[Finding]:
        calls = world.recorder.calls
        return [
            *check_ledger(ledger_of(world.rows(LedgerLine)), over_limit),
            *check_linearizable(StockRegister(), calls),
            *_units_add_up(world),
        ]


def _units_add_up(world: World) -> list[Finding]:
    """What was sold is what callers were told, less what nobody knows."""
    findings = []
    for pool in world.rows(Pool):
        sales = [c for c in world.recorder.calls if c.key == pool.sku and c.name == "sell"]
        least = sum(call.arguments["units"] for call in sales if call.end == "ok")
        most = least + sum(call.arguments["units"] for call in sales if call.end == "unknown")
        if not least <= pool.sold <= most:
            reason = f"{pool.sold} sold, callers know of {least} to {most}"
            findings.append(Finding(check="conservation", where=pool.sku, reason=reason))
    return findings


class _Client:
    """Somebody with a few wishes, one after the other."""

    def __init__(self, world: World, name: str, skus: Sequence[str]) -> None:
        self.world, self.name, self.skus = world, name, skus

    async def work(self, turns: int) -> None:
        rng = self.world.rng
        for turn in range(turns):
            await asyncio.sleep(rng.random() * 0.2)
            sku = rng.choice(self.skus)
            draw = rng.random()
            if draw < 0.2:
                await self.read(sku)
            elif draw < 0.35:
                await self.report(sku, rng.randint(0, 30), turn)
            else:
                await self.sell(sku, rng.randint(1, 4), turn)

    async def read(self, sku: str) -> None:
        call = self.world.recorder.began(self.name, sku, "read")
        await asyncio.sleep(self.world.rng.random() * 0.02)
        found = await self.world.cluster.log.documents("main", [f"stock:{sku}"])
        self.world.recorder.ok(
            call, msgspec.json.decode(found[0].body)["available"] if found else 0
        )

    async def sell(self, sku: str, units: int, turn: int) -> None:
        call = self.world.recorder.began(self.name, sku, "sell", units=units)
        outcome = await self.ask(SellStock(sku=sku, quantity=units), turn)
        if outcome is not None and not outcome.ok:
            self.world.sometimes("a sale was refused as short")
        self.ended(call, outcome)

    async def report(self, sku: str, units: int, turn: int) -> None:
        call = self.world.recorder.began(self.name, sku, "report", units=units)
        outcome = await self.ask(ReportStock(sku=sku, supplier=SUPPLIER, quantity=units), turn)
        if outcome is not None and result_of(outcome).get("shortfall"):
            self.world.sometimes("a report left less than was promised")
        self.ended(call, outcome)

    async def ask(self, command: Command, turn: int) -> Outcome | None:
        key = f"{self.name}-{turn}"
        envelope = Envelope(command=command, key=key, principal=self.name)
        tries = 1_000 if self.world.rng.random() < 0.9 else 2
        return await self.world.cluster.send(envelope, tries_max=tries)

    def ended(self, call: Call, outcome: Outcome | None) -> None:
        """What the caller learnt."""
        if outcome is None:
            self.world.recorder.unknown(call)
        elif outcome.ok:
            self.world.recorder.ok(call, result_of(outcome).get("available"))
        else:
            left = error_of(outcome).data.get("available")
            self.world.recorder.refused(call, left)


def result_of(outcome: Outcome) -> dict[str, Any]:
    """What a command came to."""
    result: dict[str, Any] = msgspec.json.decode(outcome.body).get("result") or {}
    return result
