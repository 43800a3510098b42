"""What a part of a feed changed: the shop before it, and what of it is different after it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from shopwire.kernel.marks import mark_of
from shopwire.kernel.names import slug_of
from shopwire.kernel.queries import Reads
from shopwire.modules.catalog.api import ProductContent
from shopwire.modules.catalog.domain import Product
from shopwire.modules.feeds.api import Altered, AlteredGroup, Digest
from shopwire.modules.feeds.store import counts_before, counts_since, offers_before, products_before
from shopwire.services.import_news import News

_ASIDE: Final = frozenset(
    {"tenant", "id", "version", "source", "edited", "search_text", "created_at_ms", "updated_at_ms"}
)
"""Fields of a product that are no content."""
_COUNT_FIELDS: Final = ("reported", "as_of_ms", "sequence", "withheld", "doubtful")


class Applied(msgspec.Struct):
    """What of a part took effect: names of what was sent and not refused, and changed something."""

    products: set[str]
    offers: set[tuple[str, str]]
    """SKU and supplier."""
    counts: set[str]


class Before(msgspec.Struct):
    """The shop before a part of a feed, as far as the part may change it."""

    products: dict[str, dict[str, Any]]
    offers: dict[tuple[str, str], dict[str, Any]]
    counts: dict[str, dict[str, Any]]


async def before(reads: Reads, tenant: str, supplier: str, news: News) -> Before:
    """Looks at everything that the news are about."""
    ids = [product.id for product in news.products]
    pairs = [(one.terms.sku, slug_of(one.supplier)) for one in news.offers]
    skus = [count.sku for count in news.counts]
    return Before(
        products=await _products(reads, tenant, ids) if ids else {},
        offers=await offers_before(reads, tenant, pairs) if pairs else {},
        counts=await counts_before(reads, tenant, supplier, skus) if skus else {},
    )


async def altered(
    reads: Reads, tenant: str, about: Sequence[AlteredGroup], applied: Applied
) -> dict[str, list[Altered]]:
    """What of an intent took effect, by the key of the group that told it.

    It is as it was meant, but for products that were there before: what became of them is read.
    """
    meant = [(group.key, one) for group in about for one in group.altered]
    changed = sorted(
        {
            one.id
            for _, one in meant
            if one.what == "product" and one.was is not None and one.id in applied.products
        }
    )
    after = await _products(reads, tenant, changed) if changed else {}
    found: dict[str, list[Altered]] = defaultdict(list)
    for key, one in meant:
        if one.what == "offer":
            if (one.id, one.supplier) in applied.offers:
                found[key].append(one)
        elif one.what == "stock":
            if one.id in applied.counts:
                found[key].append(one)
        elif one.was is None:
            if one.id in applied.products:
                found[key].append(one)
        elif one.id in after:
            different = product_altered(one.id, one.was, after[one.id])
            if different is not None:
                found[key].append(different)
    return found


def intended(news: News, known: Before, supplier: str) -> tuple[AlteredGroup, ...]:
    """What the news may change: things as they are, and what they are told to be.

    What becomes of a product that is there already is only seen afterwards: it is told as it is.
    """
    found: dict[str, list[Altered]] = defaultdict(list)
    of = {sku: group.key for group in news.groups for sku in group.lines}
    told: dict[str, str] = {}
    for group in news.groups:
        if group.product is not None:
            told.setdefault(group.product.id, group.key)
    for product in news.products:
        was = known.products.get(product.id)
        one = product_brought(product) if was is None else None
        one = one or Altered(what="product", id=product.id, was=was, now={})
        found[told[product.id]].append(one)
    for offered in news.offers:
        pair = offered.terms.sku, slug_of(offered.supplier)
        terms = msgspec.structs.asdict(offered.terms)
        terms["active"] = True
        found[of[pair[0]]].append(offer_altered(pair, known.offers.get(pair), terms))
    for count in news.counts:
        before_it = known.counts.get(count.sku)
        found[of[count.sku]].append(count_altered(count.sku, supplier, before_it, count.quantity))
    return tuple(AlteredGroup(key=key, altered=tuple(one)) for key, one in found.items())


async def took_effect(
    reads: Reads, tenant: str, supplier: str, run: str, groups: Sequence[AlteredGroup]
) -> tuple[AlteredGroup, ...]:
    """What of an intent is in effect: the shop is as the run meant it to be, and was not before."""
    every = [one for group in groups for one in group.altered]
    ids = [one.id for one in every if one.what == "product"]
    pairs = [(one.id, one.supplier) for one in every if one.what == "offer"]
    skus = [one.id for one in every if one.what == "stock"]
    products = await _products(reads, tenant, ids) if ids else {}
    offers = await offers_before(reads, tenant, pairs) if pairs else {}
    counted = (
        await counts_since(reads, tenant, supplier, dict.fromkeys(skus), run_id=run) if skus else {}
    )

    def seen(one: Altered) -> Altered | None:
        if one.what == "stock":
            return one if one.id in counted else None
        if one.what == "offer":
            now = offers.get((one.id, one.supplier))
            meant = now is not None and all(now[name] == one.now[name] for name in one.now)
            return one if meant and one.now else None
        after = products.get(one.id)
        if after is None or one.was is None:
            return one if after is not None else None
        edited = set(after["edited"]) - set(one.was["edited"])
        return product_altered(one.id, one.was, {**after, **{n: one.was[n] for n in edited}})

    found = {group.key: tuple(filter(None, map(seen, group.altered))) for group in groups}
    return tuple(AlteredGroup(key=key, altered=one) for key, one in found.items() if one)


def groups_of(
    news: News,
    found: Mapping[str, list[Altered]],
    known: Mapping[str, Digest],
    kept: Iterable[Digest],
) -> tuple[AlteredGroup, ...]:
    """What changed of each product, and what was known to be said of it; nothing of the others."""
    now = {digest.key: digest for digest in kept}
    return tuple(
        AlteredGroup(
            key=group.key,
            altered=tuple(found.get(group.key, ())),
            said_was=known.get(group.key, Digest(key="")) if group.key in now else None,
            said_now=now.get(group.key),
        )
        for group in {group.key: group for group in news.groups}.values()
        if group.key in now or found.get(group.key)
    )


def offer_altered(
    pair: tuple[str, str], was: Mapping[str, Any] | None, now: Mapping[str, Any]
) -> Altered:
    """The fields of an offer that are different."""
    if was is None:
        brought = {name: value for name, value in now.items() if name != "sku"}
        return Altered(what="offer", id=pair[0], supplier=pair[1], was=None, now=brought)
    names = [name for name in now if name != "sku" and was[name] != now[name]]
    # The currency is told with every amount, whether it changed or not.
    told = {name: was[name] for name in (*names, "currency")}
    return Altered(
        what="offer",
        id=pair[0],
        supplier=pair[1],
        was=told,
        now={name: now[name] for name in names},
    )


def count_altered(sku: str, supplier: str, was: Mapping[str, Any] | None, reported: int) -> Altered:
    """A count, and what it was with all that it spoke of."""
    return Altered(
        what="stock",
        id=sku,
        supplier=supplier,
        was=None if was is None else {name: was[name] for name in _COUNT_FIELDS},
        now={"reported": reported},
    )


def product_brought(product: ProductContent) -> Altered:
    """A product that was not there before, by what a person may change of it."""
    now = {
        "title": product.title,
        "description": mark_of(product.description),
        "brand": product.brand,
        "status": product.status,
        "tags": mark_of(product.tags),
    }
    return Altered(what="product", id=product.id, was=None, now=now)


def product_altered(
    product_id: str, was: Mapping[str, Any], now: Mapping[str, Any]
) -> Altered | None:
    """The fields of a product that are different; long new values by their mark."""
    names = [name for name in now if name not in _ASIDE and was.get(name) != now[name]]
    if not names:
        return None
    marks = {name: mark_of(now[name]) for name in names}
    if "variants" in names:
        before_by = {one["variant"]["sku"]: one for one in was["variants"]}
        marks["skus"] = {
            one["variant"]["sku"]: mark_of(one)
            for one in now["variants"]
            if before_by.get(one["variant"]["sku"]) != one
        }
    return Altered(
        what="product",
        id=product_id,
        was={name: was.get(name) for name in names},
        now=marks,
    )


async def _products(reads: Reads, tenant: str, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Products as the catalogue's own struct writes them, so that marks can be compared."""
    rows = await products_before(reads, tenant, ids)
    return {
        product_id: msgspec.to_builtins(msgspec.convert(row, Product))
        for product_id, row in rows.items()
    }
