"""What others may ask of routing, and the shape of a choice.

All amounts are minor units of the order's currency. What is money (what the shop pays and gets) and
what is a weight (what a merchant would pay for a day less, or for one parcel less) are told apart
everywhere: the least total decides, the profit is shown.
"""

from typing import Literal

import msgspec

from shopwire.kernel.commands import Command
from shopwire.modules.orders.events import OrderFacts

Action = Literal["prefer", "exclude", "review"]
Reason = Literal["refused", "late", "overpromised"]
"""Why units that were promised from a supplier are to come from another one."""


# -- what a merchant writes -------------------------------------------------------------------


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to happen where all of its conditions hold; an empty condition holds always.

    `prefer` takes `bonus_minor` off what a supplier's unit weighs, `exclude` takes none of its
    units, `review` lets the order's purchase orders wait for a person.
    """

    name: str
    """For people, and in explanations."""
    action: Action
    suppliers: tuple[str, ...] = ()
    """One of these sends the unit; for `review`: one of these was chosen."""
    skus: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    """Slugs; a category above the article's own counts too."""
    countries: tuple[str, ...] = ()
    """Where it goes: ISO 3166-1 alpha-2."""
    value_from_minor: int | None = None
    """The order's value, at least."""
    value_to_minor: int | None = None
    """The order's value, at most."""
    margin_below_minor: int | None = None
    """A unit leaves less than this over its cost; for `review`: the whole order's profit is less
    than this."""
    bonus_minor: int = 0
    """With `prefer`: how much more a unit of it may cost and still be taken."""


class RoutingRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How suppliers are weighed. The defaults favour the cheapest way that is one parcel."""

    lead_day_minor: int = 20
    """What a day of lead time of a unit weighs."""
    unknown_lead_days: int = 7
    """What a lead time counts as that no offer says."""
    split_minor: int = 150
    """What each further parcel weighs, besides what it costs to send."""
    score_bp: int = 1_000
    """Share of its cost, in basis points, that a unit of a supplier with score 0 weighs more; with
    the full score of 1000 it weighs nothing more."""
    doubt_bp: int = 500
    """Share of its cost, in basis points, that a unit weighs more whose count nobody believes."""
    parcel_minor: int = 0
    """Shipping of a supplier's first unit, where its own terms do not say it."""
    unit_minor: int = 0
    """Shipping of each further unit, where the supplier's own terms do not say it."""
    fee_bp: int = 290
    """The payment's fee as a share of what the shopper pays, in basis points: for the profit."""
    fee_minor: int = 30
    """The payment's fee for each order: for the profit."""
    reroute: tuple[Reason, ...] = ("refused", "late")
    """For which reasons units go to the next best supplier by themselves."""
    reroute_loss_minor_max: int = 0
    """How much more than the shopper paid for them units may cost the shop when they go to another
    supplier by themselves; beyond that a person decides."""
    rules: tuple[Rule, ...] = ()


class PutRules(Command, frozen=True, kw_only=True):
    """Replaces the shop's routing rules; choices that were made stay."""

    operation = "routing.put_rules"

    rules: RoutingRules
    expected_version: int | None = None
    """Version that the caller has seen; another one means that somebody else was faster."""


class PutTerms(Command, frozen=True, kw_only=True):
    """What sending with a supplier costs, and where it sends to; replaces what was known."""

    operation = "routing.put_terms"

    supplier: str
    currency: str
    parcel_minor: int
    """Shipping of the first unit of a parcel."""
    unit_minor: int
    """Shipping of each further unit; not more than the first."""
    handling_minor: int = 0
    """What the supplier asks for each purchase order."""
    countries: tuple[str, ...] = ()
    """Where it sends to, ISO 3166-1 alpha-2; empty for everywhere."""


# -- a choice ---------------------------------------------------------------------------------


