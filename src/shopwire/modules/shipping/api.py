"""What others may ask of shipping.

Ids say where things live: a purchase order is `{order}/{supplier}`, or `{order}/{supplier}/{n}`
from the second on; a shipment is `{order}/S{n}`, a return `{order}/R{n}`: what a shopper sees names
no supplier.
"""

from typing import Literal

import msgspec

from shopwire.kernel.commands import Command
from shopwire.modules.orders.events import OrderFacts

TrackingStatus = Literal[
    "label",
    "picked_up",
    "in_transit",
    "out_for_delivery",
    "exception",
    "delivered",
    "returned_to_sender",
]
ReturnReason = Literal["unwanted", "damaged", "wrong_item", "late", "undeliverable", "other"]
CancelReason = Literal["shopper", "operator", "payment", "conflict"]


class Units(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units of one SKU."""

    sku: str
    quantity: int


# -- purchase orders --------------------------------------------------------------------------


class Allocation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units that were sold and a supplier is to send."""

    sku: str
    supplier: str
    quantity: int
    price_minor: int = 0
    """What the shopper paid for one unit: what a return is refunded by."""
    reference: str | None = None
    """Under which the inventory booked the sale; the order's id if None."""


class PlanPurchaseOrders(Command, frozen=True, kw_only=True):
    """Splits what an order promised by supplier, one purchase order each.

    The same plan again has no effect, whatever its idempotency key. A cancellation that came
    before the plan is taken off it.
    """

    operation = "shipping.plan_purchase_orders"
    internal = True

    order_id: str
    allocations: tuple[Allocation, ...]
    currency: str
    """Of the prices."""
    plan: str | None = None
    """What asks for it: the order itself if None, or the conflict that led to a later order."""
    known: bool = False
    """Whoever sends it takes the purchase orders over itself, as first planned: the order is not
    told of them again."""


def purchase_plan(order_id: str, facts: OrderFacts, *, known: bool = False) -> PlanPurchaseOrders:
    """The purchase orders of what an order tells of its allocation."""
    return PlanPurchaseOrders(
        order_id=order_id,
        plan=facts.plan,
        currency=facts.currency,
        allocations=tuple(
            Allocation(
                sku=one.sku,
                supplier=one.supplier,
                quantity=one.quantity,
                price_minor=one.price_minor,
                reference=one.reference,
            )
            for one in facts.allocations
        ),
        known=known,
    )


def first_purchase_order(order_id: str, supplier: str) -> str:
    """The id of the purchase order that an order's own plan makes for a supplier."""
    return f"{order_id}/{supplier}"


class HoldPurchaseOrders(Command, frozen=True, kw_only=True):
    """An order's purchase orders wait for a person, or may go; also those that are planned later.

    What left before is not called back.
    """

    operation = "shipping.hold_purchase_orders"
    internal = True

    order_id: str
    held: bool


class BeginSending(Command, frozen=True, kw_only=True):
    """From now on a planned purchase order may be known to the supplier."""

    operation = "shipping.begin_sending"
    internal = True

    purchase_order: str


class RecordSending(Command, frozen=True, kw_only=True):
    """What came of handing a purchase order over, or of asking for it.

    `received`: the supplier has it. `timed_out`: nobody knows, so it is asked for and not sent
    again. `unknown`: the supplier says that it never got it, so that it may be sent again.
    """

    operation = "shipping.record_sending"
    internal = True

    purchase_order: str
    outcome: Literal["received", "timed_out", "unknown"]
    supplier_reference: str | None = None
    asked: int | None = None
    """When the question was due that this answers, None for the answer to the sending itself."""


class AcknowledgePurchaseOrder(Command, frozen=True, kw_only=True):
    """A supplier says how many units it accepts; SKUs that are not named are refused.

    Units that it gave back since, as they were cancelled, are among them. Acknowledged again
    with fewer units, the supplier has withdrawn some; more units than in an earlier acknowledgement
    have no effect. So duplicates and late ones change nothing.
    """

    operation = "shipping.acknowledge_purchase_order"

    purchase_order: str
    lines: tuple[Units, ...]
    supplier_reference: str | None = None
    booked_at_ms: int | None = None
    """When the supplier booked the units: its counts from then on contain the sale."""
    sequence: int | None = None
    """The same, as a number in the supplier's own order of bookings."""
    supplier: str | None = None
    """Who says so, where it came from outside: refused unless it is theirs."""


class RefusePurchaseOrder(Command, frozen=True, kw_only=True):
    """A supplier accepts nothing of a purchase order."""

    operation = "shipping.refuse_purchase_order"

    purchase_order: str
    reason: str = ""
    supplier_reference: str | None = None
    supplier: str | None = None
    """As for an acknowledgement."""


class CancelPurchaseOrders(Command, frozen=True, kw_only=True):
    """Cancels what an order promised and no supplier has shipped yet.

    What no supplier can have seen is cancelled at once, other units are asked for at their
    supplier, who decides whether it shipped first. Before the order is planned the wish is kept.
    Asked again with the same `wish` it has no effect. Result: units by SKU that are `cancelled`
    now, `asked` for, and `too_late`.
    """

    operation = "shipping.cancel_purchase_orders"

    order_id: str
    wish: str
    """What asks for it; unique in the order, for example `order` or a conflict's id."""
    reason: CancelReason
    lines: tuple[Units, ...] | None = None
    """Units to cancel; everything if None."""
    purchase_order: str | None = None
    """Only of this one; of all if None."""


class RecordCancellation(Command, frozen=True, kw_only=True):
    """A supplier's answer to the units that it was asked to cancel.

    Both are totals since the purchase order was sent, so that a repetition has no effect.
    """

    operation = "shipping.record_cancellation"

    purchase_order: str
    asked: tuple[Units, ...]
    cancelled: tuple[Units, ...]
    """What will not be shipped; the rest of what was asked comes too late."""
    unanswered: bool = False
    """It rests on the supplier never having had the order: refused once it has answered."""


class Departures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a supplier's purchase orders leave, together with the others that wait."""

    zone: str = "UTC"
    """Time zone of the supplier, such as `Europe/Berlin`."""
    cutoffs: tuple[str, ...] = ()
    """Moments of its day, `HH:MM`; none: at any time."""
    weekdays: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    """Days on which orders leave, 1 for Monday."""
    every_ms: int = 0
    """Pace, instead of moments of a day; 0 for none."""
    orders: int = 0
    """So many orders leave without waiting any longer; 0 for never."""


class SetSupplierRules(Command, frozen=True, kw_only=True):
    """How long a supplier may take, and how long its purchase orders wait before they leave."""

    operation = "shipping.set_supplier_rules"

    supplier: str
    send_after_ms: int = 0
    """A purchase order leaves that long after the order: until then it is cancelled at no cost."""
    departures: Departures | None = None
    """When orders that may leave do; at once if None."""
    acknowledge_within_ms: int = 2 * 3_600_000
    ship_within_ms: int = 3 * 24 * 3_600_000


class ApplyOffer(Command, frozen=True, kw_only=True):
    """A supplier's terms as purchase orders need them; sent for each offer that changes."""

    operation = "shipping.apply_offer"
    internal = True

    sku: str
    supplier: str
    cost_minor: int
    currency: str
    active: bool = True
    supplier_sku: str | None = None
    """What the supplier calls it; None: as the shop does."""


# -- shipments --------------------------------------------------------------------------------


class RecordShipment(Command, frozen=True, kw_only=True):
    """A supplier handed units to a carrier. Never more than it accepted.

    A shipment before the acknowledgement accepts its units. The same `reference` again has no
    effect.
    """

    operation = "shipping.record_shipment"

    purchase_order: str
    reference: str
    """The supplier's own name for the parcel; unique within the purchase order."""
    carrier: str
    tracking: str
    lines: tuple[Units, ...]
    shipped_at_ms: int | None = None
    supplier: str | None = None
    """As for an acknowledgement."""


class RecordTracking(Command, frozen=True, kw_only=True):
    """A carrier saw a parcel. Whatever order the carrier's words come in, the status is the same.

    The same `event` again has no effect.
    """

    operation = "shipping.record_tracking"

    shipment: str
    event: str
    """The carrier's own name for what it saw; unique within the shipment."""
    status: TrackingStatus
    at_ms: int


# -- returns ----------------------------------------------------------------------------------


class OpenReturn(Command, frozen=True, kw_only=True):
    """A shopper sends units back: only what was shipped and is not on its way back already.

    Result: the return's id and what it is worth.
    """

    operation = "shipping.open_return"

    order_id: str
    lines: tuple[Units, ...]
    reason: ReturnReason = "other"


class ReceiveReturn(Command, frozen=True, kw_only=True):
    """Units of a return arrived; their price is refunded and, with `restock`, their stock is free.

    Each receipt is taken once: the same number again with the same lines has no effect.
    """

    operation = "shipping.receive_return"

    return_id: str
    lines: tuple[Units, ...] | None = None
    """What arrived; everything that is missing if None."""
    restock: bool = True
    receipt: int = 1
    """Counts the parcels of a return that came in several."""


class CloseReturn(Command, frozen=True, kw_only=True):
    """Nothing more will come of a return; what is missing counts as not sent back."""

    operation = "shipping.close_return"

    return_id: str


# -- what could not be placed -----------------------------------------------------------------


class TrackingNotice(msgspec.Struct, frozen=True, kw_only=True, tag="tracking"):
    """What a carrier said of a parcel."""

    carrier: str
    tracking: str
    event: str
    status: TrackingStatus
    at_ms: int


class AcknowledgementNotice(msgspec.Struct, frozen=True, kw_only=True, tag="acknowledgement"):
    """What a supplier said of a purchase order."""

    purchase_order: str
    lines: tuple[Units, ...]
    supplier_reference: str | None = None
    booked_at_ms: int | None = None
    sequence: int | None = None
    reason: str = ""
    """Why nothing was accepted: a word."""


class ParcelNotice(msgspec.Struct, frozen=True, kw_only=True, tag="shipment"):
    """What a supplier said of a parcel."""

    purchase_order: str
    reference: str
    carrier: str
    tracking: str
    lines: tuple[Units, ...]
    shipped_at_ms: int | None = None


Notice = TrackingNotice | AcknowledgementNotice | ParcelNotice


class KeepNotice(Command, frozen=True, kw_only=True):
    """Keeps a signed notice that could not be applied, where a person sees it."""

    operation = "shipping.keep_notice"
    internal = True

    source: str
    """`carrier:<name>` or `supplier:<name>`."""
    id: str
    """The sender's id of its message; unique at the source."""
    notice: Notice
    because: str
    """Name of the error that it met."""


class ApplyNotice(Command, frozen=True, kw_only=True):
    """Applies a kept notice after all, to shipments that are known by now; else it stays."""

    operation = "shipping.apply_notice"
    internal = True

    source: str
    id: str
    notice: Notice
    """As it was kept: it says which things have to be held."""
    shipments: tuple[str, ...] = ()
    """Which shipments a carrier's tracking number belongs to."""


class ReplayNotice(Command, frozen=True, kw_only=True):
    """A person asks to apply a kept notice again, as by now it may fit."""

    operation = "shipping.replay_notice"

    source: str
    id: str


class DismissNotice(Command, frozen=True, kw_only=True):
    """A person looked at a kept notice and nothing has to be done."""

    operation = "shipping.dismiss_notice"

    source: str
    id: str
