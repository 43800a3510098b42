"""How stock is reserved: all lines or none."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from shopwire.kernel.commands import Context, Decision
from shopwire.kernel.errors import InvalidField, StockShort
from shopwire.kernel.ids import KEYS_KNOWN_MAX
from shopwire.kernel.rows import Need, Row, View
from shopwire.kernel.trade_errors import (
    BundleChanged,
    HoldGone,
    HoldLimit,
    HoldTaken,
    ShopperLimit,
)
from shopwire.kernel.validation import check_name, check_quantity
from shopwire.modules.inventory.api import CheckStock, HoldLine, HoldStock, Preferred
from shopwire.modules.inventory.domain import (
    LedgerLine,
    Pool,
    StockHold,
    StockItem,
    Taken,
    Tally,
    moved,
    promised,
    tally_place,
    told,
)
from shopwire.modules.inventory.events import (
    PoolMoved,
    StockEvent,
    StockFacts,
    StockHeld,
    StockHeldBriefly,
)
from shopwire.modules.inventory.holding import (
    Portion,
    Wanted,
    available_to,
    choose,
    sets_of,
    wanted_units,
)
from shopwire.modules.inventory.limits import (
    BRIEF_HOLD_MS_MAX,
    BUNDLE_PARTS_MAX,
    HOLD_LINES_MAX,
    HOLD_RETRY_MS,
    HOLD_TTL_MS_MAX,
    PREFERRED_MAX,
)

# -- what a command needs ---------------------------------------------------------------------


def skus_of(lines: Sequence[HoldLine]) -> Sequence[str]:
    """Every SKU that lines and their parts name, once."""
    if len(lines) == 1 and not lines[0].parts:
        return (lines[0].sku,)
    names = dict.fromkeys(line.sku for line in lines)
    for line in lines:
        names |= dict.fromkeys(part.sku for part in line.parts)
    return list(names)


@lru_cache(maxsize=KEYS_KNOWN_MAX)
def _stock_of(sku: str) -> tuple[Need, Need]:
    return Need(StockItem, sku), Need(Pool, sku)


def needs_stock(lines: Sequence[HoldLine], shopper: str) -> list[Need]:
    """What a decision about lines has to see."""
    needs: list[Need] = []
    for sku in skus_of(lines):
        needs += _stock_of(sku)
        if shopper:
            needs.append(Need(Tally, tally_place(sku, shopper)))
    return needs


def needs_to_hold(command: HoldStock) -> list[Need]:
    """What a decision about a hold has to see."""
    return [Need(StockHold, command.hold_id), *needs_stock(command.lines, command.shopper)]


def line_of(command: CheckStock) -> HoldLine:
    """What is asked for, as a hold would."""
    return HoldLine(sku=command.sku, quantity=command.quantity, parts=command.parts)


# -- holding ----------------------------------------------------------------------------------


def do_hold_stock(command: HoldStock, view: View, context: Context) -> Decision:
    """Reserves all lines or none; the same id with the same lines again changes nothing."""
    known = view.one(StockHold, command.hold_id)
    if known is not None:
        return _held_before(known, command)
    check_hold(command)
    chosen: list[tuple[StockItem, list[Portion]]] = []
    counted: list[str] = []
    for sku, wanted in wanted_units(_lines_checked(command.lines, view)).items():
        own = [one for one in command.prefer if one.sku == sku] if command.prefer else ()
        item, portions = _choose(sku, wanted, command.shopper, view, context, own)
        chosen.append((item, portions))
        if command.shopper and item.shopper_units_max is not None:
            counted.append(sku)
    return held(command, chosen, counted, view, context)


def held(
    command: HoldStock,
    chosen: Iterable[tuple[StockItem, list[Portion]]],
    counted: Sequence[str],
    view: View,
    context: Context,
) -> Decision:
    """Books units as reserved. Checks nothing: the schema refuses a hold beyond the limit."""
    rows: list[Row] = []
    events: list[StockEvent] = []
    taken: list[Taken] = []
    for item, portions in chosen:
        some = booked(
            command, item, view.all(Pool, item.sku), portions, item.sku in counted, context
        )
        rows += (*some.pools, *some.lines, some.item)
        taken += some.taken
        events.append(some.event)
    for sku in counted:
        quantity = sum(one.quantity for one in taken if one.sku == sku)
        place, hold_id = tally_place(sku, command.shopper), command.hold_id
        rows.append(Tally(tenant=context.tenant, place=place, hold_id=hold_id, quantity=quantity))
    hold = pending_hold(command, taken, context)
    rows.append(hold)
    return Decision(put=rows, events=events, result=result_of(hold))


class Booked(NamedTuple):
    """What the units of one SKU leave behind when they are reserved."""

    item: StockItem
    pools: list[Pool]
    """Those that gave units."""
    lines: list[LedgerLine]
    taken: list[Taken]
    event: StockEvent


def booked(
    command: HoldStock,
    item: StockItem,
    pools: Sequence[Pool],
    portions: Sequence[Portion],
    counted: bool,
    context: Context,
) -> Booked:
    """Books the units of one SKU as reserved; `pools` are all of it."""
    hold_id, sku = command.hold_id, item.sku
    now = {pool.supplier: pool for pool in pools}
    changed: list[Pool] = []
    lines: list[LedgerLine] = []
    facts: list[PoolMoved] = []
    taken: list[Taken] = []
    for before, there, beyond in portions:
        after = promised(before, before.reserved + there + beyond, before.sold)
        line, fact = moved(
            before,
            after,
            "hold",
            reference=hold_id,
            command_id=context.command_id,
            now_ms=context.now_ms,
        )
        now[after.supplier] = after
        changed.append(after)
        lines.append(line)
        facts.append(fact)
        taken.append(Taken(sku, after.supplier, there + beyond, beyond, counted))
    why = StockFacts(moved=facts, reference=command.reference, hold=hold_id)
    brief = command.ttl_ms <= BRIEF_HOLD_MS_MAX
    item, event = told(StockHeldBriefly if brief else StockHeld, item, now.values(), why)
    return Booked(item, changed, lines, taken, event)


def pending_hold(command: HoldStock, taken: Sequence[Taken], context: Context) -> StockHold:
    """The hold of what was taken."""
    return StockHold(
        tenant=context.tenant,
        hold_id=command.hold_id,
        state="pending",
        shopper=command.shopper,
        reference=command.reference,
        asked=() if are_plain(command.lines) else command.lines,
        taken=tuple(taken),
        held_at_ms=context.now_ms,
        expires_at_ms=context.now_ms + command.ttl_ms,
    )


def result_of(hold: StockHold) -> dict[str, Any]:
    """What a hold is answered with, each time it is asked for."""
    lines = [
        {
            "sku": one.sku,
            "supplier": one.supplier,
            "quantity": one.quantity,
            "backordered": one.backordered,
        }
        for one in hold.taken
    ]
    return {"hold": hold.hold_id, "expires_at_ms": hold.expires_at_ms, "lines": lines}


def _held_before(known: StockHold, command: HoldStock) -> Decision:
    if not _asks_the_same(known, command):
        raise HoldTaken(hold=known.hold_id)
    if known.state in ("voided", "expired"):
        raise HoldGone(hold=known.hold_id, state=known.state)
    return Decision(result=result_of(known))


def _asks_the_same(known: StockHold, command: HoldStock) -> bool:
    if known.shopper != command.shopper:
        return False
    if known.asked or not are_plain(command.lines):
        return known.asked == command.lines
    units: dict[str, int] = {}
    for line in command.lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    for one in known.taken:
        units[one.sku] = units.get(one.sku, 0) - one.quantity
    return not any(units.values())


def are_plain(lines: Iterable[HoldLine]) -> bool:
    """Whether what was taken says all that was asked: units of articles, from anywhere."""
    for line in lines:  # noqa: SIM110 - a generator for one line costs more than the line
        if line.parts or line.supplier is not None or line.avoid:
            return False
    return True


def do_check_stock(command: CheckStock, view: View, context: Context) -> Decision:
    """Refuses as do_hold_stock would; changes nothing."""
    line = line_of(command)
    _check_line(line)
    if command.shopper:
        check_name(command.shopper, "shopper")
    for sku, wanted in wanted_units(_lines_checked((line,), view)).items():
        _choose(sku, wanted, command.shopper, view, context)
    return Decision(result={"sku": command.sku, "quantity": command.quantity})


def _choose(
    sku: str,
    wanted: Sequence[Wanted],
    shopper: str,
    view: View,
    context: Context,
    prefer: Sequence[Preferred] = (),
) -> tuple[StockItem, list[Portion]]:
    """Where the units come from; raises ShopperLimit, HoldLimit, StockShort."""
    item = view.one(StockItem, sku)
    if item is None:
        item = StockItem(tenant=context.tenant, sku=sku)
    pools = view.all(Pool, sku)
    units = wanted[0].quantity if len(wanted) == 1 else sum(one.quantity for one in wanted)
    if item.shopper_units_max is not None:
        has = 0
        if shopper:
            has = sum(one.quantity for one in view.all(Tally, tally_place(sku, shopper)))
        if has + units > item.shopper_units_max:
            allowed = max(0, item.shopper_units_max - has)
            raise ShopperLimit(sku=sku, requested=units, allowed=allowed)
    if item.held_units_max is not None:
        waiting = sum(pool.reserved for pool in pools)
        if waiting + units > item.held_units_max:
            raise HoldLimit(sku=sku, requested=units, retry_ms=HOLD_RETRY_MS)
    beyond_max = item.beyond_max(context.now_ms)
    portions = choose(pools, wanted, item.buffer, beyond_max, prefer)
    if portions is None:
        raise _short(item, pools, wanted, units, view, context)
    return item, portions


def _short(
    item: StockItem,
    pools: Sequence[Pool],
    wanted: Sequence[Wanted],
    units: int,
    view: View,
    context: Context,
) -> StockShort:
    """What a shopper is told: of a set, how many whole sets there are."""
    beyond_max = item.beyond_max(context.now_ms)
    line = wanted[0].line
    if len(wanted) == 1 and line is not None and line.parts:
        counts = []
        for part in line.parts:
            own = view.one(StockItem, part.sku) or StockItem(tenant=item.tenant, sku=part.sku)
            one = Wanted(part.quantity, line.supplier, line.avoid, line)
            there = available_to(
                view.all(Pool, part.sku), one, own.buffer, own.beyond_max(context.now_ms)
            )
            counts.append((there, part.quantity))
        return StockShort(sku=line.sku, requested=line.quantity, available=sets_of(counts))
    available = max(available_to(pools, one, item.buffer, beyond_max) for one in wanted)
    return StockShort(sku=item.sku, requested=units, available=available)


def check_hold(command: HoldStock) -> None:
    """Raises InvalidField for what no hold may be."""
    check_name(command.hold_id, "hold_id")
    if command.shopper:
        check_name(command.shopper, "shopper")
    if command.reference:
        check_name(command.reference, "reference")
    if not 1 <= command.ttl_ms <= HOLD_TTL_MS_MAX:
        reason = f"it must lie from 1 to {HOLD_TTL_MS_MAX}"
        raise InvalidField(f"ttl_ms: {reason}.", field="ttl_ms", reason=reason)
    if not 1 <= len(command.lines) <= HOLD_LINES_MAX:
        reason = f"there must be 1 to {HOLD_LINES_MAX}"
        raise InvalidField(f"lines: {reason}.", field="lines", reason=reason)
    for line in command.lines:
        _check_line(line)
    if len(command.prefer) > PREFERRED_MAX:
        reason = f"there are at most {PREFERRED_MAX}"
        raise InvalidField(f"prefer: {reason}.", field="prefer", reason=reason)


def _check_line(line: HoldLine) -> None:
    check_name(line.sku, "sku")
    check_quantity(line.quantity, least=1)
    if len(line.parts) > BUNDLE_PARTS_MAX:
        reason = f"a set has at most {BUNDLE_PARTS_MAX}"
        raise InvalidField(f"parts: {reason}.", field="parts", reason=reason)
    for part in line.parts:
        check_name(part.sku, "parts.sku")
        check_quantity(part.quantity, least=1, field="parts.quantity")
        check_quantity(part.quantity * line.quantity, least=1)


def _lines_checked(lines: Sequence[HoldLine], view: View) -> Sequence[HoldLine]:
    """The lines; raises BundleChanged where one's parts are not what the set is made of now."""
    for line in lines:
        item = view.one(StockItem, line.sku)
        parts = item.parts if item is not None else ()
        if parts != line.parts and _sorted(parts) != _sorted(line.parts):
            now = [{"sku": part.sku, "quantity": part.quantity} for part in parts]
            raise BundleChanged(sku=line.sku, parts=now)
    return lines


def _sorted(parts: Iterable[Any]) -> list[tuple[str, int]]:
    return sorted((part.sku, part.quantity) for part in parts)
