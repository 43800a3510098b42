"""What happened to orders, and what shoppers and operators see of them.

Documents and facts name no person and no place. Who follows what: payments capture on OrderPlaced,
shipping plans purchase orders on OrderAllocated, where the completion has not done so.
"""

from typing import Literal

import msgspec
from typing_extensions import override

from shopwire.kernel.events import Event
from shopwire.kernel.ids import home_of_order

OrderStatus = Literal[
    "checking_out",
    "placed",
    "in_fulfilment",
    "partly_shipped",
    "shipped",
    "delivered",
    "failed",
    "cancelled",
]
LineState = Literal[
    "held",
    "promised",
    "ordered",
    "confirmed",
    "in_question",
    "waiting",
    "cancelling",
    "shipped",
    "delivered",
    "cancelled",
    "returned",
]
"""`waiting`: short at the supplier, and the shopper chose to wait. `cancelling`: the supplier is
asked not to ship."""
ConflictReason = Literal["overpromised", "refused", "late", "moved"]
"""`late` and `moved` are settled from the start: the units come from another supplier, because the
first one did not answer or because somebody chose so."""
ConflictStatus = Literal["open", "settled", "lifted"]
"""`lifted`: the supplier has the units after all, or they were cancelled for another reason."""


class OrderLineDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A line as its shopper sees it."""

    sku: str
    title: str
    quantity: int
    price_minor: int
    state: LineState
    """That of the units which are furthest behind."""
    units: dict[LineState, int]
    """How many are in which state; those that came to nothing have none."""
    conflict: str | None
    """The conflict that waits for a choice."""
    conflict_sku: str | None
    """Whose units it is about: the line's, or a part of the set."""
    choices: tuple[str, ...]
    """What can be chosen, while there is one."""


class ShipmentView(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel; its own document tells more."""

    id: str
    carrier: str
    tracking: str
    status: str


class OrderDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An order as its shopper sees it."""

    id: str
    number: str
    """Short, for people."""
    status: OrderStatus
    lines: tuple[OrderLineDocument, ...]
    skus: tuple[str, ...]
    """All SKUs whose stock it took, for the commands that ask for them."""
    currency: str
    total_minor: int
    refunded_minor: int
    payment: str
    """The payment's state, as a word."""
    shipments: tuple[ShipmentView, ...]
    started_at_ms: int
    placed_at_ms: int | None
    expires_at_ms: int | None
    """Until when the payment may take, while it is being checked out."""
    reason: str | None
    """Why it failed or was cancelled, as a word."""


class Allocated(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one SKU that one supplier is to send."""

    sku: str
    supplier: str
    quantity: int
    price_minor: int
    """What the shopper paid for one unit; of a set, the unit's share, rounded down."""
    value_minor: int
    """What the shopper paid for all of them."""
    reference: str
    """Under which the inventory booked their sale."""


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """Units of a sale that will not be."""

    sku: str
    supplier: str
    reference: str
    quantity: int
    reason: Literal["cancelled", "refused"]
    at_ms: int | None = None
    """When the supplier refused them, on its clock."""
    sequence: int | None = None


class Recall(msgspec.Struct, frozen=True, kw_only=True):
    """Units that a supplier is asked not to ship."""

    wish: str
    sku: str
    quantity: int
    purchase_order: str


class OrderFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What consumers need and screens do not."""

    skus: tuple[str, ...]
    amount_minor: int
    currency: str
    plan: str | None = None
    """With allocations: what they belong to; None for the order itself, else a conflict's id."""
    allocations: tuple[Allocated, ...] = ()
    released: tuple[Released, ...] = ()
    """Units that are free from now on."""
    recalls: tuple[Recall, ...] = ()
    """Units that are not needed after all."""
    refund_minor: int = 0
    """What is paid back for the units that are free."""
    refund_id: str = ""
    cause: str = ""
    """Id of what led to the change: a purchase order, a conflict, a receipt."""
    capture: bool = False
    """Of OrderPlaced: the capture was asked for in the same transaction."""
    planned: bool = False
    """Of OrderAllocated: its purchase orders were planned in the same transaction."""


class _OfOrder(Event, frozen=True, kw_only=True):
    """Lives with its order, under the id of the cart."""

    @property
    @override
    def home(self) -> str:
        return home_of_order(self.entity)


class OrderEvent(_OfOrder, frozen=True, kw_only=True):
    """What all events of an order have in common."""

    topic_kind = "order"

    document: OrderDocument
    facts: OrderFacts


class CheckoutStarted(OrderEvent, frozen=True, kw_only=True):
    """Prices are confirmed, units are held, the payment is open."""

    event_type = "orders.checkout_started"


class OrderPlaced(OrderEvent, frozen=True, kw_only=True):
    """The money is promised and the units are sold: it may be captured."""

    event_type = "orders.order_placed"


class OrderAllocated(OrderEvent, frozen=True, kw_only=True):
    """It is known which supplier sends what: once after OrderPlaced, and again for each plan.

    `facts.allocations` are the units of this plan alone.
    """

    event_type = "orders.order_allocated"


class CheckoutFailed(OrderEvent, frozen=True, kw_only=True):
    """It came to nothing: units and money are free."""

    event_type = "orders.checkout_failed"


class OrderChanged(OrderEvent, frozen=True, kw_only=True):
    """Lines, shipments or the payment stand differently."""

    event_type = "orders.order_changed"


class OrderCancelled(OrderEvent, frozen=True, kw_only=True):
    """All of it is cancelled."""

    event_type = "orders.order_cancelled"


class ConflictDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Units that were promised and a supplier does not have, as operators see it.

    Who else has some is told by the documents `stock:SKU` and `offer:...`, live.
    """

    id: str
    order_id: str
    number: str
    """The order's, for people."""
    line: str
    """SKU of the order's line."""
    title: str
    sku: str
    """Whose units are short: the line's, or that of a part of the set."""
    supplier: str
    quantity: int
    """Units in question."""
    reason: ConflictReason
    status: ConflictStatus
    choices: tuple[str, ...]
    choice: str | None
    by: str | None
    opened_at_ms: int
    settled_at_ms: int | None


class ConflictFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What consumers need."""

    order_id: str
    plan: str
    """Under which the inventory booked the sale."""


class ConflictEvent(_OfOrder, frozen=True, kw_only=True):
    """What all events of a conflict have in common."""

    topic_kind = "conflict"
    audience = "operator"

    document: ConflictDocument
    facts: ConflictFacts


class ConflictOpened(ConflictEvent, frozen=True, kw_only=True):
    """Somebody has to choose; or more, or fewer units are in question now."""

    event_type = "orders.conflict_opened"


class ConflictSettled(ConflictEvent, frozen=True, kw_only=True):
    """Somebody chose, or nothing is left to choose."""

    event_type = "orders.conflict_settled"
