"""Candidates and choices, written short."""

from typing import Any

from shopwire.modules.routing.api import Parcel, Pick, RouteChoice, RoutingRules, Sums
from shopwire.modules.routing.scoring import UNKNOWN
from shopwire.modules.routing.weighing import Candidate, Known, Occasion, Terms, Wanted, choose

NOW_MS = 1_800_000_000_000


def candidate(sku: str, supplier: str, cost: int, there: int = 100, **more: Any) -> Candidate:
    fields: dict[str, Any] = {
        "sku": sku,
        "supplier": supplier,
        "there": there,
        "cost_minor": cost,
        "currency": "EUR",
        "lead_time_days": 1,
        "as_of_ms": NOW_MS,
    }
    return Candidate(**(fields | more))


def plain(**more: Any) -> RoutingRules:
    """Rules in which only money counts."""
    fields: dict[str, Any] = {
        "lead_day_minor": 0,
        "split_minor": 0,
        "score_bp": 0,
        "doubt_bp": 0,
        "fee_bp": 0,
        "fee_minor": 0,
    }
    return RoutingRules(**(fields | more))


def chosen(
    units: dict[str, int],
    *candidates: Candidate,
    rules: RoutingRules | None = None,
    terms: dict[str, Terms] | None = None,
    scores: dict[str, int] | None = None,
    price: int = 5_000,
    country: str = "DE",
    categories: frozenset[str] = frozenset(),
    avoid: frozenset[str] = frozenset(),
) -> RouteChoice | None:
    wanted = [
        Wanted(sku=sku, quantity=count, revenue_minor=count * price, categories=categories)
        for sku, count in units.items()
    ]
    known = Known(
        candidates=candidates,
        terms=terms or {},
        scores=scores or {},
        prior=UNKNOWN,
        rules=rules or plain(),
        rules_version=1,
    )
    occasion = Occasion(
        currency="EUR",
        country=country,
        value_minor=sum(one.revenue_minor for one in wanted),
        now_ms=NOW_MS,
    )
    return choose(wanted, known, occasion, avoid=avoid)


def sends(choice: RouteChoice | None) -> dict[str, dict[str, int]]:
    """Units by SKU and supplier."""
    assert choice is not None
    found: dict[str, dict[str, int]] = {}
    for pick in choice.picks:
        found.setdefault(pick.sku, {})[pick.supplier] = pick.quantity
    return found


def written(*picks: tuple[str, str, int], cost: int = 1_000, **more: Any) -> RouteChoice:
    """A choice that says who sends what."""
    own = tuple(
        Pick(sku=sku, supplier=supplier, quantity=count, cost_minor=cost, lead_time_days=2)
        for sku, supplier, count in picks
    )
    total = sum(pick.quantity * pick.cost_minor for pick in own)
    sums = Sums(
        cost_minor=total,
        shipping_minor=0,
        weights_minor=0,
        total_minor=total,
        revenue_minor=2 * total,
        fee_minor=0,
        profit_minor=total,
    )
    parcels = tuple(
        Parcel(supplier=name, units=1, shipping_minor=0) for name in sorted({p[1] for p in picks})
    )
    fields: dict[str, Any] = {"bound_minor": total}
    return RouteChoice(picks=own, parcels=parcels, sums=sums, **(fields | more))
