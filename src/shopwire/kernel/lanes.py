"""Lanes of waiting commands, whose turn it is, and who waits for them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from shopwire.kernel.commands import Outcome
from shopwire.kernel.errors import QueueFull, ShopwireError
from shopwire.kernel.items import Item, Ticket
from shopwire.kernel.kept import Kept

BATCH_TARGET_MS: Final = 50.0
"""A batch that takes longer halves the next one: the batch is capped by time spent, too."""
BATCH_COMMANDS_MIN: Final = 64
"""What a slow database cannot shrink a batch below: smaller ones pay so often for what each costs
that their commands end later, not sooner."""

RETRY_MS_MIN: Final = 50
"""Shortest wait that a full queue asks for."""


class Waiter:
    """One call of submit or submit_many: resolves when its last command is settled."""

    __slots__ = ("error", "future", "left", "outcomes")

    def __init__(self, tickets: Sequence[Ticket]) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.left = len(tickets)
        self.outcomes: list[Outcome | None] = [None] * len(tickets)
        self.error: ShopwireError | None = None
        for slot, ticket in enumerate(tickets):
            ticket.waiter, ticket.slot = self, slot

    def settle(self, slot: int, outcome: Outcome | None, error: ShopwireError | None) -> None:
        """What came of one of them."""
        self.outcomes[slot] = outcome
        self.error = self.error or error
        self.left -= 1
        if not self.left and not self.future.done():
            self.future.set_result(None)

    async def outcome(self) -> list[Outcome]:
        """Of all of them in their order; raises the first error."""
        await self.future
        if self.error is not None:
            raise type(self.error)(self.error.detail, **self.error.data)
        return [outcome for outcome in self.outcomes if outcome is not None]


class One:
    """A call of submit: the same for one command, most of all calls."""

    __slots__ = ("future",)

    def __init__(self, ticket: Ticket) -> None:
        self.future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        ticket.waiter = self

    def settle(self, _slot: int, outcome: Outcome | None, error: ShopwireError | None) -> None:
        """What came of it."""
        if self.future.done():
            return
        if error is not None:
            self.future.set_exception(type(error)(error.detail, **error.data))
        elif outcome is not None:
            self.future.set_result(outcome)


class Lane:
    """The queue of one partition, or that of the commands which span several."""

    __slots__ = (
        "_has_bulk",
        "apart",
        "batch_max",
        "bulk_ms",
        "flies",
        "kept",
        "looks",
        "ms_per_command",
        "name",
        "queue",
        "wake",
    )

    def __init__(self, name: str, batch_max: int) -> None:
        self.name = name
        self.queue: deque[Item] = deque()
        self.wake = asyncio.Event()
        self.batch_max = batch_max
        self.ms_per_command = 1.0
        self.apart = 0
        """Batches that are still to lock the head first, since others hold it as well."""
        self.flies = False
        """Whether the last batch was decided ahead."""
        self.kept: Kept | None = None
        """What is known without a look; nothing where it is not certain what was written last."""
        self.looks = 0
        """Batches that are still to look first, since another one should have."""
        self._has_bulk = False
        self.bulk_ms = 0.0
        """What batches with commands about many things took, without their wait in the queue."""

    def check_room(self, count: int, most: int) -> None:
        """Raises QueueFull where so many more would be more than `most`."""
        if len(self.queue) + count > most:
            wait_ms = max(RETRY_MS_MIN, int(len(self.queue) * self.ms_per_command))
            raise QueueFull(queue=f"commands/{self.name}", retry_ms=wait_ms)

    def has(self, lines: int) -> bool:
        """Whether so many lines wait; a command about one thing is one."""
        for item in self.queue:
            lines -= item.lines
            if lines <= 0:
                return True
        return False

    def known(self) -> Kept | None:
        """What the next batch may know without a look."""
        if self.looks:
            self.looks -= 1
            return None
        return self.kept

    def take(self, room: int | None = None, *, bulk: bool = True) -> list[Item]:
        """What is next, at least one item; `room` for as many lines, else for a batch.

        A consumer's step may be larger than any room. It grows while it waits, and all behind it
        wait as well, so it is taken whole rather than passed over. Without `bulk` a command about
        many things is left where it is, and so is what waits behind it.
        """
        batch: list[Item] = []
        left = self.batch_max if room is None else room
        while self.queue and (self.queue[0].lines <= left or not batch):
            if not bulk and self.bulky:
                break
            batch.append(self.queue.popleft())
            left -= batch[-1].lines
        self._has_bulk = any(_is_bulk(item) for item in batch)
        return batch

    @property
    def bulky(self) -> bool:
        """Whether a command about many things is next."""
        return bool(self.queue) and _is_bulk(self.queue[0])

    def pace(self, spent_ms: float, commands: int, ceiling: int) -> None:
        """Halves the batch when one takes too long, and lets it grow again when it is quick."""
        self.ms_per_command = spent_ms / max(commands, 1)
        if self._has_bulk:
            self.bulk_ms += spent_ms
        if spent_ms > BATCH_TARGET_MS and commands > BATCH_COMMANDS_MIN:
            self.batch_max = max(BATCH_COMMANDS_MIN, min(self.batch_max, commands) // 2)
        elif commands >= self.batch_max:
            self.batch_max = min(ceiling, self.batch_max * 2)


def _is_bulk(item: Item) -> bool:
    return isinstance(item, Ticket) and item.lines > 1


class Turns:
    """Whose batch may begin: those of single partitions side by side, or a wide one alone."""

    def __init__(self) -> None:
        self._running = 0
        self._wide = False
        self._free = asyncio.Event()
        self._free.set()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def wide_waits(self) -> bool:
        """Whether a wide batch runs or wants to."""
        return self._wide

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """For a batch of one partition; waits while a wide one runs or wants to."""
        while self._wide:
            await self._free.wait()
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """For a wide batch: the others finish first, and none begins meanwhile."""
        self._wide = True
        self._free.clear()
        try:
            await self._idle.wait()
            yield
        finally:
            self._wide = False
            self._free.set()
