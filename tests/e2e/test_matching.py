"""A merchant maps a file, matches what is doubtful, and sells it from two suppliers."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.shop import Shop
from tests.e2e.test_two_windows import press

pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.slow]

OURS = "sku,title,brand,gtin,stock,cost\nPAN,Iron pan,Hearth,,7,9.00\n"
OURS += "MUG,Blue mug,Hearth,{},5,2.50\n"
THEIRS = "Artikel;Bezeichnung;EAN;Bestand;EK\nX-1;Becher;{};4;2,20\nX-2;Iron Pan;;3;8,00\n"
MUG = "4006381333931"
PHONE = {"width": 320, "height": 700}


OVER = """() => {
  if (document.documentElement.scrollWidth <= window.innerWidth) return [];
  return [...document.querySelectorAll("body *")]
    .filter((one) => one.getBoundingClientRect().right > window.innerWidth)
    .filter((one) => !one.closest(".scroll table, .console-nav a"))
    .map((one) => `${one.tagName}.${one.className}`);
}"""


def over(page: Page) -> list[str]:
    """What hangs over the side of a phone."""
    return page.evaluate(OVER)


def test_a_file_of_another_office_is_mapped_matched_and_sold(
    browser: Browser, shop: Shop, tmp_path: Path
):
    (tmp_path / "ours.csv").write_text(OURS.format(MUG))
    theirs = tmp_path / "lager.csv"
    theirs.write_text(THEIRS.format(MUG))
    shop.import_feed(tmp_path / "ours.csv", "First")
    page = browser.new_context(viewport=PHONE).new_page()
    page.goto(f"{shop.url}/console/try-a-file")
    page.get_by_label("File", exact=True).set_input_files(theirs)
    expect(page.get_by_label("SKU (needed)")).to_have_value("Artikel")
    expect(page.get_by_text("semicolon")).to_be_visible()
    page.get_by_role("button", name="Read it so").click()
    expect(page.get_by_text("2 of 2 rows would be used")).to_be_visible()
    assert over(page) == []
    page.get_by_label("Name of this mapping").fill("lager")
    page.get_by_role("button", name="Keep this mapping").click()
    expect(page.get_by_text("Kept as lager")).to_be_visible()
    page.get_by_label("Its SKUs are not ours").check()
    page.get_by_label("Whose feed it is").fill("Lager")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/imports/*")

    page.goto(f"{shop.url}/console/matches")
    row = page.get_by_test_id("match")
    expect(row).to_contain_text("Only the name is like that of an article.")
    expect(page.get_by_test_id("waiting-matches")).to_contain_text("1")
    policy = page.locator("[data-supplier=lager]").get_by_label("Its SKUs")
    expect(policy).to_have_value("match")
    assert over(page) == []
    row.get_by_role("radio", name="Iron pan").focus()
    page.keyboard.press("Tab")
    press(row.get_by_role("button", name="Link to PAN"))
    expect(page.get_by_text("No row waits", exact=True)).to_be_visible()
    for sku, available in (("pan", 10), ("mug", 9)):
        page.goto(f"{shop.url}/console/stock/{sku.upper()}")
        expect(page.locator("main")).to_contain_text(str(available))
        expect(page.locator("main")).to_contain_text("Lager")
