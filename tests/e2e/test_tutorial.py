"""The tutorial, as a newcomer does it: commands run, files written, looked at in a browser."""

import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.shop import ENVIRONMENT, READY_S_MAX, SOON_MS, STOP_S_MAX, free_port

pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
PYTHON = ROOT / "docs" / "how-to" / "use-the-python-client.md"
_BLOCK = re.compile(r"```(?P<kind>\w+)\n(?P<text>.*?)```", re.DOTALL)
_FILE = re.compile(r"as `(?P<name>[\w.]+)`:\s*$")
_ENDLESS = ("shopwire up", "python3 -m http.server")
"""What is left running in a terminal of its own."""


class Newcomer:
    """A person with terminals, who does what the page says and nothing else."""

    def __init__(self, home: Path) -> None:
        self.home, self.folder = home, home / "live-page"
        self.ports = {"8000": str(free_port()), "5000": str(free_port())}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.first = ""

    def here(self, text: str) -> str:
        """The same, with ports that are free here and the folders of this test."""
        for known, free in self.ports.items():
            text = text.replace(known, free)
        return text.replace("~/shopwire", str(ROOT)).replace("~/live-page", str(self.folder))

    def save(self, name: str, text: str) -> None:
        (self.folder / name).write_text(self.here(text))

    def type(self, command: str) -> None:
        """In a terminal in which the first step's lines were typed."""
        if not self.first:
            self.first = self.here(command)
        script = f"set -eu\n{self.first}\n{self.here(command)}"
        endless = next((name for name in _ENDLESS if command.startswith(name)), None)
        if endless is None:
            done = subprocess.run(
                ["bash", "-c", script], env=ENVIRONMENT, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            return
        # In its own place, so that Ctrl-C reaches the program and not the shell around it.
        script = f"set -eu\n{self.first}\nexec {self.here(command)}"
        with (self.home / "terminal.log").open("ab") as log:
            self.running[endless] = subprocess.Popen(
                ["bash", "-c", script], env=ENVIRONMENT, stdout=log, stderr=log
            )
        self.wait_for("8000" if endless == _ENDLESS[0] else "5000", self.running[endless])

    def wait_for(self, port: str, process: subprocess.Popen[bytes]) -> None:
        path = "/readyz" if port == "8000" else "/"
        deadline = time.monotonic() + READY_S_MAX
        while True:
            assert process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            try:
                with urllib.request.urlopen(self.here(f"http://127.0.0.1:{port}{path}"), timeout=9):
                    return
            except (OSError, HTTPException):
                time.sleep(0.05)  # polls a foreign process: there is no signal to wait on

    def end(self, name: str) -> None:
        process = self.running.pop(name)
        # Not Ctrl-C itself: what runs in the background may have been told to ignore it.
        process.terminate()
        process.wait(timeout=STOP_S_MAX)

    def log(self) -> str:
        return (self.home / "terminal.log").read_text()[-4000:]


@pytest.fixture
def newcomer(data_folder: Path, empty_shop: Path) -> Iterator[Newcomer]:
    newcomer = Newcomer(data_folder)
    newcomer.folder.mkdir()
    # A shop that was begun once starts in half the time; the first start is tested elsewhere.
    subprocess.run(["cp", "-a", str(empty_shop), str(newcomer.folder / "data")], check=True)
    yield newcomer
    for name in list(newcomer.running):
        newcomer.end(name)


def steps() -> list[str]:
    """The text by its numbered sections, the first without a number."""
    return re.split(r"^## \d\. .*$", TUTORIAL.read_text(encoding="utf-8"), flags=re.MULTILINE)


def do(newcomer: Newcomer, step: str) -> None:
    for block in _BLOCK.finditer(step):
        if block["kind"] == "sh":
            newcomer.type(block["text"].strip())
            continue
        named = _FILE.search(step[: block.start()])
        assert named, f"where does it go? {block['text'][:60]}"
        newcomer.save(named["name"], block["text"])


def says(page: Page, stock: str) -> None:
    expect(page.locator("#stock")).to_have_text(stock, timeout=SOON_MS)


def test_a_newcomer_builds_a_live_product_page(browser: Browser, newcomer: Newcomer):
    _, folder, shop, feed, files, move, plug = steps()
    for step in (folder, shop, feed, files):
        do(newcomer, step)
    first, second = (browser.new_page() for _ in range(2))
    faults: list[str] = []
    first.on("pageerror", lambda fault: faults.append(str(fault)))
    for page in (first, second):
        page.goto(newcomer.here("http://127.0.0.1:5000"))
        says(page, "7 in stock")
    expect(first.locator("h1")).to_have_text("Blue cup")
    expect(first.locator("#price")).to_have_text(re.compile(r"^[A-Z]{3} \d+\.\d\d$"))

    do(newcomer, move)
    for page in (first, second):
        says(page, "3 in stock")
    for left in (2, 1, 0):
        first.get_by_text("Buy one").click()
        says(first, f"{left} in stock")
        says(second, f"{left} in stock")
        expect(first.locator("#told")).to_have_text("One is yours.")
    first.get_by_text("Buy one").click()
    expect(first.locator("#told")).to_have_text("Someone was faster: it is sold out.")
    says(first, "0 in stock")

    assert "Ctrl-C" in plug
    newcomer.end("shopwire up")
    expect(first.locator("#age")).to_have_text(re.compile(r"^offline, as of "), timeout=SOON_MS)
    says(first, "0 in stock")
    do(newcomer, shop)
    expect(first.locator("#live")).to_have_attribute("data-status", "live", timeout=2 * SOON_MS)
    expect(first.locator("#age")).to_have_text("")
    assert faults == []

    follow_from_python(newcomer)


def follow_from_python(newcomer: Newcomer) -> None:
    """The example of the Python client's page, against the same shop; twice, as it says."""
    text = PYTHON.read_text(encoding="utf-8")
    (script,) = (block["text"] for block in _BLOCK.finditer(text) if block["kind"] == "python")
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", newcomer.here(script)],
            capture_output=True,
            text=True,
            timeout=READY_S_MAX,
            env=ENVIRONMENT,
            check=False,
        )
        assert done.stdout.strip() == "live 1 7", done.stderr
    assert "It prints `live 1 7`" in text
