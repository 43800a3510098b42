"""Buying as shoppers see it: cart, checkout, a race, a killed server, a promise that is short."""

import json
import re
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.shop import Shop, shopify_feed
from tests.e2e.test_two_windows import SHOPPER, SOON_MS, fits, open_product, taken

pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.slow]

LINE_SUM = "[data-testid=line-sum]"
AFTER_RESTART_MS = 30_000 + SOON_MS
"""A checkout that a kill interrupted is finished within 30 s of the server's return."""


@pytest.fixture
def shop(shop_of_file: Shop) -> Shop:
    return shop_of_file


def put_into_cart(page: Page, shop: Shop, handle: str, *, units: int = 1) -> None:
    page.goto(f"{shop.url}/product/{handle}")
    page.get_by_test_id("add-to-cart").click()
    taken(page)
    expect(page.get_by_test_id("cart-count")).to_have_text(str(units))


def fill_in(page: Page, shop: Shop, method: str = "card") -> None:
    page.goto(f"{shop.url}/checkout")
    for field, text in SHOPPER.items():
        page.get_by_test_id(f"field-{field}").fill(text)
    page.get_by_test_id(f"method-{method}").check()
    ready(page)


def ready(page: Page) -> None:
    button = page.get_by_test_id("place-order")
    expect(button).to_have_attribute("aria-disabled", "false", timeout=SOON_MS)


def placed(page: Page, timeout: int = SOON_MS) -> None:
    expect(page).to_have_url(re.compile(r"/order/"), timeout=timeout)
    order = page.get_by_test_id("order")
    expect(order).to_have_attribute("data-status", re.compile("placed|in_fulfilment"))


def orders_of(shop: Shop, *handles: str) -> list[dict[str, Any]]:
    """Orders of any of these articles; without any, all."""
    skus = {handle.upper() for handle in handles}
    with urllib.request.urlopen(f"{shop.url}/api/orders", timeout=60) as answer:
        found = [entry["doc"] for entry in json.load(answer)["items"]]
    return [one for one in found if not skus or skus & {line["sku"] for line in one["lines"]}]


def test_a_cart_of_two_lines_is_bought_and_its_order_is_live(
    browser: Browser, shop: Shop, tmp_path: Path
):
    feed = [("blue-cup", "Blue cup", 9, "4.00"), ("oak-board", "Oak board", 7, "8.00")]
    shop.import_feed(shopify_feed(tmp_path / "feed.csv", feed))
    page = browser.new_context().new_page()
    put_into_cart(page, shop, "blue-cup")
    put_into_cart(page, shop, "oak-board", units=2)
    page.get_by_test_id("cart-button").click()
    expect(page.get_by_test_id("cart-line")).to_have_count(2)
    cup = page.locator("[data-testid=cart-line][data-sku=BLUE-CUP]")
    cup.get_by_test_id("quantity-more").click()
    expect(page.get_by_test_id("cart-count")).to_have_text("3")
    expect(cup).to_have_attribute("data-pending", "false")
    total = page.get_by_test_id("cart-total").inner_text()

    fill_in(page, shop)
    expect(page.get_by_test_id("checkout-total")).to_have_text(total)
    page.get_by_test_id("place-order").dblclick()
    placed(page)
    expect(page.get_by_test_id("order-line")).to_have_count(2)
    expect(page.get_by_test_id("order-total")).to_have_text(total)
    expect(page.get_by_test_id("order-payment")).to_have_text("Paid", timeout=SOON_MS)
    expect(page.get_by_test_id("cart-count")).to_be_hidden()
    page.reload()
    expect(page.get_by_test_id("order-line")).to_have_count(2)
    [order] = orders_of(shop, "blue-cup", "oak-board")
    assert {line["sku"]: line["quantity"] for line in order["lines"]} == {
        "BLUE-CUP": 2,
        "OAK-BOARD": 1,
    }

    page.goto(f"{shop.url}/orders")
    expect(page.get_by_test_id("my-order")).to_have_count(1)
    assert shop.run("log", "verify")["drift_total"] == 0


def test_a_declined_card_costs_nothing_and_the_cart_is_as_it_was(
    browser: Browser, shop: Shop, tmp_path: Path
):
    shop.import_feed(shopify_feed(tmp_path / "feed.csv", [("dear-cup", "Dear cup", 1, "4.00")]))
    page = browser.new_context().new_page()
    put_into_cart(page, shop, "dear-cup")
    fill_in(page, shop, "card_declined")
    page.get_by_test_id("place-order").click()
    told = page.get_by_test_id("checkout-told")
    expect(told).to_contain_text("Nothing was charged", timeout=SOON_MS)
    expect(page.get_by_test_id("cart-count")).to_have_text("1")
    # The only unit was put aside for the attempt, and is free again for the next one.
    ready(page)
    page.get_by_test_id("method-card").check()
    page.get_by_test_id("place-order").click()
    placed(page)


