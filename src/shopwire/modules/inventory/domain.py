"""A stock pool is a ledger: one SKU at one supplier, every unit explained."""

from collections.abc import Iterable
from typing import Final, Literal, TypeVar

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from shopwire.kernel.rows import Row
from shopwire.modules.inventory.api import HoldLine, Part, Reason
from shopwire.modules.inventory.events import (
    BundleRef,
    PartDocument,
    PoolMoved,
    Status,
    StockDocument,
    StockEvent,
    StockFacts,
)

E = TypeVar("E", bound=StockEvent)

LOW_THRESHOLD_DEFAULT: Final = 5
"""From how many units on a screen says that few are left, unless a policy says otherwise."""

Kind = Literal["report", "sale", "hold", "post", "void", "expire", "book", "release"]
HoldState = Literal["pending", "posted", "voided", "expired"]
SaleState = Literal["open", "reflected", "refused", "released"]
"""Open: not in the supplier's count. Reflected: in it. Refused: the supplier lacks the units and
its count does not know yet. Released: over."""
Answer = Literal["none", "booked", "rest"]
"""What the supplier said: nothing yet, that it booked these units, or only that it booked others
of the same sale."""


class StockItem(Row, frozen=True, kw_only=True, omit_defaults=True):
    """A SKU: the version of its public document, and the shop's rules for it."""

    table = "stock_item"
    group_field = "sku"
    key_fields = ("sku",)
    born_often = True

    sku: str
    version: int = 0
    buffer: int = 0
    low_threshold: int = LOW_THRESHOLD_DEFAULT
    backorder_max: int = 0
    preorder_until_ms: int | None = None
    shopper_units_max: int | None = None
    held_units_max: int | None = None
    parts: tuple[Part, ...] = ()
    """What a set is made of; empty for an article that has stock itself."""
    sets: int = 0
    """Sets that could be sold when its parts were counted last."""
    bundles: tuple[BundleRef, ...] = ()
    """Sets that have this article in them."""

    def beyond_max(self, now_ms: int) -> int:
        """Units of each pool that may be promised beyond its count at this moment."""
        until_ms = self.preorder_until_ms
        return self.backorder_max if until_ms is None or now_ms < until_ms else 0


class Pool(Row, frozen=True, kw_only=True, omit_defaults=True):
    """One SKU at one supplier.

    The schema refuses reserved + sold > reported + backorder + shortfall.
    """

    table = "stock_pool"
    group_field = "sku"
    key_fields = ("sku", "supplier")
    born_often = True

    sku: str
    supplier: str
    reported: int = 0
    reserved: int = 0
    sold: int = 0
    """Sold and not yet in the supplier's count: the sum of the open sales."""
    backorder: int = 0
    """Promised beyond the count, as whoever bought it was told."""
    shortfall: int = 0
    """Promised beyond the count against the promise; only what a supplier says may raise it."""
    backorder_max: int = 0
    """What `backorder` may rise to."""
    withheld: int = 0
    """Refused by the supplier since its count, which still contains them: not offered."""
    reports: int = 0
    """Statements of the supplier taken over so far."""
    as_of_ms: int | None = None
    """The latest moment that a count named: an older one comes too late."""
    sequence: int | None = None
    """The highest number that a count named."""
    doubtful: bool = False
    """The last count did not say which sales are in it."""
    seq: int = 0
    """Number of the last ledger line."""
    kept_back: int = 0
    """Not offered besides the policy's buffer, while the supplier's word is too old."""

    def sellable(self, buffer: int) -> int:
        """Units of this pool that may be promised, at least 0."""
        return max(0, self._free(buffer))

    def beyond(self, buffer: int, beyond_max: int) -> int:
        """Units that may be promised besides, to be sent later."""
        free = self._free(buffer)
        return max(0, free + beyond_max) - max(0, free)

    def _free(self, buffer: int) -> int:
        promised = self.reserved + self.sold + self.withheld
        return self.reported - promised - buffer - self.kept_back


