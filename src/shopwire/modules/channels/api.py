"""What others may ask of the ways to suppliers."""

from typing import Literal

import msgspec

from shopwire.kernel.commands import Command

# -- ways -------------------------------------------------------------------------------------


class FetchWay(msgspec.Struct, frozen=True, kw_only=True, tag="fetch", forbid_unknown_fields=True):
    """The supplier comes for its orders, by API or at the portal, and answers there."""


class SimulatorWay(
    msgspec.Struct, frozen=True, kw_only=True, tag="simulator", forbid_unknown_fields=True
):
    """A supplier that exists only here."""


class ApiWay(msgspec.Struct, frozen=True, kw_only=True, tag="api", forbid_unknown_fields=True):
    """Each order is a request; the supplier's service takes an idempotency key, and is asked."""

    url: str
    """Where orders are posted: `https://acme.example/orders`."""
    secret: str = ""
    """Name of the file with the bearer token."""
    timeout_ms: int = 10_000


class WebhookWay(
    msgspec.Struct, frozen=True, kw_only=True, tag="webhook", forbid_unknown_fields=True
):
    """Each order is a signed Standard Webhook; answers come to the shop's door."""

    url: str
    repeats: bool = False
    """The receiver drops a `webhook-id` that it has seen: a call without an answer is repeated."""
    timeout_ms: int = 10_000


class X12Way(msgspec.Struct, frozen=True, kw_only=True, tag="x12", forbid_unknown_fields=True):
    """850 in an interchange, 855, 856, 810 and 997 read back."""

    place: str
    """`folder:NAME`, below the shop's `exchange` folder, or `sftp://user@host:22/path`."""
    sender: str
    receiver: str
    sender_kind: str = "ZZ"
    receiver_kind: str = "ZZ"
    outbox: str = "out"
    """Where orders are put, below the place."""
    inbox: str = "in"
    """Where answers are taken from, below the place."""
    sku_kind: str = "VN"
    """Qualifier under which a SKU stands in a line."""
    element_sign: str = "*"
    component_sign: str = ">"
    terminator: str = "~"
    newline: bool = True
    test: bool = False
    secret: str = ""
    """Name of the file with the password or private key for SFTP."""
    host_key: str = ""
    """The server's public key, `ssh-ed25519 AAAA...`; needed for SFTP."""
    poll_ms: int = 60_000
    """How often the inbox is looked at."""


class EmailWay(msgspec.Struct, frozen=True, kw_only=True, tag="email", forbid_unknown_fields=True):
    """A CSV file attached to a mail; the supplier answers at the portal."""

    to: tuple[str, ...]
    sender: str
    host: str
    """The server that takes mail for the shop."""
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    secret: str = ""
    """Name of the file with the password."""


Way = FetchWay | SimulatorWay | ApiWay | WebhookWay | X12Way | EmailWay


class PutChannel(Command, frozen=True, kw_only=True):
    """Says how a supplier is reached from now on; what is under way goes on as it began."""

    operation = "channels.put_channel"

    supplier: str
    way: Way
    gather_ms: int = 2_000
    """How long an order that is due waits for others, to leave together with them."""
    orders_max: int = 100
    """So many leave at once without waiting any longer, and no more leave together."""


class NoteInbox(Command, frozen=True, kw_only=True):
    """Says why a supplier's folder cannot be read, or that it can again."""

    operation = "channels.note_inbox"
    internal = True

    supplier: str
    reason: str
    """Empty where it can."""


# -- orders on their way ----------------------------------------------------------------------


class LetterLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units that an order asks for, at the cost that was expected."""

    sku: str
    quantity: int
    cost_minor: int | None = None
    currency: str | None = None
    supplier_sku: str | None = None
    """What the supplier calls it; None: as the shop does."""


class PostLetter(Command, frozen=True, kw_only=True):
    """Takes a purchase order over, to leave with the next bundle. The same one again is known."""

    operation = "channels.post_letter"
    internal = True

    supplier: str
    purchase_order: str
    lines: tuple[LetterLine, ...]
    direct: bool = False
    """Its supplier's service takes it at once; nothing is to leave later."""


