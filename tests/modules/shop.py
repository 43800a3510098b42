"""A shop in memory or on PostgreSQL, driven by commands."""

import itertools
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from shopwire.adapters.memory import MemoryLog, MemoryState, MemoryStorage
from shopwire.adapters.postgres.store import open_store
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Command, Envelope, Outcome
from shopwire.kernel.write_path import WritePath
from shopwire.services.parts import MODULES


class Shop:
    """Sends commands and reads what is public."""

    def __init__(self, write_path: WritePath, log: Any, reads: Any = None) -> None:
        self.write_path, self.log, self.reads = write_path, log, reads
        self._keys = itertools.count()

    async def do(self, command: Command, key: str | None = None) -> Outcome:
        """One command; raises AssertionError where it is refused."""
        outcome = await self.ask(command, key)
        assert outcome.ok, outcome.body
        return outcome

    async def ask(self, command: Command, key: str | None = None) -> Outcome:
        """One command, whatever comes of it."""
        key = key or f"test-{next(self._keys)}"
        return await self.write_path.submit(Envelope(command=command, key=key))

    async def many(self, commands: Iterable[Command]) -> list[Outcome]:
        """Many commands at once."""
        return await self.write_path.submit_many(
            [Envelope(command=one, key=f"test-{next(self._keys)}") for one in commands]
        )

    async def document(self, topic: str) -> Any:
        """The public document of a topic, None where there is none."""
        found = await self.log.documents("main", [topic])
        return msgspec.json.decode(found[0].body) if found else None

    async def version(self, topic: str) -> int:
        """Version of a topic, 0 where it never was."""
        found = await self.log.documents("main", [topic])
        return found[0].version if found else 0

    async def events(self) -> list[Any]:
        """Everything in the log, partition by partition."""
        heads = await self.log.heads()
        found = []
        for partition, end in enumerate(heads.next):
            at = 0
            while at < end:
                batch = await self.log.read(partition, at, 500)
                found += batch
                at += len(batch)
        return found


def handlers() -> list[Any]:
    """Of all modules."""
    return [handler for module in MODULES for handler in module.handlers]


@asynccontextmanager
async def memory_shop() -> AsyncIterator[Shop]:
    """A shop without a database."""
    state = MemoryState()
    write_path = WritePath(MemoryStorage(state), handlers(), SystemClock())
    await write_path.start()
    log = MemoryLog(state)
    try:
        yield Shop(write_path, log)
    finally:
        await write_path.stop()
        await log.close()


@asynccontextmanager
async def postgres_shop(dsn: str, own_handlers: list[Any] | None = None) -> AsyncIterator[Shop]:
    """A shop on a migrated database."""
    tables = [table for module in MODULES for table in module.tables]
    async with open_store(dsn, tables) as store:
        write_path = WritePath(store.storage, own_handlers or handlers(), SystemClock())
        await write_path.start()
        try:
            yield Shop(write_path, store.log, store.reads)
        finally:
            await write_path.stop()


def result_of(outcome: Outcome) -> Any:
    """What a command came to."""
    return msgspec.json.decode(outcome.body)["result"]


def error_of(outcome: Outcome) -> Any:
    """Why a command was refused."""
    assert not outcome.ok
    return msgspec.json.decode(outcome.body)


async def drifts(shop: Shop) -> list[Any]:
    """Everything that the modules' checks find."""
    found = []
    for module in MODULES:
        for check in module.checks:
            found += await check.run(shop.reads)
    return found
