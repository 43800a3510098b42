"""The hub on the real log: whatever becomes of its connections, nothing is missing."""

import asyncio
import json

import asyncpg
import pytest
from tests.sync.served import Shop, serving

from shopwire.adapters.postgres.store import open_store
from shopwire.kernel.errors import StorageUnavailable
from shopwire.kernel.events import NewEvent
from shopwire.kernel.ids import partition_of
from shopwire.sync.client import SyncClient

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

TOPICS = [f"stock:{number}" for number in range(8)]


class PostgresShop(Shop):
    """The same target on PostgreSQL."""

    def __init__(self, store) -> None:
        super().__init__()
        self.log = store.log
        self.storage = store.storage
        self.versions = {}

    async def change(self, changes):
        self.commands += 1
        events = []
        for topic, fields in changes:
            self.versions[topic] = self.versions.get(topic, 0) + 1
            body = json.dumps(fields).encode()
            events.append(
                NewEvent(
                    "main", topic, self.versions[topic], "t.e", body, b"null", f"c{self.commands}"
                )
            )
        partition = self.home_of(changes)
        async with self.storage.transaction([partition]) as tx:
            await tx.append(partition, events)
        self.storage.committed([partition])

    def home_of(self, changes):
        return partition_of("main", changes[0][0], self.log.partitions)


async def test_screens_follow_the_log_through_lost_connections(database_url):
    async with open_store(database_url, tail_poll_ms=200) as store:
        shop = PostgresShop(store)
        await shop.change([(topic, {"n": -1}) for topic in TOPICS[:1]])
        async with serving(shop):
            client = SyncClient(shop.url)
            await client.start()
            client.subscribe(TOPICS)
            await client.until_live()
            for number in range(60):
                await shop.change([(TOPICS[number % len(TOPICS)], {"n": number})])
            await client.until(lambda: _newest(client) == 59)
            await _break_connections(database_url)
            await _insist(shop, TOPICS[0], 100)
            await client.until(lambda: _newest(client) == 100)
            await client.until(lambda: client.status == "live" and client.age_ms < 1_000)
            assert client.connections == 1
            assert not client.replica.missed
            for document in await store.log.documents("main", TOPICS):
                held = client.held(document.topic)
                assert (held.version, held.document) == (
                    document.version,
                    json.loads(document.body),
                )
            await client.stop()


def _newest(client):
    return max((held.document or {}).get("n", -1) for held in client.replica.docs.values())


async def _insist(shop, topic, number):
    """A writer whose connection was cut tries again, as writers do."""
    for _ in range(20):
        try:
            await shop.change([(topic, {"n": number})])
        except StorageUnavailable as problem:
            shop.versions[topic] -= 1
            await asyncio.sleep(problem.data["retry_ms"] / 1_000)
        else:
            return
    raise AssertionError("the database stayed away")


async def _break_connections(dsn):
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()
