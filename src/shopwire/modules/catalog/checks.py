"""What a product may be: checked before anything is decided about it."""

from collections.abc import Sequence, Sized
from typing import Final

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.validation import check_name, check_text
from shopwire.modules.catalog.api import ProductContent
from shopwire.modules.catalog.domain import (
    CATEGORIES_MAX,
    CATEGORY_DEPTH_MAX,
    IMAGES_MAX,
    OPTION_VALUES_MAX,
    OPTIONS_MAX,
    SHORT_TEXT_CHARS_MAX,
    TAGS_MAX,
    VARIANTS_MAX,
)

_NOT_IN_A_HANDLE: Final = frozenset("/?#%\\")
"""What would end or change the URL that the handle stands in."""


def check_content(told: ProductContent) -> None:
    """Raises InvalidField for the first thing that no product may have."""
    check_name(told.id, "id")
    if _NOT_IN_A_HANDLE & set(told.id):
        reason = "a handle stands in a URL: without / ? # % and backslash"
        raise InvalidField(f"id cannot be used: {reason}.", field="id", reason=reason)
    check_words(title=told.title, description=told.description, brand=told.brand, tags=told.tags)
    check_count("variants", told.variants, VARIANTS_MAX)
    check_count("categories", told.categories, CATEGORIES_MAX)
    check_count("images", told.images, IMAGES_MAX)
    check_count("options", told.options, OPTIONS_MAX)
    _check_variants(told)
    for path in told.categories:
        check_path(path)
    for image in told.images:
        _check_short("images", image.url, image.alt)
    for option in told.options:
        check_count("options", option.values, OPTION_VALUES_MAX)
        _check_short("options", option.name, *option.values)


def check_words(*, title: str, description: str, brand: str, tags: Sequence[str]) -> None:
    """Raises InvalidField where a feed's or an editor's words cannot be a product's."""
    check_name(title, "title")
    check_text(description, "description")
    if brand:
        check_name(brand, "brand")
    check_count("tags", tags, TAGS_MAX)
    for tag in tags:
        check_name(tag, "tags")


def check_count(field: str, values: Sized, most: int) -> None:
    """Raises InvalidField where there are more than `most`."""
    if len(values) > most:
        raise InvalidField(f"At most {most} {field}.", field=field, reason="too many")


def check_path(path: Sequence[str]) -> None:
    """Raises InvalidField for a category's path without names, too deep, or with an odd name."""
    if not 1 <= len(path) <= CATEGORY_DEPTH_MAX:
        reason = f"not 1 to {CATEGORY_DEPTH_MAX} names"
        raise InvalidField(f"A path has {reason}.", field="categories", reason=reason)
    for name in path:
        check_name(name, "categories")


def _check_variants(told: ProductContent) -> None:
    skus = [check_name(variant.sku, "sku") for variant in told.variants]
    if not skus:
        raise InvalidField("A product needs a variant.", field="variants", reason="none")
    if len(set(skus)) != len(skus):
        raise InvalidField("A SKU is there twice.", field="variants", reason="a SKU twice")
    for variant in told.variants:
        check_count("variants' options", variant.options, OPTIONS_MAX)
        _check_short(
            "variants",
            variant.title,
            variant.gtin or "",
            variant.mpn or "",
            *variant.options,
            *variant.options.values(),
        )


def _check_short(field: str, *texts: str) -> None:
    together = "".join(texts)
    if len(together) <= SHORT_TEXT_CHARS_MAX and "\0" not in together:
        return  # then none of them is too long, or has one
    for text in texts:
        check_text(text, field, chars_max=SHORT_TEXT_CHARS_MAX)
