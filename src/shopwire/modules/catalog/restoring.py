"""How products become again what they were before an import."""

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.marks import mark_of
from shopwire.kernel.rows import Need, View
from shopwire.modules.catalog.api import ProductBefore, RestoreProducts
from shopwire.modules.catalog.commands import _Work
from shopwire.modules.catalog.domain import Category, OwnedVariant, Product
from shopwire.modules.catalog.events import CATALOG, ProductPut

_PART: Final = ("variants", "filled")
"""Fields of which only the import's own part goes back."""


def do_restore_products(command: RestoreProducts, view: View, context: Context) -> Decision:
    """Puts back each product's fields that still are what the import made of them."""
    work = _Work(view, context)
    applied: list[str] = []
    unchanged: list[str] = []
    stayed: dict[str, list[str]] = {}
    for line in command.products:
        known = work.product(line.id)
        after, left = before_import(known, line)
        if left:
            stayed[line.id] = left
        if known is None or after is None or after == known:
            unchanged.append(line.id)
            continue
        work.move_skus(known, after)
        work.keep(known, after, ProductPut, context.principal)
        applied.append(line.id)
    return work.decision(
        {"applied": applied, "unchanged": unchanged, "refused": [], "stayed": stayed}
    )


def before_import(known: Product | None, line: ProductBefore) -> tuple[Product | None, list[str]]:
    """The product with what still is the import's put back, and the fields that are not."""
    if known is None:
        return None, sorted(line.now)
    kept = msgspec.to_builtins(known)
    plain = [name for name in line.now if name not in _PART and name != "skus"]
    marks = {name: mark_of(kept.get(name)) for name in plain}
    newer = {name for name in plain if name in known.edited or marks[name] != line.now[name]}
    if line.was is None:
        left = sorted(newer) if known.status != "archived" else []
        theirs = any(owned.source != known.source for owned in known.variants)
        return (known if left or theirs else replace(known, status="archived")), left
    left = sorted(name for name in newer if marks[name] != mark_of(line.was[name]))
    types = {field.name: field.type for field in msgspec.structs.fields(Product)}
    back: dict[str, Any] = {
        name: msgspec.convert(line.was[name], types[name])
        for name in plain
        if name in types and name not in newer
    }
    if "variants" in line.now:
        was = msgspec.convert(line.was["variants"], tuple[OwnedVariant, ...])
        same = mark_of(kept["variants"]) == line.now["variants"]
        back["variants"] = was if same else _variants(known, was, line.now["skus"])
        if not same and back["variants"] == known.variants:
            left.append("variants")
    if "filled" in line.now:
        was_filled: dict[str, str] = line.was["filled"]
        filled = {name: by for name, by in known.filled.items() if name not in back}
        filled |= {name: by for name, by in was_filled.items() if name in back}
        back["filled"] = filled
    return replace(known, **back), left


def _variants(
    known: Product, was: tuple[OwnedVariant, ...], now: dict[str, Any]
) -> tuple[OwnedVariant, ...]:
    """Each variant as it was, where it still is the import's; `now` has their marks by SKU."""
    before = {owned.variant.sku: owned for owned in was}
    found: list[OwnedVariant] = []
    for owned in known.variants:
        sku = owned.variant.sku
        if sku not in now or mark_of(msgspec.to_builtins(owned)) != now[sku]:
            found.append(owned)
        elif sku in before:
            found.append(before[sku])
    return tuple(found)


RESTORING_HANDLERS: Final = (
    Handler(
        command=RestoreProducts,
        partition_key=lambda _: CATALOG,
        needs=lambda command: (
            Need(Category, CATALOG),
            *(Need(Product, line.id) for line in command.products),
        ),
        decide=do_restore_products,
    ),
)