class Pick(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units of one SKU that one supplier is to send, and what each of them weighs."""

    sku: str
    supplier: str
    quantity: int
    cost_minor: int
    """Of one unit."""
    lead_time_days: int | None = None
    lead_minor: int = 0
    """What its lead time weighs."""
    score_minor: int = 0
    """What the supplier's score weighs."""
    doubt_minor: int = 0
    """What the doubt about its count weighs."""
    bonus_minor: int = 0
    """What rules that prefer it take off."""


class Parcel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one supplier sends of an order."""

    supplier: str
    units: int
    shipping_minor: int
    """Of the first unit and of all further ones."""
    handling_minor: int = 0
    score: int = 1_000
    """The supplier's, from 0 to 1000, as it was then."""


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What an assignment comes to."""

    cost_minor: int
    shipping_minor: int
    """With what suppliers ask for handling."""
    weights_minor: int
    """What lead time, scores, doubt and further parcels weigh, less what is preferred."""
    total_minor: int
    """The sum of the three: the least decides."""
    revenue_minor: int
    """What the shopper pays for these units."""
    fee_minor: int
    """What the payment costs."""
    profit_minor: int
    """Revenue less cost, shipping and fee."""


class Alternative(msgspec.Struct, frozen=True, kw_only=True):
    """The best that there is with a difference, to compare with."""

    kind: Literal["without", "only"]
    supplier: str
    picks: tuple[Pick, ...]
    sums: Sums


Barred = Literal["no_offer", "no_stock", "paused", "currency", "region", "rule"]
"""Why an offer was not weighed."""


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier's offer that was not weighed, and why."""

    sku: str
    supplier: str
    why: Barred
    rule: str = ""


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """Why a person has to look at it."""

    why: Literal["rule", "excluded", "unroutable"]
    rule: str = ""
    skus: tuple[str, ...] = ()


class RouteChoice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who sends what of an order, why, and what else there was."""

    picks: tuple[Pick, ...]
    parcels: tuple[Parcel, ...]
    sums: Sums
    bound_minor: int
    """No assignment has a lower total; equal to the total where that is proved to be the best."""
    alternatives: tuple[Alternative, ...] = ()
    """Up to three, the best first."""
    left_out: tuple[LeftOut, ...] = ()
    unrouted: tuple[str, ...] = ()
    """SKUs that nobody with an offer has enough of: they come from whoever has some."""
    reviews: tuple[Review, ...] = ()
    next_best: tuple[tuple[str, str], ...] = ()
    """(SKU, supplier) pairs that take over where a pick's units are gone, the cheapest first."""
    rules_version: int = 0


# -- steps ------------------------------------------------------------------------------------


class RecordChoice(Command, frozen=True, kw_only=True):
    """Keeps a choice with the order that it was made for, in the transaction of its start."""

    operation = "routing.record_choice"
    internal = True

    order_id: str
    currency: str
    choice: RouteChoice


class Share(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units of one SKU that come from one supplier."""

    sku: str
    supplier: str
    quantity: int


class NoteShares(Command, frozen=True, kw_only=True):
    """Who really sends the units of a plan, as the inventory gave them."""

    operation = "routing.note_shares"
    internal = True

    order_id: str
    plan: str
    """The order's id, or that of the conflict that led to it."""
    shares: tuple[Share, ...]


def shares_of_order(order_id: str, facts: OrderFacts) -> NoteShares:
    """The shares of an order's own plan, from what it tells of its allocation."""
    shares = tuple(
        Share(sku=one.sku, supplier=one.supplier, quantity=one.quantity)
        for one in facts.allocations
    )
    return NoteShares(order_id=order_id, plan=order_id, shares=shares)


class NoteConflict(Command, frozen=True, kw_only=True):
    """Units of an order are in question, or were settled."""

    operation = "routing.note_conflict"
    internal = True

    conflict_id: str
    order_id: str
    sku: str
    supplier: str
    quantity: int
    reason: str
    open: bool
    wait_ms: int = 0
    """How long to wait before anybody else is looked for."""


class Reroute(Command, frozen=True, kw_only=True):
    """Units in question go to other suppliers; refused as a whole where they are gone meanwhile."""

    operation = "routing.reroute"
    internal = True

    conflict_id: str
    sku: str
    picks: tuple[Pick, ...]
    shipping_minor: int
    """What sending them costs more."""
    paid_minor: int
    """What the shopper paid for them."""
    purchase_order: str = ""
    """Where its supplier does not answer: the one whose units are moved."""
    seen: int
    """Sum of the movements of all pools of the SKU, as they were when this was chosen."""


class LeaveToPerson(Command, frozen=True, kw_only=True):
    """Units in question stay so until a person chooses; says why nobody else sends them."""

    operation = "routing.leave_to_person"
    internal = True

    conflict_id: str
    why: Literal["nobody", "loss", "off", "answered"]
    """Nobody else has them; they would cost too much; the rules say so; or it is over: the supplier
    answered meanwhile."""
    loss_minor: int = 0


# -- what a person asks -----------------------------------------------------------------------


class ReleaseRoute(Command, frozen=True, kw_only=True):
    """Lets the purchase orders of an order go that waited for a person; again has no effect."""

    operation = "routing.release_route"

    order_id: str
    note: str = ""
    """Why, for whoever reads it later."""


class ChooseSupplier(Command, frozen=True, kw_only=True):
    """Lets units of an order come from another supplier than the one that was chosen.

    The first supplier is asked not to send them, at once where its purchase order has not left.
    Raises StockShort where the other one has not enough, OrderState where fewer can be moved.
    """

    operation = "routing.choose_supplier"

    order_id: str
    move: str
    """Names this wish, such as `M1`; the same again has no effect."""
    sku: str
    supplier: str
    """Who was to send them."""
    to: str
    quantity: int


# -- what suppliers did -----------------------------------------------------------------------


class Observe(Command, frozen=True, kw_only=True):
    """What a supplier did with a purchase order, or with its count, for its score.

    Units are totals of the purchase order, so that an observation that comes again, or late,
    counts once.
    """

    operation = "routing.observe"
    internal = True

    supplier: str
    purchase_order: str
    """For what a count said: what the units were sold as."""
    what: Literal["promised", "planned", "sent", "answered", "late", "shipped", "short"]
    at_ms: int
    due_ms: int | None = None
    """When the supplier's next word is due."""
    sent_at_ms: int | None = None
    """Of an answer: since when the supplier had the order, where that is known."""
    sent_due_ms: int | None = None
    """Of an answer: when it was due."""
    lead_ms: int | None = None
    planned: int = 0
    accepted: int = 0
    refused: int = 0
    short: int = 0
    """Units that were sold from its count and that it turned out to lack."""
