"""The suppliers' portal as its people see it: their own orders, on a phone, by keyboard."""

import json
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.shop import Shop, shopify_feed
from tests.e2e.test_checkout import fill_in, placed, put_into_cart
from tests.e2e.test_two_windows import SHOPPER, SOON_MS, press

pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.slow]

PHONE = {"width": 320, "height": 700}


def key_of(shop: Shop, supplier: str) -> str:
    """A key that the shop gives to a supplier."""
    made = shop.run(
        "token", "new", f"{supplier}-desk", "--role", "supplier", "--supplier", supplier
    )
    return str(made["token"])


def opened(browser: Browser, shop: Shop, key: str) -> Page:
    """A phone on which somebody came in, by keyboard alone."""
    page = browser.new_context(viewport=PHONE).new_page()
    page.goto(f"{shop.url}/portal")
    page.get_by_label("Your key").fill("not-a-key")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("portal-fault")).to_contain_text("no supplier's key")
    page.get_by_label("Your key").fill(key)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("portal-supplier")).to_be_visible(timeout=SOON_MS)
    return page


def purchase_orders(shop: Shop) -> list[dict]:
    with urllib.request.urlopen(f"{shop.url}/api/purchase-orders", timeout=60) as answer:
        return list(json.load(answer)["items"])


def test_a_supplier_accepts_and_ships_its_own_order_and_sees_nobody_elses(
    browser: Browser, shop: Shop, tmp_path: Path
):
    shop.import_feed(shopify_feed(tmp_path / "feed.csv", [("blue-cup", "Blue cup", 9, "4.00")]))
    shopper = browser.new_context().new_page()
    put_into_cart(shopper, shop, "blue-cup")
    fill_in(shopper, shop)
    shopper.get_by_test_id("place-order").click()
    placed(shopper)
    other = opened(browser, shop, key_of(shop, "zenith"))
    expect(other.get_by_text("Nothing to do")).to_be_visible(timeout=SOON_MS)
    page = opened(browser, shop, key_of(shop, "northwind"))
    card = page.get_by_test_id("portal-order")
    expect(card).to_have_count(1, timeout=SOON_MS)
    expect(card).to_have_attribute("data-status", "sent", timeout=SOON_MS)
    expect(card.get_by_test_id("portal-address")).to_contain_text(SHOPPER["city"])
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

    press(page.get_by_test_id("portal-accept"))
    expect(card).to_have_attribute("data-status", "acknowledged", timeout=SOON_MS)
    page.get_by_label("Carrier").fill("dhl")
    page.get_by_label("Tracking number").fill("T-1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing to do")).to_be_visible(timeout=SOON_MS)
    page.get_by_role("button", name="Over").click()
    expect(card).to_have_attribute("data-status", "shipped", timeout=SOON_MS)
    expect(card.get_by_test_id("portal-address")).to_have_count(0)
    [shipped] = purchase_orders(shop)
    assert shipped["status"] == "shipped"
    expect(other.get_by_text("Nothing to do")).to_be_visible()
    page.get_by_test_id("portal-leave").click()
    page.get_by_label("Your key").fill(key_of(shop, "zenith"))
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("portal-supplier")).to_have_text("zenith", timeout=SOON_MS)
    expect(page.get_by_test_id("freshness")).to_have_attribute("data-status", "live")
    page.get_by_role("button", name="Over").click()
    expect(page.get_by_text("Nothing is over")).to_be_visible(timeout=SOON_MS)
    assert shop.run("log", "verify")["drift_total"] == 0
