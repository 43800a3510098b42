"""How articles are written for others: tables, Google's XML and Amazon's listings in JSON."""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol

import msgspec

from shopwire.adapters.x12 import Envelope
from shopwire.services.export_rows import ExportRow, amount_text
from shopwire.services.export_x12 import RECEIVER, SENDER, InventoryAdvice

ExportFormat = Literal[
    "generic",
    "shopify",
    "google-merchant",
    "google-merchant-xml",
    "woocommerce",
    "amazon-listings",
    "x12-846",
]
"""Names of forms; the profile of the same name reads each back."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would take for a formula."""
_NO_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
"""Letters that XML cannot hold."""


class Writer(Protocol):
    """Writes one file."""

    def head(self) -> str:
        """What comes before the first article."""
        ...

    def row(self, row: ExportRow) -> str:
        """One article."""
        ...

    def tail(self) -> str:
        """What comes behind the last one."""
        ...


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of file."""

    writer: Callable[[], Writer]
    media: str
    """Its media type; the server adds the encoding of texts, which is UTF-8."""
    suffix: str
    active_only: bool = False
    """Whether it goes to a market place, where drafts have no business."""


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


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
        "image_url": ",".join(map(row.whole, row.images)),
        "image_alt": _text(row.image_alt),
        "sku": _text(row.sku),
        "variant": _text(row.variant),
        "gtin": row.gtin or "",
        "mpn": _text(row.mpn or ""),
        "stock": row.quantity,
        "cost": amount_text(row.cost_minor, row.cost_currency),
        "msrp": amount_text(row.msrp_minor, row.cost_currency),
        "map": amount_text(row.map_minor, row.cost_currency),
        "currency": currency,
        "lead_time_days": _number(row.lead_time_days),
        "order_min": _number(row.order_min),
        "order_max": _number(row.order_max),
        **_options(row, "option{}_name", "option{}_value"),
    }


def _shopify(row: ExportRow) -> dict[str, Any]:
    head = {
        "Title": _text(row.title),
        "Body (HTML)": _html(row.description),
        "Vendor": _text(row.brand),
        "Type": _text(row.kind),
        "Tags": _text(", ".join(row.tags)),
        "Published": "TRUE" if row.status == "active" else "FALSE",
        "Status": row.status,
        "Image Src": row.whole(row.images[0]) if row.images else "",
    }
    options = _options(row, "Option{} Name", "Option{} Value")
    return {
        "Handle": row.id,
        **(head if row.first else {}),
        **(options or {"Option1 Name": "Title", "Option1 Value": "Default Title"}),
        "Variant SKU": _text(row.sku),
        "Variant Barcode": row.gtin or "",
        "Variant Inventory Qty": row.quantity,
        "Variant Price": amount_text(row.price_minor, row.price_currency),
        "Cost per item": amount_text(row.cost_minor, row.cost_currency),
    }


def _google(row: ExportRow) -> dict[str, Any]:
    return {name: _text(value) for name, value in _merchant(row).items()}


def _merchant(row: ExportRow) -> dict[str, str]:
    """What Google Merchant is told of an article, in a table or in XML."""
    price = amount_text(row.price_minor, row.price_currency)
    cost = amount_text(row.cost_minor, row.cost_currency)
    options = {name.lower().replace("colour", "color"): one for name, one in row.options.items()}
    return {
        "id": row.sku,
        "item_group_id": row.id,
        "title": row.title,
        "description": row.description or row.title,
        "link": row.whole(f"/product/{row.id}"),
        "image_link": row.whole(row.images[0]) if row.images else "",
        "availability": "in_stock" if row.quantity else "out_of_stock",
        "quantity": str(row.quantity),
        "price": f"{price} {row.price_currency}" if price else "",
        "cost_of_goods_sold": f"{cost} {row.cost_currency}" if cost else "",
        "brand": row.brand,
        "gtin": row.gtin or "",
        "mpn": row.mpn or "",
        "product_type": row.kind,
        **{name: options[name] for name in _GOOGLE_OPTIONS if name in options},
    }


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
        "Regular price": amount_text(row.price_minor, row.price_currency),
        "Categories": _text(row.category.replace("|", ", ")),
        "Tags": _text(", ".join(row.tags)),
        "Images": ", ".join(map(row.whole, row.images)),
        "Brands": _text(row.brand),
        "GTIN, UPC, EAN, or ISBN": row.gtin or "",
        **_options(row, "Attribute {} name", "Attribute {} value(s)"),
    }


def _html(text: str) -> str:
    """Plain text as the mark-up that such a column holds."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<p>{safe}</p>" if safe else ""


