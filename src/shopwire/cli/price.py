"""`shopwire price`: what rules would do, why a price is what it is, and the way back."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from shopwire.adapters.postgres.migrate import migrate
from shopwire.adapters.postgres.server import open_database
from shopwire.adapters.postgres.store import Store, open_store
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Envelope
from shopwire.kernel.errors import NotFound, SetupProblem
from shopwire.kernel.ids import DEFAULT_TENANT, new_id
from shopwire.kernel.money import Money
from shopwire.kernel.write_path import WritePath
from shopwire.modules.pricing.api import PriceRules, UndoRules
from shopwire.modules.pricing.reading import Why, explain_price, read_history, read_rules
from shopwire.services.command_door import PRINCIPAL
from shopwire.services.parts import MODULES
from shopwire.services.pricing_preview import Preview, preview_rules

app = App(name="price", help="What price rules would do, why a price is, an undo.")

Json = Annotated[bool, Parameter(negative="")]
_DATA = Path(".shopwire/data")


@app.command
def preview(
    rules: Path, /, *, data: Path = _DATA, database: str | None = None, json: Json = False
) -> int:
    """Show what other price rules would do to every price; nothing is written.

    Exit codes: 0 shown, 1 the rules cannot be used.

    Args:
        rules: The rules in TOML; docs/how-to/set-prices.md shows one.
        data: The shop's folder; a server that runs on it is used.
        database: Address of a PostgreSQL database, instead of a folder.
        json: Print one JSON object.
    """
    found = asyncio.run(_preview(load_rules(rules), data, database))
    if json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        _show(found)
    return 0


@app.command
def why(sku: str, /, *, data: Path = _DATA, database: str | None = None, json: Json = False) -> int:
    """Show the way from an article's cost to its price, step by step.

    Exit codes: 0 shown, 1 there is no such article.

    Args:
        sku: The article.
        data: The shop's folder; a server that runs on it is used.
        database: Address of a PostgreSQL database, instead of a folder.
        json: Print one JSON object.
    """
    found = asyncio.run(_why(sku, data, database))
    if json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
        return 0
    console = Console()
    amount = "no price" if found.amount_minor is None else _money(found.amount_minor, found)
    console.print(f"{found.sku}: {amount} ({found.reason})", markup=False, highlight=False)
    table = Table(box=None, pad_edge=False, show_header=False)
    for step in found.steps:
        note = " ".join(part for part in (step.name, *step.because) if part)
        held = "has the last word" if step.held else ""
        money = str(Money(step.amount_minor, step.currency or found.currency))
        table.add_row(step.kind.replace("_", " "), money, note, held)
    console.print(table, markup=False, highlight=False)
    return 0


@app.command
def history(*, data: Path = _DATA, database: str | None = None, json: Json = False) -> int:
    """Show the versions of the price rules, newest first: who put them and when.

    Exit codes: 0 shown.

    Args:
        data: The shop's folder; a server that runs on it is used.
        database: Address of a PostgreSQL database, instead of a folder.
        json: Print one JSON object.
    """
    found = asyncio.run(_history(data, database))
    if json:
        sys.stdout.write(msgspec.json.encode({"items": found}).decode() + "\n")
        return 0
    table = Table(box=None, pad_edge=False)
    for column in ("version", "when (UTC)", "who", "what"):
        table.add_column(column)
    for one in found:
        when = datetime.fromtimestamp(one["at_ms"] / 1_000, UTC).isoformat(" ", "seconds")[:19]
        back = one["returns_to"]
        what = "put" if back is None else f"back to version {back}"
        table.add_row(str(one["version"]), when, one["by"], what)
    Console().print(table, markup=False, highlight=False)
    return 0


@app.command
def undo(
    *,
    to: int | None = None,
    data: Path = _DATA,
    database: str | None = None,
) -> int:
    """Go back to the rules that held before; every price follows.

    Exit codes: 0 they hold again, 1 refused, or there is nothing to undo.

    Args:
        to: Another version than the last; `shopwire price history` lists them.
        data: The shop's folder; a server that runs on it is used.
        database: Address of a PostgreSQL database, instead of a folder.
    """
    ok, answer = asyncio.run(_undo(to, data, database))
    sys.stdout.write(msgspec.json.format(answer, indent=2).decode() + "\n")
    return 0 if ok else 1


def load_rules(path: Path) -> PriceRules:
    """Rules of a TOML file; raises SetupProblem, which names the field, where they are none."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=PriceRules)
    except OSError as problem:
        raise SetupProblem(
            f"{path} cannot be read: {problem.strerror}.", what="rules", reason="check the path"
        ) from problem
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise SetupProblem(
            f"{path} holds no price rules: {problem}.",
            what="rules",
            reason="see docs/how-to/set-prices.md",
        ) from problem


