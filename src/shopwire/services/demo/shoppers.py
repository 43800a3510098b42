"""Simulated shoppers: they look around and buy, through the same door as everybody."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate
from random import Random
from typing import Final

from shopwire.kernel.commands import Envelope, Outcome
from shopwire.kernel.ids import new_id
from shopwire.modules.inventory.api import SellStock

POPULARITY_EXPONENT: Final = 1.05
"""Zipf's exponent: a few articles are bought all the time, most now and then."""
GREEDY_SHARE: Final = 0.02
"""Shoppers who want more than there is; they are refused, and the console shows it."""
GREEDY_UNITS: Final = 5_000

Submit = Callable[[Envelope], Awaitable[Outcome]]


class Shoppers:
    """Buys one article after the other at random moments; `skus` are sorted by popularity."""

    def __init__(
        self, submit: Submit, skus: Sequence[str], *, per_s: float, chance: Random
    ) -> None:
        self._submit = submit
        self._per_s = per_s
        self._chance = chance
        self._skus = skus
        weights = [1 / rank**POPULARITY_EXPONENT for rank in range(1, len(self._skus) + 1)]
        self._cumulative = list(accumulate(weights))

    def next_order(self) -> SellStock:
        """What the next shopper wants."""
        sku = self._chance.choices(self._skus, cum_weights=self._cumulative)[0]
        greedy = self._chance.random() < GREEDY_SHARE
        few = self._chance.choices([1, 2, 3, 6], weights=[70, 20, 7, 3])[0]
        return SellStock(sku=sku, quantity=GREEDY_UNITS if greedy else few, reference=new_id())

    async def step(self) -> None:
        """Waits for the next shopper and buys what that one wants; a refusal is part of life."""
        await asyncio.sleep(self._chance.expovariate(self._per_s))
        order = self.next_order()
        await self._submit(Envelope(command=order, key=order.reference, principal="demo-shopper"))
