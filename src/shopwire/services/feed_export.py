"""Writes the shop's articles as a table that the same profile reads back, or another shop does."""

import csv
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final, Literal, TextIO

import msgspec

from shopwire.kernel.money import exponent_of
from shopwire.kernel.queries import Reads
from shopwire.modules.feeds.store import export_page

ExportFormat = Literal["generic", "shopify", "google-merchant", "woocommerce"]
EXPORT_PRODUCTS: Final = 500
"""Products that are read together; a shop of any size is written in constant memory."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would take for a formula."""


class ExportRow(msgspec.Struct, frozen=True, kw_only=True):
    """One variant of a product, with what it costs and how many there are."""

    id: str
    title: str
    description: str
    brand: str
    status: str
    category: str
    """From the top, with ` > ` between."""
    tags: list[str]
    images: list[str]
    first: bool
    """The product's first variant."""
    alone: bool
    """Its only one."""
    sku: str
    variant: str
    options: dict[str, str]
    gtin: str | None
    mpn: str | None
    cost_minor: int | None
    cost_currency: str | None
    price_minor: int | None
    price_currency: str | None
    quantity: int


async def export_feed(
    reads: Reads, tenant: str, out: TextIO, form: ExportFormat, *, supplier: str | None = None
) -> int:
    """Writes all articles, or those that one supplier offers; returns how many rows there are."""
    columns, cells, delimiter = _FORMATS[form]
    writer = csv.DictWriter(out, columns, delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    rows = 0
    async for row in _rows(reads, tenant, supplier):
        writer.writerow(cells(row))
        rows += 1
    return rows


async def _rows(reads: Reads, tenant: str, supplier: str | None) -> AsyncIterator[ExportRow]:
    after = ""
    while page := await export_page(
        reads, tenant, supplier=supplier, after=after, limit=EXPORT_PRODUCTS
    ):
        for found in page:
            row = msgspec.convert(found, ExportRow)
            if supplier is None or row.cost_minor is not None:
                yield row
        after = page[-1]["id"]


def _amount(minor: int | None, currency: str | None) -> str:
    if minor is None or currency is None:
        return ""
    places = exponent_of(currency)
    whole, part = divmod(minor, 10**places)
    return f"{whole}.{part:0{places}}" if places else str(whole)


def _text(value: str) -> str:
    """A text as it is, but with an apostrophe before what a spreadsheet would work out."""
    return f"'{value}" if value.startswith(_FORMULA) else value


def _options(row: ExportRow, name: str, value: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, (option, chosen) in enumerate(list(row.options.items())[:3], 1):
        found[name.format(number)], found[value.format(number)] = _text(option), _text(chosen)
    return found


def _generic(row: ExportRow) -> dict[str, Any]:
    currency = row.cost_currency or row.price_currency or ""
    return {
        "id": row.id,
        "title": _text(row.title),
        "description": _text(row.description),
        "brand": _text(row.brand),
        "status": row.status,
        "category": _text(row.category),
        "tags": _text(",".join(row.tags)),
        "image_url": ",".join(row.images),
        "sku": _text(row.sku),
        "variant": _text(row.variant),
        "gtin": row.gtin or "",
        "mpn": _text(row.mpn or ""),
        "stock": row.quantity,
        "cost": _amount(row.cost_minor, row.cost_currency),
        "currency": currency,
        **_options(row, "option{}_name", "option{}_value"),
    }


def _shopify(row: ExportRow) -> dict[str, Any]:
    head = {
        "Title": _text(row.title),
        "Body (HTML)": _html(row.description),
        "Vendor": _text(row.brand),
        "Type": _text(row.category),
        "Tags": _text(", ".join(row.tags)),
        "Published": "TRUE" if row.status == "active" else "FALSE",
        "Status": row.status,
        "Image Src": row.images[0] if row.images else "",
    }
    options = _options(row, "Option{} Name", "Option{} Value")
    return {
        "Handle": row.id,
        **(head if row.first else {}),
        **(options or {"Option1 Name": "Title", "Option1 Value": "Default Title"}),
        "Variant SKU": _text(row.sku),
        "Variant Barcode": row.gtin or "",
        "Variant Inventory Qty": row.quantity,
        "Variant Price": _amount(row.price_minor, row.price_currency),
        "Cost per item": _amount(row.cost_minor, row.cost_currency),
    }


def _google(row: ExportRow) -> dict[str, Any]:
    price = _amount(row.price_minor, row.price_currency)
    cost = _amount(row.cost_minor, row.cost_currency)
    return {
        "id": _text(row.sku),
        "item_group_id": row.id,
        "title": _text(row.title),
        "description": _text(row.description or row.title),
        "link": f"/product/{row.id}",
        "image_link": row.images[0] if row.images else "",
        "availability": "in_stock" if row.quantity else "out_of_stock",
        "quantity": row.quantity,
        "price": f"{price} {row.price_currency}" if price else "",
        "cost_of_goods_sold": f"{cost} {row.cost_currency}" if cost else "",
        "brand": _text(row.brand),
        "gtin": row.gtin or "",
        "mpn": _text(row.mpn or ""),
        "product_type": _text(row.category),
        **{name.lower().replace("colour", "color"): _text(value)
           for name, value in row.options.items() if name.lower() in _GOOGLE_OPTIONS},
    }  # fmt: skip


def _woocommerce(row: ExportRow) -> dict[str, Any]:
    return {
        "Type": "simple" if row.alone else "variation",
        "SKU": _text(row.sku),
        "Parent": "" if row.alone else row.id,
        "Name": _text(row.title),
        "Published": 1 if row.status == "active" else 0,
        "Description": _html(row.description),
        "In stock?": int(row.quantity > 0),
        "Stock": row.quantity,
        "Regular price": _amount(row.price_minor, row.price_currency),
        "Categories": _text(row.category),
        "Tags": _text(", ".join(row.tags)),
        "Images": ", ".join(row.images),
        "Brands": _text(row.brand),
        "GTIN, UPC, EAN, or ISBN": row.gtin or "",
        **_options(row, "Attribute {} name", "Attribute {} value(s)"),
    }


def _html(text: str) -> str:
    """Plain text as the mark-up that such a column holds."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<p>{safe}</p>" if safe else ""


_GOOGLE_OPTIONS: Final = ("color", "colour", "size", "material")
_NUMBERS: Final = (1, 2, 3)
_Cells = Callable[[ExportRow], Mapping[str, Any]]
_FORMATS: Final[Mapping[str, tuple[Sequence[str], _Cells, str]]] = {
    "generic": (
        [
            *("id", "title", "description", "brand", "status", "category", "tags", "image_url"),
            *("sku", "variant", "gtin", "mpn", "stock", "cost", "currency"),
            *(f"option{n}_{what}" for n in _NUMBERS for what in ("name", "value")),
        ],
        _generic,
        ",",
    ),
    "shopify": (
        [
            *("Handle", "Title", "Body (HTML)", "Vendor", "Type", "Tags", "Published", "Status"),
            *(f"Option{n} {what}" for n in _NUMBERS for what in ("Name", "Value")),
            *("Variant SKU", "Variant Barcode", "Variant Inventory Qty", "Variant Price"),
            *("Cost per item", "Image Src"),
        ],
        _shopify,
        ",",
    ),
    "google-merchant": (
        [
            *("id", "item_group_id", "title", "description", "link", "image_link", "availability"),
            *("quantity", "price", "cost_of_goods_sold", "brand", "gtin", "mpn", "product_type"),
            *("color", "size", "material"),
        ],
        _google,
        "\t",
    ),
    "woocommerce": (
        [
            *("ID", "Type", "SKU", "Parent", "Name", "Published", "Description", "In stock?"),
            *("Stock", "Regular price", "Categories", "Tags", "Images", "Brands"),
            "GTIN, UPC, EAN, or ISBN",
            *(f"Attribute {n} {what}" for n in _NUMBERS for what in ("name", "value(s)")),
        ],
        _woocommerce,
        ",",
    ),
}
"""By format: its columns, how a row is written, and what stands between cells."""
