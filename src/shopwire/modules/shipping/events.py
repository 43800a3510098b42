"""What happened to purchase orders, shipments and returns.

Who answers what: the inventory books what a supplier acknowledged and takes back what returned,
payments refund a return (both by shipping's own consumers). Orders answer refused and cancelled
units (release or replace them, refund them, ask the shopper), shipments and returns.
"""

from typing import Literal

import msgspec
from typing_extensions import override

from shopwire.kernel.events import Event
from shopwire.kernel.ids import home_of_order
from shopwire.modules.shipping.api import Notice, ReturnReason, TrackingStatus

PurchaseOrderStatus = Literal[
    "planned",
    "sending",
    "timed_out",
    "sent",
    "acknowledged",
    "partly_shipped",
    "shipped",
    "delivered",
    "refused",
    "cancelling",
    "cancelled",
]
Answer = Literal["accepted", "partial", "refused"]
ReturnStatus = Literal["announced", "partly_received", "received", "closed"]
Late = Literal["acknowledgement", "shipment"]


class OfOrder(Event, frozen=True, kw_only=True):
    """Lives with its order, under the id of the cart."""

    @property
    @override
    def home(self) -> str:
        return home_of_order(self.entity)


# -- purchase orders --------------------------------------------------------------------------


class LineDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One SKU of a purchase order. Units without a fate yet are still expected."""

    sku: str
    ordered: int
    accepted: int
    refused: int
    cancelling: int
    """Asked to be cancelled; the supplier has not answered."""
    cancelled: int
    shipped: int
    delivered: int
    cost_minor: int | None
    cost_currency: str | None
    supplier_sku: str | None = None
    """What the supplier calls it; None: as the shop does. Its answers may name either."""


class PurchaseOrderDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase order as operators see it."""

    id: str
    order_id: str
    supplier: str
    status: PurchaseOrderStatus
    answer: Answer | None
    """What the supplier said to it, None before it did."""
    late: Late | None
    """What the supplier owes for longer than it may."""
    supplier_reference: str | None
    lines: tuple[LineDocument, ...]
    reason: str
    """Why it was refused or cancelled: a word."""
    planned_at_ms: int
    due_at_ms: int | None
    """When the supplier's next word is due."""


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """Units that one event is about."""

    sku: str
    quantity: int
    reference: str
    """Under which the inventory booked their sale."""
    value_minor: int = 0
    """What the shopper paid for them, where they will not come; else 0."""


class PurchaseOrderFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What consumers need and screens do not."""

    order_id: str
    supplier: str
    plan: str
    accepted: tuple[Moved, ...] = ()
    refused: tuple[Moved, ...] = ()
    cancelled: tuple[Moved, ...] = ()
    shipped: tuple[Moved, ...] = ()
    delivered: tuple[Moved, ...] = ()
    too_late: tuple[Moved, ...] = ()
    """Asked to be cancelled, but shipped before."""
    wish: str = ""
    """What asked for a cancellation, where all of it came of one wish."""
    reason: str = ""
    booked_at_ms: int | None = None
    sequence: int | None = None
    told: bool = False
    """Its order was told in the same transaction."""
    sent_at_ms: int | None = None
    """Of the supplier's first word on an order that was known to have reached it: since when."""
    sent_due_ms: int | None = None
    """Of the same word: when it was due."""


class PurchaseOrderEvent(OfOrder, frozen=True, kw_only=True):
    """What all events of a purchase order have in common."""

    topic_kind = "purchase_order"
    audience = "operator"

    document: PurchaseOrderDocument
    facts: PurchaseOrderFacts


class PurchaseOrderPlanned(PurchaseOrderEvent, frozen=True, kw_only=True):
    """A supplier is to send something."""

    event_type = "shipping.purchase_order_planned"


class PurchaseOrderSending(PurchaseOrderEvent, frozen=True, kw_only=True):
    """It is being handed over: from now on the supplier may know it."""

    event_type = "shipping.purchase_order_sending"


class PurchaseOrderSent(PurchaseOrderEvent, frozen=True, kw_only=True):
    """The supplier has it."""

    event_type = "shipping.purchase_order_sent"


class PurchaseOrderTimedOut(PurchaseOrderEvent, frozen=True, kw_only=True):
    """No answer came; it is asked for, not sent again."""

    event_type = "shipping.purchase_order_timed_out"


class PurchaseOrderLost(PurchaseOrderEvent, frozen=True, kw_only=True):
    """The supplier says that it never got it, so it is sent again."""

    event_type = "shipping.purchase_order_lost"


class PurchaseOrderLate(PurchaseOrderEvent, frozen=True, kw_only=True):
    """The supplier was asked because its word is overdue, and had no news."""

    event_type = "shipping.purchase_order_late"


class PurchaseOrderAcknowledged(PurchaseOrderEvent, frozen=True, kw_only=True):
    """The supplier accepted or refused units, or withdrew some that it had accepted.

    `facts.accepted` and `facts.refused` are the units of this event alone.
    """

    event_type = "shipping.purchase_order_acknowledged"


class PurchaseOrderShipped(PurchaseOrderEvent, frozen=True, kw_only=True):
    """Units were handed to a carrier; `facts.shipped` are those of this parcel."""

    event_type = "shipping.purchase_order_shipped"


