"""How the records of runs are kept, and what screens read of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from shopwire.kernel.checks import SqlCheck
from shopwire.kernel.errors import NotFound
from shopwire.kernel.names import slug_of
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Table
from shopwire.modules.feeds.api import Altered, AlteredGroup, Digest, Kept, Reading
from shopwire.modules.feeds.domain import (
    FeedLimits,
    FeedRow,
    FeedText,
    HeldPart,
    ImportChange,
    ImportIntent,
    ImportKept,
    Mend,
    QuarantinedRow,
    Recent,
    Run,
    lane_of,
    undo_until_ms,
)
from shopwire.modules.feeds.limits import (
    ASIDES_MAX,
    CHANGES_PAGE_MAX,
    IMPORT_LANES,
    OPEN_RUNS_MAX,
    QUARANTINE_PAGE_MAX,
    RUNS_PAGE_MAX,
)
from shopwire.modules.feeds.marks import Marks

_SQL: Final = load_queries("shopwire.modules.feeds")

TABLES: Final = tuple(
    Table(kind, _SQL[f"load_{kind.table}"], _SQL[f"save_{kind.table}"])
    for kind in (
        Run,
        Recent,
        QuarantinedRow,
        FeedRow,
        Mend,
        ImportChange,
        ImportIntent,
        ImportKept,
        HeldPart,
        FeedLimits,
        FeedText,
    )
)

CHECKS: Final = (
    SqlCheck("feeds.runs", _SQL["audit_runs"]),
    SqlCheck("feeds.undone", _SQL["audit_undone"]),
)


DUE_PRUNING: Final = _SQL["due_pruning"]
"""Ended runs as jobs, each due when what only an undo needs may go."""

DUE_CUT_OFF: Final = _SQL["due_cut_off"]
"""Runs that go on as jobs, each due when its process's lease runs out."""

DUE_APPROVED: Final = _SQL["due_approved"]
"""Approved runs as jobs, until they have ended."""


def _names_of(names: Iterable[str]) -> str:
    """Names as one JSON text: the driver would look at each of a list several times."""
    return msgspec.json.encode(list(names)).decode()


async def said_last(
    reads: Reads, tenant: str, supplier: str, keys: Sequence[str]
) -> dict[str, Digest]:
    """What a supplier said last of these products, as far as it ever said anything."""
    rows = await reads.fetch(_SQL["said_last"], tenant, supplier, _names_of(keys))
    return {row["key"]: Digest(**row) for row in rows}


async def marks_said(reads: Reads, tenant: str, supplier: str) -> Marks:
    """Marks of what a supplier said last."""
    rows = await reads.fetch(_SQL["marks_said"], tenant, supplier, ASIDES_MAX)
    return Marks(
        ((row["aside"], row["marks"]) for row in rows),
        ((row["aside"], row["rests"]) for row in rows),
    )


async def texts_said(
    reads: Reads, tenant: str, supplier: str, kind: str, reading: str
) -> dict[int, str]:
    """Pieces of what stretches of a supplier's feeds are, by number; blank if read otherwise."""
    rows = await reads.fetch(_SQL["texts_said"], tenant, supplier, kind, reading)
    return {row["piece"]: row["data"] for row in rows}


async def list_runs(
    reads: Reads,
    tenant: str,
    *,
    supplier: str | None = None,
    limit: int = 50,
    only_open: bool = False,
) -> list[dict[str, Any]]:
    """Runs, newest first; `only_open`: those that go on or wait for a person."""
    limit = max(1, min(limit, RUNS_PAGE_MAX))
    rows = await reads.fetch(_SQL["latest_runs"], tenant, supplier, limit, only_open)
    return [_run(row) for row in rows]


async def get_run(reads: Reads, tenant: str, run_id: str) -> dict[str, Any]:
    """One run; raises NotFound."""
    rows = await reads.fetch(_SQL["one_run"], tenant, run_id)
    if not rows:
        raise NotFound(what="import", id=run_id)
    return _run(rows[0])


