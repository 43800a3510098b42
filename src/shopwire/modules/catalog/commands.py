"""How the catalogue decides."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.errors import (
    AlreadyExists,
    InvalidField,
    NotFound,
    ShopwireError,
    VersionConflict,
)
from shopwire.kernel.events import Event
from shopwire.kernel.rows import Need, Row, View
from shopwire.kernel.validation import check_name
from shopwire.modules.catalog.api import (
    Change,
    CheckSku,
    EditProduct,
    ProductContent,
    PutCategory,
    PutProduct,
    PutProducts,
    Status,
    Variant,
)
from shopwire.modules.catalog.checks import check_content, check_count, check_path, check_words
from shopwire.modules.catalog.domain import (
    CATEGORIES_A_SHOP_MAX,
    PRODUCTS_A_COMMAND_MAX,
    VARIANTS_MAX,
    Category,
    OwnedVariant,
    Product,
    SkuOwner,
    Tree,
    joined,
    marks_of,
    merged,
    search_text_of,
)
from shopwire.modules.catalog.events import (
    CATALOG,
    CategoryChanged,
    ProductEdited,
    ProductFacts,
    ProductPut,
)

EDITABLE: Final[dict[str, Any]] = {
    "title": str,
    "description": str,
    "brand": str,
    "status": Status,
    "tags": tuple[str, ...],
}
"""Fields that a person may change, and their types."""


class _Work:
    """What one command has done to the catalogue so far."""

    def __init__(self, view: View, context: Context) -> None:
        self.view, self.context = view, context
        self.tree = Tree(view.all(Category, CATALOG), context.tenant)
        self.products: dict[str, Product] = {}
        self.owners: dict[str, SkuOwner] = {}
        self.events: list[Event] = []

    def product(self, product_id: str) -> Product | None:
        return self.products.get(product_id) or self.view.one(Product, product_id)

    def owner(self, sku: str) -> str:
        row = self.owners.get(sku) or self.view.one(SkuOwner, sku)
        return row.product_id if row else ""

    def keep(self, before: Product | None, after: Product, event: type[Event], source: str) -> None:
        """Takes a changed product into the command's effect."""
        after = replace(
            after,
            version=after.version + 1,
            updated_at_ms=self.context.now_ms,
            search_text=search_text_of(after, self.tree.rows),
        )
        self.tree.moved(before, after)
        self.products[after.id] = after
        self.events.append(
            event(
                entity=after.id,
                version=after.version,
                document=after.document(),
                facts=ProductFacts(source=source),
            )
        )

    def move_skus(self, before: Product | None, after: Product) -> None:
        """Writes down which SKUs a product has got and given up, and by what they are found."""
        had = {owned.variant.sku: owned.variant for owned in before.variants} if before else {}
        has = {owned.variant.sku: owned.variant for owned in after.variants}
        for sku in sorted(has):
            if sku not in had or marks_of(had[sku]) != marks_of(has[sku]):
                self._own(has[sku], after.id)
        for sku in sorted(had.keys() - has.keys()):
            self._own(had[sku], "")

    def _own(self, variant: Variant, product_id: str) -> None:
        gtin, mpn = marks_of(variant) if product_id else ("", "")
        self.owners[variant.sku] = SkuOwner(
            tenant=self.context.tenant,
            sku=variant.sku,
            product_id=product_id,
            gtin=gtin,
            mpn=mpn,
        )

    def decision(self, result: Any) -> Decision:
        categories = self.tree.changed()
        events = [
            CategoryChanged(entity=row.slug, version=row.version, document=row.document())
            for row in categories
        ]
        rows: list[Row] = [*self.products.values(), *self.owners.values(), *categories]
        return Decision(put=rows, events=[*self.events, *events], result=result)


def do_put_products(command: PutProducts, view: View, context: Context) -> Decision:
    """Takes each product or refuses it; one that says nothing new changes nothing."""
    check_name(command.source, "source")
    check_count("products", command.products, PRODUCTS_A_COMMAND_MAX)
    work = _Work(view, context)
    applied: list[str] = []
    unchanged: list[str] = []
    refused: list[dict[str, Any]] = []
    for told in command.products:
        try:
            changed = _put(work, told, command.source, partial=command.partial)
        except ShopwireError as problem:
            refused.append({"id": told.id, "error": problem.body()})
        else:
            (applied if changed else unchanged).append(told.id)
    return work.decision({"applied": applied, "unchanged": unchanged, "refused": refused})


def do_put_product(command: PutProduct, view: View, context: Context) -> Decision:
    """Takes one product or refuses."""
    check_name(command.source, "source")
    work = _Work(view, context)
    changed = _put(work, command.product, command.source, partial=command.partial)
    return work.decision({"applied": changed})


