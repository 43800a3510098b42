"""What the first rows of a feed would become. Reads, maps and checks; nothing is compared or sent.

Whether the shop itself would refuse a row is found out by an import's dry run.
"""

from typing import Any, BinaryIO, Final, Literal

import msgspec

from shopwire.kernel.errors import FeedUnreadable
from shopwire.modules.feeds.api import BadRow
from shopwire.modules.feeds.mapping import Group
from shopwire.modules.feeds.opening import open_feed
from shopwire.modules.feeds.profile import Profile
from shopwire.modules.feeds.reading import Detected
from shopwire.services.feed_formats import FORMATS

PREVIEW_ROWS_DEFAULT: Final = 100
"""Rows of a preview, unless told otherwise."""
PREVIEW_ROWS_MAX: Final = 1_000
"""Most rows of a preview; more are cut down to it."""


class PreviewRow(msgspec.Struct, kw_only=True):
    """One row: what it would become, or why it would be quarantined."""

    line: int
    outcome: Literal["used", "quarantined"]
    sku: str = ""
    becomes: dict[str, Any] = {}
    bad: BadRow | None = None


class Preview(msgspec.Struct, kw_only=True):
    """The first rows of a feed, and how it was read."""

    profile: str
    read_as: str
    detected: Detected
    partial: bool
    used: int = 0
    quarantined: int = 0
    complete: bool = False
    """Whether the feed has no further rows."""
    notes: list[str] = []
    rows: list[PreviewRow] = []
    error: str | None = None
    """Where the feed broke off within these rows."""


def preview_feed(
    stream: BinaryIO,
    *,
    supplier: str = "preview",
    currency: str = "EUR",
    profile: Profile | str | None = None,
    encoding: str | None = None,
    rows_max: int = PREVIEW_ROWS_DEFAULT,
    **more: Any,
) -> Preview:
    """Reads the first rows of a seekable stream; raises what `open_feed` raises."""
    feed = open_feed(
        stream,
        supplier=supplier,
        currency=currency,
        profile=profile,
        encoding=encoding,
        formats=FORMATS,
        **more,
    )
    rows_max = max(1, min(rows_max, PREVIEW_ROWS_MAX))
    found = Preview(
        profile=feed.profile.name,
        read_as=feed.detected.words(),
        detected=feed.detected,
        partial=feed.profile.partial,
    )
    rows: list[PreviewRow] = []
    try:
        for group in feed.groups:
            rows += _rows(group)
            if len(rows) > rows_max:
                break
        else:
            found.complete = True
    except FeedUnreadable as problem:
        found.error = problem.data["reason"]
    found.rows = sorted(rows, key=lambda row: row.line)[:rows_max]
    found.complete = found.complete and len(rows) <= rows_max
    found.used = sum(row.outcome == "used" for row in found.rows)
    found.quarantined = len(found.rows) - found.used
    found.notes = feed.notes
    return found


def _rows(group: Group) -> list[PreviewRow]:
    rows = [PreviewRow(line=bad.line, outcome="quarantined", bad=bad) for bad in group.bad]
    offers = {offered.terms.sku: offered for offered in group.offers}
    counts = {count.sku: count.quantity for count in group.counts}
    variants = {one.sku: one for one in group.product.variants} if group.product else {}
    for sku, row in group.lines.items():
        becomes: dict[str, Any] = dict(group.more.get(sku, {}))
        if group.product is not None:
            product = group.product
            becomes |= {
                "product": product.id,
                "title": product.title,
                "brand": product.brand,
                "status": product.status,
                "categories": [" > ".join(path) for path in product.categories],
                "gtin": variants[sku].gtin,
                "options": variants[sku].options,
            }
        if sku in offers:
            becomes["offer"] = msgspec.to_builtins(offers[sku].terms)
        if sku in counts:
            becomes["quantity"] = counts[sku]
        rows.append(PreviewRow(line=row.line, outcome="used", sku=sku, becomes=becomes))
    return rows
