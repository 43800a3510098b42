"""What columns may be called: a proposal for somebody who maps a file, never taken unseen."""

from collections.abc import Iterable
from typing import Final

from shopwire.kernel.names import compact_of

_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "sku": (
        "sku", "articlenumber", "articleno", "artikelnummer", "artikelnr", "artikel", "article",
        "itemnumber", "itemno", "item", "itemid", "productcode", "code", "reference", "ref",
        "referencia", "codice", "variantsku", "partnumber", "vendorsku", "suppliersku",
    ),
    "title": (
        "title", "name", "productname", "producttitle", "bezeichnung", "itemname", "titel",
        "designation", "libelle", "nombre", "nome", "productdescription", "artikelbezeichnung",
    ),
    "id": ("handle", "parentsku", "parent", "itemgroupid", "productid", "productgroup", "style"),
    "description": ("description", "longdescription", "beschreibung", "descripcion", "text"),
    "brand": ("brand", "manufacturer", "marke", "hersteller", "vendor", "marque", "marca", "make"),
    "gtin": ("gtin", "ean", "ean13", "upc", "barcode", "isbn", "gtin13", "gtin14", "eancode"),
    "mpn": ("mpn", "manufacturerpartnumber", "herstellernummer", "mfrpartnumber", "modelnumber"),
    "quantity": (
        "stock", "quantity", "qty", "bestand", "lagerbestand", "available", "inventory",
        "stockquantity", "stocklevel", "onhand", "menge", "stockqty", "inventoryquantity",
    ),
    "cost": (
        "cost", "costprice", "ek", "einkaufspreis", "wholesaleprice", "netprice", "dealerprice",
        "unitcost", "yourprice", "nettopreis", "wholesale", "costofgoodssold",
    ),
    "price": ("price", "preis", "listprice", "unitprice", "prix", "precio", "prezzo"),
    "msrp": ("msrp", "rrp", "uvp", "retailprice", "srp", "recommendedretailprice", "vk"),
    "map": ("map", "minimumadvertisedprice", "mapprice"),
    "currency": ("currency", "waehrung", "wahrung", "devise", "moneda", "currencycode"),
    "category": ("category", "kategorie", "gruppe", "warengruppe", "categories", "producttype"),
    "images": ("image", "images", "imageurl", "imagelink", "bild", "picture", "imagesrc", "photo"),
    "variant": ("variant", "varianttitle", "variante", "option"),
    "lead_time_days": ("leadtime", "leadtimedays", "lieferzeit", "deliverydays"),
    "order_min": ("moq", "minorder", "minimumorderquantity", "mindestmenge", "orderminimum"),
    "weight": ("weight", "gewicht", "poids", "peso", "shippingweight"),
    "status": ("status", "published", "state"),
}  # fmt: skip
"""Fields, and names of columns as two are compared."""


def proposed(columns: Iterable[str]) -> dict[str, str]:
    """For each field the column whose name says so, if any; no column stands for two fields."""
    compact = {compact_of(column): column for column in reversed(list(columns))}
    found: dict[str, str] = {}
    taken: set[str] = set()
    for field, names in _NAMES.items():
        column = next((compact[one] for one in names if one in compact), None)
        if column is not None and column not in taken:
            found[field] = column
            taken.add(column)
    return found
