"""Purchase orders, shipments and returns as rows, and the documents that are made of them.

Everything about one order is one group and lives in one partition, so that a decision sees all of
it: how many parcels there are, what is on its way back, who still owes what.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from shopwire.kernel.rows import Row
from shopwire.modules.shipping.api import (
    CancelReason,
    Departures,
    Notice,
    ReturnReason,
    TrackingStatus,
    Units,
)
from shopwire.modules.shipping.events import (
    Answer,
    Late,
    LineDocument,
    NoticeDocument,
    PurchaseOrderDocument,
    PurchaseOrderStatus,
    ReturnDocument,
    ReturnLineDocument,
    ReturnStatus,
    ShipmentDocument,
    ShippedUnits,
    TrackingPoint,
)

HISTORY_POINTS_MAX: Final = 20
"""What a carrier saw, in a parcel's document: the latest; the others stay in the rows."""

Step = Literal["planned", "sending", "timed_out", "sent", "acknowledged"]


class CancelAhead(Row, frozen=True, kw_only=True):
    """A cancellation that came before the order was planned; it is taken off the plan."""

    table = "cancel_ahead"
    group_field = "order_id"
    key_fields = ("order_id", "wish")

    order_id: str
    wish: str
    reason: CancelReason
    lines: tuple[Units, ...] | None


class Fulfilment(Row, frozen=True, kw_only=True, omit_defaults=True):
    """What shipping knows of an order as a whole."""

    table = "fulfilment"
    group_field = "order_id"
    key_fields = ("order_id",)

    order_id: str
    plans: tuple[str, ...] = ()
    """Plans that were taken; each only once."""
    wishes: tuple[str, ...] = ()
    """Cancellations that were taken; each only once."""
    currency: str = ""
    shipments: int = 0
    returns: int = 0
    held: bool = False
    """Its purchase orders wait for a person."""


class PurchaseOrder(Row, frozen=True, kw_only=True, omit_defaults=True):
    """What one supplier is asked to send for one order."""

    table = "purchase_order"
    group_field = "order_id"
    key_fields = ("order_id", "id")

    order_id: str
    id: str
    supplier: str
    n: int
    plan: str
    version: int = 0
    step: Step = "planned"
    """How far the conversation with the supplier got."""
    status: PurchaseOrderStatus = "planned"
    """What `purchasing.status_of` makes of the step and the lines."""
    attempts: int = 0
    """How often it may have reached the supplier."""
    answer: Answer | None = None
    late: Late | None = None
    supplier_reference: str | None = None
    reason: str = ""
    wish: str = ""
    """The cancellation that was asked for last."""
    acknowledge_within_ms: int
    ship_within_ms: int
    planned_at_ms: int
    send_at_ms: int
    due_at_ms: int | None = None
    """When the supplier's next word is due."""
    ask_at_ms: int | None = None
    """When the supplier is asked next, unless it speaks before."""
    asks: int = 0
    """How often it was asked for the word that is due."""


class PurchaseOrderLine(Row, frozen=True, kw_only=True, omit_defaults=True):
    """Units of one SKU; the schema refuses what cannot be.

    `ordered` is the sum of units that are accepted, refused, cancelled, or not answered yet.
    """

    table = "purchase_order_line"
    group_field = "order_id"
    key_fields = ("order_id", "purchase_order", "sku")

    order_id: str
    purchase_order: str
    sku: str
    reference: str
    """Under which the inventory booked the sale."""
    value_minor: int
    """What the shopper paid for all of it."""
    cost_minor: int | None
    cost_currency: str | None
    ordered: int
    sent: int = 0
    """What the supplier was asked for: fixed when it is sent first."""
    accepted: int = 0
    refused: int = 0
    cancelling: int = 0
    """Asked to be cancelled, and neither given back nor shipped so far."""
    cancelled: int = 0
    shipped: int = 0
    delivered: int = 0
    coming_back: int = 0
    """On their way back, or announced to be."""
    returned: int = 0
    supplier_sku: str | None = None
    """What the supplier called it when the order was planned; None: as the shop does."""

    @property
    def expected(self) -> int:
        """Units that are neither shipped nor given up."""
        return self.ordered - self.refused - self.cancelled - self.shipped

    @property
    def given_back(self) -> int:
        """Units that the supplier itself gave back, of those that it was asked for."""
        return self.cancelled - (self.ordered - self.sent)

    @property
    def returnable(self) -> int:
        """Units that the shopper has, or will have, and has not sent back."""
        return self.shipped - self.coming_back - self.returned

    def worth(self, units: int) -> int:
        """What the shopper paid for the next units that do not stay with him.

        The parts of a line add up to exactly what was paid for it, whatever the order.
        """
        gone = self.refused + self.cancelled + self.returned
        whole = self.value_minor
        return whole * (gone + units) // self.ordered - whole * gone // self.ordered