class PurchaseOrderDelivered(PurchaseOrderEvent, frozen=True, kw_only=True):
    """A parcel arrived; `facts.delivered` are its units."""

    event_type = "shipping.purchase_order_delivered"


class PurchaseOrderCancelling(PurchaseOrderEvent, frozen=True, kw_only=True):
    """The supplier is asked not to ship units."""

    event_type = "shipping.purchase_order_cancelling"


class PurchaseOrderCancelled(PurchaseOrderEvent, frozen=True, kw_only=True):
    """A cancellation is decided: `facts.cancelled` will not come, `facts.too_late` was shipped."""

    event_type = "shipping.purchase_order_cancelled"


# -- shipments --------------------------------------------------------------------------------


class ShippedUnits(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one SKU in a parcel."""

    sku: str
    quantity: int


class TrackingPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a carrier saw, and when."""

    status: TrackingStatus
    at_ms: int


class ShipmentDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel as the shopper sees it: who sent it and where to is told to nobody."""

    id: str
    order_id: str
    carrier: str
    tracking: str
    status: TrackingStatus
    lines: tuple[ShippedUnits, ...]
    shipped_at_ms: int
    delivered_at_ms: int | None
    history: tuple[TrackingPoint, ...]
    """What the carrier saw, the latest first."""


class ShipmentFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What consumers need and shoppers do not."""

    order_id: str
    purchase_order: str
    supplier: str
    reference: str
    skus: tuple[str, ...]


class ShipmentEvent(OfOrder, frozen=True, kw_only=True):
    """What all events of a parcel have in common."""

    topic_kind = "shipment"

    document: ShipmentDocument
    facts: ShipmentFacts


class ShipmentRecorded(ShipmentEvent, frozen=True, kw_only=True):
    """A parcel is on its way."""

    event_type = "shipping.shipment_recorded"


class ShipmentTracked(ShipmentEvent, frozen=True, kw_only=True):
    """The carrier said something new; the status may be the same."""

    event_type = "shipping.shipment_tracked"


# -- returns ----------------------------------------------------------------------------------


class ReturnLineDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One SKU of a return."""

    sku: str
    announced: int
    received: int


class ReturnDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A return as the shopper sees it."""

    id: str
    order_id: str
    status: ReturnStatus
    reason: ReturnReason
    lines: tuple[ReturnLineDocument, ...]
    value_minor: int
    """What all announced units cost."""
    refund_minor: int
    """What is refunded for those that arrived."""
    currency: str
    opened_at_ms: int


class ReturnedUnits(msgspec.Struct, frozen=True, kw_only=True):
    """Units that came back to one supplier's pool."""

    sku: str
    quantity: int
    supplier: str
    reference: str
    """Under which the inventory booked their sale."""
    purchase_order: str


class ReturnFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What consumers need and shoppers do not."""

    order_id: str
    units: tuple[ReturnedUnits, ...]
    """Those of this event alone."""
    skus: tuple[str, ...] = ()
    receipt: str = ""
    """Id of the receipt, `{return}/{n}`: the id of its refund."""
    refund_minor: int = 0
    """Of this receipt alone."""
    restock: bool = False


class ReturnEvent(OfOrder, frozen=True, kw_only=True):
    """What all events of a return have in common."""

    topic_kind = "return"

    document: ReturnDocument
    facts: ReturnFacts


class ReturnOpened(ReturnEvent, frozen=True, kw_only=True):
    """A shopper sends something back."""

    event_type = "shipping.return_opened"


class ReturnReceived(ReturnEvent, frozen=True, kw_only=True):
    """Units arrived; their refund is under way."""

    event_type = "shipping.return_received"


class ReturnClosed(ReturnEvent, frozen=True, kw_only=True):
    """Nothing more will come of a return."""

    event_type = "shipping.return_closed"


# -- what could not be placed -----------------------------------------------------------------


class NoticeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A signed notice that did not fit, as operators see it."""

    id: str
    source: str
    status: Literal["open", "applied", "dismissed"]
    notice: Notice
    because: str
    kept_at_ms: int
    replays: int


class NoticeEvent(Event, frozen=True, kw_only=True):
    """What all events of a kept notice have in common."""

    topic_kind = "notice"
    audience = "operator"

    document: NoticeDocument

    @property
    @override
    def home(self) -> str:
        return self.document.source


class NoticeKept(NoticeEvent, frozen=True, kw_only=True):
    """A notice could not be applied."""

    event_type = "shipping.notice_kept"


class NoticeReplayed(NoticeEvent, frozen=True, kw_only=True):
    """A person asked to apply it again."""

    event_type = "shipping.notice_replayed"


class NoticeSettled(NoticeEvent, frozen=True, kw_only=True):
    """It was applied after all, or dismissed."""

    event_type = "shipping.notice_settled"


EVENTS = (
    PurchaseOrderPlanned,
    PurchaseOrderSending,
    PurchaseOrderSent,
    PurchaseOrderTimedOut,
    PurchaseOrderLost,
    PurchaseOrderLate,
    PurchaseOrderAcknowledged,
    PurchaseOrderShipped,
    PurchaseOrderDelivered,
    PurchaseOrderCancelling,
    PurchaseOrderCancelled,
    ShipmentRecorded,
    ShipmentTracked,
    ReturnOpened,
    ReturnReceived,
    ReturnClosed,
    NoticeKept,
    NoticeReplayed,
    NoticeSettled,
)
