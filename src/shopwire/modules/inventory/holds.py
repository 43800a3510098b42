"""How reservations are decided: held, then posted, voided or expired."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.errors import InvalidField, StockShort
from shopwire.kernel.rows import Need, Row, View
from shopwire.kernel.trade_errors import (
    BundleChanged,
    HoldGone,
    HoldLimit,
    HoldTaken,
    ShopperLimit,
)
from shopwire.kernel.validation import check_name, check_quantity
from shopwire.modules.inventory.api import (
    CheckStock,
    ExpireHolds,
    HoldLine,
    HoldRef,
    HoldStock,
    PostHold,
    VoidHold,
)
from shopwire.modules.inventory.domain import (
    HoldState,
    Kind,
    LedgerLine,
    Pool,
    Sale,
    StockHold,
    StockItem,
    Taken,
    Tally,
    both_sides,
    moved,
    promised,
    tally_place,
    told,
)
from shopwire.modules.inventory.events import (
    HoldPosted,
    HoldsExpired,
    HoldVoided,
    Overpromise,
    PoolMoved,
    Share,
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
    HOLDS_A_SWEEP_MAX,
)

# -- what a command about holds needs ---------------------------------------------------------


def skus_of(lines: Iterable[HoldLine]) -> list[str]:
    """Every SKU that lines and their parts name, once."""
    names = dict.fromkeys(line.sku for line in lines)
    for line in lines:
        names |= dict.fromkeys(part.sku for part in line.parts)
    return list(names)


def _needs_stock(lines: Sequence[HoldLine], shopper: str) -> Iterable[Need]:
    for sku in skus_of(lines):
        yield Need(StockItem, sku)
        yield Need(Pool, sku)
        if shopper:
            yield Need(Tally, tally_place(sku, shopper))


def _needs_to_hold(command: HoldStock) -> Iterable[Need]:
    yield Need(StockHold, command.hold_id)
    yield from _needs_stock(command.lines, command.shopper)


def _needs_to_end(holds: Iterable[HoldRef | PostHold | VoidHold]) -> Iterable[Need]:
    for hold in holds:
        yield Need(StockHold, hold.hold_id)
        for sku in hold.skus:
            yield Need(StockItem, sku)
            yield Need(Pool, sku)


def _line_of(command: CheckStock) -> HoldLine:
    return HoldLine(sku=command.sku, quantity=command.quantity, parts=command.parts)


# -- holding ----------------------------------------------------------------------------------


def do_hold_stock(command: HoldStock, view: View, context: Context) -> Decision:
    """Reserves all lines or none; the same id with the same lines again changes nothing."""
    known = view.one(StockHold, command.hold_id)
    if known is not None:
        return _held_before(known, command)
    _check_hold(command)
    _check_parts(command.lines, view)
    chosen: list[tuple[StockItem, list[Portion]]] = []
    counted: list[str] = []
    for sku, wanted in wanted_units(command.lines).items():
        item, portions = _choose(sku, wanted, command.shopper, view, context)
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
    reference, now_ms = command.reference or command.hold_id, context.now_ms
    event_type: type[StockEvent] = (
        StockHeldBriefly if command.ttl_ms <= BRIEF_HOLD_MS_MAX else StockHeld
    )
    rows: list[Row] = []
    events: list[StockEvent] = []
    taken: list[Taken] = []
    for item, portions in chosen:
        sku, facts = item.sku, []
        pools = {pool.supplier: pool for pool in view.all(Pool, sku)}
        for before, there, beyond in portions:
            quantity = there + beyond
            after = promised(before, before.reserved + quantity, before.sold)
            line, fact = moved(
                before,
                after,
                "hold",
                reference=reference,
                command_id=context.command_id,
                now_ms=now_ms,
            )
            pools[after.supplier] = after
            rows += (after, line)
            facts.append(fact)
            taken.append(Taken(sku, after.supplier, quantity, beyond))
        why = StockFacts(moved=facts, reference=command.reference, hold=command.hold_id)
        after_item, event = told(event_type, item, pools.values(), why)
        rows.append(after_item)
        events.append(event)
    for sku in counted:
        quantity = sum(one.quantity for one in taken if one.sku == sku)
        place = tally_place(sku, command.shopper)
        rows.append(
            Tally(tenant=context.tenant, place=place, hold_id=command.hold_id, quantity=quantity)
        )
    hold = StockHold(
        tenant=context.tenant,
        hold_id=command.hold_id,
        state="pending",
        shopper=command.shopper,
        reference=command.reference,
        asked=command.lines,
        taken=tuple(taken),
        skus=tuple(sorted(event.entity for event in events)),
        counted=tuple(counted),
        held_at_ms=now_ms,
        expires_at_ms=now_ms + command.ttl_ms,
    )
    rows.append(hold)
    return Decision(put=rows, events=events, result=_result_of(hold))


def _result_of(hold: StockHold) -> dict[str, Any]:
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
    if known.asked != command.lines or known.shopper != command.shopper:
        raise HoldTaken(hold=known.hold_id)
    if known.state in ("voided", "expired"):
        raise HoldGone(hold=known.hold_id, state=known.state)
    return Decision(result=_result_of(known))


def do_check_stock(command: CheckStock, view: View, context: Context) -> Decision:
    """Refuses as do_hold_stock would; changes nothing."""
    line = _line_of(command)
    _check_line(line)
    if command.shopper:
        check_name(command.shopper, "shopper")
    _check_parts((line,), view)
    for sku, wanted in wanted_units((line,)).items():
        _choose(sku, wanted, command.shopper, view, context)
    return Decision(result={"sku": command.sku, "quantity": command.quantity})


def _choose(
    sku: str, wanted: Sequence[Wanted], shopper: str, view: View, context: Context
) -> tuple[StockItem, list[Portion]]:
    """Where the units come from; raises ShopperLimit, HoldLimit, StockShort."""
    item = view.one(StockItem, sku) or StockItem(tenant=context.tenant, sku=sku)
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
    portions = choose(pools, wanted, item.buffer, item.beyond_max(context.now_ms))
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


def _check_hold(command: HoldStock) -> None:
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


def _check_parts(lines: Iterable[HoldLine], view: View) -> None:
    """Raises BundleChanged where a line's parts are not what the set is made of now."""
    for line in lines:
        item = view.one(StockItem, line.sku)
        parts = item.parts if item is not None else ()
        if parts != line.parts and _sorted(parts) != _sorted(line.parts):
            now = [{"sku": part.sku, "quantity": part.quantity} for part in parts]
            raise BundleChanged(sku=line.sku, parts=now)


