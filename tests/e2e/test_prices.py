"""Prices as people see them: rules are looked at, put and put back; a sale ends on every screen."""

import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.shop import Shop, shopify_feed
from tests.e2e.test_two_windows import SOON_MS, press

pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.slow]

PHONE = {"width": 320, "height": 720}
SALE_S_MIN = 5


def price_of(page: Page):
    return page.get_by_test_id("product-price").first


def test_a_merchant_looks_puts_and_puts_back_and_a_sale_ends_by_itself(
    browser: Browser, shop: Shop, tmp_path: Path
):
    feed = [("blue-cup", "Blue cup", 9, "4.00"), ("red-cup", "Red cup", 9, "6.00")]
    shop.import_feed(shopify_feed(tmp_path / "feed.csv", feed))
    shopper = browser.new_context(locale="en-GB").new_page()
    shopper.goto(f"{shop.url}/product/blue-cup")
    expect(price_of(shopper)).to_have_text("€8.95", timeout=SOON_MS)

    # By keyboard alone, on a phone.
    began = time.monotonic()
    desk = browser.new_context(locale="en-GB", viewport=PHONE).new_page()
    desk.goto(f"{shop.url}/console/prices")
    desk.get_by_role("button", name="Add a rule").press("Enter")
    rule = desk.get_by_test_id("price-rule")
    for label, text in {"Name": "Cups", "Cost times": "3", "Ends with": "exact"}.items():
        rule.get_by_label(label).fill(text)
    assert desk.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    press(desk.get_by_role("button", name="See what it would do"))
    preview = desk.get_by_test_id("price-preview")
    expect(preview).to_contain_text("Prices that change2")
    assert desk.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    expect(price_of(shopper)).to_have_text("€8.95")
    press(desk.get_by_test_id("apply-rules"))
    expect(price_of(shopper)).to_have_text("€12.00", timeout=SOON_MS)
    # The sale has to be seen before it ends, also where everything takes long.
    sale_s = max(SALE_S_MIN, 3 * (time.monotonic() - began))

    expect(desk.get_by_test_id("rules-version")).to_have_text("version 1")
    sku = shop.run("price", "why", "BLUE-CUP")["sku"]
    desk.get_by_label("SKU", exact=True).fill(sku)
    desk.get_by_role("button", name="Explain").press("Enter")
    expect(desk.get_by_test_id("price-why")).to_contain_text("The rule Cups asks 3 times")

    desk.get_by_text("Plan a promotion").click()
    plan = desk.locator("form", has=desk.get_by_role("button", name="Plan it"))
    plan.get_by_label("Name").fill("Flash")
    plan.get_by_label("SKUs").fill(sku)
    plan.get_by_label("Percent").fill("25")
    plan.get_by_label("Units of each").fill("5")
    ends = int(time.time() + sale_s)
    stamp = desk.evaluate(
        "at => new Date(at - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 19)",
        ends * 1_000,
    )
    plan.get_by_label("Ends").fill(stamp)
    press(plan.get_by_role("button", name="Plan it"))
    expect(price_of(shopper)).to_have_text("€9.00", timeout=SOON_MS)
    expect(shopper.get_by_test_id("price-sale")).to_contain_text("5 left at this price")
    expect(shopper.get_by_test_id("price-sale")).to_be_hidden(timeout=sale_s * 1_000 + SOON_MS)
    expect(price_of(shopper)).to_have_text("€12.00")
    assert time.time() >= ends

    press(desk.get_by_test_id("undo-rules"))
    expect(price_of(shopper)).to_have_text("€8.95", timeout=SOON_MS)
