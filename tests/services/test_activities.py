"""Activities: jobs are found in rows, done outside, and again after whatever went wrong."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from shopwire.adapters.memory import MemoryLog, MemoryState, MemoryStorage
from shopwire.adapters.postgres.leader import PostgresLeader
from shopwire.kernel.activities import Activity, Job
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Command
from shopwire.kernel.errors import RuleBroken, StorageUnavailable
from shopwire.kernel.write_path import WritePath
from shopwire.services import activities as runtime
from shopwire.services import ending
from shopwire.services.activities import Activities
from shopwire.testing.conformance.sample import COUNT_UP, CountUp, count_up

pytestmark = pytest.mark.anyio


class Shop:
    """Counters on shelves, in memory."""

    def __init__(self) -> None:
        state = MemoryState()
        self.log = MemoryLog(state)
        self.write_path = WritePath(MemoryStorage(state), [COUNT_UP], SystemClock())

    async def counted(self, shelf: str) -> int:
        """How often, once it was at all: the log says when to look again."""
        topic = f"counter:{shelf}/a"
        while not (found := await self.log.documents("main", [topic])):
            await self._grown()
        return found[0].version

    async def _grown(self) -> None:
        tasks = [
            asyncio.create_task(anext(self.log.tail(partition, end)))
            for partition, end in enumerate((await self.log.heads()).next)
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=1)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def memory_shop() -> AsyncIterator[Shop]:
    shop = Shop()
    await shop.write_path.start()
    try:
        yield shop
    finally:
        await shop.write_path.stop()
        await shop.log.close()


class Anyone:
    """A leader without rivals; `lost` ends the office."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self.again = asyncio.Event()
        """Set when it was elected for a second time."""
        self.terms = 0

    @asynccontextmanager
    async def elected(self) -> AsyncIterator[asyncio.Event]:
        self.terms += 1
        self.lost = asyncio.Event()
        if self.terms > 1:
            self.again.set()
        yield self.lost


class Rows:
    """Open jobs; one is closed when its work was done."""

    def __init__(self, *jobs: str, due_ms: int = 0) -> None:
        self.jobs = dict.fromkeys(jobs, due_ms)
        self.performed: list[str] = []
        self.changed = asyncio.Condition()
        self.fail: dict[str, list[Exception]] = {}
        self.close = True
        self.away = 0
        self.cancel = 0
        self.deaf = 0
        self.asked = asyncio.Event()

    async def fetch(self, _query: str, limit: int) -> list[dict[str, Any]]:
        self.asked.set()
        if self.cancel:
            self.cancel -= 1
            raise asyncio.CancelledError
        while self.deaf:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.deaf -= 1
                raise StorageUnavailable(retry_ms=1) from None
        if self.away:
            self.away -= 1
            raise StorageUnavailable(retry_ms=1)
        rows = sorted(self.jobs.items(), key=lambda job: job[1])[:limit]
        return [
            {"id": name, "tenant": "main", "due_ms": due, "payload": {"sku": name}}
            for name, due in rows
        ]

    async def perform(self, job: Job) -> Sequence[Command]:
        async with self.changed:
            self.performed.append(job.id)
            self.changed.notify_all()
        if self.fail.get(job.id):
            raise self.fail[job.id].pop(0)
        if self.close:
            self.jobs.pop(job.id, None)
        return [CountUp(shelf=job.id)]

    async def reached(self, count: int) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.performed) >= count)


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch):
    monkeypatch.setattr(runtime, "RETRY_MS_MIN", 1)


@asynccontextmanager
async def running(
    shop: Shop, rows: Rows, leader: Any = None, **fields: Any
) -> AsyncIterator[Activities]:
    activity = Activity(
        name="test.work",
        wakes_on=frozenset({"sample.counted"}),
        due="",
        perform=rows.perform,
        **fields,
    )
    activities = Activities(
        shop.log, shop.write_path, rows, [activity], SystemClock(), leader or Anyone()
    )
    task = asyncio.create_task(activities.run())
    try:
        yield activities
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_is_due_is_done_once_and_told():
    async with memory_shop() as shop:
        rows = Rows("A", "B")
        async with running(shop, rows):
            assert await shop.counted("A") == await shop.counted("B") == 1
        assert sorted(rows.performed) == ["A", "B"]


async def test_an_event_wakes_the_runner(monkeypatch):
    monkeypatch.setattr(runtime, "LOOK_AGAIN_MS_MAX", 3_600_000)
    async with memory_shop() as shop:
        rows = Rows("A")
        async with running(shop, rows):
            await shop.counted("A")
            rows.jobs["B"] = 0
            await shop.write_path.submit(count_up("k", "X"))
            await shop.counted("B")


