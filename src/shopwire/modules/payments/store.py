"""How payments are kept, and what operators read of them."""

from typing import Any, Final

from shopwire.kernel.checks import SqlCheck
from shopwire.kernel.errors import NotFound
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Table
from shopwire.modules.payments.domain import Movement, Payment, Received, Transfer, about

_SQL: Final = load_queries("shopwire.modules.payments")

TABLES: Final = tuple(
    Table(kind, _SQL[f"load_{kind.table}"], _SQL[f"save_{kind.table}"])
    for kind in (Payment, Movement, Transfer, Received)
)

CHECKS: Final = (
    SqlCheck("payments.movements", _SQL["audit_movements"]),
    SqlCheck("payments.ledger", _SQL["audit_ledger"]),
    SqlCheck("payments.postings", _SQL["audit_postings"]),
    SqlCheck("payments.events", _SQL["audit_events"]),
    SqlCheck("payments.documents", _SQL["audit_payment_documents"]),
)

DUE_CAPTURE: Final = _SQL["due_capture"]
DUE_VOID: Final = _SQL["due_void"]
DUE_REFUND: Final = _SQL["due_refund"]

WEBHOOKS_SHOWN_MAX: Final = 200
"""Webhooks that one page shows; the next page is asked for by the last one's place."""


async def explain_payment(reads: Reads, tenant: str, order_id: str) -> dict[str, Any]:
    """A payment with every movement, every line of its ledger, and what its provider told."""
    found = await reads.fetch(_SQL["payment_of_order"], tenant, order_id)
    if not found:
        raise NotFound(what="payment", id=order_id)
    movements = await reads.fetch(_SQL["movements_of_order"], tenant, order_id)
    lines = await reads.fetch(_SQL["ledger_of_order"], tenant, order_id)
    balances = await reads.fetch(_SQL["balances_of_order"], tenant, order_id)
    group = about(order_id, "", "")
    webhooks = await reads.fetch(_SQL["webhooks_of_order"], tenant, group, WEBHOOKS_SHOWN_MAX)
    return {
        "payment": dict(found[0]),
        "movements": [dict(one) for one in movements],
        "ledger": [dict(one) for one in lines],
        "balances": [dict(one) for one in balances],
        "webhooks": [dict(one) for one in webhooks],
    }


async def order_of_reference(reads: Reads, tenant: str, provider: str, reference: str) -> str:
    """The payment that a provider's own id stands for; empty where there is none."""
    found = await reads.fetch(_SQL["order_of_reference"], tenant, provider, reference)
    return str(found[0]["order_id"]) if found else ""


async def list_received(
    reads: Reads, tenant: str, *, open_only: bool, before: tuple[int, str, str] | None, limit: int
) -> dict[str, Any]:
    """Received webhooks, newest first; `open_only` for those that nothing came of yet."""
    limit = max(1, min(limit, WEBHOOKS_SHOWN_MAX))
    query = _SQL["webhooks_to_look_at" if open_only else "webhooks_received"]
    rows = await reads.fetch(query, tenant, *(before or (None, None, None)), limit + 1)
    shown = [dict(row) for row in rows[:limit]]
    last = shown[-1] if len(rows) > limit else None
    following = f"{last['received_at_ms']}/{last['provider']}/{last['id']}" if last else None
    return {"items": shown, "next": following}
