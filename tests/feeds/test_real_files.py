"""The real files: every row is accounted for, and a second time nothing is new."""

import io
from pathlib import Path

import msgspec
import pytest
from tests.feeds.conftest import RECORD, Shop

from shopwire.kernel.errors import FeedUnreadable, NotAFeed
from shopwire.modules.feeds.profile import load_mapping
from shopwire.services.feed_preview import preview_feed

pytestmark = [pytest.mark.anyio, pytest.mark.postgres, pytest.mark.data]

GOOD = [
    # file, profile that is found, rows, quarantined, products, offers, counts
    ("catalogues/vendure_products.csv", "vendure", 88, 2, 54, 86, 86),
    ("catalogues/saleor_populatedb_data.json", "saleor", 73, 17, 15, 56, 56),
    ("feed-fixtures/medusa_exported-products-comma.csv", "medusa", 3, 0, 2, 3, 0),
    ("feed-fixtures/medusa_exported-products-semicolon.csv", "medusa", 3, 0, 2, 3, 0),
    ("feed-fixtures/medusa_filtered-products.csv", "medusa", 1, 0, 1, 1, 0),
    ("feed-fixtures/medusa_prices-with-region.csv", "medusa", 1, 0, 1, 1, 0),
    ("feed-fixtures/medusa_product-with-categories.csv", "medusa", 2, 0, 1, 2, 0),
    ("feed-fixtures/medusa_v1-template.csv", "medusa", 5, 0, 3, 4, 5),
]


@pytest.mark.parametrize(
    ("name", "profile", "rows", "bad", "products", "offers", "counts"),
    GOOD,
    ids=[Path(row[0]).stem for row in GOOD],
)
async def test_a_real_catalogue_adds_up(
    shop: Shop, shared_data: Path, name, profile, rows, bad, products, offers, counts
):
    first = await shop.take(shared_data / name)
    assert (first.status, first.profile) == ("finished", profile)
    assert (first.rows, first.changed, first.unchanged, first.quarantined) == (
        *(rows, rows - bad, 0, bad),
    )
    tallies = (first.products, first.offers, first.stock)
    assert [tally.applied for tally in tallies] == [products, offers, counts]
    assert [tally.refused for tally in tallies] == [0, 0, 0]
    assert len(await shop.quarantine(first.id)) == bad
    assert (await shop.query("SELECT count(*) FROM product"))[0][0] == products
    before = await shop.dump()
    again = await shop.take(shared_data / name)
    after = await shop.dump()
    assert (again.changed, again.unchanged, again.quarantined) == (0, rows - bad, bad)
    changed = {table for table in after if after[table] != before[table]}
    assert changed <= RECORD | ({"import_quarantine"} if bad else set())
    assert await shop.drift() == []


async def test_the_vendure_rows_that_are_not_used_repeat_a_sku(shop: Shop, shared_data: Path):
    summary = await shop.take(shared_data / "catalogues/vendure_products.csv")
    assert [(bad.line, bad.code) for bad in summary.bad_rows] == [
        (88, "duplicate_sku"),
        (89, "duplicate_sku"),
    ]


async def test_the_saleor_variants_that_are_not_used_have_no_sku(shop: Shop, shared_data: Path):
    path = shared_data / "catalogues/saleor_populatedb_data.json"
    summary = await shop.take(path)
    assert {(bad.column, bad.code) for bad in summary.bad_rows} == {("sku", "missing")}
    entries = msgspec.json.decode(path.read_bytes())
    variants = [one["fields"] for one in entries if one["model"] == "product.productvariant"]
    assert summary.quarantined == sum(not one["sku"] for one in variants)
    units = await shop.query("SELECT sum(reported)::bigint FROM stock_pool")
    used = {one["pk"] for one in entries if one["model"] == "product.productvariant"} - {
        one["pk"]
        for one in entries
        if one["model"] == "product.productvariant" and not one["fields"]["sku"]
    }
    assert units[0][0] == sum(
        one["fields"]["quantity"]
        for one in entries
        if one["model"] == "warehouse.stock" and one["fields"]["product_variant"] in used
    )


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("medusa_invalid-column.csv", "Product field"),
        ("medusa_unrelated-column.csv", "Some field"),
        ("medusa_invalid-prices.csv", "Variant Price nonexistent [EUR]"),
    ],
)
async def test_a_medusa_file_with_a_foreign_column_is_refused_whole(
    shop: Shop, shared_data: Path, name, column
):
    before = await shop.dump()
    with pytest.raises(FeedUnreadable) as caught:
        await shop.take(shared_data / "feed-fixtures" / name)
    assert repr(column) in caught.value.data["reason"]
    assert await shop.dump() == before


