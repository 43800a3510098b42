"""Orders as rows, the documents that are made of them, and what a checkout answers."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import msgspec
from msgspec.structs import replace

from shopwire.kernel.commands import Answer
from shopwire.kernel.errors import ShopwireError, StockShort
from shopwire.kernel.rows import Row
from shopwire.kernel.trade_errors import OrderState, PaymentDeclined
from shopwire.modules.carts.api import SetPart
from shopwire.modules.orders.api import Address, Choice, FailReason, Settler
from shopwire.modules.orders.events import (
    ConflictDocument,
    ConflictReason,
    ConflictStatus,
    LineState,
    OrderDocument,
    OrderLineDocument,
    OrderStatus,
    ShipmentView,
)
from shopwire.modules.orders.lots import Awaited, Lot, line_state, shares_of, status_of

ORDER_LINES_MAX: Final = 100
"""Articles of one order; a checkout with more is refused."""
TITLE_CHARS_MAX: Final = 500
"""Length of an article's title in an order; a longer one is cut off by the door."""
SHIPMENTS_MAX: Final = 200
"""Parcels that an order's document names; more are found by their own documents."""
CHECKOUT_MS_MIN: Final = 1_000
CHECKOUT_MS_MAX: Final = 30 * 60_000
"""How long a checkout may be given, for shoppers who have to confirm at their bank."""
HOLD_GRACE_MS: Final = 35_000
"""How much longer than the checkout its units are held: until the sweep has surely decided."""
ANSWER_MS: Final = 10_000
"""How long whoever began a checkout may work on its answer; then the next who asks, or the sweep,
goes on with it."""
ASK_MS_MIN: Final = 1_000
"""First wait of the sweep for a provider that does not know yet; it doubles."""
ASK_MS_MAX: Final = 8_000
"""Longest wait between two questions about one checkout."""
ORDER_AGAIN_MS: Final = 24 * 3_600_000
"""When units that a supplier refused, and the shopper waits for, are ordered from it again."""
CHOICES: Final[tuple[Choice, ...]] = ("wait", "cancel", "replace")

ORDER_ID: Final = re.compile(r"(?P<cart>[A-Za-z0-9_-]{8,64})\.[1-9][0-9]{0,8}")
_ANEW: Final = "~2"
_NO_CONFLICT: Final = (None, None)
_READABLE: Final = "23456789BCDFGHJKLMNPQRSTVWXZ"

_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An article of an order. Only `cut` ever changes."""

    sku: str
    title: str
    quantity: int
    price_minor: int
    parts: tuple[SetPart, ...] = ()
    cut: int = 0
    """How many the shopper asked to cancel."""

    @property
    def units(self) -> dict[str, int]:
        """How many units of which SKU one of it takes."""
        if not self.parts:
            return {self.sku: 1}
        found: Counter[str] = Counter()
        for part in self.parts:
            found[part.sku] += part.quantity
        return dict(found)


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A shipment as the order knows it."""

    id: str
    version: int
    carrier: str
    tracking: str
    status: str


class Order(Row, frozen=True, kw_only=True, omit_defaults=True):
    """One order, whole: the schema checks its sums and each of its lots."""

    table = "customer_order"
    group_field = "order_id"
    key_fields = ("order_id",)

    order_id: str
    cart_id: str
    version: int = 0
    number: str
    status: OrderStatus = "checking_out"
    shopper: str
    provider: str
    has_cart: bool = False
    currency: str
    lines: tuple[Line, ...]
    awaited: tuple[Awaited, ...]
    lots: tuple[Lot, ...] = ()
    skus: tuple[str, ...]
    total_minor: int
    refunded_minor: int = 0
    payment: str = "opened"
    shipments: tuple[Parcel, ...] = ()
    receipts: tuple[str, ...] = ()
    """Returns that were taken."""
    conflicts: int = 0
    cuts: int = 0
    """Cancellations that were asked for."""
    started_at_ms: int
    expires_at_ms: int
    ask_at_ms: int
    """When the sweep asks the provider next, while it is being checked out."""
    asks: int = 0
    placed_at_ms: int | None = None
    reason: str | None = None
    answer_status: int | None = None
    """What the checkout was answered, once and for all."""
    answer_body: str | None = None
    origin: str = ""

    def line(self, sku: str) -> Line | None:
        """The line of an article."""
        return next((line for line in self.lines if line.sku == sku), None)

    def with_lots(self, lots: Iterable[Lot]) -> "Order":
        """The order with these lots instead of those of the same names, or added to them."""
        known = {lot.name: lot for lot in self.lots} | {lot.name: lot for lot in lots}
        return replace(self, lots=tuple(known.values()))

    def states(self) -> dict[str, dict[LineState, int]]:
        """How many units of each line are in which state; what no unit is in may be missing."""
        found: dict[str, dict[LineState, int]] = {line.sku: {} for line in self.lines}
        if self.status == "failed" or (self.status == "cancelled" and self.placed_at_ms is None):
            for line in self.lines:
                found[line.sku]["cancelled"] = line.quantity * sum(line.units.values())
            return found
        awaited: LineState = "promised" if self.placed_at_ms is not None else "held"
        for waiting in self.awaited:
            line_of = found[waiting.line]
            line_of[awaited] = line_of.get(awaited, 0) + waiting.quantity
        for lot in self.lots:
            line_of = found[lot.line]
            for state, units in lot.states().items():
                line_of[state] = line_of.get(state, 0) + units
        return found


