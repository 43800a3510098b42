"""How routing's rows are kept, what screens and choices read, how they are audited."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from shopwire.kernel.checks import SqlCheck
from shopwire.kernel.errors import NotFound
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Table
from shopwire.modules.routing.api import RoutingRules
from shopwire.modules.routing.domain import (
    Question,
    Route,
    RulesRow,
    ScoreRow,
    TermsRow,
    Watch,
)
from shopwire.modules.routing.scoring import UNKNOWN
from shopwire.modules.routing.weighing import Candidate, Known, Terms

_SQL: Final = load_queries("shopwire.modules.routing")

TABLES: Final = tuple(
    Table(kind, _SQL[f"load_{kind.table}"], _SQL[f"save_{kind.table}"])
    for kind in (RulesRow, TermsRow, Route, Question, Watch, ScoreRow)
)
CHECKS: Final = tuple(
    SqlCheck(f"routing.{name}", _SQL[f"audit_{name}"])
    for name in ("routes", "route_moves", "waiting", "scores", "terms")
)
DUE: Final = _SQL["due_questions"]
"""Where the activity finds its jobs."""

SUPPLIERS_MAX: Final = 1_000
"""Suppliers that the page of scores shows."""
WAITING_MAX: Final = 100
"""Orders that wait for a person, on one page."""


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of some SKUs when a choice is made."""

    known: Known
    categories: Mapping[str, frozenset[str]]
    seen: int
    """Sum of the movements of all pools: another one where anything changed."""


class _Row(msgspec.Struct, frozen=True):
    sku: str
    supplier: str
    free: int
    backorder_max: int
    doubtful: bool
    as_of_ms: int | None
    seq: int
    cost_minor: int | None
    currency: str
    lead_time_days: int | None
    least: int
    most: int | None
    paused: bool
    score: int | None
    terms: Terms | None

    def candidate(self) -> Candidate:
        there = max(0, self.free)
        return Candidate(
            sku=self.sku,
            supplier=self.supplier,
            there=there,
            beyond=max(0, self.free + self.backorder_max) - there,
            cost_minor=self.cost_minor,
            currency=self.currency,
            lead_time_days=self.lead_time_days,
            least=self.least,
            most=self.most,
            doubtful=self.doubtful,
            as_of_ms=self.as_of_ms,
            paused=self.paused,
            seq=self.seq,
        )


class _Market(msgspec.Struct, frozen=True):
    candidates: list[_Row]
    rules: RoutingRules | None
    rules_version: int | None
    categories: dict[str, frozenset[str]]


_market: Final = msgspec.json.Decoder(_Market).decode


async def read_market(reads: Reads, tenant: str, skus: list[str], now_ms: int) -> Market:
    """What is known of these SKUs, in one read."""
    # A SKU that came twice would have each of its pools twice.
    rows = await reads.fetch(_SQL["market"], tenant, list(dict.fromkeys(skus)), now_ms)
    found = _market(rows[0]["market"])
    return Market(
        known=Known(
            candidates=tuple(row.candidate() for row in found.candidates),
            terms={row.supplier: row.terms for row in found.candidates if row.terms is not None},
            scores={row.supplier: row.score for row in found.candidates if row.score is not None},
            prior=UNKNOWN,
            rules=found.rules or RoutingRules(),
            rules_version=found.rules_version or 0,
        ),
        categories=found.categories,
        seen=sum(row.seq for row in found.candidates),
    )


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question as it stands: units of an order for which another supplier is looked for."""

    order_id: str
    sku: str
    supplier: str
    quantity: int
    reason: str
    currency: str
    total_minor: int
    country: str | None
    value_minor: int | None
    """What the shopper paid for all units of the purchase order's line."""
    ordered: int | None
    late: str | None
    """What the supplier owes for longer than it may."""
    status: str | None
    """The purchase order's."""
    unanswered: int
    avoid: frozenset[str]
    """Who let this order down before, or is asked not to send it."""


async def read_question(reads: Reads, tenant: str, conflict_id: str) -> Asked | None:
    """A question that is open, None where it is not any more."""
    rows = await reads.fetch(_SQL["question"], tenant, conflict_id)
    if not rows:
        return None
    row = dict(rows[0])
    avoid = msgspec.json.decode(row.pop("avoid"), type=frozenset[str])
    return Asked(avoid=avoid, **row)


async def read_prices(reads: Reads, tenant: str, skus: list[str]) -> dict[str, tuple[int, str]]:
    """What SKUs cost now, in minor units of a currency; those without a price are left out."""
    rows = await reads.fetch(_SQL["prices"], tenant, skus)
    return {row["sku"]: (row["amount_minor"], row["currency"]) for row in rows}


async def read_route(reads: Reads, tenant: str, order_id: str) -> dict[str, Any]:
    """An order's choice with its reasons; raises NotFound for one without."""
    rows = await reads.fetch(_SQL["route_of_order"], tenant, order_id)
    if not rows:
        raise NotFound(what="route", id=order_id[:80])
    return _entry(rows[0])


async def list_waiting(
    reads: Reads, tenant: str, *, after: tuple[int, str] | None, limit: int
) -> dict[str, Any]:
    """Orders whose purchase orders wait for a person, the oldest first."""
    limit = max(1, min(limit, WAITING_MAX))
    rows = await reads.fetch(_SQL["routes_waiting"], tenant, *(after or (None, None)), limit + 1)
    items = [{**_entry(row), "number": row["number"], "status": row["status"]} for row in rows]
    last = rows[limit - 1] if len(rows) > limit else None
    following = f"{last['chosen_at_ms']}/{last['id']}" if last is not None else None
    return {"items": items[:limit], "next": following}


async def list_scores(reads: Reads, tenant: str) -> list[dict[str, Any]]:
    """Every supplier with its score and its shipping terms, the lowest score first."""
    rows = await reads.fetch(_SQL["scores"], tenant, SUPPLIERS_MAX)
    return [
        {
            "id": row["id"],
            "name": row["name"],
            "score": _raw(row["score"]),
            "terms": _raw(row["terms"]),
        }
        for row in rows
    ]


async def read_rules(reads: Reads, tenant: str) -> dict[str, Any]:
    """The rules that hold, with their version; the defaults where none were written."""
    rows = await reads.fetch(_SQL["rules_document"], tenant)
    if not rows:
        return {"version": 0, "rules": RoutingRules()}
    return {"version": rows[0]["version"], **msgspec.json.decode(rows[0]["body"])}


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "topic": row["topic"],
        "v": row["version"],
        "doc": _raw(row["body"]),
        "at": row["changed_at_ms"],
    }


def _raw(text: str | None) -> Any:
    return None if text is None else msgspec.Raw(text.encode())
