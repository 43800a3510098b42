"""Twins of the queries that buying and selling finds its work by; each is named as its query."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from shopwire.kernel.queries import load_queries
from shopwire.kernel.rows import Row
from shopwire.modules.carts.domain import Cart, CartLine
from shopwire.modules.orders.domain import Conflict, Order, OrderContact
from shopwire.modules.payments.domain import Movement, Payment
from shopwire.modules.routing.domain import Route
from shopwire.modules.shipping.domain import (
    KeptNotice,
    PurchaseOrder,
    PurchaseOrderLine,
    Shipment,
)
from shopwire.testing.simulation.database import SimDatabase
from shopwire.testing.simulation.reads import Found, Twin

R = TypeVar("R", bound=Row)


def _all(database: SimDatabase, kind: type[R]) -> Iterable[R]:
    rows: Iterable[Any] = database.state.rows.get(kind, {}).values()
    return rows


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _first(jobs: Iterable[Mapping[str, Any]], limit: int) -> Found:
    return sorted(jobs, key=lambda job: (job["due_ms"], job["tenant"], job["id"]))[:limit]


# -- the checkout -----------------------------------------------------------------------------


def cart_to_buy(database: SimDatabase, tenant: str, cart_id: str) -> Found:
    """A cart with what it holds."""
    lines: list[CartLine | None] = [
        *sorted(
            (
                line
                for line in _all(database, CartLine)
                if line.cart_id == cart_id and line.quantity
            ),
            key=lambda line: line.place,
        )
    ]
    return [
        {
            "version": cart.version,
            "shopper": cart.shopper,
            "status": cart.status,
            "order_id": cart.order_id,
            "attempt": cart.attempt,
            "sku": None if line is None else line.sku,
            "quantity": None if line is None else line.quantity,
            "accepted_minor": None if line is None else line.accepted_minor,
            "currency": None if line is None else line.currency,
            "parts": None if line is None else _json(line.parts),
        }
        for cart in _all(database, Cart)
        if (cart.tenant, cart.cart_id) == (tenant, cart_id)
        for line in lines or [None]
    ]


def titles_of_skus(_database: SimDatabase, _tenant: str, _skus: Sequence[str]) -> Found:
    """There is no catalogue here: an article is called by its SKU."""
    return []


def checkout_of(database: SimDatabase, tenant: str, order_id: str) -> Found:
    """What the completion has to know of an order."""
    methods = {one.order_id: one.method for one in _all(database, OrderContact)}
    routes = {one.order_id: one.document() for one in _all(database, Route)}
    return [
        {
            "status": order.status,
            "skus": _json(order.skus),
            "shopper": order.shopper,
            "provider": order.provider,
            "method": methods[order_id],
            "total_minor": order.total_minor,
            "currency": order.currency,
            "started_at_ms": order.started_at_ms,
            "expires_at_ms": order.expires_at_ms,
            "answer_status": order.answer_status,
            "answer_body": order.answer_body,
            "route": _json(routes[order_id]) if order_id in routes else None,
        }
        for order in _all(database, Order)
        if (order.tenant, order.order_id) == (tenant, order_id)
    ]


def contact_of(database: SimDatabase, tenant: str, order_id: str) -> Found:
    """Whom an order goes to."""
    return [
        {"email": one.email, "address": _json(one.address)}
        for one in _all(database, OrderContact)
        if (one.tenant, one.order_id) == (tenant, order_id)
    ]


def unfinished_checkouts(database: SimDatabase, limit: int) -> Found:
    """Checkouts that wait for their provider."""
    return _first(
        (
            {
                "id": order.order_id,
                "tenant": order.tenant,
                "due_ms": order.ask_at_ms,
                "payload": {"asks": order.asks, "expires_at_ms": order.expires_at_ms},
            }
            for order in _all(database, Order)
            if order.status == "checking_out"
        ),
        limit,
    )


def waiting_conflicts(database: SimDatabase, limit: int) -> Found:
    """Refused units that shoppers wait for."""
    return _first(
        (
            {"id": one.conflict_id, "tenant": one.tenant, "due_ms": one.again_at_ms, "payload": {}}
            for one in _all(database, Conflict)
            if one.again_at_ms is not None
        ),
        limit,
    )


# -- payments ---------------------------------------------------------------------------------


def _movements(database: SimDatabase, kind: str, limit: int) -> Found:
    payments = {one.order_id: one for one in _all(database, Payment)}
    jobs = []
    for one in _all(database, Movement):
        payment = payments[one.order_id]
        left = payment.captured_minor - payment.refunded_minor
        if (one.state, one.kind) != ("requested", kind):
            continue
        if kind == "refund" and one.amount_minor > left:
            continue
        payload = {
            "order_id": one.order_id,
            "movement_id": one.id,
            "movement_minor": one.amount_minor,
            "final": one.final,
            "provider": payment.provider,
            "method": payment.method,
            "reference": payment.reference,
            "amount_minor": payment.amount_minor,
            "currency": payment.currency,
        }
        name = f"{one.order_id}/{one.id}"
        jobs.append(
            {"id": name, "tenant": one.tenant, "due_ms": one.asked_at_ms, "payload": payload}
        )
    return _first(jobs, limit)


def due_capture(database: SimDatabase, limit: int) -> Found:
    """Captures that were asked for."""
    return _movements(database, "capture", limit)


def due_void(database: SimDatabase, limit: int) -> Found:
    """Promises to be given back."""
    return _movements(database, "void", limit)


def due_refund(database: SimDatabase, limit: int) -> Found:
    """Refunds whose money has been taken."""
    return _movements(database, "refund", limit)


def order_of_reference(database: SimDatabase, tenant: str, provider: str, reference: str) -> Found:
    """The payment that a provider's own id stands for."""
    found: Found = [
        {"order_id": one.order_id}
        for one in _all(database, Payment)
        if (one.tenant, one.provider, one.reference) == (tenant, provider, reference)
    ]
    return found[:1]


