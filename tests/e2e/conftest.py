"""What browser tests share: one browser a file, and shops that need not be made from nothing."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from tests.conftest import open_folder
from tests.e2e.shop import HUBS_MAX, SOON_MS, Shop, free_port

expect.set_options(timeout=SOON_MS)

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def _chromium(chromium: Path) -> Iterator[Browser]:
    """A file's: while it is open, its event loop is in the way of other files' tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def browser(_chromium: Browser) -> Iterator[Browser]:
    """Without any windows; those of a test go with it."""
    yield _chromium
    for context in _chromium.contexts:
        context.close()


@pytest.fixture(scope="session")
def empty_shop(postgres: Any) -> Iterator[Path]:
    """The data of a shop that was started once: a copy of it starts in half the time."""
    folder = open_folder()
    shop = Shop(folder / "shop", free_port())
    shop.start()
    shop.stop()
    yield shop.data
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def shop_options() -> tuple[str, ...]:
    return ()


@pytest.fixture
def shop(data_folder: Path, empty_shop: Path, shop_options: tuple[str, ...]) -> Iterator[Shop]:
    yield from _opened(data_folder, empty_shop, *shop_options)


@pytest.fixture(scope="module")
def shop_of_file(empty_shop: Path) -> Iterator[Shop]:
    """One for all tests of a file, each of which has articles of its own and leaves it running."""
    folder = open_folder()
    yield from _opened(folder, empty_shop)
    shutil.rmtree(folder, ignore_errors=True)


def _opened(folder: Path, empty_shop: Path, *options: str) -> Iterator[Shop]:
    # `cp -a` keeps whose the files are: PostgreSQL runs under an account of its own.
    subprocess.run(["cp", "-a", str(empty_shop), str(folder / "shop")], check=True)
    shop = Shop(folder / "shop", free_port(HUBS_MAX + 1), *options)
    shop.start()
    yield shop
    shop.stop()
