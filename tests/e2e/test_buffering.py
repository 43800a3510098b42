"""Open pages behind a proxy that holds streams back, and while the log gets another epoch."""

import json
import re
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.buffering import BufferingProxy
from tests.e2e.shop import Shop, free_port, shopify_feed

pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(240)]

FALLBACK_MS_MAX = 3_000
"""From the first way that is held back to a question by another, by the page's clock: no busy
machine makes that longer."""
STEP_MS = 50
BACK_MS_MAX = 45_000
WATCH = """() => {
  window.neverReloaded = true;
  window.seen = [];
  const look = () => {
    const found = document.querySelector("[data-testid=product-stock]");
    const text = found === null ? "nothing" : found.textContent;
    if (window.seen.at(-1) !== text) window.seen.push(text);
  };
  look();
  new MutationObserver(look).observe(document.body, {
    subtree: true, childList: true, characterData: true,
  });
}"""


def live(page: Page) -> None:
    expect(page.get_by_test_id("freshness")).to_have_attribute(
        "data-status", "live", timeout=BACK_MS_MAX
    )


def with_a_jug(shop: Shop, folder: Path) -> None:
    shop.import_feed(shopify_feed(folder / "feed.csv", [("jug", "Jug", 41, "4.00")]))


def report(shop: Shop, quantity: int) -> None:
    """What the supplier has now."""
    body = {"sku": "JUG", "supplier": "northwind", "quantity": quantity}
    request = urllib.request.Request(
        f"{shop.url}/api/commands/inventory.report_stock",
        json.dumps(body).encode(),
        {"Idempotency-Key": f"report-{quantity}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def shows(page: Page, quantity: int) -> None:
    found = page.get_by_test_id("product-stock").first
    expect(found).to_contain_text(str(quantity), timeout=BACK_MS_MAX)


def test_a_page_is_live_within_seconds_behind_a_proxy_that_holds_streams_back(
    browser: Browser, shop: Shop, tmp_path: Path
):
    with_a_jug(shop, tmp_path)
    with BufferingProxy(free_port(), shop.port) as proxy:
        context = browser.new_context()
        page = context.new_page()
        page.clock.install()
        page.clock.pause_at(datetime.now(UTC) + timedelta(seconds=1))
        page.goto(f"{proxy.url}/product/jug")
        for _ in range(BACK_MS_MAX // STEP_MS):
            if proxy.holds.wait(STEP_MS / 1_000):
                break
            page.clock.run_for(STEP_MS)
        assert "/sync" in proxy.held
        page.clock.run_for(FALLBACK_MS_MAX)
        assert proxy.asks_again.wait(BACK_MS_MAX / 1_000)
        page.clock.resume()
        live(page)
        shows(page, 41)
        report(shop, 12)
        shows(page, 12)
        live(page)
        context.close()


def test_open_pages_go_on_through_another_epoch(browser: Browser, shop: Shop, tmp_path: Path):
    with_a_jug(shop, tmp_path)
    with BufferingProxy(free_port(), shop.port) as proxy:
        pages = []
        for url in (shop.url, proxy.url):
            page = browser.new_context().new_page()
            page.goto(f"{url}/product/jug")
            live(page)
            shows(page, 41)
            page.evaluate(WATCH)
            pages.append(page)
        report(shop, 33)
        for page in pages:
            shows(page, 33)
        assert shop.run("log", "new-epoch")["epoch"] > 0
        shop.stop()
        shop.start()
        report(shop, 25)
        for page in pages:
            shows(page, 25)
            live(page)
        report(shop, 17)
        for page in pages:
            shows(page, 17)
            assert page.evaluate("window.neverReloaded")
            seen = page.evaluate("window.seen")
            numbers = [int(found[0]) for text in seen if (found := re.findall(r"\d+", text))]
            # Each state in its order, none twice, none from before, and never nothing at all.
            assert numbers == [41, 33, 25, 17], seen
            assert len(numbers) == len(seen), seen
        for page in pages:
            page.context.close()
