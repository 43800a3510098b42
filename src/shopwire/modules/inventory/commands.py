"""How the inventory decides what is sold at once, and the handlers of all its commands."""

from collections.abc import Iterable
from typing import Any, Final

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.errors import StockShort
from shopwire.kernel.rows import Need, View
from shopwire.kernel.validation import check_name, check_quantity
from shopwire.modules.inventory.api import ReportStock, ReportStocks, SellStock
from shopwire.modules.inventory.bulk import do_report_stocks
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
from shopwire.modules.inventory.events import StockFacts, StockSold
from shopwire.modules.inventory.holding import Portion, Wanted, choose
from shopwire.modules.inventory.policies import POLICY_HANDLERS
from shopwire.modules.inventory.reporting import do_report_stock
from shopwire.modules.inventory.rush import HOLD_HANDLERS
from shopwire.modules.inventory.sales import SALE_HANDLERS

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
