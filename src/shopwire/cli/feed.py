"""`shopwire feed`: look at a supplier's feed before it is taken in, and decide after."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from shopwire.cli import feed_matches, feed_runs
from shopwire.cli.feed_matches import saved_profile
from shopwire.cli.import_ import open_importer
from shopwire.cli.import_remote import download
from shopwire.kernel.errors import SetupProblem
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.names import slug_of
from shopwire.modules.feeds.profile import Profile, built_in_profiles, load_mapping
from shopwire.services.export_forms import ExportFormat
from shopwire.services.export_x12 import InventoryAdvice
from shopwire.services.feed_export import export_feed, writer_for
from shopwire.services.feed_preview import PREVIEW_ROWS_DEFAULT, Preview, preview_feed

_PARTLY = 3

app = App(name="feed", help="Look at suppliers' feeds before they are taken in, and decide after.")
for _command in (
    feed_runs.runs, feed_runs.show, feed_runs.changes, feed_runs.quarantine, feed_runs.approve,
    feed_runs.reject, feed_runs.undo, feed_runs.mend, feed_runs.limits,
    feed_matches.matches, feed_matches.match, feed_matches.matching, feed_matches.profiles,
    feed_matches.save,
):  # fmt: skip
    app.command(_command)


@app.command
def preview(
    file: Path,
    /,
    *,
    profile: str | None = None,
    mapping: Path | None = None,
    encoding: str | None = None,
    currency: str = "EUR",
    rows: int = PREVIEW_ROWS_DEFAULT,
    data: feed_runs.Data = Path(".shopwire/data"),
    database: feed_runs.Database = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Show what the first rows of a feed would become; nothing is written.

    A shop is needed for a profile of your own alone.

    Exit codes: 0 all rows usable, 1 failed, 3 some would be quarantined.

    Args:
        file: The feed.
        profile: How to read it; without it, the file tells.
        mapping: A mapping of your own, in TOML, instead of a profile.
        encoding: Such as cp1252, for a file that does not say what it is.
        currency: Of amounts that do not say theirs.
        rows: How many.
        data: The shop's folder.
        database: Instead of a folder: a PostgreSQL database, or a running server.
        json: Print one JSON object.
    """
    if profile and mapping:
        raise SetupProblem("Name a profile or a mapping, not both.", what="usage")
    if not file.is_file():
        raise SetupProblem(f"There is no file {file}.", what="feed", reason="check the path")
    chosen: Profile | str | None = load_mapping(mapping) if mapping else profile
    if isinstance(chosen, str) and chosen not in built_in_profiles():
        chosen = saved_profile(chosen, data, database)
    with file.open("rb") as stream:
        found = preview_feed(
            stream,
            profile=chosen,
            encoding=encoding,
            currency=currency,
            rows_max=rows,
            folder=file.absolute().parent,
        )
    if json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        _show(file.name, found)
    if found.error:
        return 1
    return _PARTLY if found.quarantined else 0


@app.command
def export(
    out: Path,
    /,
    *,
    form: Annotated[ExportFormat, Parameter(name="--format")] = "generic",
    supplier: str | None = None,
    base: str = "",
    sender: str = "",
    receiver: str = "",
    data: feed_runs.Data = Path(".shopwire/data"),
    database: feed_runs.Database = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write the shop's articles as a file that `shopwire import` and other shops read.

    Args:
        out: The file; one that is there is replaced once the new one is whole.
        form: How it is written; a profile of the same name reads it back.
        supplier: Only what this supplier offers, with its costs and counts.
        base: Goes before addresses of the shop's own, such as https://shop.example.
        sender: The shop's name in an X12 envelope, else that of the supplier's way.
        receiver: The partner's name in it.
        data: The shop's folder.
        database: Instead of a folder: a PostgreSQL database, or a running server (http://...).
        json: Print one JSON object.
    """
    whose = None if supplier is None else slug_of(supplier)
    draft = out.with_name(f".{out.name}.part")
    try:  # beside its place first, so that nobody reads a half of it
        if database is not None and database.startswith(("http://", "https://")):
            wanted = {"base": base, "sender": sender, "receiver": receiver} | (
                {} if whose is None else {"supplier": whose}
            )
            size = download(database, f"/api/exports/{form}?{urlencode(wanted)}", draft)
            told: dict[str, Any] = {"bytes": size, "format": form}
        else:
            told = asyncio.run(
                _export(draft, form, whose, base, (sender, receiver), data, database)
            )
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    if json:
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    else:
        what = f"{told['rows']:,} rows" if "rows" in told else f"{told['bytes']:,} bytes"
        print(f"{what} as {form} in {out}")
        if told.get("left_out"):
            print(f"{told['left_out']:,} left out: their SKUs cannot be told in X12")
    return 0


async def _export(
    draft: Path, form: ExportFormat, whose: str | None, base: str, partners: tuple[str, str],
    data: Path, database: str | None,
) -> dict[str, Any]:  # fmt: skip
    async with open_importer(data, database) as importer:
        with draft.open("w", encoding="utf-8", newline="") as file:
            reads = importer.reads
            writer = await writer_for(
                reads, DEFAULT_TENANT, form,
                supplier=whose, sender=partners[0], receiver=partners[1],
            )  # fmt: skip
            rows = await export_feed(
                reads, DEFAULT_TENANT, file, form, supplier=whose, base=base, writer=writer
            )
            left_out = writer.left_out if isinstance(writer, InventoryAdvice) else 0
            return {"rows": rows - left_out, "format": form, "left_out": left_out}


def _show(name: str, found: Preview) -> None:
    console = Console()
    console.print(f"{name} ({found.profile})", markup=False, highlight=False)
    console.print(f"  read as {found.read_as}", markup=False, highlight=False)
    console.print(f"  {found.used:,} of {len(found.rows):,} rows would be used", highlight=False)
    table = Table(box=None, pad_edge=False)
    for column in ("line", "sku", "title", "cost", "quantity"):
        table.add_column(column)
    for row in found.rows:
        if row.bad is not None:
            what = f"quarantined: {row.bad.reason}. {row.bad.remedy}"
            table.add_row(str(row.line), row.bad.column, what)
            continue
        offer: dict[str, Any] = row.becomes.get("offer", {})
        cost = f"{offer['cost_minor']} {offer['currency']} (minor)" if offer else ""
        title, count = str(row.becomes.get("title", "")), row.becomes.get("quantity", "")
        table.add_row(str(row.line), row.sku, title, cost, str(count))
    console.print(table, markup=False, highlight=False)
    for note in found.notes:
        console.print(f"  note: {note}", markup=False, highlight=False)
    if found.error:
        console.print(f"  it breaks off: {found.error}", markup=False, highlight=False)
