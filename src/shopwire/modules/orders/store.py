"""How orders are kept, what screens read of them, how they are audited."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from shopwire.kernel.checks import DRIFTS_MAX, Drift, SqlCheck
from shopwire.kernel.errors import MalformedRequest, NotFound
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Table
from shopwire.modules.orders.api import Address
from shopwire.modules.orders.domain import Conflict, Order, OrderContact, document_of
from shopwire.modules.orders.events import OrderStatus
from shopwire.modules.routing.api import RouteChoice

_SQL: Final = load_queries("shopwire.modules.orders")

TABLES: Final = tuple(
    Table(kind, _SQL[f"load_{kind.table}"], _SQL[f"save_{kind.table}"])
    for kind in (Order, OrderContact, Conflict)
)
UNFINISHED: Final = _SQL["unfinished_checkouts"]
WAITING: Final = _SQL["waiting_conflicts"]

PAGE_ITEMS_MAX: Final = 100
"""Orders or conflicts on one page."""
OFFERS_SHOWN_MAX: Final = 20
"""Other suppliers that a conflict's list names."""
PLACED_COUNTED_MAX: Final = 100_000
"""Orders of the last minute that are counted; there were no more, or the rate is a lower bound."""
AUDIT_ORDERS_MAX: Final = 2_000
"""Orders that the audit compares at once."""


SUPPLIERS_PLANNED_MAX: Final = 8
"""Suppliers whose purchase orders a completion may plan; units of more of them are planned by the
consumer."""


class _Route(msgspec.Struct, frozen=True, kw_only=True):
    """Of a route's document, what the completion has to know."""

    choice: RouteChoice


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """What the completion has to know of an order."""

    order_id: str
    status: OrderStatus
    skus: tuple[str, ...]
    shopper: str
    provider: str
    method: str
    total_minor: int
    currency: str
    started_at_ms: int
    expires_at_ms: int
    answer_status: int | None
    answer_body: str | None
    suppliers: tuple[str, ...] = ()
    """Who may send its units, as its route was chosen; see `suppliers_of`."""


async def read_checkout(reads: Reads, tenant: str, order_id: str) -> Checkout | None:
    """An order as the completion needs it, None where there is none."""
    rows = await reads.fetch(_SQL["checkout_of"], tenant, order_id)
    if not rows:
        return None
    row = dict(rows[0])
    skus = msgspec.json.decode(row.pop("skus"), type=tuple[str, ...])
    route = row.pop("route")
    choice = msgspec.json.decode(route, type=_Route).choice if route else None
    return Checkout(order_id=order_id, skus=skus, suppliers=suppliers_of(choice), **row)


def suppliers_of(choice: RouteChoice | None) -> tuple[str, ...]:
    """Who may send an order's units: those that were chosen, and who takes over; in one order.

    At most SUPPLIERS_PLANNED_MAX, and none whose name purchase orders cannot have: of these the
    consumer plans, so that no completion is refused for it.
    """
    if choice is None:
        return ()
    found = dict.fromkeys(pick.supplier for pick in choice.picks)
    found |= dict.fromkeys(supplier for _, supplier in choice.next_best)
    usable = [name for name in found if "/" not in name]
    return tuple(sorted(usable[:SUPPLIERS_PLANNED_MAX]))


async def read_contact(reads: Reads, tenant: str, order_id: str) -> tuple[str, Address] | None:
    """Whom an order goes to: the e-mail and the address. For suppliers, never for a screen."""
    rows = await reads.fetch(_SQL["contact_of"], tenant, order_id)
    if not rows:
        return None
    return rows[0]["email"], msgspec.json.decode(rows[0]["address"], type=Address)


async def read_addresses(reads: Reads, tenant: str, order_ids: Sequence[str]) -> dict[str, Address]:
    """Where orders go, of those that there are. For suppliers, never for a screen."""
    rows = await reads.fetch(_SQL["addresses_of"], tenant, list(order_ids))
    return {row["order_id"]: msgspec.json.decode(row["address"], type=Address) for row in rows}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A topic's document as a client takes it into its store, by version."""

    topic: str
    v: int
    doc: msgspec.Raw
    at: int


class ConflictEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A conflict, with what an operator has to know to choose."""

    topic: str
    v: int
    doc: msgspec.Raw
    at: int
    stock: msgspec.Raw
    """The SKU's stock document, null where it has none."""
    offers: msgspec.Raw
    """Offers of other suppliers for the SKU."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a list; `next` asks for the following one."""

    items: list[Any]
    next: str | None


async def read_order(reads: Reads, tenant: str, order_id: str) -> Entry:
    """An order's document; raises NotFound."""
    rows = await reads.fetch(_SQL["order_document"], tenant, order_id)
    if not rows:
        raise NotFound(what="order", id=order_id)
    return _entry(rows[0])