# -- purchase orders --------------------------------------------------------------------------


def _lines(database: SimDatabase, order: PurchaseOrder) -> list[PurchaseOrderLine]:
    found = (
        line
        for line in _all(database, PurchaseOrderLine)
        if (line.order_id, line.purchase_order) == (order.order_id, order.id)
    )
    return sorted(found, key=lambda line: line.sku)


def due_begin(database: SimDatabase, limit: int) -> Found:
    """Purchase orders whose time to leave comes."""
    return _first(
        (
            {
                "id": f"{one.id}#{one.attempts}",
                "tenant": one.tenant,
                "due_ms": one.send_at_ms,
                "payload": {"purchase_order": one.id, "attempts": one.attempts},
            }
            for one in _all(database, PurchaseOrder)
            if one.step == "planned"
            and one.status in ("planned", "cancelling")
            and any(line.expected > line.cancelling for line in _lines(database, one))
        ),
        limit,
    )


def due_send(database: SimDatabase, limit: int) -> Found:
    """Purchase orders that are being handed over, with the message."""
    jobs = []
    for one in _all(database, PurchaseOrder):
        lines = [
            {
                "sku": line.sku,
                "quantity": line.sent,
                "cost_minor": line.cost_minor,
                "currency": line.cost_currency,
                "supplier_sku": line.supplier_sku,
            }
            for line in _lines(database, one)
            if line.sent
        ]
        if one.step == "sending" and lines:
            payload = {
                "purchase_order": one.id,
                "order_id": one.order_id,
                "supplier": one.supplier,
                "attempts": one.attempts,
                "lines": lines,
            }
            name = f"{one.id}#{one.attempts}"
            jobs.append(
                {"id": name, "tenant": one.tenant, "due_ms": one.send_at_ms, "payload": payload}
            )
    return _first(jobs, limit)


