"""A supplier's source as the operator sees it: it fails, its breaker opens, it comes back."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.shop import Shop
from tests.e2e.test_two_windows import SOON_MS

pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(240)]

FEED = b"sku,title,stock,cost\nA-1,Mug,10,2\n"


class Far(http.server.BaseHTTPRequestHandler):
    """A supplier's server."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(type(self).status)
        self.send_header("content-type", "text/csv")
        self.send_header("content-length", str(len(FEED)))
        self.end_headers()
        self.wfile.write(FEED)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def far() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Far)
    Far.status = 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/feed.csv"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def shop_options() -> tuple[str, ...]:
    return ("--allow-address", "127.0.0.1")


def run_once(page: Page, runs: int) -> None:
    """By keyboard, until it is over."""
    page.get_by_test_id("run-now").press("Enter")
    expect(page.get_by_test_id("fetch-row")).to_have_count(runs, timeout=SOON_MS)
    expect(page.get_by_test_id("run-now")).to_have_text("Run now", timeout=SOON_MS)


def test_a_source_that_falls_silent_is_seen_and_comes_back(browser: Browser, shop: Shop, far: str):
    shop.run("source", "add", "acme", far, "--every", "600")
    page = browser.new_context(viewport={"width": 320, "height": 720}).new_page()
    page.goto(f"{shop.url}/console/suppliers/acme/main")
    expect(page.get_by_test_id("supply-state")).to_have_text("Fresh", timeout=SOON_MS)
    expect(page.get_by_test_id("fetch-row")).to_have_count(1, timeout=SOON_MS)

    Far.status = 503
    for run in range(2, 7):
        run_once(page, run)
    expect(page.get_by_test_id("breaker")).to_have_attribute("data-breaker", "open")
    expect(page.get_by_test_id("breaker")).to_contain_text("it answered 503.")
    expect(page.get_by_test_id("supply-state")).to_have_text("Not reached")

    page.get_by_label("Offer nothing").check()
    page.get_by_label("Stale after, in minutes").fill("240")
    page.get_by_role("button", name="Keep this rule").press("Enter")
    expect(page.get_by_label("Offer nothing")).to_be_checked()

    Far.status = 200
    run_once(page, 7)
    expect(page.get_by_test_id("breaker")).to_have_attribute("data-breaker", "closed")
    expect(page.get_by_test_id("supply-state")).to_have_text("Fresh")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_role("link", name="Suppliers").first.click()
    expect(page.get_by_test_id("source-row")).to_contain_text("every 10 h")
    expect(page.get_by_test_id("supplier-row")).to_contain_text("Fresh")