async def test_a_job_waits_for_its_time(monkeypatch):
    monkeypatch.setattr(runtime, "LOOK_AGAIN_MS_MAX", 3_600_000)
    async with memory_shop() as shop:
        clock = SystemClock()
        rows = Rows("A", due_ms=clock.now_ms() + 80)
        async with running(shop, rows):
            await rows.reached(1)
            assert clock.now_ms() >= rows.jobs.get("A", clock.now_ms() - 1)


async def test_a_failure_is_tried_again_and_holds_up_nobody_else():
    async with memory_shop() as shop:
        rows = Rows("A", "B")
        rows.fail["A"] = [RuleBroken(rule="r", reason="no"), ZeroDivisionError("defect")]
        async with running(shop, rows) as activities:
            await shop.counted("B")
            await shop.counted("A")
            assert rows.performed.count("A") == 3
        assert activities.done == 2


async def test_a_job_that_stays_open_after_its_answer_is_no_busy_loop():
    async with memory_shop() as shop:
        rows = Rows("A")
        rows.close = False
        async with running(shop, rows) as activities:
            await rows.reached(4)
            (trouble,) = activities.troubles
            assert trouble.job == "A"
            assert "still open" in trouble.reason
        assert await shop.counted("A") == 1


async def test_a_database_that_is_away_is_asked_again():
    async with memory_shop() as shop:
        rows = Rows("A")
        rows.away = 3
        async with running(shop, rows):
            await shop.counted("A")


async def test_no_more_jobs_at_once_than_allowed():
    async with memory_shop() as shop:
        rows = Rows(*(f"J{number}" for number in range(9)))
        at_once, most, go, full = 0, 0, asyncio.Event(), asyncio.Event()
        perform = rows.perform

        async def slow(job: Job) -> Sequence[Command]:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            if most == 3:
                full.set()
            await go.wait()
            at_once -= 1
            return await perform(job)

        rows.perform = slow  # type: ignore[method-assign]
        looks, fetch = 0, rows.fetch

        async def counted(query: str, limit: int) -> list[dict[str, Any]]:
            nonlocal looks
            looks += 1
            return await fetch(query, limit)

        rows.fetch = counted  # type: ignore[method-assign]
        async with running(shop, rows, concurrency_max=3) as activities:
            await full.wait()
            before = looks
            # Nothing is to be found for jobs that could not begin.
            for _ in range(5):
                activities._runners[0].stir()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            assert looks == before
            go.set()
            await rows.reached(9)
        assert most == 3


async def test_whoever_loses_the_office_stops_and_stands_again():
    async with memory_shop() as shop:
        rows, leader = Rows("A"), Anyone()
        async with running(shop, rows, leader):
            await shop.counted("A")
            leader.lost.set()
            rows.jobs["B"] = 0
            await shop.counted("B")
        assert leader.terms == 2


async def test_a_wait_that_somebody_else_cancelled_ends_no_activity():
    """It is no word for those who waited: they would be gone, and nobody would be told."""
    async with memory_shop() as shop:
        rows, leader = Rows("A"), Anyone()
        rows.cancel = 1
        async with running(shop, rows, leader):
            await shop.counted("A")
        assert leader.terms == 2


async def test_a_task_that_goes_on_after_its_cancellation_is_cancelled_again(monkeypatch):
    monkeypatch.setattr(ending, "CANCEL_AGAIN_MS", 1)
    heard = 0

    async def deaf() -> None:
        nonlocal heard
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                heard += 1
                if heard == 3:
                    raise

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await asyncio.wait_for(ending.end_tasks([task]), 60)
    assert task.cancelled()


async def test_a_runner_that_misses_its_cancellation_keeps_the_office_from_nobody():
    """As where the connection that it waits for fails in the same moment."""
    async with memory_shop() as shop:
        rows, leader = Rows("A"), Anyone()
        rows.deaf = 1
        async with running(shop, rows, leader):
            await rows.asked.wait()
            leader.lost.set()
            await asyncio.wait_for(leader.again.wait(), 60)
            await shop.counted("A")


@pytest.mark.postgres
async def test_one_leader_at_a_time_and_the_next_after_its_death(database_url):
    first, second = (PostgresLeader(database_url, "office") for _ in range(2))
    async with first.elected() as lost:
        rival = asyncio.create_task(_serve(second))
        done, _ = await asyncio.wait({rival}, timeout=0.05)
        assert not done
        con = await asyncpg.connect(database_url)
        await con.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)"
        )
        await con.close()
        await asyncio.wait_for(lost.wait(), 90)
        await asyncio.wait_for(rival, 90)


