"""The watch over the database, with a server and a question made for the test."""

import asyncio
from contextlib import asynccontextmanager

import asyncpg
import pytest
from structlog.testing import capture_logs

from shopwire.adapters.postgres.pool import to_shopwire
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import SetupProblem, StorageFull, StorageUnavailable
from shopwire.services import database as watched
from shopwire.services.database import RESTARTS_MAX, Database

pytestmark = pytest.mark.anyio


class Server:
    """Dies and starts as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.died = asyncio.Event()
        self.failures = failures
        self.starts = 0

    async def stop(self) -> None:
        assert self.died.is_set()

    async def start(self) -> None:
        self.starts += 1
        if self.starts <= self.failures:
            raise SetupProblem("The disk is full.", what="disk")
        self.died = asyncio.Event()


class Question:
    """What the watch asks; tells when it was asked."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer: asyncio.Future[None] | None = None
        self.refuse = False
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1
        self.asked.set()
        if self.refuse:
            raise StorageUnavailable(retry_ms=1)
        if self.answer is not None:
            await self.answer


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        *("PROBE_EVERY_MS", "PROBE_MS_MAX"),
        *("RESTART_MS_MIN", "RESTART_MS_MAX", "RESTART_LATE_MS"),
    ):
        monkeypatch.setattr(watched, name, 5)


@asynccontextmanager
async def watching(database: Database, question: Question):
    with capture_logs() as said:
        task = asyncio.create_task(database.watch(question))
        yield said
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition) -> None:
    while not condition():  # noqa: ASYNC110 - the watch tells by its state only
        await asyncio.sleep(0.001)


def test_a_full_disk_is_no_database_that_is_away():
    assert type(to_shopwire(asyncpg.DiskFullError("could not extend file"))) is StorageFull
    assert type(to_shopwire(asyncpg.TooManyConnectionsError("too many"))) is StorageUnavailable


@pytest.mark.usefixtures("quick")
async def test_a_dead_child_is_started_again():
    server = Server()
    database = Database("dsn", server, SystemClock())
    async with watching(database, Question()) as said:
        server.died.set()
        await until(lambda: database.restarts == 1 and database.up)
    assert [line["event"] for line in said] == [
        "database.down", "database.restarting", "database.up",
    ]  # fmt: skip


@pytest.mark.usefixtures("quick")
async def test_after_many_starts_that_fail_a_person_is_called_and_a_late_one_heals():
    server = Server(failures=RESTARTS_MAX + 1)
    database = Database("dsn", server, SystemClock())
    async with watching(database, Question()) as said:
        server.died.set()
        await until(lambda: any(line["event"] == "database.given_up" for line in said))
        assert (server.starts, database.up) == (RESTARTS_MAX, False)
        await until(lambda: database.up)
    assert (server.starts, database.restarts) == (RESTARTS_MAX + 2, 1)
    assert [line["event"] for line in said].count("database.given_up") == 1


@pytest.mark.usefixtures("quick")
async def test_a_start_that_fails_at_first_heals():
    server = Server(failures=3)
    database = Database("dsn", server, SystemClock())
    async with watching(database, Question()):
        server.died.set()
        await until(lambda: database.up and database.restarts == 1)
    assert server.starts == 4


@pytest.mark.usefixtures("quick")
async def test_a_silent_database_is_down_until_it_answers_and_is_asked_once_meanwhile():
    question = Question()
    question.answer = asyncio.get_running_loop().create_future()
    database = Database("dsn", None, SystemClock())
    async with watching(database, question) as said:
        await until(lambda: not database.up)
        await asyncio.sleep(0.05)  # several rounds of the watch; it must not ask again
        assert question.times == 1
        question.answer.set_result(None)
        await until(lambda: database.up)
    assert [line["event"] for line in said] == ["database.down", "database.up"]
    assert said[0]["reason"] == "no answer in time"


@pytest.mark.usefixtures("quick")
async def test_somebody_elses_database_is_never_started_only_waited_for():
    question = Question()
    question.refuse = True
    database = Database("dsn", None, SystemClock())
    async with watching(database, question):
        await until(lambda: not database.up)
        question.refuse = False
        await until(lambda: database.up)
    assert database.restarts == 0
