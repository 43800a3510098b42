"""Quarantined rows that a person settles: mended and put into effect, or set aside."""

import asyncio
import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from shopwire.kernel.errors import InvalidField, KeyInFlight, MalformedRequest, RuleBroken
from shopwire.kernel.ids import DEFAULT_TENANT, new_id
from shopwire.kernel.names import slug_of
from shopwire.modules.catalog.api import ProductContent
from shopwire.modules.feeds.api import BadRow, IntendMend, NoteMend, Reading, RecoverMend
from shopwire.modules.feeds.documents import JsonReader
from shopwire.modules.feeds.domain import ENDED, place_of
from shopwire.modules.feeds.groups import Group
from shopwire.modules.feeds.limits import RAW_CHARS_MAX, SPOOLED_BYTES_MAX
from shopwire.modules.feeds.lookups import load_lookups
from shopwire.modules.feeds.mapping import Mapper
from shopwire.modules.feeds.profile import Profile
from shopwire.modules.feeds.reading import DelimitedReader, RawRow
from shopwire.modules.feeds.store import (
    Readable,
    category_paths,
    get_quarantined,
    get_run,
    intent_of,
    mends_begun,
    products_before,
    reading_of,
)
from shopwire.modules.feeds.unpacking import beside
from shopwire.services.import_effect import took_effect
from shopwire.services.import_held import open_kept
from shopwire.services.import_request import ImportRequest

if TYPE_CHECKING:
    from shopwire.services.importing import Importer


MENDING: Final = "feeds.mend"
"""What is done by one process at a time, for each row."""
MEND_WAIT_MS_MAX: Final = 500
"""Longest time between two looks whether a mend that goes on has ended."""


class MendRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shall become of a quarantined row: one of these.

    With nothing at all the row is tried again as it came: what stood against it may be gone.
    """

    cells: dict[str, str] | None = None
    """Cells by column; columns that are not named stay as they came."""
    raw: str | None = None
    """The whole row as text, in the feed's own format."""
    drop: bool = False
    """Set it aside."""


async def mend_row(
    importer: "Importer",
    run: str,
    seq: int,
    wanted: MendRequest,
    *,
    principal: str,
    tenant: str = DEFAULT_TENANT,
) -> dict[str, Any]:
    """Settles a row, once, and returns its run; a row that still cannot be used is refused.

    Raises NotFound, InvalidField with the column and the reason, KeyInFlight where somebody else is
    at the row, RuleBroken for a row that is settled, or whose run is undone.
    """
    async with importer.alone(MENDING, place_of(run, seq), tenant):
        row = await get_quarantined(importer.reads, tenant, run, seq)
        found = await reading_of(importer.reads, tenant, run)
        _check_open(row, found)
        recovered = await recover_mend(importer, run, seq, principal=principal, tenant=tenant)
        if not wanted.drop:
            await _mended(importer, run, row, wanted, found, principal, tenant)
        elif recovered:
            raise RuleBroken(
                "A mend of the row was cut off: it is in effect.",
                rule="what is in effect is not set aside",
                reason="mend it, or undo the import",
            )
        else:
            note = NoteMend(run=run, seq=seq, outcome="dropped", by=principal)
            await importer.decide(note, principal, tenant)
        return await get_run(importer.reads, tenant, run)


def _check_open(row: Mapping[str, Any], found: Readable) -> None:
    if row["outcome"] is not None:
        raise RuleBroken(
            f"The row is {row['outcome']} already.",
            rule="a quarantined row is settled once",
            reason=f"{row['outcome']} by {row['settled_by']}",
        )
    if found.status not in ENDED:
        raise RuleBroken(
            f"The import is {found.status}.",
            rule="rows are mended in imports that have ended",
            reason=f"it is {found.status}",
        )


