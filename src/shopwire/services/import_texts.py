"""What is known of a feed's text from the feeds before it, and what is kept for the next one."""

import asyncio
import base64
import logging
import zlib
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final, Optional

import msgspec

from shopwire.modules.feeds.api import KeepTexts
from shopwire.modules.feeds.blocks import Blocks, Fresh
from shopwire.modules.feeds.limits import BLOCK_PIECES_MAX, BLOCKS_FRESH_ROWS_MIN, BLOCKS_ROOMY_MAX
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
        kept: Sequence[int],
        blocks: Blocks,
    ) -> None:
        """Args: `kept` are the numbers of the pieces that the blocks were in."""
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
        numbers = sorted(kept)
        blocks = await asyncio.to_thread(_unpacked, kept)
        return cls(importer, request, keep, numbers, blocks)

    async def end(self) -> None:
        """Keeps what was new; where much comes no more, only what came and what was new."""
        if self.fresh.rows < BLOCKS_FRESH_ROWS_MIN:
            return
        pieces, number = iter(self.fresh.pieces), max(self._kept, default=-1) + 1
        if self._is_stale or not len(self.blocks):
            pieces, number = chain(self.blocks.seen_pieces(), pieces), 0
        # Each is half a megabyte: one at a time is packed, and is in memory.
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            await self._put(number, (base64.b64encode(piece).decode(),))
            number += 1
        if gone := ("",) * (max(self._kept, default=-1) + 1 - number):
            await self._put(number, gone)

    @property
    def _is_stale(self) -> bool:
        known, seen, new = len(self.blocks), self.blocks.seen, self.fresh.blocks
        if len(self._kept) > BLOCK_PIECES_MAX or known - seen > seen + new:
            return True
        return known + new > BLOCKS_ROOMY_MAX and 4 * (known - seen) > known + new

    async def _put(self, first: int, pieces: tuple[str, ...]) -> None:
        keep = msgspec.structs.replace(self._keep, first=first, pieces=pieces)
        await self._importer.send(self._request, [(f"texts/{first}", keep)])


def _unpacked(pieces: dict[int, str]) -> Blocks:
    """Takes the pieces out one by one: as text they are as large as what comes of them."""
    try:
        return Blocks(base64.b64decode(one) for at in sorted(pieces) if (one := pieces.pop(at)))
    except (ValueError, zlib.error, msgspec.DecodeError) as problem:
        _LOG.warning("what is known of a feed's text cannot be read, and is made anew: %s", problem)
        return Blocks()