async def list_orders(
    reads: Reads, tenant: str, *, status: str = "", limit: int = 50, cursor: str | None = None
) -> Page:
    """One page of orders, newest first. Raises MalformedRequest for a foreign cursor."""
    limit = max(1, min(limit, PAGE_ITEMS_MAX))
    rows = await reads.fetch(_SQL["orders_by_age"], tenant, status, *_place(cursor), limit + 1)
    return Page(items=[_entry(row) for row in rows[:limit]], next=_next(rows, limit))


async def list_conflicts(
    reads: Reads,
    tenant: str,
    *,
    status: str = "open",
    order_id: str = "",
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """One page of conflicts, newest first, each with the stock and the other offers of now."""
    limit = max(1, min(limit, PAGE_ITEMS_MAX))
    scope = (tenant, status, order_id)
    rows = await reads.fetch(
        _SQL["conflicts_by_age"], *scope, *_place(cursor), limit + 1, OFFERS_SHOWN_MAX
    )
    items = [
        ConflictEntry(
            topic=row["topic"],
            v=row["version"],
            doc=msgspec.Raw(row["body"].encode()),
            at=row["changed_at_ms"],
            stock=msgspec.Raw((row["stock"] or "null").encode()),
            offers=msgspec.Raw(row["offers"].encode()),
        )
        for row in rows[:limit]
    ]
    return Page(items=items, next=_next(rows, limit, "opened_at_ms"))


async def count_open_conflicts(reads: Reads, tenant: str) -> int:
    """How many conflicts wait for a choice."""
    return int((await reads.fetch(_SQL["open_conflicts"], tenant))[0]["open"])


async def placed_since(reads: Reads, tenant: str, *, since_ms: int) -> list[int]:
    """When orders were placed since a moment, up to PLACED_COUNTED_MAX of them."""
    rows = await reads.fetch(_SQL["placed_since"], tenant, since_ms, PLACED_COUNTED_MAX)
    return [row["placed_at_ms"] for row in rows]


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(
        topic=row["topic"],
        v=row["version"],
        doc=msgspec.Raw(row["body"].encode()),
        at=row["changed_at_ms"],
    )


_PLACE: Final = re.compile(r"(?P<moment>[0-9]{1,15})/(?P<id>[A-Za-z0-9_./-]{1,200})")


def _place(cursor: str | None) -> tuple[int | None, str | None]:
    if cursor is None:
        return None, None
    found = _PLACE.fullmatch(cursor)
    if found is None:
        raise MalformedRequest(field="cursor", reason="it is none that was given out")
    return int(found["moment"]), found["id"]


def _next(rows: list[Mapping[str, Any]], limit: int, moment: str = "started_at_ms") -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return f"{last[moment]}/{last['id']}"


# -- the audit --------------------------------------------------------------------------------


class OrderCheck:
    """Every order's document is what its row gives, and each of its lots adds up."""

    name = "orders.documents"

    async def run(self, reads: Reads) -> list[Drift]:
        """Walks over all orders; up to DRIFTS_MAX differences."""
        drifts: list[Drift] = []
        place = ("", "")
        while rows := await reads.fetch(_SQL["orders_after"], *place, AUDIT_ORDERS_MAX):
            for row in rows:
                place = (row["tenant"], row["order_id"])
                drifts += self._compare(row)
            if len(drifts) >= DRIFTS_MAX:
                break
        return drifts[:DRIFTS_MAX]

    def _compare(self, row: Mapping[str, Any]) -> list[Drift]:
        known = {name: row[name] for name in Order.__struct_fields__}
        order = msgspec.convert(known, Order)
        where = f"{order.tenant}/{order.order_id}"
        found = [
            Drift(check=self.name, where=f"{where} {lot.line}", expected="sound", found=rule)
            for lot in order.lots
            for rule in lot.broken()
        ]
        expected = msgspec.json.decode(msgspec.json.encode(document_of(order)))
        shown = msgspec.json.decode(row["document"]) if row["document"] else None
        if shown != expected or row["document_version"] != order.version:
            found.append(
                Drift(
                    check=self.name,
                    where=where,
                    expected=f"{order.version} {msgspec.json.encode(expected).decode()}",
                    found=f"{row['document_version']} {row['document']}",
                )
            )
        return found


CHECKS: Final = (
    OrderCheck(),
    SqlCheck("orders.units", _SQL["audit_order_units"]),
    SqlCheck("orders.deadlines", _SQL["audit_order_deadlines"]),
    SqlCheck("orders.carts", _SQL["audit_order_carts"]),
    SqlCheck("orders.sales", _SQL["audit_order_sales"]),
    SqlCheck("orders.refunds", _SQL["audit_order_refunds"]),
    SqlCheck("orders.conflicts", _SQL["audit_conflict_documents"]),
)
