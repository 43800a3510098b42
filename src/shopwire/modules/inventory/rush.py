"""How many who want the same article one after the other are served at once."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.errors import InvalidField
from shopwire.kernel.rows import Row, View
from shopwire.modules.inventory.api import CheckStock, HoldStock
from shopwire.modules.inventory.domain import (
    LedgerLine,
    Pool,
    StockHold,
    StockItem,
    Taken,
    document_of_free,
)
from shopwire.modules.inventory.events import (
    PoolMoved,
    StockEvent,
    StockFacts,
    StockHeld,
    StockHeldBriefly,
)
from shopwire.modules.inventory.holding import Wanted, choose
from shopwire.modules.inventory.holds import (
    are_plain,
    booked,
    check_hold,
    do_check_stock,
    do_hold_stock,
    line_of,
    needs_stock,
    needs_to_hold,
    pending_hold,
    result_of,
    skus_of,
)
from shopwire.modules.inventory.limits import BRIEF_HOLD_MS_MAX


class _Rush:
    """An article that many want one after the other: what `booked` makes of it, hold by hold.

    As long as all units are there only three numbers change from one hold to the next, so its rows
    are made once at the end, and each hold's events and lines from the numbers.
    """

    __slots__ = ("_free", "_item", "_last", "_pool", "_reserved", "_seq", "_version")

    def __init__(self, item: StockItem, pool: Pool) -> None:
        self._last: list[Row] | None = None
        """The rows of the last who took of it."""
        self._start(item, pool)

    def take(self, command: HoldStock, context: Context) -> Decision | None:
        """Reserves the command's line; None where there is too little."""
        quantity = command.lines[0].quantity
        if quantity <= self._free:
            line, taken, event = self._taken(command, quantity, context)
        else:
            item, pool = self._now()
            wanted = Wanted(quantity, None, (), command.lines[0])
            portions = choose((pool,), (wanted,), item.buffer, item.beyond_max(context.now_ms))
            if portions is None:
                return None
            some = booked(command, item, (pool,), portions, False, context)
            self._start(some.item, some.pools[0])
            (line,), (taken,), event = some.lines, some.taken, some.event
        hold = pending_hold(command, (taken,), context)
        put = self._last = [line, hold]
        return Decision(put=put, events=(event,), result=result_of(hold))

    def end(self) -> None:
        """The last who took of it puts its rows."""
        if self._last is not None:
            self._last += self._now()

    def _start(self, item: StockItem, pool: Pool) -> None:
        self._item, self._pool = item, pool
        self._reserved, self._seq, self._version = pool.reserved, pool.seq, item.version
        # What is promised beyond the count, or may be, `promised` and `document_of` work out.
        plain = not (item.backorder_max or pool.backorder or pool.shortfall)
        self._free = pool.sellable(item.buffer) if plain else 0

    def _now(self) -> tuple[StockItem, Pool]:
        pool = replace(self._pool, reserved=self._reserved, seq=self._seq)
        return replace(self._item, version=self._version), pool

    def _taken(
        self, command: HoldStock, quantity: int, context: Context
    ) -> tuple[LedgerLine, Taken, StockEvent]:
        item, pool, hold_id = self._item, self._pool, command.hold_id
        self._free = free = self._free - quantity
        self._reserved = reserved = self._reserved + quantity
        self._seq = seq = self._seq + 1
        self._version = version = self._version + 1
        sku, supplier, reported, sold = pool.sku, pool.supplier, pool.reported, pool.sold
        line = LedgerLine(
            tenant=pool.tenant,
            sku=sku,
            supplier=supplier,
            seq=seq,
            kind="hold",
            reserved_delta=quantity,
            reported=reported,
            reserved=reserved,
            sold=sold,
            backorder_max=pool.backorder_max,
            reference=hold_id,
            command_id=context.command_id,
            at_ms=context.now_ms,
        )
        fact = PoolMoved(
            supplier=supplier, seq=seq, reported=reported, reserved=reserved, sold=sold, shortfall=0
        )
        facts = StockFacts(
            moved=(fact,), reference=command.reference, hold=hold_id, bundles=item.bundles
        )
        brief = command.ttl_ms <= BRIEF_HOLD_MS_MAX
        event = (StockHeldBriefly if brief else StockHeld)(
            entity=sku, version=version, document=document_of_free(item, free), facts=facts
        )
        return line, Taken(sku, supplier, quantity), event


def do_hold_stock_many(
    commands: Sequence[HoldStock], view: View, contexts: Sequence[Context]
) -> list[Decision]:
    """Reserves for as many of the first as want one article each that one supplier has.

    What a rush for one article is made of. `do_hold_stock` is the reference, and has whatever is
    not of this kind; the article and its pool are put by the last who takes of it.
    """
    rushes: dict[str, _Rush] = {}
    ids: set[str] = set()
    decisions: list[Decision] = []
    for command, context in zip(commands, contexts, strict=True):
        hold_id = command.hold_id
        if not _is_simple(command) or hold_id in ids or view.one(StockHold, hold_id) is not None:
            break
        sku = command.lines[0].sku
        rush = rushes.get(sku)
        if rush is None:
            stock = _simple_stock(sku, view)
            if stock is None:
                break
            rush = rushes[sku] = _Rush(*stock)
        decision = rush.take(command, context)
        if decision is None:
            break
        decisions.append(decision)
        ids.add(hold_id)
    for rush in rushes.values():
        rush.end()
    return decisions


def _is_simple(command: HoldStock) -> bool:
    if len(command.lines) != 1 or command.prefer or not are_plain(command.lines):
        return False
    try:
        check_hold(command)
    except InvalidField:
        return False  # `do_hold_stock` says why
    return True


def _simple_stock(sku: str, view: View) -> tuple[StockItem, Pool] | None:
    """An article that has no limits but its stock, at its only supplier."""
    item, pools = view.one(StockItem, sku), view.all(Pool, sku)
    if item is None or len(pools) != 1 or item.parts:
        return None
    if item.shopper_units_max is not None or item.held_units_max is not None:
        return None
    return item, pools[0]


HOLD_HANDLERS: Final = (
    Handler(
        command=HoldStock,
        partition_key=lambda command: command.lines[0].sku if command.lines else "",
        keys=lambda command: skus_of(command.lines),
        needs=needs_to_hold,
        decide=do_hold_stock,
        many=do_hold_stock_many,
        makes=frozenset({StockHold}),
    ),
    Handler(
        command=CheckStock,
        partition_key=lambda command: command.sku,
        keys=lambda command: skus_of((line_of(command),)),
        needs=lambda command: needs_stock((line_of(command),), command.shopper),
        decide=do_check_stock,
    ),
)
