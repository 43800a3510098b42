"""What others may ask of the catalogue."""

from typing import Any, Literal

import msgspec

from shopwire.kernel.commands import Command

Status = Literal["active", "draft", "archived"]


class Option(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way in which variants differ: Size, with its values in order."""

    name: str
    values: tuple[str, ...] = ()


class Variant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is bought: one SKU."""

    sku: str
    title: str = ""
    options: dict[str, str] = {}
    gtin: str | None = None
    mpn: str | msgspec.UnsetType = msgspec.UNSET
    """The maker's own number, where a source tells it; left out of documents that have none."""


class Image(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A picture and what it shows, for those who do not see it."""

    url: str
    alt: str = ""


class ProductContent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product as a feed or an editor gives it."""

    id: str
    """The handle: what its URL ends with. Unique in the shop."""
    title: str
    description: str = ""
    brand: str = ""
    status: Status = "active"
    categories: tuple[tuple[str, ...], ...] = ()
    """Paths of names from the top: `("Bikes", "Mountain Bikes")`."""
    tags: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    variants: tuple[Variant, ...] = ()
    images: tuple[Image, ...] = ()


class PutProducts(Command, frozen=True, kw_only=True):
    """Takes over products as one source tells them; each is taken or refused by itself.

    The result lists `applied`, `unchanged` and `refused` (with the error). A product's content
    belongs to the source that brought it first; another source adds variants and fills blanks.
    """

    operation = "catalog.put_products"

    source: str
    products: tuple[ProductContent, ...]
    partial: bool = False
    """Whether the source may have more variants of these products than it tells here."""


class PutProduct(Command, frozen=True, kw_only=True):
    """One product; a refusal is the command's refusal."""

    operation = "catalog.put_product"

    source: str
    product: ProductContent
    partial: bool = False
    """Whether the source may have more variants of this product than it tells here."""


class CheckSku(Command, frozen=True, kw_only=True):
    """Refuses with NotFound where no product has this SKU; changes nothing.

    With `free` it is the other way round: AlreadyExists where one has it. For decisions of other
    modules, which name it in `then`.
    """

    operation = "catalog.check_sku"
    internal = True

    sku: str
    free: bool = False


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an editor saw in a field and what it shall become."""

    was: Any
    now: Any


class EditProduct(Command, frozen=True, kw_only=True):
    """Changes fields of a product by hand.

    A field that somebody else changed meanwhile to something else is a conflict, told with base,
    theirs and mine; other fields merge. Feeds no longer touch an edited field.
    """

    operation = "catalog.edit_product"

    id: str
    changes: dict[str, Change]
    """Fields: title, description, brand, status, tags."""
    expected_version: int | None = None
    """For an editor who wants no merge: any other version of the product is a conflict."""


class PutCategory(Command, frozen=True, kw_only=True):
    """Makes a category known by its path of names."""

    operation = "catalog.put_category"

    path: tuple[str, ...]


class ProductBefore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product as it was before an import, and the marks of what the import made of it.

    Both have the changed fields only, as they are kept; `was` is None where there was no product.
    """

    id: str
    was: dict[str, Any] | None
    now: dict[str, Any]


class RestoreProducts(Command, frozen=True, kw_only=True):
    """Puts back what an import changed of products.

    A field that has another value than the import gave it stays as it is: the result names it
    under `stayed`. A product that the import brought is archived: orders may name it.
    """

    operation = "catalog.restore_products"
    internal = True

    products: tuple[ProductBefore, ...]
