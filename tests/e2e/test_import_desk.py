"""A person decides about feeds in the console: looks, takes in, mends a row, puts it back."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.shop import Shop
from tests.e2e.test_two_windows import SOON_MS

pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.slow]

HEAD = "id,title,category,sku,stock,cost\n"
PHONE = {"width": 320, "height": 700}


def feed(path: Path, stock: int, end: str = "") -> Path:
    rows = "".join(f"p{n},Product {n},All,S{n},{stock},2\n" for n in range(30))
    path.write_text(HEAD + rows + end)
    return path


def fits(page: Page) -> None:
    """Nothing but tables is wider than the screen."""
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"], width


def test_a_feed_that_empties_the_shop_is_held_taken_mended_and_undone(
    browser: Browser, shop: Shop, tmp_path: Path
):
    shop.import_feed(feed(tmp_path / "a.csv", 5), "Acme")
    empty = feed(tmp_path / "b.csv", 0, "x,Extra,All,X,-1,2\n")
    shop.run("import", str(empty), "--supplier", "Acme", codes=(4,))
    page = browser.new_context(viewport=PHONE).new_page()
    page.goto(f"{shop.url}/console/imports")
    page.get_by_role("status").get_by_role("link", name="Acme").click()
    hold = page.get_by_test_id("hold")
    expect(hold).to_contain_text("30 of 30 articles in stock would have none left")
    expect(hold.get_by_role("row")).to_have_count(11)
    fits(page)
    page.get_by_test_id("approve").click()
    expect(page.get_by_test_id("import-state")).to_have_text("Finished", timeout=SOON_MS)
    expect(page.get_by_test_id("change").first).to_contain_text("Stock")
    row = page.get_by_test_id("quarantine-row")
    row.locator("summary").click()
    row.get_by_label("stock").fill("7")
    fits(page)
    row.get_by_label("stock").press("Enter")
    expect(row).to_have_attribute("data-outcome", "mended", timeout=SOON_MS)
    shopper = browser.new_context().new_page()
    shopper.goto(f"{shop.url}/product/p3")
    stock = shopper.get_by_test_id("product-stock")
    expect(stock).to_have_text("Sold out", timeout=SOON_MS)
    page.get_by_test_id("undo").click()
    expect(page.get_by_test_id("undo-sure")).to_be_focused()
    expect(page.get_by_test_id("undo-sure")).to_be_enabled()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("import-state")).to_have_text("Undone", timeout=SOON_MS)
    expect(page.get_by_test_id("undone")).to_contain_text("as they were before")
    expect(stock).to_contain_text("5", timeout=SOON_MS)
    fits(page)
