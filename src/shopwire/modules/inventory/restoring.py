"""How counts become again what they were before an import, whatever was sold meanwhile."""

from typing import Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.each import each
from shopwire.kernel.rows import Need, Row, View
from shopwire.modules.inventory.api import CountBefore, RestoreCounts
from shopwire.modules.inventory.counting import Mark, Report, counted, overpromised
from shopwire.modules.inventory.domain import (
    OpenSale,
    Pool,
    StockItem,
    both_sides,
    moved,
    told,
)
from shopwire.modules.inventory.events import StockFacts, StockReported


def do_restore_counts(command: RestoreCounts, view: View, context: Context) -> Decision:
    """Puts back each count that still is the import's; see RestoreCounts for the result."""
    aside: dict[str, list[str]] = {"stayed": [], "moved": []}

    def restored(line: CountBefore) -> Decision:
        pool = view.one(Pool, line.sku, line.supplier)
        if pool is None or pool.reported != line.now:
            if pool is None or pool.reported != max(0, line.reported - line.taken_in):
                aside["stayed"].append(line.sku)
            return Decision()
        if pool.reports != line.reports:
            aside["moved"].append(line.sku)
            return Decision()
        return _restored(command, line, pool, view, context)

    decision = each(command.counts, lambda line: line.sku, restored)
    return replace(decision, result={**decision.result, **aside})


def _restored(
    command: RestoreCounts, line: CountBefore, pool: Pool, view: View, context: Context
) -> Decision:
    item = view.one(StockItem, line.sku) or StockItem(tenant=context.tenant, sku=line.sku)
    live = [
        sale
        for sale in view.all(OpenSale, line.sku)
        if sale.supplier == line.supplier and sale.state == "open"
    ]
    after, changed = before_import(pool, line, live, item.backorder_max)
    if replace(after, seq=pool.seq, reports=pool.reports) == pool:
        return Decision()
    entry, fact = moved(
        pool,
        after,
        "report",
        reference=command.reference,
        command_id=context.command_id,
        now_ms=context.now_ms,
    )
    gone = {(sale.reference, sale.part) for sale in changed}
    still = [sale for sale in live if (sale.reference, sale.part) not in gone]
    facts = StockFacts(
        moved=[fact],
        reference=command.reference,
        as_of_ms=after.as_of_ms,
        sequence=after.sequence,
        shortfall=after.shortfall,
        overpromised=tuple(overpromised(after, still)) if after.shortfall else (),
    )
    others = (one for one in view.all(Pool, line.sku) if one.supplier != line.supplier)
    item, event = told(StockReported, item, [after, *others], facts)
    rows: list[Row] = [item, after, entry]
    for sale in changed:
        rows += both_sides(sale)
    return Decision(put=rows, events=[event])


def before_import(
    pool: Pool, line: CountBefore, live: list[OpenSale], backorder_max: int
) -> tuple[Pool, list[OpenSale]]:
    """The pool with the count it had, and the sales that are in that count.

    The import's count had taken sales in that the earlier one still contained as units: they are
    gone from the supplier's shelf, so they come off the earlier count. What it speaks of goes
    back as well, else a count between the two moments would come too late for ever.
    """
    base = replace(pool, as_of_ms=line.as_of_ms, sequence=line.sequence)
    quantity = max(0, line.reported - line.taken_in)
    after, changed = counted(base, Report(quantity, Mark(None, None), None), live, backorder_max)
    doubtful = line.doubtful and after.sold > 0
    # What the supplier refused stays withheld: this is no news of it.
    return replace(after, withheld=pool.withheld, doubtful=doubtful), changed


RESTORING_HANDLERS: Final = (
    Handler(
        command=RestoreCounts,
        partition_key=lambda command: command.counts[0].sku if command.counts else "",
        keys=lambda command: (line.sku for line in command.counts),
        needs=lambda command: (
            Need(kind, line.sku) for line in command.counts for kind in (StockItem, Pool, OpenSale)
        ),
        decide=do_restore_counts,
    ),
)
