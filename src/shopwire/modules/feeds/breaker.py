"""When a feed is held: what it would do at once, counted while it is compared. Pure rules."""

import heapq
from collections.abc import Mapping
from typing import Any, Final

from shopwire.modules.feeds.domain import FeedLimits
from shopwire.modules.feeds.events import Example, Hold, HoldReason, Rule
from shopwire.modules.feeds.limits import EXAMPLES_MAX
from shopwire.modules.suppliers.api import Terms

_FOR_EVER: Final = 1_000_000_000_000
"""How bad an example is whose cost comes in another currency, in per cent."""


class Breaker:
    """Counts what a feed would do to its supplier's SKUs, in bounded memory.

    `stocked`: SKUs that the supplier has stock of now; `either`: those, and those it offers.
    """

    def __init__(self, limits: FeedLimits, *, stocked: int, either: int) -> None:
        self._limits, self._stocked, self._either = limits, stocked, either
        self.named = 0
        """SKUs with a cost that is known from before."""
        self.moved = 0
        self.zeroed = 0
        self.missing = 0
        self._worst: list[tuple[int, int, Example]] = []
        self._number = 0

    def poisons(self, terms: Terms, before: Mapping[str, Any] | None) -> bool:
        """Counts an offer; whether its cost is so far off that its row is a mistake by itself."""
        if before is None or not before["active"]:
            return False
        self.named += 1
        was, now = int(before["cost_minor"]), terms.cost_minor
        if before["currency"] != terms.currency:
            self.moved += 1
            self._show(_FOR_EVER, terms.sku, "cost", was, now, terms.currency)
            return False
        move = abs(now - was) * 100
        if move > self._limits.price_move_percent * was:
            self.moved += 1
            self._show(move // was, terms.sku, "cost", was, now, terms.currency)
        return _far(was, now, self._limits.price_factor)

    def counts(self, sku: str, before: int, now: int) -> None:
        """Counts a SKU's stock."""
        if before > 0 and now == 0:
            self.zeroed += 1
            self._show(before, sku, "stock", before, 0)

    def misses(self, sku: str, before: int) -> None:
        """Counts a SKU that a full feed leaves out, with the stock that it has."""
        self.missing += 1
        self.zeroed += before > 0
        self._show(before, sku, "missing", before, 0)

    def reasons(self) -> tuple[HoldReason, ...]:
        """The limits that the feed is over; none where it may take effect."""
        limits = self._limits
        shares: tuple[tuple[Rule, int, int, int], ...] = (
            ("zeroed", self.zeroed, self._stocked, limits.zeroed_percent),
            ("price_moved", self.moved, self.named, limits.price_moved_percent),
            ("shrunk", self.missing, self._either, limits.shrunk_percent),
        )
        return tuple(
            HoldReason(rule=rule, count=count, of=of, limit_percent=percent)
            for rule, count, of, percent in shares
            if of >= limits.skus_min and count * 100 > percent * of
        )

    def hold(self, *, products: int, offers: int, counts: int, kept: bool) -> Hold:
        """What the feed would do, for a person."""
        worst = sorted(self._worst, reverse=True)
        return Hold(
            reasons=self.reasons(),
            products=products,
            offers=offers,
            counts=counts,
            discontinued=self.missing,
            examples=tuple(example for _, _, example in worst),
            kept=kept,
        )

    def _show(
        self, weight: int, sku: str, field: Any, before: int, now: int, currency: str = ""
    ) -> None:
        """Keeps the worst examples; of equally bad ones the first."""
        self._number += 1
        if len(self._worst) == EXAMPLES_MAX and weight <= self._worst[0][0]:
            return
        example = Example(sku=sku, field=field, before=before, now=now, currency=currency)
        entry = (weight, -self._number, example)
        if len(self._worst) < EXAMPLES_MAX:
            heapq.heappush(self._worst, entry)
        else:
            heapq.heapreplace(self._worst, entry)


def _far(was: int, now: int, factor: int) -> bool:
    return now >= was * factor or now * factor <= was
