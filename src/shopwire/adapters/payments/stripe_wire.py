"""Stripe's objects as far as they are used here, and what they mean in our words."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

from shopwire.kernel.payments import (
    Authorisation,
    EventKind,
    ProviderEvent,
    Settlement,
)

Meaning = Callable[[str, str, bytes], ProviderEvent]

_NOTHING_NEW: Final = frozenset(
    {
        "payment_intent.created", "payment_intent.processing", "payment_intent.requires_action",
        "payment_intent.partially_funded", "charge.captured", "charge.expired", "charge.failed",
        "charge.pending", "charge.refunded", "charge.refund.updated", "charge.succeeded",
        "charge.updated", "charge.dispute.closed", "charge.dispute.created",
        "charge.dispute.updated",
    }
)  # fmt: skip
"""Other events tell the same better, or nothing has moved by them."""


class Problem(msgspec.Struct, frozen=True):
    """Why a card was declined."""

    code: str = ""
    decline_code: str | None = None

    @property
    def word(self) -> str:
        """The most exact code word there is."""
        return self.decline_code or self.code or "declined"


class Redirect(msgspec.Struct, frozen=True):
    """Where the shopper's bank wants to see the shopper."""

    url: str | None = None


class NextAction(msgspec.Struct, frozen=True):
    """What has to happen before the payment goes on."""

    redirect_to_url: Redirect | None = None


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A PaymentIntent."""

    id: str
    status: str
    amount: int
    currency: str
    amount_received: int = 0
    amount_capturable: int = 0
    latest_charge: str | None = None
    cancellation_reason: str | None = None
    last_payment_error: Problem | None = None
    next_action: NextAction | None = None
    metadata: dict[str, str] = {}

    @property
    def cancelled_as(self) -> str:
        """Why it was cancelled: `expired` where Stripe did it by itself, else `voided`."""
        by_itself = self.cancellation_reason in ("automatic", "expired")
        return "expired" if by_itself else "voided"

    @property
    def captures(self) -> dict[str, int]:
        """What was captured, by our ids; what somebody captured elsewhere by the charge's id."""
        named: dict[str, int] = {}
        for key, value in self.metadata.items():
            if key.startswith(CAPTURE_KEY):
                amount, _, capture_id = value.partition(":")
                named[capture_id] = int(amount)
        elsewhere = self.amount_received - sum(named.values())
        if elsewhere > 0:
            named[self.latest_charge or self.id] = elsewhere
        return named


CAPTURE_KEY: Final = "capture_"
"""Beginning of the keys under which an intent's metadata remembers our captures."""
LAST_KEY: Final = "last_capture"


def capture_metadata(capture_id: str, amount_minor: int) -> dict[str, str]:
    """What a capture leaves on its intent, so that a webhook and a look can tell which it was."""
    digest = hashlib.sha256(capture_id.encode()).hexdigest()[:24]
    return {f"{CAPTURE_KEY}{digest}": f"{amount_minor}:{capture_id}", LAST_KEY: capture_id}


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A Refund."""

    id: str
    status: str | None = None
    amount: int = 0
    currency: str = ""
    payment_intent: str | None = None
    failure_reason: str | None = None
    metadata: dict[str, str] = {}

    @property
    def movement(self) -> str:
        """Our id of it, or Stripe's where somebody refunded elsewhere."""
        return self.metadata.get("refund_id") or self.id

    @property
    def settlement(self) -> Settlement:
        """What came of it."""
        match self.status:
            case "succeeded":
                return Settlement(state="done", reference=self.id, amount_minor=self.amount)
            case "failed" | "canceled":
                reason = self.failure_reason or self.status
                return Settlement(state="refused", reference=self.id, reason=reason)
            case _:
                return Settlement(state="pending", reference=self.id)


class Refunds(msgspec.Struct, frozen=True):
    """A page of refunds."""

    data: list[Refund]
    has_more: bool = False


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A Dispute."""

    id: str
    amount: int
    currency: str = ""
    payment_intent: str | None = None
    reason: str = ""


class _Data(msgspec.Struct, frozen=True):
    object: msgspec.Raw


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An Event, its object not yet read."""

    id: str
    type: str
    data: _Data


def authorisation_of(intent: Intent) -> Authorisation:
    """Whether the money is promised."""
    state: Literal["approved", "declined", "pending"] = "pending"
    reason = next_url = ""
    match intent.status:
        case "requires_capture" | "succeeded":
            state = "approved"
        case "canceled":
            state, reason = "declined", "voided"
        case "requires_payment_method" if intent.last_payment_error is not None:
            state, reason = "declined", intent.last_payment_error.word
        case _ if intent.next_action is not None and intent.next_action.redirect_to_url:
            next_url = intent.next_action.redirect_to_url.url or ""
    return Authorisation(
        state=state,
        reference=intent.id,
        amount_minor=intent.amount if state == "approved" else 0,
        currency=intent.currency.upper(),
        reason=reason,
        next_url=next_url,
    )


