"""From what is known of offers, pools and rules to a choice with its reasons: pure.

Every weight is a number of minor units that is added to what a unit or a parcel costs, so that the
least sum decides and each part of it can be shown beside the others.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from shopwire.modules.routing.api import (
    Action,
    Alternative,
    Barred,
    LeftOut,
    Parcel,
    Pick,
    Review,
    RouteChoice,
    RoutingRules,
    Rule,
    Sums,
)
from shopwire.modules.routing.choice import Need, Option, Solution, can_be_met, solve
from shopwire.modules.routing.scoring import SCORE_MAX

ALTERNATIVES_MAX: Final = 3
"""Alternatives that are kept with a choice, the best ones."""
COMPARED_STEPS_MAX: Final = 5_000
"""Steps of a choice up to which it is compared with leaving each supplier out; beyond that only
with single suppliers, since a shopper waits."""
LEFT_OUT_MAX: Final = 50
"""Offers of which a choice says why they were not weighed; of more only these."""
BASIS: Final = 10_000
"""Basis points of a whole."""
DOUBT_MAX: Final = 1_000
"""Doubt about a count that nobody believes."""
DOUBTFUL: Final = 500
"""Doubt about a count that did not say which sales are in it."""
UNKNOWN_AGE: Final = 250
"""Doubt about a count that does not say of which moment it is."""
AGE_MS_MAX: Final = 7 * 24 * 3_600_000
"""Age of a count at which its doubt is full, besides what is doubtful in it."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one SKU that an order needs."""

    sku: str
    quantity: int
    revenue_minor: int
    """What the shopper pays for all of them."""
    categories: frozenset[str] = frozenset()
    """Slugs of the article's categories and of those above them."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One supplier's offer and pool of one SKU."""

    sku: str
    supplier: str
    there: int
    """Units that can be promised."""
    beyond: int = 0
    """Units that may be promised besides, to be sent later."""
    cost_minor: int | None = None
    """None where there is no active offer."""
    currency: str = ""
    lead_time_days: int | None = None
    least: int = 1
    most: int | None = None
    doubtful: bool = False
    as_of_ms: int | None = None
    paused: bool = False
    seq: int = 0
    """Movements of the pool so far."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What sending with a supplier costs, in the order's currency."""

    parcel_minor: int
    unit_minor: int
    handling_minor: int = 0
    countries: tuple[str, ...] = ()
    currency: str = ""
    """Empty for the order's own."""


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """What a choice is made for."""

    currency: str
    country: str
    value_minor: int
    now_ms: int


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known when a choice is made."""

    candidates: tuple[Candidate, ...]
    terms: Mapping[str, Terms]
    scores: Mapping[str, int]
    """From 0 to SCORE_MAX; who is not there has `prior`."""
    prior: int
    """Score of a supplier of whom nothing is known."""
    rules: RoutingRules = RoutingRules()
    rules_version: int = 0

    def terms_of(self, supplier: str) -> Terms:
        """A supplier's own, or the shop's for those without."""
        shop = Terms(parcel_minor=self.rules.parcel_minor, unit_minor=self.rules.unit_minor)
        return self.terms.get(supplier, shop)

    def score_of(self, supplier: str) -> int:
        """A supplier's score, the prior where nothing is known."""
        return self.scores.get(supplier, self.prior)


def choose(
    wanted: Sequence[Wanted],
    known: Known,
    occasion: Occasion,
    *,
    avoid: frozenset[str] = frozenset(),
) -> RouteChoice | None:
    """The choice with the least total; None where no offer can be weighed at all.

    `avoid` are suppliers that must not send anything, whatever the rules say.
    """
    table = _Table(wanted, known, occasion, avoid)
    if not table.needs:
        return None
    solution = solve(table.needs, table.fixed)
    assert solution is not None, "a need is only there where it can be met"
    found = table.choice(solution)
    return msgspec.structs.replace(found, reviews=_reviews(found, table))


