"""How purchase orders are decided."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.errors import InvalidField
from shopwire.kernel.money import exponent_of
from shopwire.kernel.rows import Need, View
from shopwire.kernel.validation import check_amount, check_name
from shopwire.modules.carts.api import check_insider
from shopwire.modules.shipping.api import (
    AcknowledgePurchaseOrder,
    ApplyOffer,
    BeginSending,
    HoldPurchaseOrders,
    PlanPurchaseOrders,
    RecordSending,
    RefusePurchaseOrder,
    SetSupplierRules,
)
from shopwire.modules.shipping.book import (
    Book,
    check_order_id,
    check_units,
    home_of,
    needs_of,
    telling,
)
from shopwire.modules.shipping.cancel_commands import give_up
from shopwire.modules.shipping.departures import check_departures
from shopwire.modules.shipping.domain import (
    CancelAhead,
    OfferCost,
    SupplierReference,
    SupplierRules,
)
from shopwire.modules.shipping.events import (
    PurchaseOrderAcknowledged,
    PurchaseOrderLate,
    PurchaseOrderLost,
    PurchaseOrderPlanned,
    PurchaseOrderSending,
    PurchaseOrderSent,
    PurchaseOrderTimedOut,
)
from shopwire.modules.shipping.planning import (
    Wish,
    check_same_plan,
    check_supplier,
    planned,
    shares_of,
)
from shopwire.modules.shipping.purchasing import (
    Sheet,
    acknowledged,
    begun,
    in_own_skus,
    lost,
    received,
    refusal,
    timed_out,
    waits,
)

PERIOD_MS_MAX: Final = 90 * 24 * 3_600_000
"""Longest time that a supplier may be given for anything."""
CLOCK_SKEW_MS_MAX: Final = 5 * 60_000
"""How far ahead of ours a supplier's clock may be; a later moment of a booking is not believed."""
SEQUENCE_MAX: Final = 2**53
"""Largest number of a booking: what every client can read; a larger one is not believed."""
REFERENCE_TAKEN: Final = "reference_taken"
"""Why a purchase order is in doubt whose supplier names it like another one."""


def do_plan_purchase_orders(command: PlanPurchaseOrders, view: View, context: Context) -> Decision:
    """Makes one purchase order a supplier; what was cancelled ahead is never sent."""
    check_insider(context.principal, command.operation)
    order_id = check_order_id(command.order_id)
    plan = check_name(command.plan or order_id, "plan")
    exponent_of(command.currency)
    shares = shares_of(command.allocations, order_id)
    if not shares:
        raise InvalidField("A plan needs units.", field="allocations", reason="it is empty")
    book = Book(view, context.tenant, order_id)
    if plan in book.fulfilment.plans:
        check_same_plan(plan, shares, book.sheets.values())
        own = [one.order.id for one in book.sheets.values() if one.order.plan == plan]
        return Decision(result={"applied": False, "purchase_orders": own})
    numbers: dict[str, int] = {}
    for sheet in book.sheets.values():
        numbers[sheet.order.supplier] = max(sheet.order.n, numbers.get(sheet.order.supplier, 0))
    suppliers = dict.fromkeys(share.supplier for share in shares)
    rules = {name: row for name in suppliers if (row := view.one(SupplierRules, name))}
    costs = {
        (cost.sku, cost.supplier): cost
        for sku in dict.fromkeys(share.sku for share in shares)
        for cost in view.all(OfferCost, sku)
    }
    sheets = planned(context.tenant, order_id, plan, shares, numbers, rules, costs, context.now_ms)
    wishes = []
    if not book.fulfilment.plans:
        wishes = [Wish.ahead(row) for row in view.all(CancelAhead, order_id)]
    for sheet in sheets:
        if not wishes and command.known:
            leaves = _leaves(book, sheet, rules, context)
            kind = PurchaseOrderSending if leaves else PurchaseOrderPlanned
            book.tell(kind, begun(sheet, context.now_ms) if leaves else sheet, told=True)
            continue
        if not wishes:
            book.tell_order(PurchaseOrderPlanned, sheet)
            continue
        book.tell(PurchaseOrderPlanned, sheet)
        for wish in wishes:
            give_up(book, sheet.order.id, wish, context.now_ms)
    fulfilment = replace(
        book.fulfilment, plans=(*book.fulfilment.plans, plan), currency=command.currency
    )
    own = [sheet.order.id for sheet in sheets]
    return Decision(
        put=[fulfilment, *book.rows],
        events=book.events,
        result={"applied": True, "purchase_orders": own},
        then=book.then,
    )


def _leaves(book: Book, sheet: Sheet, rules: Mapping[str, SupplierRules], context: Context) -> bool:
    """Whether it may be handed over as soon as it is planned: nobody, and nothing, waits."""
    terms = rules.get(sheet.order.supplier)
    if book.fulfilment.held or (terms is not None and terms.departures is not None):
        return False
    return sheet.order.send_at_ms <= context.now_ms


