"""Routing's rows, and the documents that are made of them."""

from typing import Final, Literal

from shopwire.kernel.ids import derived_id
from shopwire.kernel.rows import Row
from shopwire.modules.routing.api import RouteChoice, RoutingRules, Share
from shopwire.modules.routing.events import (
    Left,
    Move,
    RouteDocument,
    RouteState,
    ScoreDocument,
    TermsDocument,
)
from shopwire.modules.routing.scoring import (
    UNIT,
    Tallies,
    mean_ms,
    parts_of,
    score_of,
)

ROUTING_KEPT_MS: Final = 180 * 24 * 3_600_000
"""How long after it was sent or asked what routing watches of a purchase order, or of units in
question, is kept; then it goes, once it is over, with the next that comes. Scores stay."""
RULES_ID: Final = "default"
"""A shop has one set of rules."""
RULES_PARTITION: Final = "routing"
"""The key whose partition the rules live in."""


class RulesRow(Row, frozen=True, kw_only=True):
    """The shop's rules."""

    table = "routing_rules"
    group_field = "id"
    key_fields = ("id",)

    id: str = RULES_ID
    version: int = 0
    rules: RoutingRules = RoutingRules()


class TermsRow(Row, frozen=True, kw_only=True):
    """What sending with a supplier costs."""

    table = "routing_terms"
    group_field = "supplier"
    key_fields = ("supplier",)

    supplier: str
    version: int = 0
    currency: str
    parcel_minor: int
    unit_minor: int
    handling_minor: int
    countries: tuple[str, ...]

    def document(self) -> TermsDocument:
        """The terms as operators see them."""
        return TermsDocument(
            supplier=self.supplier,
            currency=self.currency,
            parcel_minor=self.parcel_minor,
            unit_minor=self.unit_minor,
            handling_minor=self.handling_minor,
            countries=self.countries,
        )


class Route(Row, frozen=True, kw_only=True, omit_defaults=True):
    """The choice of one order, and what became of it."""

    table = "routing_route"
    group_field = "order_id"
    key_fields = ("order_id",)

    order_id: str
    version: int = 0
    state: RouteState
    currency: str
    choice: RouteChoice
    shares: tuple[Share, ...] = ()
    moves: tuple[Move, ...] = ()
    left: tuple[Left, ...] = ()
    chosen_at_ms: int
    released_at_ms: int | None = None
    note: str = ""

    def document(self) -> RouteDocument:
        """The choice as operators see it."""
        return RouteDocument(
            order_id=self.order_id,
            state=self.state,
            currency=self.currency,
            choice=self.choice,
            shares=self.shares,
            moves=self.moves,
            left=self.left,
            chosen_at_ms=self.chosen_at_ms,
            released_at_ms=self.released_at_ms,
            note=self.note,
        )


class Question(Row, frozen=True, kw_only=True):
    """Units in question for which another supplier is looked for."""

    table = "routing_question"
    group_field = "conflict_id"
    key_fields = ("conflict_id",)

    conflict_id: str
    order_id: str
    sku: str
    supplier: str
    quantity: int
    reason: str
    state: Literal["open", "moved", "left", "closed"] = "open"
    """`left`: to a person. `closed`: somebody else settled it."""
    opened_at_ms: int


class Watch(Row, frozen=True, kw_only=True):
    """One purchase order, as far as its supplier's score has to know it."""

    table = "routing_watch"
    group_field = "purchase_order"
    key_fields = ("purchase_order",)

    purchase_order: str
    supplier: str
    lead_ms: int | None = None
    """The longest lead time of what was ordered, where the offers said it."""
    sent_at_ms: int | None = None
    answer_due_ms: int | None = None
    answered_at_ms: int | None = None
    ship_due_ms: int | None = None
    shipped_at_ms: int | None = None
    answer_counted: bool = False
    """In the score already, as one that came in time or as one that did not."""
    parcel_counted: bool = False
    planned: int = 0
    accepted: int = 0
    refused: int = 0
    short: int = 0


class ScoreRow(Row, frozen=True, kw_only=True):
    """What a supplier did so far, fading."""

    table = "routing_score"
    group_field = "supplier"
    key_fields = ("supplier",)

    supplier: str
    version: int = 0
    score: int
    day: int
    """Days since the epoch to which the tallies are faded."""
    tallies: Tallies = Tallies()

    def document(self, at_ms: int) -> ScoreDocument:
        """The score as operators see it."""
        own = self.tallies
        return ScoreDocument(
            supplier=self.supplier,
            score=score_of(own),
            **parts_of(own),
            answers=_whole(own.answers),
            answer_ms=mean_ms(own.answer_ms, own.answers),
            parcels=_whole(own.parcels),
            parcel_ms=mean_ms(own.parcel_ms, own.parcels),
            units=_whole(own.units),
            refused=_whole(own.refused),
            withdrawn=_whole(own.withdrawn),
            sold=_whole(own.sold),
            short=_whole(own.short),
            at_ms=at_ms,
        )


def _whole(thousandths: int) -> int:
    """Rounded to whole cases."""
    return (thousandths + UNIT // 2) // UNIT


def late_question(purchase_order: str, sku: str) -> str:
    """Under which id units of a purchase order are in question whose supplier does not answer."""
    return f"{purchase_order}/L{derived_id(purchase_order, sku)[:8]}"
