"""What comes of sales: a supplier books them, or they are cancelled, refused, returned."""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.errors import InvalidField, NotFound
from shopwire.kernel.rows import Need, Row, View
from shopwire.kernel.validation import check_name, check_quantity
from shopwire.modules.inventory.api import Booked, BookSales, ReleaseSale
from shopwire.modules.inventory.counting import Mark, Parts, booked, released, restated
from shopwire.modules.inventory.domain import (
    Kind,
    LedgerLine,
    Pool,
    Sale,
    StockItem,
    Tally,
    both_sides,
    moved,
    promised,
    tally_place,
    told,
)
from shopwire.modules.inventory.events import (
    Overpromise,
    PoolMoved,
    SaleReleased,
    SalesBooked,
    StockFacts,
)
from shopwire.modules.inventory.limits import (
    CLOCK_SKEW_MS_MAX,
    SALES_A_BOOKING_MAX,
    SEQUENCE_MAX,
)


def check_mark(mark: Mark, field: str, now_ms: int) -> Mark:
    """Returns a supplier's mark as it is, or raises InvalidField; `field` names the moment."""
    at_ms, sequence = mark
    if at_ms is not None and not 0 <= at_ms <= now_ms + CLOCK_SKEW_MS_MAX:
        reason = "it lies before 1970"
        if at_ms > 0:
            reason = "the supplier's clock is ahead by more than five minutes"
        raise InvalidField(
            f"The moment cannot be used: {reason}.",
            field=field,
            reason=reason,
            value=str(at_ms)[:60],
        )
    if sequence is not None and not 0 <= sequence <= SEQUENCE_MAX:
        reason = f"it must lie from 0 to {SEQUENCE_MAX}"
        raise InvalidField(f"sequence: {reason}.", field="sequence", reason=reason)
    return mark


# -- booked by the supplier -------------------------------------------------------------------


def do_book_sales(command: BookSales, view: View, context: Context) -> Decision:
    """Marks sales as booked; those that the known count contains already are no longer open.

    A sale that is unknown, or over, changes nothing: the result says which those are.
    """
    check_name(command.supplier, "supplier")
    mark = check_mark(Mark(command.at_ms, command.sequence), "at_ms", context.now_ms)
    if not 1 <= len(command.sales) <= SALES_A_BOOKING_MAX:
        reason = f"there must be 1 to {SALES_A_BOOKING_MAX}"
        raise InvalidField(f"sales: {reason}.", field="sales", reason=reason)
    by_sku: dict[str, list[Booked]] = {}
    for one in command.sales:
        _check_booked(one)
        by_sku.setdefault(one.sku, []).append(one)
    rows: list[Row] = []
    events: list[SalesBooked] = []
    result: dict[str, list[str]] = {"booked": [], "unknown": []}
    for sku, sales in by_sku.items():
        pool = view.one(Pool, sku, command.supplier)
        pools = {one.supplier: one for one in view.all(Pool, sku)}
        facts: list[PoolMoved] = []
        short: list[Overpromise] = []
        parts_of: dict[str, Parts] = {}
        for one in sales:
            parts = parts_of.get(one.reference)
            if parts is None:
                parts = _parts(view, sku, command.supplier, one.reference)
                parts_of[one.reference] = parts
            if pool is None or not parts.all:
                result["unknown"].append(one.reference)
                continue
            result["booked"].append(one.reference)
            before_units = parts.units("open")
            booked(parts, pool, one.quantity, one.booking, mark)
            now_units = parts.units("open")
            if now_units == before_units:
                continue
            after = restated(pool, pool.sold + now_units - before_units)
            line, fact = _line(pool, after, "book", one.reference, context)
            rows.append(line)
            facts.append(fact)
            if after.shortfall > pool.shortfall:
                units = after.shortfall - pool.shortfall
                short.append(Overpromise(one.reference, pool.supplier, units))
            pool = pools[pool.supplier] = after
        for parts in parts_of.values():
            for sale in parts.changed.values():
                rows += both_sides(sale)
        if facts and pool is not None:
            why = StockFacts(moved=facts, overpromised=tuple(short), shortfall=pool.shortfall)
            item, event = told(SalesBooked, _item(sku, view), pools.values(), why)
            events.append(event)
            rows += (item, pool)
    return Decision(put=rows, events=events, result=result)


