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
from shopwire.modules.feeds.unpacking import unreadable

ITEM_PARTS_MAX: Final = 10_000
"""Elements inside of one item; more ends the run, since an item is held in memory whole."""
STRAY_PARTS_MAX: Final = 100_000
"""Elements before, between or behind items; more ends the run: it is no feed of such items."""
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
        checked, inside, rows = False, False, 0
        parts = 0  # elements since the last item began or ended
        try:
            for event, element in self._events:
                if not checked:
                    checked = True
                    self._refuse_document_type(element)
                is_row = _local(element) in (self._item, _ATOM_ENTRY)
                if event == "start":
                    inside, parts = inside or is_row, 0 if is_row else parts + 1
                    if inside and parts > ITEM_PARTS_MAX:
                        unreadable(f"an item has more than {ITEM_PARTS_MAX} elements", rows + 1)
                    if parts > STRAY_PARTS_MAX:
                        unreadable(f"{STRAY_PARTS_MAX} elements and no <{self._item}>", rows + 1)
                    continue
                if is_row:
                    rows += 1
                    yield self._row(element)
                    inside, parts = False, 0
                if not inside:
                    _forget(element)
        except etree.XMLSyntaxError as problem:
            line = problem.lineno or 0
            raise FeedUnreadable(
                f"No XML: {problem.msg}", reason=problem.msg, line=line
            ) from problem
        if not rows:
            reason = f"there is no <{self._item}> in it"
            raise FeedUnreadable(reason, reason=reason, line=1)

    def _refuse_document_type(self, element: Any) -> None:
        info = element.getroottree().docinfo
        self.detected.encoding = info.encoding or "utf-8"
        if info.doctype:
            reason = "it declares a document type, which a feed has no need of"
            raise FeedUnreadable(reason, reason=reason, line=1)

    def _row(self, element: Any) -> RawRow:
        texts: dict[str, list[str]] = defaultdict(list)
        for child in element:
            name = _local(child)
            text = " ".join("".join(child.itertext()).split()) if name else ""
            if name and text:
                texts[name].append(text)
        cells = {name: ",".join(found) for name, found in texts.items()}
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
        return RawRow(line, cells, raw, chars=sum(map(len, cells.values())))


def _forget(element: Any) -> None:
    """Lets go of an element and of all before it, so that memory stays bounded."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]


def _local(element: Any) -> str:
    """The name without its namespace; blank for what is no element."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


class _Stock(msgspec.Struct):
    product_variant: int | str
    quantity: int


class _Listing(msgspec.Struct):
    variant: int | str
    currency: str
    price_amount: str | float | None = None
    cost_price_amount: str | float | None = None


class _Variant(msgspec.Struct):
    product: int | str
    sku: str | None = None
    name: str = ""


class _Product(msgspec.Struct):
    name: str
    slug: str = ""
    description_plaintext: str = ""
    category: int | str | None = None


class _Media(msgspec.Struct):
    product: int | str
    image: str | None = None


class _Category(msgspec.Struct):
    name: str
    parent: int | str | None = None


_MODELS: Final[dict[str, type[msgspec.Struct]]] = {
    "warehouse.stock": _Stock,
    "product.productvariantchannellisting": _Listing,
    "product.productvariant": _Variant,
    "product.product": _Product,
    "product.productmedia": _Media,
    "product.category": _Category,
}


class _Entry(msgspec.Struct):
    model: str
    pk: int | str
    fields: msgspec.Raw


class SaleorReader:
    """Rows of a Saleor catalogue dump: one a variant, its stock added over the warehouses.

    `line` is the number of the variant in the dump, since JSON has no lines that mean anything.
    """

    def __init__(self, stream: BinaryIO) -> None:
        content = stream.read(JSON_BYTES_MAX + 1)
        if len(content) > JSON_BYTES_MAX:
            reason = f"more than {JSON_BYTES_MAX} bytes cannot be read in one piece"
            raise FeedUnreadable(reason, reason=reason, line=0)
        self._models: dict[str, dict[Any, Any]] = defaultdict(dict)
        try:
            for entry in msgspec.json.decode(content, type=list[_Entry]):
                kind = _MODELS.get(entry.model)
                if kind is not None:
                    fields = msgspec.json.decode(entry.fields, type=kind)
                    self._models[entry.model][entry.pk] = fields
        except (msgspec.DecodeError, RecursionError) as problem:
            reason = f"it is no dump of a catalogue: {problem}"
            raise FeedUnreadable(reason, reason=reason, line=0) from problem
        if not self._models["product.productvariant"]:
            reason = "there is no product.productvariant in it"
            raise FeedUnreadable(reason, reason=reason, line=0)
        self.detected = Detected(encoding="utf-8", delimiter="json")

    def __iter__(self) -> Iterator[RawRow]:
        stock: dict[Any, int] = defaultdict(int)
        for held in self._models["warehouse.stock"].values():
            stock[held.product_variant] += held.quantity
        images: dict[Any, list[str]] = defaultdict(list)
        for media in self._models["product.productmedia"].values():
            images[media.product] += [media.image] if media.image else []
        prices = {
            listing.variant: listing
            for listing in self._models["product.productvariantchannellisting"].values()
            if listing.currency == "USD"
        }
        variants: dict[Any, _Variant] = self._models["product.productvariant"]
        for line, (number, variant) in enumerate(variants.items(), 1):
            cells = self._product(variant.product, images)
            listing = prices.get(number)
            cells |= {
                "sku": variant.sku or "",
                "variant": variant.name,
                "quantity": str(stock[number]) if number in stock else "",
            }
            if listing is not None:
                cells |= {
                    "price": str(listing.price_amount or ""),
                    "cost": str(listing.cost_price_amount or ""),
                    "currency": listing.currency,
                }
            raw = msgspec.json.encode({"pk": number, "fields": variant}).decode()[:RAW_CHARS_MAX]
            named = {name: text.strip() for name, text in cells.items()}
            yield RawRow(line, named, raw, chars=sum(map(len, named.values())))

    def _product(self, number: Any, images: dict[Any, list[str]]) -> dict[str, str]:
        product: _Product | None = self._models["product.product"].get(number)
        if product is None:
            return {}
        return {
            "id": product.slug,
            "title": product.name,
            "description": product.description_plaintext,
            "category": " > ".join(self._path(product.category)),
            "images": ",".join(images[number]),
        }

    def _path(self, number: Any) -> list[str]:
        """Names from the top; a category above itself ends the path."""
        categories: dict[Any, _Category] = self._models["product.category"]
        path: dict[Any, str] = {}
        while number in categories and number not in path:
            path[number] = categories[number].name
            number = categories[number].parent
        return list(reversed(path.values()))