async def _mended(
    importer: "Importer",
    run: str,
    row: Mapping[str, Any],
    wanted: MendRequest,
    found: Readable,
    principal: str,
    tenant: str,
) -> None:
    """Puts the row into effect, and writes both down: before it what may change, then what did."""
    seq = row["seq"]
    mending = _Mending(importer, found.reading, found.supplier, tenant)
    await mending.look_up(run, found.held_parts)
    raw = mending.row_of(row, wanted)
    group = await mending.group(raw)
    request = ImportRequest(
        run=run,
        supplier=found.supplier,
        source="mended",
        as_of_ms=found.reading.as_of_ms,
        principal=principal,
        tenant=tenant,
    )
    altered, refused = await importer.take_group(
        request,
        f"mend/{new_id()}",
        group,
        lambda groups: IntendMend(run=run, seq=seq, groups=groups),
    )
    if refused:
        _refuse(refused[0])
    note = NoteMend(
        run=run,
        seq=seq,
        outcome="mended",
        by=principal,
        raw=raw.raw[:RAW_CHARS_MAX],
        altered=altered,
    )
    await importer.decide(note, principal, tenant)


async def recover_mend(
    importer: "Importer", run: str, seq: int, *, principal: str, tenant: str
) -> bool:
    """Writes down what a mend that was cut off had put into effect; whether it had any.

    To be called by who is alone at the row.
    """
    groups = await intent_of(importer.reads, tenant, place_of(run, seq))
    if not groups:
        return False
    found = await reading_of(importer.reads, tenant, run)
    altered = await took_effect(importer.reads, tenant, slug_of(found.supplier), run, groups)
    recover = RecoverMend(run=run, seq=seq, altered=altered)
    await importer.decide(recover, principal, tenant)
    return bool(altered)


async def recover_mends(importer: "Importer", run: str, *, principal: str, tenant: str) -> None:
    """The same for all rows of a run whose undo has begun; waits for mends that go on."""
    while numbers := await mends_begun(importer.reads, tenant, run):
        for seq in numbers:
            try:
                async with importer.alone(MENDING, place_of(run, seq), tenant):
                    await recover_mend(importer, run, seq, principal=principal, tenant=tenant)
            except KeyInFlight as busy:
                await importer.pause(min(MEND_WAIT_MS_MAX, busy.data["retry_ms"]) / 1_000)