async def _serve(leader: PostgresLeader) -> None:
    async with leader.elected():
        return


async def test_a_runner_ends_when_it_is_told_to_while_it_is_being_woken():
    """The office is lost in the very moment in which a job has changed something."""
    async with memory_shop() as shop:
        for turns in range(12):
            rows = Rows()
            activity = Activity(
                name="test.work", wakes_on=frozenset(), due="", perform=rows.perform
            )
            runner = runtime._Runner(activity, shop.write_path, rows, SystemClock())
            task = asyncio.create_task(runner.run())
            for _ in range(turns):
                await asyncio.sleep(0)
            runner.stir()
            for _ in range(turns % 3):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task}, timeout=60)
            assert task.cancelled(), turns


async def test_jobs_that_end_together_are_followed_by_one_look(monkeypatch):
    monkeypatch.setattr(runtime, "LOOK_AGAIN_MS_MAX", 3_600_000)
    monkeypatch.setattr(runtime, "LOOK_AFTER_MS", 3_600_000)
    async with memory_shop() as shop:
        rows = Rows("A", "B", "C")
        looks, fetch = 0, rows.fetch

        async def counted(query: str, limit: int) -> list[dict[str, Any]]:
            nonlocal looks
            looks += 1
            return await fetch(query, limit)

        rows.fetch = counted  # type: ignore[method-assign]
        async with running(shop, rows, notice=lambda _event: False) as activities:
            await asyncio.gather(*(shop.counted(name) for name in "ABC"))
            (runner,) = activities._runners
            for _ in range(100):
                await asyncio.sleep(0)
            assert activities.done == 3
            assert looks == 1
            assert runner._later is not None
            rows.jobs["D"] = 0
            runner.stir()
            await rows.reached(4)
            assert looks == 2


@pytest.mark.parametrize("why", ["more are due than may run at once", "one failed"])
async def test_nobody_waits_for_the_ends_of_others_where(why, monkeypatch):
    monkeypatch.setattr(runtime, "LOOK_AGAIN_MS_MAX", 3_600_000)
    monkeypatch.setattr(runtime, "LOOK_AFTER_MS", 3_600_000)
    async with memory_shop() as shop:
        rows = Rows("A", "B")
        if why == "one failed":
            rows.fail["A"] = [StorageUnavailable(retry_ms=1)]
        most = 4 if why == "one failed" else 1
        async with running(
            shop, rows, notice=lambda _event: False, concurrency_max=most
        ) as activities:
            await asyncio.gather(*(asyncio.wait_for(shop.counted(name), 60) for name in "AB"))
            assert activities.done == 2


async def test_each_end_of_a_job_is_followed_by_a_look(monkeypatch):
    monkeypatch.setattr(runtime, "LOOK_AGAIN_MS_MAX", 3_600_000)
    monkeypatch.setattr(runtime, "LOOK_AFTER_MS", 0)
    async with memory_shop() as shop:
        rows, looked, fetch = Rows("A"), asyncio.Semaphore(0), Rows.fetch

        async def counted(query: str, limit: int) -> list[dict[str, Any]]:
            looked.release()
            return await fetch(rows, query, limit)

        rows.fetch = counted  # type: ignore[method-assign]
        async with running(shop, rows, notice=lambda _event: False) as activities:
            for number in range(3):
                async with asyncio.timeout(60):
                    await looked.acquire()  # begins it
                    await looked.acquire()  # follows its end
                rows.jobs[f"B{number}"] = 0
                activities._runners[0].stir()


async def test_what_an_event_says_decides_whether_it_wakes(monkeypatch):
    monkeypatch.setattr(runtime, "LOOK_AGAIN_MS_MAX", 3_600_000)
    monkeypatch.setattr(runtime, "LOOK_AFTER_MS", 3_600_000)
    async with memory_shop() as shop:
        rows, seen, wakes = Rows("A"), asyncio.Event(), False

        def notice(_event: Any) -> bool:
            seen.set()
            return wakes

        async with running(shop, rows, notice=notice) as activities:
            await shop.counted("A")
            await seen.wait()
            assert not activities._runners[0]._stirred.is_set()
            rows.jobs["B"], wakes = 0, True
            await shop.write_path.submit(count_up("k2", "X"))
            await shop.counted("B")
