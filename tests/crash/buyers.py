"""More buyers than units: each reserves, and then pays, turns back or forgets about it."""

import asyncio
from contextlib import suppress

import msgspec
from tests.crash.fleet import name_of

from shopwire.modules.inventory.api import (
    HoldLine,
    HoldStock,
    PostHold,
    ReportStock,
    VoidHold,
)

SKU, SUPPLIER = "LAST", "a"
TTL_MS = 2_500
PATIENT = 3
"""Buyers for each unit who do not give up."""
SHORT = {"StockShort", "ConstraintRefused"}
"""Refusals by the application, and by the schema where the application does not check."""


class Sale:
    """A few units, and many who want one."""

    def __init__(self, fleet, units, enough) -> None:
        """The last unit is not sold before there was `enough` trouble."""
        self.fleet, self.units, self.enough = fleet, units, enough
        self.sold, self.selling, self.refused = [], 0, 0
        self.over = asyncio.Event()

    async def open(self):
        report = ReportStock(sku=SKU, supplier=SUPPLIER, quantity=self.units)
        assert (await self.fleet.send(report, "stock", "supplier")).ok

    async def buyer(self, number):
        """Tries until it has its unit, has lost interest, or there are none left for ever.

        A few wait for what others give back; most try twice at most.
        """
        rng, name = self.fleet.rng, f"buyer-{number}"
        patient = number < PATIENT * self.units
        for attempt in range(1, 1_000 if patient else 3):
            if self.over.is_set():
                return
            hold = f"{name}-{attempt}"
            if not await self.reserve(name, hold):
                self.refused += 1
                await self.pause(0.5 + rng.random())
                continue
            draw = rng.random()
            if draw < 0.15:
                return  # forgets about it: the sweep frees the unit
            await asyncio.sleep(rng.random() * 0.2)
            if draw < 0.3:
                await self.finish(name, hold, "void")
                return
            if self.selling >= self.units - 1 and not self.enough():
                await self.finish(name, hold, "void")
                continue
            self.selling += 1
            if await self.finish(name, hold, "post"):
                self.sold.append(hold)
                if len(self.sold) >= self.units:
                    self.over.set()
                return
            self.selling -= 1

    async def pause(self, seconds):
        """Unless it is over before."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), seconds)

    async def reserve(self, name, hold):
        recorder = self.fleet.recorder
        call = recorder.began(name, SKU, "reserve", hold=hold, units=1)
        wish = HoldStock(hold_id=hold, lines=(HoldLine(sku=SKU, quantity=1),), ttl_ms=TTL_MS)
        outcome = await self.fleet.send(wish, f"hold-{hold}", name)
        if outcome.ok:
            recorder.ok(call)
            return True
        assert name_of(outcome) in SHORT, outcome.body
        recorder.refused(call, msgspec.json.decode(outcome.body)["data"].get("available"))
        return False

    async def finish(self, name, hold, how):
        recorder = self.fleet.recorder
        call = recorder.began(name, SKU, how, hold=hold, units=1)
        kind = PostHold if how == "post" else VoidHold
        outcome = await self.fleet.send(kind(hold_id=hold, skus=(SKU,)), f"{how}-{hold}", name)
        if outcome.ok:
            recorder.ok(call)
            return True
        assert name_of(outcome) == "HoldGone", outcome.body
        recorder.refused(call, "over")
        return False
