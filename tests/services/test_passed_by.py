"""Followers that want some events: passed by by the others, they miss none and see each once."""

import asyncio
import random
from typing import Self

import pytest
from tests.modules.shop import memory_shop
from tests.modules.test_consumers import SUPPLIERS, offer, running, skus_of_one_partition

from shopwire.adapters.memory import MemoryLog, MemoryState
from shopwire.kernel.events import NewEvent
from shopwire.kernel.module import Consumer
from shopwire.services import consumers as runtime
from shopwire.services.shared_log import SharedLog
from shopwire.testing.conformance.harness import TAIL_POLL_NEVER_MS

pytestmark = pytest.mark.anyio


class Wanting:
    """Wants events of some types, and keeps what it was given."""

    def __init__(self, *types: str, offset: int = 0, patience: int = 10_000) -> None:
        self.partition, self.event_types, self.offset = 0, frozenset(types), offset
        self.given: list[int] = []
        self.wanted: list[int] = []
        self.passed: list[int] = []
        self._patience = patience

    def passes(self, to: int) -> bool:
        if to > self._patience:
            return False
        self.passed.append(to)
        return True

    async def follow(self, log: SharedLog, chance: random.Random | None = None) -> None:
        async for batch in log.tail_for(self):
            for event in batch:
                self.given.append(event.position.offset)
                if event.event_type in self.event_types:
                    self.wanted.append(event.position.offset)
            for _ in range(chance.randrange(6) if chance else 0):
                await asyncio.sleep(0)


class Shared:
    """A shared log over one in memory, and who follows it."""

    def __init__(self, **limits: int) -> None:
        self.inner = MemoryLog(MemoryState(), tail_poll_ms=TAIL_POLL_NEVER_MS)
        self.log = SharedLog(self.inner, **limits)
        self.types: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.log.close()

    async def follow(self, *followers: Wanting, chance: random.Random | None = None) -> None:
        self._tasks += [asyncio.create_task(one.follow(self.log, chance)) for one in followers]
        await rest()

    async def add(self, *types: str) -> None:
        first = len(self.types)
        self.types += types
        await self.inner.append(
            0,
            [
                NewEvent("main", f"t:{at}", 1, kind, b"1", b"null", f"c{at}")
                for at, kind in enumerate(types, first)
            ],
        )

    def of(self, follower: Wanting) -> list[int]:
        """What it has to be given."""
        return [at for at, kind in enumerate(self.types) if kind in follower.event_types]


async def rest() -> None:
    for _ in range(40):
        await asyncio.sleep(0)


async def test_who_wants_nothing_of_a_commit_is_not_woken_for_it():
    one, other, all_of_it = Wanting("a"), Wanting("b"), Wanting("a", "b", "c")
    async with Shared() as shared:
        await shared.follow(one, other, all_of_it)
        for kind in "ccab":
            await shared.add(kind)
            await rest()
    assert (one.given, one.passed) == ([2], [1, 2, 4])
    assert (other.given, other.passed) == ([3], [1, 2, 3])
    assert (all_of_it.given, all_of_it.passed) == ([0, 1, 2, 3], [])


async def test_who_will_not_be_passed_by_any_longer_is_given_what_it_does_not_want():
    impatient = Wanting("a", patience=2)
    async with Shared() as shared:
        await shared.follow(impatient)
        for _ in range(4):
            await shared.add("c")
            await rest()
    assert (impatient.passed, impatient.given) == ([1, 2], [2, 3])


async def test_who_waits_for_a_later_place_than_the_next_is_not_moved_back():
    """As after a restore, when the log is shorter than what its follower has had."""
    ahead = Wanting("a", offset=3)
    async with Shared() as shared:
        await shared.follow(ahead)
        for kind in "caca":
            await shared.add(kind)
            await rest()
    assert ahead.given == [3]


@pytest.mark.parametrize("seed", range(12))
async def test_each_follower_is_given_what_it_wants_once_and_in_order(seed):
    chance = random.Random(seed)
    kinds = "abcdef"
    followers = [Wanting(*chance.sample(kinds, chance.randrange(4))) for _ in range(6)]
    async with Shared(events_max=chance.choice([4, 16, 4_000])) as shared:
        await shared.follow(*followers, chance=chance)
        for _ in range(30):
            await shared.add(*chance.choices(kinds, k=chance.randrange(1, 5)))
            if chance.random() < 0.1:
                shared.log._recent[0].forget()
            for _ in range(chance.randrange(8)):
                await asyncio.sleep(0)
        for _ in range(20):
            await rest()
        for one in followers:
            assert one.wanted == shared.of(one)
            assert one.given == sorted(set(one.given))
            assert one.offset == len(shared.types)


async def test_a_consumer_that_is_passed_by_catches_up_and_writes_its_place_now_and_then(
    monkeypatch,
):
    monkeypatch.setattr(runtime, "SKIPPED_EVENTS_MAX", 5)
    own = Consumer(name="own", event_types=SUPPLIERS, react=lambda _: ())
    async with memory_shop() as shop:
        inner, shop.log = shop.log, SharedLog(shop.log)
        async with running(shop, [own]) as consumers:
            for number, sku in enumerate(skus_of_one_partition(7), 1):
                await shop.do(offer(sku))
                await consumers.catch_up((await shop.log.heads()).next)
                assert await inner.position("own", 0) == (0 if number < 5 else 5)
        await shop.log.close()