class SupplierReference(Row, frozen=True, kw_only=True):
    """Which purchase order a supplier's own number means; one number, one purchase order."""

    table = "supplier_reference"
    group_field = "reference"
    key_fields = ("reference", "supplier")

    reference: str
    supplier: str
    purchase_order: str


class SupplierRules(Row, frozen=True, kw_only=True):
    """How long a supplier may take."""

    table = "supplier_rules"
    group_field = "supplier"
    key_fields = ("supplier",)

    supplier: str
    send_after_ms: int = 0
    departures: Departures | None = None
    acknowledge_within_ms: int = 2 * 3_600_000
    ship_within_ms: int = 3 * 24 * 3_600_000


class OfferCost(Row, frozen=True, kw_only=True):
    """What a supplier's offer says that a unit costs, and what the supplier calls it."""

    table = "offer_cost"
    group_field = "sku"
    key_fields = ("sku", "supplier")

    sku: str
    supplier: str
    cost_minor: int
    currency: str
    active: bool
    supplier_sku: str | None = None


class Shipment(Row, frozen=True, kw_only=True):
    """A parcel. What is in it never changes; what the carrier says of it only grows."""

    table = "shipment"
    group_field = "order_id"
    key_fields = ("order_id", "id")

    order_id: str
    id: str
    version: int = 0
    purchase_order: str
    supplier: str
    reference: str
    carrier: str
    tracking: str
    lines: tuple[Units, ...]
    shipped_at_ms: int
    status: TrackingStatus = "label"
    progress: TrackingStatus = "label"
    """The furthest that it was seen on its way."""
    progress_at_ms: int = 0
    """The latest moment at which it was seen on its way."""
    exception_at_ms: int | None = None
    """The latest moment at which the carrier had a problem."""
    delivered_at_ms: int | None = None
    returned_at_ms: int | None = None
    events: int = 0


class TrackingEvent(Row, frozen=True, kw_only=True):
    """Something that a carrier saw, kept as it came."""

    table = "tracking_event"
    group_field = "order_id"
    key_fields = ("order_id", "shipment", "event")

    order_id: str
    shipment: str
    event: str
    seq: int
    """In which order it came; the carrier's moments may have another."""
    status: TrackingStatus
    at_ms: int
    recorded_at_ms: int


class Return(Row, frozen=True, kw_only=True):
    """Units that a shopper sends back."""

    table = "return_order"
    group_field = "order_id"
    key_fields = ("order_id", "id")

    order_id: str
    id: str
    version: int = 0
    status: ReturnStatus = "announced"
    reason: ReturnReason
    currency: str
    value_minor: int
    refund_minor: int = 0
    opened_at_ms: int


class ReturnLine(Row, frozen=True, kw_only=True):
    """Units of one line of a purchase order that come back."""

    table = "return_line"
    group_field = "order_id"
    key_fields = ("order_id", "return_id", "purchase_order", "sku")

    order_id: str
    return_id: str
    purchase_order: str
    sku: str
    announced: int
    received: int = 0