def do_hold_purchase_orders(command: HoldPurchaseOrders, view: View, context: Context) -> Decision:
    """Keeps purchase orders from leaving, or lets them go."""
    book = Book(view, context.tenant, check_order_id(command.order_id))
    if book.fulfilment.held == command.held:
        return Decision(result={"applied": False})
    return Decision(put=[replace(book.fulfilment, held=command.held)], result={"applied": True})


def do_begin_sending(command: BeginSending, view: View, context: Context) -> Decision:
    """Notes that the supplier may know of it before anything leaves."""
    check_insider(context.principal, command.operation)
    book = Book(view, context.tenant, command.purchase_order)
    sheet = book.sheet(command.purchase_order)
    if book.fulfilment.held or not waits(sheet):
        # A person, or a cancellation, was faster than the work that looked for it.
        return Decision(result={"applied": False, "status": sheet.order.status})
    book.tell(PurchaseOrderSending, begun(sheet, context.now_ms))
    return Decision(put=book.rows, events=book.events, result={"applied": True})


def do_record_sending(command: RecordSending, view: View, context: Context) -> Decision:
    """Notes what came of a call; a call without an answer is never repeated blindly."""
    check_insider(context.principal, command.operation)
    book = Book(view, context.tenant, command.purchase_order)
    sheet = book.sheet(command.purchase_order)
    outcome, reference = command.outcome, command.supplier_reference
    if reference is not None and _taken(view, sheet, reference):
        sheet, outcome, reference = _doubted(sheet), "timed_out", None
    elif sheet.order.reason == REFERENCE_TAKEN:
        sheet = replace(sheet, order=replace(sheet.order, reason=""))
    own, claims = _refer(view, sheet, reference)
    before, now_ms, asked = own.order, context.now_ms, command.asked
    if outcome == "received":
        after = received(own, now_ms, asked)
    elif outcome == "timed_out":
        after = timed_out(own, now_ms, asked)
    else:
        after = lost(own, now_ms, asked)
    moved = after.order.step != before.step
    if moved and after.order.step == "sent":
        book.tell_order(PurchaseOrderSent, after)
    elif moved:
        lost_it = after.order.step != "timed_out"
        book.tell(PurchaseOrderLost if lost_it else PurchaseOrderTimedOut, after)
    elif after.order.late != before.late:
        book.tell(PurchaseOrderLate, after)
    elif after.order.supplier_reference != book.sheet(before.id).order.supplier_reference:
        book.tell(PurchaseOrderSent, after)
    else:
        book.put(after)
    return Decision(
        put=[*book.rows, *claims],
        events=book.events,
        result={"status": after.order.status},
        then=book.then,
    )


def do_acknowledge_purchase_order(
    command: AcknowledgePurchaseOrder, view: View, context: Context
) -> Decision:
    """Takes the supplier's word on every line."""
    check_units(command.lines, least=0)
    return _acknowledge(command, "", view, context)


def do_refuse_purchase_order(
    command: RefusePurchaseOrder, view: View, context: Context
) -> Decision:
    """An acknowledgement of nothing."""
    whole = AcknowledgePurchaseOrder(
        purchase_order=command.purchase_order,
        lines=(),
        supplier_reference=command.supplier_reference,
        supplier=command.supplier,
    )
    reason = check_name(command.reason, "reason") if command.reason else ""
    return _acknowledge(whole, reason, view, context)


def _acknowledge(
    command: AcknowledgePurchaseOrder, reason: str, view: View, context: Context
) -> Decision:
    book = Book(view, context.tenant, command.purchase_order)
    sheet = book.sheet(command.purchase_order, of=command.supplier)
    accepted = check_units(in_own_skus(sheet.lines, command.lines), least=0)
    reference = command.supplier_reference
    if reference is not None and _taken(view, sheet, reference):
        if sheet.order.step not in ("sending", "timed_out"):
            raise refusal(sheet, f"{reference} is the supplier's number of another order.")
        book.tell(PurchaseOrderTimedOut, timed_out(_doubted(sheet), context.now_ms))
        return Decision(put=book.rows, events=book.events, result={"applied": False})
    own, claims = _refer(view, sheet, reference)
    move = acknowledged(own, accepted, context.now_ms)
    if reason:
        named = replace(move.sheet.order, reason=reason)
        move = replace(move, sheet=replace(move.sheet, order=named))
    if move.sheet == sheet:
        return Decision(result={"applied": False, "status": sheet.order.status})
    # An acknowledgement with an impossible mark is one without a mark, and still one.
    at_ms, sequence = command.booked_at_ms, command.sequence
    book.tell(
        PurchaseOrderAcknowledged,
        move,
        reason=reason,
        booked_at_ms=at_ms
        if at_ms is not None and 0 <= at_ms <= context.now_ms + CLOCK_SKEW_MS_MAX
        else None,
        sequence=sequence if sequence is not None and 0 <= sequence <= SEQUENCE_MAX else None,
    )
    return Decision(
        put=[*book.rows, *claims],
        events=book.events,
        result={"applied": True, "status": move.sheet.order.status},
    )


def _taken(view: View, sheet: Sheet, reference: str) -> bool:
    """Whether the supplier gave this number to another purchase order before."""
    known = view.one(SupplierReference, reference, sheet.order.supplier)
    return known is not None and known.purchase_order != sheet.order.id