class RecallLetter(Command, frozen=True, kw_only=True):
    """Holds a purchase order back that did not leave. Result: whether it never will."""

    operation = "channels.recall_letter"
    internal = True

    supplier: str
    purchase_order: str
    lines: tuple[LetterLine, ...]
    """Units that are not wanted any more, in total; only all of them hold it back."""
    bundle: str | None = None
    """The bundle that it is in, as the caller last saw it."""


class BeginBundle(Command, frozen=True, kw_only=True):
    """Puts orders together that will leave together."""

    operation = "channels.begin_bundle"
    internal = True

    supplier: str
    letters: tuple[str, ...]
    """Their purchase orders."""


class StageBundle(Command, frozen=True, kw_only=True):
    """Everything is prepared: from the commit of this on the bundle may have left."""

    operation = "channels.stage_bundle"
    internal = True

    supplier: str
    bundle: str
    letters: tuple[str, ...]
    """What was prepared; refused where one was held back meanwhile."""


class RecordBundle(Command, frozen=True, kw_only=True):
    """What came of letting a bundle leave."""

    operation = "channels.record_bundle"
    internal = True

    supplier: str
    bundle: str
    letters: tuple[str, ...]
    outcome: Literal["left", "not_left", "doubtful"]
    reason: str = ""


class SettleBundle(Command, frozen=True, kw_only=True):
    """Somebody found out whether a bundle in doubt reached its supplier."""

    operation = "channels.settle_bundle"

    supplier: str
    bundle: str
    letters: tuple[str, ...]
    """Its purchase orders, as the bundle names them."""
    arrived: bool
    """If not, it leaves again."""


class RecordReceipt(Command, frozen=True, kw_only=True):
    """The supplier's 997: whether its machine could read a bundle."""

    operation = "channels.record_receipt"
    internal = True

    supplier: str
    control: int
    letters: tuple[str, ...]
    receipt: Literal["accepted", "partly", "rejected"]


# -- invoices ---------------------------------------------------------------------------------


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a supplier bills for a SKU."""

    sku: str
    quantity: int
    price: str | None = None
    """Of one unit, as it is written: a decimal number with a point."""


class OrderedUnits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an order's supplier accepted of a SKU, and at which cost."""

    sku: str
    quantity: int
    cost_minor: int | None = None
    currency: str | None = None


class RecordInvoice(Command, frozen=True, kw_only=True):
    """Takes a supplier's bill and compares it with what was ordered."""

    operation = "channels.record_invoice"
    internal = True

    supplier: str
    number: str
    purchase_order: str
    currency: str
    lines: tuple[InvoiceLine, ...]
    charges_minor: int = 0
    """Freight and fees, less allowances."""
    tax_minor: int = 0
    total_minor: int
    ordered: tuple[OrderedUnits, ...]


class SettleInvoice(Command, frozen=True, kw_only=True):
    """A person accepts a bill that differs, or disputes it."""

    operation = "channels.settle_invoice"

    supplier: str
    number: str
    purchase_order: str
    outcome: Literal["accepted", "disputed"]
    note: str = ""


# -- what could not be read -------------------------------------------------------------------


class KeepMessage(Command, frozen=True, kw_only=True):
    """Keeps what came from a supplier and could not be used, where a person sees it."""

    operation = "channels.keep_message"
    internal = True

    supplier: str
    id: str
    """The same for the same text."""
    name: str
    """Of the file."""
    text: str
    reason: str


class MendMessage(Command, frozen=True, kw_only=True):
    """Puts another text in its place and has it read again."""

    operation = "channels.mend_message"

    supplier: str
    id: str
    text: str | None = None
    """The whole text; as it was, where None: what it speaks of may be known by now."""


class SettleMessage(Command, frozen=True, kw_only=True):
    """What came of reading a kept text again."""

    operation = "channels.settle_message"
    internal = True

    supplier: str
    id: str
    reason: str = ""
    """Why it still cannot be used; empty where it was."""


class EraseMessage(Command, frozen=True, kw_only=True):
    """The text of a kept message goes: it may name shoppers, and its time is over."""

    operation = "channels.erase_message"
    internal = True

    supplier: str
    id: str


class DismissMessage(Command, frozen=True, kw_only=True):
    """A person looked at a kept text, and nothing has to be done."""

    operation = "channels.dismiss_message"

    supplier: str
    id: str
