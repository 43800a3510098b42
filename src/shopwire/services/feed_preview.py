"""What the first rows of a feed would become. Reads, maps and checks; nothing is compared or sent.

Whether the shop itself would refuse a row is found out by an import's dry run.
"""

from typing import Any, BinaryIO, Final, Literal

import msgspec

from shopwire.kernel.errors import FeedUnreadable, ProfileUnknown
from shopwire.modules.feeds.api import BadRow
from shopwire.modules.feeds.groups import Group
from shopwire.modules.feeds.limits import CHUNK_CHARS_MAX, SAMPLE_ROWS_MAX
from shopwire.modules.feeds.naming import proposed
from shopwire.modules.feeds.opening import OpenFeed, look_into, open_feed
from shopwire.modules.feeds.profile import Profile, said_of
from shopwire.modules.feeds.reading import Detected, RawRow
from shopwire.services.feed_formats import FORMATS

PREVIEW_ROWS_DEFAULT: Final = 100
"""Rows of a preview, unless told otherwise."""
PREVIEW_ROWS_MAX: Final = 1_000
"""Most rows of a preview; more are cut down to it."""
PREVIEW_CELL_CHARS_MAX: Final = 200
"""Letters of a cell that a preview shows."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was found out about a file, and how."""

    what: Literal["packing", "format", "encoding", "separator", "decimals", "units", "currency"]
    value: str
    why: str


class PreviewRow(msgspec.Struct, kw_only=True):
    """One row: what it would become, or why it would be quarantined."""

    line: int
    outcome: Literal["used", "quarantined", "unmapped"]
    """`unmapped`: nobody has said yet what its columns are."""
    sku: str = ""
    becomes: dict[str, Any] = {}
    bad: BadRow | None = None
    cells: dict[str, str] = {}
    """As they came, by column, shortened."""


class Preview(msgspec.Struct, kw_only=True):
    """The first rows of a feed, and how it was read."""

    profile: str
    """Blank where no profile fits, so that the columns have to be mapped first."""
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
    columns: list[str] = []
    fields: dict[str, list[str]] = {}
    """The columns that each field is taken from."""
    mapping: dict[str, Any] = {}
    """All that the profile says beyond the defaults, as its TOML would, for somebody to change."""
    proposed: dict[str, str] = {}
    """By field: a column whose name sounds like it, for somebody to agree to."""
    findings: list[Finding] = []


def preview_feed(
    stream: BinaryIO,
    *,
    supplier: str = "preview",
    currency: str = "EUR",
    profile: Profile | str | None = None,
    encoding: str | None = None,
    rows_max: int = PREVIEW_ROWS_DEFAULT,
    sketch: bool = False,
    item: str = "",
    header: bool = True,
    **more: Any,
) -> Preview:
    """Reads the first rows of a seekable stream; raises what `open_feed` raises.

    With `sketch` a file that no profile fits is shown as it is, to be mapped; so is an XML file
    whose rows are the elements named `item`, and a table without a `header`.
    """
    rows_max = max(1, min(rows_max, PREVIEW_ROWS_MAX))
    if sketch and (item or not header) and profile is None:
        looked = look_into(stream, encoding=encoding, item=item or "item", header=header)
        return _unmapped(*looked, rows_max, encoding)
    try:
        feed = open_feed(
            stream,
            supplier=supplier,
            currency=currency,
            profile=profile,
            encoding=encoding,
            formats=FORMATS,
            **more,
        )
    except (ProfileUnknown, FeedUnreadable):
        if not sketch or profile is not None:
            raise
        stream.seek(0)
        return _unmapped(*look_into(stream, encoding=encoding), rows_max, encoding)
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
    found.findings = _findings(feed, encoding, currency)
    found.fields = {name: list(field.all_columns()) for name, field in feed.profile.fields.items()}
    found.mapping = said_of(feed.profile)
    columns = dict.fromkeys(feed.detected.columns)
    for row in found.rows:
        columns |= dict.fromkeys(row.cells)
    found.columns = list(columns)
    found.proposed = proposed(found.columns)
    return found


