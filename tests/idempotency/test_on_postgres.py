"""A sample of the matrix on the real database: two processes, a hundred copies, every statement."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import msgspec
import pytest
from tests.databases import rows_of
from tests.idempotency.bench import envelope, others
from tests.idempotency.shipping_stages import STAGES
from tests.modules.shop import handlers

from shopwire.adapters.postgres.store import open_store
from shopwire.adapters.postgres.writing import Combinations
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Envelope
from shopwire.kernel.errors import ShopwireError, StorageUnavailable
from shopwire.kernel.limits import IDEMPOTENCY_KEPT_MS
from shopwire.kernel.storage import Transaction
from shopwire.kernel.write_path import WritePath
from shopwire.services.parts import MODULES

pytestmark = [pytest.mark.anyio, pytest.mark.postgres, pytest.mark.slow]

SAMPLE = [
    "inventory.hold_stock", "inventory.release_sale", "orders.start_checkout",
    "orders.complete_order", "payments.book_payable", "shipping.plan_purchase_orders",
    "shipping.receive_return",
]  # fmt: skip
AGAIN = {"inventory.release_sale"}
COPIES = 100
STATEMENTS_MAX = 30

sample = pytest.mark.parametrize("operation", SAMPLE)


class Bench:
    """What stages ask of a bench, on a database of its own."""

    def __init__(self, dsn, stack) -> None:
        self.dsn, self._stack = dsn, stack
        self._setups = 0
        self._documents = {}
        self.stores = []

    async def path(self, wrap=lambda storage: storage):
        """The write path of another process."""
        tables = [table for module in MODULES for table in module.tables]
        store = await self._stack.enter_async_context(open_store(self.dsn, tables))
        self.stores.append(store)
        path = WritePath(wrap(store.storage), handlers(), SystemClock())
        await path.start()
        self._stack.push_async_callback(path.stop)
        return path

    async def do(self, *commands: object):
        for command in commands:
            self._setups += 1
            if self._setups == 1:
                self._path = await self.path()
            wish = Envelope(command=command, key=f"setup-{self._setups}")
            outcome = await self._path.submit(wish)
            assert outcome.ok, (command, outcome.body)
        rows = await self.fetch("SELECT topic, body FROM documents")
        self._documents = {row["topic"]: msgspec.json.decode(row["body"]) for row in rows}

    def document(self, topic):
        return self._documents[topic]

    async def fetch(self, query):
        connection = await asyncpg.connect(self.dsn)
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    async def picture(self):
        """Every row of every table, but answers to keys and how often a head was locked."""
        found = await rows_of(self.dsn, turns=False)
        del found["idempotency"]
        return found


@pytest.fixture
async def bench(database_url):
    async with AsyncExitStack() as stack:
        yield Bench(database_url, stack)


class Counting(Transaction):
    """Every statement of a transaction counts, and one of them fails."""

    def __init__(self, inner, step) -> None:
        self._inner, self._step = inner, step
        self.now_ms = inner.now_ms

    async def read(self, *args: object):
        self._step()
        return await self._inner.read(*args)

    async def write(self, *args: object):
        self._step()
        await self._inner.write(*args)

    async def advance_all(self, moves):
        return await self._inner.advance_all(moves)


class Failing:
    """A storage whose connection breaks at one statement: before it, or after its commit."""

    def __init__(self, inner) -> None:
        self._inner = inner
        self.statements, self.at = 0, 0
        self.ahead = False
        """Whether it is decided before the locks: then there are two statements for it."""
        self.partitions, self.committed, self.sweep = inner.partitions, inner.committed, inner.sweep

    def step(self):
        self.statements += 1
        if self.statements == self.at:
            raise StorageUnavailable(retry_ms=1)

    @asynccontextmanager
    async def transaction(self, partitions):
        self.step()
        async with self._inner.transaction(partitions) as tx:
            yield Counting(tx, self.step)
            self.step()
        self.step()  # committed, and nobody is told

    async def look(self, *args: object):
        # One that breaks is no trouble: what it was to tell is read under the lock.
        return await self._inner.look(*args) if self.ahead else None

    async def write_at(self, *args: object):
        self.step()
        await self._inner.write_at(*args)
        self.step()  # committed, and nobody is told


@sample
async def test_a_hundred_at_once_from_two_processes_are_one(bench, operation):
    command = await STAGES[operation](bench)
    paths = [await bench.path(), await bench.path()]
    before = await bench.picture()
    copies = [paths[number % 2].submit(envelope(command)) for number in range(COPIES)]
    answers = await asyncio.gather(*copies)
    assert {answer.ok for answer in answers} == {True}
    assert len({answer.body for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    after = await bench.picture()
    assert after != before
    refused = await paths[0].submit(envelope(others(command)[0]))
    assert (refused.status, refused.replayed) == (422, False)
    assert await bench.picture() == after


@pytest.mark.parametrize("ahead", [False, True], ids=["locked", "ahead"])
@sample
async def test_a_connection_that_breaks_at_any_statement_leaves_one_effect(
    bench, operation, ahead, monkeypatch
):
    command = await STAGES[operation](bench)
    storage = []
    path = await bench.path(lambda inner: storage.append(Failing(inner)) or storage[0])
    storage[0].ahead = ahead
    if ahead:
        monkeypatch.setattr(Combinations, "allow", lambda *_: True)
    second = await bench.path()
    before, reached = await bench.picture(), []
    for at in range(1, STATEMENTS_MAX):
        storage[0].statements, storage[0].at = 0, at
        try:
            await path.submit(envelope(command))
        except ShopwireError:
            now = await bench.picture()
            reached.append(now != before)
            if now == before:
                continue
        again = await second.submit(envelope(command))
        assert again.ok
        assert again.replayed
        break
    assert reached[-1]
    assert not any(reached[:-1])
    assert len(reached) == 2 if ahead else len(reached) >= 4
    assert (await second.submit(envelope(command))).body == again.body


@sample
async def test_a_forgotten_answer_is_no_second_effect(bench, operation):
    command = await STAGES[operation](bench)
    path = await bench.path()
    assert (await path.submit(envelope(command))).ok
    after = await bench.picture()
    await bench.fetch(f"UPDATE idempotency SET until_ms = until_ms - {IDEMPOTENCY_KEPT_MS}")
    again = await path.submit(envelope(command))
    assert not again.replayed
    assert (await bench.picture() == after) == (operation not in AGAIN)