class Receipt(Row, frozen=True, kw_only=True):
    """A parcel of a return that arrived: what its refund is made of."""

    table = "return_receipt"
    group_field = "order_id"
    key_fields = ("order_id", "return_id", "n")

    order_id: str
    return_id: str
    n: int
    lines: tuple[Units, ...]
    asked: tuple[Units, ...] | None
    """What was said to have arrived, to know a repetition by."""
    restock: bool
    refund_minor: int
    at_ms: int


class NoticeBox(Row, frozen=True, kw_only=True):
    """How many notices of a source wait for somebody."""

    table = "notice_box"
    group_field = "source"
    key_fields = ("source",)

    source: str
    waiting: int = 0


class KeptNotice(Row, frozen=True, kw_only=True):
    """A notice that could not be applied."""

    table = "kept_notice"
    group_field = "id"
    key_fields = ("id", "source")

    id: str
    source: str
    version: int = 0
    status: Literal["open", "applied", "dismissed"] = "open"
    carrier: str = ""
    tracking: str = ""
    """By which it is found when its parcel becomes known; both empty for other notices."""
    notice: Notice
    because: str
    kept_at_ms: int
    replays: int = 0

    @property
    def entity(self) -> str:
        """The id of its topic."""
        return f"{self.source}/{self.id}"

    def document(self) -> NoticeDocument:
        """The notice as operators see it."""
        return NoticeDocument(
            id=self.id,
            source=self.source,
            status=self.status,
            notice=self.notice,
            because=self.because,
            kept_at_ms=self.kept_at_ms,
            replays=self.replays,
        )


def purchase_order_document(
    order: PurchaseOrder, lines: Sequence[PurchaseOrderLine]
) -> PurchaseOrderDocument:
    """A purchase order as operators see it."""
    return PurchaseOrderDocument(
        id=order.id,
        order_id=order.order_id,
        supplier=order.supplier,
        status=order.status,
        answer=order.answer,
        late=order.late,
        supplier_reference=order.supplier_reference,
        lines=tuple(
            LineDocument(
                sku=line.sku,
                ordered=line.ordered,
                accepted=line.accepted,
                refused=line.refused,
                cancelling=line.cancelling,
                cancelled=line.cancelled,
                shipped=line.shipped,
                delivered=line.delivered,
                cost_minor=line.cost_minor,
                cost_currency=line.cost_currency,
                supplier_sku=line.supplier_sku,
            )
            for line in lines
        ),
        reason=order.reason,
        planned_at_ms=order.planned_at_ms,
        due_at_ms=order.due_at_ms,
    )


def shipment_document(shipment: Shipment, events: Iterable[TrackingEvent]) -> ShipmentDocument:
    """A parcel as the shopper sees it."""
    latest = sorted(events, key=lambda one: (one.at_ms, one.seq), reverse=True)
    return ShipmentDocument(
        id=shipment.id,
        order_id=shipment.order_id,
        carrier=shipment.carrier,
        tracking=shipment.tracking,
        status=shipment.status,
        lines=tuple(ShippedUnits(sku=one.sku, quantity=one.quantity) for one in shipment.lines),
        shipped_at_ms=shipment.shipped_at_ms,
        delivered_at_ms=shipment.delivered_at_ms,
        history=tuple(
            TrackingPoint(status=one.status, at_ms=one.at_ms) for one in latest[:HISTORY_POINTS_MAX]
        ),
    )


def return_document(order: Return, lines: Sequence[ReturnLine]) -> ReturnDocument:
    """A return as the shopper sees it: units by SKU, whoever sent them."""
    skus = dict.fromkeys(line.sku for line in lines)
    return ReturnDocument(
        id=order.id,
        order_id=order.order_id,
        status=order.status,
        reason=order.reason,
        lines=tuple(
            ReturnLineDocument(
                sku=sku,
                announced=sum(line.announced for line in lines if line.sku == sku),
                received=sum(line.received for line in lines if line.sku == sku),
            )
            for sku in sorted(skus)
        ),
        value_minor=order.value_minor,
        refund_minor=order.refund_minor,
        currency=order.currency,
        opened_at_ms=order.opened_at_ms,
    )
