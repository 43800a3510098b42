"""`shopwire route`: which supplier sends what, why, and how suppliers keep their word."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from shopwire.adapters.postgres.migrate import migrate
from shopwire.adapters.postgres.server import open_database
from shopwire.adapters.postgres.store import open_store
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import SetupProblem
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.modules.orders.api import OrderLine
from shopwire.modules.routing.api import RouteChoice
from shopwire.modules.routing.events import RouteDocument, ScoreDocument
from shopwire.modules.routing.scoring import UNKNOWN
from shopwire.modules.routing.store import list_scores, list_waiting, read_prices, read_route
from shopwire.services.routing import Router

app = App(name="route", help="Which supplier sends what, why, and how suppliers keep their word.")

SHOWN_MAX: Final = 100
"""Orders that `waiting` lists; the console has all."""
Json = Annotated[bool, Parameter(negative="")]
T = TypeVar("T")

_document: Final = msgspec.json.Decoder(RouteDocument).decode
_score: Final = msgspec.json.Decoder(ScoreDocument).decode


@app.command
def preview(
    *units: str,
    country: str = "DE",
    data: Path = Path(".shopwire/data"),
    database: str | None = None,
    json: Json = False,
) -> int:
    """Show who would send some units now, and what else there is; nothing is held or written.

        shopwire route preview MUG=2 PLATE=1 --country FR

    Args:
        units: SKU and number of units, such as MUG=2; at the prices of now.
        country: Where they go, ISO 3166-1 alpha-2.
        data: The shop's folder; a server that runs on it is used.
        database: Address of a PostgreSQL database, instead of a folder.
        json: Print one JSON object.
    """
    wished = [_units(text) for text in units]
    if not wished:
        raise SetupProblem("Name some units, such as MUG=2.", what="usage")

    async def look(reads: Reads) -> tuple[RouteChoice | None, str]:
        prices = await read_prices(reads, DEFAULT_TENANT, [sku for sku, _ in wished])
        lines = [
            OrderLine(
                sku=sku,
                title=sku,
                quantity=count,
                price_minor=prices[sku][0] if sku in prices else 0,
            )
            for sku, count in wished
        ]
        currency = next((currency for _, currency in prices.values()), "EUR")
        found = await Router(reads, SystemClock()).choose(DEFAULT_TENANT, lines, currency, country)
        return found, currency

    choice, currency = _with(data, database, look)
    if choice is None:
        raise SetupProblem(
            "No offer can be weighed for these units.",
            what="routing",
            reason="nobody has enough, or nobody's offer says what a unit costs",
        )
    if json:
        _print_json(choice)
    else:
        _show(choice, currency)
    return 0


@app.command
def explain(
    order: str,
    /,
    *,
    data: Path = Path(".shopwire/data"),
    database: str | None = None,
    json: Json = False,
) -> int:
    """Show why an order's units come from its suppliers, and what became of it.

    Args:
        order: The order's id.
        data: The shop's folder; a server that runs on it is used.
        database: Address of a PostgreSQL database, instead of a folder.
        json: Print one JSON object.
    """
    entry = _with(data, database, lambda reads: read_route(reads, DEFAULT_TENANT, order))
    document = _document(bytes(entry["doc"]))
    if json:
        _print_json(document)
        return 0
    _show(document.choice, document.currency)
    for move in document.moves:
        to = ", ".join(f"{pick.quantity} by {pick.supplier}" for pick in move.picks)
        print(f"{move.quantity} of {move.sku} from {move.supplier} ({move.why}) are sent: {to}.")
    for left in document.left:
        print(f"{left.sku} from {left.supplier} waits for a person: {left.why}.")
    if document.state == "waiting":
        print(f'It waits: shopwire send routing.release_route \'{{"order_id": "{order}"}}\'')
    return 0


@app.command
def waiting(
    *,
    data: Path = Path(".shopwire/data"),
    database: str | None = None,
    json: Json = False,
) -> int:
    """List the orders whose purchase orders wait for a person, the oldest first.

    Args:
        data: The shop's folder; a server that runs on it is used.
        database: Address of a PostgreSQL database, instead of a folder.
        json: Print one JSON object.
    """
    page = _with(
        data,
        database,
        lambda reads: list_waiting(reads, DEFAULT_TENANT, after=None, limit=SHOWN_MAX),
    )
    if json:
        _print_json(page)
        return 0
    for item in page["items"]:
        document = _document(bytes(item["doc"]))
        why = ", ".join(review.rule or review.why for review in document.choice.reviews)
        print(f"{document.order_id}  {item['number']}  {why}")
    return 0


@app.command
def scores(
    *,
    data: Path = Path(".shopwire/data"),
    database: str | None = None,
    json: Json = False,
) -> int:
    """List suppliers with their scores, from 0 to 1000, the lowest first.

    Args:
        data: The shop's folder; a server that runs on it is used.
        database: Address of a PostgreSQL database, instead of a folder.
        json: Print one JSON object.
    """
    rows = _with(data, database, lambda reads: list_scores(reads, DEFAULT_TENANT))
    if json:
        _print_json({"items": rows, "unknown": UNKNOWN})
        return 0
    table = Table(box=None, pad_edge=False)
    for column in ("supplier", "score", "in time", "shipped", "accepted", "kept", "honest"):
        table.add_column(column)
    for row in rows:
        if row["score"] is None:
            table.add_row(row["id"], f"{UNKNOWN} (unknown)")
            continue
        own = _score(bytes(row["score"]))
        parts = (own.score, own.acknowledged, own.shipped, own.accepted, own.kept, own.honest)
        table.add_row(row["id"], *(str(part) for part in parts))
    Console().print(table, markup=False)
    return 0


def _units(text: str) -> tuple[str, int]:
    sku, _, count = text.rpartition("=")
    if not sku or not count.isdecimal() or int(count) < 1:
        raise SetupProblem(f"{text!r} is no SKU=UNITS.", what="usage", reason="such as MUG=2")
    return sku, int(count)


def _with(data: Path, database: str | None, read: Callable[[Reads], Awaitable[T]]) -> T:
    async def work() -> T:
        async with open_database(data, database) as opened:
            await migrate(opened.dsn)
            async with open_store(opened.dsn, ()) as store:
                return await read(store.reads)

    return asyncio.run(work())


def _print_json(value: Any) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def _show(choice: RouteChoice, currency: str) -> None:
    """The choice and its alternatives in one table, then what it means."""
    table = Table(box=None, pad_edge=False, title=f"amounts in minor units of {currency}")
    for column in ("way", "cost", "shipping", "weights", "total", "profit"):
        table.add_column(column)
    ways: list[tuple[str, Sequence[Any], Any]] = [("chosen", choice.picks, choice.sums)]
    ways += [(f"{one.kind} {one.supplier}", one.picks, one.sums) for one in choice.alternatives]
    for name, picks, sums in ways:
        sends = ", ".join(f"{pick.quantity} {pick.sku} by {pick.supplier}" for pick in picks)
        amounts = (sums.cost_minor, sums.shipping_minor, sums.weights_minor, sums.total_minor)
        table.add_row(f"{name}: {sends}", *map(str, (*amounts, sums.profit_minor)))
    Console().print(table, markup=False)
    gap = choice.sums.total_minor - choice.bound_minor
    print("No other way has a lower total." if not gap else f"At most {gap} could be saved.")
    for out in choice.left_out:
        print(f"Not weighed: {out.sku} by {out.supplier} ({out.rule or out.why}).")
    for sku in choice.unrouted:
        print(f"{sku} comes from whoever has most: no offer could be weighed.")
    for review in choice.reviews:
        print(f"A person has to look at it: {review.rule or review.why}.")
