"""A real shop for browser tests: `shopwire up` as a process of its own, fed by the real CLI."""

import csv
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlencode

SHOPWIRE = [sys.executable, "-m", "shopwire.cli.main"]
READY_S_MAX = 120.0
"""Only a defect takes so long, or a machine on which nothing moves."""
STOP_S_MAX = 90.0
SOON_MS = 45_000
"""Until what is expected of a page counts as never coming: no measure of how quick it is."""
HUBS_MAX = 2
"""Hubs of a shop here; each listens on a port of its own behind the shop's."""
ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1"}


PORTS = range(10_000, 20_000)
"""Below those that the system gives to clients, and beside those that a shop's broker draws."""
_KEPT: list[socket.socket] = []
"""What keeps ports for this process until it ends."""


def free_port(count: int = 1) -> int:
    """The first of so many ports in a row that are kept for this test, whoever else looks for one.

    Each is bound and never listened on, which stands in the way of nobody who takes the address as
    servers do (SO_REUSEADDR), before its first start as after its death; but another `free_port`,
    in whatever process, does not get it.
    """
    # Not by the seed that is set anew for each test: all would draw the same port.
    chance = random.SystemRandom()
    for first in chance.sample(PORTS[:-count], len(PORTS) - count):
        kept = [_keep(port) for port in range(first, first + count)]
        found = [sock for sock in kept if sock is not None]
        if len(found) == count:
            _KEPT.extend(found)
            return first
        for sock in found:
            sock.close()
    raise RuntimeError("no port is free")


def _keep(port: int) -> socket.socket | None:
    sock = socket.socket()
    try:
        sock.bind(("127.0.0.1", port))
    except OSError:
        sock.close()
        return None
    # Only now: set before, it would also be given a port that somebody else keeps.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return sock


class Shop:
    """`shopwire up` on a data directory; survives being killed and started again."""

    def __init__(self, data: Path, port: int, *options: str) -> None:
        self.data, self.port, self.options = data, port, options
        self.url = f"http://127.0.0.1:{port}"
        self.process: subprocess.Popen[str] | None = None
        self.log = data.with_suffix(".log")

    def start(self) -> None:
        """Starts the server and returns when it answers that it is ready."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [
                    *SHOPWIRE,
                    "up",
                    "--data",
                    str(self.data),
                    "--port",
                    str(self.port),
                    *self.options,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                env=ENVIRONMENT,
            )
        deadline = time.monotonic() + READY_S_MAX
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.05)  # polls a foreign process: there is no signal to wait on

    def _where(self) -> list[str]:
        return ["--data", str(self.data), "--port", str(self.port)]

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=60) as answer:
                return bool(answer.status == 200)
        except (OSError, HTTPException):
            return False

    def kill(self) -> None:
        """SIGKILL: nothing of the server gets a chance to say goodbye."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ctrl-C; returns the exit code."""
        if self.process is None or self.process.poll() is not None:
            return 0
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=STOP_S_MAX)

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> dict:
        """Runs a `shopwire` command with --json on this data directory."""
        done = subprocess.run(
            [*SHOPWIRE, *arguments, "--data", str(self.data), "--json"],
            capture_output=True,
            text=True,
            timeout=240,
            env=ENVIRONMENT,
            check=False,
        )
        assert done.returncode in codes, (
            f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return json.loads(done.stdout)

    def import_feed(self, feed: Path, supplier: str = "Northwind") -> dict:
        """Takes a feed in by the console's door: a program of its own would cost a second.

        Where callers have to say who they are it is the merchant at the command line.
        """
        if "--access" in self.options:
            return self.run("import", str(feed), "--supplier", supplier)
        request = urllib.request.Request(
            f"{self.url}/api/imports?{urlencode({'supplier': supplier, 'source': feed.name})}",
            feed.read_bytes(),
            {"Idempotency-Key": uuid.uuid4().hex},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            summary = json.load(answer)
        assert summary["status"] == "finished", summary
        return summary


COLUMNS = [
    *("Handle", "Title", "Body (HTML)", "Vendor", "Type", "Tags", "Published"),
    *("Option1 Name", "Option1 Value", "Variant SKU", "Variant Barcode"),
    *("Variant Inventory Qty", "Variant Price", "Cost per item", "Status"),
]


def shopify_feed(
    path: Path, rows: list[tuple[str, str, int, str]], *, category: str = "Kitchen"
) -> Path:
    """Writes a Shopify product CSV of (handle, title, quantity, cost) rows."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for handle, title, quantity, cost in rows:
        product = [handle, title, f"<p>{title}.</p>", "Northwind", category, "", "TRUE"]
        variant = ["Title", "Default", handle.upper(), "", quantity, "", cost, "active"]
        writer.writerow([*product, *variant])
    path.write_text(out.getvalue(), encoding="utf-8")
    return path
