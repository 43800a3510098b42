"""`shopwire source`: where suppliers' feeds come from, when, and what came of it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from shopwire.adapters.postgres.migrate import migrate
from shopwire.adapters.postgres.server import open_database
from shopwire.adapters.postgres.store import Store, open_store
from shopwire.kernel.activities import Job
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Command, Envelope
from shopwire.kernel.errors import InvalidField
from shopwire.kernel.fetching import Place, PlaceKind
from shopwire.kernel.ids import DEFAULT_TENANT, new_id
from shopwire.kernel.source_errors import SourceBusy
from shopwire.kernel.write_path import WritePath
from shopwire.modules.feeds.events import FeedKind
from shopwire.modules.sources.api import (
    AsOf,
    PauseSource,
    PutRule,
    PutSource,
    RemoveSource,
    RunNow,
    Schedule,
    WhenStale,
)
from shopwire.modules.sources.store import list_fetches, list_sources, list_supplies
from shopwire.services.command_door import PRINCIPAL
from shopwire.services.import_request import error_of
from shopwire.services.importing import Importer
from shopwire.services.parts import MODULES
from shopwire.services.places import places_of
from shopwire.services.settings import Settings, load_settings
from shopwire.services.sourcing import Sourcing

WAIT_S_MAX: Final = 20 * 60
"""How long `run` waits for a run that a server has taken; the run itself goes on."""
LOOK_S: Final = 0.5
"""How often it looks meanwhile: the run may be another process's."""
_PARTLY: Final = 3
_WORKS: Final = frozenset({"taken", "unchanged", "nothing_new"})

app = App(name="source", help="Where suppliers' feeds come from, when, and what came of it.")

Data = Annotated[Path | None, Parameter(help="Folder of the shop.")]
Config = Annotated[Path | None, Parameter(help="TOML file with the settings.")]
Json = Annotated[bool, Parameter(name="--json", negative="")]
Name = Annotated[str, Parameter(help="Which of the supplier's sources.")]


class _Shop(msgspec.Struct, frozen=True):
    settings: Settings
    store: Store
    write_path: WritePath

    async def do(self, command: Command) -> Any:
        """What a command came to; raises what refused it."""
        outcome = await self.write_path.submit(
            Envelope(command=command, key=new_id(), principal=PRINCIPAL)
        )
        if not outcome.ok:
            raise error_of(outcome)
        return msgspec.json.decode(outcome.body)["result"]


@app.command
def add(
    supplier: Annotated[str, Parameter(help="The supplier's id.")],
    address: Annotated[
        str,
        Parameter(help="https://..., sftp://user@host/folder, a watched folder, or `push`."),
    ],
    *,
    name: Name = "main",
    every: Annotated[int | None, Parameter(help="Minutes between two looks.")] = None,
    daily: Annotated[str | None, Parameter(help="Once a day, at HH:MM.")] = None,
    time_zone: Annotated[str, Parameter(help="Of --daily, such as Europe/Berlin.")] = "UTC",
    pattern: Annotated[str, Parameter(help="Which files of a folder.")] = "*",
    secret: Annotated[str, Parameter(help="Name of a file in DATA/secrets.")] = "",
    header: Annotated[str, Parameter(help="Header that the secret goes in.")] = "Authorization",
    host_key: Annotated[str, Parameter(help="The SFTP server's key, or its SHA256:...")] = "",
    profile: Annotated[str | None, Parameter(help="How to read it; else the file tells.")] = None,
    encoding: str | None = None,
    currency: str = "EUR",
    feed: Annotated[FeedKind | None, Parameter(help="full: what it lacks is gone.")] = None,
    as_of: Annotated[AsOf, Parameter(help="Which moment its counts speak of.")] = "none",
    data: Data = None,
    config: Config = None,
    json_: Json = False,
) -> int:
    """Says where a supplier's feed comes from; the first look is at once."""
    schedule = None
    if every is not None or daily is not None:
        schedule = Schedule(every_minutes=every, daily_at=daily, time_zone=time_zone)
    kind = _kind(address)
    place = Place(
        kind=kind,
        address="" if kind == "push" else address,
        pattern=pattern,
        secret=secret,
        header=header,
        host_key=host_key,
    )
    put = PutSource(
        supplier=supplier,
        name=name,
        place=place,
        schedule=schedule,
        profile=profile,
        encoding=encoding,
        currency=currency,
        feed=feed,
        as_of=as_of,
    )
    return _told(put, f"{supplier}/{name}: kept", data, config, as_json=json_)


