"""How reservations end: posted, voided or expired."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Command, Context, Decision, Handler
from shopwire.kernel.errors import InvalidField
from shopwire.kernel.rows import Need, Row, View
from shopwire.kernel.trade_errors import HoldGone
from shopwire.modules.inventory.api import ExpireHolds, HoldRef, PostHold, VoidHold
from shopwire.modules.inventory.domain import (
    HoldState,
    Kind,
    LedgerLine,
    Pool,
    Sale,
    StockHold,
    StockItem,
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
)
from shopwire.modules.inventory.holds import result_of
from shopwire.modules.inventory.limits import HOLDS_A_SWEEP_MAX
from shopwire.modules.orders.api import NoteAllocation
from shopwire.modules.orders.api import Share as OrderShare


def _needs_to_end(holds: Iterable[HoldRef | PostHold | VoidHold]) -> Iterable[Need]:
    for hold in holds:
        yield Need(StockHold, hold.hold_id)
        for sku in hold.skus:
            yield Need(StockItem, sku)
            yield Need(Pool, sku)


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
        return Decision(result=result_of(hold))
    decision = posted(hold, view, context, known=bool(command.order_id))
    return replace(decision, then=_telling(hold, command))


def _telling(hold: StockHold, command: PostHold) -> Sequence[NoteAllocation]:
    """Tells an order, SKU by SKU, from whom its units come."""
    if not command.order_id:
        return ()
    shares: dict[str, list[OrderShare]] = {}
    for one in hold.taken:
        share = OrderShare(supplier=one.supplier, quantity=one.quantity)
        shares.setdefault(one.sku, []).append(share)
    return [
        NoteAllocation(
            order_id=command.order_id,
            plan=hold.hold_id,
            sku=sku,
            shares=tuple(own),
            suppliers=command.suppliers,
        )
        for sku, own in shares.items()
    ]


def posted(hold: StockHold, view: View, context: Context, *, known: bool = False) -> Decision:
    """Books reserved units as sold; the state of the hold was looked at before.

    `known` says in the events that the shares need not be told to anybody.
    """
    ending = _Ending("post", view, context)
    sales: list[Row] = []
    short: dict[str, list[Overpromise]] = {}
    shares: dict[str, list[Share]] = {}
    for one in hold.taken:
        before = ending.pool(one.sku, one.supplier)
        after = promised(before, before.reserved - one.quantity, before.sold + one.quantity)
        ending.move(before, after, hold.hold_id)
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
            shopper=hold.shopper if one.counted else "",
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
                shares=tuple(shares[sku]),
                told=known,
                overpromised=tuple(short.get(sku, ())),
            )
            for sku, facts in ending.facts.items()
        },
    )
    rows += [replace(hold, state="posted"), *sales]
    return Decision(put=rows, events=events, result=result_of(hold))


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
            ending.move(before, after, hold.hold_id)
        rows.append(replace(hold, state=state))
        for sku in hold.counted:
            place = tally_place(sku, hold.shopper)
            rows.append(Tally(tenant=hold.tenant, place=place, hold_id=hold.hold_id, quantity=0))
    names = [hold.hold_id for hold in holds]
    more, events = ending.end(
        HoldVoided if state == "voided" else HoldsExpired,
        {sku: StockFacts(moved=facts, holds=tuple(names)) for sku, facts in ending.facts.items()},
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


def _telling_of(command: PostHold) -> Iterable[Command]:
    if command.order_id:
        yield NoteAllocation(order_id=command.order_id, plan="", sku="", shares=())


ENDING_HANDLERS: Final = (
    Handler(
        command=PostHold,
        partition_key=lambda command: command.skus[0] if command.skus else "",
        keys=lambda command: command.skus,
        needs=lambda command: _needs_to_end((command,)),
        decide=do_post_hold,
        includes=_telling_of,
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
