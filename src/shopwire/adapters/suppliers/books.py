"""The simulated suppliers' own books: what they really received, whatever anybody was told."""

from typing import Literal

import msgspec

from shopwire.adapters import books
from shopwire.kernel.purchasing import OrderedLine, ShipmentNotice


class Entry(msgspec.Struct, kw_only=True):
    """One purchase order as its supplier knows it."""

    id: str
    supplier: str = ""
    number: str = ""
    """The supplier's own; empty where the order never arrived."""
    lines: tuple[OrderedLine, ...] = ()
    addressed: bool = False
    """Whether it came with an address."""
    taken: int = 0
    """How often it was taken as an order: more than once is what must never happen."""
    state: Literal["none", "received", "acknowledged", "refused"] = "none"
    accepted: dict[str, int] = {}
    cancelled: dict[str, int] = {}
    parcels: list[ShipmentNotice] = []
    booked_at_ms: int | None = None
    blocked: bool = False
    """Cancelled before it arrived: it will be refused."""
    tries: dict[str, int] = {}
    """How often each call was made."""
    done: bool = False
    """Nothing more will happen by itself."""

    def shipped(self, sku: str) -> int:
        """Units that left."""
        return sum(
            line.quantity for parcel in self.parcels for line in parcel.lines if line.sku == sku
        )

    def left(self, sku: str) -> int:
        """Accepted units that neither left nor were given back."""
        return self.accepted.get(sku, 0) - self.cancelled.get(sku, 0) - self.shipped(sku)


Book = books.Book[Entry]
"""Where they are kept."""


class MemoryBook(books.MemoryBook[Entry]):
    """For one process; gone with it."""

    kind = Entry


class FileBook(books.FileBook[Entry]):
    """In a file that several processes share and that outlives them."""

    kind = Entry
