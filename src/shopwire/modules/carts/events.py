"""What happened to carts, and what the shopper sees of them."""

from typing import Literal

import msgspec

from shopwire.kernel.events import Event

CartStatus = Literal["open", "checking_out", "ordered"]


class CartLineDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An article in a cart, at the price that the shopper accepted."""

    sku: str
    quantity: int
    accepted_minor: int
    currency: str


class CartDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A cart as its shopper sees it; prices and stock of now are documents of their own."""

    id: str
    lines: tuple[CartLineDocument, ...]
    status: CartStatus
    order_id: str | None
    """The order that is being made of it, or was."""
    attempt: int
    """Number of the next checkout, or of the one that goes on; the order's id ends with it."""


class CartFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which article was changed, and which order it is about."""

    sku: str = ""
    order_id: str = ""


class _CartEvent(Event, frozen=True, kw_only=True):
    topic_kind = "cart"

    document: CartDocument
    facts: CartFacts


class CartChanged(_CartEvent, frozen=True, kw_only=True):
    """A line was put in, changed or taken out, or prices were accepted."""

    event_type = "carts.cart_changed"


class CartLocked(_CartEvent, frozen=True, kw_only=True):
    """It is being paid for."""

    event_type = "carts.cart_locked"


class CartReopened(_CartEvent, frozen=True, kw_only=True):
    """The checkout came to nothing; the cart is as it was."""

    event_type = "carts.cart_reopened"


class CartOrdered(_CartEvent, frozen=True, kw_only=True):
    """It was bought."""

    event_type = "carts.cart_ordered"
