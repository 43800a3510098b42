"""Routing as a merchant sees it: a rule, an order that waits for a person, the reasons."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from tests.e2e.shop import Shop, shopify_feed
from tests.e2e.test_checkout import fill_in, fits, placed, put_into_cart
from tests.e2e.test_two_windows import SOON_MS

pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.slow]


def send(shop: Shop, operation: str, **body: Any) -> None:
    request = urllib.request.Request(
        f"{shop.url}/api/commands/{operation}",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json", "idempotency-key": f"{operation}-{body}"[:60]},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


def test_a_rule_holds_an_order_until_a_person_lets_it_go(
    browser: Browser, shop: Shop, tmp_path: Path
):
    shop.import_feed(shopify_feed(tmp_path / "feed.csv", [("blue-cup", "Blue cup", 9, "4.00")]))
    send(shop, "suppliers.register_supplier", id="nearby", name="Nearby & Sons")
    send(
        shop,
        "suppliers.put_offer",
        sku="BLUE-CUP",
        supplier="nearby",
        cost_minor=450,
        currency="EUR",
        lead_time_days=1,
    )
    send(shop, "inventory.report_stock", sku="BLUE-CUP", supplier="nearby", quantity=50)
    operator = browser.new_context(viewport={"width": 1_200, "height": 900}).new_page()
    operator.goto(f"{shop.url}/console/routing")
    expect(operator.get_by_role("heading", name="Nothing waits")).to_be_visible(timeout=SOON_MS)
    operator.get_by_text("Add a rule").click()
    operator.get_by_label("What to do").select_option("review")
    operator.get_by_label("Name for explanations").fill("every cup")
    operator.get_by_label("SKUs").fill("BLUE-CUP")
    operator.get_by_role("button", name="Add", exact=True).click()
    expect(operator.get_by_test_id("routing-rule")).to_contain_text("every cup", timeout=SOON_MS)
    shopper = browser.new_context().new_page()
    put_into_cart(shopper, shop, "blue-cup")
    fill_in(shopper, shop)
    shopper.get_by_test_id("place-order").click()
    placed(shopper)
    order = shopper.url.rpartition("/")[2]
    row = operator.get_by_test_id("waiting-row")
    expect(row).to_contain_text("every cup", timeout=SOON_MS)
    operator.goto(f"{shop.url}/console/orders/{order}")
    panel = operator.get_by_test_id("routing")
    expect(panel).to_contain_text("sends 1 \u00d7 BLUE-CUP", timeout=SOON_MS)
    expect(panel).to_contain_text("No other way to send it has a lower total")
    expect(panel.get_by_test_id("route-way")).to_have_count(2)
    panel.get_by_label("Why it may go").fill("known customer")
    operator.keyboard.press("Enter")
    expect(panel.get_by_test_id("route-waiting")).to_be_hidden(timeout=SOON_MS)
    expect(panel).to_contain_text("known customer")
    purchase_order = operator.get_by_test_id("purchase-order")
    expect(purchase_order).not_to_have_attribute("data-status", "planned", timeout=SOON_MS)
    fits(operator, shop, "/console/routing", f"/console/orders/{order}")
