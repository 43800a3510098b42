"""A shopper without a connection: fills a cart, loads the page anew, comes back, buys once."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.shop import Shop, shopify_feed
from tests.e2e.test_checkout import fill_in, orders_of
from tests.e2e.test_two_windows import SOON_MS, taken

pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.slow]

AT_HAND = """async () => {
  await navigator.serviceWorker.ready;
  const kept = async (name, path) => !!(await (await caches.open(name)).match(path));
  const { files } = await (await fetch("/offline.json")).json();
  for (const path of ["/", ...files]) if (!(await kept("shopwire.files", path))) return false;
  return kept("shopwire.reads", "/api/products/blue-cup");
}"""
"""Whether all is kept that the page needs when the shop is gone."""


def in_cart(page: Page, units: int) -> None:
    expect(page.get_by_test_id("cart-count")).to_have_text(str(units))


QUANTITIES = """async () => {
  const name = (await indexedDB.databases()).map((one) => one.name)
    .find((one) => one.startsWith("shopwire.queue"));
  if (name === undefined) return [];
  const opened = await new Promise((resolve) => {
    const request = indexedDB.open(name);
    request.onsuccess = () => resolve(request.result);
  });
  const all = opened.transaction("commands").objectStore("commands").getAll();
  return new Promise((resolve) => {
    all.onsuccess = () => resolve(all.result.map(({ body }) => body.quantity));
  }).finally(() => opened.close());
}"""
"""What the commands want that are kept in the browser's database."""


def kept(page: Page, units: int) -> None:
    """Waits until it is written down that so many are wanted: what ends before forgets it."""
    page.wait_for_function(
        f"async (units) => (await ({QUANTITIES})()).includes(units)", arg=units, timeout=SOON_MS
    )


def test_a_shopper_without_a_connection_fills_a_cart_and_finds_one_order(
    browser: Browser, shop: Shop, tmp_path: Path
):
    feed = [("blue-cup", "Blue cup", 9, "4.00"), ("red-cup", "Red cup", 9, "5.00")]
    shop.import_feed(shopify_feed(tmp_path / "feed.csv", feed))
    page = browser.new_context().new_page()
    page.goto(f"{shop.url}/product/blue-cup")
    expect(page.get_by_test_id("add-to-cart")).to_be_visible(timeout=SOON_MS)
    page.wait_for_function(AT_HAND, timeout=SOON_MS)

    shop.kill()
    expect(page.get_by_test_id("freshness")).to_have_attribute("data-status", "offline")
    page.get_by_test_id("add-to-cart").click()
    in_cart(page, 1)
    page.get_by_test_id("quantity-more").click()
    in_cart(page, 2)
    kept(page, 2)
    page.reload()
    expect(page.get_by_role("heading", name="Blue cup")).to_be_visible(timeout=SOON_MS)
    in_cart(page, 2)
    page.get_by_test_id("quantity-more").click()
    in_cart(page, 3)
    page.get_by_test_id("cart-button").click()
    expect(page.get_by_test_id("line-kept")).to_contain_text("Kept on this device")
    expect(page.get_by_test_id("checkout")).to_have_attribute("aria-disabled", "true")
    kept(page, 3)
    page.reload()
    in_cart(page, 3)
    expect(page.get_by_test_id("cart-line")).to_contain_text("Blue cup")
    kept(page, 3)

    shop.start()
    expect(page.get_by_test_id("freshness")).to_have_attribute(
        "data-status", "live", timeout=2 * SOON_MS
    )
    expect(page.get_by_test_id("line-kept")).to_be_hidden(timeout=2 * SOON_MS)
    expect(page.get_by_test_id("cart-line")).to_have_attribute(
        "data-pending", "false", timeout=2 * SOON_MS
    )
    in_cart(page, 3)
    assert page.evaluate(QUANTITIES) == []
    page.get_by_test_id("checkout").click()
    fill_in(page, shop)
    page.get_by_test_id("place-order").click()
    expect(page).to_have_url(re.compile(r"/order/"), timeout=2 * SOON_MS)
    (order,) = orders_of(shop, "blue-cup")
    assert [(line["sku"], line["quantity"]) for line in order["lines"]] == [("BLUE-CUP", 3)]


def test_two_devices_that_changed_the_same_line_are_asked_and_agree(
    browser: Browser, shop: Shop, tmp_path: Path
):
    feed = [("blue-cup", "Blue cup", 9, "4.00")]
    shop.import_feed(shopify_feed(tmp_path / "feed.csv", feed))
    here = browser.new_context(viewport={"width": 320, "height": 700})
    page = here.new_page()
    page.goto(f"{shop.url}/product/blue-cup")
    page.get_by_test_id("add-to-cart").click()
    taken(page)
    page.goto(f"{shop.url}/cart")
    expect(page.get_by_test_id("cart-line")).to_have_attribute("data-pending", "false")
    there = browser.new_context(storage_state=here.storage_state())
    other = there.new_page()
    other.goto(f"{shop.url}/cart")
    expect(other.get_by_test_id("cart-line")).to_have_attribute("data-pending", "false")

    # Here without a network: what is pressed waits, while the other device goes on.
    here.set_offline(True)
    page.get_by_test_id("quantity-more").click()
    in_cart(page, 2)
    for units in (2, 3, 4):
        other.get_by_test_id("quantity-more").click()
        in_cart(other, units)
    expect(other.get_by_test_id("cart-line")).to_have_attribute("data-pending", "false")
    here.set_offline(False)

    conflict = page.get_by_test_id("line-conflict")
    expect(conflict).to_contain_text("there are 4 there, you wanted 2 here", timeout=2 * SOON_MS)
    in_cart(page, 4)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 320, "the choice does not fit a phone"
    page.get_by_test_id("choose-both").focus()
    page.keyboard.press("Enter")
    expect(conflict).to_be_hidden(timeout=SOON_MS)
    for one in (page, other):
        in_cart(one, 5)

    # A second tab follows the first one's connection, and tells it what it was told.
    sockets: list[str] = []
    tab = here.new_page()
    tab.on("websocket", lambda socket: sockets.append(socket.url))
    tab.goto(f"{shop.url}/cart")
    in_cart(tab, 5)
    expect(tab.get_by_test_id("freshness")).to_have_attribute("data-status", "live")
    tab.get_by_test_id("quantity-less").click()
    for one in (tab, page, other):
        in_cart(one, 4)
    assert sockets == []
