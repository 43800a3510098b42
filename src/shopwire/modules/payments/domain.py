"""What is kept of a payment: the amounts, every movement of money, and the ledger behind them."""

from collections.abc import Iterable
from typing import Any, Final, Literal

from shopwire.kernel.payments import ProviderEvent
from shopwire.kernel.rows import Row
from shopwire.modules.payments.events import (
    BookedKind,
    MovementKind,
    MovementState,
    MovementView,
    PaymentDocument,
    State,
)

MOVEMENTS_MAX: Final = 200
"""Captures, voids and refunds that one payment may have; one more is refused."""

Verdict = Literal["waiting", "approved", "declined", "voided"]
"""What the provider said of the promise. `voided`: given up before it ever came."""
Account = Literal[
    "customer", "provider_clearing", "revenue", "refunds", "chargebacks", "purchases",
    "supplier_payable",
]  # fmt: skip
"""The ledger's accounts. `customer` is what shoppers owe, `provider_clearing` what providers owe
us, `supplier_payable` what we owe suppliers; the others say what we earned, gave back, lost to
banks and spent on goods."""
Outcome = Literal[
    "applied", "unchanged", "early", "unknown_kind", "unknown_payment", "refused"
]  # fmt: skip
"""What came of a webhook. `early`: it speaks of something that no other told yet; it waits."""


class Payment(Row, frozen=True, kw_only=True, omit_defaults=True):
    """One payment. The schema holds `0 <= refunded <= captured <= authorised <= amount`."""

    table = "payment"
    group_field = "order_id"
    key_fields = ("order_id",)

    order_id: str
    version: int
    provider: str
    method: str
    reference: str = ""
    currency: str
    amount_minor: int
    verdict: Verdict = "waiting"
    authorised_minor: int = 0
    capturing_minor: int = 0
    captured_minor: int = 0
    released_minor: int = 0
    refunding_minor: int = 0
    refunded_minor: int = 0
    charged_back_minor: int = 0
    voiding: bool = False
    reason: str = ""
    """Code word of a decline or of a permanent failure that nothing has overcome yet."""
    entries: int = 0
    """Number of the last line in the ledger."""
    context: dict[str, Any]
    opened_at_ms: int

    @property
    def left_to_capture(self) -> int:
        """Promised, and neither taken, nor being taken, nor given back."""
        taken = self.captured_minor + self.capturing_minor + self.released_minor
        return self.authorised_minor - taken

    @property
    def left_to_return(self) -> int:
        """What could still be given back to the shopper, as a void or as refunds."""
        returned = self.released_minor + self.refunded_minor + self.refunding_minor
        return self.authorised_minor - returned

    @property
    def owed(self) -> int:
        """Taken or being taken, and not asked back yet."""
        taken = self.captured_minor + self.capturing_minor
        return taken - self.refunded_minor - self.refunding_minor

    @property
    def given_up(self) -> bool:
        """Whether money that still comes has to go back."""
        return self.voiding or self.verdict in ("declined", "voided")

    @property
    def state(self) -> State:
        """The word for how it stands, which follows from the amounts."""
        if self.charged_back_minor:
            return "charged_back"
        if self.captured_minor:
            if self.refunded_minor:
                whole = self.refunded_minor == self.captured_minor
                return "refunded" if whole else "partly_refunded"
            whole = self.captured_minor + self.released_minor == self.authorised_minor
            return "captured" if whole else "partly_captured"
        match self.verdict:
            case "waiting":
                return "opened"
            case "approved":
                if self.reason:
                    return "failed"
                whole = self.released_minor == self.authorised_minor
                return "voided" if whole else "authorised"
            case ended:
                return ended


class Movement(Row, frozen=True, kw_only=True, omit_defaults=True):
    """A capture, void, refund or chargeback; asked for, and then what came of it."""

    table = "payment_movement"
    group_field = "order_id"
    key_fields = ("order_id", "kind", "id")

    order_id: str
    kind: MovementKind
    id: str
    amount_minor: int
    final: bool = False
    """Of a capture: what it does not take is free again."""
    state: MovementState
    reference: str = ""
    reason: str = ""
    posting: int | None = None
    """The first line of the ledger that books it; money that moved without one is refused."""
    asked_at_ms: int
    settled_at_ms: int | None = None

    @property
    def view(self) -> MovementView:
        """As operators see it."""
        return MovementView(
            id=self.id,
            kind=self.kind,
            amount_minor=self.amount_minor,
            state=self.state,
            reason=self.reason,
        )


class Transfer(Row, frozen=True, kw_only=True):
    """One line of the ledger: an amount leaves one account and enters another.

    A line has both sides, so that nothing can be booked that does not balance.
    """

    table = "money_ledger"
    group_field = "order_id"
    key_fields = ("order_id", "seq")
    append_only = True

    order_id: str
    seq: int
    posting: str
    """What is booked: `<kind>/<id>`, with `/reversed` after it where it came back."""
    debit: Account
    credit: Account
    amount_minor: int
    currency: str
    command_id: str
    at_ms: int


POSTINGS: Final[dict[BookedKind, tuple[tuple[Account, Account], ...]]] = {
    "capture": (("customer", "revenue"), ("provider_clearing", "customer")),
    "refund": (("refunds", "customer"), ("customer", "provider_clearing")),
    "chargeback": (("chargebacks", "customer"), ("customer", "provider_clearing")),
    "void": (),
    "payable": (("purchases", "supplier_payable"),),
}
"""Debit and credit of each line by what moved; a promise given back moves nothing."""


class Received(Row, frozen=True, kw_only=True, omit_defaults=True):
    """A webhook that was proved, and what came of it."""

    table = "webhook_received"
    group_field = "about"
    key_fields = ("about", "provider", "id")

    about: str
    """The payment, or the webhook itself where there is none: see `about`."""
    provider: str
    id: str
    order_id: str
    name: str
    outcome: Outcome
    error: str = ""
    """Name of the error that refused it; empty otherwise."""
    event: ProviderEvent
    raw: str = ""
    """The body, where a person has to look; empty otherwise."""
    tries: int
    received_at_ms: int
    settled_at_ms: int


def about(order_id: str, provider: str, webhook_id: str) -> str:
    """The group that a received webhook is found in."""
    return order_id or f"?{provider}/{webhook_id}"


def document_of(payment: Payment, movements: Iterable[Movement]) -> PaymentDocument:
    """What operators see of a payment."""
    ordered = sorted(movements, key=lambda one: (one.asked_at_ms, one.kind, one.id))
    return PaymentDocument(
        order_id=payment.order_id,
        state=payment.state,
        provider=payment.provider,
        currency=payment.currency,
        amount_minor=payment.amount_minor,
        authorised_minor=payment.authorised_minor,
        capturing_minor=payment.capturing_minor,
        captured_minor=payment.captured_minor,
        released_minor=payment.released_minor,
        refunding_minor=payment.refunding_minor,
        refunded_minor=payment.refunded_minor,
        charged_back_minor=payment.charged_back_minor,
        voiding=payment.voiding,
        reason=payment.reason,
        movements=[one.view for one in ordered],
    )