def _put(work: _Work, told: ProductContent, source: str, *, partial: bool = False) -> bool:
    check_content(told)
    for variant in told.variants:
        owner = work.owner(variant.sku)
        if owner not in ("", told.id):
            raise AlreadyExists(
                f"The SKU {variant.sku} belongs to {owner}.", what="sku", id=variant.sku
            )
    _check_room(work.tree, told.categories)
    known = work.product(told.id)
    row = Product(
        tenant=work.context.tenant,
        id=told.id,
        source=source,
        title=told.title,
        description=told.description,
        brand=told.brand,
        status=told.status,
        categories=(),
        lineage=(),
        tags=told.tags,
        options=told.options,
        variants=tuple(OwnedVariant(variant=one, source=source) for one in told.variants),
        images=told.images,
        created_at_ms=work.context.now_ms,
        updated_at_ms=work.context.now_ms,
    )
    if known is not None:
        check_count("variants", joined(known, row, partial=partial), VARIANTS_MAX)
    slugs = tuple(dict.fromkeys(work.tree.grow(path) for path in told.categories))
    row = replace(row, categories=slugs, lineage=work.tree.lineage(slugs))
    after = merged(known, row, partial=partial)
    if known is not None and _same(known, after):
        return False
    if known is not None and known.document() == after.document():
        # Who tells what has changed, but nothing that anybody sees.
        work.products[after.id] = replace(after, search_text=known.search_text)
        return False
    work.move_skus(known, after)
    work.keep(known, after, ProductPut, source)
    return True


def _same(known: Product, after: Product) -> bool:
    aside = {"search_text": "", "updated_at_ms": 0}
    return replace(known, **aside) == replace(after, **aside)


def _check_room(tree: Tree, paths: Iterable[tuple[str, ...]]) -> None:
    """A refused product must leave no category behind, so this comes before the tree grows."""
    if not tree.has_room(paths):
        raise InvalidField(
            f"At most {CATEGORIES_A_SHOP_MAX} categories in a shop.",
            field="categories",
            reason="too many",
        )


def do_edit_product(command: EditProduct, view: View, context: Context) -> Decision:
    """Merges an editor's changes; raises VersionConflict with base, theirs and mine."""
    work = _Work(view, context)
    known = work.product(command.id)
    if known is None:
        raise NotFound(what="product", id=command.id)
    wanted = {field: _wish(field, change) for field, change in command.changes.items()}
    conflicts = [
        {"field": field, "base": was, "theirs": getattr(known, field), "mine": now}
        for field, (was, now) in wanted.items()
        if getattr(known, field) not in (was, now)
    ]
    expected = command.expected_version
    if conflicts or expected not in (None, known.version):
        raise VersionConflict(
            topic=f"product:{known.id}",
            expected=expected,
            current=known.version,
            conflicts=conflicts,
        )
    changes = {field: now for field, (_, now) in wanted.items()}
    edited = tuple(sorted({*known.edited, *changes}))
    after = replace(known, **changes, edited=edited)
    if after == known:
        return Decision(result={"applied": False, "reason": "unchanged"})
    check_words(
        title=after.title, description=after.description, brand=after.brand, tags=after.tags
    )
    work.keep(known, after, ProductEdited, context.principal)
    return work.decision({"applied": True})


def _wish(field: str, change: Change) -> tuple[Any, Any]:
    """Both values of a change in the field's type."""
    kind = EDITABLE.get(field)
    if kind is None:
        known = ", ".join(EDITABLE)
        raise InvalidField(f"Only {known} can be edited.", field=field, reason="not editable")
    try:
        return msgspec.convert(change.was, kind), msgspec.convert(change.now, kind)
    except msgspec.ValidationError as problem:
        raise InvalidField(str(problem), field=field, reason=str(problem)) from problem


def do_put_category(command: PutCategory, view: View, context: Context) -> Decision:
    """Makes a category and those above it known."""
    check_path(command.path)
    work = _Work(view, context)
    _check_room(work.tree, [command.path])
    slug = work.tree.grow(command.path)
    return work.decision({"slug": slug})


def do_check_sku(command: CheckSku, view: View, _context: Context) -> Decision:
    """Changes nothing; raises NotFound for a SKU of no product, or AlreadyExists for one's."""
    row = view.one(SkuOwner, check_name(command.sku, "sku"))
    owner = row.product_id if row else ""
    if not owner and not command.free:
        raise NotFound(f"No product has the SKU {command.sku}.", what="sku", id=command.sku)
    if owner and command.free:
        raise AlreadyExists(
            f"The SKU {command.sku} belongs to {owner}.", what="sku", id=command.sku
        )
    return Decision(result={"product": owner})


def _needs(products: Iterable[ProductContent]) -> Iterable[Need]:
    yield Need(Category, CATALOG)
    for product in products:
        yield Need(Product, product.id)
        for variant in product.variants:
            yield Need(SkuOwner, variant.sku)


HANDLERS: Final = (
    Handler(
        command=PutProducts,
        partition_key=lambda _: CATALOG,
        needs=lambda command: _needs(command.products),
        decide=do_put_products,
        lines=lambda command: len(command.products),
    ),
    Handler(
        command=PutProduct,
        partition_key=lambda _: CATALOG,
        needs=lambda command: _needs((command.product,)),
        decide=do_put_product,
    ),
    Handler(
        command=EditProduct,
        partition_key=lambda _: CATALOG,
        needs=lambda command: (Need(Category, CATALOG), Need(Product, command.id)),
        decide=do_edit_product,
    ),
    Handler(
        command=PutCategory,
        partition_key=lambda _: CATALOG,
        needs=lambda _: (Need(Category, CATALOG),),
        decide=do_put_category,
    ),
    Handler(
        command=CheckSku,
        partition_key=lambda _: CATALOG,
        needs=lambda command: (Need(SkuOwner, command.sku),),
        decide=do_check_sku,
    ),
)
