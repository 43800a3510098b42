"""`shopwire log`: look at the log, prove it, rebuild what is derived from it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from shopwire.adapters.postgres.server import open_database
from shopwire.adapters.postgres.store import Store, open_store
from shopwire.kernel.errors import SetupProblem
from shopwire.kernel.events import Recorded
from shopwire.services import audit
from shopwire.services.parts import MODULES

app = App(name="log", help="Look at the log, prove it, rebuild what is derived from it.")

DATA_DEFAULT: Final = Path(".shopwire/data")
TAIL_EVENTS_DEFAULT: Final = 20

Data = Annotated[Path, Parameter(env_var="SHOPWIRE_DATA", help="Folder of the embedded database.")]
Url = Annotated[
    str | None,
    Parameter(
        name=["--database", "--url"],
        env_var="SHOPWIRE_DATABASE_URL",
        help="Address of a PostgreSQL instead.",
    ),
]


@app.command
def tail(
    *,
    follow: bool = False,
    last: int = TAIL_EVENTS_DEFAULT,
    data: Data = DATA_DEFAULT,
    url: Url = None,
    json: bool = False,
) -> int:
    """Show the newest events of every partition.

    Args:
        follow: Go on with what comes, until Ctrl-C.
        last: How many events of each partition to begin with.
        data: Folder of the embedded database.
        url: Address of a PostgreSQL instead.
        json: One JSON object a line.
    """
    return _run(_tail(data, url, last, follow=follow, as_json=json), data, url)


@app.command
def verify(*, data: Data = DATA_DEFAULT, url: Url = None, json: bool = False) -> int:
    """Recompute everything from the log and compare; exit code 1 where anything differs.

    Args:
        data: Folder of the embedded database.
        url: Address of a PostgreSQL instead.
        json: Print one JSON object.
    """
    return _run(_verify(data, url, as_json=json), data, url)


@app.command
def replay(*, data: Data = DATA_DEFAULT, url: Url = None, json: bool = False) -> int:
    """Make the documents anew from the log.

    Args:
        data: Folder of the embedded database.
        url: Address of a PostgreSQL instead.
        json: Print one JSON object.
    """
    return _run(_replay(data, url, as_json=json), data, url)


@app.command(name="new-epoch")
def new_epoch(*, data: Data = DATA_DEFAULT, url: Url = None, json: bool = False) -> int:
    """Fence every open writer and invalidate every cursor: after a restore or a failover.

    Args:
        data: Folder of the embedded database.
        url: Address of a PostgreSQL instead.
        json: Print one JSON object.
    """
    return _run(_new_epoch(data, url, as_json=json), data, url)


def _run(work: Coroutine[Any, Any, int], data: Path, url: str | None) -> int:
    """Looking at a log must not make an empty one where a folder's name was mistyped."""
    if url is None and not data.is_dir():
        work.close()
        raise SetupProblem(
            f"There is no folder {data}.",
            what="data",
            reason="name the shop's with --data; the demo's is .shopwire/demo",
        )
    return asyncio.run(work)


@asynccontextmanager
async def _opened(data: Path, url: str | None) -> AsyncIterator[Store]:
    async with open_database(data, url) as database, open_store(database.dsn) as store:
        yield store


async def _tail(data: Path, url: str | None, last: int, *, follow: bool, as_json: bool) -> int:
    async with _opened(data, url) as store:
        heads = await store.log.heads()
        starts = [max(0, end - last) for end in heads.next]
        if not follow:
            found: list[Recorded] = []
            for partition, start in enumerate(starts):
                found += await store.log.read(partition, start, last)
            for event in sorted(found, key=lambda e: (e.recorded_at_ms, e.position)):
                _show(event, as_json=as_json)
            return 0
        async with asyncio.TaskGroup() as group:
            for partition, start in enumerate(starts):
                group.create_task(_follow(store, partition, start, as_json=as_json))
    return 0


async def _follow(store: Store, partition: int, start: int, *, as_json: bool) -> None:
    async for batch in store.log.tail(partition, start):
        for event in batch:
            _show(event, as_json=as_json)
        sys.stdout.flush()


def _show(event: Recorded, *, as_json: bool) -> None:
    place = event.position
    if as_json:
        fields: dict[str, Any] = msgspec.structs.asdict(event) | {
            "position": place,
            "document": msgspec.Raw(event.document),
            "facts": msgspec.Raw(event.facts),
        }
        sys.stdout.write(msgspec.json.encode(fields).decode() + "\n")
        return
    where = f"{place.epoch}:{place.partition}/{place.offset}"
    print(f"{where:<14} {event.event_type:<28} {event.topic} v{event.version}  {_short(event)}")


def _short(event: Recorded) -> str:
    text = event.document.decode()
    return text if len(text) <= 120 else text[:117] + "..."


async def _verify(data: Path, url: str | None, *, as_json: bool) -> int:
    checks = [check for module in MODULES for check in module.checks]
    async with _opened(data, url) as store:
        with _progress(quiet=as_json) as tell:
            report = await audit.verify(store.pools, checks, tell)
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        _print_report(report)
    return 1 if report.drift_total else 0


def _print_report(report: audit.Report) -> None:
    console = Console()
    table = Table("partition", "epoch", "events", "next offset", title="log")
    for part in report.partitions:
        table.add_row(*map(str, (part.partition, part.epoch, part.events, part.next)))
    console.print(table)
    proofs = Table("proof", "differences", title="proofs")
    for name, count in sorted(report.checks.items()):
        proofs.add_row(name, str(count) if count else "0")
    console.print(proofs)
    for drift in report.drift[:50]:
        told = f"{drift.check}: {drift.where}: expected {drift.expected}, {drift.found}"
        console.print(told, markup=False, highlight=False)
    told = f"{report.events} events, {report.topics} topics, {report.documents} documents"
    print(f"drift {report.drift_total} in {told}")


async def _replay(data: Path, url: str | None, *, as_json: bool) -> int:
    async with _opened(data, url) as store:
        with _progress(quiet=as_json) as tell:
            events = await audit.rebuild_documents(store.pools, tell)
    _say({"events": events}, f"documents rebuilt from {events} events", as_json=as_json)
    return 0


async def _new_epoch(data: Path, url: str | None, *, as_json: bool) -> int:
    async with _opened(data, url) as store:
        epoch = await audit.new_epoch(store.pools)
    _say({"epoch": epoch}, f"epoch {epoch} begins: restart every process", as_json=as_json)
    return 0


def _say(fields: dict[str, int], text: str, *, as_json: bool) -> None:
    print(msgspec.json.encode(fields).decode() if as_json else text)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[audit.Progress | None]:
    """A bar on the terminal; nothing where a machine reads."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, Any] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield tell
