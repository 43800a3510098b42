"""Pages on several hubs: a killed hub is not noticed for long, and nothing is missed."""

import json
import os
import re
import signal
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.e2e.shop import Shop, shopify_feed
from tests.e2e.test_two_windows import SOON_MS, open_product
from tests.hubs.conftest import children

pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture
def shop_options() -> tuple[str, ...]:
    return ("--hubs", "2")


def until_both_are_known(shop: Shop) -> None:
    deadline = time.monotonic() + SOON_MS / 1_000
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{shop.url}/api/hubs", timeout=60) as answer:
            known = json.load(answer)["hubs"]
        if all(any(f":{shop.port + n}/" in one for one in known) for n in (1, 2)):
            return
        time.sleep(0.05)  # other processes: there is no signal to wait on
    raise AssertionError(known)


def test_a_page_goes_on_at_another_hub_when_its_own_is_killed(
    browser: Browser, shop: Shop, tmp_path: Path
):
    shop.import_feed(shopify_feed(tmp_path / "1.csv", [("blue-cup", "Blue cup", 9, "4.00")]))
    until_both_are_known(shop)
    page = open_product(browser, shop, "blue-cup")
    with page.expect_websocket() as opened:
        page.reload()
    assert re.search(rf":({shop.port + 1}|{shop.port + 2})/sync", opened.value.url)
    stock = page.get_by_test_id("product-stock").first
    expect(stock).to_contain_text("9", timeout=SOON_MS)
    assert shop.process is not None
    port = re.search(r":(\d+)/", opened.value.url)
    assert port is not None
    os.kill(children(shop.process.pid)[f"hub {port[1]}"], signal.SIGKILL)
    shop.import_feed(shopify_feed(tmp_path / "2.csv", [("blue-cup", "Blue cup", 4, "4.00")]))
    expect(stock).to_contain_text("4", timeout=SOON_MS)
    expect(page.get_by_test_id("freshness")).to_have_attribute(
        "data-status", "live", timeout=SOON_MS
    )
