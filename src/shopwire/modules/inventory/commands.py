"""How the inventory decides what suppliers count and what is sold at once."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.each import each
from shopwire.kernel.errors import InvalidField, StockShort
from shopwire.kernel.rows import Need, Row, View
from shopwire.kernel.validation import check_name, check_quantity
from shopwire.modules.inventory.api import ReportStock, ReportStocks, SellStock
from shopwire.modules.inventory.counting import (
    Mark,
    Report,
    counted,
    named_by,
    overpromised,
    restated,
    superseded,
)
from shopwire.modules.inventory.domain import (
    OpenSale,
    Pool,
    Sale,
    StockItem,
    both_sides,
    document_of,
    moved,
    promised,
    told,
)
from shopwire.modules.inventory.ending import ENDING_HANDLERS
from shopwire.modules.inventory.events import SalesBooked, StockFacts, StockReported, StockSold
from shopwire.modules.inventory.holding import Portion, Wanted, choose
from shopwire.modules.inventory.limits import SEEN_REFERENCES_MAX
from shopwire.modules.inventory.policies import POLICY_HANDLERS
from shopwire.modules.inventory.rush import HOLD_HANDLERS
from shopwire.modules.inventory.sales import SALE_HANDLERS, check_mark

# -- what suppliers count ---------------------------------------------------------------------


def do_report_stock(command: ReportStock, view: View, context: Context) -> Decision:
    """Takes over a supplier's count, unless it speaks of an earlier moment than a known one."""
    sku, supplier = check_name(command.sku, "sku"), check_name(command.supplier, "supplier")
    quantity = check_quantity(command.quantity, least=0)
    mark = check_mark(Mark(command.as_of_ms, command.sequence), "as_of_ms", context.now_ms)
    _check_seen(command.seen)
    if command.reference:
        check_name(command.reference, "reference")
    item = view.one(StockItem, sku) or StockItem(tenant=context.tenant, sku=sku)
    before = view.one(Pool, sku, supplier)
    live = [
        sale
        for sale in view.all(OpenSale, sku)
        if sale.supplier == supplier and sale.state in ("open", "refused")
    ]
    report = Report(quantity, mark, None if command.seen is None else frozenset(command.seen))
    if before is not None and superseded(before, mark):
        return _seen_before(command, item, before, live, report, view, context)
    known = before or Pool(tenant=context.tenant, sku=sku, supplier=supplier)
    after, changed = counted(known, report, live, item.backorder_max)
    if before is not None and _same_balances(before, after):
        # The count says nothing new, but a later moment must still outrank earlier ones.
        newer = replace(
            before, as_of_ms=after.as_of_ms, sequence=after.sequence, doubtful=after.doubtful
        )
        return Decision(put=[newer], result={"applied": False, "reason": "unchanged"})
    return _reported(command, item, (known, after), (live, changed), view, context)


def _reported(
    command: ReportStock,
    item: StockItem,
    pool: tuple[Pool, Pool],
    sales: tuple[list[OpenSale], list[OpenSale]],
    view: View,
    context: Context,
) -> Decision:
    before, after = pool
    live, changed = sales
    line, fact = moved(
        before,
        after,
        "report",
        reference=command.reference,
        command_id=context.command_id,
        now_ms=context.now_ms,
    )
    short = []
    if after.shortfall:
        gone = {(sale.reference, sale.part) for sale in changed}
        short = overpromised(
            after,
            [s for s in live if s.state == "open" and (s.reference, s.part) not in gone],
        )
    facts = StockFacts(
        moved=[fact],
        reference=command.reference,
        as_of_ms=command.as_of_ms,
        sequence=command.sequence,
        shortfall=after.shortfall,
        overpromised=tuple(short),
    )
    item, event = told(StockReported, item, _pools_with(after, view), facts)
    rows: list[Row] = [item, after, line]
    for sale in changed:
        rows += both_sides(sale)
    available = event.document.available
    result = {"applied": True, "available": available, "shortfall": after.shortfall}
    return Decision(put=rows, events=[event], result=result)


def _seen_before(
    command: ReportStock,
    item: StockItem,
    before: Pool,
    live: list[OpenSale],
    report: Report,
    view: View,
    context: Context,
) -> Decision:
    """A superseded count is worth nothing, but what it has seen is in the later one as well."""
    result = {"applied": False, "reason": "superseded"}
    seen = [sale for sale in live if sale.state == "open" and named_by(report.seen, sale)]
    if not seen:
        return Decision(result=result)
    after = restated(before, before.sold - sum(sale.quantity for sale in seen))
    line, fact = moved(
        before,
        after,
        "book",
        reference=command.reference,
        command_id=context.command_id,
        now_ms=context.now_ms,
    )
    facts = StockFacts(moved=[fact], reference=command.reference)
    item, event = told(SalesBooked, item, _pools_with(after, view), facts)
    rows: list[Row] = [item, after, line]
    for sale in seen:
        rows += both_sides(replace(sale, state="reflected"))
    return Decision(put=rows, events=[event], result=result)


