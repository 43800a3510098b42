"""In every format, of 1,000 rows each corrupted one is quarantined, and no other."""

import csv
import gzip
import io
import random
from collections.abc import Callable
from typing import Any

import msgspec
import openpyxl
import pytest
from tests.feeds.conftest import Shop
from tests.feeds.reading import used_skus

from shopwire.adapters.x12 import Envelope, Group, Segment, TransactionSet, write_interchange
from shopwire.modules.feeds.opening import open_feed
from shopwire.modules.feeds.profile import profile_named
from shopwire.services.feed_formats import FORMATS

ROWS = 1_000
BAD = 50
GOOD = {"title": "Mug", "stock": "5", "cost": "2.50", "gtin": "4006381333931"}
DAMAGE: list[dict[str, str]] = [
    {"stock": "-1"},
    {"stock": "1.5"},
    {"stock": "many"},
    {"stock": "99999999999"},
    {"cost": "0"},
    {"cost": "-2.50"},
    {"cost": "=1+1"},
    {"cost": "NaN"},
    {"cost": "1e3"},
    {"gtin": "4006381333932"},
    {"sku": ""},
    {"sku": "S\x01"},
]
Row = dict[str, str]


def table(rows: list[Row], delimiter: str, names: dict[str, str]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(names.values()), delimiter=delimiter)
    writer.writeheader()
    writer.writerows({names.get(key, key): value for key, value in row.items()} for row in rows)
    return out.getvalue().encode()


PLAIN = dict.fromkeys(("sku", *GOOD), "")
PLAIN = {name: name for name in PLAIN}
GOOGLE = {"sku": "id", "title": "title", "stock": "quantity", "cost": "cost_of_goods_sold"}
GOOGLE |= {"gtin": "gtin", "link": "link", "availability": "availability"}
SHOPIFY = {"sku": "Variant SKU", "title": "Title", "stock": "Variant Inventory Qty"}
SHOPIFY |= {"cost": "Cost per item", "gtin": "Barcode", "handle": "Handle"}
WOO = {"sku": "SKU", "title": "Name", "stock": "Stock", "cost": "Regular price"}
WOO |= {"gtin": "GTIN, UPC, EAN, or ISBN", "id": "ID", "type": "Type"}


def without(rows: list[Row], name: str) -> list[Row]:
    return [{key: value for key, value in row.items() if key != name} for row in rows]


