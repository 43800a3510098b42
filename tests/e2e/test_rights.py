"""Rights as people see them: an operator logs in and is shut out, shoppers keep to themselves."""

import json
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.e2e.shop import Shop, shopify_feed
from tests.e2e.test_two_windows import SOON_MS, taken

pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.slow]

WORD = "correct horse battery"


@pytest.fixture
def shop_options() -> tuple[str, ...]:
    return ("--access", "login")


def status_of(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as it:
            return int(it.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_an_operator_logs_in_and_is_shut_out_while_looking(
    browser: Browser, shop: Shop, tmp_path: Path
):
    word = tmp_path / "word"
    word.write_text(WORD)
    shop.run("user", "add", "anna", "--password-file", str(word))
    assert status_of(f"{shop.url}/api/orders") == 403
    page = browser.new_context(viewport={"width": 390, "height": 800}).new_page()
    page.goto(f"{shop.url}/console")
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill("wrong")
    page.get_by_test_id("login").click()
    expect(page.get_by_test_id("login-fault")).to_have_text("Name or password is wrong.")
    page.get_by_label("Password").fill(WORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation", name="Console")).to_be_visible(timeout=SOON_MS)
    expect(page.get_by_test_id("freshness")).to_have_attribute("data-status", "live")
    page.reload()
    expect(page.get_by_role("navigation", name="Console")).to_be_visible(timeout=SOON_MS)
    shop.run("user", "close", "anna")
    expect(page.get_by_label("Password")).to_be_visible(timeout=SOON_MS)
    expect(page.get_by_role("navigation", name="Console")).to_be_hidden()


def test_two_shoppers_do_not_see_each_others_carts_and_orders(
    browser: Browser, shop: Shop, tmp_path: Path
):
    feed = [("blue-cup", "Blue cup", 9, "4.00")]
    shop.import_feed(shopify_feed(tmp_path / "feed.csv", feed))
    pages = [browser.new_context().new_page() for _ in range(2)]
    for page in pages:
        page.goto(f"{shop.url}/product/blue-cup")
        page.get_by_test_id("add-to-cart").click()
        taken(page)
        expect(page.get_by_test_id("cart-count")).to_have_text("1")
    kept = [
        (
            page.evaluate("localStorage.getItem('shopwire.cart')"),
            json.loads(page.evaluate("localStorage.getItem('shopwire.session.shopper')")),
        )
        for page in pages
    ]
    for cart, session in kept:
        assert re.fullmatch(r"sh_[0-9a-f]+-[0-9a-f]+", cart)
        assert cart.startswith(session["subject"])
    (mine, me), (theirs, _) = kept
    bearer = {"authorization": f"Bearer {me['token']}"}
    assert status_of(f"{shop.url}/api/carts/{mine}", **bearer) == 200
    assert status_of(f"{shop.url}/api/carts/{theirs}", **bearer) == 403
    assert status_of(f"{shop.url}/api/carts/{mine}") == 403
    pages[0].reload()
    expect(pages[0].get_by_test_id("cart-count")).to_have_text("1")
