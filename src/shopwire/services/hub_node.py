"""A process that is nothing but a hub: it follows the log, serves screens, changes nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import structlog
from litestar import Litestar, Request, Response, get, post
from litestar.exceptions import HTTPException

from shopwire import __version__
from shopwire.adapters.bus.log import BusLog
from shopwire.adapters.bus.nats import NatsBus
from shopwire.adapters.postgres.store import Store, open_store
from shopwire.adapters.postgres.tickets import PostgresUsedOnce
from shopwire.adapters.security.tickets import TICKET_MS
from shopwire.kernel.bus import Bus
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import SetupProblem, ShopwireError, ShuttingDown, StorageUnavailable
from shopwire.kernel.identity import Caller
from shopwire.kernel.ids import new_id
from shopwire.services.access import Access, open_access
from shopwire.services.broadcasting import BroadcastWay, broadcasting
from shopwire.services.cors import Cors
from shopwire.services.database import Database
from shopwire.services.hubs import OPS_TOPIC, Hubs, announce, hub_routes, log_bus
from shopwire.services.issuers import IssuerOptions
from shopwire.services.line import bus_name
from shopwire.services.problems import on_defect, on_http, on_known
from shopwire.services.reach import is_loopback, names_of
from shopwire.services.route_rights import RouteGuard
from shopwire.services.shared_log import SharedLog
from shopwire.services.steps import Steps, in_background, started
from shopwire.services.telemetry import Readings, Telemetry
from shopwire.sync.hub import Hub
from shopwire.sync.origins import Origins
from shopwire.sync.server import SyncDoor
from shopwire.sync.transports.documents import DocumentDoor

LAG_MS_READY_MAX: Final = 10_000
"""A hub whose last proof is older is not ready: a load balancer sends nobody there."""

_log: Final = structlog.get_logger()


class HubOptions(IssuerOptions, frozen=True, kw_only=True):
    """What one hub serves, and where."""

    database_url: str
    bus: tuple[str, ...]
    data: Path = Path(".shopwire/data")
    """Where the keys are, unless `key_file` says."""
    key_file: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8_001
    address: str | None = None
    """Where clients reach its sync endpoint; None: at its port of the name they know."""
    websocket: Literal["picows", "asgi"] = "picows"
    broadcast: BroadcastWay = "auto"
    allow_hosts: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()
    """Origins of the pages: they come from another port or another machine."""
    allow_addresses: tuple[str, ...] = ()
    """Internal addresses where an outside issuer's keys may be."""
    access: Literal["open", "login"] | None = None


class HubNode(msgspec.Struct, kw_only=True):
    """The running parts."""

    options: HubOptions
    telemetry: Telemetry
    store: Store
    bus: Bus
    log: BusLog
    hub: Hub
    hubs: Hubs
    sync: SyncDoor
    access: Access
    database: Database
    failed: asyncio.Future[BaseException]
    stopping: bool = False

    def app(self) -> Any:
        """The ASGI application."""
        guard = RouteGuard(self.access.callers, frozenset(self.options.allow_origins))
        api = Litestar(
            route_handlers=[*_routes(self), *hub_routes(self.hubs)],
            guards=[guard],
            exception_handlers={
                ShopwireError: on_known,
                HTTPException: on_http,
                Exception: on_defect,
            },
            openapi_config=None,
            logging_config=None,
        )
        documents = DocumentDoor(self.hub, self.store.log)
        origins = Origins(
            self.options.allow_origins,
            hosts=names_of(self.options.host, self.options.allow_hosts),
        )
        return Cors(_Paths(api, self.sync.asgi, documents), origins)


class _Paths:
    """Sync, documents, the rest."""

    def __init__(self, api: Any, sync: Any, documents: Any) -> None:
        self._api, self._sync, self._documents = api, sync, documents

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if path == "/sync" or path.startswith("/sync/"):
            await self._sync(scope, receive, send)
        elif path.startswith("/topics/"):
            await self._documents(scope, receive, send)
        else:
            await self._api(scope, receive, send)


