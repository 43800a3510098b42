"""What others may ask of orders.

An order's id is `{cart}.{attempt}`; everything about it lives under the id of its cart. The first
group of commands are the steps of a checkout and of what follows it: only the shop itself sends
them. A shopper begins at `POST /api/checkout` and has the commands of the second group.
"""

from typing import Final, Literal

import msgspec

from shopwire.kernel.commands import Command
from shopwire.modules.carts.api import SetPart
from shopwire.modules.routing.api import RouteChoice

Choice = Literal["wait", "cancel", "replace"]
"""`wait`: it comes later; `cancel`: with the money back; `replace`: from another supplier."""
FailReason = Literal["declined", "timed_out", "stock_short"]
Asker = Literal["shopper", "operator"]
Settler = Literal["shopper", "operator", "routing"]
"""`routing`: the shop itself found another supplier."""

CHECKOUT_MS: Final = 25_000
"""How long a checkout may take, unless its start says otherwise; then it is given up."""


class Address(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the goods go. It is kept in a row, and in no document, fact, topic, log or key."""

    name: str
    lines: tuple[str, ...]
    """Street and number, floor, company."""
    postal_code: str
    city: str
    country: str
    """ISO 3166-1 alpha-2."""
    region: str = ""
    phone: str = ""


class OrderLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An article as it is bought. Lines of one SKU are one line, with their sum."""

    sku: str
    title: str
    quantity: int
    price_minor: int
    """Of one unit, as the shopper accepted it."""
    parts: tuple[SetPart, ...] = ()
    """What a set is made of: these are the SKUs whose stock is held."""


# -- steps of the checkout --------------------------------------------------------------------


class StartCheckout(Command, frozen=True, kw_only=True):
    """Confirms the prices, holds the stock, opens the payment and closes the cart, all or nothing.

    The same order again, with the same lines, has no effect: its id is the natural key.
    """

    operation = "orders.start_checkout"
    internal = True

    order_id: str
    cart_id: str
    shopper: str
    lines: tuple[OrderLine, ...]
    currency: str
    email: str
    address: Address
    method: str
    """The payment provider's token; it is kept in rows only."""
    provider: str
    has_cart: bool = True
    """False where the lines came without a cart; then `cart_id` is only where the order lives."""
    checkout_ms: int = CHECKOUT_MS
    """How long the payment may take; then the sweep gives the order up."""
    origin: str = ""
    """What asked for it; the same origin comes back to its order, another one is refused."""
    route: RouteChoice | None = None
    """From which suppliers the units are to come; None for whichever has most of each."""


class CompleteOrder(Command, frozen=True, kw_only=True):
    """The one completion: the promise of the money is recorded, the held units are sold.

    Whoever learns of the authorisation first sends it, under the key `complete/{order_id}`. Placed
    already: no effect. Given up meanwhile: the promise is recorded and given back.
    """

    operation = "orders.complete_order"
    internal = True

    order_id: str
    skus: tuple[str, ...]
    """All SKUs whose stock the order holds, as its document lists them."""
    reference: str
    """The provider's id of the payment."""
    amount_minor: int
    currency: str
    anew: bool = False
    """The hold ran out before the answer came: hold again and sell, in one transaction."""
    shopper: str = ""
    """With `anew`: for whom."""
    suppliers: tuple[str, ...] = ()
    """Who may send the units: where the inventory takes them from these alone, their purchase
    orders are planned in the same transaction. Of any others the consumer plans."""


class FailCheckout(Command, frozen=True, kw_only=True):
    """Gives a checkout up: the units are free, the cart is open again, no money is kept.

    An order that is not being checked out any more is left as it is.
    """

    operation = "orders.fail_checkout"
    internal = True

    order_id: str
    skus: tuple[str, ...]
    reason: FailReason
    detail: str = ""
    """A code word: why the provider declined, which SKU is short."""
    reference: str = ""
    """The provider's id of the payment, where there is one."""
    authorised_minor: int | None = None
    """The money was promised all the same: it is recorded and given back."""


class AskAgain(Command, frozen=True, kw_only=True):
    """The provider had no answer yet: when the sweep asks next, never after the deadline."""

    operation = "orders.ask_again"
    internal = True

    order_id: str


class AnswerLater(Command, frozen=True, kw_only=True):
    """The shopper is told that the payment still goes on; what was answered first stays."""

    operation = "orders.answer_later"
    internal = True

    order_id: str
    next_url: str = ""
    """Where the shopper has to confirm the payment."""


# -- what the shop's other parts tell ---------------------------------------------------------


class Share(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units of one SKU that come from one supplier."""

    supplier: str
    quantity: int


class NoteAllocation(Command, frozen=True, kw_only=True):
    """The inventory tells from which suppliers the sold units of one SKU come."""

    operation = "orders.note_allocation"
    internal = True

    order_id: str
    plan: str
    """The hold whose units they are: the order's id, or the conflict's that led to a new one."""
    sku: str
    shares: tuple[Share, ...]
    suppliers: tuple[str, ...] = ()
    """As for the completion that it belongs to."""


class NotePayment(Command, frozen=True, kw_only=True):
    """The payment stands differently."""

    operation = "orders.note_payment"
    internal = True

    order_id: str
    state: str
    refunded_minor: int


class UnitsNow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the units of one SKU of a purchase order stand, in total."""

    sku: str
    ordered: int
    accepted: int
    refused: int
    cancelling: int
    cancelled: int
    shipped: int
    delivered: int


class LineCut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many of an article."""

    sku: str
    quantity: int


class NotePurchaseOrder(Command, frozen=True, kw_only=True):
    """A purchase order stands differently; totals, so that an older word changes nothing.

    Units that the supplier refused are a conflict; cancelled ones are free and their money goes
    back.
    """

    operation = "orders.note_purchase_order"
    internal = True

    order_id: str
    plan: str
    supplier: str
    purchase_order: str
    version: int
    """Of the purchase order's document."""
    sent: bool
    units: tuple[UnitsNow, ...]
    too_late: tuple[LineCut, ...] = ()
    """Units of this change alone that were to be cancelled, and the supplier shipped first."""
    at_ms: int | None = None
    """When the supplier decided, on its clock."""
    sequence: int | None = None


class NoteShipment(Command, frozen=True, kw_only=True):
    """A parcel of the order is new, or was seen somewhere."""

    operation = "orders.note_shipment"
    internal = True

    order_id: str
    shipment: str
    version: int
    carrier: str
    tracking: str
    status: str


class Returned(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units of one SKU that came back, from one purchase order."""

    sku: str
    quantity: int
    supplier: str
    reference: str


class NoteReturn(Command, frozen=True, kw_only=True):
    """Units came back; each receipt is taken once."""

    operation = "orders.note_return"
    internal = True

    order_id: str
    receipt: str
    units: tuple[Returned, ...]


class OpenConflict(Command, frozen=True, kw_only=True):
    """A supplier has fewer units than were promised from it: somebody has to choose.

    Units of the order that are in question already, or for which the shopper chose to wait, are
    not asked about again.
    """

    operation = "orders.open_conflict"
    internal = True

    order_id: str
    plan: str
    sku: str
    supplier: str
    quantity: int


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units that are to come from one supplier and from no other."""

    supplier: str
    quantity: int


class MoveUnits(Command, frozen=True, kw_only=True):
    """Units that a supplier has not shipped come from others: it is late, or somebody chose so.

    The first supplier is asked not to send them. Raises OrderState where fewer of them can be
    moved, StockShort where the others have too few.
    """

    operation = "orders.move_units"
    internal = True

    order_id: str
    move: str
    """Names the wish; the same again has no effect."""
    sku: str
    supplier: str
    sources: tuple[Source, ...]
    reason: Literal["moved", "late"] = "moved"
    by: Settler = "operator"
    purchase_order: str = ""
    """Only units of this one."""


class OrderAgain(Command, frozen=True, kw_only=True):
    """Units that a supplier refused, and the shopper waits for, are ordered from it again."""

    operation = "orders.order_again"
    internal = True

    conflict_id: str


# -- what shoppers and operators ask ----------------------------------------------------------


class CancelOrder(Command, frozen=True, kw_only=True):
    """Cancels what was not shipped: everything, or some of the lines.

    Units that a supplier knows of are asked back first; what it shipped before comes all the same.
    Money for cancelled units goes back at once.
    """

    operation = "orders.cancel_order"

    order_id: str
    skus: tuple[str, ...]
    """All SKUs of the order, as its document lists them."""
    lines: tuple[LineCut, ...] | None = None
    """None for everything."""
    by: Asker = "shopper"


class SettleConflict(Command, frozen=True, kw_only=True):
    """Chooses what becomes of units in question; whoever is first, shopper or operator, decides.

    Raises ConflictSettled for the second one, and StockShort where nobody else has the units.
    """

    operation = "orders.settle_conflict"

    conflict_id: str
    """`{order}/C{n}`."""
    sku: str
    """Whose units are in question: the order's document says it as the line's `conflict_sku`."""
    supplier: str | None = None
    """Who has too few; where it is said, it has to be right."""
    choice: Choice
    by: Settler = "shopper"
    sources: tuple[Source, ...] = ()
    """With `replace`: from whom the units come; from whoever has most if empty."""
