"""Parts of one import that are under way at once: one computes while the database is at another."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from shopwire.kernel.commands import Command
from shopwire.modules.feeds.api import AlteredGroup, BadRow, NoteChunk, NoteIntent
from shopwire.modules.feeds.limits import IMPORT_LANES
from shopwire.services.import_news import News
from shopwire.services.import_plan import Compared
from shopwire.services.import_send import Refusals, Sender

if TYPE_CHECKING:
    from shopwire.services.importing import Importer

_SENDS_NOTHING = News([], [], [], [])


class UnderWay(msgspec.Struct):
    """A part between its intent and its note."""

    number: int
    part: Compared
    news: News
    refused: Refusals
    names: frozenset[str]
    """The products and SKUs that it is about."""
    lane: int | None = None
    """Where its intent is written down; None where it changes nothing."""
    effect: asyncio.Task[tuple[AlteredGroup, ...]] | None = None

    def bad(self) -> list[BadRow]:
        """Its rows that go into quarantine, known once its effect has ended."""
        return self.part.bad + [row for rows in self.refused.values() for row in rows.values()]


Record = Callable[[str, Command], Awaitable[None]]
"""Writes down how far a run is, under a key."""
Settle = Callable[[UnderWay, tuple[AlteredGroup, ...]], NoteChunk | None]
"""Counts what came of a part and what it changed; what is to be written down of it, if anything."""


class Lanes:
    """Takes parts in their order, puts some of them into effect at once, and notes them in order.

    Each part is written down before and after its effect, so that a crash can be undone whichever
    of them are under way. Its note takes the intent of the part along that follows in its lane. No
    product or SKU is in two parts under way: such a part waits for the end of those before it.
    Beside shoppers one part goes at a time.
    """

    def __init__(
        self, importer: "Importer", run: str, sender: Sender, record: Record, settle: Settle
    ) -> None:
        self._importer, self._run, self._sender = importer, run, sender
        self._record, self._settle = record, settle
        self._parts: deque[UnderWay] = deque()
        self._free = list(range(IMPORT_LANES))
        self._number = 0

    async def add(
        self, part: Compared, news: News, refused: Refusals, names: frozenset[str]
    ) -> None:
        """Begins a part; raises what ended one before it."""
        if any(not before.names.isdisjoint(names) for before in self._parts):
            await self.drain()
        self._number += 1
        one = UnderWay(self._number, part, news, refused, names)
        meant = await self._sender.meant(news) if news.groups else None
        about = meant.about if meant else ()
        width = 1 if self._importer.pacing.busy else IMPORT_LANES
        while len(self._parts) > width:
            await self._end_first()
        if len(self._parts) == width:
            one.lane = await self._end_first(about)
        if about and one.lane is None:
            one.lane = self._free.pop(0)
            note = NoteIntent(run=self._run, lane=one.lane, groups=about)
            await self._record(f"{one.number}/intent", note)
        if meant is not None:
            one.effect = asyncio.create_task(
                self._sender.put(f"{one.number}", part, meant, refused)
            )
        self._parts.append(one)

    async def drain(self) -> None:
        """Returns once all of it is in effect and written down."""
        while self._parts:
            await self._end_first()

    async def stop(self) -> None:
        """After a failure: returns once nothing is on its way into the shop any more."""
        parts, self._parts = self._parts, deque()
        effects = [one.effect for one in parts if one.effect is not None]
        await asyncio.gather(*effects, return_exceptions=True)

    async def _end_first(self, intent: tuple[AlteredGroup, ...] = ()) -> int | None:
        """Writes the oldest part down, and what is meant next; the lane of that, if it is told."""
        one = self._parts[0]
        changes = await one.effect if one.effect is not None else ()
        self._parts.popleft()
        note = self._settle(one, changes)
        if note is None or one.lane is None:
            if note is not None:
                await self._record(f"{one.number}/note", note)
            return None
        note = msgspec.structs.replace(note, lane=one.lane, intent=intent)
        await self._record(f"{one.number}/note", note)
        if intent:
            return one.lane
        self._free.insert(0, one.lane)
        return None
