"""A stock pool is a ledger: one SKU at one supplier, every unit explained."""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from msgspec.structs import replace

from shopwire.kernel.rows import Row
from shopwire.modules.inventory.events import PoolMoved, Status, StockDocument

LOW_THRESHOLD_DEFAULT: Final = 5
"""From how many units on a screen says that few are left, unless a policy says otherwise."""

UNREFLECTED_SALES_MAX: Final = 64
"""Sales a pool remembers one by one until a report reflects them.

Beyond it the two oldest become one, of the later moment: a report that reflects only the first of
them then reflects neither, so the shop offers fewer units than there are, never more.
"""

Kind = Literal["report", "sale"]


class Sale(NamedTuple):
    """Units that were sold at a moment and are not in the supplier's count yet."""

    at_ms: int
    quantity: int


class StockItem(Row, frozen=True, kw_only=True):
    """A SKU: the version of its public document, and the shop's policy for it."""

    table = "stock_item"
    group_field = "sku"
    key_fields = ("sku",)

    sku: str
    version: int = 0
    buffer: int = 0
    low_threshold: int = LOW_THRESHOLD_DEFAULT


class Pool(Row, frozen=True, kw_only=True):
    """One SKU at one supplier. The schema refuses reserved + sold > reported + shortfall."""

    table = "stock_pool"
    group_field = "sku"
    key_fields = ("sku", "supplier")

    sku: str
    supplier: str
    reported: int = 0
    reserved: int = 0
    sold: int = 0
    """Sold and not yet in the supplier's count."""
    shortfall: int = 0
    """Promised more than the supplier says it has; only a report may raise it."""
    reports: int = 0
    """Reports taken over so far."""
    as_of_ms: int | None = None
    """The moment of the latest report that named one; an older one comes too late."""
    doubtful: bool = False
    """The last report did not say which sales are in it."""
    unreflected: tuple[Sale, ...] = ()
    seq: int = 0
    """Number of the last ledger line."""

    def sellable(self, buffer: int) -> int:
        """Units of this pool that may be promised, at least 0."""
        return max(0, self.reported - self.reserved - self.sold - buffer)


class LedgerLine(Row, frozen=True, kw_only=True):
    """One movement of a pool, with the balances after it."""

    table = "stock_ledger"
    group_field = "sku"
    key_fields = ("sku", "supplier", "seq")
    append_only = True

    sku: str
    supplier: str
    seq: int
    kind: Kind
    reported_delta: int
    reserved_delta: int
    sold_delta: int
    shortfall_delta: int
    reported: int
    reserved: int
    sold: int
    shortfall: int
    reference: str
    command_id: str
    at_ms: int


def document_of(item: StockItem, pools: Iterable[Pool]) -> StockDocument:
    """What the public sees of a SKU."""
    available = sum(pool.sellable(item.buffer) for pool in pools)
    status: Status = "in_stock"
    if available == 0:
        status = "out"
    elif available <= item.low_threshold:
        status = "low"
    return StockDocument(sku=item.sku, available=available, status=status)


def reported(pool: Pool, quantity: int, as_of_ms: int | None) -> Pool:
    """The pool after a report that is not too late; `seq` is left to `moved`."""
    reflected = 0
    unreflected = pool.unreflected
    if as_of_ms is not None:
        reflected = sum(sale.quantity for sale in unreflected if sale.at_ms <= as_of_ms)
        unreflected = tuple(sale for sale in unreflected if sale.at_ms > as_of_ms)
    sold = pool.sold - reflected
    return replace(
        pool,
        reported=quantity,
        sold=sold,
        shortfall=max(0, pool.reserved + sold - quantity),
        reports=pool.reports + 1,
        as_of_ms=pool.as_of_ms if as_of_ms is None else as_of_ms,
        doubtful=as_of_ms is None and sold > 0,
        unreflected=unreflected,
    )


def too_late(pool: Pool, as_of_ms: int | None) -> bool:
    """Whether a report speaks of a moment before one that is known already."""
    return as_of_ms is not None and pool.as_of_ms is not None and as_of_ms < pool.as_of_ms


def sold_from(pool: Pool, quantity: int, now_ms: int) -> Pool:
    """The pool after a sale; whether there are enough was decided before.

    A sale counts as later than the report that is known when it is made, even where the supplier's
    clock is ahead of ours: the same report delivered again must not reflect it.
    """
    at_ms = now_ms if pool.as_of_ms is None else max(now_ms, pool.as_of_ms + 1)
    earlier = pool.unreflected
    # Our own clock may go back when another machine takes over; the sales stay in their order.
    if earlier and earlier[-1].at_ms >= at_ms:
        last = earlier[-1]
        sales = (*earlier[:-1], Sale(last.at_ms, last.quantity + quantity))
    else:
        sales = (*earlier, Sale(at_ms, quantity))
    if len(sales) > UNREFLECTED_SALES_MAX:
        first, second, *rest = sales
        sales = (Sale(second.at_ms, first.quantity + second.quantity), *rest)
    return replace(pool, sold=pool.sold + quantity, unreflected=sales)


def spread(pools: Iterable[Pool], quantity: int, buffer: int) -> list[tuple[Pool, int]]:
    """From which pools the units come: the fullest first, ties by supplier."""
    taken: list[tuple[Pool, int]] = []
    fullest = sorted(pools, key=lambda pool: (-pool.sellable(buffer), pool.supplier))
    for pool in fullest:
        part = min(quantity, pool.sellable(buffer))
        if part > 0:
            taken.append((pool, part))
            quantity -= part
    return taken


def moved(
    before: Pool, after: Pool, kind: Kind, *, reference: str, command_id: str, now_ms: int
) -> tuple[Pool, LedgerLine, PoolMoved]:
    """The pool with its next number, the ledger's line, and the fact for the event."""
    pool = replace(after, seq=before.seq + 1)
    line = LedgerLine(
        tenant=pool.tenant,
        sku=pool.sku,
        supplier=pool.supplier,
        seq=pool.seq,
        kind=kind,
        reported_delta=after.reported - before.reported,
        reserved_delta=after.reserved - before.reserved,
        sold_delta=after.sold - before.sold,
        shortfall_delta=after.shortfall - before.shortfall,
        reported=after.reported,
        reserved=after.reserved,
        sold=after.sold,
        shortfall=after.shortfall,
        reference=reference,
        command_id=command_id,
        at_ms=now_ms,
    )
    fact = PoolMoved(
        supplier=pool.supplier,
        seq=pool.seq,
        reported=pool.reported,
        reserved=pool.reserved,
        sold=pool.sold,
        shortfall=pool.shortfall,
    )
    return pool, line, fact
