"""`shopwire feed runs` and what a person decides about a run: the console's buttons as commands."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shopwire.cli.import_ import open_importer, show_hold
from shopwire.cli.import_remote import ask_server
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import SetupProblem
from shopwire.kernel.ids import DEFAULT_TENANT, new_id
from shopwire.kernel.names import slug_of
from shopwire.modules.feeds.api import PutLimits, RejectRun
from shopwire.modules.feeds.store import (
    get_run,
    limits_of,
    list_changes,
    list_left,
    list_quarantine,
    list_runs,
)
from shopwire.services.import_cut import close_all_cut_off
from shopwire.services.import_mend import MendRequest, mend_row
from shopwire.services.import_undo import undo_run
from shopwire.services.importing import Importer

BY: Final = "command-line"
"""Who decided, where it was somebody at the machine itself."""
HELD: Final = 4
"""Exit code of a run that waits for a person."""
_FAILED: Final = 1
_PARTLY: Final = 3

Data = Annotated[Path, Parameter(env_var="SHOPWIRE_DATA", help="The shop's folder.")]
Database = Annotated[
    str | None,
    Parameter(
        name=["--database", "--url"],
        env_var="SHOPWIRE_DATABASE_URL",
        help="Instead of a folder: a PostgreSQL database, or a running server (http://...).",
    ),
]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")]
_FOLDER: Final = Path(".shopwire/data")


def runs(
    *, supplier: str | None = None, limit: int = 20, data: Data = _FOLDER,
    database: Database = None, json_: Json = False,
) -> int:  # fmt: skip
    """List imports, newest first."""
    query = f"?limit={limit}" + (f"&supplier={quote(supplier)}" if supplier else "")
    found = _ask(
        data, database, "GET", f"/api/imports{query}",
        lambda one: _newest(one, supplier, limit),
    )["items"]  # fmt: skip
    if json_:
        return _json(found)
    names = ("id", "supplier", "source", "kind", "status", "rows", "changed", "quarantined")
    _table(names, ([str(run[name]) for name in names] for run in found))
    return 0


async def _newest(one: Importer, supplier: str | None, limit: int) -> dict[str, Any]:
    """Runs, where no server is up that would close those which are cut off."""
    await close_all_cut_off(one, SystemClock().now_ms())
    return await listed(list_runs(one.reads, DEFAULT_TENANT, supplier=supplier, limit=limit))


async def listed(found: Awaitable[list[dict[str, Any]]]) -> dict[str, Any]:
    """Rows as a server's answer holds them."""
    return {"items": await found}


def show(
    run: str, /, *, data: Data = _FOLDER, database: Database = None, json_: Json = False
) -> int:
    """Show one import; a held one with what it would do. Exit code 4 where it is held."""
    found = _ask(
        data, database, "GET", f"/api/imports/{run}",
        lambda one: get_run(one.reads, DEFAULT_TENANT, run),
    )  # fmt: skip
    return _run(found, as_json=json_)


def changes(
    run: str, /, *, limit: int = 50, cursor: int = 0, data: Data = _FOLDER,
    database: Database = None, json_: Json = False,
) -> int:  # fmt: skip
    """Show what an import changed, field by field, before and after."""
    found = _ask(
        data, database, "GET", f"/api/imports/{run}/changes?limit={limit}&cursor={cursor}",
        lambda one: list_changes(one.reads, DEFAULT_TENANT, run, after=cursor, limit=limit),
    )  # fmt: skip
    if json_:
        return _json(found)
    rows = (
        [one["what"], one["id"], name, _short((one["was"] or {}).get(name)), _short(now)]
        for item in found["items"]
        for one in item["altered"]
        for name, now in one["now"].items()
        if name != "skus"
    )
    _table(("what", "id", "field", "before", "after"), rows)
    return _more(found)


