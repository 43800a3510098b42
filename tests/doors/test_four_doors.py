"""WebSocket, events, long-poll and GraphQL over PostgreSQL: four doors, one truth."""

import json
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from tests.client.patience import wait_for_clients, wait_for_doors
from tests.sync.accounts import Accounts
from tests.sync.served import QUICK, Server
from tests.sync.test_conformance_run import back_door, run
from tests.sync.test_postgres import PostgresShop

from shopwire.adapters.postgres.store import open_store
from shopwire.kernel.errors import StorageUnavailable, UnknownOperation
from shopwire.kernel.ids import partition_of
from shopwire.services.audit import new_epoch
from shopwire.services.callers import Callers
from shopwire.services.graphql_door import GraphqlDoor, Parts
from shopwire.sync.hub import Hub
from shopwire.sync.rights import Rights
from shopwire.sync.server import SyncDoor
from shopwire.testing.conformance.__main__ import FAILED, PASSED
from shopwire.testing.conformance.clients.__main__ import at_doors, check
from shopwire.testing.conformance.clients.at_doors import DOORS as CLIENT_DOORS
from shopwire.testing.conformance.clients.driver import Driver
from shopwire.testing.conformance.doors import DOORS
from shopwire.testing.conformance.sync_doors import (
    OverEvents,
    OverGraphql,
    OverPoll,
    OverWebSocket,
)

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]
ROOT = Path(__file__).parents[2]


async def no_commands(caller, operation, key, body):
    raise UnknownOperation(operation=operation)


class Shop(PostgresShop):
    """Topics that were made by one command stay together."""

    def __init__(self, store) -> None:
        super().__init__(store)
        self.homes = {}

    def home_of(self, changes):
        (first, _), *_ = changes
        home = self.homes.get(first, partition_of("main", first, self.log.partitions))
        for topic, _ in changes:
            assert self.homes.setdefault(topic, home) == home
        return home


class FourDoors:
    """A server on a port of its own, with a back door in this process."""

    def __init__(self, dsn) -> None:
        self.dsn, self.accounts = dsn, Accounts()
        self.rights = Rights(self.accounts, self.accounts)
        self.shop = self.hub = self.store = None

    @asynccontextmanager
    async def serving(self):
        async with open_store(self.dsn) as self.store:
            self.shop = Shop(self.store)
            self.hub = Hub(self.store.log, limits=QUICK, rights=self.rights)
            callers = Callers(self.rights, self.accounts.clock)
            sync = SyncDoor(self.hub, callers=callers.of)
            parts = Parts(
                hub=self.hub,
                log=self.store.log,
                reads=self.store.reads,
                callers=callers,
                take=no_commands,
            )
            graphql = GraphqlDoor(parts)

            async def app(scope, receive, send):
                door = graphql if scope["path"] == "/graphql" else sync.asgi
                await door(scope, receive, send)

            await self.hub.start()
            server = Server(self.hub, app=app, callers=callers.of)
            server.server.config.ws = "websockets-sansio"
            await server.start()
            self.stand_at(server.port)
            try:
                yield self
            finally:
                self.hub.close_sessions()
                await server.stop()
                await self.hub.stop()

    def stand_at(self, port):
        self.url = f"ws://127.0.0.1:{port}/sync"
        self.events_url = f"http://127.0.0.1:{port}/sync/sse"
        self.poll_url = f"http://127.0.0.1:{port}/sync/poll"
        self.graphql_url = f"ws://127.0.0.1:{port}/graphql"

    async def change(self, changes):
        await self.shop.change(changes)

    async def newest(self, topic):
        (document,) = await self.store.log.documents("main", [topic])
        return document.version, json.loads(document.body)

    async def new_epoch(self):
        """As a restore does it: who wrote before is fenced, and another writer goes on."""
        await new_epoch(self.store.pools)
        async with open_store(self.dsn) as fresh:
            self.shop.storage._epoch = fresh.epoch

    async def token(self, role, subject, lasts_ms):
        return self.accounts.issue(role, subject, lasts_ms)

    async def withdraw(self, role, subject):
        self.accounts.void.add(f"{role}:{subject}")
        self.hub.rights_changed(f"{role}:{subject}")


@pytest.fixture(scope="module")
def anyio_backend():
    """One loop for all rules: they share the server."""
    return "asyncio"


