"""How the parties of a world of checkouts behave, and which rare things happened in it."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from typing_extensions import override

from shopwire.adapters.suppliers import Habits
from shopwire.kernel.rows import Row
from shopwire.modules.inventory.domain import StockHold
from shopwire.modules.orders.api import OrderLine
from shopwire.modules.orders.domain import Conflict, Order, hold_anew
from shopwire.modules.payments.domain import Movement
from shopwire.modules.routing.api import RouteChoice, Sums
from shopwire.modules.shipping.domain import PurchaseOrder
from shopwire.services.routing import Router
from shopwire.testing.checkers import Finding
from shopwire.testing.simulation.world import World

_NO_SUMS: Final = Sums(
    cost_minor=0,
    shipping_minor=0,
    weights_minor=0,
    total_minor=0,
    revenue_minor=0,
    fee_minor=0,
    profit_minor=0,
)


HALF_DONE_MS_MAX: Final = 30_000
"""Simulated time, which has no busy machine in it, from the last fault or from the begin of a
checkout, in which it ends, whatever the bank does; more is a finding."""


class HalfDone:
    """Checkouts that have begun and not ended, and money that is promised and not yet taken."""

    def __init__(self, *, bank_is_slow: bool) -> None:
        self._bank_is_slow = bank_is_slow
        self._since: dict[str, int] = {}
        self.longest_ms = 0
        """How long the longest one took that ended when all faults were over."""

    def saw(self, world: World, rows: Mapping[type[Row], Sequence[Row]]) -> list[Finding]:
        """Takes what a commit wrote; tells of orders that are half-done for too long."""
        now_ms, calm_at_ms = world.database.clock.now_ms(), world.calm_at_ms
        for order in (row for row in rows.get(Order, ()) if isinstance(row, Order)):
            if self._is_half_done(order):
                self._since.setdefault(order.order_id, now_ms)
                continue
            since = self._since.pop(order.order_id, now_ms)
            if calm_at_ms:
                self.longest_ms = max(self.longest_ms, now_ms - max(since, calm_at_ms))
        if not calm_at_ms:
            return []
        longest = [(now_ms - max(since, calm_at_ms), name) for name, since in self._since.items()]
        return [
            Finding(check="rest", where=name, reason=f"it is half-done for {ms} ms")
            for ms, name in [*longest, (self.longest_ms, "an order that ended")]
            if ms > HALF_DONE_MS_MAX
        ]

    def _is_half_done(self, order: Order) -> bool:
        if order.status == "checking_out":
            return True
        # A bank that takes a minute for each answer may take longer with the money.
        return not self._bank_is_slow and order.payment in ("opened", "authorised")


class SimRouter(Router):
    """Names some of the suppliers, all, or none: what is planned with the sale, and what is not."""

    def __init__(self, rng: Random, suppliers: Sequence[str]) -> None:
        self._rng, self._suppliers = rng, suppliers

    @override
    async def choose(
        self, tenant: str, lines: Sequence[OrderLine], currency: str, country: str
    ) -> RouteChoice | None:
        named = self._rng.choice([(), self._suppliers[:1], self._suppliers, self._suppliers])
        if not named:
            return None
        return RouteChoice(
            picks=(),
            parcels=(),
            sums=_NO_SUMS,
            bound_minor=0,
            next_best=tuple((line.sku, one) for line in lines for one in named),
        )


def habits_of(world: World) -> Habits:
    """Suppliers of this world: they ship everything, or nothing at all."""
    rng, faults = world.rng, world.faults
    # A simulated supplier that accepts in part cannot be asked for an order that it never got.
    steady = not faults.kill and not faults.crash and not faults.crash_at_commit
    # Nobody can help one that looks at no id and gets an order after it said that it has none.
    delayed = 0.0 if steady else rng.choice([0.0, 0.2])
    return Habits(
        answers=rng.choice(["now", "later"]),
        refuses=rng.choice([0.0, 0.2]),
        partial=rng.choice([0.0, 0.3]) if steady else 0.0,
        request_lost=0.0 if steady else rng.choice([0.0, 0.2]),
        answer_lost=rng.choice([0.0, 0.2]),
        delayed=delayed,
        away=rng.choice([0.0, 0.3]),
        silent=rng.choice([0.0, 0.2]),
        twice=rng.choice([0.0, 0.3]),
        splits=rng.choice([0.0, 0.3]),
        shuffles=rng.choice([0.0, 0.3]),
        keeps=rng.choice([0.0, 1.0]),
        forgets=not delayed and rng.choice([False, True]),
    )


def note(world: World, rows: Mapping[type[Row], Sequence[Row]]) -> None:
    """Rare things that show in rows."""
    for hold in (row for row in rows.get(StockHold, ()) if isinstance(row, StockHold)):
        if hold.hold_id.endswith(hold_anew("")) and hold.state == "posted":
            world.sometimes("units were held a second time for an answer that came late")
    for order in (row for row in rows.get(Order, ()) if isinstance(row, Order)):
        if order.reason == "timed_out":
            world.sometimes("a checkout timed out")
    for conflict in (row for row in rows.get(Conflict, ()) if isinstance(row, Conflict)):
        words = {"refused": "a supplier refused units", "overpromised": "promised units were short"}
        world.sometimes(words[conflict.reason])
        if conflict.choice == "replace":
            world.sometimes("units came from elsewhere")
    for movement in (row for row in rows.get(Movement, ()) if isinstance(row, Movement)):
        if movement.kind == "refund" and movement.state == "done":
            world.sometimes("money went back")
    for sheet in (row for row in rows.get(PurchaseOrder, ()) if isinstance(row, PurchaseOrder)):
        if sheet.version == 1:
            how = "with its sale" if sheet.step == "sending" else "afterwards"
            world.sometimes(f"a purchase order was planned {how}")