def due_ask(database: SimDatabase, limit: int) -> Found:
    """Purchase orders whose supplier is to be asked."""
    return _first(
        (
            {
                "id": f"{one.id}#{one.ask_at_ms}",
                "tenant": one.tenant,
                "due_ms": one.ask_at_ms,
                "payload": {
                    "purchase_order": one.id,
                    "supplier": one.supplier,
                    "asked": one.ask_at_ms,
                },
            }
            for one in _all(database, PurchaseOrder)
            if one.ask_at_ms is not None and one.step in ("timed_out", "sent", "acknowledged")
        ),
        limit,
    )


def due_cancel(database: SimDatabase, limit: int) -> Found:
    """Units that a supplier is to be asked not to ship, in total since the order was sent."""
    jobs = []
    for one in _all(database, PurchaseOrder):
        lines = _lines(database, one)
        if not any(line.cancelling for line in lines):
            continue
        whole = all(line.expected == line.cancelling for line in lines)
        if one.step not in ("sent", "acknowledged") and not (
            whole and one.step in ("planned", "timed_out")
        ):
            continue
        asked = sum(line.given_back + line.cancelling for line in lines)
        wanted = [
            {"sku": line.sku, "quantity": line.given_back + line.cancelling}
            for line in lines
            if line.cancelling
        ]
        payload = {"purchase_order": one.id, "supplier": one.supplier, "lines": wanted}
        name = f"{one.id}#{asked}"
        jobs.append(
            {"id": name, "tenant": one.tenant, "due_ms": one.send_at_ms, "payload": payload}
        )
    return _first(jobs, limit)


def shipments_by_tracking(
    database: SimDatabase, tenant: str, carrier: str, tracking: str, limit: int
) -> Found:
    """Which parcels a carrier speaks of."""
    found = [
        one
        for one in _all(database, Shipment)
        if (one.tenant, one.carrier, one.tracking) == (tenant, carrier, tracking)
    ]
    newest = sorted(found, key=lambda one: one.shipped_at_ms, reverse=True)
    return [{"id": one.id, "purchase_order": one.purchase_order} for one in newest[:limit]]


def notices_by_tracking(
    database: SimDatabase, tenant: str, carrier: str, tracking: str, limit: int
) -> Found:
    """Notices about a parcel that was not known when they came."""
    found = [
        one
        for one in _all(database, KeptNotice)
        if (one.tenant, one.carrier, one.tracking) == (tenant, carrier, tracking)
        and one.status == "open"
    ]
    oldest = sorted(found, key=lambda one: (one.kept_at_ms, one.id))
    return [
        {"id": one.id, "source": one.source, "notice": msgspec.to_builtins(one.notice)}
        for one in oldest[:limit]
    ]


def nothing(_database: SimDatabase, *_args: Any) -> Found:
    """What nothing here ever is: a preorder whose time is over, a promotion, a rate, a bundle."""
    return []


_TWINS: Final[dict[str, tuple[Twin, ...]]] = {
    "carts": (cart_to_buy,),
    "catalog": (titles_of_skus,),
    "orders": (checkout_of, contact_of, unfinished_checkouts, waiting_conflicts),
    "payments": (due_capture, due_void, due_refund, order_of_reference),
    "shipping": (
        due_begin, due_send, due_ask, due_cancel, shipments_by_tracking, notices_by_tracking,
    ),
}  # fmt: skip
_EMPTY: Final = {
    "channels": ("doubted_bundle",),
    "inventory": ("preorders_to_end",),
    "pricing": ("sales_to_switch", "rates_to_apply"),
}


def trade_twins() -> dict[str, Twin]:
    """Every twin by the text of its query; raises KeyError where a query has another name."""
    twins: dict[str, Twin] = {}
    for module, own in _TWINS.items():
        queries = load_queries(f"shopwire.modules.{module}")
        twins |= {queries[twin.__name__]: twin for twin in own}
    for module, names in _EMPTY.items():
        queries = load_queries(f"shopwire.modules.{module}")
        twins |= {queries[name]: nothing for name in names}
    return twins
