"""Zero for bench `peers`: zero-cache on the write-ahead log, and its own client in one process.

Its protocol has no other client, so that the load generator is its library in Node. It is measured
with few screens only: with a hundred of them the two cores are full of it, and with a thousand a
figure would say how long its backlog was.
"""

import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import msgspec

from shopwire.cli.bench.common import Databases
from shopwire.cli.bench.fanout_drive import Server, running
from shopwire.cli.bench.fanout_gateway import NODE
from shopwire.cli.bench.peers_engines import (
    FOLDER,
    Engine,
    Running,
    fetched,
    free_port,
    node,
    program_of,
)

ZERO: Final = FOLDER / "zero"
SCREENS_MAX: Final = 20
"""Screens of a load beyond which Zero is left out of it; the reason stands above."""
_CLI: Final = ZERO / "node_modules/@rocicorp/zero/out/zero/src/cli.js"
_driver: Any = asyncpg


def _have_zero() -> str | None:
    """Makes sure that its packages are there; returns why not."""
    if not NODE.exists():
        return "only in a checkout, which has the packages' lock"
    if _CLI.exists():
        return None
    return fetched("Zero", sys.executable, str(NODE), "npm", "ci", folder=ZERO)


async def log_for_replicas(databases: Databases) -> None:
    """Has the server write what a replica needs; for all engines, so that none pays alone."""
    server = databases.server
    assert server is not None
    con = await _driver.connect(databases.admin_dsn)
    try:
        await con.execute("ALTER SYSTEM SET wal_level = logical")
    finally:
        await con.close()
    await server.stop()
    await server.start()


class Heard(msgspec.Struct):
    """What came to one screen, as the other engines' screens note it."""

    topics: Sequence[str]
    log: list[tuple[float, list[int]]]
    seen: set[int]


class Screens:
    """All screens of a run, in a process of their own."""

    def __init__(self, wishes: Sequence[Sequence[str]]) -> None:
        self._wishes = wishes
        self._stack = AsyncExitStack()
        self._server: Server
        self._cpu_s = 0.0
        self.heard = [Heard(wish, [], set()) for wish in wishes]

    async def open(self, port: int, endpoint: int) -> None:
        """All of them have what they asked for on return; answers zero-cache at `endpoint`."""
        command = (*node("zero/screens.ts"), str(port), str(endpoint))
        self._server = await self._stack.enter_async_context(running(*command, folder=ZERO))
        await self._server.ask(do="watch", wishes=self._wishes)

    async def fetch(self) -> None:
        """Brings what came since the last time."""
        answer = await self._server.ask(do="take")
        self._cpu_s = answer["cpu_s"]
        for screen, moment, n in answer["arrivals"]:
            self.heard[screen].log.append((moment, [n]))
            self.heard[screen].seen.add(n)

    async def forget(self) -> None:
        """From here on it counts."""
        await self.fetch()
        for heard in self.heard:
            heard.log.clear()

    def cpu_s(self) -> float:
        """CPU of their process, as it said last."""
        return self._cpu_s

    def bytes(self) -> int | None:
        """Its client does not tell."""
        return None

    async def close(self) -> None:
        """All leave."""
        await self._stack.aclose()


@asynccontextmanager
async def _zero(dsn: str, folder: Path) -> AsyncIterator[Running]:
    cache, endpoint = free_port(), free_port()
    where = urlsplit(dsn)
    upstream = f"postgresql://{where.path}?sslmode=disable"  # its driver takes sockets by PGHOST
    env = {
        **os.environ,
        "NODE_ENV": "production",
        "DO_NOT_TRACK": "1",
        "PGHOST": parse_qs(where.query)["host"][0],
        "PGUSER": where.username or "",
        "PGPASSWORD": unquote(where.password or ""),
        "ZERO_UPSTREAM_DB": upstream,
        "ZERO_APP_PUBLICATIONS": "peers_stock",
        "ZERO_APP_ID": re.sub(r"\W", "_", where.path.strip("/")),
        "ZERO_REPLICA_FILE": str(folder / "replica.db"),
        "ZERO_PORT": str(cache),
        "ZERO_CHANGE_STREAMER_PORT": str(free_port()),
        "ZERO_QUERY_URL": f"http://127.0.0.1:{endpoint}/",
        "ZERO_ADMIN_PASSWORD": "bench",
        "ZERO_LOG_LEVEL": "error",
        "ZERO_NUM_SYNC_WORKERS": "1",
        "ZERO_ENABLE_TELEMETRY": "false",
    }
    command = (sys.executable, str(NODE), "node", str(_CLI))
    async with program_of(cache, *command, env=env, loud=False) as process:
        yield Running(cache, [process], endpoint)


ENGINE: Final = Engine(
    follow="replica", viewer=None, start=_zero, fetch=_have_zero, screens_max=SCREENS_MAX
)
