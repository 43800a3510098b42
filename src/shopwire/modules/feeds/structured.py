"""Feeds that are no tables: Google Merchant XML, and the catalogue dump of a Saleor shop."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import msgspec
from lxml import etree

from shopwire.kernel.errors import FeedUnreadable
from shopwire.modules.feeds.api import BadRow
from shopwire.modules.feeds.limits import CELL_CHARS_MAX, JSON_BYTES_MAX, RAW_CHARS_MAX
from shopwire.modules.feeds.reading import Detected, RawRow

_ATOM_ENTRY: Final = "entry"


class XmlReader:
    """Rows of an RSS or Atom feed: one an item, one cell a child element.

    Children of one name are joined by commas. Entities are not resolved, nothing is fetched, and a
    document type is refused, since no feed needs one.
    """

    def __init__(self, stream: BinaryIO, *, item: str = "item") -> None:
        self._item = item
        self._events = etree.iterparse(
            stream,
            events=("start", "end"),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        self.detected = Detected(delimiter="xml")

    def __iter__(self) -> Iterator[RawRow]:
        checked = False
        try:
            for event, element in self._events:
                if not checked:
                    checked = True
                    self._refuse_document_type(element)
                if event == "end" and _local(element) in (self._item, _ATOM_ENTRY):
                    yield self._row(element)
                    element.clear()
                    while element.getprevious() is not None:
                        del element.getparent()[0]
        except etree.XMLSyntaxError as problem:
            line = problem.lineno or 0
            raise FeedUnreadable(
                f"No XML: {problem.msg}", reason=problem.msg, line=line
            ) from problem

    def _refuse_document_type(self, element: Any) -> None:
        info = element.getroottree().docinfo
        self.detected.encoding = info.encoding or "utf-8"
        if info.doctype:
            reason = "it declares a document type, which a feed has no need of"
            raise FeedUnreadable(reason, reason=reason, line=1)

    def _row(self, element: Any) -> RawRow:
        cells: dict[str, str] = {}
        for child in element:
            name = _local(child)
            text = " ".join("".join(child.itertext()).split()) if name else ""
            if name and text:
                cells[name] = f"{cells[name]},{text}" if name in cells else text
        line = element.sourceline or 0
        raw = etree.tostring(element, encoding="unicode", with_tail=False)[:RAW_CHARS_MAX]
        for name, text in cells.items():
            if len(text) > CELL_CHARS_MAX:
                bad = BadRow(
                    line=line,
                    column=name,
                    code="cell_too_long",
                    reason=f"{name} has {len(text)} letters; at most {CELL_CHARS_MAX} are read",
                    remedy="Shorten the element.",
                    raw=raw,
                )
                return RawRow(line, {}, raw, bad)
        return RawRow(line, cells, raw)


def _local(element: Any) -> str:
    """The name without its namespace; blank for what is no element."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


class SaleorReader:
    """Rows of a Saleor catalogue dump: one a variant, its stock added over the warehouses.

    `line` is the number of the variant in the dump, since JSON has no lines that mean anything.
    """

    def __init__(self, stream: BinaryIO) -> None:
        content = stream.read(JSON_BYTES_MAX + 1)
        if len(content) > JSON_BYTES_MAX:
            reason = f"more than {JSON_BYTES_MAX} bytes cannot be read in one piece"
            raise FeedUnreadable(reason, reason=reason, line=0)
        try:
            entries = msgspec.json.decode(content, type=list[dict[str, Any]])
            self._models = self._by_model(entries)
        except (msgspec.DecodeError, KeyError, TypeError) as problem:
            reason = f"it is no dump of a catalogue: {problem}"
            raise FeedUnreadable(reason, reason=reason, line=0) from problem
        self.detected = Detected(encoding="utf-8", delimiter="json")

    def _by_model(self, entries: list[dict[str, Any]]) -> dict[str, dict[Any, dict[str, Any]]]:
        models: dict[str, dict[Any, dict[str, Any]]] = defaultdict(dict)
        for entry in entries:
            models[entry["model"]][entry["pk"]] = entry["fields"]
        return models

    def __iter__(self) -> Iterator[RawRow]:
        stock: dict[Any, int] = defaultdict(int)
        for fields in self._models["warehouse.stock"].values():
            stock[fields["product_variant"]] += fields["quantity"]
        prices = {
            fields["variant"]: fields
            for fields in self._models["product.productvariantchannellisting"].values()
            if fields["currency"] == "USD"
        }
        variants = self._models["product.productvariant"]
        for line, (number, variant) in enumerate(variants.items(), 1):
            cells = self._product(variant["product"])
            listing = prices.get(number, {})
            cells |= {
                "sku": variant["sku"] or "",
                "variant": variant["name"],
                "quantity": str(stock[number]) if number in stock else "",
                "price": listing.get("price_amount") or "",
                "cost": listing.get("cost_price_amount") or "",
                "currency": listing.get("currency") or "",
            }
            raw = msgspec.json.encode({"pk": number, "fields": variant}).decode()[:RAW_CHARS_MAX]
            yield RawRow(line, {name: text.strip() for name, text in cells.items()}, raw)

    def _product(self, number: Any) -> dict[str, str]:
        product = self._models["product.product"].get(number, {})
        images = [
            media["image"]
            for media in self._models["product.productmedia"].values()
            if media["product"] == number and media["image"]
        ]
        return {
            "id": product.get("slug") or "",
            "title": product.get("name") or "",
            "description": product.get("description_plaintext") or "",
            "category": " > ".join(self._path(product.get("category"))),
            "images": ",".join(images),
        }

    def _path(self, number: Any) -> list[str]:
        path: list[str] = []
        while number is not None and number in self._models["product.category"]:
            category = self._models["product.category"][number]
            path.insert(0, category["name"])
            number = category["parent"]
        return path
