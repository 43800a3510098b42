"""What must hold of stock's rows: the schema's constraints and audits, for the memory twin."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from shopwire.kernel.rows import Row
from shopwire.modules.inventory.domain import LedgerLine, Pool, Sale, StockHold
from shopwire.testing.checkers import Finding, Line, check_ledger
from shopwire.testing.simulation.world import World

BALANCES: Final = ("reported", "reserved", "sold", "backorder", "shortfall")


def pool_rule(pool: Any) -> str | None:
    """The CHECKs of `stock_pool` that bear the limit."""
    if min(getattr(pool, name) for name in BALANCES) < 0:
        return "stock_pool_bounds"
    if pool.reserved + pool.sold > pool.reported + pool.backorder + pool.shortfall:
        return "stock_pool_limit"
    if pool.backorder > pool.backorder_max:
        return "stock_pool_backorder_max"
    return None


POOL_RULES: Final[Mapping[type[Row], Callable[[Any], str | None]]] = {Pool: pool_rule}


def line_rule(line: Line) -> str | None:
    """More is promised than there is, than was announced, and than was allowed."""
    at = line.balances
    promised = at["reserved"] + at["sold"]
    allowed = at["reported"] + at["backorder"] + at["shortfall"]
    return f"{promised} promised of {allowed}" if promised > allowed else None


def ledger_of(lines: Iterable[LedgerLine]) -> list[Line]:
    """The ledger in the checker's words."""
    return [
        Line(
            counter=f"{line.sku}/{line.supplier}",
            seq=line.seq,
            deltas={name: getattr(line, f"{name}_delta") for name in BALANCES},
            balances={name: getattr(line, name) for name in BALANCES},
            effect=(line.command_id, line.kind, line.reference),
        )
        for line in lines
    ]


def check_stock(world: World) -> list[Finding]:
    """Ledgers follow, pools are their sums, holds and sales explain every promised unit."""
    lines = world.rows(LedgerLine)
    pools = {(pool.sku, pool.supplier): pool for pool in world.rows(Pool)}
    ends = {(line.sku, line.supplier): line for line in sorted(lines, key=lambda one: one.seq)}
    findings = check_ledger(ledger_of(lines), line_rule)
    reserved, sold = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for hold in world.rows(StockHold):
        if hold.state == "pending":
            reserved.update({(one.sku, one.supplier): one.quantity for one in hold.taken})
    for sale in world.rows(Sale):
        if sale.state == "open":
            sold[sale.sku, sale.supplier] += sale.quantity
    for place, pool in pools.items():
        end = ends[place]
        kept = {name: getattr(pool, name) for name in BALANCES}
        findings += _differs(place, "the ledger's end", kept, {n: getattr(end, n) for n in kept})
        findings += _differs(place, "pending holds", pool.reserved, reserved[place])
        findings += _differs(place, "open sales", pool.sold, sold[place])
    return [*findings, *_posted_holds_are_sales(world)]


def _posted_holds_are_sales(world: World) -> list[Finding]:
    """A posted hold's units are its sales, and no other hold has any."""
    sold = Counter[str]()
    holds = {hold.hold_id: hold for hold in world.rows(StockHold)}
    for sale in world.rows(Sale):
        if sale.reference in holds:
            sold[sale.reference] += sale.quantity
    findings: list[Finding] = []
    for name, hold in holds.items():
        units = sum(one.quantity for one in hold.taken) if hold.state == "posted" else 0
        findings += _differs((name,), f"sales of a {hold.state} hold", sold[name], units)
    return findings


def _differs(where: tuple[str, ...], what: str, found: Any, expected: Any) -> list[Finding]:
    if found == expected:
        return []
    reason = f"{what}: {found}, expected {expected}"
    return [Finding(check="stock", where="/".join(where), reason=reason)]
