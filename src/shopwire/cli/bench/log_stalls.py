"""Writers that stall, roll back and race, each a process of its own; a reader that counts."""

import asyncio
import random
import sys
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from shopwire.adapters.postgres.store import Store, open_store
from shopwire.kernel.events import NewEvent, Recorded

WRITERS: Final = 16
STALL_MS_MAX: Final = 2_000
"""How long a writer stands still in the middle of its transaction, at most."""
EVENTS_A_TRANSACTION: Final = 250
ROLLED_BACK: Final = 0.05
"""Share of transactions that are given up at their end."""
TOPICS_A_WRITER: Final = 50


class GivenUp(Exception):
    """A writer's own decision to roll back."""


class Plan(msgspec.Struct, frozen=True):
    """What one writer process does."""

    dsn: str
    writer: int
    events: int
    stalls: int
    seed: int


async def write(plan: Plan) -> int:
    """Appends `plan.events`, with stalls inside open transactions; returns how many committed."""
    chance = random.Random(plan.seed)  # noqa: S311 - a repeatable course, no secret
    rounds = -(-plan.events // EVENTS_A_TRANSACTION)
    stalled = set(chance.sample(range(rounds), min(plan.stalls, rounds)))
    versions: dict[str, int] = {}
    committed = 0
    async with open_store(plan.dsn) as store:
        for number in range(rounds):
            count = min(EVENTS_A_TRANSACTION, plan.events - committed)
            stall_s = chance.random() * STALL_MS_MAX / 1_000 if number in stalled else 0.0
            partition = chance.randrange(store.log.partitions)
            while chance.random() < ROLLED_BACK:
                await _transaction(store, plan.writer, partition, versions, count, give_up=True)
            await _transaction(store, plan.writer, partition, versions, count, stall_s=stall_s)
            committed += count
    return committed


async def _transaction(
    store: Store,
    writer: int,
    partition: int,
    versions: dict[str, int],
    count: int,
    *,
    stall_s: float = 0.0,
    give_up: bool = False,
) -> None:
    after = dict(versions)
    events = []
    for number in range(count):
        topic = f"w{writer}:{partition}.{number % TOPICS_A_WRITER}"
        after[topic] = after.get(topic, 0) + 1
        events.append(NewEvent("main", topic, after[topic], "bench.w", b'{"n":1}', b"null", "c"))
    try:
        async with store.storage.transaction([partition]) as tx:
            await tx.append(partition, events)
            if stall_s:
                await asyncio.sleep(stall_s)
            if give_up:
                raise GivenUp  # noqa: TRY301 - the rollback is what is exercised
    except GivenUp:
        return
    store.storage.committed([partition])
    versions.update(after)


class Tally:
    """What a reader saw: everything is judged by arithmetic, nothing by time."""

    def __init__(self) -> None:
        self.seen = 0
        self.reordered = 0
        self.doubled = 0
        self._next: dict[int, int] = {}
        self._versions: dict[str, int] = {}

    def take(self, partition: int, events: Sequence[Recorded]) -> None:
        """Counts a batch in the order in which it came."""
        for event in events:
            expected = self._next.get(partition, 0)
            offset = event.position.offset
            self.doubled += offset < expected
            self.reordered += offset > expected
            self._next[partition] = max(expected, offset + 1)
            self.reordered += event.version != self._versions.get(event.topic, 0) + 1
            self._versions[event.topic] = event.version
            self.seen += 1


async def run_stalls(dsn: str, total: int, stalls: int) -> dict[str, Any]:
    """Runs all writers and the reader; `lost` is what was committed and not seen."""
    tally = Tally()
    done = asyncio.Event()
    async with open_store(dsn) as store, asyncio.TaskGroup() as group:
        readers = [
            group.create_task(_read(store, partition, tally))
            for partition in range(store.log.partitions)
        ]
        plans = [
            Plan(dsn, writer, total // WRITERS, stalls, 1_000 + writer) for writer in range(WRITERS)
        ]
        counts = await asyncio.gather(*(_spawn(plan) for plan in plans))
        heads = (await store.log.heads()).next
        done.set()
        while tally.seen < sum(heads):
            seen = tally.seen
            await asyncio.wait(readers, timeout=5)
            if tally.seen == seen:
                break
        for reader in readers:
            reader.cancel()
    committed = sum(counts)
    return {
        "writers": WRITERS,
        "events": committed,
        "lost": committed - tally.seen,
        "reordered": tally.reordered,
        "doubled": tally.doubled,
        "holes": sum(heads) - committed,
    }


async def _read(store: Store, partition: int, tally: Tally) -> None:
    async for batch in store.log.tail(partition, 0):
        tally.take(partition, batch)


async def _spawn(plan: Plan) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "shopwire.cli.bench.log_stalls",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(msgspec.json.encode(plan))
    if process.returncode:
        raise RuntimeError(f"writer {plan.writer} ended with {process.returncode}")
    return int(out)


if __name__ == "__main__":
    print(asyncio.run(write(msgspec.json.decode(sys.stdin.buffer.read(), type=Plan))))