class OrderContact(Row, frozen=True, kw_only=True):
    """Whom to send it to: nothing but this row knows. Written once, never read by a decision."""

    table = "order_contact"
    group_field = "order_id"
    key_fields = ("order_id",)
    append_only = True

    order_id: str
    email: str
    address: Address
    method: str
    """The provider's token: the sweep asks with it."""


class Conflict(Row, frozen=True, kw_only=True):
    """Units that were promised and a supplier does not have."""

    table = "order_conflict"
    group_field = "order_id"
    key_fields = ("order_id", "conflict_id")

    order_id: str
    conflict_id: str
    version: int = 0
    plan: str
    line: str
    sku: str
    supplier: str
    reference: str
    quantity: int
    reason: ConflictReason
    status: ConflictStatus = "open"
    choice: Choice | None = None
    by: Settler | None = None
    opened_at_ms: int
    settled_at_ms: int | None = None
    decided_at_ms: int | None = None
    """When the supplier refused, on its clock."""
    decided_sequence: int | None = None
    again_at_ms: int | None = None
    """When units that are waited for are ordered again."""

    @property
    def lot_name(self) -> tuple[str, str, str, str]:
        """Whose units it is about."""
        return (self.plan, self.line, self.sku, self.supplier)


# -- ids --------------------------------------------------------------------------------------


def cart_of(order_id: str) -> str | None:
    """The cart that an order's id names, None where it is no order's id."""
    found = ORDER_ID.fullmatch(order_id)
    return found["cart"] if found else None


def order_of(reference: str) -> str | None:
    """The order that a hold or a sale is for, None where it is for something else."""
    order_id = reference.partition("/")[0].partition("~")[0]
    return order_id if ORDER_ID.fullmatch(order_id) else None


def plan_of(reference: str) -> str:
    """What a hold was made for: an order however often it held, or a conflict."""
    return reference.removesuffix(_ANEW)


def hold_anew(order_id: str) -> str:
    """The id of the hold that replaces one that ran out."""
    return order_id + _ANEW