def table_of(
    wanted: Sequence[Wanted], known: Known, occasion: Occasion
) -> tuple[Sequence[Need], Mapping[str, int]]:
    """The needs and fixed costs that a choice solves, to be solved in other ways as well."""
    table = _Table(wanted, known, occasion, frozenset())
    return table.needs, table.fixed


class _Table:
    """The needs and options of one choice, and how their weights came about."""

    def __init__(
        self,
        wanted: Sequence[Wanted],
        known: Known,
        occasion: Occasion,
        avoid: frozenset[str],
    ) -> None:
        self.known, self.occasion, self.avoid = known, occasion, avoid
        self.wanted = {one.sku: one for one in wanted}
        self.left_out: list[LeftOut] = []
        self._picks: dict[tuple[str, str], Pick] = {}
        by_sku: dict[str, list[Candidate]] = {sku: [] for sku in self.wanted}
        for one in known.candidates:
            if one.sku in by_sku:
                by_sku[one.sku].append(one)
        self.unrouted: list[str] = []
        self.needs: list[Need] = []
        for sku, own in sorted(by_sku.items()):
            need = self._need(self.wanted[sku], own)
            if need is None:
                self.unrouted.append(sku)
            else:
                self.needs.append(need)
        split = known.rules.split_minor
        self.fixed = {}
        for supplier in {option.supplier for need in self.needs for option in need.options}:
            terms = known.terms_of(supplier)
            self.fixed[supplier] = (
                terms.parcel_minor - terms.unit_minor + terms.handling_minor + split
            )

    def _need(self, wanted: Wanted, candidates: list[Candidate]) -> Need | None:
        """The options of one SKU; units that are not there yet only where it cannot be without."""
        usable = [one for one in candidates if self._is_usable(one, wanted)]
        for beyond in (False, True):
            options = []
            for one in sorted(usable, key=lambda one: one.supplier):
                most = one.there + (one.beyond if beyond else 0)
                most = most if one.most is None else min(most, one.most)
                if most >= max(1, one.least):
                    options.append(self._option(one, wanted, most))
            need = Need(wanted.sku, wanted.quantity, tuple(options))
            if can_be_met(need):
                return need
        return None

    def _is_usable(self, one: Candidate, wanted: Wanted) -> bool:
        if one.supplier in self.avoid:
            return False
        rule, why = "", self._bar(one)
        if why is None:
            for each in self._applying("exclude", one, wanted):
                why, rule = "rule", each.name
        if why is None and not one.there + one.beyond:
            why = "no_stock"
        if why is not None:
            told = LeftOut(sku=one.sku, supplier=one.supplier, why=why, rule=rule)
            self.left_out.append(told)
        return why is None

    def _bar(self, one: Candidate) -> Barred | None:
        """What keeps an offer out whatever the rules say."""
        terms, own = self.known.terms_of(one.supplier), self.occasion.currency
        if one.cost_minor is None:
            return "no_offer"
        if one.paused:
            return "paused"
        if one.currency != own or terms.currency not in {"", own}:
            return "currency"
        if terms.countries and self.occasion.country not in terms.countries:
            return "region"
        return None

    def _applying(self, action: Action, one: Candidate, wanted: Wanted) -> Iterable[Rule]:
        margin = wanted.revenue_minor // wanted.quantity - (one.cost_minor or 0)
        for rule in self.known.rules.rules:
            below = rule.margin_below_minor
            if (
                rule.action == action
                and (not rule.suppliers or one.supplier in rule.suppliers)
                and (below is None or margin < below)
                and _concerns(rule, wanted)
                and _fits(rule, self.occasion)
            ):
                yield rule

    def _option(self, one: Candidate, wanted: Wanted, most: int) -> Option:
        rules, cost = self.known.rules, one.cost_minor or 0
        days = rules.unknown_lead_days if one.lead_time_days is None else one.lead_time_days
        lacking = SCORE_MAX - self.known.score_of(one.supplier)
        doubt = _doubt(one, self.occasion.now_ms)
        pick = Pick(
            sku=one.sku,
            supplier=one.supplier,
            quantity=0,
            cost_minor=cost,
            lead_time_days=one.lead_time_days,
            lead_minor=days * rules.lead_day_minor,
            score_minor=cost * lacking * rules.score_bp // (SCORE_MAX * BASIS),
            doubt_minor=cost * doubt * rules.doubt_bp // (DOUBT_MAX * BASIS),
            bonus_minor=sum(rule.bonus_minor for rule in self._applying("prefer", one, wanted)),
        )
        self._picks[one.sku, one.supplier] = pick
        unit = self.known.terms_of(one.supplier).unit_minor
        return Option(one.supplier, cost + unit + _weights(pick), most, max(1, one.least))

    # -- what a solution means ----------------------------------------------------------------

    def choice(self, solution: Solution) -> RouteChoice:
        """The solution with its parts, and what else there was."""
        picks = self.picks(self.needs, solution)
        sums = self.sums(picks)
        split = self.known.rules.split_minor
        assert sums.total_minor == solution.total - split, "every part of the total is shown"
        return RouteChoice(
            picks=picks,
            parcels=self.parcels(picks),
            sums=sums,
            bound_minor=solution.bound - split,
            alternatives=self._alternatives(solution),
            left_out=tuple(self.left_out[:LEFT_OUT_MAX]),
            unrouted=tuple(self.unrouted),
            next_best=self._next_best(picks),
            rules_version=self.known.rules_version,
        )

    def picks(self, needs: Sequence[Need], solution: Solution) -> tuple[Pick, ...]:
        """Who sends what."""
        return tuple(
            msgspec.structs.replace(self._picks[need.sku, supplier], quantity=units)
            for need, own in zip(needs, solution.units, strict=True)
            for supplier, units in own
        )

    def parcels(self, picks: Iterable[Pick]) -> tuple[Parcel, ...]:
        """What each supplier sends."""
        units: dict[str, int] = {}
        for pick in picks:
            units[pick.supplier] = units.get(pick.supplier, 0) + pick.quantity
        found = []
        for supplier, count in sorted(units.items()):
            terms = self.known.terms_of(supplier)
            found.append(
                Parcel(
                    supplier=supplier,
                    units=count,
                    shipping_minor=terms.parcel_minor + (count - 1) * terms.unit_minor,
                    handling_minor=terms.handling_minor,
                    score=self.known.score_of(supplier),
                )
            )
        return tuple(found)

    def sums(self, picks: Sequence[Pick]) -> Sums:
        """What an assignment comes to, added up from its parts."""
        parcels = self.parcels(picks)
        cost = sum(pick.quantity * pick.cost_minor for pick in picks)
        shipping = sum(one.shipping_minor + one.handling_minor for one in parcels)
        weights = sum(pick.quantity * _weights(pick) for pick in picks)
        weights += max(0, len(parcels) - 1) * self.known.rules.split_minor
        skus = dict.fromkeys(pick.sku for pick in picks)
        revenue = sum(self.wanted[sku].revenue_minor for sku in skus)
        rules = self.known.rules
        fee = revenue * rules.fee_bp // BASIS + rules.fee_minor
        return Sums(
            cost_minor=cost,
            shipping_minor=shipping,
            weights_minor=weights,
            total_minor=cost + shipping + weights,
            revenue_minor=revenue,
            fee_minor=fee,
            profit_minor=revenue - cost - shipping - fee,
        )

    def _alternatives(self, solution: Solution) -> tuple[Alternative, ...]:
        """The best without each supplier of the solution, and the best from one supplier only."""
        found: dict[tuple[Pick, ...], Alternative] = {}
        everybody = sorted({one.supplier for need in self.needs for one in need.options})
        tried: list[tuple[Literal["without", "only"], str, list[Need]]] = []
        if solution.steps <= COMPARED_STEPS_MAX:
            tried += [
                ("without", supplier, self._narrowed(supplier, only=False))
                for supplier in solution.suppliers
            ]
        if len(solution.suppliers) > 1:
            tried += [
                ("only", supplier, self._narrowed(supplier, only=True)) for supplier in everybody
            ]
        for kind, supplier, needs in tried:
            other = solve(needs, self.fixed) if all(need.options for need in needs) else None
            if other is None:
                continue
            picks = self.picks(needs, other)
            told = Alternative(kind=kind, supplier=supplier, picks=picks, sums=self.sums(picks))
            found.setdefault(picks, told)
        best = sorted(found.values(), key=lambda one: (one.sums.total_minor, one.supplier))
        return tuple(best[:ALTERNATIVES_MAX])

    def _narrowed(self, supplier: str, *, only: bool) -> list[Need]:
        """The needs with nobody but this supplier, or with everybody else."""
        return [
            need._replace(
                options=tuple(one for one in need.options if (one.supplier == supplier) == only)
            )
            for need in self.needs
        ]

    def _next_best(self, picks: Sequence[Pick]) -> tuple[tuple[str, str], ...]:
        """Who takes over where units are gone: those who send anyway, then the cheapest."""
        sends = {pick.supplier for pick in picks}
        chosen = {(pick.sku, pick.supplier) for pick in picks}
        return tuple(
            (need.sku, one.supplier)
            for need in self.needs
            for one in sorted(
                need.options, key=lambda one: (one.supplier not in sends, one.price, one.supplier)
            )
            if (need.sku, one.supplier) not in chosen
        )


