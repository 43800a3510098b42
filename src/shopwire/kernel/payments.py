"""The port of payment providers: what is asked of them, what they answer, what they tell later.

Every call may be made again, whoever made it before and whatever became of it: a provider takes
each payment, capture and refund once by its id. A call either returns what came of it or raises
ProviderUnavailable, after which nobody knows: call again, or `fetch`.
"""

from collections.abc import Mapping
from typing import Final, Literal, Protocol

import msgspec

PROVIDER_ANSWER_MS_MAX: Final = 10_000
"""How long an adapter waits for its provider; then it raises ProviderUnavailable."""
PROVIDER_RETRY_MS: Final = 2_000
"""When to ask an unreachable provider again, as the error says it."""
WEBHOOK_BYTES_MAX: Final = 262_144
"""Size of a webhook's body; a larger one is refused before its signature is computed."""


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be paid: the same in every call about one payment."""

    id: str
    """The payment's id, which is its order's; the provider's idempotency keys are made from it."""
    amount_minor: int
    currency: str
    """ISO 4217 in capitals."""
    method: str
    """The provider's token for a card or an account, never the number itself."""
    reference: str = ""
    """The provider's own id, once it is known; without it the provider goes by `id`."""


class Authorisation(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the money is promised.

    An approved or declined one is the same value, field by field, whether it came as the call's
    answer, from `fetch` or with a webhook: whoever completes the order says the same.
    """

    state: Literal["approved", "declined", "pending"]
    """`approved` means the whole amount; `pending` that the provider will tell later."""
    reference: str = ""
    """The provider's id of the payment."""
    amount_minor: int = 0
    """What is promised: the charge's amount, or 0 unless approved."""
    currency: str = ""
    reason: str = ""
    """Code word of a decline, for example `insufficient_funds`."""
    next_url: str = ""
    """Where the shopper has to confirm, while it is pending; empty if nothing is to be done."""


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a capture, a void or a refund."""

    state: Literal["done", "pending", "refused"]
    """`pending`: taken, and not decided yet; `refused`: it will never happen under this id."""
    reference: str = ""
    """The provider's id of the movement, or of the payment where it has none of its own."""
    amount_minor: int = 0
    """What really moved; 0 unless done."""
    reason: str = ""
    """Code word of a refusal, for example `expired`."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider's own books say of one charge."""

    authorisation: Authorisation | None = None
    """None where the provider never heard of it, or only that it is void."""
    voided: bool = False
    """It was voided or ran out: no money can be taken any more."""
    captures: Mapping[str, Settlement] = {}
    """By the id that the capture was asked for with; others by the provider's own id."""
    refunds: Mapping[str, Settlement] = {}
    """By the id that the refund was asked for with; others by the provider's own id."""


EventKind = Literal[
    "authorised", "declined", "captured", "capture_failed", "voided", "refunded", "refund_failed",
    "charged_back", "charge_returned", "nothing", "other",
]  # fmt: skip
"""What a provider tells. `charge_returned`: a chargeback was won, the money came back. `nothing`:
it is known, and nothing has moved by it."""


class ProviderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that was proved to be the provider's, in our words.

    Webhooks come late, twice, out of order or never; an event says what is true of the payment,
    not what to do.
    """

    id: str
    """The webhook's id; a redelivery has the same."""
    kind: EventKind
    """`other` for what nobody here knows; it is kept for a person to see."""
    name: str
    """The provider's own word for it."""
    charge_id: str = ""
    """Our id of the payment, where the provider says it."""
    reference: str = ""
    """The provider's id of the payment, by which it is found where `charge_id` is empty."""
    movement_id: str = ""
    """Our id of the capture, void or refund; the provider's where it was not asked for by us."""
    movement_reference: str = ""
    """The provider's id of the movement."""
    amount_minor: int = 0
    currency: str = ""
    reason: str = ""
    """Code word of a decline, a failure or a chargeback."""


class PaymentProvider(Protocol):
    """Somebody who takes money from shoppers for the shop.

    All calls raise ProviderUnavailable within PROVIDER_ANSWER_MS_MAX where what came of them is
    unknown. A request that the provider calls wrong is a defect and raises as one.
    """

    @property
    def name(self) -> str:
        """Short and unique; the webhook's URL and the payment's row carry it."""
        ...

    async def authorise(self, charge: Charge) -> Authorisation:
        """Asks for the promise of the whole amount, once by `charge.id`.

        A charge that was voided is declined with the reason `voided`, also if it was never
        authorised before: a void shuts the door for good.
        """
        ...

    async def capture(
        self, charge: Charge, capture_id: str, amount_minor: int, *, final: bool = True
    ) -> Settlement:
        """Takes promised money, once by `capture_id`; after a final capture the rest is free."""
        ...

    async def void(self, charge: Charge) -> Settlement:
        """Gives up the promise. `done` also where there was none, or where it ran out.

        After it no call and no retry of an older one can take money. `refused` with the reason
        `captured` where money was taken already.
        """
        ...

    async def refund(self, charge: Charge, refund_id: str, amount_minor: int) -> Settlement:
        """Gives captured money back, once by `refund_id`."""
        ...

    async def fetch(self, charge: Charge) -> Standing:
        """What really came of everything that was asked for this charge."""
        ...

    def read_webhook(self, headers: Mapping[str, str], body: bytes, now_ms: int) -> ProviderEvent:
        """Proves the raw body first and reads it then.

        `headers` have lower-case names. Raises SignatureInvalid, and MalformedRequest for a
        proved body that cannot be read.
        """
        ...

    async def close(self) -> None:
        """Ends what is under way; connections are given back."""
        ...
