"""A shop of several processes, as `up --hubs` starts it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from http.client import HTTPException
from pathlib import Path

import pytest
from tests.e2e.shop import free_port

SHOPWIRE = [sys.executable, "-m", "shopwire.cli.main"]
WAIT_S = 150


class Fleet:
    """The supervisor and what it keeps."""

    def __init__(self, data: Path, port: int, hubs: int) -> None:
        self.data, self.port = data, port
        self.url = f"http://127.0.0.1:{port}"
        self.hubs = [f"http://127.0.0.1:{port + 1 + number}" for number in range(hubs)]
        self.log = data.parent / f"{data.name}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*SHOPWIRE, "up", "--hubs", str(hubs), "--data", str(data), "--port", str(port)],
                stdout=log,
                stderr=log,
            )

    def socket_of(self, number: int) -> str:
        return self.hubs[number].replace("http", "ws") + "/sync"

    async def get(self, url: str) -> dict | None:
        return await asyncio.to_thread(_get, url)

    async def until(self, condition, what="") -> None:
        """Polls other processes: there is no signal to wait on."""
        async with asyncio.timeout(WAIT_S):
            while not await condition():
                assert self.process.poll() is None, self.log.read_text()[-3_000:]
                await asyncio.sleep(0.05)

    async def ready(self) -> "Fleet":
        async def all_told() -> bool:
            told = await self.get(f"{self.url}/api/hubs")
            # While no hub has told of itself the list has the server's own.
            ports = [f":{hub.rpartition(':')[2]}/" for hub in self.hubs]
            named = [] if told is None else told["hubs"]
            return all(any(port in one for one in named) for port in ports)

        await self.until(all_told)
        return self

    async def send(self, operation: str, key: str, **fields: object) -> dict:
        return await asyncio.to_thread(_post, self.url, operation, key, fields)

    def pids(self) -> dict[str, int]:
        """Every process below the supervisor, by what it is."""
        return children(self.process.pid)

    def stop(self, number: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(WAIT_S)


def _get(url: str) -> dict | None:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)
    except (OSError, HTTPException):
        return None


def _post(url: str, operation: str, key: str, fields: dict) -> dict:
    request = urllib.request.Request(
        f"{url}/api/commands/{operation}",
        json.dumps(fields).encode(),
        {"Idempotency-Key": key, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def children(parent: int) -> dict[str, int]:
    """Processes whose parent that is: `up`, `hub 26101`, `nats-server`, `postgres`."""
    found: dict[str, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            if int(state[1]) != parent or state[0] == "Z":
                continue
            words = (folder / "cmdline").read_bytes().decode().split("\0")
            environ = dict(
                line.split("=", 1)
                for line in (folder / "environ").read_bytes().decode().split("\0")
                if "=" in line
            )
        except (OSError, ValueError, IndexError):
            continue
        name = Path(words[0]).name
        if "shopwire.cli.main" in words:
            name = f"{words[words.index('shopwire.cli.main') + 1]} {environ.get('SHOPWIRE_PORT')}"
        found[name] = int(folder.name)
    return found


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def hubs() -> int:
    return 2


@pytest.fixture
async def fleet(shop_folder, hubs):
    fleet = Fleet(shop_folder, free_port(1 + hubs), hubs)
    yield await fleet.ready()
    fleet.stop()