class LedgerLine(Row, frozen=True, kw_only=True, omit_defaults=True):
    """One movement of a pool, with the balances after it."""

    table = "stock_ledger"
    group_field = "sku"
    key_fields = ("sku", "supplier", "seq")
    append_only = True

    sku: str
    supplier: str
    seq: int
    kind: Kind
    reported_delta: int = 0
    reserved_delta: int = 0
    sold_delta: int = 0
    backorder_delta: int = 0
    shortfall_delta: int = 0
    reported: int
    reserved: int = 0
    sold: int = 0
    backorder: int = 0
    shortfall: int = 0
    backorder_max: int = 0
    reference: str
    command_id: str
    at_ms: int


class Taken(msgspec.Struct, frozen=True, omit_defaults=True):
    """Units that a hold took of one pool."""

    sku: str
    supplier: str
    quantity: int
    backordered: int = 0
    """How many of them the supplier did not have."""
    counted: bool = False
    """Whether the shopper's tally counts them."""


class StockHold(Row, frozen=True, kw_only=True, omit_defaults=True):
    """Units reserved together, for a while. Every command on it names the SKUs it took."""

    table = "stock_hold"
    group_field = "hold_id"
    key_fields = ("hold_id",)
    born_often = True

    hold_id: str
    state: HoldState = "pending"
    shopper: str = ""
    reference: str = ""
    asked: tuple[HoldLine, ...] = ()
    """The lines as they were asked for, where `taken` does not say it: sets, named suppliers."""
    taken: tuple[Taken, ...]
    held_at_ms: int
    expires_at_ms: int

    @property
    def skus(self) -> tuple[str, ...]:
        """Of which it took units, sorted."""
        return tuple(sorted({one.sku for one in self.taken}))

    @property
    def counted(self) -> tuple[str, ...]:
        """Of which the shopper has a tally."""
        return tuple(sorted({one.sku for one in self.taken if one.counted}))


class Tally(Row, frozen=True, kw_only=True):
    """Units of one SKU that one shopper has reserved or bought by one hold.

    Only kept where a policy limits the units a shopper. The hold and its sales prove what it says.
    """

    table = "stock_tally"
    group_field = "place"
    key_fields = ("place", "hold_id")
    blind = True

    place: str
    hold_id: str
    quantity: int


def tally_place(sku: str, shopper: str) -> str:
    """Under what the units of a SKU that a shopper has are counted."""
    # Names have printable characters only, so no two pairs share a place.
    return f"{sku}\x1f{shopper}"


class _Sale(Row, frozen=True, kw_only=True, omit_defaults=True):
    """Units sold together that share one fate; a sale of several fates has several parts."""

    sku: str
    supplier: str
    reference: str
    part: str
    quantity: int
    backordered: int = 0
    """How many of them the supplier did not have when they were promised."""
    shopper: str = ""
    """Whose tally counts them; empty where none does."""
    seq: int
    """The ledger line by which they were sold."""
    sold_at_ms: int
    answer: Answer = "none"
    booking: str = ""
    """The acknowledgement that booked them, where a sale may have several."""
    marked_at_ms: int | None = None
    """When the supplier booked them, or refused them, on its clock."""
    marked_sequence: int | None = None
    state: SaleState = "open"
    reason: Reason | None = None
    """Why they were released or refused."""


class Sale(_Sale, frozen=True, kw_only=True):
    """A sale as who knows its reference finds it, in every state."""

    table = "stock_sale"
    group_field = "reference"
    key_fields = ("reference", "sku", "supplier", "part")
    blind = True


class OpenSale(_Sale, frozen=True, kw_only=True):
    """The same row as a report finds it: by SKU, while its state is open or refused.

    Both are always put together (`both_sides`), so that commands of one batch agree.
    """

    table = "open_sale"
    group_field = "sku"
    key_fields = ("sku", "supplier", "reference", "part")
    blind = True


_SALE_FIELDS: Final = Sale.__struct_fields__