def _pools_with(after: Pool, view: View) -> Iterable[Pool]:
    return [after, *(one for one in view.all(Pool, after.sku) if one.supplier != after.supplier)]


def _check_seen(seen: tuple[str, ...] | None) -> None:
    if seen is not None and len(seen) > SEEN_REFERENCES_MAX:
        reason = f"more than {SEEN_REFERENCES_MAX} at once"
        raise InvalidField(f"seen: {reason}.", field="seen", reason=reason)


def _same_balances(one: Pool, other: Pool) -> bool:
    return (*(one.reported, one.sold, one.backorder, one.shortfall, one.withheld),) == (
        other.reported,
        other.sold,
        other.backorder,
        other.shortfall,
        other.withheld,
    )


def do_report_stocks(command: ReportStocks, view: View, context: Context) -> Decision:
    """Takes each count as `do_report_stock` does; the result tells which were refused."""
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
            for count in command.counts
        ),
        lambda report: report.sku,
        lambda report: do_report_stock(report, view, context),
    )


# -- selling at once --------------------------------------------------------------------------


def do_sell_stock(command: SellStock, view: View, context: Context) -> Decision:
    """Sells all of the wanted units or none; raises StockShort with what is left."""
    sku, quantity = check_name(command.sku, "sku"), check_quantity(command.quantity, least=1)
    if command.reference:
        check_name(command.reference, "reference")
    item = view.one(StockItem, sku) or StockItem(tenant=context.tenant, sku=sku)
    pools = view.all(Pool, sku)
    taken = choose(pools, [Wanted(quantity, None, ())], item.buffer, 0)
    if taken is None:
        available = document_of(item, pools).available
        raise StockShort(sku=sku, requested=quantity, available=available)
    return sale(command, item, {pool.supplier: pool for pool in pools}, taken, context)


def sale(
    command: SellStock,
    item: StockItem,
    pools: dict[str, Pool],
    taken: Iterable[Portion],
    context: Context,
) -> Decision:
    """Books units as sold. Checks nothing: the schema is what refuses a sale beyond the limit."""
    rows: list[Any] = []
    facts = []
    for known, units, _ in taken:
        pool = promised(known, known.reserved, known.sold + units)
        line, fact = moved(
            known,
            pool,
            "sale",
            reference=command.reference,
            command_id=context.command_id,
            now_ms=context.now_ms,
        )
        pools[pool.supplier] = pool
        rows += (pool, line, *both_sides(_direct(command, pool, units, context)))
        facts.append(fact)
    why = StockFacts(moved=facts, reference=command.reference)
    item, event = told(StockSold, item, pools.values(), why)
    available = event.document.available
    result = {"sku": item.sku, "quantity": command.quantity, "available": available}
    return Decision(put=[item, *rows], events=[event], result=result)


def _direct(command: SellStock, pool: Pool, units: int, context: Context) -> Sale:
    """A sale that the supplier books at its own moment.

    It counts as later than the count that is known when it is made, even where the supplier's
    clock is ahead of ours: the same count delivered again must not contain it.
    """
    at_ms = context.now_ms if pool.as_of_ms is None else max(context.now_ms, pool.as_of_ms + 1)
    return Sale(
        tenant=pool.tenant,
        sku=pool.sku,
        supplier=pool.supplier,
        reference=command.reference or context.command_id,
        part=context.command_id,
        quantity=units,
        seq=pool.seq,
        sold_at_ms=context.now_ms,
        answer="booked",
        marked_at_ms=at_ms,
    )


HANDLERS: Final = (
    Handler(
        command=ReportStock,
        partition_key=lambda command: command.sku,
        needs=lambda command: [Need(kind, command.sku) for kind in (StockItem, Pool, OpenSale)],
        decide=do_report_stock,
    ),
    Handler(
        command=ReportStocks,
        partition_key=lambda command: command.counts[0].sku if command.counts else "",
        keys=lambda command: (count.sku for count in command.counts),
        needs=lambda command: (
            Need(kind, count.sku)
            for count in command.counts
            for kind in (StockItem, Pool, OpenSale)
        ),
        decide=do_report_stocks,
        lines=lambda command: len(command.counts),
    ),
    Handler(
        command=SellStock,
        partition_key=lambda command: command.sku,
        needs=lambda command: (Need(StockItem, command.sku), Need(Pool, command.sku)),
        decide=do_sell_stock,
    ),
    *HOLD_HANDLERS,
    *ENDING_HANDLERS,
    *SALE_HANDLERS,
    *POLICY_HANDLERS,
)
