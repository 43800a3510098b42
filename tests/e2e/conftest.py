"""What browser tests share: one browser, and shops that need not be made from nothing."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from tests.conftest import copy_of, open_folder
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


PACKAGES = Path(__file__).parents[2] / "packages"
PAGE_SUFFIXES = {".ts", ".tsx", ".css", ".html", ".svg"}


@pytest.fixture(scope="session")
def _pages_of_today() -> None:
    """What is looked at was built of what is here: old pages fail, or pass, for what is mended."""
    built = PACKAGES / "web" / "dist" / "index.html"
    built_at = built.stat().st_mtime if built.exists() else 0.0
    sources = (one for one in PACKAGES.glob("*/src/**/*") if one.suffix in PAGE_SUFFIXES)
    newer = [one.name for one in sources if one.stat().st_mtime > built_at]
    if newer:
        pytest.fail(f"the pages are older than {', '.join(newer[:3])}. Remedy: make web")


class OneBrowser:
    """The browser of all tests in a row that look through one."""

    def __init__(self) -> None:
        self._playwright: Any = None
        self._browser: Browser | None = None

    def open(self, chromium: Path) -> Browser:
        """Begun by the first who asks; what died is begun anew."""
        if self._browser is None or not self._browser.is_connected():
            self.close()
            self._playwright = sync_playwright().start()
            self._browser = self._playwright.chromium.launch(
                executable_path=str(chromium), args=CHROMIUM_ARGUMENTS
            )
        return self._browser

    def close(self) -> None:
        """While it is open, its event loop is in the way of whoever runs one."""
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()
        self._browser = self._playwright = None


ONE_BROWSER = OneBrowser()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    if nextitem is None or "browser" not in getattr(nextitem, "fixturenames", ()):
        ONE_BROWSER.close()


@pytest.fixture(scope="session")
def _one_browser(empty_shop: Path) -> Iterator[OneBrowser]:
    """What needs a loop, a shop and its PostgreSQL, is made before and ended after it is open."""
    yield ONE_BROWSER
    ONE_BROWSER.close()


@pytest.fixture
def browser(_pages_of_today: None, _one_browser: OneBrowser, chromium: Path) -> Iterator[Browser]:
    """Without any windows; those of a test go with it."""
    browser = _one_browser.open(chromium)
    yield browser
    for context in browser.contexts:
        context.close()


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
    shop = Shop(copy_of(empty_shop, folder), free_port(HUBS_MAX + 1), *options)
    shop.start()
    yield shop
    shop.stop()