_GOOGLE_OPTIONS: Final = ("color", "size", "material")
_NUMBERS: Final = (1, 2, 3)
_Cells = Callable[[ExportRow], Mapping[str, Any]]
_TABLES: Final[Mapping[str, tuple[Sequence[str], _Cells, str]]] = {
    "generic": (
        [
            *("id", "title", "description", "brand", "status", "category", "tags", "image_url"),
            *("image_alt", "sku", "variant", "gtin", "mpn", "stock", "cost", "msrp", "map"),
            *("currency", "lead_time_days", "order_min", "order_max"),
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


class TableWriter:
    """Rows of cells below their columns' names."""

    def __init__(self, form: str) -> None:
        columns, self._cells, delimiter = _TABLES[form]
        self._out = io.StringIO()
        self._writer = csv.DictWriter(self._out, columns, delimiter=delimiter, lineterminator="\n")

    def head(self) -> str:
        """The columns."""
        self._writer.writeheader()
        return self._taken()

    def row(self, row: ExportRow) -> str:
        """One line."""
        self._writer.writerow(self._cells(row))
        return self._taken()

    def tail(self) -> str:
        """Nothing."""
        return ""

    def _taken(self) -> str:
        text = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return text


class MerchantXml:
    """Google Merchant's RSS: an item an article, a line an element."""

    def head(self) -> str:
        """The channel."""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0">\n<channel>\n'
            "<title>Articles</title>\n<link>/</link>\n<description>Articles</description>\n"
        )

    def row(self, row: ExportRow) -> str:
        """One item."""
        lines = [f"<g:{name}>{_xml(text)}</g:{name}>\n"
                 for name, text in _merchant(row).items() if text]  # fmt: skip
        more = [f"<g:additional_image_link>{_xml(row.whole(one))}</g:additional_image_link>\n"
                for one in row.images[1:_MERCHANT_IMAGES_MAX]]  # fmt: skip
        return f"<item>\n{''.join(lines + more)}</item>\n"

    def tail(self) -> str:
        """The end of the channel."""
        return "</channel>\n</rss>\n"


def _xml(text: str) -> str:
    safe = _NO_XML.sub("", text).replace("&", "&amp;").replace("<", "&lt;")
    return safe.replace(">", "&gt;")


class AmazonListings:
    """Amazon's feed of listings: a message an article, and one for what its variants share."""

    def __init__(self) -> None:
        self._messages = 0

    def head(self) -> str:
        """The header; who sells is filled in by whoever sends it."""
        return '{"header": {"sellerId": "", "version": "2.0"}, "messages": ['

    def row(self, row: ExportRow) -> str:
        """One message, or two."""
        told = [self._message(row.sku, _listing(row))]
        if row.first and not row.alone:
            told.insert(0, self._message(row.id, _parent(row)))
        return "".join(told)

    def tail(self) -> str:
        """The end of the messages."""
        return "\n]}\n"

    def _message(self, sku: str, attributes: Mapping[str, Any]) -> str:
        comma = "," if self._messages else ""
        self._messages += 1
        told = {
            "messageId": self._messages,
            "sku": sku,
            "operationType": "UPDATE",
            "productType": "PRODUCT",
            "requirements": "LISTING",
            "attributes": attributes,
        }
        return f"{comma}\n{msgspec.json.encode(told).decode()}"


def _parent(row: ExportRow) -> dict[str, Any]:
    theme = "/".join(name.upper() for name in row.options) or "STYLE"
    return {
        **_shared(row),
        "parentage_level": [{"value": "parent"}],
        "variation_theme": [{"name": theme}],
    }


def _shared(row: ExportRow) -> dict[str, Any]:
    texts = {"item_name": row.title, "brand": row.brand, "product_description": row.description}
    return {name: [{"value": text}] for name, text in texts.items() if text}


def _listing(row: ExportRow) -> dict[str, Any]:
    options = {name.lower().replace("colour", "color"): one for name, one in row.options.items()}
    texts = {"part_number": row.mpn, "color": options.get("color"), "size": options.get("size")}
    found = {
        **_shared(row),
        **{name: [{"value": text}] for name, text in texts.items() if text},
        "condition_type": [{"value": "new_new"}],
        "fulfillment_availability": [{"fulfillment_channel_code": "DEFAULT",
                                      "quantity": row.quantity, **_lead_time(row)}],
        **_money(row),
    }  # fmt: skip
    if row.gtin:
        kind = "upc" if len(row.gtin) == 12 else "ean" if len(row.gtin) == 13 else "gtin"
        identifier = [{"type": kind, "value": row.gtin}]
        found["externally_assigned_product_identifier"] = identifier
    if not row.alone:
        relation = {"child_relationship_type": "variation", "parent_sku": row.id}
        found["parentage_level"] = [{"value": "child"}]
        found["child_parent_sku_relationship"] = [relation]
    for number, image in enumerate(row.images[:_AMAZON_IMAGES_MAX]):
        name = f"other_product_image_locator_{number}" if number else "main_product_image_locator"
        found[name] = [{"media_location": row.whole(image)}]
    return found


def _lead_time(row: ExportRow) -> dict[str, Any]:
    days = row.lead_time_days
    return {} if days is None else {"lead_time_to_ship_max_days": days}


def _money(row: ExportRow) -> dict[str, Any]:
    """Amounts as numbers with all of their digits: no float comes near them."""
    found: dict[str, Any] = {}
    if price := amount_text(row.price_minor, row.price_currency):
        offer = {"currency": row.price_currency, "our_price": _scheduled(price)}
        found["purchasable_offer"] = [offer]
    amounts = {"list_price": row.msrp_minor, "cost_price": row.cost_minor}
    for name, minor in amounts.items():
        if amount := amount_text(minor, row.cost_currency):
            value = msgspec.Raw(amount.encode())
            found[name] = [{"value": value, "currency": row.cost_currency}]
    return found


def _scheduled(amount: str) -> list[dict[str, Any]]:
    return [{"schedule": [{"value_with_tax": msgspec.Raw(amount.encode())}]}]


_MERCHANT_IMAGES_MAX: Final = 11
"""Pictures of an article that Google Merchant takes."""
_AMAZON_IMAGES_MAX: Final = 9
"""Pictures of an article that Amazon takes."""
_CSV: Final = "text/csv"
FORMS: Final[Mapping[ExportFormat, Form]] = {
    "generic": Form(writer=lambda: TableWriter("generic"), media=_CSV, suffix="csv"),
    "shopify": Form(writer=lambda: TableWriter("shopify"), media=_CSV, suffix="csv"),
    "woocommerce": Form(writer=lambda: TableWriter("woocommerce"), media=_CSV, suffix="csv"),
    "google-merchant": Form(
        writer=lambda: TableWriter("google-merchant"),
        media="text/tab-separated-values",
        suffix="tsv",
        active_only=True,
    ),
    "google-merchant-xml": Form(
        writer=MerchantXml, media="application/xml", suffix="xml", active_only=True
    ),
    "amazon-listings": Form(
        writer=AmazonListings, media="application/json", suffix="json", active_only=True
    ),
    "x12-846": Form(
        # Who is meant and when stands in its envelope, which whoever sends it brings.
        writer=lambda: InventoryAdvice(
            Envelope(sender=SENDER, receiver=RECEIVER, control=1, date="20260101", time="0000")
        ),
        media="application/edi-x12",
        suffix="x12",
        active_only=True,
    ),
}
"""Every kind of file there is."""