def _unmapped(
    detected: Detected, rows: list[RawRow], rows_max: int, encoding: str | None
) -> Preview:
    shown = [
        PreviewRow(
            line=row.line,
            outcome="quarantined" if row.problem else "unmapped",
            bad=row.problem,
            cells=_short(row.cells),
        )
        for row in rows[:rows_max]
    ]
    columns = list(detected.columns)
    # Of more rows only some were looked at.
    some = len(rows) >= SAMPLE_ROWS_MAX or sum(row.chars for row in rows) > CHUNK_CHARS_MAX
    return Preview(
        profile="",
        read_as=detected.words(),
        detected=detected,
        partial=True,
        complete=not some and len(rows) <= rows_max,
        quarantined=sum(row.outcome == "quarantined" for row in shown),
        rows=shown,
        columns=columns,
        proposed=proposed(columns),
        findings=_file_findings(detected, said=encoding or "", by_mapping=False),
    )


def _findings(feed: OpenFeed, encoding: str | None, currency: str) -> list[Finding]:
    """All that was found out, each with its reason."""
    profile, detected = feed.profile, feed.detected
    said = encoding or profile.encoding
    found = _file_findings(detected, said=said, by_mapping=bool(profile.delimiter))
    sign = {".": "point", ",": "comma"}.get(detected.decimal, "not known")
    why = {
        "profile": "the mapping says so",
        "amounts": "amounts in the file can be read in no other way",
    }.get(detected.decimal_by, "no amount proves it; one that can be read in two ways is refused")
    found.append(Finding(what="decimals", value=sign, why=why))
    units = [unit for unit in (profile.weight_unit, profile.length_unit) if unit]
    if units:
        found.append(Finding(what="units", value=", ".join(units), why="the mapping says so"))
    money = profile.currency or currency
    by = "the mapping says so" if profile.currency else "of amounts that do not say theirs"
    found.append(Finding(what="currency", value=money, why=by))
    return found


def _file_findings(detected: Detected, *, said: str, by_mapping: bool) -> list[Finding]:
    found: list[Finding] = []
    if detected.packing:
        why = "the first bytes are those of such an archive"
        found.append(Finding(what="packing", value=detected.packing, why=why))
    form = detected.format if detected.format != "table" else detected.delimiter
    form = form if form in ("xml", "json", "ndjson", "xlsx", "x12") else "table"
    where = detected.sheet and f"sheet {detected.sheet}"
    where = where or (detected.rows_in and f"rows in {detected.rows_in}")
    value = f"{form}, {where}" if where else form
    found.append(Finding(what="format", value=value, why="the first bytes say so"))
    if detected.encoding:
        why = (
            "the mark at the start of the file says so" if detected.marked
            else "several lines are letters in it, and none are in UTF-8" if detected.encoding_found
            else "you or the mapping said so" if said
            else "nothing in the file speaks against it"
        )  # fmt: skip
        found.append(Finding(what="encoding", value=detected.encoding.upper(), why=why))
    if form == "table":
        why = "the mapping says so" if by_mapping else "it stands most often in the first line"
        sign = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}.get(
            detected.delimiter, detected.delimiter
        )
        found.append(Finding(what="separator", value=sign, why=why))
    return found


def _short(cells: dict[str, str]) -> dict[str, str]:
    return {name: text[:PREVIEW_CELL_CHARS_MAX] for name, text in cells.items()}


def _rows(group: Group) -> list[PreviewRow]:
    rows = [
        PreviewRow(line=bad.line, outcome="quarantined", bad=bad, cells=_short(bad.cells))
        for bad in group.bad
    ]
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
        rows.append(
            PreviewRow(
                line=row.line, outcome="used", sku=sku, becomes=becomes, cells=_short(row.cells)
            )
        )
    return rows