def promised_of(intent: Intent) -> Authorisation | None:
    """Whether the money was promised, also where that is over; None where nobody asked for it."""
    if intent.status != "canceled":
        return authorisation_of(intent)
    if intent.last_payment_error is not None:
        declined = msgspec.structs.replace(intent, status="requires_payment_method")
        return authorisation_of(declined)
    if intent.latest_charge is None:
        return None
    return authorisation_of(msgspec.structs.replace(intent, status="succeeded"))


def read_event(body: bytes) -> ProviderEvent:
    """A proved event in our words; raises msgspec.DecodeError and its kin for one that is none."""
    event = msgspec.json.decode(body, type=Event)
    meaning = _MEANINGS.get(event.type)
    if meaning is None:
        kind: EventKind = "nothing" if event.type in _NOTHING_NEW else "other"
        return ProviderEvent(id=event.id, kind=kind, name=event.type)
    return meaning(event.id, event.type, bytes(event.data.object))


def _of_intent(kind: EventKind) -> Meaning:
    def meaning(event_id: str, name: str, body: bytes) -> ProviderEvent:
        intent = msgspec.json.decode(body, type=Intent)
        authorisation = authorisation_of(intent)
        reason = authorisation.reason if kind == "declined" else ""
        if kind == "voided" and intent.cancelled_as == "expired":
            reason = "expired"
        return ProviderEvent(
            id=event_id,
            kind=kind,
            name=name,
            charge_id=intent.metadata.get("order_id", ""),
            reference=intent.id,
            amount_minor=intent.amount if kind == "authorised" else 0,
            currency=intent.currency.upper(),
            reason=reason,
        )

    return meaning


def _captured(event_id: str, name: str, body: bytes) -> ProviderEvent:
    """The latest capture: what was received is a sum, the metadata says of what."""
    intent = msgspec.json.decode(body, type=Intent)
    captures = intent.captures
    movement = intent.metadata.get(LAST_KEY, "")
    if movement not in captures or (intent.latest_charge or intent.id) in captures:
        movement = intent.latest_charge or intent.id
    return ProviderEvent(
        id=event_id,
        kind="captured",
        name=name,
        charge_id=intent.metadata.get("order_id", ""),
        reference=intent.id,
        movement_id=movement,
        movement_reference=intent.latest_charge or intent.id,
        amount_minor=captures.get(movement, 0),
        currency=intent.currency.upper(),
    )


def _capturable(event_id: str, name: str, body: bytes) -> ProviderEvent:
    """Money is promised, or a part of what was promised is taken."""
    intent = msgspec.json.decode(body, type=Intent)
    meaning = _captured if intent.amount_received else _of_intent("authorised")
    return meaning(event_id, name, body)


def _refunded(event_id: str, name: str, body: bytes) -> ProviderEvent:
    refund = msgspec.json.decode(body, type=Refund)
    kinds: Mapping[str, EventKind] = {"done": "refunded", "refused": "refund_failed"}
    settlement = refund.settlement
    return ProviderEvent(
        id=event_id,
        kind=kinds.get(settlement.state, "nothing"),
        name=name,
        charge_id=refund.metadata.get("order_id", ""),
        reference=refund.payment_intent or "",
        movement_id=refund.movement,
        movement_reference=refund.id,
        amount_minor=refund.amount,
        currency=refund.currency.upper(),
        reason=settlement.reason,
    )


def _of_dispute(kind: EventKind) -> Meaning:
    def meaning(event_id: str, name: str, body: bytes) -> ProviderEvent:
        dispute = msgspec.json.decode(body, type=Dispute)
        return ProviderEvent(
            id=event_id,
            kind=kind,
            name=name,
            reference=dispute.payment_intent or "",
            movement_id=dispute.id,
            movement_reference=dispute.id,
            amount_minor=dispute.amount,
            currency=dispute.currency.upper(),
            reason=dispute.reason,
        )

    return meaning


_MEANINGS: Final[Mapping[str, Meaning]] = {
    "payment_intent.amount_capturable_updated": _capturable,
    "payment_intent.succeeded": _captured,
    "payment_intent.payment_failed": _of_intent("declined"),
    "payment_intent.canceled": _of_intent("voided"),
    "refund.created": _refunded,
    "refund.updated": _refunded,
    "refund.failed": _refunded,
    "charge.dispute.funds_withdrawn": _of_dispute("charged_back"),
    "charge.dispute.funds_reinstated": _of_dispute("charge_returned"),
}
