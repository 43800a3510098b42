"""What others may ask of carts."""

from typing import Final

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.errors import UnknownOperation
from shopwire.modules.pricing.api import Accepted

INSIDERS: Final = ("checkout", "system")
"""Principals that are the shop itself. Whoever comes in by a door is somebody else."""
_INSIDE: Final = ("consumer:", "activity:")


def check_insider(principal: str, operation: str) -> None:
    """Raises UnknownOperation unless the shop itself asks: a step of a saga is nobody's wish."""
    if principal not in INSIDERS and not principal.startswith(_INSIDE):
        raise UnknownOperation(operation=operation)


class SetPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one unit of a set is made of: units of another SKU."""

    sku: str
    quantity: int


class PutLine(Command, frozen=True, kw_only=True):
    """Puts an article into a cart, or changes how many: the cart holds `quantity` of it then.

    More units than before are taken only where they can be sold now; they are not reserved. A line
    that somebody changed after `expected_version` to something else is a conflict, told with base,
    theirs and mine; other lines merge. The first line makes the cart.
    """

    operation = "carts.put_line"

    cart_id: str
    """8 to 64 letters, digits, `-` and `_`, not to be guessed: who knows it sees the cart."""
    shopper: str
    """For whom; what one shopper may buy is counted by it."""
    sku: str
    quantity: int
    """0 takes the article out."""
    accepted_minor: int
    """The price of one unit that the shopper saw and agreed to."""
    currency: str
    parts: tuple[SetPart, ...] = ()
    """What a set is made of."""
    expected_version: int | None = None
    """Version of the cart that the shopper saw."""


class AcceptPrices(Command, frozen=True, kw_only=True):
    """The shopper agrees to the prices of now; they are refused where they moved again."""

    operation = "carts.accept_prices"

    cart_id: str
    lines: tuple[Accepted, ...]


class CloseCart(Command, frozen=True, kw_only=True):
    """A checkout begins: nothing changes in the cart until it is bought or given back.

    Refused unless the cart holds exactly these lines, and `order_id` is its next attempt. Only the
    shop itself sends it.
    """

    operation = "carts.close_cart"
    internal = True

    cart_id: str
    order_id: str
    lines: tuple["ClosedLine", ...]


class ClosedLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a checkout takes a cart's line to be."""

    sku: str
    quantity: int
    accepted_minor: int


class ReopenCart(Command, frozen=True, kw_only=True):
    """The checkout failed: the cart is the shopper's again, and the next attempt has a new id.

    No effect where the cart is not in this checkout. Only the shop itself sends it.
    """

    operation = "carts.reopen_cart"
    internal = True

    cart_id: str
    order_id: str


class FinishCart(Command, frozen=True, kw_only=True):
    """The cart was bought, for good. Only the shop itself sends it."""

    operation = "carts.finish_cart"
    internal = True

    cart_id: str
    order_id: str
