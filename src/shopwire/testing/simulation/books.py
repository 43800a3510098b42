"""What must be true of orders and money at the end, and what the books outside say of it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from shopwire.adapters.payments.books import Entry as Charged
from shopwire.adapters.suppliers.books import Entry as Supplied
from shopwire.modules.carts.domain import Cart
from shopwire.modules.inventory.domain import Sale, StockHold
from shopwire.modules.orders.domain import Order, hold_anew
from shopwire.modules.orders.events import CheckoutFailed, OrderCancelled, OrderPlaced
from shopwire.modules.payments.domain import Movement, Payment, Transfer
from shopwire.modules.shipping.domain import PurchaseOrder, PurchaseOrderLine, Receipt
from shopwire.testing.checkers import Finding
from shopwire.testing.simulation.world import World

DONE_MS_MAX: Final = 30_000
"""How long after its deadline, or the end of all trouble, a checkout may still be undecided."""


def check_books(
    world: World, charged: Iterable[Charged], supplied: Iterable[Supplied]
) -> list[Finding]:
    """Orders, holds, carts, payments and purchase orders agree, inside and outside."""
    entries = {entry.id: entry for entry in charged}
    payments = {one.order_id: one for one in world.rows(Payment)}
    decided = _decided(world)
    findings: list[Finding] = []
    for order in world.rows(Order):
        payment = payments[order.order_id]
        findings += _order(world, order, decided)
        findings += _money(order, payment, entries.get(order.order_id))
        findings += _returned(world, order)
    for name in entries.keys() - payments.keys():
        findings.append(_finding(name, "the provider has a charge that no order asked for"))
    return [
        *findings,
        *_released(world),
        *_booked(world),
        *_carts(world),
        *_ledger(world),
        *_purchases(world, supplied),
    ]


def _decided(world: World) -> dict[str, int]:
    """When each checkout came to its end."""
    found: dict[str, int] = {}
    ends = (OrderPlaced.event_type, CheckoutFailed.event_type, OrderCancelled.event_type)
    for event in (event for events in world.events for event in events):
        if event.event_type in ends:
            found.setdefault(event.topic.partition(":")[2], event.recorded_at_ms)
    return found


def _order(world: World, order: Order, decided: Mapping[str, int]) -> list[Finding]:
    """Decided, and its units are sold exactly where it was placed."""
    name, holds = order.order_id, {hold.hold_id: hold for hold in world.rows(StockHold)}
    found: list[str] = []
    if order.status == "checking_out":
        found.append("it was never decided")
    own = [holds[one] for one in (name, hold_anew(name)) if one in holds]
    posted = [hold for hold in own if hold.state == "posted"]
    placed = order.placed_at_ms is not None
    if len(posted) != placed:
        states = [(hold.hold_id, hold.state) for hold in own]
        found.append(f"{order.status}, placed {placed}, and its holds are {states}")
    if placed and order.awaited:
        found.append(f"nobody sends {order.awaited}")
    late_ms = decided.get(name, 0) - max(order.expires_at_ms, world.calm_at_ms)
    if late_ms > DONE_MS_MAX:
        found.append(f"it was decided {late_ms} ms after its deadline and the end of trouble")
    if placed:
        for line in order.lines:
            units = line.quantity * sum(line.units.values())
            lots = [lot for lot in order.lots if lot.line == line.sku]
            stands = sum(lot.quantity - lot.moved - lot.replaced for lot in lots)
            if stands != units:
                found.append(f"{stands} units of {line.sku} stand for {units}")
    return [_finding(name, reason) for reason in found]


def _money(order: Order, payment: Payment, entry: Charged | None) -> list[Finding]:
    """What was taken and given back is the same here and at the provider, and is what is due."""
    found: list[str] = []
    taken = entry.captured_minor if entry else 0
    back = entry.refunded_minor if entry else 0
    if (payment.captured_minor, payment.refunded_minor) != (taken, back):
        told = f"{payment.captured_minor} taken and {payment.refunded_minor} back"
        found.append(f"the shop books {told}, the provider {taken} and {back}")
    if entry is not None and entry.left_minor:
        found.append(f"{entry.left_minor} are still promised")
    placed = order.placed_at_ms is not None
    if not placed and taken != back:
        found.append(f"{order.status}, and {taken - back} were kept")
    if placed and order.status != "cancelled" and not taken:
        found.append(f"{order.status}, and nothing was taken")
    if payment.amount_minor != order.total_minor:
        found.append(f"{payment.amount_minor} asked for {order.total_minor}")
    return [_finding(order.order_id, f"money: {reason}") for reason in found]


def _returned(world: World, order: Order) -> list[Finding]:
    """Money goes back for units that are gone or came back, once, and for no others."""
    reasons = Counter[str]()
    for one in world.rows(Movement):
        if (one.order_id, one.kind, one.state) == (order.order_id, "refund", "done"):
            reasons[one.reason] += one.amount_minor
    received = sum(
        one.refund_minor for one in world.rows(Receipt) if one.order_id == order.order_id
    )
    found: list[str] = []
    if reasons["returned"] != received:
        found.append(f"{reasons['returned']} came back for returns that are worth {received}")
    gone = sum(lot.worth(lot.gone) for lot in order.lots)
    if not order.conflicts and order.payment != "voided" and reasons["cancelled"] != gone:
        found.append(f"{reasons['cancelled']} came back for units that are worth {gone}")
    return [_finding(order.order_id, f"money: {reason}") for reason in found]


def _released(world: World) -> list[Finding]:
    """Units that an order gave up, lost or took back are no longer sold, and all others are."""
    over, given_up = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for sale in world.rows(Sale):
        if sale.state in ("released", "refused"):
            over[sale.reference, sale.sku, sale.supplier] += sale.quantity
    for order in world.rows(Order):
        for lot in order.lots:
            units = lot.cancelled + lot.dropped + lot.moved + lot.returned
            given_up[lot.reference, lot.sku, lot.supplier] += units
    return [
        _finding("/".join(place), f"{over[place]} units are not sold any more, not {units}")
        for place, units in (over | given_up).items()
        if over[place] != given_up[place]
    ]


def _booked(world: World) -> list[Finding]:
    """What a supplier accepted counts as booked by it: its next count contains the sale."""
    booked = Counter[tuple[str, ...]]()
    suppliers = {one.id: one.supplier for one in world.rows(PurchaseOrder)}
    for sale in world.rows(Sale):
        if sale.answer == "booked":
            booked[sale.reference, sale.sku, sale.supplier] += sale.quantity
    found = []
    for line in world.rows(PurchaseOrderLine):
        units = booked[line.reference, line.sku, suppliers[line.purchase_order]]
        if line.accepted > units:
            reason = f"{line.accepted} of {line.sku} are accepted, {units} are booked"
            found.append(_finding(line.purchase_order, reason))
    return found


def _carts(world: World) -> list[Finding]:
    """A cart is bought exactly where one of its orders was placed."""
    placed = {one.cart_id for one in world.rows(Order) if one.placed_at_ms is not None}
    return [
        _finding(cart.cart_id, f"the cart is {cart.status}")
        for cart in world.rows(Cart)
        if cart.status == "checking_out" or (cart.status == "ordered") != (cart.cart_id in placed)
    ]


def _ledger(world: World) -> list[Finding]:
    """Both sides of every posting; what providers owe is what was taken and not given back."""
    balances = Counter[str]()
    for line in world.rows(Transfer):
        balances[line.debit] += line.amount_minor
        balances[line.credit] -= line.amount_minor
    moved = Counter[str]()
    for one in world.rows(Movement):
        moved[one.kind] += one.amount_minor if one.state == "done" else 0
    found = []
    if sum(balances.values()):
        found.append(f"the ledger's sum is {sum(balances.values())}")
    if balances["provider_clearing"] != moved["capture"] - moved["refund"]:
        found.append(f"providers owe {balances['provider_clearing']}, moved {dict(moved)}")
    return [_finding("ledger", reason) for reason in found]


def _purchases(world: World, supplied: Iterable[Supplied]) -> list[Finding]:
    """Every purchase order reached its supplier once at most, with the units that it names."""
    orders = {one.id: one for one in world.rows(PurchaseOrder)}
    lines: dict[str, dict[str, PurchaseOrderLine]] = {}
    for line in world.rows(PurchaseOrderLine):
        lines.setdefault(line.purchase_order, {})[line.sku] = line
    found: list[tuple[str, str]] = []
    for entry in supplied:
        if entry.id not in orders:
            found.append((entry.id, "a supplier has an order that nobody planned"))
            continue
        if entry.taken > 1:
            found.append((entry.id, f"it was taken {entry.taken} times"))
        units = {line.sku: line.quantity for line in entry.lines}
        asked = {sku: line.sent for sku, line in lines[entry.id].items() if line.sent}
        if entry.taken and units != asked:
            found.append((entry.id, f"the supplier was asked for {units}, the books say {asked}"))
        accepted = {
            sku: left
            for sku, count in entry.accepted.items()
            if (left := count - entry.cancelled.get(sku, 0))
        }
        known = {sku: line.accepted for sku, line in lines[entry.id].items() if line.accepted}
        if orders[entry.id].step == "acknowledged" and accepted != known:
            found.append((entry.id, f"the supplier accepted {accepted}, the books say {known}"))
        shipped = {sku: entry.shipped(sku) for sku in entry.accepted if entry.shipped(sku)}
        came = {sku: line.shipped for sku, line in lines[entry.id].items() if line.shipped}
        if shipped != came:
            found.append((entry.id, f"the supplier shipped {shipped}, the books say {came}"))
    return [_finding(where, reason) for where, reason in found]


def _finding(where: str, reason: str) -> Finding:
    return Finding(check="books", where=where, reason=reason)
