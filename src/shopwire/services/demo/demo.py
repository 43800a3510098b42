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
from shopwire.services.demo.aftercare import Aftercare
from shopwire.services.demo.catalogue import Catalogue, catalogue
from shopwire.services.demo.shelves import Shelves
from shopwire.services.demo.shoppers import Doors, Shoppers
from shopwire.services.demo.suppliers import Feed, first_feed, introduced, next_feed
from shopwire.services.demo.wishes import Wishes

PaceName = Literal["slow", "normal", "busy"]


class Pace(msgspec.Struct, frozen=True):
    """How much happens."""

    feed_every_s: float
    """Mean time between two suppliers' feeds."""
    shoppers_per_s: float


PACES: Final[dict[PaceName, Pace]] = {
    "slow": Pace(feed_every_s=15.0, shoppers_per_s=0.2),
    "normal": Pace(feed_every_s=4.0, shoppers_per_s=0.8),
    "busy": Pace(feed_every_s=1.0, shoppers_per_s=5.0),
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
        doors: Doors,
        send: Send,
        pace: Pace,
        shelves: Shelves,
        *,
        chance: Random | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._doors = doors
        self._reads: Reads = doors.reads
        self._send = send
        self._pace = pace
        self._shelves = shelves
        self._chance = chance or Random()  # noqa: S311 - a simulation, no secret
        self._clock = clock or SystemClock()
        self._catalogue: Catalogue = catalogue()

    async def run(self) -> None:
        """Takes in what is not there yet, then lets things happen until it is cancelled."""
        await self.introduce()
        skus = [variant.sku for item in self._catalogue.products for variant in item.variants]
        # Which articles are popular stays the same from one start to the next.
        popularity = Random(len(skus))  # noqa: S311 - a simulation, no secret
        popularity.shuffle(skus)
        aftercare = Aftercare(self._doors, self._clock, self._chance)
        shoppers = Shoppers(
            self._doors,
            Wishes(skus, self._chance).next,
            aftercare.add,
            per_s=self._pace.shoppers_per_s,
            chance=self._chance,
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_for_ever("shoppers", shoppers.step))
                group.create_task(_for_ever("aftercare", aftercare.step))
                group.create_task(_for_ever("suppliers", self._feed_step))
        finally:
            await shoppers.close()

    async def introduce(self) -> None:
        """Imports the catalogue of each supplier that the shop does not know yet."""
        known = await introduced(self._reads)
        await self._shelves.load(self._reads)
        for supplier in self._catalogue.suppliers:
            if supplier.id in known:
                continue
            feed = first_feed(self._catalogue, supplier, self._clock.now_ms())
            result = await self._deliver(feed)
            _log.info(
                "demo.import", supplier=supplier.name, rows=result.rows, changed=result.changed
            )

    async def _feed_step(self) -> None:
        await asyncio.sleep(self._pace.feed_every_s * self._chance.uniform(0.5, 1.5))
        supplier = self._chance.choice(self._catalogue.suppliers)
        now_ms = self._clock.now_ms()
        feed = next_feed(self._shelves, self._catalogue, supplier, now_ms, self._chance)
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
