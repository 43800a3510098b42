"""What rows of a feed become: a product, offers and counts together, and what they say in short."""

import hashlib
from typing import Any, Final

import msgspec

from shopwire.modules.catalog.api import ProductContent
from shopwire.modules.feeds.api import BadRow, Digest
from shopwire.modules.feeds.reading import RawRow
from shopwire.modules.inventory.api import Count
from shopwire.modules.suppliers.api import NO_SUPPLIER_SKU, Terms

_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """Terms and the supplier that they are of."""

    supplier: str
    terms: Terms


class Group(msgspec.Struct, kw_only=True):
    """All rows of one product, as what they become."""

    key: str
    rows: int = 0
    chars: int = 0
    """How long their texts are together."""
    lines: dict[str, RawRow] = {}
    """The row of each SKU, for a quarantine that is found out later."""
    product: ProductContent | None = None
    offers: list[Offered] = []
    counts: list[Count] = []
    count_supplier: str = ""
    bad: list[BadRow] = []
    more: dict[str, dict[str, str | int]] = {}
    """By SKU: the maker's number, weight and size."""
    mark: int = 0
    """Tells its rows by their cells, without mapping them; 0 where they cannot be told so."""
    rest: int = 0
    """The same of all cells but the counts; 0 where only all of them tell it."""
    aside: str = ""
    number: int = 0
    """Groups of one number are looked at together, see `QuickWalk`."""
    beside: list[ProductContent] = []
    counts_only: bool = False
    """Whether all but its counts is known by `rest`, so that nothing else of it was mapped."""
    offers_known: int = 0
    """How many offers it has that were not mapped."""

    def digest(self, before: Digest | None = None) -> Digest:
        """What it says, in short; of a group with counts only beside what was said before."""
        stock = _digest([self.count_supplier, self.counts]) if self.counts else ""
        if self.counts_only:
            assert before is not None, "such a group is known"
            return msgspec.structs.replace(before, stock=stock, mark=self.mark)
        return Digest(
            key=self.key,
            product=_digest(self.product),
            offers=_digest(self.offers, leave_out=NO_SUPPLIER_SKU),
            stock=stock,
            mark=self.mark,
            rest=self.rest,
            aside=self.aside,
        )


def _digest(value: Any, leave_out: bytes = b"") -> str:
    if not value:
        return ""
    said = _encode(value)
    # No text can hold it: its quotes would be escaped there.
    kept = said.replace(leave_out, b"") if leave_out else said
    return hashlib.blake2b(kept, digest_size=12).hexdigest()