def number_of(order_id: str) -> str:
    """A short text that people can read out: no vowels to spell words with, no 0 and O, 1 and I."""
    value = int.from_bytes(hashlib.sha256(order_id.encode()).digest()[:8])
    text = "".join(_READABLE[value // len(_READABLE) ** at % len(_READABLE)] for at in range(10))
    return f"{text[:5]}-{text[5:]}"


# -- documents --------------------------------------------------------------------------------


def awaited_of(order_id: str, lines: Iterable[Line]) -> tuple[Awaited, ...]:
    """All units of the lines; each SKU of a set has its share of the price of one."""
    found = []
    for line in lines:
        units = line.units
        shares = shares_of(line.price_minor, list(units.values()))
        found += [
            Awaited(
                plan=order_id,
                line=line.sku,
                sku=sku,
                quantity=count * line.quantity,
                value_minor=share * line.quantity,
            )
            for (sku, count), share in zip(units.items(), shares, strict=True)
        ]
    return tuple(found)


_States = Mapping[str, Mapping[LineState, int]]
"""Of an order's lines, as `Order.states` gives them."""


def settled_status(order: Order, states: _States) -> OrderStatus:
    """What the order says; until it is placed, and once it came to nothing, that is decided."""
    if order.placed_at_ms is None:
        return order.status
    total: dict[LineState, int] = {}
    for of_line in states.values():
        for state, units in of_line.items():
            total[state] = total.get(state, 0) + units
    return status_of(total)


def document_of(order: Order, states: _States | None = None) -> OrderDocument:
    """The order as its shopper sees it; `states` are its own, where they are known already."""
    if states is None:
        states = order.states()
    conflicts: dict[str, tuple[str, str]] = {}
    for lot in order.lots:
        if conflict := lot.refusal or lot.short:
            conflicts.setdefault(lot.line, (conflict, lot.sku))
    return OrderDocument(
        id=order.order_id,
        number=order.number,
        status=order.status,
        lines=tuple(
            OrderLineDocument(
                sku=line.sku,
                title=line.title,
                quantity=line.quantity,
                price_minor=line.price_minor,
                state=line_state(states[line.sku]),
                units=dict(sorted(states[line.sku].items())),
                conflict=conflicts.get(line.sku, _NO_CONFLICT)[0],
                conflict_sku=conflicts.get(line.sku, _NO_CONFLICT)[1],
                choices=CHOICES if line.sku in conflicts else (),
            )
            for line in order.lines
        ),
        skus=order.skus,
        currency=order.currency,
        total_minor=order.total_minor,
        refunded_minor=order.refunded_minor,
        payment=order.payment,
        shipments=tuple(
            ShipmentView(
                id=parcel.id,
                carrier=parcel.carrier,
                tracking=parcel.tracking,
                status=parcel.status,
            )
            for parcel in order.shipments[-SHIPMENTS_MAX:]
        ),
        started_at_ms=order.started_at_ms,
        placed_at_ms=order.placed_at_ms,
        expires_at_ms=order.expires_at_ms if order.status == "checking_out" else None,
        reason=order.reason,
    )


def conflict_document(conflict: Conflict, order: Order) -> ConflictDocument:
    """A conflict as operators see it."""
    line = order.line(conflict.line)
    return ConflictDocument(
        id=conflict.conflict_id,
        order_id=conflict.order_id,
        number=order.number,
        line=conflict.line,
        title=line.title if line else conflict.line,
        sku=conflict.sku,
        supplier=conflict.supplier,
        quantity=conflict.quantity,
        reason=conflict.reason,
        status=conflict.status,
        choices=CHOICES if conflict.status == "open" else (),
        choice=conflict.choice,
        by=conflict.by,
        opened_at_ms=conflict.opened_at_ms,
        settled_at_ms=conflict.settled_at_ms,
    )


# -- what a checkout answers ------------------------------------------------------------------


def answered(order: Order, status: int, body: bytes) -> Order:
    """The order with its answer; the first one stays."""
    if order.answer_status is not None:
        return order
    return replace(order, answer_status=status, answer_body=body.decode())


def placed_answer(order: Order, next_url: str = "") -> bytes:
    """The order stands, or its payment still goes on: what the shopper is told of it."""
    result = {
        "order_id": order.order_id,
        "number": order.number,
        "status": order.status,
        "total_minor": order.total_minor,
        "currency": order.currency,
        "placed_at_ms": order.placed_at_ms,
        "expires_at_ms": None if order.placed_at_ms else order.expires_at_ms,
        "next_url": next_url or None,
    }
    return _encode(Answer(versions={f"order:{order.order_id}": order.version}, result=result))


def failed_answer(order: Order, reason: FailReason | Literal["cancelled"], detail: str) -> Any:
    """Why it came to nothing: the status, and the error as every door shows it."""
    problem: ShopwireError
    match reason:
        case "declined":
            problem = PaymentDeclined(payment=order.order_id, reason=detail)
        case "stock_short":
            line = next((line for line in order.lines if line.sku == detail), None)
            problem = StockShort(sku=detail, requested=line.quantity if line else 1, available=0)
        case _:
            problem = OrderState(order=order.order_id, state=reason, allowed=[])
    return problem.status, _encode(problem.body())


def checkout_result(order: Order) -> Mapping[str, Any]:
    """What the steps of a checkout tell their sender."""
    answer = None
    if order.answer_status is not None:
        answer = {"status": order.answer_status, "body": order.answer_body}
    return {
        "order_id": order.order_id,
        "number": order.number,
        "status": order.status,
        "skus": order.skus,
        "total_minor": order.total_minor,
        "currency": order.currency,
        "started_at_ms": order.started_at_ms,
        "expires_at_ms": order.expires_at_ms,
        "answer": answer,
    }
