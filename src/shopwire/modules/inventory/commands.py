"""How the inventory decides."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.each import each
from shopwire.kernel.errors import InvalidField, StockShort
from shopwire.kernel.rows import Need, View
from shopwire.kernel.validation import check_name, check_quantity
from shopwire.modules.inventory.api import ReportStock, ReportStocks, SellStock, SetPolicy
from shopwire.modules.inventory.domain import (
    Pool,
    StockItem,
    document_of,
    moved,
    reported,
    sold_from,
    spread,
    too_late,
)
from shopwire.modules.inventory.events import (
    PolicyFacts,
    StockFacts,
    StockPolicySet,
    StockReported,
    StockSold,
)

CLOCK_SKEW_MS_MAX: Final = 5 * 60_000
"""How far ahead of ours a supplier's clock may be; a later moment is refused."""


def needs_sku(command: ReportStock | SellStock | SetPolicy) -> Iterable[Need]:
    """The SKU and all of its pools."""
    return (Need(StockItem, command.sku), Need(Pool, command.sku))


def do_report_stock(command: ReportStock, view: View, context: Context) -> Decision:
    """Takes over a supplier's count, unless it speaks of an earlier moment than a known one."""
    sku, supplier = check_name(command.sku, "sku"), check_name(command.supplier, "supplier")
    quantity = check_quantity(command.quantity, least=0)
    _check_moment(command.as_of_ms, context.now_ms)
    _check_reference(command.reference)
    item = view.one(StockItem, sku) or StockItem(tenant=context.tenant, sku=sku)
    pools = {pool.supplier: pool for pool in view.all(Pool, sku)}
    before = pools.get(supplier)
    if before is not None and too_late(before, command.as_of_ms):
        return Decision(result={"applied": False, "reason": "superseded"})
    known = before or Pool(tenant=context.tenant, sku=sku, supplier=supplier)
    after = reported(known, quantity, command.as_of_ms)
    if before is not None and _same_balances(before, after):
        # The count says nothing new, but a later moment must still outrank earlier ones.
        newer = replace(before, as_of_ms=after.as_of_ms, doubtful=after.doubtful)
        return Decision(put=[newer], result={"applied": False, "reason": "unchanged"})
    pool, line, fact = moved(
        known,
        after,
        "report",
        reference=command.reference,
        command_id=context.command_id,
        now_ms=context.now_ms,
    )
    pools[supplier] = pool
    item = replace(item, version=item.version + 1)
    document = document_of(item, pools.values())
    event = StockReported(
        entity=sku,
        version=item.version,
        document=document,
        facts=StockFacts(moved=[fact], reference=command.reference, as_of_ms=command.as_of_ms),
    )
    return Decision(
        put=[item, pool, line],
        events=[event],
        result={"applied": True, "available": document.available, "shortfall": pool.shortfall},
    )


def _check_moment(as_of_ms: int | None, now_ms: int) -> None:
    if as_of_ms is None or 0 <= as_of_ms <= now_ms + CLOCK_SKEW_MS_MAX:
        return
    reason = "it lies before 1970"
    if as_of_ms > 0:
        reason = "the supplier's clock is ahead by more than five minutes"
    raise InvalidField(
        f"The count's moment cannot be used: {reason}.",
        field="as_of_ms",
        reason=reason,
        value=str(as_of_ms)[:60],
    )


def _check_reference(reference: str) -> None:
    if reference:
        check_name(reference, "reference")


def _same_balances(one: Pool, other: Pool) -> bool:
    return (one.reported, one.sold, one.shortfall) == (other.reported, other.sold, other.shortfall)


def do_report_stocks(command: ReportStocks, view: View, context: Context) -> Decision:
    """Takes each count as `do_report_stock` does; the result tells which were refused."""
    return each(
        (
            ReportStock(
                sku=count.sku,
                supplier=command.supplier,
                quantity=count.quantity,
                as_of_ms=command.as_of_ms,
                reference=command.reference,
            )
            for count in command.counts
        ),
        lambda report: report.sku,
        lambda report: do_report_stock(report, view, context),
    )


def do_sell_stock(command: SellStock, view: View, context: Context) -> Decision:
    """Sells all of the wanted units or none; raises StockShort with what is left."""
    sku, quantity = check_name(command.sku, "sku"), check_quantity(command.quantity, least=1)
    _check_reference(command.reference)
    item = view.one(StockItem, sku) or StockItem(tenant=context.tenant, sku=sku)
    pools = {pool.supplier: pool for pool in view.all(Pool, sku)}
    taken = spread(pools.values(), quantity, item.buffer)
    if sum(part for _, part in taken) < quantity:
        available = document_of(item, pools.values()).available
        raise StockShort(sku=sku, requested=quantity, available=available)
    return sale(command, item, pools, taken, context)


def sale(
    command: SellStock,
    item: StockItem,
    pools: dict[str, Pool],
    taken: list[tuple[Pool, int]],
    context: Context,
) -> Decision:
    """Books units as sold. Checks nothing: the schema is what refuses a sale beyond the limit."""
    rows: list[Any] = []
    facts = []
    for known, part in taken:
        pool, line, fact = moved(
            known,
            sold_from(known, part, context.now_ms),
            "sale",
            reference=command.reference,
            command_id=context.command_id,
            now_ms=context.now_ms,
        )
        pools[pool.supplier] = pool
        rows += [pool, line]
        facts.append(fact)
    item = replace(item, version=item.version + 1)
    document = document_of(item, pools.values())
    event = StockSold(
        entity=item.sku,
        version=item.version,
        document=document,
        facts=StockFacts(moved=facts, reference=command.reference),
    )
    result = {"sku": item.sku, "quantity": command.quantity, "available": document.available}
    return Decision(put=[item, *rows], events=[event], result=result)


def do_set_policy(command: SetPolicy, view: View, context: Context) -> Decision:
    """Changes buffer and threshold of a SKU; it may have no stock yet."""
    sku = check_name(command.sku, "sku")
    buffer = check_quantity(command.buffer, least=0, field="buffer")
    threshold = check_quantity(command.low_threshold, least=0, field="low_threshold")
    item = view.one(StockItem, sku) or StockItem(tenant=context.tenant, sku=sku)
    if item.version and (item.buffer, item.low_threshold) == (buffer, threshold):
        return Decision(result={"applied": False, "reason": "unchanged"})
    item = replace(item, version=item.version + 1, buffer=buffer, low_threshold=threshold)
    document = document_of(item, view.all(Pool, sku))
    facts = PolicyFacts(buffer=buffer, low_threshold=threshold)
    event = StockPolicySet(entity=sku, version=item.version, document=document, facts=facts)
    result = {"applied": True, "available": document.available}
    return Decision(put=[item], events=[event], result=result)


HANDLERS: Final = (
    Handler(
        command=ReportStock,
        partition_key=lambda command: command.sku,
        needs=needs_sku,
        decide=do_report_stock,
    ),
    Handler(
        command=ReportStocks,
        partition_key=lambda command: command.counts[0].sku if command.counts else "",
        keys=lambda command: (count.sku for count in command.counts),
        needs=lambda command: (
            Need(kind, count.sku) for count in command.counts for kind in (StockItem, Pool)
        ),
        decide=do_report_stocks,
    ),
    Handler(
        command=SellStock,
        partition_key=lambda command: command.sku,
        needs=needs_sku,
        decide=do_sell_stock,
    ),
    Handler(
        command=SetPolicy,
        partition_key=lambda command: command.sku,
        needs=needs_sku,
        decide=do_set_policy,
    ),
)