async def test_both_separators_of_medusa_mean_the_same(shop: Shop, shared_data: Path):
    folder = shared_data / "feed-fixtures"
    await shop.take(folder / "medusa_exported-products-comma.csv")
    summary = await shop.take(folder / "medusa_exported-products-semicolon.csv")
    assert (summary.changed, summary.unchanged) == (0, 3)
    assert summary.detected.delimiter == ";"


async def test_adventureworks_products_and_offers_add_up(shop: Shop, shared_data: Path):
    folder = shared_data / "adventureworks"
    products = await shop.take(folder / "Product.tsv", profile="adventureworks-products")
    assert (products.rows, products.changed, products.quarantined) == (504, 504, 0)
    lines = [line.split("\t") for line in (folder / "Product.tsv").read_text().splitlines()]
    costed = [cells[2] for cells in lines if float(cells[8]) or float(cells[9])]
    assert products.offers.applied == len(costed)
    offers = await shop.take(folder / "ProductVendor.tsv", profile="adventureworks-offers")
    assert (offers.rows, offers.changed, offers.quarantined) == (460, 460, 0)
    found = await shop.query(
        "SELECT sku, count(*) AS suppliers FROM offer WHERE supplier <> 'acme' GROUP BY sku"
    )
    assert len(found) == 265
    assert sum(row["suppliers"] > 1 for row in found) == 152
    vendors = await shop.query("SELECT count(*) FROM supplier WHERE id <> 'acme'")
    assert vendors[0][0] == 86
    (units,) = await shop.query("SELECT sum(reported)::bigint FROM stock_pool")
    inventory = (folder / "ProductInventory.tsv").read_text().splitlines()
    assert units[0] == sum(int(line.split("\t")[5]) for line in inventory)
    again = await shop.take(folder / "ProductVendor.tsv", profile="adventureworks-offers")
    assert (again.changed, again.unchanged) == (0, 460)
    assert await shop.drift() == []


@pytest.mark.parametrize("name", ["x12_850.edi", "x12_855.edi", "x12_850_newline_terminated.edi"])
async def test_orders_are_no_catalogue_and_leave_no_run(shop: Shop, shared_data: Path, name):
    path = shared_data / "feed-fixtures" / name
    with pytest.raises(NotAFeed) as refused:
        await shop.take(path)
    kind = refused.value.data["kind"]
    assert kind == name[4:7]
    assert f"X12 {kind}" in refused.value.detail
    assert "Ways out" in refused.value.data["door"] or kind == "850"
    assert await shop.query("SELECT id FROM import_run") == []
    with path.open("rb") as stream, pytest.raises(NotAFeed):
        preview_feed(stream, sketch=True)


def test_what_is_unknown_of_x12_is_no_table_either(shared_data: Path):
    data = (shared_data / "feed-fixtures" / "x12_850.edi").read_bytes()
    for sketch in (True, False):
        with pytest.raises(FeedUnreadable, match="only"):
            preview_feed(io.BytesIO(data.replace(b"ST*850", b"ST*832")), sketch=sketch)


async def test_the_retail_lines_show_their_dirt(shop: Shop, shared_data: Path, tmp_path: Path):
    """Order lines are no feed; read as one, returns and free goods must not become stock."""
    mapping = tmp_path / "retail.toml"
    mapping.write_text(
        'brings = ["offer"]\n[fields]\nsku = { columns = ["StockCode"] }\n'
        'quantity = { columns = ["Quantity"] }\ncost = { columns = ["UnitPrice"] }\n'
    )
    day = shared_data / "uci-online-retail" / "2011-12-09.csv"
    summary = await shop.take(day, profile=load_mapping(mapping), currency="GBP", dry_run=True)
    assert summary.rows == len(day.read_text().splitlines()) - 1
    assert summary.rows == summary.changed + summary.unchanged + summary.quarantined
    codes = {bad.code for bad in summary.bad_rows}
    assert "duplicate_sku" in codes