def test_a_price_that_moved_is_shown_and_must_be_accepted(
    browser: Browser, shop: Shop, tmp_path: Path
):
    shop.import_feed(shopify_feed(tmp_path / "one.csv", [("moving-cup", "Moving cup", 9, "4.00")]))
    page = browser.new_context().new_page()
    put_into_cart(page, shop, "moving-cup")
    fill_in(page, shop)
    before = page.get_by_test_id("checkout-total").inner_text()
    shop.import_feed(shopify_feed(tmp_path / "two.csv", [("moving-cup", "Moving cup", 9, "9.00")]))
    change = page.get_by_test_id("price-change")
    expect(change).to_contain_text("The price has gone up", timeout=SOON_MS)
    expect(change).to_contain_text(before)
    expect(page.get_by_test_id("place-order")).to_have_attribute("aria-disabled", "true")
    page.get_by_test_id("place-order").click(force=True)
    expect(page.get_by_test_id("checkout-form")).to_be_visible()
    assert orders_of(shop, "moving-cup") == []

    page.get_by_test_id("accept-price").click()
    expect(change).to_be_hidden()
    after = page.get_by_test_id("checkout-total")
    expect(after).not_to_have_text(before)
    total = after.inner_text()
    page.get_by_test_id("place-order").click()
    placed(page)
    expect(page.get_by_test_id("order-total")).to_have_text(total)


def test_two_windows_race_for_the_last_unit_and_the_slower_one_is_offered_what_is_left(
    browser: Browser, shop: Shop, tmp_path: Path
):
    feed = [("last-lamp", "Last lamp", 1, "10.00"), ("twin-lamp", "Twin lamp", 5, "11.00")]
    shop.import_feed(shopify_feed(tmp_path / "feed.csv", feed, category="Lamps"))
    windows = [browser.new_context().new_page() for _ in range(2)]
    for page in windows:
        put_into_cart(page, shop, "last-lamp")
        fill_in(page, shop, "card")
    for page in windows:
        page.evaluate("document.querySelector('[data-testid=place-order]').click()")
    for page in windows:
        page.locator("[data-testid=order], [data-testid=faster]").first.wait_for(timeout=SOON_MS)
    winners = [page for page in windows if page.get_by_test_id("order").is_visible()]
    [loser] = [page for page in windows if page not in winners]
    assert len(winners) == 1
    placed(winners[0])

    faster = loser.get_by_test_id("faster").first
    expect(faster).to_contain_text("Someone was faster: it is sold out now.")
    expect(loser.get_by_test_id("place-order")).to_have_attribute("aria-disabled", "true")
    instead = loser.get_by_test_id("instead")
    expect(instead.first).to_contain_text("Twin lamp", timeout=SOON_MS)
    loser.get_by_test_id("take-instead").first.click()
    expect(faster).to_be_hidden(timeout=SOON_MS)
    line = loser.get_by_test_id("summary-line")
    expect(line).to_have_count(1)
    expect(line).to_have_attribute("data-sku", "TWIN-LAMP")
    ready(loser)
    loser.get_by_test_id("place-order").click()
    placed(loser)
    mine = orders_of(shop, "last-lamp", "twin-lamp")
    sold = [line["sku"] for order in mine for line in order["lines"] if order["status"] != "failed"]
    assert sorted(sold) == ["LAST-LAMP", "TWIN-LAMP"]


def test_a_window_that_only_looks_is_told_at_once_that_someone_was_faster(
    browser: Browser, shop: Shop, tmp_path: Path
):
    feed = [("final-lamp", "Final lamp", 1, "10.00")]
    shop.import_feed(shopify_feed(tmp_path / "feed.csv", feed))
    watcher, buyer = (browser.new_context().new_page() for _ in range(2))
    put_into_cart(watcher, shop, "final-lamp")
    fill_in(watcher, shop)
    onlooker = open_product(browser, shop, "final-lamp")
    put_into_cart(buyer, shop, "final-lamp")
    fill_in(buyer, shop)
    buyer.get_by_test_id("place-order").click()
    placed(buyer)
    expect(watcher.get_by_test_id("faster")).to_be_visible(timeout=SOON_MS)
    expect(onlooker.get_by_test_id("product-stock").first).to_have_text("Sold out")
    expect(onlooker.get_by_test_id("add-to-cart")).to_have_attribute("aria-disabled", "true")


