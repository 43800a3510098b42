"""The composition root: every part of one process, in the order in which it starts."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import asyncpg
import msgspec
import structlog

from shopwire import __version__
from shopwire.adapters.postgres.migrate import FIRST_MIGRATION, migrate
from shopwire.adapters.postgres.pool import Pools
from shopwire.adapters.postgres.store import Store, open_store
from shopwire.adapters.postgres.tickets import PostgresUsedOnce
from shopwire.kernel.activities import Activity
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import SetupProblem
from shopwire.kernel.write_path import WritePath
from shopwire.modules.feeds.activities import activities as feed_activities
from shopwire.modules.sources.activities import activities as source_activities
from shopwire.services.access import Access, open_access
from shopwire.services.activities import Activities
from shopwire.services.app import AppParts, build_app
from shopwire.services.audit import new_epoch
from shopwire.services.broadcasting import BroadcastWay, broadcasting
from shopwire.services.carrier_door import carrier_routes
from shopwire.services.checkout_door import CheckoutDoor, checkout_routes, quick_checkout
from shopwire.services.command_door import CommandDoor
from shopwire.services.completion import Completion
from shopwire.services.consumers import Consumers
from shopwire.services.database import Database, own_database
from shopwire.services.export_door import export_routes
from shopwire.services.front import Front
from shopwire.services.graphql_door import GraphqlDoor
from shopwire.services.graphql_door import Parts as GraphqlParts
from shopwire.services.hubs import hub_routes
from shopwire.services.import_approve import go_on
from shopwire.services.import_cut import close_cut_off
from shopwire.services.import_door import import_routes
from shopwire.services.import_workers import ImportWorker, WorkerImporter
from shopwire.services.importing import Importer
from shopwire.services.issuers import IssuerOptions
from shopwire.services.line import Line, open_line
from shopwire.services.order_news import OrderNews
from shopwire.services.outside import (
    Outside,
    OutsideOptions,
    PaymentName,
    SupplierWay,
    World,
)
from shopwire.services.pacing import IMPORT_SHARE_PERCENT, Pacing, SharePercent
from shopwire.services.pages import Pages, pages_dir
from shopwire.services.parts import MODULES, module_routes
from shopwire.services.places import FeedPlaces
from shopwire.services.portal_door import portal_routes
from shopwire.services.pricing_preview import preview_routes
from shopwire.services.pulse import Pulse
from shopwire.services.reach import is_loopback, names_of
from shopwire.services.session_door import session_routes
from shopwire.services.shared_log import SharedLog
from shopwire.services.source_desk import source_desk_routes
from shopwire.services.source_door import source_routes
from shopwire.services.sourcing import Sourcing
from shopwire.services.steps import Steps, in_background, started
from shopwire.services.supplier_door import supplier_routes
from shopwire.services.telemetry import Readings, Telemetry
from shopwire.services.threads import let_the_loop_go_first
from shopwire.services.trade import Trade, addresses, open_trade
from shopwire.services.webhook_door import WebhookDoor, quick_webhooks, webhook_routes
from shopwire.sync.hub import Hub
from shopwire.sync.server import SyncDoor
from shopwire.sync.stats import HubStats
from shopwire.sync.transports.documents import DocumentDoor

Fail = Callable[[BaseException], None]
"""Hears of a part that ended by an error."""

_log: Final = structlog.get_logger()


class ServeOptions(IssuerOptions, frozen=True, kw_only=True):
    """What one process serves, and where."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8_000
    database_url: str | None = None
    websocket: Literal["picows", "asgi"] = "picows"
    broadcast: BroadcastWay = "auto"
    pages: Path | None = None
    allow_hosts: tuple[str, ...] = ()
    """Further names by which a server on loopback may be addressed, as by a proxy before it."""
    allow_origins: tuple[str, ...] = ()
    """Origins of other pages that may use API and sync: `https://shop.example`."""
    allow_addresses: tuple[str, ...] = ()
    """Internal addresses that sources and suppliers may be reached at: networks, names of hosts."""
    source_folders: tuple[str, ...] = ()
    """Folders that may be watched for feeds, besides the data folder's inbox."""
    import_share: SharePercent = IMPORT_SHARE_PERCENT
    """Of the time while shoppers wait for an answer, what imports may take, in percent."""
    bus: tuple[str, ...] = ()
    """Addresses of brokers that take the log's events to hubs in other processes."""
    payments: PaymentName = "simulator"
    suppliers: SupplierWay = "fetch"
    access: Literal["open", "login"] | None = None
    """`open`: without credentials one is the operator of this machine. `login`: nobody. None: open
    where only this machine can connect."""
    key_file: Path | None = None
    """The keys that sign sessions; else a file in `data`."""
    secret_file: Path | None = None
    """The installation's secret, from which those of webhooks are made; else one in `data`."""
    stripe_key_file: Path | None = None
    stripe_webhook_file: Path | None = None
    world: World = World()
    """How simulated parties behave, in a demonstration."""

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect: what operators see is open without a login."""
        return is_loopback(self.host)

    @property
    def is_open(self) -> bool:
        """Whether everybody who can connect may be an operator."""
        return self.access == "open" or (self.access is None and self.is_local)

    @property
    def keys(self) -> Path:
        """Where the keys are that sign sessions."""
        return self.key_file or self.data / "keys.json"

    @property
    def hosts(self) -> frozenset[str] | None:
        """Names that requests may be addressed to; None for any."""
        return names_of(self.host, self.allow_hosts)


class Container(msgspec.Struct, kw_only=True):
    """The running parts."""

    options: ServeOptions
    telemetry: Telemetry
    database: Database
    store: Store
    write_path: WritePath
    outside: Outside
    completion: Completion
    checkout: CheckoutDoor
    activities: Activities
    importer: Importer
    sourcing: Sourcing
    hub: Hub
    sync: SyncDoor
    pulse: Pulse
    pages: Pages
    access: Access
    line: Line
    failed: asyncio.Future[BaseException]
    """Resolves when a part that should run for ever ended by an error."""
    stopping: bool = False

    @property
    def pacing(self) -> Pacing:
        """What imports stand back by."""
        return self.importer.pacing

    def app(self) -> Front:
        """The ASGI application over these parts; simulated parties reach it from now on."""
        clock, secrets = SystemClock(), self.outside.secrets
        webhooks = WebhookDoor(
            self.write_path,
            self.store.reads,
            self.outside.providers,
            self.completion.complete,
            clock,
        )
        self.outside.loopback.app = app = build_app(
            AppParts(
                write_path=self.write_path,
                pulse=self.pulse,
                telemetry=self.telemetry,
                pages=self.pages,
                callers=self.access.callers,
                routes=[
                    *session_routes(self.access.sessions),
                    *hub_routes(self.line.hubs),
                    *module_routes(self.store.reads),
                    *import_routes(self.write_path, self.importer),
                    *export_routes(self.store.reads),
                    *preview_routes(self.store.reads),
                    *checkout_routes(self.checkout, self.store.reads),
                    *webhook_routes(webhooks),
                    *carrier_routes(self.write_path, self.store.reads, secrets.known, clock),
                    *supplier_routes(self.write_path, secrets.known, clock),
                    *portal_routes(self.write_path, self.store.reads, addresses(self.store.reads)),
                    *source_routes(
                        self.write_path, self.store.reads, self.sourcing, secrets.known, clock
                    ),
                    *source_desk_routes(self.store.reads, _places(self.options), secrets.of),
                ],
                quick=[quick_checkout(self.checkout), quick_webhooks(webhooks)],
                sync=self.sync.asgi,
                documents=DocumentDoor(self.hub, self.store.log),
                graphql=GraphqlDoor(
                    GraphqlParts(
                        hub=self.hub,
                        log=self.store.log,
                        reads=self.store.reads,
                        callers=self.access.callers,
                        take=CommandDoor(self.write_path, self.access.book, self.pacing).take,
                    ),
                    origins=self.options.allow_origins,
                    introspection=self.options.is_open,
                ),
                hubs=self.line.hubs,
                stopping=lambda: self.stopping,
                hosts=self.options.hosts,
                pacing=self.pacing,
                origins=self.options.allow_origins,
            )
        )
        return app


@asynccontextmanager
async def open_container(options: ServeOptions) -> AsyncIterator[Container]:
    """Starts everything; stops it in the opposite order, the write path drained before the log.

    Raises SetupProblem and StorageUnavailable where a part cannot start; what was started before
    is stopped then, too.
    """
    let_the_loop_go_first()
    steps, telemetry = Steps(), Telemetry(__version__)
    telemetry.start_ms = steps.took_ms
    try:
        yield await _start(options, steps, telemetry)
    finally:
        await steps.close()


async def _start(options: ServeOptions, steps: Steps, telemetry: Telemetry) -> Container:
    clock = SystemClock()
    failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    def fail(problem: BaseException) -> None:
        _log.critical("part.failed", exc_info=problem)
        if not failed.done():
            failed.set_result(problem)

    database = await steps.enter(
        "database", own_database(options.data, options.database_url, clock)
    )
    await steps.enter("schema", started(partial(_migrate, database.dsn), _nothing))
    tables = [table for module in MODULES for table in module.tables]
    store = await steps.enter("store", open_store(database.dsn, tables))
    handlers = [handler for module in MODULES for handler in module.handlers]
    write_path = WritePath(store.storage, handlers, clock)
    await steps.enter("write path", started(write_path.start, write_path.stop))
    followed = [consumer for module in MODULES for consumer in module.consumers]
    log = SharedLog(store.log)
    await steps.enter("log", started(_nothing, log.close))
    line = await open_line(options.bus, steps, store, log, clock, fail)
    consumers = Consumers(log, write_path, store.reads, followed)
    await steps.enter("consumers", in_background(consumers.run(), fail))
    asked = OutsideOptions(**_part_of(options, OutsideOptions.__struct_fields__))
    importer = await steps.enter("imports", _importer(options, write_path, store, clock))
    sourcing = Sourcing(write_path, store.reads, importer, _places(options).adapters(), clock)
    more = _feed_work(importer, sourcing, clock)
    trade = await open_trade(
        asked, steps, store, log, write_path, clock, fail, more=more, pacing=importer.pacing
    )
    access = await _open_access(log, store, options)
    take = CommandDoor(write_path, access.book, importer.pacing).take
    told = await steps.enter("broadcast", broadcasting(options.broadcast, _log.info))
    hub = Hub(log, clock=clock, take=take, rights=access.rights, broadcast=told)
    await steps.enter("hub", started(hub.start, hub.stop))
    access.book.on_change = hub.rights_changed
    await steps.enter("access", in_background(access.run(), fail))
    await steps.enter("watch", in_background(database.watch(store.log.heads), fail))

    def readings() -> Readings:
        stats = hub.stats()
        read = access.add_to(_readings(write_path, stats, consumers, trade, database))
        return line.add_to(read, stats.head)

    telemetry.watch(readings)
    show = line.publisher(hub.publish_ephemeral)
    pulse = Pulse(readings, show, clock)
    await _show_states(pulse, OrderNews(log, store.reads, show, clock), steps, fail)
    return Container(
        options=options,
        telemetry=telemetry,
        database=database,
        store=store,
        write_path=write_path,
        outside=trade.outside,
        completion=trade.completion,
        checkout=trade.checkout,
        activities=trade.activities,
        importer=importer,
        sourcing=sourcing,
        hub=hub,
        sync=_sync_door(hub, access, options),
        pulse=pulse,
        pages=Pages(options.pages or pages_dir()),
        access=access,
        line=line,
        failed=failed,
    )


def _part_of(options: ServeOptions, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(options, name) for name in names}


@asynccontextmanager
async def _importer(
    options: ServeOptions, write_path: WritePath, store: Store, clock: SystemClock
) -> AsyncIterator[Importer]:
    pacing = Pacing(clock, share_percent=options.import_share)
    partitions = store.storage.partitions
    worker = ImportWorker(write_path, pacing, dsn=store.pools.dsn, partitions=partitions)
    try:
        yield WorkerImporter(
            write_path, store.reads, partitions=partitions, pacing=pacing, worker=worker
        )
    finally:
        await worker.stop()


def _feed_work(importer: Importer, sourcing: Sourcing, clock: SystemClock) -> Iterable[Activity]:
    """Activities that take feeds in."""
    feeds = feed_activities(partial(go_on, importer), partial(close_cut_off, importer))
    return (*source_activities(sourcing.fetch, clock), *feeds)


async def _open_access(log: SharedLog, store: Store, options: ServeOptions) -> Access:
    """Who callers are."""
    return await open_access(
        log,
        store.reads,
        SystemClock(),
        keys=options.keys,
        open_to_all=options.is_open,
        issuer=options,
        used=PostgresUsedOnce(store.pools),
        allow_addresses=options.allow_addresses,
    )


def _sync_door(hub: Hub, access: Access, options: ServeOptions) -> SyncDoor:
    """Where screens connect."""
    return SyncDoor(
        hub, callers=access.callers.of, origins=options.allow_origins, hosts=options.hosts
    )


def _places(options: ServeOptions) -> FeedPlaces:
    """Where feeds are fetched from."""
    return FeedPlaces(
        data=options.data,
        clock=SystemClock(),
        allow_addresses=options.allow_addresses,
        source_folders=options.source_folders,
    )


async def _show_states(pulse: Pulse, news: OrderNews, steps: Steps, fail: Fail) -> None:
    """Begins to show what is in no log."""
    pulse.beat()  # so that a screen that is there at once sees how it stands
    await steps.enter("pulse", in_background(pulse.run(), fail))
    await steps.enter("order news", in_background(news.run(), fail))


def _readings(
    write_path: WritePath, sync: HubStats, consumers: Consumers, trade: Trade, database: Database
) -> Readings:
    stats = write_path.stats
    return Readings(
        committed=stats.commands - stats.refused,
        refused=stats.refused,
        replayed=stats.replayed,
        events=stats.events,
        batches=stats.batches,
        queue=write_path.queued,
        log_events=sum(sync.head),
        hub_lag_ms=sync.lag_ms,
        screens=sync.screens,
        topics=sync.topics,
        frames=sync.frames,
        changes=sync.changes,
        changes_whole=sync.changes_whole,
        digests_differed=sync.differed,
        consumer_stalls=len(consumers.stalls),
        activity_troubles=len(trade.activities.troubles),
        activities_done=trade.activities.done,
        database_up=database.up,
        database_restarts=database.restarts,
    )


async def _migrate(dsn: str) -> None:
    """Brings the schema up to date; it is also the first word with a database of somebody's own."""
    try:
        applied = await migrate(dsn)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as problem:
        shown = re.sub("//[^@/]*@", "//", dsn)
        raise SetupProblem(
            f"The database at {shown} cannot be used: {problem}",
            what="database",
            reason="check the address, the user's rights and that it is PostgreSQL 16 or newer",
        ) from problem
    if FIRST_MIGRATION in applied:
        # An epoch of its own: a page that still shows a former shop at this address starts anew.
        pools = await Pools.open(dsn, writers_max=1)
        try:
            await new_epoch(pools)
        finally:
            await pools.close()


async def _nothing() -> None:
    return None
