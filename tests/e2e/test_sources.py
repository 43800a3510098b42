"""A supplier's source as the operator sees it: it fails, its breaker opens, it comes back."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.shop import Shop
from tests.e2e.test_two_windows import SOON_MS, press

pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.slow]

FEED = b"sku,title,stock,cost\nA-1,Mug,10,2\n"


class Far(http.server.BaseHTTPRequestHandler):
    """A supplier's server; one feed of it is behind a secret."""

    status = 200

    def do_GET(self) -> None:
        closed = self.path == "/closed.csv" and self.headers["Authorization"] != "Bearer sesame"
        self.send_response(401 if closed else type(self).status)
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
    press(page.get_by_test_id("run-now"))
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
    keep = page.get_by_role("button", name="Keep this rule")
    press(keep)
    expect(keep).to_be_enabled()
    expect(page.get_by_label("Offer nothing")).to_be_checked()

    Far.status = 200
    run_once(page, 7)
    expect(page.get_by_test_id("breaker")).to_have_attribute("data-breaker", "closed")
    expect(page.get_by_test_id("supply-state")).to_have_text("Fresh")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_role("link", name="Suppliers").first.click()
    expect(page.get_by_test_id("source-row")).to_contain_text("every 10 h")
    expect(page.get_by_test_id("supplier-row")).to_contain_text("Fresh")


def test_a_source_is_added_tried_changed_and_removed_by_a_form(
    browser: Browser, shop: Shop, far: str
):
    page = browser.new_context(viewport={"width": 320, "height": 720}).new_page()
    page.goto(f"{shop.url}/console/suppliers")
    page.get_by_role("link", name="Add a source").press("Enter")
    test, add = (page.get_by_role("button", name=name) for name in ("Test it", "Add the source"))
    add.press("Enter")
    expect(page.get_by_test_id("fault-supplier")).to_have_text("Whose feed is it?")
    expect(page.get_by_label("Supplier", exact=True)).to_be_focused()
    page.keyboard.type("Nordic Supply")
    page.get_by_label("Address", exact=True).fill("ftp://nowhere")
    add.press("Enter")
    expect(page.get_by_test_id("fault-address")).to_contain_text("no address as in https://")
    expect(page.get_by_label("Address", exact=True)).to_be_focused()

    page.keyboard.press("Control+a")
    page.keyboard.type(far.replace("feed.csv", "closed.csv"))
    press(test)
    expect(page.get_by_test_id("fault-secretText")).to_contain_text("401", timeout=SOON_MS)
    page.get_by_label("The secret", exact=True).fill("Bearer sesame")
    press(test)
    expect(page.get_by_test_id("looked")).to_contain_text("It works", timeout=SOON_MS)
    expect(page.get_by_test_id("preview-row")).to_contain_text("10 in stock")
    assert shop.run("source", "list")["sources"] == [], "a test keeps nothing"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    press(add)
    expect(page.get_by_test_id("fetch-row")).to_contain_text("Taken", timeout=SOON_MS)
    secret = shop.data / "secrets" / "nordic-supply-main"
    assert secret.read_text() == "Bearer sesame"
    assert secret.stat().st_mode & 0o077 == 0
    assert "sesame" not in page.content()

    page.get_by_role("link", name="Change").press("Enter")
    expect(page.get_by_label("The secret", exact=True)).to_have_value("")
    page.get_by_label("How often").select_option("daily")
    page.get_by_label("At", exact=True).fill("25:00")
    press(page.get_by_role("button", name="Save changes"))
    expect(page.get_by_test_id("fault-dailyAt")).to_contain_text("no time", timeout=SOON_MS)
    page.get_by_label("At", exact=True).fill("06:15")
    page.get_by_label("By the clocks of").fill("Europe/Berlin")
    press(page.get_by_role("button", name="Save changes"))
    expect(page.get_by_text("daily at 06:15, Europe/Berlin")).to_be_visible(timeout=SOON_MS)
    press(page.get_by_test_id("pause"))
    expect(page.get_by_test_id("pause")).to_have_text("Go on", timeout=SOON_MS)
    page.get_by_role("button", name="Remove…").press("Enter")
    press(page.get_by_role("button", name="Remove", exact=True))
    expect(page.get_by_text("There is no such source")).to_be_visible(timeout=SOON_MS)
