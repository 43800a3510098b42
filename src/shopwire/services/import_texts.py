"""What is known of a feed's text from the feeds before it, and what is kept for the next one."""

import asyncio
import base64
import logging
import zlib
from typing import TYPE_CHECKING, Final, Optional

import msgspec

from shopwire.kernel.commands import Command
from shopwire.modules.feeds.api import KeepTexts
from shopwire.modules.feeds.blocks import Blocks, Fresh
from shopwire.modules.feeds.limits import BLOCK_PIECES_MAX, BLOCKS_FRESH_ROWS_MIN
from shopwire.modules.feeds.store import texts_said
from shopwire.services.import_request import ImportRequest

if TYPE_CHECKING:
    from shopwire.services.importing import Importer

_LOG: Final = logging.getLogger(__name__)


class Texts:
    """Blocks of one supplier's feeds of one kind, around one run."""

    def __init__(
        self,
        importer: "Importer",
        request: ImportRequest,
        keep: KeepTexts,
        kept: dict[int, str],
        blocks: Blocks,
    ) -> None:
        self._importer, self._request, self._keep, self._kept = importer, request, keep, kept
        self.blocks = blocks
        self.fresh = Fresh()

    @classmethod
    async def of(
        cls, importer: "Importer", request: ImportRequest, keep: KeepTexts
    ) -> Optional["Texts"]:
        """What is kept under the reading of `keep`; None where text tells no rows by itself."""
        if not keep.reading:
            return None
        kept = await texts_said(
            importer.reads, request.tenant, keep.supplier, keep.kind, keep.reading
        )
        blocks = await asyncio.to_thread(_unpacked, list(kept.values()))
        return cls(importer, request, keep, kept, blocks)

    async def end(self) -> None:
        """Keeps what was new; forgets all where most of it comes no more, to begin anew."""
        known, seen, fresh = len(self.blocks), self.blocks.seen, self.fresh
        stale = known - seen > seen + fresh.blocks or len(self._kept) > BLOCK_PIECES_MAX
        if fresh.rows < BLOCKS_FRESH_ROWS_MIN:
            return
        first = 0 if stale or not known else max(self._kept) + 1
        pieces = [base64.b64encode(piece).decode() for piece in fresh.pieces]
        sent: list[tuple[str, Command]] = [
            (f"texts/{number}", msgspec.structs.replace(self._keep, first=number, pieces=(piece,)))
            for number, piece in enumerate(pieces, first)
        ]
        after = first + len(pieces)
        if gone := ("",) * (max(self._kept, default=-1) + 1 - after):
            forget = msgspec.structs.replace(self._keep, first=after, pieces=gone)
            sent.append((f"texts/{after}", forget))
        for one in sent:  # each is half a megabyte: they need not be in memory twice
            await self._importer.send(self._request, [one])


def _unpacked(pieces: list[str]) -> Blocks:
    try:
        return Blocks([base64.b64decode(one) for one in pieces if one])
    except (ValueError, zlib.error, msgspec.DecodeError) as problem:
        _LOG.warning("what is known of a feed's text cannot be read, and is made anew: %s", problem)
        return Blocks()
