"""Whatever stalls, dies or loses its server: nothing is lost, reordered or doubled."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from shopwire.adapters.postgres.migrate import migrate
from shopwire.adapters.postgres.server import EmbeddedPostgres
from shopwire.adapters.postgres.store import open_store
from shopwire.cli.bench.log_stalls import run_stalls
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import PositionMoved, StorageUnavailable
from shopwire.kernel.write_path import WritePath
from shopwire.services import audit
from shopwire.testing.conformance.sample import (
    COUNT_UP,
    CREATE,
    TABLES,
    Counter,
    count_up,
    new_event,
)

pytestmark = [pytest.mark.anyio, pytest.mark.postgres, pytest.mark.slow]
WRITER = Path(__file__).with_name("writer.py")
WAIT_S = 200


@asynccontextmanager
async def process(mode: str, dsn: str):
    """A writer; killed at the end of the block."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(WRITER), mode, dsn, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def said(child) -> str:
    async with asyncio.timeout(WAIT_S):
        line = (await child.stdout.readline()).decode().strip()
    assert line, "the writer ended by itself"
    return line


async def total(store, *shelves: str) -> int:
    async with store.storage.transaction([]) as tx:
        rows = await tx.load(Counter, [("main", shelf) for shelf in shelves])
    return sum(row.count for row in rows)


async def test_a_writer_killed_inside_its_transaction_leaves_nothing(postgres_harness):
    opened = await postgres_harness.open()
    async with process("hold", postgres_harness.dsn) as child:
        assert await said(child) == "held"
        waiting = asyncio.create_task(opened.log.append(0, [new_event("next", 1)]))
        await opened.log.append(1, [new_event("elsewhere", 1)])
        assert not waiting.done()
        child.kill()
        async with asyncio.timeout(WAIT_S):
            assert (await waiting).offset == 0
    assert [event.topic for event in await opened.log.read(0, 0, 9)] == ["next"]
    assert [document.topic for document in await opened.log.documents("main", ["held"])] == []


async def test_a_writer_stopped_inside_its_transaction_holds_its_partition_for_a_bounded_time(
    postgres_harness,
):
    opened = await postgres_harness.open()
    async with process("hold", postgres_harness.dsn) as child:
        assert await said(child) == "held"
        child.send_signal(signal.SIGSTOP)
        async with asyncio.timeout(WAIT_S):
            # No timer of a reader passes it: the server ends the idle transaction.
            assert (await opened.log.append(0, [new_event("next", 1)])).offset == 0
    assert len(await opened.log.read(0, 0, 9)) == 1


async def test_writers_that_stall_roll_back_and_race_lose_nothing(database_url):
    async with asyncio.timeout(WAIT_S):
        result = await run_stalls(database_url, 8_000, 1)
    assert result["events"] == 8_000
    told = {name: result[name] for name in ("lost", "reordered", "doubled", "holes")}
    assert told == {"lost": 0, "reordered": 0, "doubled": 0, "holes": 0}


async def test_killed_write_paths_keep_every_answer_that_they_gave(postgres_harness):
    acknowledged: set[str] = set()
    for _ in range(3):
        async with process("write", postgres_harness.dsn) as child:
            for _ in range(15):
                acknowledged.update((await said(child)).split())
    async with open_store(postgres_harness.dsn, TABLES) as store:
        path = WritePath(store.storage, [COUNT_UP], SystemClock())
        await path.start()
        again = await path.submit_many([count_up(key, f"s{key[-1]}") for key in acknowledged])
        assert all(outcome.replayed for outcome in again)
        await path.stop()
        events = sum((await store.log.heads()).next)
        assert await total(store, *(f"s{n}" for n in range(10))) == events >= len(acknowledged)
        assert (await audit.verify(store.pools)).drift_total == 0


async def test_a_consumer_that_is_killed_again_and_again_has_each_effect_once(postgres_harness):
    opened = await postgres_harness.open(queue_events_max=5_000)
    await asyncio.gather(*(opened.log.append(0, [new_event(f"source:{n}", 1)]) for n in range(400)))
    at = 0
    async with asyncio.timeout(WAIT_S):
        while at < 399:
            async with process("consume", postgres_harness.dsn) as child:
                for _ in range(120):
                    at = int(await said(child))
                    if at >= 399:
                        break
    async with open_store(postgres_harness.dsn, TABLES) as store:
        assert await total(store, "followed") == 400
        assert (await audit.verify(store.pools)).drift_total == 0


@asynccontextmanager
async def server_of_our_own(folder: Path):
    server = EmbeddedPostgres(folder)
    await server.start()
    try:
        await migrate(server.dsn())
        con = await asyncpg.connect(server.dsn())
        await con.execute(CREATE)
        await con.close()
        yield server
    finally:
        await server.stop()


async def test_postgres_killed_under_load_loses_reorders_and_doubles_nothing(data_folder):
    answered: dict[str, int] = {}
    marks = {count: asyncio.Event() for count in (200, 500, 800)}
    failed = 0

    async def client(path: WritePath, number: int) -> None:
        nonlocal failed
        for turn in range(25):
            wish = count_up(f"c{number}-{turn}", f"s{number % 8}")
            while True:
                try:
                    outcome = await path.submit(wish)
                except StorageUnavailable:
                    failed += 1
                    await asyncio.wait([back_up()], timeout=1)
                else:
                    assert outcome.ok
                    answered[wish.key] = answered.get(wish.key, 0) + 1
                    if len(answered) in marks:
                        marks[len(answered)].set()
                    break

    def back_up() -> asyncio.Task[bool]:
        return asyncio.create_task(up.wait())

    async def follow(store, path: WritePath) -> None:
        while True:
            try:
                at = await store.log.position("f", 1)
                await path.react("f", 1, at, at + 1, [count_up(f"f{at}", "followed")])
            except (StorageUnavailable, PositionMoved):
                await asyncio.wait([back_up()], timeout=1)
            await asyncio.sleep(0)

    up = asyncio.Event()
    up.set()
    async with server_of_our_own(data_folder) as server, open_store(server.dsn(), TABLES) as store:
        path = WritePath(store.storage, [COUNT_UP], SystemClock())
        await path.start()
        following = asyncio.create_task(follow(store, path))
        clients = asyncio.gather(*(client(path, number) for number in range(40)))
        async with asyncio.timeout(WAIT_S):
            for reached in marks.values():
                await reached.wait()
                up.clear()
                os.kill(server.pid, signal.SIGKILL)
                await server.died.wait()
                await server.stop()
                await server.start()
                up.set()
            await clients
        following.cancel()
        await path.stop()  # what the follower had sent on its way is taken, or not at all
        assert failed > 0
        assert len(answered) == 1_000
        assert set(answered.values()) == {1}
        assert await total(store, *(f"s{n}" for n in range(8))) == 1_000
        assert await total(store, "followed") == await store.log.position("f", 1)
        report = await audit.verify(store.pools)
        # The follower here counts steps, not events, so its own position is the only difference.
        assert {drift.check for drift in report.drift} <= {"consumers"}
        await path.stop()
