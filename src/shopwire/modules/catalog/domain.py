"""Products, the SKUs they own, and the tree of categories."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from shopwire.kernel.names import compact_of, slug_of, words_of
from shopwire.kernel.rows import Row
from shopwire.modules.catalog.api import Image, Option, Status, Variant
from shopwire.modules.catalog.events import CATALOG, CategoryDocument, ProductDocument

ALL: Final = "all"
"""The slug of the category that every active product is in."""

PRODUCTS_A_COMMAND_MAX: Final = 500
"""Products that one command may bring."""
VARIANTS_MAX: Final = 500
"""Variants of one product."""
CATEGORIES_MAX: Final = 20
"""Categories that one product is directly in."""
CATEGORY_DEPTH_MAX: Final = 8
"""Names in one category's path."""
TAGS_MAX: Final = 100
"""Tags of one product."""
IMAGES_MAX: Final = 50
"""Pictures of one product."""
OPTIONS_MAX: Final = 20
"""Ways in which the variants of one product may differ."""
OPTION_VALUES_MAX: Final = 500
"""Values of one option."""
SHORT_TEXT_CHARS_MAX: Final = 2_000
"""Length of a variant's title, an option, a picture's address and its words."""
CATEGORIES_A_SHOP_MAX: Final = 10_000
"""Categories of one shop; every command about products looks at the whole tree."""
CATEGORY_SLUG_CHARS_MAX: Final = 200
"""Length of a category's slug; a longer path is cut and told apart by a digest."""

FILLABLE: Final = ("description", "brand", "tags", "images", "categories")
"""What another source may tell where the product's own tells nothing."""


def marks_of(variant: Variant) -> tuple[str, str]:
    """By what else than its SKU a variant is found: its GTIN, its maker's number; may be blank."""
    mpn = compact_of(variant.mpn) if isinstance(variant.mpn, str) else ""
    return variant.gtin or "", mpn


class OwnedVariant(msgspec.Struct, frozen=True, kw_only=True):
    """A variant and the source that brought it."""

    variant: Variant
    source: str


class Product(Row, frozen=True, kw_only=True):
    """A product; `search_text` is what a search looks into."""

    table = "product"
    group_field = "id"
    key_fields = ("id",)
    born_often = True

    id: str
    version: int = 0
    source: str
    title: str
    description: str
    brand: str
    status: Status
    categories: tuple[str, ...]
    """Slugs it is directly in."""
    lineage: tuple[str, ...]
    """Those and all above them: what a category's page asks for."""
    tags: tuple[str, ...]
    options: tuple[Option, ...]
    variants: tuple[OwnedVariant, ...]
    images: tuple[Image, ...]
    edited: tuple[str, ...] = ()
    """Fields that were changed by hand; feeds leave them alone."""
    filled: dict[str, str] = msgspec.field(default_factory=dict)
    """Fields that the product's own source leaves blank, and which other source tells them."""
    search_text: str = ""
    created_at_ms: int
    updated_at_ms: int

    def document(self) -> ProductDocument:
        """The product as a shopper sees it."""
        return ProductDocument(
            id=self.id,
            title=self.title,
            description=self.description,
            brand=self.brand,
            status=self.status,
            categories=self.categories,
            tags=self.tags,
            options=self.options,
            variants=tuple(owned.variant for owned in self.variants),
            images=self.images,
        )


class SkuOwner(Row, frozen=True, kw_only=True):
    """Which product a SKU belongs to; no product where it was given up.

    A command does not know beforehand which SKUs a product gives up. That the product has them is
    proof that they are its own, since all of them change under the same partition's lock.
    """

    table = "sku_owner"
    group_field = "sku"
    key_fields = ("sku",)
    blind = True

    sku: str
    product_id: str
    gtin: str = ""
    """Of the variant, so that one is found by it; blank where it has none, or is given up."""
    mpn: str = ""
    """The maker's number as two are compared; blank likewise."""


class Category(Row, frozen=True, kw_only=True):
    """A category; all of a shop's are loaded together, since a product touches whole lineages."""

    table = "category"
    group_field = "tree"
    key_fields = ("tree", "slug")

    tree: str = CATALOG
    slug: str
    name: str
    parent: str | None = None
    version: int = 0
    products: int = 0
    revision: int = 0

    def document(self) -> CategoryDocument:
        """The category as a shopper sees it."""
        return CategoryDocument(
            slug=self.slug,
            name=self.name,
            parent=self.parent,
            products=self.products,
            revision=self.revision,
        )


@lru_cache(maxsize=4_096)
def lineage_of(path: tuple[str, ...]) -> tuple[tuple[str, str, str | None], ...]:
    """A path of names as (slug, name, parent's slug), from the top."""
    found: list[tuple[str, str, str | None]] = []
    parent: str | None = None
    for name in path:
        slug = slug_of(name) if parent is None else f"{parent}--{slug_of(name)}"
        if len(slug) > CATEGORY_SLUG_CHARS_MAX:
            digest = hashlib.sha256(slug.encode()).hexdigest()[:16]
            slug = f"{slug[: CATEGORY_SLUG_CHARS_MAX - 17]}-{digest}"
        found.append((slug, name, parent))
        parent = slug
    return tuple(found)


