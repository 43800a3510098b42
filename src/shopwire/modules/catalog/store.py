"""How the catalogue's rows are kept, and what screens read of them."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from shopwire.kernel.checks import SqlCheck
from shopwire.kernel.errors import MalformedRequest, NotFound
from shopwire.kernel.names import words_of
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Table
from shopwire.modules.catalog.api import Status
from shopwire.modules.catalog.domain import ALL, Category, Product, SkuOwner

_SQL: Final = load_queries("shopwire.modules.catalog")

TABLES: Final = tuple(
    Table(kind, _SQL[f"load_{kind.table}"], _SQL[f"save_{kind.table}"])
    for kind in (Product, SkuOwner, Category)
)

CHECKS: Final = (
    SqlCheck("catalog.categories", _SQL["audit_categories"]),
    SqlCheck("catalog.category_documents", _SQL["audit_category_documents"]),
    SqlCheck("catalog.products", _SQL["audit_products"]),
    SqlCheck("catalog.sku_owners", _SQL["audit_sku_owners"]),
    SqlCheck("catalog.sku_gtins", _SQL["audit_sku_gtins"]),
)

PAGE_ITEMS_MAX: Final = 100
"""Products on one page of a list."""
QUERY_CHARS_MAX: Final = 200
"""Letters of a search that are looked at."""
QUERY_WORDS_MAX: Final = 10
"""Words of a search that are looked at."""
CATEGORIES_LISTED_MAX: Final = 10_000
"""Categories that a menu gets."""
PRICED_FIRST_MIN: Final = 3_000
"""From how many products on a list by price is read along the prices: either way is slow where
the other one is quick."""
NO_PRICE: Final = str(2**63 - 1)
"""The place of products that have no price, behind all others."""

KIN_LOOKED_AT_MAX: Final = 200
"""Products of a category that are looked at for something to offer instead."""
KIN_MAX: Final = 24
"""Articles that are offered instead of one."""
_SHOWN_WITH: Final = (("price", "sku"), ("product", "product_id"))

Sort = Literal["relevance", "title", "price", "newest"]
_Place = tuple[str | None, str | None]
_BY: Final[dict[str, str]] = {
    "relevance": "products_by_rank",
    "title": "products_by_title",
    "newest": "products_by_age",
}


_PLACES: Final = {
    "relevance": re.compile(r"[0-9]{1,3}(\.[0-9]{1,9})?"),
    "title": re.compile(r"[^\0]*"),
    "price": re.compile(r"[0-9]{1,18}|9223372036854775807"),
    "newest": re.compile(r"[0-9]{1,18}"),
}
"""What the place in a cursor may be, so that the database can compare with it."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A topic's document as a list gives it: a client takes it into its store by version."""

    topic: str
    v: int
    doc: msgspec.Raw
    at: int


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A product with what a shopper wants to know about each of its variants."""

    topic: str
    v: int
    doc: msgspec.Raw
    at: int
    prices: list[Entry]
    stocks: list[Entry]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a list; `next` asks for the following one."""

    items: list[Item]
    next: str | None
    total: int


class _Variants(msgspec.Struct):
    """What of a product's document names its SKUs."""

    variants: list["_Sku"] = []


class _Sku(msgspec.Struct):
    sku: str


_skus: Final = msgspec.json.Decoder(_Variants).decode


async def list_products(
    reads: Reads,
    tenant: str,
    *,
    q: str = "",
    category: str = "",
    status: Status = "active",
    sort: Sort = "relevance",
    limit: int = 24,
    cursor: str | None = None,
) -> Page:
    """One page of products. Raises MalformedRequest for a cursor that was not given out."""
    _check_printable("category", category)
    words = search_words(q)
    under = "" if category == ALL else category
    # Without words there is no relevance, and the alphabet is as good as any order.
    order = "title" if sort == "relevance" and not words else sort
    place = _read_cursor(cursor, order)
    limit = max(1, min(limit, PAGE_ITEMS_MAX))
    scope = (tenant, words, status, under)
    total = (await reads.fetch(_SQL["count_search"], *scope))[0]["total"]
    if order == "price":
        rows = await _by_price(reads, scope, place, limit + 1, total)
    else:
        rows = await reads.fetch(_SQL[_BY[order]], *scope, *place, limit + 1)
    more = rows[limit - 1] if len(rows) > limit else None
    return Page(
        items=await _items(reads, tenant, [row["id"] for row in rows[:limit]]),
        next=_write_cursor(order, more["place"], more["id"]) if more else None,
        total=total,
    )


async def _by_price(
    reads: Reads, scope: tuple[str, ...], place: _Place, wanted: int, total: int
) -> list[Mapping[str, Any]]:
    """Cheapest first; both ways of reading give the same order."""
    if total < PRICED_FIRST_MIN or place[0] == NO_PRICE:
        return await reads.fetch(_SQL["products_by_price"], *scope, *place, wanted)
    rows = list(await reads.fetch(_SQL["priced_products"], *scope, *place, wanted))
    if len(rows) < wanted:
        rest = (NO_PRICE, "", wanted - len(rows))
        rows += await reads.fetch(_SQL["products_by_price"], *scope, *rest)
    return rows


