"""Simulated suppliers: each writes feed files about a stock of its own, as real ones do.

A file says of which moment its counts are: what the supplier booked by then is in them, and what
the shop has promised since, or the supplier has not looked at yet, is not.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any, Final

import msgspec

from shopwire.kernel.ids import DEFAULT_TENANT, derived_id
from shopwire.kernel.queries import Reads, load_queries
from shopwire.services.demo.catalogue import Catalogue, Image, Offer, Product, Supplier, Variant
from shopwire.services.demo.shelves import Shelf, Shelves

JUST_BEFORE_MS: Final = 1
"""A count speaks of the millisecond before it: another booking may follow in the same one."""
MOVES_MIN: Final = 5
MOVES_MAX: Final = 14
"""Articles whose count changes from one feed to the next."""
DELIVERY_BELOW: Final = 8
"""A supplier that has fewer orders more."""
DELIVERIES_MAX: Final = 5
DELIVERY_SHARE: Final = 0.5
"""Deliveries between two feeds: how many at most, and how many of those ordered have come."""
COST_CHANGE_SHARE: Final = 0.35
"""Feeds with a changed cost in them."""
COST_SPREAD: Final = (0.8, 1.3)
"""How far a cost may wander from the catalogue's."""
BAD_ROW_SHARE: Final = 0.15
"""Feeds with a row in them that cannot be used."""

COLUMNS: Final = (
    *("handle", "title", "description", "brand", "category", "tags"),
    *("option1_name", "option1_value", "option2_name", "option2_value"),
    *("sku", "gtin", "image_url", "image_alt"),
    *("cost", "currency", "stock", "lead_time_days", "order_min", "order_max", "map", "msrp"),
)
"""The head of a feed file; `feed.toml` maps it."""

_SQL: Final = load_queries("shopwire.services.demo")
_BAD_ROWS: Final = (
    {"stock": "-4"},
    {"stock": "3.5"},
    {"cost": "on request"},
    {"cost": "0.00"},
    {"sku": ""},
)


class Feed(msgspec.Struct, frozen=True):
    """A feed file on its way to the shop."""

    supplier: Supplier
    content: bytes
    as_of_ms: int
    """The moment its counts speak of."""

    @property
    def run(self) -> str:
        """Id of its import: the same file sent again has no second effect."""
        return derived_id("demo", self.supplier.id, str(self.as_of_ms))


def first_feed(catalogue: Catalogue, supplier: Supplier, now_ms: int) -> Feed:
    """The file with which a supplier introduces itself."""
    items = catalogue.of_supplier(supplier.id)
    shelves = {offer.sku: Shelf(offer.quantity, offer.cost_minor) for _, _, offer in items}
    return Feed(supplier, _written(catalogue, items, shelves), now_ms)


def next_feed(
    shelves: Shelves, catalogue: Catalogue, supplier: Supplier, now_ms: int, chance: Random
) -> Feed:
    """The supplier's next file: what it has now, after what happened since its last one."""
    items = catalogue.of_supplier(supplier.id)
    mine = shelves.of(supplier.id)
    _live(mine, items, chance)
    bad = [_bad_row(catalogue, items, chance)] if chance.random() < BAD_ROW_SHARE else []
    return Feed(supplier, _written(catalogue, items, mine, bad), now_ms - JUST_BEFORE_MS)


async def introduced(reads: Reads) -> set[str]:
    """Suppliers that have offers in the shop already."""
    found = await reads.fetch(_SQL["suppliers_with_offers"], DEFAULT_TENANT)
    return {row["supplier"] for row in found}


def _live(
    shelves: Mapping[str, Shelf], items: list[tuple[Product, Variant, Offer]], chance: Random
) -> None:
    """What happens at a supplier between two feeds."""
    low = [sku for sku, shelf in shelves.items() if shelf.quantity < DELIVERY_BELOW]
    for sku in chance.sample(low, min(len(low), DELIVERIES_MAX)):
        if chance.random() < DELIVERY_SHARE:
            shelves[sku].quantity += chance.choice([12, 24, 36, 60])
    for _, _, offer in chance.sample(items, chance.randint(MOVES_MIN, MOVES_MAX)):
        shelf = shelves[offer.sku]
        if chance.random() < 0.25:
            shelf.quantity += chance.choice([4, 6, 12])
        else:
            shelf.quantity = max(0, shelf.quantity - chance.choice([1, 1, 2, 3, 5]))
    if chance.random() < COST_CHANGE_SHARE:
        _, _, offer = chance.choice(items)
        shelf = shelves[offer.sku]
        least, most = (round(offer.cost_minor * factor) for factor in COST_SPREAD)
        cost = round(shelf.cost_minor * chance.uniform(0.93, 1.08), -1)
        shelf.cost_minor = int(min(max(cost, least), most))


def _bad_row(
    catalogue: Catalogue, items: list[tuple[Product, Variant, Offer]], chance: Random
) -> dict[str, Any]:
    """A row that a person made: nearly right."""
    product, variant, offer = chance.choice(items)
    good = _row(catalogue, product, variant, offer, Shelf(3, offer.cost_minor))
    return (
        good
        | {"handle": f"sample-{product.id}", "sku": f"SAMPLE-{variant.sku}"}
        | chance.choice(_BAD_ROWS)
    )


def _written(
    catalogue: Catalogue,
    items: Iterable[tuple[Product, Variant, Offer]],
    shelves: Mapping[str, Shelf],
    extra: Iterable[dict[str, Any]] = (),
) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for product, variant, offer in items:
        writer.writerow(_row(catalogue, product, variant, offer, shelves[offer.sku]))
    writer.writerows(extra)
    return out.getvalue().encode()


def _row(
    catalogue: Catalogue, product: Product, variant: Variant, offer: Offer, shelf: Shelf
) -> dict[str, Any]:
    options = [*variant.options.items(), ("", "")][:2]
    image = _image_of(product, variant)
    return {
        "handle": product.id,
        "title": product.title,
        "description": product.description,
        "brand": product.brand,
        "category": catalogue.categories[product.category],
        "tags": ", ".join(product.tags),
        "option1_name": options[0][0],
        "option1_value": options[0][1],
        "option2_name": options[1][0],
        "option2_value": options[1][1],
        "sku": variant.sku,
        "gtin": variant.gtin,
        "image_url": image.url if image else "",
        "image_alt": image.alt if image else "",
        "cost": _decimal(shelf.cost_minor),
        "currency": catalogue.currency,
        "stock": shelf.quantity,
        "lead_time_days": offer.lead_time_days,
        "order_min": offer.order_min,
        "order_max": offer.order_max,
        "map": "" if offer.map_minor is None else _decimal(offer.map_minor),
        "msrp": "" if offer.msrp_minor is None else _decimal(offer.msrp_minor),
    }


def _image_of(product: Product, variant: Variant) -> Image | None:
    """The picture that the variant's row brings: one a colour, with the first row of the colour."""
    firsts = {other.options["Colour"]: other.sku for other in reversed(product.variants)}
    shown = dict(zip(reversed(firsts), product.images, strict=False))
    colour = variant.options["Colour"]
    return shown.get(colour) if firsts[colour] == variant.sku else None


def _decimal(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
