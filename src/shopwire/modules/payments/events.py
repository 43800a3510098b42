"""What happened to a payment, and what operators see of it."""

from typing import Any, Literal

import msgspec
from typing_extensions import override

from shopwire.kernel.events import Event
from shopwire.kernel.ids import home_of_order

State = Literal[
    "opened", "authorised", "declined", "voided", "failed", "partly_captured", "captured",
    "partly_refunded", "refunded", "charged_back",
]  # fmt: skip
"""How a payment stands. `failed`: a permanent refusal that somebody has to look at."""
MovementKind = Literal["capture", "void", "refund", "chargeback"]
BookedKind = Literal[MovementKind, "payable"]
"""What the ledger books: `payable` is what a supplier is owed for goods that it shipped."""
MovementState = Literal["requested", "done", "failed", "dropped", "reversed"]
"""`dropped`: nothing is left that it could move. `reversed`: it was done and came back."""


class MovementView(msgspec.Struct, frozen=True, kw_only=True):
    """One capture, void, refund or chargeback."""

    id: str
    kind: MovementKind
    amount_minor: int
    state: MovementState
    reason: str = ""


class PaymentDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as operators see it; no token and nothing of the person."""

    order_id: str
    state: State
    provider: str
    currency: str
    amount_minor: int
    """What was asked for."""
    authorised_minor: int
    capturing_minor: int
    """Asked for and not answered yet."""
    captured_minor: int
    released_minor: int
    """Promised, and given back without being taken."""
    refunding_minor: int
    """Asked for and not answered yet."""
    refunded_minor: int
    charged_back_minor: int
    voiding: bool
    """The promise is being given back, or will be as soon as it comes."""
    reason: str
    """Code word of the last decline or permanent failure; empty once it is overcome."""
    movements: list[MovementView]


class PaymentFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Why it changed; `context` is what the payment was opened with."""

    context: dict[str, Any]
    kind: BookedKind | None = None
    movement_id: str = ""
    """Of a payable: the parcel's purchase order and what identifies the parcel there."""
    amount_minor: int = 0
    """What this one change moved."""
    currency: str = ""
    """Of a payable, which is owed in the supplier's currency; else empty: the payment's."""
    reference: str = ""
    """The provider's id of what happened; of a payable, the supplier."""
    reason: str = ""
    told: bool = False
    """Of PaymentCaptured: its order was told in the same transaction."""


class PaymentEvent(Event, frozen=True, kw_only=True):
    """What all events of a payment have in common."""

    topic_kind = "payment"
    audience = "operator"

    document: PaymentDocument
    facts: PaymentFacts

    @property
    @override
    def home(self) -> str:
        """A payment lives with its order's cart."""
        return home_of_order(self.entity)


class PaymentOpened(PaymentEvent, frozen=True, kw_only=True):
    """A payment began."""

    event_type = "payments.payment_opened"


class PaymentAuthorised(PaymentEvent, frozen=True, kw_only=True):
    """The provider promised the amount; `voiding` in the document where it comes too late."""

    event_type = "payments.payment_authorised"


class PaymentDeclined(PaymentEvent, frozen=True, kw_only=True):
    """The provider declined."""

    event_type = "payments.payment_declined"


class MovementRequested(PaymentEvent, frozen=True, kw_only=True):
    """A capture, a void or a refund is to be carried out."""

    event_type = "payments.movement_requested"


class PaymentCaptured(PaymentEvent, frozen=True, kw_only=True):
    """Money was taken."""

    event_type = "payments.payment_captured"


class PaymentVoided(PaymentEvent, frozen=True, kw_only=True):
    """The promise is over."""

    event_type = "payments.payment_voided"


class PaymentRefunded(PaymentEvent, frozen=True, kw_only=True):
    """Money was given back."""

    event_type = "payments.payment_refunded"


class PaymentFailed(PaymentEvent, frozen=True, kw_only=True):
    """A movement will never happen, or a refund came back: somebody has to look."""

    event_type = "payments.payment_failed"


class PaymentChargedBack(PaymentEvent, frozen=True, kw_only=True):
    """The shopper's bank took money back, or returned it (`facts.reason` `returned`)."""

    event_type = "payments.payment_charged_back"


class SupplierOwed(PaymentEvent, frozen=True, kw_only=True):
    """Goods of the order were shipped, and are to be paid for; the payment itself is the same."""

    event_type = "payments.supplier_owed"


EVENTS = (
    PaymentOpened,
    PaymentAuthorised,
    PaymentDeclined,
    MovementRequested,
    PaymentCaptured,
    PaymentVoided,
    PaymentRefunded,
    PaymentFailed,
    PaymentChargedBack,
    SupplierOwed,
)
