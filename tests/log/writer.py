"""A process of its own that writes, and that a test kills: `python writer.py MODE DSN`."""

import asyncio
import itertools
import sys

from shopwire.adapters.postgres.store import open_store
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Envelope
from shopwire.kernel.errors import PositionMoved
from shopwire.kernel.write_path import WritePath
from shopwire.testing.conformance.sample import COUNT_UP, TABLES, CountUp, count_up, new_event


def say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def hold(dsn: str) -> None:
    """Appends, says so, and never commits."""
    async with open_store(dsn, TABLES) as store, store.storage.transaction([0]) as tx:
        await tx.append(0, [new_event("held", 1)])
        say("held")
        await asyncio.Event().wait()


async def write(dsn: str) -> None:
    """Commands without end; says each key after its answer."""
    async with open_store(dsn, TABLES) as store:
        path = WritePath(store.storage, [COUNT_UP], SystemClock())
        await path.start()
        for number in itertools.count():
            keys = [f"k{number}-{n}" for n in range(20)]
            await path.submit_many([count_up(key, f"s{key[-1]}") for key in keys])
            say(" ".join(keys))


async def consume(dsn: str) -> None:
    """Counts one for each event of partition 0 that it meets, for ever."""
    async with open_store(dsn, TABLES) as store:
        path = WritePath(store.storage, [COUNT_UP], SystemClock())
        await path.start()
        at = await store.log.position("follower", 0)
        async for batch in store.log.tail(0, at):
            for event in batch:
                at = event.position.offset
                key = f"follower-{at}"
                wish = Envelope(command=CountUp(shelf="followed", id="a"), key=key)
                if event.topic.startswith("source"):
                    try:
                        await path.react("follower", 0, at, at + 1, [wish])
                    except PositionMoved:
                        return
                else:
                    await path.react("follower", 0, at, at + 1, [])
                say(at)


if __name__ == "__main__":
    asyncio.run({"hold": hold, "write": write, "consume": consume}[sys.argv[1]](sys.argv[2]))