def _weights(pick: Pick) -> int:
    return pick.lead_minor + pick.score_minor + pick.doubt_minor - pick.bonus_minor


def _doubt(one: Candidate, now_ms: int) -> int:
    """How far a count is not to be believed, from 0 to DOUBT_MAX."""
    doubt = DOUBTFUL if one.doubtful else 0
    if one.as_of_ms is None:
        return doubt + UNKNOWN_AGE
    age_ms = min(max(0, now_ms - one.as_of_ms), AGE_MS_MAX)
    return doubt + (DOUBT_MAX - DOUBTFUL) * age_ms // AGE_MS_MAX


def _concerns(rule: Rule, wanted: Wanted) -> bool:
    """Whether a rule is about an article."""
    by_sku = not rule.skus or wanted.sku in rule.skus
    return by_sku and (not rule.categories or not wanted.categories.isdisjoint(rule.categories))


def _fits(rule: Rule, occasion: Occasion) -> bool:
    """Whether a rule is about such an order."""
    value = occasion.value_minor
    return (
        (not rule.countries or occasion.country in rule.countries)
        and (rule.value_from_minor is None or value >= rule.value_from_minor)
        and (rule.value_to_minor is None or value <= rule.value_to_minor)
    )


def _reviews(found: RouteChoice, table: _Table) -> tuple[Review, ...]:
    """Why a person has to look at a choice before its purchase orders go."""
    reviews: list[Review] = []
    for rule in table.known.rules.rules:
        if rule.action != "review" or not _fits(rule, table.occasion):
            continue
        skus = tuple(
            dict.fromkeys(
                pick.sku
                for pick in found.picks
                if (not rule.suppliers or pick.supplier in rule.suppliers)
                and _concerns(rule, table.wanted[pick.sku])
            )
        )
        below = rule.margin_below_minor
        if skus and (below is None or found.sums.profit_minor < below):
            reviews.append(Review(why="rule", rule=rule.name, skus=skus))
    barred = {one.sku for one in found.left_out if one.why in {"rule", "region", "paused"}}
    excluded = tuple(sku for sku in found.unrouted if sku in barred)
    if excluded:
        # It is sold all the same, from whoever has it; a person decides what becomes of it.
        reviews.append(Review(why="excluded", skus=excluded))
    return tuple(reviews)
