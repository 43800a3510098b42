"""How the inventory takes over what a supplier counts of one SKU."""

from collections.abc import Iterable

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision
from shopwire.kernel.errors import InvalidField
from shopwire.kernel.rows import Row, View
from shopwire.kernel.validation import check_name, check_quantity
from shopwire.modules.inventory.api import ReportStock
from shopwire.modules.inventory.counting import (
    Mark,
    Report,
    counted,
    named_by,
    overpromised,
    restated,
    superseded,
)
from shopwire.modules.inventory.domain import OpenSale, Pool, StockItem, both_sides, moved, told
from shopwire.modules.inventory.events import SalesBooked, StockFacts, StockReported
from shopwire.modules.inventory.limits import SEEN_REFERENCES_MAX
from shopwire.modules.inventory.sales import check_mark


def do_report_stock(command: ReportStock, view: View, context: Context) -> Decision:
    """Takes over a supplier's count, unless it speaks of an earlier moment than a known one."""
    sku, supplier = check_name(command.sku, "sku"), check_name(command.supplier, "supplier")
    quantity = check_quantity(command.quantity, least=0)
    mark = check_mark(Mark(command.as_of_ms, command.sequence), "as_of_ms", context.now_ms)
    check_seen(command.seen)
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


def check_seen(seen: tuple[str, ...] | None) -> None:
    """Raises InvalidField where a report names more than SEEN_REFERENCES_MAX references."""
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