def _check_booked(one: Booked) -> None:
    check_name(one.sku, "sku")
    check_name(one.reference, "reference")
    if one.booking:
        check_name(one.booking, "booking")
    if one.quantity is not None:
        check_quantity(one.quantity, least=1)


def _parts(view: View, sku: str, supplier: str, reference: str) -> Parts:
    return Parts(
        sale for sale in view.all(Sale, reference) if sale.sku == sku and sale.supplier == supplier
    )


# -- cancelled, refused, returned -------------------------------------------------------------


def do_release_sale(command: ReleaseSale, view: View, context: Context) -> Decision:
    """Takes units out of a sale; never more than there are left, the result says how many."""
    sku, supplier = check_name(command.sku, "sku"), check_name(command.supplier, "supplier")
    check_name(command.reference, "reference")
    quantity = check_quantity(command.quantity, least=1)
    mark = check_mark(Mark(command.at_ms, command.sequence), "at_ms", context.now_ms)
    parts = _parts(view, sku, supplier, command.reference)
    pool = view.one(Pool, sku, supplier)
    if pool is None or not parts.all:
        raise NotFound(what="sale", id=f"{command.reference} of {sku} at {supplier}")
    open_units, withheld = parts.units("open"), parts.units("refused")
    units = released(parts, pool, quantity, command.reason, mark)
    result = {"released": units, "freed": 0, "asked": quantity}
    if not units:
        return Decision(result=result)
    freed = open_units - parts.units("open")
    after = promised(pool, pool.reserved, pool.sold - freed)
    after = replace(after, withheld=after.withheld + parts.units("refused") - withheld)
    line, fact = _line(pool, after, "release", command.reference, context)
    pools = {one.supplier: one for one in view.all(Pool, sku)} | {supplier: after}
    why = StockFacts(
        moved=[fact],
        reference=command.reference,
        reason=command.reason,
        shortfall=after.shortfall,
    )
    item, event = told(SaleReleased, _item(sku, view), pools.values(), why)
    rows: list[Row] = [item, after, line]
    for sale in parts.changed.values():
        rows += both_sides(sale)
    rows += _tallies(parts, view, command)
    result["freed"] = freed if command.reason != "refused" else 0
    return Decision(put=rows, events=[event], result=result)


def _tallies(parts: Parts, view: View, command: ReleaseSale) -> Iterable[Tally]:
    """The shopper may buy as many again: what is left of the sale, at all suppliers."""
    shopper = parts.all[0].shopper
    if not shopper:
        return
    left = sum(sale.quantity for sale in parts.all if sale.state in ("open", "reflected"))
    left += sum(
        sale.quantity
        for sale in view.all(Sale, command.reference)
        if sale.sku == command.sku
        and sale.supplier != command.supplier
        and sale.state in ("open", "reflected")
    )
    place = tally_place(command.sku, shopper)
    yield Tally(tenant=parts.all[0].tenant, place=place, hold_id=command.reference, quantity=left)


# -- both -------------------------------------------------------------------------------------


def _line(
    before: Pool, after: Pool, kind: Kind, reference: str, context: Context
) -> tuple[LedgerLine, PoolMoved]:
    return moved(
        before,
        after,
        kind,
        reference=reference,
        command_id=context.command_id,
        now_ms=context.now_ms,
    )


def _item(sku: str, view: View) -> StockItem:
    item = view.one(StockItem, sku)
    if item is None:
        raise ValueError(f"{sku} has pools but no item")
    return item


SALE_HANDLERS: Final = (
    Handler(
        command=BookSales,
        partition_key=lambda command: command.sales[0].sku if command.sales else "",
        keys=lambda command: [sale.sku for sale in command.sales],
        needs=lambda command: (
            need
            for sale in command.sales
            for need in (
                Need(StockItem, sale.sku),
                Need(Pool, sale.sku),
                Need(Sale, sale.reference),
            )
        ),
        decide=do_book_sales,
    ),
    Handler(
        command=ReleaseSale,
        partition_key=lambda command: command.sku,
        needs=lambda command: (
            Need(StockItem, command.sku),
            Need(Pool, command.sku),
            Need(Sale, command.reference),
        ),
        decide=do_release_sale,
    ),
)
