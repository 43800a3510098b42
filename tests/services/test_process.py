"""`shopwire up` as a process of its own: start, stop, being in the way of itself."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

import pytest
from tests.e2e.shop import free_port

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

SHOPWIRE = [sys.executable, "-m", "shopwire.cli.main"]
WAIT_S_MAX = 150.0


class Up:
    """One process."""

    def __init__(self, data: Path, port: int, command: str = "up", *more: str) -> None:
        self.data, self.url = data, f"http://127.0.0.1:{port}"
        self.log = data.with_suffix(".log")
        arguments = [command, "--data", str(data), "--port", str(port), *more]
        with self.log.open("w") as log:
            self.process = subprocess.Popen([*SHOPWIRE, *arguments], stdout=log, stderr=log)

    def ready(self) -> "Up":
        deadline = time.monotonic() + WAIT_S_MAX
        while self.get("/readyz") is None:
            assert self.process.poll() is None, self.log.read_text()[-3_000:]
            assert time.monotonic() < deadline
            time.sleep(0.05)  # polls another process: there is no signal to wait on
        return self

    def get(self, path: str) -> dict | None:
        try:
            with urllib.request.urlopen(self.url + path, timeout=20) as answer:
                return json.load(answer)
        except (OSError, HTTPException):
            return None

    def post(self, operation: str, key: str, **fields: object) -> tuple[dict, str | None]:
        request = urllib.request.Request(
            f"{self.url}/api/commands/{operation}",
            json.dumps(fields).encode(),
            {"Idempotency-Key": key, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer), answer.headers.get("Idempotency-Replayed")

    def postgres_pid(self) -> int:
        return int((self.data / "pg" / "postmaster.pid").read_text().split()[0])

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        return self.process.wait(WAIT_S_MAX)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def shop(data_folder: Path) -> Path:
    """The server's data folder; its log lies beside it and goes with the test."""
    return data_folder / "shop"


@pytest.fixture
def up(shop_folder: Path, port: int) -> Iterator[Up]:
    server = Up(shop_folder, port).ready()
    yield server
    if server.process.poll() is None:
        server.signal(signal.SIGINT)
        server.end()


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet has ended, too."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def until_gone(pid: int) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not is_gone(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)  # polls another process: there is no signal to wait on


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_cleanly(up: Up, number: int):
    postgres = up.postgres_pid()
    up.signal(number)
    assert up.end() == 0
    assert is_gone(postgres)
    assert "stop.done" in up.log.read_text()
    assert not (up.data / "pg" / "postmaster.pid").exists()


def test_a_second_ctrl_c_ends_at_once_and_leaves_no_postgres(up: Up):
    postgres = up.postgres_pid()
    # An open request holds the graceful end back, so the second signal has something to cut.
    with socket.create_connection(("127.0.0.1", int(up.url.rsplit(":", 1)[1]))) as holding:
        holding.sendall(
            b"POST /api/commands/x HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\n"
            b"Content-Length: 9\r\n\r\n{"
        )
        assert up.get("/readyz")
        up.signal(signal.SIGINT)
        while "stop.begin" not in up.log.read_text():
            time.sleep(0.01)  # polls another process: there is no signal to wait on
        up.signal(signal.SIGINT)
        assert up.end() == 130
    until_gone(postgres)


def test_ctrl_c_while_it_starts_stops_what_was_started(shop: Path, port: int):
    server = Up(shop, port)
    pid_file = shop / "pg" / "postmaster.pid"
    while not pid_file.exists():
        assert server.process.poll() is None
        time.sleep(0.005)  # polls another process: there is no signal to wait on
    server.signal(signal.SIGINT)
    assert server.end() in {0, 130}
    assert not pid_file.exists()


def test_a_port_in_use_is_told_with_a_remedy_and_nothing_is_started(up: Up, tmp_path: Path):
    other = Up(tmp_path / "other", int(up.url.rsplit(":", 1)[1]))
    assert other.end() == 1
    told = other.log.read_text()
    assert "is in use by" in told
    assert f"process {up.process.pid}" in told
    assert "--port " in told
    assert "Traceback" not in told
    assert not other.data.exists()
    assert up.get("/readyz")


def test_what_was_committed_survives_a_kill_and_the_next_start(up: Up, port: int):
    fields = {"sku": "MUG", "supplier": "kiln", "quantity": 7}
    first, replayed = up.post("inventory.report_stock", "key-1", **fields)
    assert replayed is None
    os.kill(up.process.pid, signal.SIGKILL)
    up.end()
    again = Up(up.data, port).ready()
    try:
        answer, replayed = again.post("inventory.report_stock", "key-1", **fields)
        assert (answer, replayed) == (first, "true")
    finally:
        again.signal(signal.SIGINT)
        assert again.end() == 0


def test_the_demo_fills_itself_once_and_goes_on_where_it_was(shop: Path, port: int):
    first = Up(shop, port, "demo", "--pace", "busy").ready()
    try:
        deadline = time.monotonic() + WAIT_S_MAX
        while first.log.read_text().count("demo.import") < 5:
            assert time.monotonic() < deadline
            time.sleep(0.05)  # polls another process: there is no signal to wait on
        heads = first.get("/api/status")["log_head"]
        while first.get("/api/status")["log_head"] < heads + 10:
            assert time.monotonic() < deadline
            time.sleep(0.05)  # polls another process: there is no signal to wait on
    finally:
        first.signal(signal.SIGINT)
        assert first.end() == 0
    again = Up(shop, port, "demo", "--pace", "slow").ready()
    try:
        assert again.get("/api/products?limit=1")["total"] == 304
        assert again.get("/api/status")["log_head"] >= heads
    finally:
        again.signal(signal.SIGINT)
        assert again.end() == 0
    assert "demo.import" not in again.log.read_text()
    checked = subprocess.run(
        [*SHOPWIRE, "log", "verify", "--data", str(shop), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(checked.stdout)["drift_total"] == 0
