"""`shopwire send`: sends one command, as any other door does."""

import asyncio
import sys
from pathlib import Path

import msgspec

from shopwire.adapters.postgres.migrate import migrate
from shopwire.adapters.postgres.server import open_database
from shopwire.adapters.postgres.store import open_store
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Envelope, Outcome
from shopwire.kernel.ids import new_id
from shopwire.kernel.write_path import WritePath
from shopwire.services.command_door import PRINCIPAL, CommandDecoder
from shopwire.services.parts import MODULES


def send(
    operation: str,
    body: str,
    /,
    *,
    key: str | None = None,
    data: Path = Path(".shopwire/data"),
    database: str | None = None,
) -> int:
    """Send one command and print its answer.

    For example the rules of a shop that sells in dollars:

        shopwire send pricing.put_rules '{"rules": {"currency": "USD"}}'

    Exit codes: 0 it took effect, 1 it was refused.

    Args:
        operation: The command's name; docs/protocol/commands.md lists them.
        body: Its fields as JSON; `-` reads them from standard input.
        key: Idempotency key; the same one again is answered with the first answer.
        data: The shop's folder; a server that runs on it is used.
        database: Address of a PostgreSQL database, instead of a folder.
    """
    text = sys.stdin.read() if body == "-" else body
    outcome = asyncio.run(_send(operation, text.encode(), key or new_id(), data, database))
    answer = msgspec.json.format(outcome.body, indent=2).decode()
    sys.stdout.write(answer + "\n")
    return 0 if outcome.ok else 1


async def _send(operation: str, body: bytes, key: str, data: Path, database: str | None) -> Outcome:
    handlers = [handler for module in MODULES for handler in module.handlers]
    tables = [table for module in MODULES for table in module.tables]
    async with open_database(data, database) as opened:
        await migrate(opened.dsn)
        async with open_store(opened.dsn, tables) as store:
            write_path = WritePath(store.storage, handlers, SystemClock())
            command = CommandDecoder(write_path.handlers.values()).decode(operation, body)
            await write_path.start()
            try:
                return await write_path.submit(
                    Envelope(command=command, key=key, principal=PRINCIPAL)
                )
            finally:
                await write_path.stop()