def _doubted(sheet: Sheet) -> Sheet:
    """The supplier answers with the number of another purchase order.

    Which of the two it has is unknown, and for people to see.
    """
    return replace(sheet, order=replace(sheet.order, reason=REFERENCE_TAKEN))


def _refer(
    view: View, sheet: Sheet, reference: str | None
) -> tuple[Sheet, list[SupplierReference]]:
    """The sheet with the supplier's number, and the row that keeps it for this sheet alone.

    The first number stays.
    """
    order = sheet.order
    if reference is None or order.supplier_reference is not None:
        return sheet, []
    check_name(reference, "supplier_reference")
    named = replace(sheet, order=replace(order, supplier_reference=reference))
    if view.one(SupplierReference, reference, order.supplier) is not None:
        return named, []
    row = SupplierReference(
        tenant=order.tenant,
        reference=reference,
        supplier=order.supplier,
        purchase_order=order.id,
    )
    return named, [row]


def do_set_supplier_rules(command: SetSupplierRules, view: View, context: Context) -> Decision:
    """Holds for purchase orders that are planned from now on."""
    rules = SupplierRules(
        tenant=context.tenant,
        supplier=check_supplier(command.supplier),
        send_after_ms=_check_period(command.send_after_ms, "send_after_ms"),
        departures=check_departures(command.departures) if command.departures else None,
        acknowledge_within_ms=_check_period(command.acknowledge_within_ms, "acknowledge_within_ms"),
        ship_within_ms=_check_period(command.ship_within_ms, "ship_within_ms"),
    )
    if rules == view.one(SupplierRules, command.supplier):
        return Decision(result={"applied": False, "reason": "unchanged"})
    return Decision(put=[rules], result={"applied": True})


def _check_period(value: int, field: str) -> int:
    if not 0 <= value <= PERIOD_MS_MAX:
        raise InvalidField(
            f"{field} must lie from 0 to {PERIOD_MS_MAX}.",
            field=field, reason="out of range", value=value,
        )  # fmt: skip
    return value


def do_apply_offer(command: ApplyOffer, view: View, context: Context) -> Decision:
    """Remembers what a unit costs and what its supplier calls it, for purchase orders to come."""
    check_insider(context.principal, command.operation)
    exponent_of(command.currency)
    cost = OfferCost(
        tenant=context.tenant,
        sku=check_name(command.sku, "sku"),
        supplier=check_supplier(command.supplier),
        cost_minor=check_amount(command.cost_minor, "cost_minor"),
        currency=command.currency,
        active=command.active,
        supplier_sku=command.supplier_sku,
    )
    if cost == view.one(OfferCost, command.sku, command.supplier):
        return Decision(result={"applied": False, "reason": "unchanged"})
    return Decision(put=[cost], result={"applied": True})


def _needs_of_plan(command: PlanPurchaseOrders) -> Iterable[Need]:
    yield from needs_of(command.order_id, CancelAhead)
    for one in command.allocations:
        yield Need(SupplierRules, one.supplier)
        yield Need(OfferCost, one.sku)


def _needs_of_word(
    command: RecordSending | AcknowledgePurchaseOrder | RefusePurchaseOrder,
) -> Iterable[Need]:
    yield from needs_of(command.purchase_order)
    if command.supplier_reference is not None:
        yield Need(SupplierReference, command.supplier_reference)


def _home(command: Any) -> str:
    return home_of(command.purchase_order)


def _home_of_order(command: PlanPurchaseOrders | HoldPurchaseOrders) -> str:
    return home_of(command.order_id)


HANDLERS: Final = (
    Handler(
        command=PlanPurchaseOrders,
        partition_key=_home_of_order,
        needs=_needs_of_plan,
        decide=do_plan_purchase_orders,
        includes=lambda command: telling(command.order_id),
    ),
    Handler(
        command=HoldPurchaseOrders,
        partition_key=_home_of_order,
        needs=lambda command: needs_of(command.order_id),
        decide=do_hold_purchase_orders,
    ),
    Handler(
        command=BeginSending,
        partition_key=_home,
        needs=lambda command: needs_of(command.purchase_order),
        decide=do_begin_sending,
    ),
    Handler(
        command=RecordSending,
        partition_key=_home,
        needs=_needs_of_word,
        decide=do_record_sending,
        includes=lambda command: telling(command.purchase_order),
    ),
    Handler(
        command=AcknowledgePurchaseOrder,
        partition_key=_home,
        needs=_needs_of_word,
        decide=do_acknowledge_purchase_order,
    ),
    Handler(
        command=RefusePurchaseOrder,
        partition_key=_home,
        needs=_needs_of_word,
        decide=do_refuse_purchase_order,
    ),
    Handler(
        command=SetSupplierRules,
        partition_key=lambda command: command.supplier,
        needs=lambda command: (Need(SupplierRules, command.supplier),),
        decide=do_set_supplier_rules,
    ),
    Handler(
        command=ApplyOffer,
        partition_key=lambda command: command.sku,
        needs=lambda command: (Need(OfferCost, command.sku),),
        decide=do_apply_offer,
    ),
)
