"""Carts as rows, and the pure rules about their lines."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec.structs import replace

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.rows import Row
from shopwire.modules.carts.api import ClosedLine, SetPart
from shopwire.modules.carts.events import CartDocument, CartLineDocument, CartStatus

CART_LINES_MAX: Final = 100
"""Articles in one cart; one more is refused with CartFull."""
CART_SKUS_MAX: Final = 400
"""Articles that were ever in one cart: those taken out are remembered, for the sake of merging."""
PARTS_MAX: Final = 50
"""SKUs that a set is made of."""
TRAIL_MAX: Final = 8
"""Changes of a line that are remembered, so that a conflict can tell what the shopper had seen."""
_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")


class Seen(NamedTuple):
    """How many of an article the cart held from one version on."""

    version: int
    quantity: int


class Cart(Row, frozen=True, kw_only=True):
    """One cart. The schema lets nothing change once it is ordered."""

    table = "cart"
    group_field = "cart_id"
    key_fields = ("cart_id",)

    cart_id: str
    version: int = 0
    shopper: str = ""
    status: CartStatus = "open"
    order_id: str | None = None
    attempt: int = 1


class CartLine(Row, frozen=True, kw_only=True):
    """An article in a cart; one of quantity 0 was taken out."""

    table = "cart_line"
    group_field = "cart_id"
    key_fields = ("cart_id", "sku")

    cart_id: str
    sku: str
    place: int
    """In which order articles came."""
    quantity: int
    accepted_minor: int
    currency: str
    parts: tuple[SetPart, ...] = ()
    trail: tuple[Seen, ...] = ()
    """The latest changes, the newest last."""

    @property
    def changed_in(self) -> int:
        """Version of the cart that this line was changed in last."""
        return self.trail[-1].version if self.trail else 0

    def quantity_at(self, version: int) -> int | None:
        """What a cart of that version held, None where it is forgotten."""
        earlier = [seen.quantity for seen in self.trail if seen.version <= version]
        if earlier:
            return earlier[-1]
        return None if len(self.trail) == TRAIL_MAX else 0

    def at(self, version: int, quantity: int) -> "CartLine":
        """The line as it is from that version on."""
        trail = (*self.trail, Seen(version, quantity))[-TRAIL_MAX:]
        return replace(self, quantity=quantity, trail=trail)


def check_cart_id(cart_id: str) -> str:
    """Returns it, or raises InvalidField."""
    if not _ID.fullmatch(cart_id):
        reason = "it takes 8 to 64 letters, digits, - and _"
        raise InvalidField(
            f"cart_id cannot be used: {reason}.",
            field="cart_id",
            reason=reason,
            value=cart_id[:60],
        )
    return cart_id


def in_order(lines: Iterable[CartLine]) -> list[CartLine]:
    """What the cart holds, as it came in."""
    return sorted((line for line in lines if line.quantity), key=lambda line: line.place)


def document_of(cart: Cart, lines: Iterable[CartLine]) -> CartDocument:
    """What the shopper sees."""
    return CartDocument(
        id=cart.cart_id,
        lines=tuple(
            CartLineDocument(
                sku=line.sku,
                quantity=line.quantity,
                accepted_minor=line.accepted_minor,
                currency=line.currency,
            )
            for line in in_order(lines)
        ),
        status=cart.status,
        order_id=cart.order_id,
        attempt=cart.attempt,
    )


def closed_lines(lines: Iterable[CartLine]) -> dict[str, ClosedLine]:
    """What the cart holds, as a checkout names it."""
    return {
        line.sku: ClosedLine(
            sku=line.sku, quantity=line.quantity, accepted_minor=line.accepted_minor
        )
        for line in in_order(lines)
    }


def order_id_of(cart: Cart) -> str:
    """The id of the order that the next checkout makes."""
    return f"{cart.cart_id}.{cart.attempt}"
