"""The simulated provider's own books: what really was charged, whatever anybody was told."""

from typing import Literal

import msgspec

from shopwire.adapters import books


class Entry(msgspec.Struct, kw_only=True):
    """One charge."""

    id: str
    amount_minor: int = 0
    currency: str = ""
    method: str = ""
    verdict: Literal["", "pending", "approved", "declined"] = ""
    """Empty where it was voided before anybody asked for it."""
    reason: str = ""
    voided: bool = False
    released_minor: int = 0
    captures: dict[str, int] = {}
    refunds: dict[str, int] = {}
    returned: dict[str, int] = {}
    """Refunds that came back."""
    disputed: dict[str, int] = {}
    """What shoppers' banks took back, by the dispute."""
    refused: dict[str, str] = {}
    """Movements that will never happen, as `<kind>/<id>`, with the reason."""
    tries: dict[str, int] = {}
    """How often each call was made."""

    @property
    def captured_minor(self) -> int:
        """Money that was really taken."""
        return sum(self.captures.values())

    @property
    def refunded_minor(self) -> int:
        """Money that was really given back and did not return."""
        return sum(self.refunds.values())

    @property
    def left_minor(self) -> int:
        """Promised, not taken and not given back."""
        if self.verdict != "approved":
            return 0
        return self.amount_minor - self.captured_minor - self.released_minor


Book = books.Book[Entry]
"""Where they are kept."""


class MemoryBook(books.MemoryBook[Entry]):
    """For one process; gone with it."""

    kind = Entry


class FileBook(books.FileBook[Entry]):
    """In a file that several processes share and that outlives them."""

    kind = Entry
