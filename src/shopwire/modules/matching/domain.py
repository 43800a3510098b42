"""What is remembered of suppliers' SKUs, and the rows that wait for a person."""

import hashlib
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from shopwire.kernel.rows import Row
from shopwire.modules.catalog.api import ProductContent
from shopwire.modules.matching.api import Candidate, Mode, Offered, Unknown, Waiting
from shopwire.modules.matching.events import (
    LinkDocument,
    MatchDocument,
    PolicyDocument,
    QueueDocument,
    Status,
)
from shopwire.modules.suppliers.api import NO_SUPPLIER_SKU

QUEUE: Final = "queue"
"""Entity of the topic that tells how many rows wait."""
WAITING_MAX: Final = 10_000
"""Rows of one supplier that wait; of more, none is kept until some are decided. They are in their
run's quarantine all the same, and come again with the next feed."""
CANDIDATES_MAX: Final = 8
"""Candidates of one row; the others are left out."""


class MatchPolicy(Row, frozen=True, kw_only=True):
    """How a supplier's SKUs become the shop's."""

    table = "match_policy"
    group_field = "supplier"
    key_fields = ("supplier",)

    supplier: str
    version: int = 0
    mode: Mode = "own_skus"
    unknown: Unknown = "make"
    titles: bool = True

    def document(self) -> PolicyDocument:
        """The policy as operators see it."""
        return PolicyDocument(
            supplier=self.supplier, mode=self.mode, unknown=self.unknown, titles=self.titles
        )


class MatchLink(Row, frozen=True, kw_only=True):
    """What a supplier's SKU is. Feeds' own finds are told by no event, so `version` stays."""

    table = "match_link"
    group_field = "supplier_sku"
    key_fields = ("supplier_sku", "supplier")

    supplier_sku: str
    supplier: str
    version: int = 0
    state: Literal["linked", "ignored", "forgotten"]
    sku: str = ""
    how: str = ""
    by: str
    at_ms: int

    @property
    def entity(self) -> str:
        """The id of its topic."""
        return f"{self.supplier}/{self.supplier_sku}"

    def document(self) -> LinkDocument:
        """The link as operators see it."""
        return LinkDocument(
            supplier=self.supplier,
            supplier_sku=self.supplier_sku,
            state=self.state,
            sku=self.sku,
            how=self.how,
            by=self.by,
        )


class MatchHold(Row, frozen=True, kw_only=True):
    """The same the other way round: of one supplier, one SKU is one article. Blank: none is."""

    table = "match_hold"
    group_field = "sku"
    key_fields = ("sku", "supplier")
    blind = True

    sku: str
    supplier: str
    supplier_sku: str


class MatchCase(Row, frozen=True, kw_only=True):
    """A row that waits, or waited, for a person."""

    table = "match_case"
    group_field = "supplier_sku"
    key_fields = ("supplier_sku", "supplier")

    supplier_sku: str
    supplier: str
    version: int = 0
    status: Status = "waiting"
    run: str
    line: int
    reasons: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    product: ProductContent | None
    offers: tuple[Offered, ...]
    quantity: int | None
    as_of_ms: int | None
    new_sku: str
    new_product: str
    digest: str
    """What the row said, in short: the same again is no news."""
    sku: str = ""
    decided_by: str = ""
    waits_since_ms: int
    changed_at_ms: int

    @property
    def entity(self) -> str:
        """The id of its topic."""
        return f"{self.supplier}/{self.supplier_sku}"

    def document(self) -> MatchDocument:
        """The row as operators see it."""
        product = self.product
        variant = product.variants[0] if product and product.variants else None
        terms = self.offers[0].terms if self.offers else None
        return MatchDocument(
            supplier=self.supplier,
            supplier_sku=self.supplier_sku,
            status=self.status,
            run=self.run,
            line=self.line,
            reasons=self.reasons,
            candidates=self.candidates,
            title=product.title if product else "",
            variant=variant.title if variant else "",
            brand=product.brand if product else "",
            gtin=variant.gtin if variant else None,
            mpn=(variant.mpn or "") if variant else "",
            image=product.images[0].url if product and product.images else "",
            cost_minor=terms.cost_minor if terms else None,
            currency=terms.currency if terms else "",
            quantity=self.quantity,
            new_sku=self.new_sku,
            new_product=self.new_product,
            sku=self.sku,
            decided_by=self.decided_by,
            waits_since_ms=self.waits_since_ms,
        )


class MatchQueue(Row, frozen=True, kw_only=True):
    """How many rows wait, by supplier."""

    table = "match_queue"
    group_field = "id"
    key_fields = ("id",)

    id: str = QUEUE
    version: int = 0
    waiting: dict[str, int] = msgspec.field(default_factory=dict)

    def document(self) -> QueueDocument:
        """The numbers as operators see them."""
        return QueueDocument(waiting=self.waiting)


_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def digest_of(waiting: Waiting) -> str:
    """What a row says and may be, in short, wherever in the file it stands."""
    said = _encode(replace(waiting, line=0)).replace(NO_SUPPLIER_SKU, b"")
    return hashlib.blake2b(said, digest_size=12).hexdigest()


def case_of(
    waiting: Waiting, known: MatchCase | None, *, tenant: str, supplier: str, run: str, now_ms: int
) -> MatchCase:
    """A waiting row as it is kept; how long it waits goes on from the same row before."""
    goes_on = known is not None and known.status == "waiting"
    return MatchCase(
        tenant=tenant,
        supplier_sku=waiting.supplier_sku,
        supplier=supplier,
        version=known.version + 1 if known else 1,
        run=run,
        line=waiting.line,
        reasons=waiting.reasons,
        candidates=waiting.candidates[:CANDIDATES_MAX],
        product=waiting.product,
        offers=waiting.offers,
        quantity=waiting.quantity,
        as_of_ms=waiting.as_of_ms,
        new_sku=waiting.new_sku,
        new_product=waiting.new_product,
        digest=digest_of(waiting),
        waits_since_ms=known.waits_since_ms if known and goes_on else now_ms,
        changed_at_ms=now_ms,
    )