async def list_quarantine(
    reads: Reads, tenant: str, run_id: str, *, after: int = 0, limit: int = 50
) -> dict[str, Any]:
    """Bad rows of a run in the order of the file; raises NotFound for an unknown run."""
    await get_run(reads, tenant, run_id)
    limit = max(1, min(limit, QUARANTINE_PAGE_MAX))
    rows = await reads.fetch(_SQL["quarantined_rows"], tenant, run_id, after, limit + 1)
    items = [_quarantined(row) for row in rows[:limit]]
    return {"items": items, "next": items[-1]["seq"] if len(rows) > limit else None}


async def get_quarantined(reads: Reads, tenant: str, run_id: str, seq: int) -> dict[str, Any]:
    """One bad row of a run; raises NotFound."""
    rows = await reads.fetch(_SQL["quarantined_rows"], tenant, run_id, seq - 1, 1)
    if not rows or rows[0]["seq"] != seq:
        raise NotFound(what="quarantined row", id=f"{run_id}/{seq}")
    return _quarantined(rows[0])


async def list_changes(
    reads: Reads, tenant: str, run_id: str, *, after: int = 0, limit: int = 50
) -> dict[str, Any]:
    """What a run changed, a product an item: each field before and after.

    A long value that is now is told by its mark only. Raises NotFound for an unknown run.
    """
    await get_run(reads, tenant, run_id)
    limit = max(1, min(limit, CHANGES_PAGE_MAX))
    rows = await reads.fetch(_SQL["changes_up"], tenant, run_id, after, limit + 1)
    items = [
        {
            "seq": row["seq"],
            "key": row["key"],
            "altered": msgspec.json.decode(row["altered"]),
        }
        for row in rows[:limit]
    ]
    return {"items": items, "next": items[-1]["seq"] if len(rows) > limit else None}


async def list_left(
    reads: Reads, tenant: str, run_id: str, *, after: int = 0, limit: int = 50
) -> dict[str, Any]:
    """What the undo of a run left, since something newer had changed it; raises NotFound."""
    await get_run(reads, tenant, run_id)
    limit = max(1, min(limit, CHANGES_PAGE_MAX))
    rows = await reads.fetch(_SQL["left_by_undo"], tenant, run_id, after, limit + 1)
    items = [
        {"seq": row["seq"], **msgspec.to_builtins(msgspec.json.decode(row["kept"], type=Kept))}
        for row in rows[:limit]
    ]
    return {"items": items, "next": items[-1]["seq"] if len(rows) > limit else None}


async def changes_down(
    reads: Reads, tenant: str, run_id: str, *, before: int, limit: int
) -> list[tuple[int, AlteredGroup]]:
    """What a run changed with its numbers, newest first."""
    rows = await reads.fetch(_SQL["changes_down"], tenant, run_id, before, limit)
    return [
        (
            row["seq"],
            AlteredGroup(
                key=row["key"],
                altered=msgspec.json.decode(row["altered"], type=tuple[Altered, ...]),
                said_was=msgspec.json.decode(row["said_was"], type=Digest),
                said_now=msgspec.json.decode(row["said_now"], type=Digest),
            ),
        )
        for row in rows
    ]


async def open_runs(reads: Reads, tenant: str, supplier: str) -> list[dict[str, Any]]:
    """Runs of one supplier that go on or are held, oldest first, however its name was written."""
    rows = await reads.fetch(_SQL["open_runs"], tenant, OPEN_RUNS_MAX)
    own = slug_of(supplier)
    return [dict(row) for row in rows if slug_of(row["supplier"]) == own]


async def category_paths(
    reads: Reads, tenant: str, slugs: Sequence[str], *, gaps: bool = False
) -> tuple[tuple[str, ...], ...]:
    """Categories as paths of names from the top; with `gaps` an unknown one is an empty path."""
    rows = await reads.fetch(_SQL["category_names"], tenant, list(slugs))
    known = {row["slug"]: (row["name"], row["parent"]) for row in rows}
    paths: list[tuple[str, ...]] = []
    for slug in slugs:
        path: list[str] = []
        up: str | None = slug
        while up is not None and up in known:
            name, up = known[up]
            path.insert(0, name)
        paths.append(tuple(path))
    return tuple(path for path in paths if path or gaps)


