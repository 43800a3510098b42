"""`shopwire channel`: how suppliers are reached, and what left."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, get_args

import msgspec
from cyclopts import App, Parameter

from shopwire.adapters.postgres.migrate import migrate
from shopwire.adapters.postgres.server import open_database
from shopwire.adapters.postgres.store import Store, open_store
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Envelope
from shopwire.kernel.errors import ErrorBody, InvalidField, NotFound
from shopwire.kernel.ids import DEFAULT_TENANT, new_id
from shopwire.kernel.write_path import WritePath
from shopwire.modules.channels.api import PutChannel, Way
from shopwire.modules.channels.domain import kind_of
from shopwire.modules.channels.store import (
    PAGE_MAX,
    list_channels,
    list_page,
    list_unreachable,
    way_of,
)
from shopwire.modules.channels.wiring import MODULE
from shopwire.services.channel_probe import probe
from shopwire.services.channel_work import Reach
from shopwire.services.command_door import PRINCIPAL
from shopwire.services.settings import Settings, load_settings

_PARTLY: Final = 3
_KINDS: Final = {str(way.__struct_config__.tag): way for way in get_args(Way)}

app = App(name="channel", help="How purchase orders reach suppliers, and what left.")

Data = Annotated[Path | None, Parameter(help="Folder of the shop.")]
Config = Annotated[Path | None, Parameter(help="TOML file with the settings.")]
Json = Annotated[bool, Parameter(name="--json", negative="")]


@app.command
def put(
    supplier: str,
    kind: Annotated[str, Parameter(help="api, webhook, x12, email, fetch or simulator.")],
    *fields: Annotated[str, Parameter(help="name=value, as docs/how-to names them.")],
    gather_ms: int = 2_000,
    orders_max: int = 100,
    data: Data = None,
    config: Config = None,
    json_: Json = False,
) -> int:
    """Says how a supplier is reached from now on.

    For example: `shopwire channel put acme x12 place=folder:acme sender=SHOP receiver=ACME`.
    """
    command = PutChannel(
        supplier=supplier,
        way=_way(kind, fields),
        gather_ms=gather_ms,
        orders_max=orders_max,
    )
    answer = asyncio.run(_send(command, data, config))
    print(json.dumps(answer) if json_ else f"{supplier} is reached by {kind} now")
    return 0


@app.command(name="list")
def list_(*, data: Data = None, config: Config = None, json_: Json = False) -> int:
    """Shows all ways, what waits on them, and suppliers with orders that have none."""
    found, unreachable = asyncio.run(_listed(data, config))
    if json_:
        told = {"channels": found, "unreachable": dict(unreachable)}
        print(msgspec.json.encode(told).decode())
        return 0
    for one in found:
        trouble = f", {one['troubled']} in trouble" if one["troubled"] else ""
        print(
            f"{one['supplier']:24} {one['way']['type']:10} {one['waiting']} waiting{trouble},"
            f" last left {_moment(one['left_at_ms'])}"
        )
    for supplier, orders in unreachable:
        print(f"{supplier:24} no way    {orders} open orders: it has to come for them")
    return 0


@app.command(name="test")
def try_out(supplier: str, *, data: Data = None, config: Config = None, json_: Json = False) -> int:
    """Looks whether a supplier can be reached; no order leaves. Ends with 3 where it cannot."""
    reached, seen = asyncio.run(_probed(supplier, data, config))
    if json_:
        print(json.dumps({"supplier": supplier, "reached": reached, "seen": seen}))
    else:
        print(f"{supplier}: {seen}", file=sys.stdout if reached else sys.stderr)
    return 0 if reached else _PARTLY


@app.command
def log(
    supplier: str | None = None,
    *,
    limit: int = 20,
    data: Data = None,
    config: Config = None,
    json_: Json = False,
) -> int:
    """Shows what left, and what could not, the newest first."""
    found = asyncio.run(_logged(supplier, max(1, min(limit, PAGE_MAX)), data, config))
    if json_:
        print(msgspec.json.encode({"bundles": found}).decode())
    for one in () if json_ else found:
        orders = " ".join(one["orders"])
        words = [one["state"], one["trouble"], one["receipt"].replace("none", "")]
        state = ", ".join(word for word in words if word)
        print(f"{_moment(one['left_at_ms'] or one['begun_at_ms'])} {one['id']} {state}: {orders}")
    return 0


def _way(kind: str, fields: tuple[str, ...]) -> Any:
    """A way out of words; raises InvalidField."""
    if kind not in _KINDS:
        reason = f"it is one of {', '.join(_KINDS)}"
        raise InvalidField(f"{kind!r} is no way: {reason}.", field="kind", reason=reason)
    given: dict[str, Any] = {"type": kind}
    known = {one.name: one.type for one in msgspec.structs.fields(_KINDS[kind])}
    for field in fields:
        name, sign, value = field.partition("=")
        if not sign or name not in known:
            reason = f"it has {', '.join(known) or 'no fields'}"
            raise InvalidField(f"{field!r} is no field of {kind}: {reason}.",
                               field=name[:60], reason=reason)  # fmt: skip
        is_list = known[name] == tuple[str, ...]
        given[name] = value.split(",") if is_list else value
    try:
        return msgspec.convert(given, Way, strict=False)
    except msgspec.ValidationError as problem:
        reason, _, field = str(problem).partition(" - at `$")
        where = field.strip("`.") or kind
        raise InvalidField(f"{where}: {reason}.", field=where, reason=reason) from None


@asynccontextmanager
async def _store(data: Path | None, config: Path | None) -> AsyncIterator[tuple[Store, Settings]]:
    settings = load_settings({"data": data}, file=config).settings
    async with open_database(settings.data, settings.database_url) as opened:
        await migrate(opened.dsn)
        async with open_store(opened.dsn, MODULE.tables) as store:
            yield store, settings


async def _send(command: PutChannel, data: Path | None, config: Path | None) -> Any:
    async with _store(data, config) as (store, _):
        write_path = WritePath(store.storage, MODULE.handlers, SystemClock())
        await write_path.start()
        try:
            outcome = await write_path.submit(
                Envelope(command=command, key=new_id(), principal=PRINCIPAL)
            )
        finally:
            await write_path.stop()
    if not outcome.ok:
        problem = msgspec.json.decode(outcome.body, type=ErrorBody)
        raise InvalidField(problem.message, field=str(problem.data.get("field", "way")),
                           reason=str(problem.data.get("reason", "refused")))  # fmt: skip
    return msgspec.json.decode(outcome.body)["result"]


async def _listed(
    data: Path | None, config: Path | None
) -> tuple[list[dict[str, Any]], list[tuple[str, int]]]:
    async with _store(data, config) as (store, _):
        found = await list_channels(store.reads, DEFAULT_TENANT)
        return found, await list_unreachable(store.reads, DEFAULT_TENANT)


async def _probed(supplier: str, data: Path | None, config: Path | None) -> tuple[bool, str]:
    async with _store(data, config) as (store, settings):
        way = await way_of(store.reads, DEFAULT_TENANT, supplier)
    if way is None:
        raise NotFound(what="channel", id=supplier)
    reached, seen = await probe(Reach(settings.data, settings.allow_addresses), supplier, way)
    return reached, f"{kind_of(way)}: {seen}"


async def _logged(
    supplier: str | None, limit: int, data: Path | None, config: Path | None
) -> list[dict[str, Any]]:
    async with _store(data, config) as (store, _):
        rows = await list_page(store.reads, "bundles_newest", DEFAULT_TENANT, None, supplier, limit)
    return [dict(row) for row in rows[:limit]]


def _moment(at_ms: int | None) -> str:
    if at_ms is None:
        return "never"
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