def _sorted(parts: Iterable[Any]) -> list[tuple[str, int]]:
    return sorted((part.sku, part.quantity) for part in parts)


# -- ending a hold ----------------------------------------------------------------------------


class _Ending:
    """What the end of holds does to items and pools, which several of them may share."""

    def __init__(self, kind: Kind, view: View, context: Context) -> None:
        self._kind: Kind = kind
        self._view, self._context = view, context
        self._pools: dict[str, dict[str, Pool]] = {}
        self._lines: list[LedgerLine] = []
        self.facts: dict[str, list[PoolMoved]] = {}

    def pool(self, sku: str, supplier: str) -> Pool:
        """The pool as the holds before left it."""
        pools = self._pools.get(sku)
        if pools is None:
            pools = {pool.supplier: pool for pool in self._view.all(Pool, sku)}
            self._pools[sku] = pools
        return pools[supplier]

    def move(self, before: Pool, after: Pool, reference: str) -> None:
        """One movement with its line and fact."""
        line, fact = moved(
            before,
            after,
            self._kind,
            reference=reference,
            command_id=self._context.command_id,
            now_ms=self._context.now_ms,
        )
        self._pools[after.sku][after.supplier] = after
        self._lines.append(line)
        self.facts.setdefault(after.sku, []).append(fact)

    def end(
        self, event_type: type[StockEvent], facts: dict[str, StockFacts]
    ) -> tuple[list[Row], list[StockEvent]]:
        """The rows and, one a SKU, the events."""
        rows: list[Row] = []
        events: list[StockEvent] = []
        for sku, pools in self._pools.items():
            item = self._view.one(StockItem, sku)
            if item is None:
                raise ValueError(f"{sku} has pools but no item")
            item, event = told(event_type, item, pools.values(), facts[sku])
            rows.append(item)
            rows += [pools[fact.supplier] for fact in self.facts[sku]]
            events.append(event)
        return [*rows, *self._lines], events


def do_post_hold(command: PostHold, view: View, context: Context) -> Decision:
    """Sells what is reserved; posted already, it changes nothing."""
    hold = _hold_of(command, view)
    if hold is None or hold.state in ("voided", "expired"):
        raise HoldGone(hold=command.hold_id, state=hold.state if hold else "unknown")
    if hold.state == "posted":
        return Decision(result=_result_of(hold))
    return posted(hold, view, context)


def posted(hold: StockHold, view: View, context: Context) -> Decision:
    """Books reserved units as sold; the state of the hold was looked at before."""
    ending = _Ending("post", view, context)
    sales: list[Row] = []
    short: dict[str, list[Overpromise]] = {}
    shares: dict[str, list[Share]] = {}
    for one in hold.taken:
        before = ending.pool(one.sku, one.supplier)
        after = promised(before, before.reserved - one.quantity, before.sold + one.quantity)
        ending.move(before, after, hold.reference or hold.hold_id)
        shares.setdefault(one.sku, []).append(Share(one.supplier, one.quantity, one.backordered))
        if after.shortfall:
            # The newest promise is the one that the supplier lacks the units for.
            units = min(one.quantity, after.shortfall)
            overpromise = Overpromise(hold.hold_id, one.supplier, units)
            short.setdefault(one.sku, []).append(overpromise)
        sale = Sale(
            tenant=hold.tenant,
            sku=one.sku,
            supplier=one.supplier,
            reference=hold.hold_id,
            part="",
            quantity=one.quantity,
            backordered=one.backordered,
            shopper=hold.shopper if one.sku in hold.counted else "",
            seq=after.seq,
            sold_at_ms=context.now_ms,
        )
        sales += both_sides(sale)
    rows, events = ending.end(
        HoldPosted,
        {
            sku: StockFacts(
                moved=facts,
                reference=hold.reference,
                hold=hold.hold_id,
                shares=shares[sku],
                overpromised=short.get(sku, []),
            )
            for sku, facts in ending.facts.items()
        },
    )
    rows += [replace(hold, state="posted"), *sales]
    return Decision(put=rows, events=events, result=_result_of(hold))


