"""Hints with events, between processes that share a database."""

import asyncio
import contextlib
from contextlib import AsyncExitStack

import asyncpg
import pytest

from shopwire.adapters.postgres.store import open_store
from shopwire.kernel.errors import LogCorrupt
from shopwire.testing.conformance.harness import TAIL_POLL_NEVER_MS
from shopwire.testing.conformance.sample import CREATE, TABLES, new_event

WAIT_S = 60
pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


class Followed:
    """A process that reads, and how often it asked the log."""

    def __init__(self, store) -> None:
        self.log = store.log
        self.reads = 0
        self.taken = []
        self.more = asyncio.Event()
        self._read = store.log.read
        store.log.read = self.read
        self.task = asyncio.create_task(self.follow())

    async def read(self, partition, offset, limit):
        self.reads += 1
        return await self._read(partition, offset, limit)

    async def follow(self):
        async for batch in self.log.tail(0, 0):
            self.taken += batch
            self.more.set()

    async def has(self, count):
        async with asyncio.timeout(WAIT_S):
            while len(self.taken) < count:
                await self.more.wait()
                self.more.clear()
        assert self.taken == await self._read(0, 0, 100)


@pytest.fixture
async def shop(database_url):
    """Two processes that hear each other, the second of which reads."""
    async with AsyncExitStack() as stack:
        con = await asyncpg.connect(database_url)
        stack.push_async_callback(con.close)
        await con.execute(CREATE)
        opened = [
            await stack.enter_async_context(
                open_store(database_url, TABLES, tail_poll_ms=TAIL_POLL_NEVER_MS)
            )
            for _ in range(2)
        ]
        there = Followed(opened[1])
        await opened[0].log.append(0, [new_event("a:1", 1)])
        await there.has(1)
        async with asyncio.timeout(WAIT_S):
            while not all(store.hints.seen(1) for store in opened):  # noqa: ASYNC110 - no event
                await asyncio.sleep(0)
        yield opened[0], there, con
        there.task.cancel()
        await asyncio.gather(there.task, return_exceptions=True)


async def write(store, event, how="write"):
    async with store.storage.transaction([0]) as tx:
        if how == "write":
            await tx.write({}, {0: [event]}, [])
        else:
            await tx.append(0, [event])
    store.storage.committed([0])


@pytest.mark.parametrize("by_commit", [True, False])
async def test_others_read_from_the_hint_what_the_log_would_tell_them(shop, by_commit):
    here, there, _con = shop
    hints = here.log._remote
    behind = []
    text = hints._text
    hints._text = lambda *grown: behind.append(grown) or text(*grown)
    if by_commit:
        hints._room, hints._rest = True, lambda _: None
    else:
        hints.told_by_commit = lambda *_: None
    before = there.reads
    await here.log.append(0, [new_event("a:1", 2), new_event("b:ü", 1)])
    await there.has(3)
    await write(here, new_event("a:1", 3))
    await there.has(4)
    assert bool(behind) is not by_commit
    await write(here, new_event("a:1", 4), how="append")
    await there.has(5)
    assert there.reads == before


async def test_what_is_not_committed_is_told_to_nobody(shop):
    here, there, _con = shop
    own = Followed(here)
    await own.has(1)
    here.log._remote._room, here.log._remote._rest = True, lambda _: None
    with contextlib.suppress(ZeroDivisionError):
        async with here.storage.transaction([0]) as tx:
            await tx.write({}, {0: [new_event("a:1", 2)]}, [])
            raise ZeroDivisionError
    async with here.storage.transaction([0]) as tx:
        await tx.append(0, [new_event("a:1", 2)])
        with pytest.raises(LogCorrupt):
            await tx.append(0, [new_event("a:1", 9)])
    here.storage.committed([0])  # the server has made a rollback of it
    async with here.storage.transaction([0]) as tx:
        await tx.write({}, {0: [new_event("a:1", 2, document={"is": "true"})]}, [])
        assert here.hints.known(0) == 1
    here.storage.committed([0])
    await own.has(2)
    await there.has(2)
    own.task.cancel()


async def test_a_stranger_on_the_channel_makes_readers_look_and_nothing_else(shop):
    here, there, con = shop
    heard = []
    await con.add_listener("shopwire_log", lambda *told: heard.append(told[-1]))
    here.log._remote._room, here.log._remote._rest = True, lambda _: None
    await here.log.append(0, [new_event("a:1", 2)])
    await there.has(2)
    async with asyncio.timeout(WAIT_S):
        while not heard:  # noqa: ASYNC110 - the driver tells nobody else
            await asyncio.sleep(0)
    assert "a:1" not in heard[0]
    for text in (heard[0].replace(":1:", ":2:"), heard[0][:-1], f"0,@0#{'A' * 200}", "0,#,:::"):
        await con.execute("SELECT pg_notify('shopwire_log', $1)", text.replace("@", "@1"))
    await here.log.append(0, [new_event("a:1", 3)])
    await there.has(3)
