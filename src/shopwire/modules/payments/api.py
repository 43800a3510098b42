"""What others may ask of payments.

A payment's id is its order's; everything about it lives in the partition of the order's cart. What
is asked for (`Request...`) becomes a movement that an activity carries out at the provider; what
came of it (`Record...`) is booked once, whoever tells it first: the answer, a webhook or a sweep.
"""

from typing import Any

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.payments import ProviderEvent
from shopwire.modules.payments.events import MovementKind


class OpenPayment(Command, frozen=True, kw_only=True):
    """A payment begins; the provider is asked afterwards. Again with the same: no effect."""

    operation = "payments.open_payment"
    internal = True

    order_id: str
    amount_minor: int
    currency: str
    provider: str
    method: str
    """The provider's token for a card or an account; it is in no document and no fact."""
    context: dict[str, Any] = msgspec.field(default_factory=dict)
    """Comes back in the facts of every event of this payment, for example the order's SKUs."""


class RecordAuthorisation(Command, frozen=True, kw_only=True):
    """The provider promises the whole amount.

    Where the order was given up meanwhile the promise is noted and given back, never taken. The
    result's `state` tells which.
    """

    operation = "payments.record_authorisation"
    internal = True

    order_id: str
    reference: str
    """The provider's id of the payment."""
    amount_minor: int
    currency: str


class RecordDecline(Command, frozen=True, kw_only=True):
    """The provider declines; one that comes after an authorisation is stale and has no effect."""

    operation = "payments.record_decline"
    internal = True

    order_id: str
    reason: str
    """A code word, for example `insufficient_funds`."""
    reference: str = ""


class RequestCapture(Command, frozen=True, kw_only=True):
    """Take promised money: all that is left of it, or a part.

    No effect where nothing is left to take, or where the promise is being given back.
    """

    operation = "payments.request_capture"

    order_id: str
    amount_minor: int | None = None
    """None for all that is left."""
    capture_id: str | None = None
    """The same id is one capture; None makes the next one."""
    final: bool = True
    """What is not taken by it is free again."""


class RecordCapture(Command, frozen=True, kw_only=True):
    """The provider took money: booked once by the capture's id, also one that nobody asked for."""

    operation = "payments.record_capture"
    internal = True

    order_id: str
    capture_id: str
    amount_minor: int
    reference: str = ""


class RequestVoid(Command, frozen=True, kw_only=True):
    """The order is given up: give back everything, whatever stands.

    A promise, or one that may still come, is voided; money that was or is being taken is refunded.
    Result: `way` is `void`, `refund` or `none`.
    """

    operation = "payments.request_void"

    order_id: str
    reason: str


class RecordVoid(Command, frozen=True, kw_only=True):
    """The promise is over: given back, or run out (`reason` `expired`)."""

    operation = "payments.record_void"
    internal = True

    order_id: str
    reason: str = ""


class RequestRefund(Command, frozen=True, kw_only=True):
    """Give money back, once by the refund's id.

    Before anything was taken, giving back all of it voids the promise instead; a part waits for
    the capture. Result: `way` is `void` or `refund`. Raises AmountExceeded beyond what is left.
    """

    operation = "payments.request_refund"

    order_id: str
    refund_id: str
    """Unique within the payment, for example the id of a return."""
    amount_minor: int | None = None
    """None for all that is left."""
    reason: str = ""


class RecordRefund(Command, frozen=True, kw_only=True):
    """The provider gave money back: booked once by the refund's id."""

    operation = "payments.record_refund"
    internal = True

    order_id: str
    refund_id: str
    amount_minor: int
    reference: str = ""


class RecordFailure(Command, frozen=True, kw_only=True):
    """A movement will never happen, or a refund came back: a state that people see."""

    operation = "payments.record_failure"
    internal = True

    order_id: str
    kind: MovementKind
    movement_id: str
    reason: str
    """A code word, for example `expired`."""


class BookPayable(Command, frozen=True, kw_only=True):
    """A supplier shipped goods of the order: what they cost is owed, booked once by its id."""

    operation = "payments.book_payable"
    internal = True

    order_id: str
    payable_id: str
    """Unique within the payment: the supplier's order within this one, and what was shipped."""
    supplier: str
    amount_minor: int
    currency: str


class RecordProviderEvent(Command, frozen=True, kw_only=True):
    """A proved webhook: kept with what came of it, and booked if it says something new.

    Result: `outcome` (`applied`, `unchanged`, `early`, `unknown_kind`, `unknown_payment`,
    `refused`), and `promise`: the Authorisation with which the order is to be completed now, where
    this webhook was the first to tell.
    """

    operation = "payments.record_provider_event"
    internal = True

    provider: str
    order_id: str
    """The payment that it is about; empty where it cannot be found."""
    event: ProviderEvent
    raw: str = ""
    """The body, for events that a person has to look at."""
    refused: str = ""
    """Name of the error with which the database refused it before: it is only kept then."""


class ReplayWebhook(Command, frozen=True, kw_only=True):
    """Takes a kept webhook again, for example after a refusal whose cause is gone."""

    operation = "payments.replay_webhook"

    provider: str
    webhook_id: str
    order_id: str
    """The payment it is about, empty for none: as the list of received webhooks shows it."""