async def get_product(reads: Reads, tenant: str, product_id: str) -> Item:
    """One product; raises NotFound."""
    _check_printable("product_id", product_id)
    items = await _items(reads, tenant, [product_id])
    if not items:
        raise NotFound(what="product", id=product_id)
    return items[0]


class Alternative(msgspec.Struct, frozen=True, kw_only=True):
    """An article to offer instead of one that is short."""

    sku: str
    kind: Literal["variant", "category"]
    """Another variant of the same product, or an article of the same category."""
    product: Entry
    stock: Entry
    price: Entry | None


async def titles_of(reads: Reads, tenant: str, skus: Sequence[str]) -> dict[str, str]:
    """What SKUs are called, as far as the catalogue knows them."""
    rows = await reads.fetch(_SQL["titles_of_skus"], tenant, list(skus))
    return {
        row["sku"]: f"{row['title']}, {row['variant']}" if row["variant"] else row["title"]
        for row in rows
    }


async def alternatives_to(
    reads: Reads, tenant: str, sku: str, *, quantity: int = 1, limit: int = 6
) -> list[Alternative]:
    """What a shopper could have instead, that many units of it: the nearest first."""
    rows = await reads.fetch(
        _SQL["kin_of_sku"], tenant, sku, quantity, KIN_LOOKED_AT_MAX, min(limit, KIN_MAX)
    )
    topics = [f"{kind}:{row[key]}" for row in rows for kind, key in _SHOWN_WITH]
    others = await _documents(reads, tenant, topics)
    return [
        Alternative(
            sku=row["sku"],
            kind="category" if row["distance"] else "variant",
            product=others[f"product:{row['product_id']}"],
            stock=Entry(
                topic=row["topic"],
                v=row["version"],
                doc=msgspec.Raw(row["body"].encode()),
                at=row["changed_at_ms"],
            ),
            price=others.get(f"price:{row['sku']}"),
        )
        for row in rows
    ]


async def list_categories(reads: Reads, tenant: str) -> list[dict[str, Any]]:
    """All categories by slug; parents come before their children."""
    return [
        dict(row)
        for row in await reads.fetch(_SQL["all_categories"], tenant, CATEGORIES_LISTED_MAX)
    ]


async def _items(reads: Reads, tenant: str, ids: Sequence[str]) -> list[Item]:
    products = await _documents(reads, tenant, [f"product:{one}" for one in ids])
    skus = {topic: _skus(entry.doc).variants for topic, entry in products.items()}
    wanted = [one.sku for found in skus.values() for one in found]
    others = await _documents(
        reads, tenant, [f"{kind}:{sku}" for kind in ("price", "stock") for sku in wanted]
    )
    items = []
    for topic in (f"product:{one}" for one in ids):
        entry = products.get(topic)
        if entry is None:
            continue
        own = {
            kind: [
                others[f"{kind}:{one.sku}"] for one in skus[topic] if f"{kind}:{one.sku}" in others
            ]
            for kind in ("price", "stock")
        }
        items.append(
            Item(
                topic=topic,
                v=entry.v,
                doc=entry.doc,
                at=entry.at,
                prices=own["price"],
                stocks=own["stock"],
            )
        )
    return items


async def _documents(reads: Reads, tenant: str, topics: Sequence[str]) -> dict[str, Entry]:
    rows = await reads.fetch(_SQL["documents_of"], tenant, list(topics)) if topics else []
    return {
        row["topic"]: Entry(
            topic=row["topic"],
            v=row["version"],
            doc=msgspec.Raw(row["body"].encode()),
            at=row["changed_at_ms"],
        )
        for row in rows
    }


def _check_printable(field: str, value: str) -> None:
    if not value.isprintable():
        reason = "it has characters that cannot be printed"
        raise MalformedRequest(f"{field} cannot be used: {reason}.", field=field, reason=reason)


def search_words(q: str) -> str:
    """What a shopper types as a tsquery: every word, as the beginning of one."""
    words = words_of(q[:QUERY_CHARS_MAX])[:QUERY_WORDS_MAX]
    return " & ".join(f"{word}:*" for word in words)


def _write_cursor(order: str, place: str, last_id: str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([order, place, last_id])).decode()


def _read_cursor(cursor: str | None, order: str) -> _Place:
    if cursor is None:
        return None, None
    try:
        raw = base64.b64decode(cursor, altchars=b"-_", validate=True)
        was, place, last_id = msgspec.json.decode(raw, type=tuple[str, str, str])
        if not _PLACES[order].fullmatch(place) or "\0" in last_id:
            raise ValueError("no place in a list")  # noqa: TRY301 - told like the others
    except (binascii.Error, msgspec.DecodeError, ValueError) as problem:
        raise MalformedRequest(
            "The cursor is none that was given out.", field="cursor", reason=str(problem)
        ) from problem
    if was != order:
        raise MalformedRequest(
            "The cursor belongs to another order.", field="cursor", reason=f"made for sort={was}"
        )
    return place, last_id
