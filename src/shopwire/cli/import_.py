"""`shopwire import`: takes a supplier's feed in."""

import asyncio
import datetime as dt
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from shopwire.adapters.postgres.migrate import migrate
from shopwire.adapters.postgres.server import open_database
from shopwire.adapters.postgres.store import open_store
from shopwire.cli.import_remote import send_feed
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import SetupProblem
from shopwire.kernel.ids import new_id
from shopwire.kernel.module import Module
from shopwire.kernel.money import Money
from shopwire.kernel.validation import check_name
from shopwire.kernel.write_path import WritePath
from shopwire.modules.feeds.api import Counts
from shopwire.modules.feeds.profile import Profile, load_mapping
from shopwire.services.consumers import Consumers
from shopwire.services.garbage import spare_what_is_there
from shopwire.services.import_parts import IMPORTING
from shopwire.services.importing import Importer, ImportRequest, Summary

_FAILED: Final = 1
_PARTLY: Final = 3
_HELD: Final = 4


def import_feed(
    file: Path,
    /,
    *,
    supplier: str,
    profile: str | None = None,
    mapping: Path | None = None,
    encoding: str | None = None,
    currency: str = "EUR",
    as_of: dt.datetime | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    afresh: Annotated[bool, Parameter(name="--all", negative="")] = False,
    full: Annotated[bool | None, Parameter(negative="--partial")] = None,
    force: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    data: Annotated[Path, Parameter(env_var="SHOPWIRE_DATA")] = Path(".shopwire/data"),
    database: Annotated[
        str | None, Parameter(name=["--database", "--url"], env_var="SHOPWIRE_DATABASE_URL")
    ] = None,
) -> int:
    """Take a supplier's feed in.

    An unchanged feed writes nothing but the record of its run. Rows that cannot be used are kept
    in quarantine with their reason. A feed that would empty the shop, move its prices far or leave
    half of its articles out is held for `shopwire feed approve`. Exit codes: 0 all rows used,
    1 failed, 3 some in quarantine, 4 held.

    Args:
        file: The feed.
        supplier: Whose feed it is; a new name makes a new supplier.
        profile: How to read it; without it, the header tells.
        mapping: A mapping of your own, in TOML, instead of a profile.
        encoding: Such as cp1252, for a file that is no UTF-8 and does not say what it is.
        currency: Of amounts that do not say theirs.
        as_of: The moment the feed's counts speak of, such as 2026-11-23T10:00:00+01:00. Sales up
            to then are in them. Without it no sale is taken to be in them.
        dry_run: Tell what would change, write nothing.
        afresh: Compare with the shop instead of with what the supplier said last: mends what was
            changed in between.
        full: What the feed does not name, the supplier has no more: its offers end, its stock is
            nothing. --partial: it says nothing of the rest. Without either, the profile tells.
        force: Take it whatever it would do.
        json: Print the summary as one JSON object.
        data: The shop's folder; a server that runs on it is used.
        database: Instead of a folder: the address of a PostgreSQL database, or that of a running
            server (http://...), which the feed is then sent to.
    """
    server = database if database and database.startswith(("http://", "https://")) else None
    _check(file, profile, mapping, as_of, server)
    chosen: Profile | str | None = load_mapping(mapping) if mapping else profile
    request = ImportRequest(
        run=new_id(),
        supplier=check_name(supplier, "supplier"),
        source=file.name,
        profile=chosen,
        encoding=encoding,
        currency=currency,
        as_of_ms=int(as_of.timestamp() * 1_000) if as_of else None,
        folder=file.absolute().parent,
        dry_run=dry_run,
        afresh=afresh,
        kind=None if full is None else "full" if full else "partial",
        force=force,
    )
    with _bar(file, quiet=json) as progress:
        if server:
            summary = send_feed(server, request, file, lambda place: progress(None, place))
        else:
            summary = asyncio.run(_run(request, file, data, database, progress))
    return _told(summary, as_json=json)


def _told(summary: Summary, *, as_json: bool) -> int:
    """Prints the summary; returns the exit code."""
    if as_json:
        sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
    else:
        show_summary(summary)
    codes = {"failed": _FAILED, "held": _HELD}
    return codes.get(summary.status, _PARTLY if summary.quarantined else 0)


def _check(
    file: Path,
    profile: str | None,
    mapping: Path | None,
    as_of: dt.datetime | None,
    server: str | None,
) -> None:
    """Raises SetupProblem where words of the command line do not go together."""
    if profile and mapping:
        raise SetupProblem("Name a profile or a mapping, not both.", what="usage")
    if as_of is not None and as_of.tzinfo is None:
        raise SetupProblem("Say the time zone of --as-of, such as +01:00 or Z.", what="usage")
    if not file.is_file():
        raise SetupProblem(f"There is no file {file}.", what="feed", reason="check the path")
    if server and mapping:
        raise SetupProblem(
            "A mapping of your own cannot be sent to a server.",
            what="usage",
            reason="use --data or --database where the server runs",
        )


