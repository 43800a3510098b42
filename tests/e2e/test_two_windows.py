"""What a merchant and a shopper see: two windows, a changed feed, a killed server."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.e2e.shop import SOON_MS, Shop, shopify_feed

pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.slow]

SHOPPER = {
    "email": "ada@example.org",
    "name": "Ada Lovelace",
    "street": "St James's Square 12",
    "postal_code": "10115",
    "city": "Berlin",
}


def open_product(browser: Browser, shop: Shop, handle: str) -> Page:
    page = browser.new_context().new_page()
    page.goto(f"{shop.url}/product/{handle}")
    expect(page.get_by_test_id("freshness")).to_have_attribute("data-status", "live")
    return page


def price_and_stock(page: Page) -> tuple[str, str]:
    return (
        page.get_by_test_id("product-price").first.inner_text(),
        page.get_by_test_id("product-stock").first.inner_text(),
    )


def test_a_changed_feed_reaches_both_windows_and_a_killed_server_is_told_and_recovered_from(
    browser: Browser, shop: Shop, tmp_path: Path
):
    first = shopify_feed(
        tmp_path / "monday.csv",
        [("enamel-kettle", "Enamel kettle", 41, "20.00"), ("oak-board", "Oak board", 7, "8.00")],
    )
    shop.import_feed(first)
    windows = [open_product(browser, shop, "enamel-kettle") for _ in range(2)]
    for page in windows:
        expect(page.get_by_test_id("product-stock").first).to_contain_text("41")
    before = {price_and_stock(page) for page in windows}
    assert len(before) == 1
    for page in windows:
        page.evaluate("window.neverReloaded = true")

    second = shopify_feed(
        tmp_path / "tuesday.csv",
        [("enamel-kettle", "Enamel kettle", 5, "30.00"), ("oak-board", "Oak board", 7, "8.00")],
    )
    summary = shop.run("import", str(second), "--supplier", "Northwind")  # as a merchant may
    assert summary["rows"] == summary["changed"] + summary["unchanged"] + summary["quarantined"]
    assert summary["changed"] == 1
    for page in windows:
        stock = page.get_by_test_id("product-stock").first
        expect(stock).to_contain_text(re.compile(r"\b5\b"), timeout=SOON_MS)
        price = page.get_by_test_id("product-price").first
        expect(price).not_to_have_text(next(iter(before))[0], timeout=SOON_MS)
    assert len({price_and_stock(page) for page in windows}) == 1

    shop.kill()
    for page in windows:
        freshness = page.get_by_test_id("freshness")
        expect(freshness).to_have_attribute("data-status", "offline", timeout=SOON_MS)

    shop.start()
    third = shopify_feed(
        tmp_path / "wednesday.csv",
        [("enamel-kettle", "Enamel kettle", 3, "30.00"), ("oak-board", "Oak board", 7, "8.00")],
    )
    shop.import_feed(third)
    for page in windows:
        freshness = page.get_by_test_id("freshness")
        expect(freshness).to_have_attribute("data-status", "live", timeout=2 * SOON_MS)
        stock = page.get_by_test_id("product-stock").first
        expect(stock).to_contain_text(re.compile(r"\b3\b"), timeout=SOON_MS)
        assert page.evaluate("window.neverReloaded") is True

    report = shop.run("log", "verify")
    assert report["drift_total"] == 0
    assert shop.stop() == 0


def press(button: Locator) -> None:
    """By keyboard, once it does something: unlike a click, a key does not wait for that."""
    expect(button).to_be_enabled()
    button.press("Enter")


def taken(page: Page) -> None:
    """Waits until the shop has what is in the cart: what is only shown ends with the page."""
    expect(page.get_by_test_id("in-cart")).to_have_attribute("data-pending", "false")


TABS_MAX = 40
"""More presses than any way here takes."""


def tab_to(page: Page, wanted: Locator) -> None:
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError(f"no way by keyboard to {wanted}")


def test_the_last_unit_is_bought_by_keyboard_and_the_other_window_is_told(
    browser: Browser, shop_of_file: Shop, tmp_path: Path
):
    shop = shop_of_file
    shop.import_feed(shopify_feed(tmp_path / "feed.csv", [("last-lamp", "Last lamp", 1, "10.00")]))
    buyer, watcher = (open_product(browser, shop, "last-lamp") for _ in range(2))
    expect(watcher.get_by_test_id("product-stock").first).to_have_text("Last one")
    tab_to(buyer, buyer.get_by_test_id("add-to-cart"))
    buyer.keyboard.press("Enter")
    expect(buyer.get_by_test_id("to-cart")).to_be_focused()
    tab_to(buyer, buyer.get_by_test_id("buy-now"))
    buyer.keyboard.press("Enter")
    expect(buyer.locator("#main")).to_be_focused()
    for field, text in SHOPPER.items():
        tab_to(buyer, buyer.get_by_test_id(f"field-{field}"))
        buyer.keyboard.type(text)
    tab_to(buyer, buyer.get_by_test_id("place-order"))
    expect(buyer.get_by_test_id("place-order")).to_be_enabled()
    buyer.keyboard.press("Enter")
    expect(buyer.get_by_test_id("order")).to_be_visible(timeout=SOON_MS)
    expect(buyer.locator("#main")).to_be_focused()
    stock = watcher.get_by_test_id("product-stock").first
    expect(stock).to_have_text("Sold out", timeout=SOON_MS)
    expect(watcher.get_by_test_id("add-to-cart")).to_be_disabled(timeout=SOON_MS)


def test_the_console_shows_the_run_and_its_quarantined_rows(
    browser: Browser, shop_of_file: Shop, tmp_path: Path
):
    shop = shop_of_file
    feed = shopify_feed(
        tmp_path / "feed.csv",
        [("good-cup", "Good cup", 12, "4.00"), ("bad-cup", "Bad cup", -3, "4.00")],
    )
    summary = shop.run("import", str(feed), "--supplier", "Northwind", codes=(0, 3))
    assert summary["quarantined"] == 1
    page = browser.new_context().new_page()
    page.goto(f"{shop.url}/console")
    expect(page.get_by_text("Northwind").first).to_be_visible(timeout=SOON_MS)
    expect(page.get_by_test_id("metric-screens")).to_contain_text(re.compile(r"[1-9]"))
    page.goto(f"{shop.url}/console/imports/{summary['id']}")
    row = page.get_by_test_id("quarantine-row").first
    expect(row).to_contain_text("BAD-CUP", timeout=SOON_MS)


WIDTHS = (320, 390, 1280)


def fits(page: Page, shop: Shop, *paths: str) -> None:
    """No page has to be scrolled sideways, on a phone as on a desk."""
    for path in paths:
        page.goto(f"{shop.url}{path}")
        expect(page.locator("main h1, main h2").first).to_be_visible()
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            overflow = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert overflow <= 0, f"{path} is {overflow} px too wide at {width} px"


def test_no_page_scrolls_sideways(browser: Browser, shop_of_file: Shop, tmp_path: Path):
    shop = shop_of_file
    shop.import_feed(shopify_feed(tmp_path / "feed.csv", [("a-cup", "A cup", 12, "4.00")]))
    fits(browser.new_context().new_page(), shop, "/", "/product/a-cup", "/console")