class _Mending:
    """One row beside the mapping that its feed was read with."""

    def __init__(self, importer: "Importer", reading: Reading, supplier: str, tenant: str) -> None:
        if not reading.profile:
            raise RuleBroken(
                "It is not known how this import was read.",
                rule="rows are mended with the mapping of their import",
                reason="it is older than that is kept; send the row again in a feed",
            )
        self._importer, self._reading = importer, reading
        self._supplier, self._tenant = supplier, tenant
        self._tables: dict[str, Mapping[str, str]] = {}
        self._profile = msgspec.convert(reading.profile, Profile)

    async def look_up(self, run: str, parts: int) -> None:
        """Reads the tables of the mapping: of the archive that the feed came in, or its folder.

        Raises MappingInvalid, FeedUnreadable.
        """
        profile = self._profile
        folder = Path(self._reading.folder) if self._reading.folder else None
        if not (parts and profile.lookups):
            self._tables = load_lookups(profile, folder)
            return
        reads = self._importer.reads
        with await open_kept(reads, self._tenant, run, parts, SPOOLED_BYTES_MAX) as file:
            archive = await asyncio.to_thread(beside, file)  # type: ignore[arg-type]
            self._tables = await asyncio.to_thread(load_lookups, profile, folder, archive)

    def row_of(self, row: Mapping[str, Any], wanted: MendRequest) -> RawRow:
        """The row as it shall be read."""
        if wanted.raw is not None:
            return self._parsed(row["line"], wanted.raw)
        if wanted.cells is None and not row["cells"]:
            return self._parsed(row["line"], row["raw"])
        cells = {**row["cells"], **(wanted.cells or {})}
        shown = row["raw"] if not wanted.cells else _line_of(cells)
        return RawRow(row["line"], cells, shown, chars=sum(map(len, cells.values())))

    def _parsed(self, line: int, raw: str) -> RawRow:
        """One row of text, read as the feed was: below its header, or as one JSON value."""
        reading = self._reading
        profile = self._profile
        if reading.format == "table" and reading.delimiter:
            head = "" if profile.columns else _line_of(reading.columns, reading.delimiter)
            text = head + raw.rstrip("\r\n") + "\n"
            reader = DelimitedReader(
                io.BytesIO(text.encode()),
                encoding="utf-8",
                delimiter=reading.delimiter,
                columns=profile.columns,
            )
            reader.loose_quotes = profile.loose_quotes
            reader.rename(profile.used_columns())
            rows = list(reader)
        elif raw.lstrip().startswith("{"):
            rows = list(JsonReader(io.BytesIO(f"[{raw}]".encode()), path=""))
        else:
            raise MalformedRequest(
                "A row of this format is mended by its cells.",
                field="raw",
                reason="send `cells` instead of `raw`",
            )
        if len(rows) != 1:
            raise MalformedRequest(
                f"That is {len(rows)} rows.", field="raw", reason="mend one row at a time"
            )
        if rows[0].problem is not None:
            _refuse(rows[0].problem)
        return RawRow(line, rows[0].cells, raw, chars=rows[0].chars)

    async def group(self, row: RawRow) -> Group:
        """What the row becomes, which may be a bad row again."""
        group = self._mapped(row)
        if group.bad and self._lacks_title(group.bad[0]):
            # A row that goes on with a product has no title of its own: the product's holds.
            titled = RawRow(row.line, {**row.cells, **self._title("?")}, row.raw)
            other = self._mapped(titled)
            if other.product is not None and await self._known(other.product.id):
                group = other
        if group.product is not None:
            group = replace(group, product=await self._completed(group.product))
        return group

    def _mapped(self, row: RawRow) -> Group:
        reading = self._reading
        mapper = Mapper(
            self._profile,
            supplier=self._supplier,
            currency=reading.currency,
            lookups=self._tables,
            decimal=reading.decimal,  # type: ignore[arg-type]
        )
        groups = list(mapper.groups([row]))
        if not groups:
            raise InvalidField(
                "The mapping passes over this row.", field="cells", reason="a condition of it"
            )
        return groups[0]

    def _title(self, text: str) -> dict[str, str]:
        field = self._profile.fields.get("title")
        return {field.columns[0]: text} if field is not None and field.columns else {}

    def _lacks_title(self, bad: BadRow) -> bool:
        return bad.code == "missing" and bad.column in self._title("")

    async def _known(self, product_id: str) -> dict[str, Any] | None:
        found = await products_before(self._importer.reads, self._tenant, [product_id])
        return found.get(product_id)

    async def _completed(self, told: ProductContent) -> ProductContent:
        """The product as it is in the shop where the row alone says nothing of it."""
        known = await self._known(told.id)
        if known is None:
            return told
        current = msgspec.convert(
            {name: known[name] for name in ("title", "description", "brand", "tags", "images")},
            _Texts,
        )
        paths = told.categories or await category_paths(
            self._importer.reads, self._tenant, known["categories"]
        )
        return replace(
            told,
            title=current.title if told.title in ("", "?") else told.title,
            description=told.description or current.description,
            brand=told.brand or current.brand,
            tags=told.tags or current.tags,
            images=told.images or current.images,
            categories=paths,
        )


class _Texts(msgspec.Struct):
    title: str
    description: str
    brand: str
    tags: tuple[str, ...]
    images: tuple[Any, ...]


def _line_of(cells: Any, delimiter: str = ",") -> str:
    out = io.StringIO()
    values = cells.values() if isinstance(cells, dict) else cells
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerow(values)
    return out.getvalue()


def _refuse(bad: BadRow) -> None:
    raise InvalidField(
        f"The row still cannot be used: {bad.reason}. {bad.remedy}",
        field=bad.column or "row",
        reason=bad.reason,
    )