def do_void_hold(command: VoidHold, view: View, context: Context) -> Decision:
    """Gives reserved units back; one that is over already changes nothing."""
    hold = _hold_of(command, view)
    if hold is None:
        raise HoldGone(hold=command.hold_id, state="unknown")
    if hold.state == "posted":
        reason = "The reservation was sold; release the sale instead."
        raise HoldGone(reason, hold=hold.hold_id, state=hold.state)
    if hold.state != "pending":
        return Decision(result={"hold": hold.hold_id, "state": hold.state})
    return _freed([hold], "voided", view, context)


def do_expire_holds(command: ExpireHolds, view: View, context: Context) -> Decision:
    """Ends those that are pending and past their time; the result names them."""
    if len(command.holds) > HOLDS_A_SWEEP_MAX:
        reason = f"more than {HOLDS_A_SWEEP_MAX} at once"
        raise InvalidField(f"holds: {reason}.", field="holds", reason=reason)
    due: dict[str, StockHold] = {}
    for ref in command.holds:
        hold = _hold_of(ref, view)
        if hold is None or hold.state != "pending" or hold.expires_at_ms > context.now_ms:
            continue
        due[hold.hold_id] = hold
    if not due:
        return Decision(result={"expired": []})
    return _freed(list(due.values()), "expired", view, context)


def _freed(holds: Sequence[StockHold], state: HoldState, view: View, context: Context) -> Decision:
    """Reserved units are free again."""
    ending = _Ending("void" if state == "voided" else "expire", view, context)
    rows: list[Row] = []
    for hold in holds:
        for one in hold.taken:
            before = ending.pool(one.sku, one.supplier)
            after = promised(before, before.reserved - one.quantity, before.sold)
            ending.move(before, after, hold.reference or hold.hold_id)
        rows.append(replace(hold, state=state))
        for sku in hold.counted:
            place = tally_place(sku, hold.shopper)
            rows.append(Tally(tenant=hold.tenant, place=place, hold_id=hold.hold_id, quantity=0))
    names = [hold.hold_id for hold in holds]
    more, events = ending.end(
        HoldVoided if state == "voided" else HoldsExpired,
        {sku: StockFacts(moved=facts, holds=names) for sku, facts in ending.facts.items()},
    )
    result: dict[str, Any] = {"expired": names}
    if state == "voided":
        result = {"hold": names[0], "state": state}
    return Decision(put=[*more, *rows], events=events, result=result)


def _hold_of(ref: HoldRef | PostHold | VoidHold, view: View) -> StockHold | None:
    """The hold, if the command names all SKUs that it took: their heads are what guards it."""
    hold = view.one(StockHold, ref.hold_id)
    if hold is not None and not set(hold.skus) <= set(ref.skus):
        missing = min(set(hold.skus) - set(ref.skus))
        reason = f"the hold took units of {missing} too"
        raise InvalidField(f"skus: {reason}.", field="skus", reason=reason, value=missing)
    return hold


HOLD_HANDLERS: Final = (
    Handler(
        command=HoldStock,
        partition_key=lambda command: command.lines[0].sku if command.lines else "",
        keys=lambda command: skus_of(command.lines),
        needs=_needs_to_hold,
        decide=do_hold_stock,
    ),
    Handler(
        command=CheckStock,
        partition_key=lambda command: command.sku,
        keys=lambda command: skus_of((_line_of(command),)),
        needs=lambda command: _needs_stock((_line_of(command),), command.shopper),
        decide=do_check_stock,
    ),
    Handler(
        command=PostHold,
        partition_key=lambda command: command.skus[0] if command.skus else "",
        keys=lambda command: command.skus,
        needs=lambda command: _needs_to_end((command,)),
        decide=do_post_hold,
    ),
    Handler(
        command=VoidHold,
        partition_key=lambda command: command.skus[0] if command.skus else "",
        keys=lambda command: command.skus,
        needs=lambda command: _needs_to_end((command,)),
        decide=do_void_hold,
    ),
    Handler(
        command=ExpireHolds,
        partition_key=lambda command: next((s for h in command.holds for s in h.skus), ""),
        keys=lambda command: [sku for hold in command.holds for sku in hold.skus],
        needs=lambda command: _needs_to_end(command.holds),
        decide=do_expire_holds,
    ),
)