@pytest.fixture(scope="module")
def database(postgres, databases, _postgres_loop):
    name = _postgres_loop.run_until_complete(databases.take())
    yield postgres.dsn(name)
    _postgres_loop.run_until_complete(databases.give_back(name))


@pytest.fixture(scope="module")
async def target(anyio_backend, database):
    async with FourDoors(database).serving() as doors:
        yield doors


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    wait_for_clients(monkeypatch)
    wait_for_doors(monkeypatch)


class TestWebSocket(OverWebSocket):
    pass


class TestEvents(OverEvents):
    pass


class TestPoll(OverPoll):
    pass


class TestGraphql(OverGraphql):
    pass


TOPICS = ["stock:all", "price:all", "payment:all"]
STORY = [
    [("stock:all", {"n": 1, "text": "long enough to make a patch the shorter way " * 3})],
    [
        ("stock:all", {"n": 2, "text": "long enough to make a patch the shorter way " * 3}),
        ("price:all", {"minor": 1999}),
    ],
    [("payment:all", {"status": "promised"})],
    [("payment:all", {"status": "captured", "minor": 1999})],
    [("stock:all", None)],
    [("stock:all", {"n": 3, "ü": [None, {"deep": True}]})],
]
VECTOR = Path(__file__).parents[1] / "vectors" / "sync" / "every-door-says-this.json"


@asynccontextmanager
async def at_all_doors(target, topics):
    async with AsyncExitStack() as stack:
        doors = []
        for kind in DOORS.values():
            door = kind(target, await target.token("operator", "everywhere", 60_000))
            stack.push_async_callback(door.close)
            await door.subscribe(topics)
            await door.until("live")
            doors.append(door)
        yield doors


def told(door):
    """What changes documents, without what no two runs share."""
    for message in door.heard:
        if message["t"] in {"snap", "patch", "batch"}:
            items = message.get("items", [message])
            for item in items:
                item["at"] = 1_795_000_000_000 if item["at"] else 0
            yield message


async def test_every_door_says_what_both_reducers_read(target):
    vector = json.loads(VECTOR.read_text(encoding="utf-8"))
    async with at_all_doors(target, TOPICS) as doors:
        for changes in STORY:
            await target.change(changes)
            topic = changes[-1][0]
            version, _ = await target.newest(topic)
            for door in doors:
                await door.until_held(topic, version)
        messages = vector["messages"][1:]  # behind the welcome
        for door in doors:
            assert list(told(door)) == messages, door.name
            held = {t: {"v": h.version, "doc": h.document} for t, h in door.replica.docs.items()}
            assert held == vector["end"]["docs"], door.name


async def test_every_door_tells_how_long_nothing_was_proven(target, monkeypatch):
    async with at_all_doors(target, ["stock:lag"]) as doors:

        async def away():
            raise StorageUnavailable(retry_ms=1)

        monkeypatch.setattr(target.hub._log, "heads", away)
        for door in doors:
            lags = [0, 0]
            while not lags[-1] > lags[-2] > 300:
                (*_, beat) = await door.until("beat")
                lags.append(beat["lag_ms"])


async def test_the_kit_asks_at_the_doors_that_are_named(target, capsys):
    async with back_door(target) as door:
        words = "comes back"
        said = await run(target.url, "--control", door.url, "--door", "all", "--only", words)
        assert said == PASSED
        assert capsys.readouterr().out.count("who comes back gets what it lacks") == len(DOORS)
        elsewhere = target.poll_url.replace("/poll", "/nowhere")
        options = ("--control", door.url, "--door", "poll", "--poll", elsewhere)
        assert await run(target.url, *options, "--only", "unknown kind") == FAILED


async def test_the_typescript_client_keeps_its_rules_at_each_door(target):
    node = [sys.executable, str(ROOT / "tools/node.py"), "node"]
    async with Driver([*node, str(ROOT / "packages/client/src/testing/driver.ts")]) as driver:
        for name, rule in at_doors(target, CLIENT_DOORS).items():
            assert await check(rule, driver) == ("ok", ""), name


async def test_the_python_client_keeps_its_rules_at_its_door(target):
    ours = [sys.executable, "-m", "shopwire.testing.conformance.clients.python_driver"]
    async with Driver(ours) as driver:
        for name, rule in at_doors(target, ["websocket"]).items():
            assert await check(rule, driver) == ("ok", ""), name
        (name, rule), *_ = at_doors(target, ["poll"]).items()
        assert (await check(rule, driver))[0] == "skipped", name
