"""In every format, of 1,000 rows each corrupted one is quarantined, and no other."""

import csv
import io
import random
from collections.abc import Callable
from typing import Any

import msgspec
import openpyxl
import pytest
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
    "x12": (advice, "x12-846"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_corrupted_row_is_quarantined_and_no_other(form):
    write, name = FORMS[form]
    chance = random.Random(form)
    bad = set(chance.sample(range(ROWS), BAD))
    damage = [one for one in DAMAGE if "gtin" not in one] if form == "shopify" else DAMAGE
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