def _routes(node: HubNode) -> list[Any]:
    """Health, metrics, status, tickets."""

    @get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @get("/readyz")
    async def readyz() -> dict[str, str]:
        if node.stopping:
            raise ShuttingDown
        if node.hub.stats().lag_ms > LAG_MS_READY_MAX:
            raise StorageUnavailable(retry_ms=1_000)
        return {"status": "ready"}

    @get("/metrics")
    async def metrics() -> Response[bytes]:
        return Response(
            node.telemetry.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8"
        )

    @get("/api/status")
    async def status() -> dict[str, Any]:
        stats, counts = node.hub.stats(), node.log.counts
        return {
            "follows": node.log.source,
            "hub_lag_ms": round(stats.lag_ms),
            "log_head": sum(stats.head),
            "screens": stats.screens,
            "topics": stats.topics,
            "database": "up" if node.database.up else "down",
            "bus": msgspec.to_builtins(counts),
            "build": {"version": __version__},
        }

    @post("/api/tickets", status_code=200)
    async def ticket(request: Request[Any, Any, Any]) -> dict[str, Any]:
        caller: Caller = request.state.caller
        return {"ticket": node.access.callers.ticket(caller), "expires_in_ms": TICKET_MS}

    return [healthz, readyz, metrics, status, ticket]


@asynccontextmanager
async def open_hub_node(options: HubOptions) -> AsyncIterator[HubNode]:
    """Starts everything; raises SetupProblem, StorageUnavailable. The broker may be away."""
    steps, telemetry = Steps(), Telemetry(__version__)
    telemetry.start_ms = steps.took_ms
    try:
        yield await _start(options, steps, telemetry)
    finally:
        await steps.close()


async def _start(options: HubOptions, steps: Steps, telemetry: Telemetry) -> HubNode:
    clock = SystemClock()
    failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    def fail(problem: BaseException) -> None:
        _log.critical("part.failed", exc_info=problem)
        if not failed.done():
            failed.set_result(problem)

    keys = options.key_file or options.data / "keys.json"
    if not keys.is_file():
        # Keys of its own would fit no token that the shop has signed.
        raise SetupProblem(
            f"The shop's keys are not at {keys}.", what="key_file", reason="name --key-file"
        )
    store = await steps.enter("store", open_store(options.database_url))
    bus = NatsBus(options.bus, bus_name(store.log_id))
    log_bus(bus)
    followed = BusLog(bus, store.log, store.hints)
    shared = SharedLog(followed)
    await steps.enter("bus", started(bus.start, bus.close))
    await steps.enter("log", started(_nothing, shared.close))
    is_open = options.access == "open" or (options.access is None and is_loopback(options.host))
    access = await open_access(
        shared,
        store.reads,
        clock,
        keys=keys,
        open_to_all=is_open,
        issuer=options,
        used=PostgresUsedOnce(store.pools),
        allow_addresses=options.allow_addresses,
    )
    # Without `take` clients send their commands over HTTP: a hub has nothing that it could change.
    told = await steps.enter("broadcast", broadcasting(options.broadcast, _log.info))
    hub = Hub(shared, clock=clock, rights=access.rights, broadcast=told)
    await steps.enter("hub", started(hub.start, hub.stop))
    access.book.on_change = hub.rights_changed
    await steps.enter("access", in_background(access.run(), fail))
    database = Database(options.database_url, None, clock)
    await steps.enter("watch", in_background(database.watch(store.log.heads), fail))
    bus.hear(lambda *state: _show(hub, *state))
    telemetry.watch(lambda: access.add_to(_readings(hub, followed, bus, database)))
    return HubNode(
        options=options,
        telemetry=telemetry,
        store=store,
        bus=bus,
        log=followed,
        hub=hub,
        hubs=Hubs(bus, clock),
        sync=SyncDoor(
            hub,
            callers=access.callers.of,
            origins=options.allow_origins,
            hosts=names_of(options.host, options.allow_hosts),
        ),
        access=access,
        database=database,
        failed=failed,
    )


async def be_known(node: HubNode, port: int) -> None:
    """Says where this hub is, until it is cancelled: then it says that it leaves."""
    await announce(node.bus, new_id(), node.options.address or f":{port}", SystemClock())


def _show(hub: Hub, topic: str, version: int, document: bytes) -> None:
    """A state that the other process made, as this hub's own."""
    if topic.startswith(OPS_TOPIC):
        hub.fanout.publish(topic, version, document)


def _readings(hub: Hub, log: BusLog, bus: Bus, database: Database) -> Readings:
    stats = hub.stats()
    return Readings(
        log_events=sum(stats.head),
        hub_lag_ms=stats.lag_ms,
        screens=stats.screens,
        topics=stats.topics,
        frames=stats.frames,
        database_up=database.up,
        bus_up=bus.up,
        bus_gaps=log.counts.gaps + log.counts.late,
    )


async def _nothing() -> None:
    return None