@contextmanager
def _bar(file: Path, *, quiet: bool) -> Iterator[Callable[[Counts | None, int], None]]:
    """A progress bar over a file, fed with the rows so far and the place in it."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
        TextColumn("{task.fields[rows]}"), TimeRemainingColumn(),
    )  # fmt: skip
    console = Console(stderr=True, quiet=quiet)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(file.name, total=file.stat().st_size or 1, rows="")

        def progress(counts: Counts | None, place: int) -> None:
            rows = f"{counts.rows:,} rows" if counts else "sent"
            bar.update(task, completed=place, rows=rows)

        yield progress


async def _run(
    request: ImportRequest,
    file: Path,
    data: Path,
    database: str | None,
    progress: Callable[[Counts, int], None],
) -> Summary:
    with file.open("rb") as stream:
        async with open_importer(data, database, alone=True) as importer:
            return await importer.run(request, stream, progress)


def _every_module() -> Sequence[Module]:
    """Loaded where prices are to follow, or a person decides: most imports need a few of them."""
    modules: Sequence[Module] = import_module("shopwire.services.parts").MODULES
    return modules


@asynccontextmanager
async def open_importer(
    data: Path | None, database: str | None, *, alone: bool = False
) -> AsyncIterator[Importer]:
    """An importer on a database of its own choosing; `alone`: it only takes feeds in.

    Where nobody else runs on the folder, prices are brought up to date before it ends; a running
    server does that by itself.
    """
    async with open_database(data, database) as opened:
        await migrate(opened.dsn)
        modules = IMPORTING if alone and opened.server is None else _every_module()
        tables = [table for module in modules for table in module.tables]
        handlers = [handler for module in modules for handler in module.handlers]
        async with open_store(opened.dsn, tables) as store:
            write_path = WritePath(store.storage, handlers, SystemClock())
            await write_path.start()
            spare_what_is_there()
            try:
                yield Importer(write_path, store.reads, partitions=store.log.partitions)
                if opened.server is not None:
                    followers = [one for module in modules for one in module.consumers]
                    consumers = Consumers(store.log, write_path, store.reads, followers)
                    running = asyncio.create_task(consumers.run())
                    await consumers.catch_up((await store.log.heads()).next)
                    running.cancel()
                    await asyncio.gather(running, return_exceptions=True)
            finally:
                await write_path.stop()


def show_summary(summary: Summary) -> None:
    """What came of an import, for people."""
    console = Console()
    head = {"held": "Held", "failed": "Not all of it taken:"}.get(summary.status, "Imported")
    head = "Would change" if summary.dry_run else head
    verb = "to send" if summary.dry_run else "changed"
    whose = escape(f"{summary.source} of {summary.supplier} ({summary.profile})")
    console.print(f"[bold]{head}[/] {whose}")
    console.print(f"  read as {summary.detected.words()}", markup=False, highlight=False)
    sums = Table(box=None, pad_edge=False, show_header=False)
    for name in ("rows", "changed", "unchanged", "quarantined"):
        sums.add_row(f"  {name}", f"{getattr(summary, name):,}")
    console.print(sums)
    if summary.discontinued:
        console.print(f"  {summary.discontinued:,} SKUs are not named and no longer offered")
    for kind in () if summary.status == "held" else ("products", "offers", "stock"):
        tally = getattr(summary, kind)
        refused = f", {tally.refused:,} refused" if tally.refused else ""
        kept = "" if summary.dry_run else f", {tally.unchanged:,} as they were"
        console.print(f"  {kind}: {tally.applied:,} {verb}{kept}{refused}")
    for note in summary.notes:
        console.print(Text(f"  note: {_printable(note)}", "dim"))
    for bad in summary.bad_rows:
        place = f"line {bad.line}" + (f", {bad.column}" if bad.column else "")
        told = _printable(f": {bad.reason}. {bad.remedy}")
        console.print(Text.assemble("  ", (_printable(place), "yellow"), told))
    if summary.quarantined > len(summary.bad_rows):
        console.print(f"  and {summary.quarantined - len(summary.bad_rows):,} more in quarantine")
    if summary.hold is not None:
        _show_held(console, summary)
    if summary.error:
        said = _printable(summary.error.rstrip("."))
        console.print(Text.assemble(("It ended early:", "red"), f" {said}. Rows before it stay."))


def _printable(text: str) -> str:
    """A feed's words without what would steer the terminal."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


RULES: Final = {
    "zeroed": "SKUs in stock would have none left",
    "price_moved": "costs would move far",
    "shrunk": "SKUs are not in this full feed",
}
"""Why a feed is held."""


def show_hold(console: Console, hold: dict[str, Any]) -> None:
    """Why a feed is held, or would be, and what it would do to the SKUs that it hurts most."""
    for reason in hold["reasons"]:
        share = f"{reason['count']:,} of {reason['of']:,} {RULES[reason['rule']]}"
        console.print(f"  [yellow]{share}[/] (the limit is {reason['limit_percent']} %)")
    table = Table(box=None, pad_edge=False)
    for name in ("  sku", "field", "before", "would be"):
        table.add_column(name)
    for one in hold["examples"]:
        was, now = (_amount(one[name], one["currency"]) for name in ("before", "now"))
        table.add_row(f"  {one['sku']}", one["field"], was, now)
    console.print(table, markup=False, highlight=False)


def _amount(value: int, currency: str) -> str:
    """A cost with its currency, or a count."""
    return str(Money(value, currency)) if currency else f"{value:,}"


def _show_held(console: Console, summary: Summary) -> None:
    show_hold(console, msgspec.to_builtins(summary.hold))
    if summary.dry_run:
        console.print("  It would be held for a person.")
    elif summary.hold is not None and summary.hold.kept:
        console.print(f"  To take it: shopwire feed approve {summary.id}")
    else:
        console.print("  It is too large to be kept: send it again with --force to take it.")
