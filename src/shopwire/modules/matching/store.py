"""How matches are kept, what an import reads of them, and what screens do."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from shopwire.kernel.checks import SqlCheck
from shopwire.kernel.names import compact_of
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Table
from shopwire.modules.matching.domain import (
    MatchCase,
    MatchHold,
    MatchLink,
    MatchPolicy,
    MatchQueue,
)
from shopwire.modules.matching.events import MatchDocument, PolicyDocument, Status
from shopwire.modules.matching.rules import (
    Article,
    Asked,
    Handle,
    Known,
    Remembered,
    search_of,
)

_SQL: Final = load_queries("shopwire.modules.matching")

TABLES: Final = tuple(
    Table(kind, _SQL[f"load_{kind.table}"], _SQL[f"save_{kind.table}"])
    for kind in (MatchPolicy, MatchLink, MatchHold, MatchCase, MatchQueue)
)

CHECKS: Final = (
    SqlCheck("matching.queue", _SQL["audit_match_queue"]),
    SqlCheck("matching.cases", _SQL["audit_match_cases"]),
    SqlCheck("matching.links", _SQL["audit_match_links"]),
)

CASES_PAGE_MAX: Final = 100
"""Rows that wait on one page."""
LINKS_PAGE_MAX: Final = 500
"""Links on one page."""
POLICIES_MAX: Final = 1_000
"""Policies that one list shows."""
LIKE_PRODUCTS_MAX: Final = 10
"""Products that a search for one row's name looks at."""

_document: Final = msgspec.json.Decoder(MatchDocument).decode


async def policy_of(reads: Reads, tenant: str, supplier: str) -> PolicyDocument:
    """How a supplier's SKUs become the shop's."""
    rows = await reads.fetch(_SQL["policy_of"], tenant, supplier)
    if rows:
        return PolicyDocument(supplier=supplier, **rows[0])
    return PolicyDocument(supplier=supplier, mode="own_skus", unknown="make", titles=True)


async def what_is_known(
    reads: Reads, tenant: str, policy: PolicyDocument, rows: Sequence[Asked]
) -> Known:
    """All that decides what rows of a supplier are: a few queries, however many rows."""
    skus = [row.supplier_sku for row in rows]
    links = {
        row["supplier_sku"]: Remembered(state=row["state"], sku=row["sku"])
        for row in await reads.fetch(_SQL["links_of"], tenant, policy.supplier, skus)
    }
    open_rows = [
        row
        for row in rows
        if row.supplier_sku not in links or links[row.supplier_sku].state == "forgotten"
    ]
    wanted = [row.supplier_sku for row in open_rows] + [link.sku for link in links.values()]
    articles = await _articles(reads, tenant, wanted, open_rows)
    likes: dict[str, tuple[str, ...]] = {}
    if policy.titles:
        found = {article.gtin for article in articles.values()} - {""}
        unclear = [row for row in open_rows if not row.gtin or row.gtin not in found]
        likes = await _likes(reads, tenant, unclear, articles)
    holders = await reads.fetch(_SQL["holders_of"], tenant, policy.supplier, list(articles))
    handles = await reads.fetch(
        _SQL["handles"], tenant, list({row.product for row in open_rows if row.product})
    )
    return Known(
        supplier=policy.supplier,
        unknown=policy.unknown,
        titles=policy.titles,
        links=links,
        holders={row["sku"]: row["supplier_sku"] for row in holders},
        articles=articles,
        likes=likes,
        handles={row["id"]: Handle(source=row["source"], sku=row["sku"] or "") for row in handles},
    )


async def _articles(
    reads: Reads, tenant: str, skus: Sequence[str], rows: Iterable[Asked]
) -> dict[str, Article]:
    gtins = {row.gtin for row in rows} - {""}
    mpns = {compact_of(row.mpn) for row in rows if row.mpn and row.brand} - {""}
    found = await reads.fetch(_SQL["articles"], tenant, list(skus), list(gtins), list(mpns))
    return {row["sku"]: Article(**row) for row in found}


async def _likes(
    reads: Reads, tenant: str, rows: Iterable[Asked], articles: dict[str, Article]
) -> dict[str, tuple[str, ...]]:
    """Articles of like names by the supplier's SKU; adds them to `articles`."""
    searches: dict[str, list[str]] = {}
    for row in rows:
        if search := search_of(row):
            searches.setdefault(search, []).append(row.supplier_sku)
    queries = list(searches)
    found = await reads.fetch(_SQL["articles_like"], tenant, queries, LIKE_PRODUCTS_MAX)
    likes: dict[str, tuple[str, ...]] = {}
    for line in found:
        article = msgspec.convert(dict(line), Article)
        articles.setdefault(article.sku, article)
        for supplier_sku in searches[queries[line["number"] - 1]]:
            likes[supplier_sku] = (*likes.get(supplier_sku, ()), article.sku)
    return likes


async def waiting_digests(
    reads: Reads, tenant: str, supplier: str, skus: Sequence[str]
) -> dict[str, str]:
    """What some of a supplier's rows that wait said, in short."""
    rows = await reads.fetch(_SQL["waiting_digests"], tenant, supplier, list(skus))
    return {row["supplier_sku"]: row["digest"] for row in rows}


async def list_cases(
    reads: Reads,
    tenant: str,
    *,
    status: Status = "waiting",
    supplier: str | None = None,
    supplier_sku: str | None = None,
    cursor: str | None = None,
    limit: int = 25,
) -> dict[str, Any]:
    """A page of rows that wait, or waited, each with what is known of its candidates."""
    limit = max(1, min(limit, CASES_PAGE_MAX))
    after = cursor.partition("/") if cursor else (None, "", None)
    place = (after[0], after[2], limit + 1, supplier_sku)
    rows = await reads.fetch(_SQL["cases"], tenant, status, supplier, *place)
    found = [_document(row["body"]) for row in rows[:limit]]
    wanted = {one.sku for document in found for one in document.candidates}
    cards = {
        row["sku"]: dict(row)
        for row in await reads.fetch(_SQL["candidate_cards"], tenant, list(wanted))
    }
    items = []
    for document in found:
        item = msgspec.to_builtins(document)
        item["candidates"] = [
            cards[one.sku] | {"because": list(one.because)}
            for one in document.candidates
            if one.sku in cards
        ]
        items.append(item)
    last = found[-1] if len(rows) > limit else None
    return {"items": items, "next": f"{last.supplier}/{last.supplier_sku}" if last else None}


async def list_links(
    reads: Reads, tenant: str, supplier: str, *, after: str | None = None, limit: int = 50
) -> dict[str, Any]:
    """A page of what is remembered of a supplier's SKUs."""
    limit = max(1, min(limit, LINKS_PAGE_MAX))
    rows = await reads.fetch(_SQL["links"], tenant, supplier, after, limit + 1)
    items = [dict(row) for row in rows[:limit]]
    return {"items": items, "next": items[-1]["supplier_sku"] if len(rows) > limit else None}


async def list_policies(reads: Reads, tenant: str) -> list[dict[str, Any]]:
    """Policies of suppliers that have one; the others' SKUs are the shop's own."""
    return [dict(row) for row in await reads.fetch(_SQL["policies"], tenant, POLICIES_MAX)]
