"""What happened to products and categories."""

from typing import Final

import msgspec
from typing_extensions import override

from shopwire.kernel.events import Event
from shopwire.modules.catalog.api import Image, Option, Status, Variant

CATALOG: Final = "catalog"
"""All products and categories of a shop live in one partition, so that counts are exact."""


class CatalogEvent(Event, frozen=True, kw_only=True):
    """Something about a product or a category: it lives with all others."""

    @property
    @override
    def home(self) -> str:
        return CATALOG


class ProductDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A product as a shopper sees it; price and stock are documents of their own, a SKU each."""

    id: str
    title: str
    description: str
    brand: str
    status: Status
    categories: tuple[str, ...]
    tags: tuple[str, ...]
    options: tuple[Option, ...]
    variants: tuple[Variant, ...]
    images: tuple[Image, ...]


class ProductFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Who said so."""

    source: str


class ProductPut(CatalogEvent, frozen=True, kw_only=True):
    """A product came, or a source told something new about it."""

    event_type = "catalog.product_put"
    topic_kind = "product"

    document: ProductDocument
    facts: ProductFacts


class ProductEdited(CatalogEvent, frozen=True, kw_only=True):
    """Somebody changed a product by hand."""

    event_type = "catalog.product_edited"
    topic_kind = "product"

    document: ProductDocument
    facts: ProductFacts


class CategoryDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A category with the number of active products in it and below it."""

    slug: str
    name: str
    parent: str | None
    products: int
    revision: int
    """Grows when a member comes, goes or changes: time to ask again for a list."""


class CategoryChanged(CatalogEvent, frozen=True, kw_only=True):
    """A category is new, or its members are others than before."""

    event_type = "catalog.category_changed"
    topic_kind = "category"

    document: CategoryDocument
