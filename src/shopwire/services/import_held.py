"""The bytes of a held feed: packed, in pieces, in the database, so that any process can go on."""

import asyncio
import base64
import zlib
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, BinaryIO, Final

from shopwire.kernel.errors import FeedUnreadable
from shopwire.kernel.queries import Reads
from shopwire.modules.feeds.api import KeepPart
from shopwire.modules.feeds.limits import FEED_BYTES_MAX, HELD_BYTES_MAX, HELD_PART_BYTES
from shopwire.modules.feeds.lines import READ_BYTES
from shopwire.modules.feeds.store import held_part
from shopwire.services.import_request import ImportRequest

if TYPE_CHECKING:
    from shopwire.services.importing import Importer

_LEVEL: Final = 3
"""How hard to pack: a feed shrinks to a fifth or less at any level."""


async def keep_feed(
    importer: "Importer", request: ImportRequest, stream: BinaryIO, *, goes_on: bool = False
) -> tuple[int, bool]:
    """Keeps a feed from its first byte; the pieces, and whether all of it is kept.

    One that is larger than HELD_BYTES_MAX when packed is not. `goes_on`: the run is not held, but
    goes on from these pieces where it is cut off.
    """
    stream.seek(0)
    packer = zlib.compressobj(_LEVEL)
    parts = size = 0
    ended = False
    held = bytearray()
    while not ended:
        while len(held) < HELD_PART_BYTES and not ended:
            piece = await asyncio.to_thread(stream.read, READ_BYTES)
            ended = not piece
            held += await asyncio.to_thread(packer.compress, piece) if piece else packer.flush()
        size += len(held)
        if size > HELD_BYTES_MAX:
            return parts, False
        data = base64.b64encode(held).decode()
        whole = ended and goes_on
        keep = KeepPart(run=request.run, part=parts, data=data, whole=whole)
        await importer.send(request, [(f"keep/{parts}", keep)])
        parts += 1
        held.clear()
    return parts, True


async def keep_sent(
    importer: "Importer", request: ImportRequest, stream: BinaryIO
) -> tuple[int, bool]:
    """Keeps a feed that was sent and begins, so that it can go on where it is cut off.

    One that is too large for that is not, and has to be sent again then. The stream is where it
    was, since somebody is reading it already. Returns as `keep_feed`.
    """
    place = stream.tell()
    parts, kept = await keep_feed(importer, request, stream, goes_on=True)
    stream.seek(place)
    if not kept:
        empty = [(f"unkeep/{part}", KeepPart(run=request.run, part=part, data=""))
                 for part in range(parts)]  # fmt: skip
        await importer.send(request, empty)
    return parts, kept


async def open_kept(
    reads: Reads, tenant: str, run: str, parts: int, memory_bytes_max: int
) -> SpooledTemporaryFile[bytes]:
    """A held feed, from its first byte; the caller closes it.

    Raises FeedUnreadable where a piece of it is kept no more.
    """
    spool = SpooledTemporaryFile(max_size=memory_bytes_max)  # noqa: SIM115 - the caller closes it
    try:
        unpacker = zlib.decompressobj()
        for part in range(parts):
            data = await held_part(reads, tenant, run, part)
            piece = unpacker.decompress(base64.b64decode(data), FEED_BYTES_MAX)
            await asyncio.to_thread(spool.write, piece)
        _check_whole(ended=unpacker.eof)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool


def _check_whole(*, ended: bool) -> None:
    if not ended:
        reason = "the held feed is kept no more"
        raise FeedUnreadable(reason, reason=reason)