def merged(known: Product | None, row: Product, *, partial: bool) -> Product:
    """What a product becomes when a source tells `row`.

    `partial`: variants that the source does not name now stay.
    """
    if known is None:
        return row
    ours = known.source == row.source
    variants = joined(known, row, partial=partial)
    content = _with_fillings(known, row) if ours else _blanks_filled(known, row)
    after = replace(
        content,
        version=known.version,
        source=known.source,
        variants=variants,
        options=row.options if ours and not partial else _widened(known.options, row.options),
        edited=known.edited,
        created_at_ms=known.created_at_ms,
    )
    for field in known.edited:
        after = replace(after, **{field: getattr(known, field)})
    return after


def joined(known: Product, row: Product, *, partial: bool) -> tuple[OwnedVariant, ...]:
    """The variants of all sources: those of the row's source as it tells them, others as before."""
    source, before = row.source, known.variants
    foreign = {owned.variant.sku for owned in before if owned.source != source}
    fresh = {owned.variant.sku: owned for owned in row.variants if owned.variant.sku not in foreign}
    if known.source == source and not partial:
        return (*fresh.values(), *(owned for owned in before if owned.source != source))
    kept: list[OwnedVariant] = []
    for owned in before:
        if owned.source != source:
            kept.append(owned)
        elif owned.variant.sku in fresh:
            kept.append(fresh.pop(owned.variant.sku))
        elif partial:
            kept.append(owned)
    return (*kept, *fresh.values())


def _content(product: Product, field: str) -> dict[str, Any]:
    if field == "categories":
        return {"categories": product.categories, "lineage": product.lineage}
    return {field: getattr(product, field)}


def _blanks_filled(known: Product, row: Product) -> Product:
    """Another source's content, where the product has none or has it from that source."""
    given: dict[str, Any] = {}
    filled = dict(known.filled)
    for field in FILLABLE:
        blank = not getattr(known, field)
        if field in known.edited or not (blank or filled.get(field) == row.source):
            continue
        given |= _content(row, field)
        filled.pop(field, None)
        if getattr(row, field):
            filled[field] = row.source
    return replace(known, **given, filled=filled)


def _with_fillings(known: Product, row: Product) -> Product:
    """The own source's content; what it leaves blank stays as others filled it."""
    filled = {field: by for field, by in known.filled.items() if not getattr(row, field)}
    given: dict[str, Any] = {}
    for field in filled:
        given |= _content(known, field)
    return replace(row, **given, filled=filled)


def _widened(known: Sequence[Option], told: Iterable[Option]) -> tuple[Option, ...]:
    """The options with the values that another source's variants add."""
    by_name = {option.name: option for option in known}
    for option in told:
        before = by_name.get(option.name, Option(name=option.name))
        values = tuple(dict.fromkeys((*before.values, *option.values)))
        by_name[option.name] = Option(name=option.name, values=values)
    return tuple(by_name.values())


def search_text_of(product: Product, categories: Mapping[str, Category]) -> str:
    """The words by which a product is found, split and folded as a search's words are.

    Left to the database, `MUG-1` would be the words `mug` and minus one.
    """
    names = [categories[slug].name for slug in product.lineage if slug in categories]
    skus = [owned.variant.sku for owned in product.variants]
    gtins = [owned.variant.gtin for owned in product.variants if owned.variant.gtin]
    texts = [product.title, product.brand, *product.tags, *names, *skus, *gtins]
    return " ".join(words_of(" ".join(texts)))


class Tree:
    """The categories as one command leaves them: counted once, told once, however many change."""

    def __init__(self, rows: Iterable[Category], tenant: str) -> None:
        self.rows = {row.slug: row for row in rows}
        self._tenant = tenant
        self._touched: dict[str, int] = {}
        self._new: set[str] = set()

    def has_room(self, paths: Iterable[tuple[str, ...]]) -> bool:
        """Whether all categories of these paths are known or may still be made."""
        wanted = {slug for path in paths for slug, _, _ in lineage_of(path)}
        fresh = sum(slug not in self.rows for slug in wanted)
        return not fresh or len(self.rows) + fresh <= CATEGORIES_A_SHOP_MAX

    def grow(self, path: tuple[str, ...]) -> str:
        """The slug of a path; categories that were not known are made."""
        slug = ALL
        for slug, name, parent in lineage_of(path):
            if slug not in self.rows:
                self.rows[slug] = Category(tenant=self._tenant, slug=slug, name=name, parent=parent)
                self._new.add(slug)
        return slug

    def lineage(self, slugs: Iterable[str]) -> tuple[str, ...]:
        """The slugs and all above them."""
        found: dict[str, None] = {}
        for slug in slugs:
            up: str | None = slug
            while up is not None and up in self.rows:
                found[up] = None
                up = self.rows[up].parent
        return tuple(found)

    def moved(self, before: Product | None, after: Product) -> None:
        """Counts a product that came, went or changed."""
        was = {*before.lineage, ALL} if before and before.status == "active" else set()
        now = {*after.lineage, ALL} if after.status == "active" else set()
        for slug in was | now:
            change = (slug in now) - (slug in was)
            self._touched[slug] = self._touched.get(slug, 0) + change

    def changed(self) -> list[Category]:
        """The rows to put, with their next version and revision, by slug."""
        if ALL in self._touched and ALL not in self.rows:
            self.rows[ALL] = Category(tenant=self._tenant, slug=ALL, name="Everything")
        changed: list[Category] = []
        for slug in sorted(self._new | set(self._touched)):
            row = self.rows[slug]
            changed.append(
                replace(
                    row,
                    version=row.version + 1,
                    revision=row.revision + 1,
                    products=row.products + self._touched.get(slug, 0),
                )
            )
        return changed
