"""A few shoppers on a few SKUs, whose whole history is written down and judged."""

import asyncio
import time

import msgspec
from tests.crash.fleet import name_of, rows

from shopwire.modules.inventory.api import (
    HoldLine,
    HoldStock,
    PostHold,
    ReportStock,
    SellStock,
    VoidHold,
)
from shopwire.testing.history import Call

SKUS = ("A", "B", "C")
SUPPLIER = "s"
TTL_MS = (300, 1_500, 60_000)


class Shopper:
    """Reads, sells, reserves and finishes, one call after the other."""

    def __init__(self, fleet, name) -> None:
        self.fleet, self.rng, self.name = fleet, fleet.rng, name
        self.number = 0

    async def work(self, turns, enough):
        """So many turns, and on until there was enough trouble."""
        while (turns := turns - 1) >= 0 or not enough():
            sku, draw = self.rng.choice(SKUS), self.rng.random()
            if draw < 0.2:
                await self.read(sku)
            elif draw < 0.35:
                await self.report(sku, self.rng.randint(0, 30))
            elif draw < 0.5:
                await self.sell(sku, self.rng.randint(1, 3))
            else:
                await self.buy()

    def began(self, sku, name, **arguments: object):
        return self.fleet.recorder.began(self.name, sku, name, **arguments)

    async def ask(self, command):
        self.number += 1
        return await self.fleet.send(command, str(self.number), self.name)

    async def read(self, sku):
        call = self.began(sku, "read")
        document = await self.fleet.read(f"stock:{sku}")
        self.fleet.recorder.ok(call, document["available"] if document else 0)

    async def report(self, sku, units):
        call = self.began(sku, "report", units=units)
        outcome = await self.ask(ReportStock(sku=sku, supplier=SUPPLIER, quantity=units))
        self.ended([call], outcome)

    async def sell(self, sku, units):
        call = self.began(sku, "sell", units=units)
        self.ended([call], await self.ask(SellStock(sku=sku, quantity=units)))

    async def buy(self):
        hold, ttl_ms = f"{self.name}-{self.number}", self.rng.choice(TTL_MS)
        units = {
            sku: self.rng.randint(1, 3) for sku in self.rng.sample(SKUS, self.rng.choice([1, 2]))
        }
        lines = tuple(HoldLine(sku=sku, quantity=count) for sku, count in units.items())
        calls = [self.began(s, "reserve", hold=hold, units=count) for s, count in units.items()]
        outcome = await self.ask(HoldStock(hold_id=hold, lines=lines, ttl_ms=ttl_ms))
        self.ended(calls, outcome)
        if not outcome.ok:
            return
        await asyncio.sleep(self.rng.random() * 0.4)
        how, kind = self.rng.choice([("post", PostHold), ("void", VoidHold), ("forget", None)])
        if kind is not None:
            calls = [self.began(sku, how, hold=hold) for sku in units]
            self.ended(calls, await self.ask(kind(hold_id=hold, skus=tuple(units))))

    def ended(self, calls, outcome):
        for call in calls:
            if outcome.ok:
                result = msgspec.json.decode(outcome.body)["result"]
                self.fleet.recorder.ok(call, result.get("available"))
            else:
                self.fleet.recorder.refused(call, _why(call, outcome))


def _why(call, outcome):
    data = msgspec.json.decode(outcome.body)["data"]
    if name_of(outcome) == "HoldGone":
        return {"voided": "over", "expired": "over", "posted": "posted"}.get(data["state"])
    assert name_of(outcome) == "StockShort", outcome.body
    return data["available"] if data["sku"] == call.key else None


async def swept(dsn):
    """The sweep's part of the history: its commits came at, or soon after, the ledger's times."""
    ahead_s = time.time() - time.monotonic()
    lines = await rows(dsn, "SELECT sku, reference, at_ms FROM stock_ledger WHERE kind = 'expire'")
    return [
        Call(
            process="sweep",
            key=line["sku"],
            name="expire",
            arguments={"hold": line["reference"]},
            began=line["at_ms"] / 1_000 - ahead_s,
        )
        for line in lines
    ]
