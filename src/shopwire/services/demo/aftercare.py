"""What simulated people do with orders later: cancel, choose, send back, take back."""

import asyncio
import heapq
from random import Random
from typing import Any, Final

import msgspec
import structlog

from shopwire.kernel.clock import Clock
from shopwire.kernel.commands import Command
from shopwire.kernel.errors import ShopwireError
from shopwire.modules.orders.api import CancelOrder, Choice, SettleConflict
from shopwire.modules.shipping.api import OpenReturn, ReceiveReturn, Units
from shopwire.services.demo.shoppers import SHOPPER, Doors
from shopwire.services.demo.wishes import Wish

CLERK: Final = "demo-clerk"
"""Who takes back what shoppers send back."""
ORDERS_MAX: Final = 2_000
"""Orders that are looked after; of more the oldest go their own way."""
LOOK_S: Final = 6.0
"""How often somebody looks at an order, about."""
PATIENCE_MS: Final = 60_000
"""How long a shopper thinks about a conflict; whoever looks at the console may choose first."""
PARCEL_S: Final = 15.0
"""How long a parcel takes back."""
LOST_MS: Final = 1_800_000
"""An order that is not delivered by then is looked at no longer."""
_CHOICES: Final[dict[Choice, int]] = {"wait": 45, "replace": 35, "cancel": 20}

_log: Final = structlog.get_logger()


class Visit(msgspec.Struct, kw_only=True):
    """An order that somebody will look at."""

    order_id: str
    wish: Wish
    bought_at_ms: int
    regrets: bool
    asked_at_ms: dict[str, int] = {}
    """Conflicts that the shopper has seen, and since when."""
    return_id: str | None = None


class Aftercare:
    """Looks after the orders of simulated shoppers; those of people are their own business."""

    def __init__(
        self, doors: Doors, clock: Clock, chance: Random, *, look_s: float = LOOK_S
    ) -> None:
        self._doors = doors
        self._clock = clock
        self._chance = chance
        self._look_s = look_s
        self._due: list[tuple[float, str, Visit]] = []

    @property
    def waiting(self) -> int:
        """Orders that are looked after."""
        return len(self._due)

    def add(self, order_id: str, wish: Wish) -> None:
        """An order that was bought just now."""
        now_ms = self._clock.now_ms()
        visit = Visit(order_id=order_id, wish=wish, bought_at_ms=now_ms, regrets=wish.regrets)
        self._later(visit, self._look_s * self._chance.uniform(0.3, 1.0))
        if len(self._due) > ORDERS_MAX:
            self._due.remove(min(self._due, key=lambda entry: entry[2].bought_at_ms))
            heapq.heapify(self._due)

    async def step(self) -> None:
        """Looks at what is due, then waits a little."""
        while self._due and self._due[0][0] <= self._clock.monotonic_ms():
            _, _, visit = heapq.heappop(self._due)
            try:
                again_s = await self.look(visit)
            except ShopwireError as problem:
                _log.warning("demo.refused", party="aftercare", reason=str(problem))
                again_s = self._look_s
            if again_s is not None:
                self._later(visit, again_s * self._chance.uniform(0.7, 1.3))
        await asyncio.sleep(min(1.0, self._look_s / 4))

    async def look(self, visit: Visit) -> float | None:
        """Does what is to be done; when to look again, None where nothing more is to come."""
        if visit.return_id is not None:
            await self._take_back(visit)
            return None
        found = await self._doors.documents("order", [visit.order_id])
        order = found.get(visit.order_id)
        late = self._clock.now_ms() - visit.bought_at_ms > LOST_MS
        if order is None or late or order["status"] in {"failed", "cancelled"}:
            return None
        if visit.regrets and order["status"] in {"placed", "in_fulfilment"}:
            visit.regrets = False
            await self._send(
                CancelOrder(order_id=visit.order_id, skus=tuple(order["skus"])),
                f"{visit.order_id}/regret",
            )
            return self._look_s
        await self._choose(visit, order)
        if order["status"] != "delivered":
            return self._look_s
        return await self._send_back(visit, order) if visit.wish.returns else None

    async def _choose(self, visit: Visit, order: Any) -> None:
        """Decides about units in question, after a while in which others may."""
        ids = [line["conflict"] for line in order["lines"] if line["conflict"]]
        for own_id, conflict in (await self._doors.documents("conflict", ids)).items():
            since_ms = visit.asked_at_ms.setdefault(own_id, self._clock.now_ms())
            choices = [one for one in _CHOICES if one in conflict["choices"]]
            thinks = self._clock.now_ms() - since_ms < PATIENCE_MS
            if conflict["status"] != "open" or thinks or not choices:
                continue
            choice = self._chance.choices(choices, [_CHOICES[one] for one in choices])[0]
            await self._send(
                SettleConflict(
                    conflict_id=own_id,
                    sku=conflict["sku"],
                    supplier=conflict["supplier"],
                    choice=choice,
                ),
                f"{own_id}/{choice}",
            )

    async def _send_back(self, visit: Visit, order: Any) -> float | None:
        lines = [line for line in order["lines"] if line["units"].get("delivered")]
        if not lines:
            return None
        line = self._chance.choice(lines)
        units = (Units(sku=line["sku"], quantity=1),)
        body = await self._send(
            OpenReturn(order_id=visit.order_id, lines=units, reason="unwanted"),
            f"{visit.order_id}/return",
        )
        if body is None:
            return None
        visit.return_id = body["result"]["return"]
        return PARCEL_S

    async def _take_back(self, visit: Visit) -> None:
        assert visit.return_id is not None
        restock = self._chance.random() < 0.8
        command = ReceiveReturn(return_id=visit.return_id, restock=restock)
        await self._send(command, f"{visit.return_id}/received", CLERK)

    async def _send(self, command: Command, key: str, principal: str = SHOPPER) -> Any:
        """The answer; None where the shop refused it, as it may: others act on orders, too."""
        outcome = await self._doors.send(command, key, principal)
        if not outcome.ok:
            _log.info("demo.told_no", operation=command.operation, answer=outcome.body.decode())
            return None
        return msgspec.json.decode(outcome.body)

    def _later(self, visit: Visit, wait_s: float) -> None:
        at_ms = self._clock.monotonic_ms() + wait_s * 1_000
        heapq.heappush(self._due, (at_ms, visit.order_id, visit))