async def export_page(
    reads: Reads, tenant: str, *, supplier: str | None, after: str, limit: int
) -> list[dict[str, Any]]:
    """Variants of the next products, as they are written into a table for others.

    Costs and counts are those of one supplier where one is named; `cost_minor` is None where
    nobody, or not that supplier, offers it.
    """
    rows = await reads.fetch(_SQL["export_page"], tenant, supplier, after, limit)
    slugs = [msgspec.json.decode(row["categories"]) for row in rows]
    wanted = list(dict.fromkeys(slug for one in slugs for slug in one))
    paths = dict(zip(wanted, await category_paths(reads, tenant, wanted, gaps=True), strict=True))
    found = []
    for row, categories in zip(rows, slugs, strict=True):
        one = dict(row)
        del one["categories"]
        named = [" > ".join(paths[slug]) for slug in categories]
        one["category"] = "|".join(name for name in named if name)
        one["tags"] = msgspec.json.decode(one["tags"])
        one["options"] = msgspec.json.decode(one["options"])
        images = msgspec.json.decode(one["images"])
        one["images"] = [image["url"] for image in images]
        alt = images[0]["alt"] if images else ""
        one["image_alt"] = "" if alt == one["title"] else alt
        found.append(one)
    return found


async def export_mark(reads: Reads, tenant: str) -> list[Any]:
    """What is another one after each change of something that an export tells of."""
    (row,) = await reads.fetch(_SQL["export_mark"], tenant)
    return list(dict(row).values())


class Readable(msgspec.Struct, frozen=True, kw_only=True):
    """How a run was read, and how far it and its undo are."""

    supplier: str
    status: str
    kind: str
    altered: int
    undone_to: int
    held_parts: int
    reading: Reading


async def reading_of(reads: Reads, tenant: str, run_id: str) -> Readable:
    """How a run was read; raises NotFound."""
    rows = await reads.fetch(_SQL["reading_of_run"], tenant, run_id)
    if not rows:
        raise NotFound(what="import", id=run_id)
    row = dict(rows[0])
    return Readable(**row | {"reading": msgspec.json.decode(row["reading"], type=Reading)})


async def intent_of(reads: Reads, tenant: str, run_id: str) -> tuple[AlteredGroup, ...]:
    """What a run was about to change, where that is not written down yet."""
    places = [lane_of(run_id, lane) for lane in range(IMPORT_LANES)]
    rows = await reads.fetch(_SQL["intent_of_run"], tenant, places)
    decode = msgspec.json.Decoder(tuple[AlteredGroup, ...]).decode
    return tuple(group for row in rows for group in decode(row["groups"]))


async def mends_begun(reads: Reads, tenant: str, run_id: str) -> list[int]:
    """Numbers of rows whose mend was begun and is not written down."""
    rows = await reads.fetch(_SQL["mends_begun"], tenant, run_id)
    return [int(row["place"].rpartition("#")[2]) for row in rows]


async def quarantined_lines(reads: Reads, tenant: str, run_id: str) -> list[tuple[int, str]]:
    """Which lines a run has in quarantine already, and each line's reason by its code."""
    rows = await reads.fetch(_SQL["quarantined_lines"], tenant, run_id)
    return [(row["line"], row["code"]) for row in rows]


async def held_part(reads: Reads, tenant: str, run_id: str, part: int) -> str:
    """A kept piece of a held feed as base64; empty where it is kept no more."""
    rows = await reads.fetch(_SQL["held_part"], tenant, run_id, part)
    return str(rows[0]["data"]) if rows else ""


async def limits_of(reads: Reads, tenant: str, supplier: str) -> FeedLimits:
    """From where on a supplier's feeds are held: its own limits, or the defaults."""
    rows = await reads.fetch(_SQL["limits_of"], tenant, supplier)
    if not rows:
        return FeedLimits(tenant=tenant, supplier=supplier)
    return FeedLimits(tenant=tenant, **rows[0])


