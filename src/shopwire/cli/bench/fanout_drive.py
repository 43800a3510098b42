"""What the sync benches share: a server as a process, screens before it, the wait for the last."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from shopwire.cli.bench.fanout_clients import Arrivals, Screen, open_screens
from shopwire.cli.bench.fanout_server import Plan

SETTLE_S_MAX: Final = 10.0
"""Longest wait for the last frames of a run; what is not there then counts as lost."""
END_S_MAX: Final = 10.0
"""Wait for a server to end; then it is killed."""

Wishes = Sequence[Sequence[str]]
"""The topics of each screen."""


class Server:
    """The server's process, told what to do line by line."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    async def ask(self, **wish: Any) -> dict[str, Any]:
        """Sends a command and returns the answer."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(wish).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await stdout.readline())
        return answer

    async def kill(self) -> None:
        """Nothing of it gets a chance to say goodbye."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def running(*command: str, folder: Path | None = None) -> AsyncIterator[Server]:
    """A process that says its port, obeys lines, and ends with its standard input."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
        cwd=folder,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Server(process, json.loads(await process.stdout.readline())["port"])
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), END_S_MAX)
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def served(**plan: Any) -> AsyncIterator[Server]:
    """Our own server; see `Plan`."""
    told = msgspec.json.encode(Plan(**plan)).decode()
    async with running(sys.executable, "-m", "shopwire.cli.bench.fanout_server", told) as server:
        yield server


@asynccontextmanager
async def watching(
    port: int, wishes: Wishes, arrivals: Arrivals | None = None, **options: Any
) -> AsyncIterator[Arrivals]:
    """Screens, all of them live; `options` are those of `open_screens`."""
    arrivals = arrivals or Arrivals()
    screens: list[Screen] = await open_screens(port, wishes, arrivals, **options)
    try:
        yield arrivals
    finally:
        for screen in screens:
            screen.close()


async def settled(done: Callable[[], bool], wait_s: float = SETTLE_S_MAX) -> None:
    """Waits for the last frames, or long enough to call them lost."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while not done() and loop.time() < deadline:  # noqa: ASYNC110 - frames are counted, not told
        await asyncio.sleep(0.01)