@app.command
def rule(
    supplier: Annotated[str, Parameter(help="The supplier's id.")],
    when_stale: Annotated[WhenStale, Parameter(help="What the shop sells of stale data.")],
    *,
    units_per_hour: int = 0,
    share_bp_per_hour: Annotated[int, Parameter(help="In hundredths of a percent.")] = 0,
    units_max: Annotated[int, Parameter(help="Where the units stop to grow.")] = 0,
    share_bp_max: int = 10_000,
    late_after: Annotated[int | None, Parameter(help="Minutes; else by the schedule.")] = None,
    stale_after: Annotated[int | None, Parameter(help="Minutes; else by the schedule.")] = None,
    data: Data = None,
    config: Config = None,
    json_: Json = False,
) -> int:
    """Says what the shop sells while a supplier's data is stale."""
    put = PutRule(
        supplier=supplier,
        when_stale=when_stale,
        units_per_hour=units_per_hour,
        share_bp_per_hour=share_bp_per_hour,
        units_max=units_max,
        share_bp_max=share_bp_max,
        late_after_minutes=late_after,
        stale_after_minutes=stale_after,
    )
    return _told(put, f"{supplier}: {when_stale} when its data is stale", data, config, json_)


@app.command
def pause(
    supplier: str,
    *,
    name: Name = "main",
    off: Annotated[bool, Parameter(negative="", help="Go on with it.")] = False,
    data: Data = None,
    config: Config = None,
    json_: Json = False,
) -> int:
    """Lets a source rest, or goes on with it."""
    told = f"{supplier}/{name}: {'goes on' if off else 'rests'}"
    command = PauseSource(supplier=supplier, name=name, paused=not off)
    return _told(command, told, data, config, as_json=json_)


@app.command
def remove(
    supplier: str,
    *,
    name: Name = "main",
    data: Data = None,
    config: Config = None,
    json_: Json = False,
) -> int:
    """Ends a source; what it brought stays."""
    command = RemoveSource(supplier=supplier, name=name)
    return _told(command, f"{supplier}/{name}: removed", data, config, as_json=json_)


@app.command(name="run")
def run_now(
    supplier: str,
    *,
    name: Name = "main",
    data: Data = None,
    config: Config = None,
    json_: Json = False,
) -> int:
    """Looks at a source now and waits for what comes of it.

    Exit codes: 0 the feed was taken or is as before, 1 it failed, 3 a person has to look at it.
    """

    async def do(shop: _Shop) -> Any:
        return await _run(shop, supplier, name)

    found = asyncio.run(_with_shop(data, config, do))
    if json_:
        _print(found)
    else:
        print(f"{supplier}/{name}: {_words(found)}")
    if found["outcome"] in _WORKS:
        return 0
    return _PARTLY if found["outcome"] == "held" else 1


@app.command(name="list")
def list_(
    supplier: str | None = None,
    *,
    data: Data = None,
    config: Config = None,
    json_: Json = False,
) -> int:
    """Shows how suppliers' data stands, and every source."""

    async def do(shop: _Shop) -> Any:
        supplies = await list_supplies(shop.store.reads, DEFAULT_TENANT)
        return {
            "suppliers": [one for one in supplies if supplier in (None, one["supplier"])],
            "sources": await list_sources(shop.store.reads, DEFAULT_TENANT, supplier),
        }

    found = asyncio.run(_with_shop(data, config, do))
    if json_:
        _print(found)
        return 0
    table = Table("Supplier", "Data", "Good at", "Breaker", "SKUs", box=None)
    for one in found["suppliers"]:
        breaker = one["breaker"].replace("_", " ")
        if one["retry_ms"]:
            breaker += f" until {_moment(one['retry_ms'])}: {one['breaker_reason']}"
        table.add_row(
            one["supplier"], one["state"], _moment(one["good_ms"]), breaker, str(one["skus"])
        )
    sources = Table("Source", "Where", "State", "Next", "Last", box=None)
    for one in found["sources"]:
        where = one["place"]["address"] or one["place"]["kind"]
        last = _words(one["last"]) if one["last"] else "-"
        state = "running" if one["running_since_ms"] else one["state"]
        own = f"{one['supplier']}/{one['name']}"
        sources.add_row(own, where, state, _moment(one["due_ms"]), last)
    console = Console(highlight=False)
    console.print(table, markup=False)
    console.print(sources, markup=False)
    return 0


