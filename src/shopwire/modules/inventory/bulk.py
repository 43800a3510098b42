"""How a supplier's counts of many SKUs are decided at once."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision
from shopwire.kernel.each import LINES_A_COMMAND_MAX, each
from shopwire.kernel.errors import InvalidField
from shopwire.kernel.events import Event
from shopwire.kernel.limits import QUANTITY_MAX
from shopwire.kernel.rows import Row, View
from shopwire.kernel.validation import check_name
from shopwire.modules.inventory.api import Count, ReportStock, ReportStocks
from shopwire.modules.inventory.counting import Mark, superseded
from shopwire.modules.inventory.domain import (
    LedgerLine,
    Pool,
    StockItem,
    document_of_free,
)
from shopwire.modules.inventory.events import PoolMoved, StockFacts, StockReported
from shopwire.modules.inventory.reporting import check_seen, do_report_stock
from shopwire.modules.inventory.sales import check_mark


def do_report_stocks(command: ReportStocks, view: View, context: Context) -> Decision:
    """Takes each count as `do_report_stock` does; the result tells which were refused.

    Most counts are of an article that nothing is promised of, or enough is there for all of it:
    of these only numbers change. They are decided here, all others by `do_report_stock`.
    """
    counts = command.counts
    skus = [count.sku for count in counts]
    if (
        len(set(skus)) < len(skus)
        or len(skus) > LINES_A_COMMAND_MAX
        or not _is_sound(command, context)
    ):
        return _one_by_one(command, counts, view, context)
    items, pools = view.many(StockItem, skus), view.many(Pool, skus)
    plain = _Plain(command, context)
    refused: list[Any] = []
    for count, item, known in zip(counts, items, pools, strict=True):
        if not plain.take(count, item[0] if item else None, known):
            decided = _one_by_one(command, (count,), view, context)
            plain.rows += decided.put
            plain.events += decided.events
            result = decided.result
            plain.applied += result["applied"]
            plain.unchanged += result["unchanged"]
            refused += result["refused"]
    result = {"applied": plain.applied, "unchanged": plain.unchanged, "refused": refused}
    return Decision(put=plain.rows, events=plain.events, result=result)


def _one_by_one(
    command: ReportStocks, counts: Sequence[Count], view: View, context: Context
) -> Decision:
    return each(
        (
            ReportStock(
                sku=count.sku,
                supplier=command.supplier,
                quantity=count.quantity,
                as_of_ms=command.as_of_ms,
                sequence=command.sequence,
                seen=command.seen,
                reference=command.reference,
            )
            for count in counts
        ),
        lambda report: report.sku,
        lambda report: do_report_stock(report, view, context),
    )


def _is_sound(command: ReportStocks, context: Context) -> bool:
    """Whether what all counts have in common can be used."""
    try:
        check_name(command.supplier, "supplier")
        check_mark(Mark(command.as_of_ms, command.sequence), "as_of_ms", context.now_ms)
        check_seen(command.seen)
        if command.reference:
            check_name(command.reference, "reference")
    except InvalidField:
        return False  # `do_report_stock` says why, of each count
    return True


class _Plain:
    """Counts of articles of which nothing waits to be in one: what `counted` makes of them.

    Where nothing is sold or withheld there are no open or refused sales, and where all that is
    reserved is in the count nothing is beyond it: a few numbers of the pool follow from the count.
    """

    def __init__(self, command: ReportStocks, context: Context) -> None:
        self.rows: list[Row] = []
        self.events: list[Event] = []
        self.applied: list[str] = []
        self.unchanged: list[str] = []
        self._supplier = command.supplier
        self._mark = Mark(command.as_of_ms, command.sequence)
        self._at_ms, self._sequence = self._mark
        self._reference = command.reference
        self._tenant = context.tenant
        self._command_id, self._now_ms = context.command_id, context.now_ms

    def take(self, count: Count, item: StockItem | None, known: Sequence[Pool]) -> bool:
        """Decides one count; False where it is not of this kind, and nothing was decided."""
        quantity = count.quantity
        pool, others = self._own(known)
        if pool is None:
            return self._take_first(count, item, others)
        if item is None or item.parts or not pool.reserved <= quantity <= QUANTITY_MAX:
            return False
        if pool.sold or pool.withheld:
            return False  # something waits to be in a count
        at_ms, sequence = pool.as_of_ms, pool.sequence
        if at_ms is not None or sequence is not None:
            if superseded(pool, self._mark):
                self.unchanged.append(count.sku)
                return True
            at_ms = self._at_ms if at_ms is None else max(at_ms, self._at_ms or 0)
            sequence = self._sequence if sequence is None else max(sequence, self._sequence or 0)
        else:
            at_ms, sequence = self._mark
        if quantity == pool.reported:
            newer = replace(pool, as_of_ms=at_ms, sequence=sequence, doubtful=False)
            self.rows.append(newer)
            self.unchanged.append(count.sku)
            return True
        after = replace(
            pool,
            reported=quantity,
            backorder=0,
            shortfall=0,
            backorder_max=item.backorder_max,
            reports=pool.reports + 1,
            as_of_ms=at_ms,
            sequence=sequence,
            doubtful=False,
            seq=pool.seq + 1,
        )
        self._moved(item, pool, after, others)
        self.applied.append(count.sku)
        return True

    def _take_first(self, count: Count, item: StockItem | None, others: Sequence[Pool]) -> bool:
        """The same of a supplier that never counted the article: nothing of it can be promised."""
        sku, quantity = count.sku, count.quantity
        if item is None:
            try:
                check_name(sku, "sku")
            except InvalidField:
                return False
            item = StockItem(tenant=self._tenant, sku=sku)
        if item.parts or not 0 <= quantity <= QUANTITY_MAX:
            return False
        after = Pool(
            tenant=self._tenant,
            sku=sku,
            supplier=self._supplier,
            reported=quantity,
            backorder_max=item.backorder_max,
            reports=1,
            as_of_ms=self._at_ms,
            sequence=self._sequence,
            seq=1,
        )
        before = Pool(tenant=self._tenant, sku=sku, supplier=self._supplier)
        self._moved(item, before, after, others)
        self.applied.append(sku)
        return True

    def _own(self, known: Sequence[Pool]) -> tuple[Pool | None, Sequence[Pool]]:
        """The supplier's pool, and those of others."""
        supplier = self._supplier
        if len(known) == 1:
            return (known[0], ()) if known[0].supplier == supplier else (None, known)
        own = next((pool for pool in known if pool.supplier == supplier), None)
        return own, [pool for pool in known if pool is not own]

    def _moved(self, item: StockItem, before: Pool, after: Pool, others: Sequence[Pool]) -> None:
        sku, supplier, reported, reserved = (
            after.sku,
            after.supplier,
            after.reported,
            after.reserved,
        )
        line = LedgerLine(
            tenant=after.tenant,
            sku=sku,
            supplier=supplier,
            seq=after.seq,
            kind="report",
            reported_delta=reported - before.reported,
            backorder_delta=-before.backorder,
            shortfall_delta=-before.shortfall,
            reported=reported,
            reserved=reserved,
            backorder_max=after.backorder_max,
            reference=self._reference,
            command_id=self._command_id,
            at_ms=self._now_ms,
        )
        fact = PoolMoved(
            supplier=supplier,
            seq=after.seq,
            reported=reported,
            reserved=reserved,
            sold=0,
            shortfall=0,
        )
        facts = StockFacts(
            moved=(fact,),
            reference=self._reference,
            as_of_ms=self._at_ms,
            sequence=self._sequence,
            bundles=item.bundles,
        )
        buffer, beyond_max = item.buffer, item.backorder_max
        free = after.sellable(buffer)
        beyond = after.beyond(buffer, beyond_max) if beyond_max else 0
        for pool in others:
            free += pool.sellable(buffer)
            beyond += pool.beyond(buffer, beyond_max) if beyond_max else 0
        version = item.version + 1
        event = StockReported(
            entity=sku,
            version=version,
            document=document_of_free(item, free, beyond),
            facts=facts,
        )
        self.rows += (replace(item, version=version), after, line)
        self.events.append(event)
