"""Writes the shop's articles as a feed that the same profile reads back, or another shop does."""

import hashlib
from collections.abc import AsyncIterator
from typing import Final, TextIO

import msgspec

from shopwire.kernel.clock import SystemClock
from shopwire.kernel.queries import Reads
from shopwire.modules.feeds.store import export_mark, export_page
from shopwire.services.export_forms import FORMS, ExportFormat, Writer
from shopwire.services.export_rows import ExportRow
from shopwire.services.export_x12 import InventoryAdvice, envelope_for

EXPORT_PRODUCTS: Final = 500
"""Products that are read together; a shop of any size is written in constant memory."""
_VERSION: Final = 2
"""Counted up when a form writes something else of the same articles, so that no tag fits both."""


async def export_feed(
    reads: Reads,
    tenant: str,
    out: TextIO,
    form: ExportFormat,
    *,
    supplier: str | None = None,
    base: str = "",
    writer: Writer | None = None,
) -> int:
    """Writes all articles, or those that one supplier offers; returns how many rows there are."""
    rows = 0
    async for piece, count in export_pieces(
        reads, tenant, form, supplier=supplier, base=base, writer=writer
    ):
        out.write(piece)
        rows += count
    return rows


async def export_pieces(
    reads: Reads,
    tenant: str,
    form: ExportFormat,
    *,
    supplier: str | None = None,
    base: str = "",
    writer: Writer | None = None,
) -> AsyncIterator[tuple[str, int]]:
    """The file piece by piece, each with the number of articles that it holds.

    Args: `base` goes before addresses of the shop's own, such as `https://shop.example`; `writer`
    goes before the form's own.
    """
    writer = writer or FORMS[form].writer()
    yield writer.head(), 0
    after = ""
    while page := await export_page(
        reads, tenant, supplier=supplier, after=after, limit=EXPORT_PRODUCTS
    ):
        rows = [msgspec.convert({**found, "base": base}, ExportRow) for found in page]
        wanted = [
            row
            for row in rows
            if (supplier is None or row.cost_minor is not None)
            and (row.status == "active" or not FORMS[form].active_only)
        ]
        yield "".join(map(writer.row, wanted)), len(wanted)
        after = page[-1]["id"]
    yield writer.tail(), 0


async def writer_for(
    reads: Reads,
    tenant: str,
    form: ExportFormat,
    *,
    supplier: str | None = None,
    sender: str = "",
    receiver: str = "",
) -> Writer:
    """What writes a form; X12 has an envelope, with the names that are said or a supplier's way's.

    Raises InvalidField for names that fit into no envelope.
    """
    if form != "x12-846":
        return FORMS[form].writer()
    now_ms = SystemClock().now_ms()
    envelope = await envelope_for(
        reads, tenant, now_ms, supplier=supplier, sender=sender, receiver=receiver
    )
    return InventoryAdvice(envelope)


async def export_tag(
    reads: Reads, tenant: str, form: ExportFormat, *, supplier: str | None = None, base: str = ""
) -> str:
    """What tells one state of the shop's articles from another, in 32 letters.

    It is looked up before the articles are read: a file may be newer than its tag, never older.
    """
    told = (_VERSION, form, supplier, base, await export_mark(reads, tenant))
    return hashlib.blake2b(msgspec.json.encode(told), digest_size=16).hexdigest()
