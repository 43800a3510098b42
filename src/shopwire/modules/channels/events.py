"""What happened on the ways to suppliers. Everything here is for operators only."""

from typing import Literal

import msgspec
from typing_extensions import override

from shopwire.kernel.events import Event
from shopwire.modules.channels.api import Way

BundleState = Literal["staging", "releasing", "left", "doubtful", "void"]
"""`staging`: nothing left so far. `releasing`: it may have left. `doubtful`: nobody can know.
`void`: all of its orders were held back."""
InvoiceState = Literal["matched", "differs", "accepted", "disputed"]
MessageState = Literal["open", "reading", "applied", "dismissed", "erased"]
Receipt = Literal["none", "accepted", "partly", "rejected"]


class OfSupplier(Event, frozen=True, kw_only=True):
    """Lives with its supplier: ids begin with the supplier's."""

    @property
    @override
    def home(self) -> str:
        return self.entity.partition("/")[0]


class ChannelDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How a supplier is reached; secrets are named, never held."""

    supplier: str
    way: Way
    gather_ms: int
    orders_max: int
    inbox_trouble: str
    """Why its folder cannot be read; empty where it can, or there is none."""


class ChannelPut(OfSupplier, frozen=True, kw_only=True):
    """A supplier is reached in another way from now on."""

    event_type = "channels.channel_put"
    topic_kind = "channel"
    audience = "operator"

    document: ChannelDocument


class InboxNoted(OfSupplier, frozen=True, kw_only=True):
    """A supplier's folder cannot be read, or can again."""

    event_type = "channels.inbox_noted"
    topic_kind = "channel"
    audience = "operator"

    document: ChannelDocument


class BundleDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Purchase orders that leave, or left, together."""

    id: str
    supplier: str
    control: int
    kind: str
    """Of the way: `x12`, `email`, `webhook`."""
    state: BundleState
    orders: tuple[str, ...]
    trouble: str
    """Why it did not leave so far, or is in doubt; empty where all is well."""
    tries: int
    begun_at_ms: int
    due_at_ms: int
    """When it is tried next."""
    left_at_ms: int | None
    receipt: Receipt
    """What the supplier's machine said to it."""


class BundleEvent(OfSupplier, frozen=True, kw_only=True):
    """What all events of a bundle have in common."""

    topic_kind = "bundle"
    audience = "operator"

    document: BundleDocument


class BundleBegun(BundleEvent, frozen=True, kw_only=True):
    """Orders were put together."""

    event_type = "channels.bundle_begun"


class BundleStaged(BundleEvent, frozen=True, kw_only=True):
    """From now on it may have left."""

    event_type = "channels.bundle_staged"


class BundleShortened(BundleEvent, frozen=True, kw_only=True):
    """An order of it was held back before anything left."""

    event_type = "channels.bundle_shortened"


class BundleLeft(BundleEvent, frozen=True, kw_only=True):
    """The supplier has it, as far as its medium can say."""

    event_type = "channels.bundle_left"


class BundleDelayed(BundleEvent, frozen=True, kw_only=True):
    """It surely did not leave, and is tried again."""

    event_type = "channels.bundle_delayed"


class BundleDoubted(BundleEvent, frozen=True, kw_only=True):
    """Nobody can know whether it left: it waits for the supplier's word, or a person's."""

    event_type = "channels.bundle_doubted"


class BundleReceipted(BundleEvent, frozen=True, kw_only=True):
    """The supplier's machine said whether it could read it."""

    event_type = "channels.bundle_receipted"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A place at which a bill is not what was ordered."""

    what: Literal["quantity", "price", "unknown_sku", "total", "currency", "order", "no_cost"]
    sku: str
    billed: str
    expected: str


class InvoiceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier's bill beside what was ordered."""

    id: str
    supplier: str
    number: str
    purchase_order: str
    state: InvoiceState
    currency: str
    total_minor: int
    expected_minor: int | None
    """What the ordered units cost, with the charges and tax of the bill; None if unknown."""
    differences: tuple[Difference, ...]
    note: str
    received_at_ms: int


class InvoiceRecorded(OfSupplier, frozen=True, kw_only=True):
    """A supplier sent a bill."""

    event_type = "channels.invoice_recorded"
    topic_kind = "invoice"
    audience = "operator"

    document: InvoiceDocument


class InvoiceSettled(OfSupplier, frozen=True, kw_only=True):
    """A person decided about a bill."""

    event_type = "channels.invoice_settled"
    topic_kind = "invoice"
    audience = "operator"

    document: InvoiceDocument


class MessageDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Something that could not be read; its text stays in the rows, since it may name people."""

    id: str
    supplier: str
    name: str
    state: MessageState
    reason: str
    received_at_ms: int
    tries: int


class MessageEvent(OfSupplier, frozen=True, kw_only=True):
    """What all events of a kept text have in common."""

    topic_kind = "message"
    audience = "operator"

    document: MessageDocument


class MessageKept(MessageEvent, frozen=True, kw_only=True):
    """It came and could not be used."""

    event_type = "channels.message_kept"


class MessageMended(MessageEvent, frozen=True, kw_only=True):
    """It is to be read again."""

    event_type = "channels.message_mended"


class MessageErased(MessageEvent, frozen=True, kw_only=True):
    """Its text is kept no more."""

    event_type = "channels.message_erased"


class MessageSettled(MessageEvent, frozen=True, kw_only=True):
    """It was used, put away, or still cannot be read."""

    event_type = "channels.message_settled"


EVENTS = (
    ChannelPut,
    InboxNoted,
    BundleBegun,
    BundleStaged,
    BundleShortened,
    BundleLeft,
    BundleDelayed,
    BundleDoubted,
    BundleReceipted,
    InvoiceRecorded,
    InvoiceSettled,
    MessageKept,
    MessageMended,
    MessageErased,
    MessageSettled,
)