def test_a_server_that_is_killed_during_the_checkout_finishes_it_once(
    browser: Browser, shop: Shop, tmp_path: Path
):
    shop.import_feed(shopify_feed(tmp_path / "feed.csv", [("steady-cup", "Steady cup", 9, "4.00")]))
    page = browser.new_context().new_page()
    put_into_cart(page, shop, "steady-cup")
    fill_in(page, shop, "card_slow")
    page.get_by_test_id("place-order").click()
    # The units are put aside and the bank has not answered yet: this is the moment. The page shows
    # it, too, but may be looked at too late.
    deadline = time.monotonic() + SOON_MS / 1_000
    while not orders_of(shop, "steady-cup") and time.monotonic() < deadline:
        page.wait_for_timeout(20)  # the server is another process: there is no signal to wait on
    shop.kill()  # on a busy machine the bank may have answered already; it is finished all the same
    freshness = page.get_by_test_id("freshness")
    expect(freshness).to_have_attribute("data-status", "offline", timeout=SOON_MS)
    shop.start()
    placed(page, timeout=AFTER_RESTART_MS)
    [order] = orders_of(shop, "steady-cup")
    assert order["status"] in {"placed", "in_fulfilment"}
    page.goto(f"{shop.url}/product/steady-cup")
    expect(page.get_by_test_id("product-stock").first).to_contain_text(re.compile(r"\b8\b"))
    assert shop.run("log", "verify")["drift_total"] == 0


def test_a_reload_in_the_middle_of_the_checkout_does_not_buy_twice(
    browser: Browser, shop: Shop, tmp_path: Path
):
    shop.import_feed(shopify_feed(tmp_path / "feed.csv", [("single-cup", "Single cup", 9, "4.00")]))
    page = browser.new_context().new_page()
    put_into_cart(page, shop, "single-cup")
    fill_in(page, shop, "card_pending")
    page.get_by_test_id("place-order").click()
    page.reload()
    placed(page)
    assert len(orders_of(shop, "single-cup")) == 1


def test_a_promise_that_is_short_is_told_to_shopper_and_operator_and_settled_for_both(
    browser: Browser, shop: Shop, tmp_path: Path
):
    shop.import_feed(shopify_feed(tmp_path / "one.csv", [("rare-vase", "Rare vase", 2, "20.00")]))
    shopper = browser.new_context().new_page()
    put_into_cart(shopper, shop, "rare-vase")
    fill_in(shopper, shop)
    shopper.get_by_test_id("place-order").click()
    placed(shopper)
    operator = browser.new_context().new_page()
    operator.goto(f"{shop.url}/console/conflicts")
    expect(operator.get_by_text("Nothing is in question").first).to_be_visible()

    # The supplier has sold them elsewhere.
    shop.import_feed(shopify_feed(tmp_path / "two.csv", [("rare-vase", "Rare vase", 0, "20.00")]))
    question = shopper.get_by_test_id("conflict")
    expect(question).to_contain_text("Rare vase is short", timeout=SOON_MS)
    row = operator.get_by_test_id("conflict-row")
    expect(row).to_have_count(1, timeout=SOON_MS)

    operator.get_by_test_id("settle-cancel").click()
    expect(row).to_have_count(0, timeout=SOON_MS)
    expect(question).to_be_hidden(timeout=SOON_MS)
    expect(shopper.get_by_test_id("order")).to_have_attribute(
        "data-status", "cancelled", timeout=SOON_MS
    )
    expect(shopper.get_by_test_id("order-refunded")).to_be_visible(timeout=SOON_MS)


def test_the_shopper_can_settle_it_and_the_console_is_rid_of_it(
    browser: Browser, shop: Shop, tmp_path: Path
):
    shop.import_feed(
        shopify_feed(tmp_path / "one.csv", [("scarce-vase", "Scarce vase", 2, "20.00")])
    )
    shopper = browser.new_context().new_page()
    put_into_cart(shopper, shop, "scarce-vase")
    fill_in(shopper, shop)
    shopper.get_by_test_id("place-order").click()
    placed(shopper)
    shop.import_feed(
        shopify_feed(tmp_path / "two.csv", [("scarce-vase", "Scarce vase", 0, "20.00")])
    )
    operator = browser.new_context().new_page()
    operator.goto(f"{shop.url}/console/conflicts")
    row = operator.get_by_test_id("conflict-row")
    expect(row).to_have_count(1, timeout=SOON_MS)
    shopper.get_by_test_id("choose-wait").click()
    expect(shopper.get_by_test_id("conflict")).to_be_hidden(timeout=SOON_MS)
    expect(row).to_have_count(0, timeout=SOON_MS)


def test_no_page_of_buying_scrolls_sideways(browser: Browser, shop: Shop, tmp_path: Path):
    shop.import_feed(shopify_feed(tmp_path / "feed.csv", [("narrow-cup", "Narrow cup", 9, "4.00")]))
    page = browser.new_context().new_page()
    put_into_cart(page, shop, "narrow-cup")
    fits(page, shop, "/cart", "/checkout")
    page.goto(f"{shop.url}/cart")
    page.set_viewport_size({"width": 320, "height": 800})
    remove, total = (page.locator(one).bounding_box() for one in (".cart-remove", LINE_SUM))
    assert remove is not None
    assert total is not None
    assert remove["x"] + remove["width"] <= total["x"] or remove["y"] >= total["y"] + 20
    fill_in(page, shop)
    page.get_by_test_id("place-order").click()
    placed(page)
    order = page.url.removeprefix(shop.url)
    console = order.replace("/order/", "/console/orders/")
    fits(page, shop, order, "/orders", "/console/orders", console, "/console/conflicts")