def quarantine(
    run: str, /, *, limit: int = 50, cursor: int = 0, data: Data = _FOLDER,
    database: Database = None, json_: Json = False,
) -> int:  # fmt: skip
    """Show the rows of an import that could not be used, and what became of them."""
    found = _ask(
        data, database, "GET", f"/api/imports/{run}/quarantine?limit={limit}&cursor={cursor}",
        lambda one: list_quarantine(one.reads, DEFAULT_TENANT, run, after=cursor, limit=limit),
    )  # fmt: skip
    if json_:
        return _json(found)
    rows = (
        [str(row["seq"]), str(row["line"]), row["column"], row["reason"], row["outcome"] or "waits"]
        for row in found["items"]
    )
    _table(("number", "line", "column", "reason", "state"), rows)
    return _more(found)


def approve(
    run: str, /, *, data: Data = _FOLDER, database: Database = None, json_: Json = False
) -> int:
    """Take a held feed in, whatever it does. Exit codes as those of `shopwire import`."""
    found = _ask(
        data, database, "POST", f"/api/imports/{run}/approve",
        lambda one: one.approve(run, principal=BY),
    )  # fmt: skip
    return _run(found, as_json=json_)


def reject(
    run: str, /, *, data: Data = _FOLDER, database: Database = None, json_: Json = False
) -> int:
    """Turn a held feed down; nothing of it takes effect."""

    async def local(one: Importer) -> dict[str, Any]:
        await one.decide(RejectRun(run=run), BY)
        return await get_run(one.reads, DEFAULT_TENANT, run)

    return _run(_ask(data, database, "POST", f"/api/imports/{run}/reject", local), as_json=json_)


def undo(
    run: str, /, *, data: Data = _FOLDER, database: Database = None, json_: Json = False
) -> int:
    """Put back what an import changed; orders stay. Exit code 3 where something newer was left."""
    found = _ask(
        data, database, "POST", f"/api/imports/{run}/undo",
        lambda one: undo_run(one, run, principal=BY),
    )  # fmt: skip
    if not found["stayed"] or json_:
        return _run(found, as_json=json_)
    _run(found, as_json=False)
    left = _ask(
        data, database, "GET", f"/api/imports/{run}/left?limit=200",
        lambda one: list_left(one.reads, DEFAULT_TENANT, run, limit=200),
    )  # fmt: skip
    rows = ([one["what"], one["id"], ", ".join(one["fields"])] for one in left["items"])
    _table(("left", "id", "fields"), rows)
    return _PARTLY


def mend(  # noqa: D417 - the others are described where their types are
    run: str, number: int, /, *,
    cell: Annotated[
        list[str] | None, Parameter(name="--set", negative="", help="A cell, as COLUMN=VALUE.")
    ] = None,
    raw: str | None = None, drop: Annotated[bool, Parameter(negative="")] = False,
    data: Data = _FOLDER, database: Database = None, json_: Json = False,
) -> int:  # fmt: skip
    """Mend a quarantined row and put it into effect, or set it aside.

    Without --set, --raw or --drop the row is tried again as it came.

    Args:
        run: The import.
        number: The row's number, as `shopwire feed quarantine` shows it.
        raw: The whole row as text, in the feed's own format.
        drop: Set it aside instead.
    """
    pairs = [one.partition("=") for one in cell or ()]
    if any(not equals for _, equals, _ in pairs):
        raise SetupProblem("A cell is given as COLUMN=VALUE.", what="usage")
    cells = {name: value for name, _, value in pairs} or None
    wanted = MendRequest(cells=cells, raw=raw, drop=drop)
    found = _ask(
        data, database, "POST", f"/api/imports/{run}/quarantine/{number}",
        lambda one: mend_row(one, run, number, wanted, principal=BY), wanted,
    )  # fmt: skip
    return _run(found, as_json=json_)