def workbook(rows: list[Row]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(list(PLAIN))
    for row in rows:
        sheet.append([row[name].replace("\x01", "x" * 201).replace("=", "~") for name in PLAIN])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def xml(rows: list[Row]) -> bytes:
    items = "".join(
        "<item>"
        + "".join(
            f"<g:{GOOGLE[name]}>{text}</g:{GOOGLE[name]}>"
            for name, text in row.items()
            if text and "\x01" not in text
        )
        + "</item>\n"
        for row in rows
    )
    return f'<rss xmlns:g="http://base.google.com/ns/1.0"><channel>{items}</channel></rss>'.encode()


def amazon(rows: list[Row]) -> bytes:
    def message(number: int, row: Row) -> dict[str, Any]:
        price = {"our_price": [{"schedule": [{"value_with_tax": row["cost"]}]}]}
        attributes = {
            "item_name": [{"value": row["title"]}],
            "fulfillment_availability": [{"quantity": row["stock"]}],
            "purchasable_offer": [{"currency": "EUR"} | price],
            "externally_assigned_product_identifier": [{"value": row["gtin"]}],
        }
        head = {"messageId": number, "sku": row["sku"], "operationType": "UPDATE"}
        return head | {"attributes": attributes}

    return msgspec.json.encode({"messages": [message(n, row) for n, row in enumerate(rows)]})


def advice(rows: list[Row]) -> bytes:
    segments = [Segment("BIA", ("00", "SI", "R", "20261126"))]
    for row in rows:
        sku = row["sku"].replace("\x01", "x" * 201)
        segments.append(Segment("LIN", ("", "IN", sku, "EN", row["gtin"])))
        segments.append(Segment("QTY", ("33", row["stock"], "EA")))
        segments.append(Segment("CTP", ("", "UCP", row["cost"])))
    one = TransactionSet(kind="846", control="1", segments=tuple(segments))
    group = Group(
        functional_id="IB", sender="A", receiver="B", date="", time="", control="1", sets=(one,)
    )
    envelope = Envelope(sender="A", receiver="B", control=1, date="20261126", time="1100")
    return write_interchange(envelope.interchange([group]))


MEDUSA = {"sku": "Variant Sku", "title": "Product Title", "stock": "Variant Inventory Quantity"}
MEDUSA |= {"cost": "Variant Price USD", "gtin": "Variant Ean", "handle": "Product Handle"}
MEDUSA |= {"variant": "Variant Title"}
VENDURE = {"sku": "sku", "title": "name", "stock": "stockOnHand", "cost": "price", "slug": "slug"}
VENDURE |= {"groups": "optionGroups", "values": "optionValues"}


def atom(rows: list[Row]) -> bytes:
    entries = xml(rows).partition(b"<channel>")[2].partition(b"</channel>")[0]
    entries = entries.replace(b"<item>", b"<entry>").replace(b"</item>", b"</entry>")
    head = b'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">'
    return head + entries + b"</feed>"


def dump(rows: list[Row]) -> bytes:
    """A Saleor catalogue: JSON keeps the types, so that a count of words is no dump at all."""
    entries: list[dict[str, Any]] = []
    for n, row in enumerate(rows, 1):
        product = {"name": row["title"], "slug": f"p{n}"}
        variant = {"product": n, "sku": row["sku"]}
        listing = {"variant": n, "currency": "USD", "price_amount": row["cost"]}
        listing["cost_price_amount"] = row["cost"]
        stock = {"product_variant": n, "quantity": int(row["stock"])}
        for model, fields in (
            ("product.product", product),
            ("product.productvariant", variant),
            ("product.productvariantchannellisting", listing),
            ("warehouse.stock", stock),
        ):
            entries.append({"model": model, "pk": n, "fields": fields})
    return msgspec.json.encode(entries)


def with_decimal_commas(rows: list[Row]) -> bytes:
    """As an office of the continent exports it: semicolons, commas, Windows-1252."""
    texts = [
        row | {"cost": row["cost"].replace(".", ","), "title": "Täßchen für Gäste"} for row in rows
    ]
    return table(texts, ";", PLAIN).decode().encode("cp1252")


WITH = {"link": "/a", "availability": "in stock"}
FORMS: dict[str, tuple[Callable[[list[Row]], bytes], str]] = {
    "csv": (lambda rows: table(rows, ",", PLAIN), "generic"),
    "semicolons": (lambda rows: table(rows, ";", PLAIN), "generic"),
    "json": (msgspec.json.encode, "generic"),
    "ndjson": (lambda rows: b"\n".join(map(msgspec.json.encode, rows)), "generic"),
    "xlsx": (workbook, "generic"),
    "google": (lambda rows: table([row | WITH for row in rows], "\t", GOOGLE), "google-merchant"),
    "google xml": (xml, "google-merchant-xml"),
    "shopify": (
        lambda rows: table(
            [row | {"handle": f"h{n}", "gtin": ""} for n, row in enumerate(rows)], ",", SHOPIFY
        ),
        "shopify",
    ),
    "woocommerce": (
        lambda rows: table([row | {"id": "1", "type": "simple"} for row in rows], ",", WOO),
        "woocommerce",
    ),
    "amazon": (amazon, "amazon-listings"),
    "atom": (atom, "google-merchant-xml"),
    "tabs": (lambda rows: table(rows, "\t", PLAIN), "generic"),
    "bars": (lambda rows: table(rows, "|", PLAIN), "generic"),
    "decimal commas": (with_decimal_commas, "generic"),
    "utf-16": (lambda rows: table(rows, "\t", PLAIN).decode().encode("utf-16"), "generic"),
    "gzip": (lambda rows: gzip.compress(table(rows, ",", PLAIN)), "generic"),
    "medusa": (
        lambda rows: table(
            [row | {"handle": f"h{n}", "variant": "one"} for n, row in enumerate(rows)], ",", MEDUSA
        ),
        "medusa",
    ),
    "vendure": (
        lambda rows: table(
            [
                row | {"slug": f"h{n}", "title": f"Mug {n}", "groups": "", "values": ""}
                for n, row in enumerate(without(rows, "gtin"))
            ],
            ",",
            VENDURE,
        ),
        "vendure",
    ),
    "saleor": (dump, "saleor"),
    "x12": (advice, "x12-846"),
}


LENIENT = {"shopify", "medusa", "vendure", "saleor"}
"""Their column is for any barcode, so that a wrong GTIN is left out of its row and counted."""


@pytest.mark.parametrize("form", FORMS)
def test_every_corrupted_row_is_quarantined_and_no_other(form):
    write, name = FORMS[form]
    chance = random.Random(form)
    bad = set(chance.sample(range(ROWS), BAD))
    damage = [one for one in DAMAGE if form not in LENIENT or "gtin" not in one]
    if form == "saleor":
        damage = [one for one in damage if one.get("stock") in (None, "-1", "99999999999")]
    rows = [
        {"sku": f"S{n}"} | GOOD | (damage[n % len(damage)] if n in bad else {}) for n in range(ROWS)
    ]
    feed = open_feed(
        io.BytesIO(write(rows)), supplier="A", currency="EUR", profile=None, formats=FORMATS
    )
    groups = list(feed.groups)
    assert feed.profile == profile_named(name)
    assert used_skus(groups) == [f"S{n}" for n in range(ROWS) if n not in bad]
    assert sum(len(group.bad) for group in groups) == BAD
    shown = {offered.terms.cost_minor for group in groups for offered in group.offers}
    assert shown == {250}


@pytest.mark.anyio
@pytest.mark.postgres
async def test_nothing_of_a_corrupted_row_reaches_the_shop(shop: Shop):
    """The same rows in three shapes, of three suppliers: what each of them has is what was good."""
    bad = set(random.Random("shop").sample(range(300), 15))
    rows = [
        {"sku": f"S{n}"} | GOOD | (DAMAGE[n % len(DAMAGE)] if n in bad else {}) for n in range(300)
    ]
    good = [f"S{n}" for n in range(300) if n not in bad]
    for form in ("csv", "ndjson", "x12"):
        summary = await shop.take(FORMS[form][0](rows), supplier=form)
        assert (summary.rows, summary.quarantined) == (300, 15)
        offered = await shop.query("SELECT sku FROM offer WHERE supplier = $1", form)
        counted = await shop.query("SELECT sku FROM stock_pool WHERE supplier = $1", form)
        assert {row["sku"] for row in offered} == {row["sku"] for row in counted} == set(good)
    assert await shop.drift() == []