def both_sides(sale: Sale | OpenSale) -> tuple[Row, Row]:
    """The row under its reference and under its SKU."""
    other = OpenSale if type(sale) is Sale else Sale
    return sale, other(**{name: getattr(sale, name) for name in _SALE_FIELDS})


# -- what a movement does ---------------------------------------------------------------------


def promised(pool: Pool, reserved: int, sold: int) -> Pool:
    """The pool with other promises, as its next state: what is beyond the count is explained.

    More beyond the count is backorder, which the schema limits; less makes up for the shortfall
    first, since that was promised as being there.
    """
    backorder, shortfall = pool.backorder, pool.shortfall
    more = max(0, reserved + sold - pool.reported) - backorder - shortfall
    if more > 0:
        backorder += more
    elif more:
        made_up = min(shortfall, -more)
        shortfall -= made_up
        backorder -= -more - made_up
    return replace(
        pool,
        reserved=reserved,
        sold=sold,
        backorder=backorder,
        shortfall=shortfall,
        seq=pool.seq + 1,
    )


def moved(
    before: Pool, after: Pool, kind: Kind, *, reference: str, command_id: str, now_ms: int
) -> tuple[LedgerLine, PoolMoved]:
    """The ledger's line for a movement, and the fact for the event."""
    line = LedgerLine(
        tenant=after.tenant,
        sku=after.sku,
        supplier=after.supplier,
        seq=after.seq,
        kind=kind,
        reported_delta=after.reported - before.reported,
        reserved_delta=after.reserved - before.reserved,
        sold_delta=after.sold - before.sold,
        backorder_delta=after.backorder - before.backorder,
        shortfall_delta=after.shortfall - before.shortfall,
        reported=after.reported,
        reserved=after.reserved,
        sold=after.sold,
        backorder=after.backorder,
        shortfall=after.shortfall,
        backorder_max=after.backorder_max,
        reference=reference,
        command_id=command_id,
        at_ms=now_ms,
    )
    fact = PoolMoved(
        supplier=after.supplier,
        seq=after.seq,
        reported=after.reported,
        reserved=after.reserved,
        sold=after.sold,
        shortfall=after.shortfall,
        backorder=after.backorder,
    )
    return line, fact


def told(
    event_type: type[E], item: StockItem, pools: Iterable[Pool], facts: StockFacts
) -> tuple[StockItem, E]:
    """The SKU at its next version, and the event that says so."""
    item = replace(item, version=item.version + 1)
    if item.bundles:
        facts = replace(facts, bundles=item.bundles)
    document = document_of(item, pools)
    event = event_type(entity=item.sku, version=item.version, document=document, facts=facts)
    return item, event


# -- what the public sees ---------------------------------------------------------------------


def document_of(item: StockItem, pools: Iterable[Pool]) -> StockDocument:
    """What the public sees of a SKU."""
    if item.parts:
        return _document_of_set(item)
    available = beyond = 0
    for pool in pools:
        available += pool.sellable(item.buffer)
        if item.backorder_max:
            beyond += pool.beyond(item.buffer, item.backorder_max)
    return document_of_free(item, available, beyond)


def document_of_free(item: StockItem, available: int, beyond: int = 0) -> StockDocument:
    """The same of an article that is no set, where it is known how many units there are."""
    until_ms = item.preorder_until_ms
    return StockDocument(
        sku=item.sku,
        available=available,
        status=_status_of(item, available, beyond),
        backorder=beyond,
        preorder_until_ms=UNSET if until_ms is None else until_ms,
    )


def _status_of(item: StockItem, available: int, beyond: int) -> Status:
    if available > item.low_threshold:
        return "in_stock"
    if available:
        return "low"
    if beyond:
        return "backorder" if item.preorder_until_ms is None else "preorder"
    return "out"


def _document_of_set(item: StockItem) -> StockDocument:
    return StockDocument(
        sku=item.sku,
        available=item.sets,
        status=_status_of(item, item.sets, 0),
        parts=tuple(PartDocument(sku=part.sku, quantity=part.quantity) for part in item.parts),
    )
