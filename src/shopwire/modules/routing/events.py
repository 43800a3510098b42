"""What happened to choices, rules, terms and scores. All of it is for operators."""

from typing import Literal

import msgspec
from typing_extensions import override

from shopwire.kernel.events import Event
from shopwire.kernel.ids import home_of_order
from shopwire.modules.routing.api import Pick, RouteChoice, RoutingRules, Share

RouteState = Literal["chosen", "waiting", "released"]
"""`waiting`: its purchase orders wait for a person."""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """Units of an order that went from one supplier to others."""

    conflict_id: str
    sku: str
    supplier: str
    """Who was to send them."""
    why: str
    """`refused`, `late`, `overpromised`, or `review` where a person chose."""
    quantity: int
    picks: tuple[Pick, ...]
    shipping_minor: int
    paid_minor: int
    loss_minor: int
    """How much more than the shopper paid for them they cost; 0 where they cost less."""
    at_ms: int


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """Units in question that a person has to decide about."""

    conflict_id: str
    sku: str
    supplier: str
    why: str
    loss_minor: int = 0
    at_ms: int


class RouteDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends what of an order and why, as operators see it."""

    order_id: str
    state: RouteState
    currency: str
    choice: RouteChoice
    shares: tuple[Share, ...]
    """Who really sends what, once the units are sold."""
    moves: tuple[Move, ...]
    left: tuple[Left, ...]
    chosen_at_ms: int
    released_at_ms: int | None
    note: str


class RouteEvent(Event, frozen=True, kw_only=True):
    """What all events of a choice have in common: they live with their order."""

    topic_kind = "route"
    audience = "operator"

    document: RouteDocument

    @property
    @override
    def home(self) -> str:
        return home_of_order(self.entity)


class RouteChosen(RouteEvent, frozen=True, kw_only=True):
    """The suppliers of an order are chosen, before its units are held."""

    event_type = "routing.route_chosen"


class RouteShared(RouteEvent, frozen=True, kw_only=True):
    """The units are sold: this is who sends them."""

    event_type = "routing.route_shared"


class RouteChanged(RouteEvent, frozen=True, kw_only=True):
    """Units went to another supplier, or could not."""

    event_type = "routing.route_changed"


class RouteReleased(RouteEvent, frozen=True, kw_only=True):
    """A person let the purchase orders go."""

    event_type = "routing.route_released"


class RulesDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The rules as operators see them."""

    rules: RoutingRules


class RoutingRulesPut(Event, frozen=True, kw_only=True):
    """Other rules hold from now on."""

    event_type = "routing.rules_put"
    topic_kind = "routing"
    audience = "operator"

    document: RulesDocument


class TermsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What sending with a supplier costs, and where it sends to."""

    supplier: str
    currency: str
    parcel_minor: int
    unit_minor: int
    handling_minor: int
    countries: tuple[str, ...]


class TermsPut(Event, frozen=True, kw_only=True):
    """A supplier's shipping costs something else from now on."""

    event_type = "routing.terms_put"
    topic_kind = "terms"
    audience = "operator"

    document: TermsDocument


class ScoreDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How well a supplier keeps its word, with the numbers that it follows from.

    Counts fade with time: they are what is left of the cases, rounded.
    """

    supplier: str
    score: int
    """From 0 to 1000."""
    acknowledged: int
    """Share of purchase orders that were answered in time, 0 to 1000, drawn towards the prior."""
    shipped: int
    """Share that was shipped within the lead time."""
    accepted: int
    """Share of the units asked for that were not refused."""
    kept: int
    """Share of the accepted units that were not withdrawn later."""
    honest: int
    """Share of the units sold from its counts that it really had."""
    answers: int
    answer_ms: int | None
    """Mean time to an answer."""
    parcels: int
    parcel_ms: int | None
    """Mean time from the answer to the parcel."""
    units: int
    refused: int
    withdrawn: int
    sold: int
    short: int
    at_ms: int


class SupplierScored(Event, frozen=True, kw_only=True):
    """A supplier's score, or a number beside it, is another one."""

    event_type = "routing.supplier_scored"
    topic_kind = "score"
    audience = "operator"

    document: ScoreDocument


EVENTS = (
    RouteChosen,
    RouteShared,
    RouteChanged,
    RouteReleased,
    RoutingRulesPut,
    TermsPut,
    SupplierScored,
)
