"""A server process that a test kills: takes commands as lines, sweeps holds, checks or does not.

`python worker.py careful|careless DSN`. In: `{"id", "operation", "key", "principal", "body"}` a
line; out: `{"id", "status", "body", "replayed"}`. The operation `read` answers the document of the
topic `key`. The careless one books what it is asked for and leaves it to the schema to refuse.
"""

import asyncio
import sys
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.crash.careless import careless

from shopwire.adapters.postgres.leader import PostgresLeader
from shopwire.adapters.postgres.store import open_store
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Envelope, Outcome
from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.write_path import WritePath
from shopwire.modules.inventory.wiring import MODULE
from shopwire.services.activities import Activities

LINE_BYTES_MAX = 1_000_000


async def outcome_of(asked, store, path, decoders):
    if asked["operation"] == "read":
        found = await store.log.documents("main", [asked["key"]])
        return Outcome(status=200, body=found[0].body if found else b"null")
    command = decoders[asked["operation"]].decode(msgspec.json.encode(asked["body"]))
    wish = Envelope(command=command, key=asked["key"], principal=asked["principal"])
    return await path.submit(wish)


async def answer(line, store, path, decoders):
    asked = msgspec.json.decode(line)
    try:
        outcome = await outcome_of(asked, store, path, decoders)
        said = {"status": outcome.status, "body": outcome.body, "replayed": outcome.replayed}
    except ShopwireError as problem:
        body = msgspec.json.encode(problem.body())
        said = {"status": problem.status, "body": body, "replayed": False}
    said["body"] = said["body"].decode()
    sys.stdout.write(msgspec.json.encode(said | {"id": asked["id"]}).decode() + "\n")
    sys.stdout.flush()


async def serve(how, dsn):
    clock = SystemClock()
    handlers = careless(MODULE.handlers) if how == "careless" else MODULE.handlers
    async with open_store(dsn, MODULE.tables) as store:
        path = WritePath(store.storage, handlers, clock)
        await path.start()
        leader = PostgresLeader(dsn, "activities")
        sweeping = asyncio.create_task(
            Activities(store.log, path, store.reads, MODULE.activities, clock, leader).run()
        )
        decoders = {
            operation: msgspec.json.Decoder(handler.command)
            for operation, handler in path.handlers.items()
        }
        reader = asyncio.StreamReader(limit=LINE_BYTES_MAX)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        running = set()
        while line := await reader.readline():
            task = asyncio.create_task(answer(line, store, path, decoders))
            running.add(task)
            task.add_done_callback(running.discard)
        sweeping.cancel()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:3]))
