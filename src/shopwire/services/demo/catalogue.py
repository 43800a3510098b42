"""The demo shop's catalogue: made up, believable, and the same on every machine."""

import re
import tomllib
from functools import cache
from importlib import resources
from itertools import product
from typing import Any, Final

import msgspec

from shopwire.services.pictures import COLOURS, picture
from shopwire.services.pictures.paint import Dice

VARIANTS_MAX: Final = 6
"""Variants of one product; a product with more options keeps the first ones."""

IMAGES_MAX: Final = 3
"""Pictures of one product."""


class Variant(msgspec.Struct, frozen=True):
    """One article that can be sold."""

    sku: str
    options: dict[str, str]
    gtin: str

    @property
    def title(self) -> str:
        """Its options in words."""
        return " / ".join(self.options.values())


class Image(msgspec.Struct, frozen=True):
    """A picture of a product."""

    url: str
    alt: str


class Product(msgspec.Struct, frozen=True):
    """One product of the demo shop."""

    id: str
    kind: str
    title: str
    description: str
    brand: str
    category: str
    tags: tuple[str, ...]
    variants: tuple[Variant, ...]
    images: tuple[Image, ...]
    cost_minor: int


class Supplier(msgspec.Struct, frozen=True):
    """A supplier of the demo shop."""

    id: str
    name: str
    categories: tuple[str, ...]
    share: float
    lead_time_days: tuple[int, int]


class Offer(msgspec.Struct, frozen=True):
    """What one supplier asks for one article, and how many it has at first."""

    sku: str
    supplier: str
    cost_minor: int
    lead_time_days: int
    order_min: int
    order_max: int
    map_minor: int | None
    msrp_minor: int | None
    """The maker's suggestion, where it is higher than the shop's price: the shop shows both."""
    quantity: int


class Catalogue(msgspec.Struct, frozen=True):
    """All of it. Categories map slugs to names."""

    currency: str
    categories: dict[str, str]
    suppliers: tuple[Supplier, ...]
    products: tuple[Product, ...]
    offers: tuple[Offer, ...]

    def of_supplier(self, supplier: str) -> list[tuple[Product, Variant, Offer]]:
        """What a supplier offers, in the order of the catalogue."""
        offers = {offer.sku: offer for offer in self.offers if offer.supplier == supplier}
        return [
            (item, variant, offers[variant.sku])
            for item in self.products
            for variant in item.variants
            if variant.sku in offers
        ]


@cache
def catalogue() -> Catalogue:
    """The demo shop's catalogue."""
    text = resources.files("shopwire.services.demo").joinpath("catalogue.toml").read_text("utf-8")
    source = tomllib.loads(text)
    products: list[Product] = []
    for slug, category in source["categories"].items():
        for kind, spec in category["kinds"].items():
            products.extend(_products(slug, kind, spec, category["brands"], source["lines"]))
    suppliers = tuple(
        Supplier(
            id_,
            spec["name"],
            tuple(spec["categories"]),
            spec["share"],
            (spec["lead_time_days"][0], spec["lead_time_days"][1]),
        )
        for id_, spec in source["suppliers"].items()
    )
    return Catalogue(
        source["currency"],
        {slug: category["name"] for slug, category in source["categories"].items()},
        suppliers,
        tuple(products),
        tuple(offer for supplier in suppliers for offer in _offers(supplier, products)),
    )


def _products(
    category: str, kind: str, spec: dict[str, Any], brands: list[str], lines: list[str]
) -> list[Product]:
    """The products of one kind: each line name is used once a kind."""
    dice = Dice(f"kind/{kind}")
    start, found = int(dice.between(0, len(lines))), []
    for number in range(spec["count"]):
        line = lines[(start + number * 7) % len(lines)]
        title = f"{line} {spec['nouns'][number % len(spec['nouns'])]}"
        handle = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
        variants = _variants(dice, kind, line, spec["sizes"])
        colours = list(dict.fromkeys(v.options["Colour"] for v in variants))
        names = [f"{kind}--{handle}--{colour.lower()}" for colour in colours[:IMAGES_MAX]]
        low, high = spec["cost"]
        cost = round(low + (high - low) * dice.number() ** 1.6, -1)
        found.append(
            Product(
                handle,
                kind,
                title,
                f"{dice.pick(spec['opening'])} {dice.pick(spec['detail'])}",
                dice.pick(brands),
                category,
                tuple(sorted({kind, *(c.lower() for c in colours)})),
                variants,
                tuple(
                    Image(f"/pictures/{name}.svg", f"{title} in {colour}: {_shown(name)}")
                    for name, colour in zip(names, colours, strict=False)
                ),
                int(cost),
            )
        )
    return found


def _shown(name: str) -> str:
    alt = picture(name).alt
    return alt[0].lower() + alt[1:]


def _variants(dice: Dice, kind: str, line: str, sizes: list[str]) -> tuple[Variant, ...]:
    """Colours times sizes, up to a limit."""
    palette, count = list(COLOURS), int(dice.between(1, 4))
    colours = [palette.pop(int(dice.number() * len(palette))) for _ in range(count)]
    stem = f"{kind.replace('-', '')[:4]}-{line.replace(' ', '')[:6]}".upper()
    found = []
    for colour, size in list(product(colours, sizes or [""]))[:VARIANTS_MAX]:
        number = sizes.index(size) + 1 if size else ""
        sku = f"{stem}-{colour[:4].upper()}{number}"
        options = {"Colour": colour} | ({"Size": size} if size else {})
        found.append(Variant(sku, options, _gtin(sku)))
    return tuple(found)


def _gtin(sku: str) -> str:
    """An EAN-13 of the range that shops may use for themselves (prefix 20), check digit right."""
    body = f"20{int(Dice(f'gtin/{sku}').number() * 10**10):010d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return f"{body}{-total % 10}"


def _offers(supplier: Supplier, products: list[Product]) -> list[Offer]:
    """A supplier's offers: its own costs, a second source is dearer or slower."""
    found = []
    for item in products:
        dice = Dice(f"offer/{supplier.id}/{item.id}")
        carried = supplier.categories == ("*",) or item.category in supplier.categories
        if not carried or not dice.chance(supplier.share):
            continue
        factor = 1.0 if supplier.categories != ("*",) else 0.94 + 0.2 * dice.number()
        days = int(dice.between(*supplier.lead_time_days))
        reduced = dice.chance(0.16)
        for place, variant in enumerate(item.variants):
            size = 1 + 0.35 * int(variant.sku[-1]) if variant.sku[-1].isdigit() else 1.0
            cost = int(round(item.cost_minor * factor * size, -1))
            map_minor = int(round(cost * 1.55, -2)) - 5 if dice.chance(0.2) else None
            few = dice.chance(0.12)
            quantity = dice.between(0, 6) if few else dice.between(12, 240) / (1 + cost // 20_000)
            found.append(
                Offer(
                    variant.sku,
                    supplier.id,
                    cost,
                    days,
                    1,
                    48 if cost < 5_000 else 12,
                    map_minor,
                    _suggested(cost) if reduced else None,
                    int(quantity) + place % 2,
                )
            )
    return found


def _suggested(cost_minor: int) -> int:
    """A price of a quarter more than the shop's own rules make of that cost."""
    factor = 2.5 if cost_minor < 2_000 else 2.1 if cost_minor < 10_000 else 1.75
    return int(round(cost_minor * factor, -2)) + 95
