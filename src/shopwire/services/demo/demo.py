"""The demo: a shop that is fed and shopped in, beside the server that shows it."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final, Literal

import msgspec
import structlog

from shopwire.kernel.clock import Clock, SystemClock
from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.queries import Reads
from shopwire.services.demo.catalogue import Catalogue, catalogue
from shopwire.services.demo.shoppers import Shoppers, Submit
from shopwire.services.demo.suppliers import Feed, first_feed, introduced, next_feed

PaceName = Literal["slow", "normal", "busy"]


class Pace(msgspec.Struct, frozen=True):
    """How much happens."""

    feed_every_s: float
    """Mean time between two suppliers' feeds."""
    orders_per_s: float


PACES: Final[dict[PaceName, Pace]] = {
    "slow": Pace(feed_every_s=15.0, orders_per_s=0.4),
    "normal": Pace(feed_every_s=4.0, orders_per_s=2.5),
    "busy": Pace(feed_every_s=1.0, orders_per_s=20.0),
}
"""What `--pace` takes."""


class FeedResult(msgspec.Struct, frozen=True):
    """What came of a feed."""

    rows: int
    changed: int
    quarantined: int


Send = Callable[[Feed], Awaitable[FeedResult]]
"""Takes a feed file in, through the same import as everybody's."""

_log: Final = structlog.get_logger()


class Simulation:
    """Suppliers and shoppers at work."""

    def __init__(
        self,
        reads: Reads,
        submit: Submit,
        send: Send,
        pace: Pace,
        *,
        chance: Random | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._reads = reads
        self._submit = submit
        self._send = send
        self._pace = pace
        self._chance = chance or Random()  # noqa: S311 - a simulation, no secret
        self._clock = clock or SystemClock()
        self._catalogue: Catalogue = catalogue()

    async def run(self, on_introduced: Callable[[str, FeedResult], None] | None = None) -> None:
        """Takes in what is not there yet, then lets things happen until it is cancelled."""
        await self.introduce(on_introduced)
        skus = [variant.sku for item in self._catalogue.products for variant in item.variants]
        # Which articles are popular stays the same from one start to the next.
        popularity = Random(len(skus))  # noqa: S311 - a simulation, no secret
        popularity.shuffle(skus)
        shoppers = Shoppers(self._submit, skus, per_s=self._pace.orders_per_s, chance=self._chance)
        async with asyncio.TaskGroup() as group:
            group.create_task(_for_ever("shoppers", shoppers.step))
            group.create_task(_for_ever("suppliers", self._feed_step))

    async def introduce(
        self, on_introduced: Callable[[str, FeedResult], None] | None = None
    ) -> None:
        """Imports the catalogue of each supplier that the shop does not know yet."""
        known = await introduced(self._reads)
        for supplier in self._catalogue.suppliers:
            if supplier.id in known:
                continue
            feed = first_feed(self._catalogue, supplier, self._clock.now_ms())
            result = await self._deliver(feed)
            _log.info(
                "demo.import", supplier=supplier.name, rows=result.rows, changed=result.changed
            )
            if on_introduced is not None:
                on_introduced(supplier.name, result)

    async def _feed_step(self) -> None:
        await asyncio.sleep(self._pace.feed_every_s * self._chance.uniform(0.5, 1.5))
        supplier = self._chance.choice(self._catalogue.suppliers)
        now_ms = self._clock.now_ms()
        feed = await next_feed(self._reads, self._catalogue, supplier, now_ms, self._chance)
        result = await self._deliver(feed)
        _log.info(
            "demo.feed",
            supplier=supplier.name,
            rows=result.rows,
            changed=result.changed,
            quarantined=result.quarantined,
        )

    async def _deliver(self, feed: Feed) -> FeedResult:
        """Sends a file until it is taken: an import that broke off goes on where it was."""
        while True:
            try:
                return await self._send(feed)
            except ShopwireError as problem:
                if not problem.temporary:
                    raise
                await _wait("suppliers", problem)


async def _wait(party: str, problem: ShopwireError) -> None:
    """As long as the shop asks for."""
    wait_ms = int(problem.data.get("retry_ms") or 1_000)
    _log.warning("demo.refused", party=party, reason=str(problem), retry_ms=wait_ms)
    await asyncio.sleep(wait_ms / 1_000)


async def _for_ever(party: str, step: Callable[[], Awaitable[None]]) -> None:
    """Repeats a step until it is cancelled; waits when the shop asks for it."""
    while True:
        try:
            await step()
        except ShopwireError as problem:
            await _wait(party, problem)