@asynccontextmanager
async def _opened(data: Path, database: str | None) -> AsyncIterator[Store]:
    tables = [table for module in MODULES for table in module.tables]
    async with open_database(data, database) as opened:
        await migrate(opened.dsn)
        async with open_store(opened.dsn, tables) as store:
            yield store


async def _preview(rules: PriceRules, data: Path, database: str | None) -> Preview:
    async with _opened(data, database) as store:
        return await preview_rules(store.reads, DEFAULT_TENANT, rules)


async def _why(sku: str, data: Path, database: str | None) -> Why:
    async with _opened(data, database) as store:
        return await explain_price(store.reads, DEFAULT_TENANT, sku)


async def _history(data: Path, database: str | None) -> list[dict[str, Any]]:
    async with _opened(data, database) as store:
        return await read_history(store.reads, DEFAULT_TENANT)


async def _undo(to: int | None, data: Path, database: str | None) -> tuple[bool, bytes]:
    async with _opened(data, database) as store:
        known = await read_rules(store.reads, DEFAULT_TENANT)
        version = known["undo_to"] if to is None else to
        if version is None:
            raise NotFound("There are no earlier rules.", what="version of the price rules", id="")
        handlers = [handler for module in MODULES for handler in module.handlers]
        write_path = WritePath(store.storage, handlers, SystemClock())
        await write_path.start()
        try:
            command = UndoRules(to_version=version, expected_version=known["version"])
            outcome = await write_path.submit(
                Envelope(command=command, key=new_id(), principal=PRINCIPAL)
            )
        finally:
            await write_path.stop()
        return outcome.ok, outcome.body


def _money(amount_minor: int, of: Why) -> str:
    return str(Money(amount_minor, of.currency))


def _show(found: Preview) -> None:
    console = Console()

    def tell(text: str) -> None:
        console.print(text, markup=False, highlight=False)

    tell(f"{found.skus:,} articles: {found.changed:,} prices change, in {found.took_ms} ms")
    tell(f"  {found.up:,} up, {found.down:,} down, {found.gained:,} new, {found.lost:,} gone")
    total = found.total
    tell(f"  margin {_share(total.before)} before, {_share(total.after)} after, a unit of each")
    tell(f"  {found.floored_count:,} articles would newly stand at a floor")
    table = Table(box=None, pad_edge=False)
    for column in ("category", "articles", "change", "margin before", "after"):
        table.add_column(column)
    for part in found.categories:
        shares = (_share(part.before), _share(part.after))
        name = part.category or "(none)"
        table.add_row(name, f"{part.skus:,}", f"{part.changed:,}", *shares)
    console.print(table, markup=False, highlight=False)
    for name, moves in (("up", found.largest_up), ("down", found.largest_down)):
        for move in moves[:5]:
            old, new = (Money(one, found.currency) for one in (move.before_minor, move.after_minor))
            tell(f"  {name:<5}{move.sku}: {old} to {new} ({move.change_bp / 100:+.1f} %)")


def _share(money: Any) -> str:
    if not money.revenue_minor:
        return "-"
    return f"{money.margin_minor / money.revenue_minor * 100:.1f} %"