@app.command
def log(
    supplier: str,
    *,
    name: Name = "main",
    limit: int = 20,
    before: Annotated[int | None, Parameter(help="Number of the last run shown.")] = None,
    data: Data = None,
    config: Config = None,
    json_: Json = False,
) -> int:
    """Shows the runs of a source, newest first."""

    async def do(shop: _Shop) -> Any:
        reads = shop.store.reads
        return await list_fetches(reads, DEFAULT_TENANT, supplier, name, before=before, limit=limit)

    found = asyncio.run(_with_shop(data, config, do))
    if json_:
        _print(found)
        return 0
    table = Table("Run", "Began", "Took", "Bytes", "Rows", "What came", box=None)
    for one in found["items"]:
        took = f"{(one['ended_ms'] - one['began_ms']) / 1_000:.1f} s"
        began = _moment(one["began_ms"])
        table.add_row(
            str(one["fence"]), began, took, str(one["bytes"]), str(one["rows"]), _words(one)
        )
    Console(highlight=False).print(table, markup=False)
    return 0


# -- what they share ----------------------------------------------------------------------------


def _kind(address: str) -> PlaceKind:
    if address == "push":
        return "push"
    scheme = address.partition("://")[0] if "://" in address else ""
    kinds: dict[str, Literal["http", "sftp"]] = {"http": "http", "https": "http", "sftp": "sftp"}
    if scheme and scheme not in kinds:
        reason = "feeds come from https, http, sftp, a folder, or are pushed"
        raise InvalidField(f"{scheme}: {reason}.", field="address", reason=reason)
    return kinds.get(scheme, "folder")


async def _run(shop: _Shop, supplier: str, name: str) -> Any:
    """Runs it here, unless a server that runs on the shop is at it already."""
    reads, clock = shop.store.reads, SystemClock()
    asked = await shop.do(RunNow(supplier=supplier, name=name))
    settings = shop.settings
    places = places_of(
        settings.data,
        clock,
        allow_addresses=settings.allow_addresses,
        source_folders=settings.source_folders,
    )
    importer = Importer(shop.write_path, reads, partitions=shop.store.storage.partitions)
    sourcing = Sourcing(shop.write_path, reads, importer, places, clock)
    payload = {"supplier": supplier, "name": name}
    job = Job(
        id=f"{supplier}/{name}", tenant=DEFAULT_TENANT, due_ms=clock.now_ms(), payload=payload
    )
    deadline_ms = clock.monotonic_ms() + WAIT_S_MAX * 1_000
    while clock.monotonic_ms() < deadline_ms:
        await sourcing.fetch(job)
        found = await list_fetches(reads, DEFAULT_TENANT, supplier, name, before=None, limit=1)
        if found["items"] and found["items"][0]["fence"] > asked["fence"]:
            return found["items"][0]
        await asyncio.sleep(LOOK_S)
    raise SourceBusy(supplier=supplier, retry_ms=WAIT_S_MAX * 1_000)


def _told(
    command: Command, words: str, data: Path | None, config: Path | None, as_json: bool
) -> int:
    async def do(shop: _Shop) -> Any:
        return await shop.do(command)

    result = asyncio.run(_with_shop(data, config, do))
    if as_json:
        _print(result)
    else:
        print(words if result.get("applied") else f"{words} (it was so before)")
    return 0


async def _with_shop(
    data: Path | None, config: Path | None, do: Callable[[_Shop], Awaitable[Any]]
) -> Any:
    async with _opened(load_settings({"data": data}, file=config).settings) as shop:
        return await do(shop)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[_Shop]:
    handlers = [handler for module in MODULES for handler in module.handlers]
    tables = [table for module in MODULES for table in module.tables]
    async with open_database(settings.data, settings.database_url) as opened:
        await migrate(opened.dsn)
        async with open_store(opened.dsn, tables) as store:
            write_path = WritePath(store.storage, handlers, SystemClock())
            await write_path.start()
            try:
                yield _Shop(settings, store, write_path)
            finally:
                await write_path.stop()


def _words(run: Any) -> str:
    """What came of a run, in a few words."""
    words = {
        "taken": f"{run.get('rows', 0)} rows taken",
        "unchanged": "as before",
        "nothing_new": "nothing new",
        "held": "held: a person has to look at the import",
        "failed": f"failed: {run.get('reason') or run.get('error')}",
        "lost": "the process died",
    }
    return words[run["outcome"]]


def _moment(ms: int | None) -> str:
    if ms is None:
        return "-"
    return datetime.fromtimestamp(ms / 1_000).astimezone().strftime("%Y-%m-%d %H:%M")


def _print(value: Any) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
