"""What others may ask of matching."""

from typing import Literal

import msgspec

from shopwire.kernel.commands import Command
from shopwire.modules.catalog.api import ProductContent
from shopwire.modules.suppliers.api import Terms

Mode = Literal["own_skus", "match"]
"""`own_skus`: a supplier's SKUs are the shop's. `match`: each is looked up first."""
Unknown = Literal["make", "review"]
"""What becomes of an article that nothing in the shop is like."""
How = Literal["sku", "gtin", "mpn", "new", "person"]
"""By what a supplier's SKU was linked."""
Reason = Literal[
    "several_skus",
    "gtin_differs",
    "sku_taken",
    "near_title",
    "same_handle",
    "unknown",
    "forgotten",
]
"""Why a match is doubtful."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An article of the shop that a row may be, and what speaks for it."""

    sku: str
    because: tuple[str, ...] = ()
    """`sku`, `gtin`, `mpn`, `title`, `handle`."""


class Offered(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Terms of a row that waits, and the supplier that they are of."""

    supplier: str
    terms: Terms


class Waiting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row that cannot be taken yet: what it says, and what it may be."""

    supplier_sku: str
    line: int
    reasons: tuple[Reason, ...]
    candidates: tuple[Candidate, ...] = ()
    product: ProductContent | None = None
    """With this row's variant alone; None where the feed brings no products."""
    offers: tuple[Offered, ...] = ()
    quantity: int | None = None
    as_of_ms: int | None = None
    """The moment that the quantity speaks of."""
    new_sku: str
    """A SKU that is free, and the product's id, should it become an article of its own."""
    new_product: str = ""


class Link(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a supplier's SKU was found to be."""

    supplier_sku: str
    sku: str
    how: How


class PutPolicy(Command, frozen=True, kw_only=True):
    """Says how a supplier's SKUs become the shop's; without it they are the shop's own."""

    operation = "matching.put_policy"

    supplier: str
    """Its id, or its name where it is not known yet: the policy holds from its first feed on."""
    mode: Mode
    unknown: Unknown = "make"
    """Whether what nothing is like becomes an article at once, or waits for a person."""
    titles: bool = True
    """Whether an article with nearly the same name makes a person look."""


class NoteMatches(Command, frozen=True, kw_only=True):
    """What a part of a feed was found to be: links are remembered, doubtful rows wait.

    The result lists `refused`: supplier's SKUs whose article is another one's already.
    """

    operation = "matching.note_matches"
    internal = True

    supplier: str
    run: str
    links: tuple[Link, ...] = ()
    waiting: tuple[Waiting, ...] = ()


class LinkMatch(Command, frozen=True, kw_only=True):
    """A person says which article a supplier's SKU is; the row that waits takes effect at once.

    Without a waiting row it is remembered for the next feed.
    """

    operation = "matching.link"

    supplier: str
    supplier_sku: str
    sku: str


class MakeNew(Command, frozen=True, kw_only=True):
    """A person says that a waiting row is an article of its own, which is made at once."""

    operation = "matching.make_new"

    supplier: str
    supplier_sku: str
    sku: str
    """The SKU it gets; the row that waits has a free one in `new_sku`."""
    product: str
    """The product it belongs to; likewise in `new_product`."""


class IgnoreMatch(Command, frozen=True, kw_only=True):
    """A person says that the shop does not sell this; feeds pass over it from now on."""

    operation = "matching.ignore"

    supplier: str
    supplier_sku: str


class ForgetLink(Command, frozen=True, kw_only=True):
    """Takes a link, or an ignored row, back: the supplier's offer and stock of the SKU end.

    The next feed's row waits for a person, whatever speaks for an article.
    """

    operation = "matching.forget"

    supplier: str
    supplier_sku: str