# -- what is, before a feed takes effect ------------------------------------------------------


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How many SKUs a supplier offers, has stock of, and either of both."""

    offered: int
    stocked: int
    either: int


async def size_of_supplier(reads: Reads, tenant: str, supplier: str) -> Size:
    """How large a supplier is."""
    (row,) = await reads.fetch(_SQL["size_of_supplier"], tenant, supplier)
    return Size(**row)


async def keys_said(
    reads: Reads, tenant: str, supplier: str, *, after: str, limit: int
) -> list[str]:
    """Keys of products that a supplier said something of, in order, after a key."""
    return await _names(reads, "keys_said", tenant, supplier, after, limit)


async def offered_skus(
    reads: Reads, tenant: str, supplier: str, *, after: str, limit: int
) -> list[str]:
    """SKUs that a supplier offers, in order, after a SKU."""
    return await _names(reads, "offered_skus", tenant, supplier, after, limit)


async def stocked_skus(
    reads: Reads, tenant: str, supplier: str, *, after: str, limit: int
) -> list[str]:
    """SKUs that a supplier has stock of, in order, after a SKU."""
    return await _names(reads, "stocked_skus", tenant, supplier, after, limit)


async def _names(reads: Reads, query: str, *arguments: str | int) -> list[str]:
    (row,) = await reads.fetch(_SQL[query], *arguments)
    names: list[str] = row["names"]
    return names


async def skus_held(
    reads: Reads, tenant: str, supplier: str, skus: Sequence[str]
) -> list[dict[str, Any]]:
    """What a supplier has of SKUs, in their order: `sku`, `offered`, `reported`."""
    rows = await reads.fetch(_SQL["skus_held"], tenant, supplier, list(skus))
    return [dict(row) for row in rows]


async def offers_before(
    reads: Reads, tenant: str, pairs: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], dict[str, Any]]:
    """Offers as they stand, by SKU and supplier, for those pairs that have one."""
    wanted = frozenset(pairs)
    skus, suppliers = ({pair[at] for pair in wanted} for at in (0, 1))
    rows = await reads.fetch(_SQL["offers_before"], tenant, _names_of(skus), list(suppliers))
    return {pair: dict(row) for row in rows if (pair := (row["sku"], row["supplier"])) in wanted}


async def counts_before(
    reads: Reads, tenant: str, supplier: str, skus: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """What one supplier has reported, by SKU, for those that it ever counted."""
    rows = await reads.fetch(_SQL["counts_before"], tenant, supplier, _names_of(skus))
    return {row["sku"]: dict(row) for row in rows}


async def products_before(
    reads: Reads, tenant: str, ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Products as they stand, as JSON, for those that there are."""
    rows = await reads.fetch(_SQL["products_before"], tenant, _names_of(ids))
    return {row["id"]: msgspec.json.decode(row["product"]) for row in rows}


class Since(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a count since a run reported it."""

    taken_in: int
    """Units of sales that have gone into the count, or into a later one."""
    net: int
    """By how much the count differs for later ones that are undone again."""
    newer: bool
    """Whether a newer count came, and is not undone."""
    reports: int
    """Statements that the pool has taken over."""
    withheld: int
    """Units that the supplier refused and that no count knows of."""


async def counts_since(
    reads: Reads, tenant: str, supplier: str, counts: Mapping[str, int | None], *, run_id: str
) -> dict[str, Since]:
    """What became of the counts that a run reported, by SKU.

    Args: `counts` by SKU are the numbers that are meant, where a run reported several, as a mended
    row does; None for its last.
    """
    own = f"import {run_id}"
    numbers = list(counts.values())
    rows = await reads.fetch(_SQL["counts_since"], tenant, supplier, list(counts), own, numbers)
    return {
        row["sku"]: Since(**{name: row[name] for name in Since.__struct_fields__}) for row in rows
    }


def _quarantined(row: Any) -> dict[str, Any]:
    found = dict(row)
    found["cells"] = msgspec.json.decode(found["cells"])
    return found


def _run(row: Any) -> dict[str, Any]:
    run = dict(row)
    run["notes"] = msgspec.json.decode(run["notes"])
    hold = msgspec.json.decode(run["hold"])
    run["hold"] = hold if hold.get("reasons") else None
    pruned_to = run.pop("pruned_to")
    run["undo_until_ms"] = undo_until_ms(run["status"], run["finished_at_ms"], pruned_to)
    return run