def limits(  # noqa: D417 - the others are described where their types are
    supplier: str, /, *, zeroed_percent: int | None = None, price_moved_percent: int | None = None,
    price_move_percent: int | None = None, shrunk_percent: int | None = None,
    skus_min: int | None = None, price_factor: int | None = None, data: Data = _FOLDER,
    database: Database = None,
) -> int:  # fmt: skip
    """Show from where on a supplier's feeds are held, and change what is named.

    Args:
        supplier: The supplier.
        zeroed_percent: Of its SKUs in stock, how many a feed may set to nothing.
        price_moved_percent: Of the SKUs that a feed names, how many costs may move far.
        price_move_percent: A cost that moves by more than this moves far.
        shrunk_percent: Of its SKUs, how many a full feed may leave out.
        skus_min: With fewer SKUs than this, no feed is held.
        price_factor: A row whose cost is so many times what it was is quarantined.
    """
    given = {
        "zeroed_percent": zeroed_percent,
        "price_moved_percent": price_moved_percent,
        "price_move_percent": price_move_percent,
        "shrunk_percent": shrunk_percent,
        "skus_min": skus_min,
        "price_factor": price_factor,
    }
    wanted = {name: value for name, value in given.items() if value is not None}
    name = slug_of(supplier)

    async def looked(one: Importer) -> dict[str, Any]:
        found = (await limits_of(one.reads, DEFAULT_TENANT, name)).document()
        return msgspec.structs.asdict(found)

    found = _ask(data, database, "GET", f"/api/feed-limits/{name}", looked)
    if wanted:
        put = PutLimits(**{**found, **wanted})
        _ask(
            data, database, "POST", "/api/commands/feeds.put_limits",
            lambda one: one.decide(put, BY), put, key=new_id(),
        )  # fmt: skip
        found |= wanted
    _table(("limit", "value"), ([one, str(value)] for one, value in found.items()))
    return 0


# -- how -------------------------------------------------------------------------------------


def _ask(
    data: Path, database: str | None, method: str, path: str,
    local: Callable[[Importer], Awaitable[Any]], body: Any = None, key: str | None = None,
) -> Any:  # fmt: skip
    """What the shop answers, whether it is a folder, a database, or a server far away."""
    if database and database.startswith(("http://", "https://")):
        return ask_server(database, method, path, body, key)

    async def within() -> Any:
        async with open_importer(data, database) as importer:
            return msgspec.to_builtins(await local(importer))

    return asyncio.run(within())


def _json(found: Any) -> int:
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    return 0


def _table(names: tuple[str, ...], rows: Any) -> None:
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold", no_wrap=name == "id")
    for row in rows:
        table.add_row(*row)
    Console().print(table, markup=False, highlight=False)


def _more(found: dict[str, Any]) -> int:
    if found["next"] is not None:
        Console().print(f"and more: --cursor {found['next']}", highlight=False)
    return 0


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else text[:57] + "..."


def _run(found: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        _json(found)
    else:
        print_run(found)
    if found["status"] in ("failed", "interrupted"):
        return _FAILED
    if found["status"] == "held":
        return HELD
    settled = found.get("mended", 0) + found.get("dropped", 0)
    return _PARTLY if found["quarantined"] > settled and found["status"] == "finished" else 0


def print_run(found: dict[str, Any]) -> None:
    """A run in words."""
    console = Console()
    whose = f" {found['source']} of {found['supplier']}"
    console.print(Text.assemble((found["id"], "bold"), whose))
    console.print(f"  {found['status']} ({found['kind']} feed)", highlight=False)
    sums = Table(box=None, pad_edge=False, show_header=False)
    for name in (
        "rows", "changed", "unchanged", "quarantined", "mended", "dropped", "discontinued",
        "restored", "stayed",
    ):  # fmt: skip
        if found.get(name) or name in ("rows", "changed"):
            sums.add_row(f"  {name}", f"{found[name]:,}")
    console.print(sums)
    if found.get("hold") and found["status"] == "held":
        show_hold(console, found["hold"])
    if found.get("error"):
        console.print(f"  {found['error']}", markup=False, highlight=False)
