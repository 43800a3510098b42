"""How ways to suppliers are kept, what screens read of them, and how they are audited."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from shopwire.kernel.checks import SqlCheck
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Table
from shopwire.modules.channels.api import LetterLine, Way
from shopwire.modules.channels.domain import Bundle, Channel, Invoice, Letter, Message

_SQL: Final = load_queries("shopwire.modules.channels")

TABLES: Final = tuple(
    Table(kind, _SQL[f"load_{kind.table}"], _SQL[f"save_{kind.table}"])
    for kind in (Channel, Letter, Bundle, Invoice, Message)
)

CHECKS: Final = tuple(
    SqlCheck(f"channels.{name}", _SQL[f"audit_{name}"])
    for name in (
        "letters",
        "bundles",
        "channel_documents",
        "bundle_documents",
        "invoice_documents",
        "message_documents",
    )
)

DUE: Final[Mapping[str, str]] = {
    name: _SQL[f"due_{name}"] for name in ("begin", "stage", "release", "mend", "erase")
}
"""Where activities find their jobs."""

PAGE_MAX: Final = 100
"""Things that one page of a list shows."""
CHANNELS_MAX: Final = 1_000
"""Ways that one list shows; suppliers are few."""


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier and its way."""

    tenant: str
    supplier: str
    way: Way


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase order on its way."""

    purchase_order: str
    state: str
    number: str
    lines: tuple[LetterLine, ...]
    bundle: str | None = None


async def way_of(reads: Reads, tenant: str, supplier: str) -> Way | None:
    """How a supplier is reached; None where nobody said so."""
    rows = await reads.fetch(_SQL["channel_of"], tenant, supplier)
    return to_way(rows[0]["way"]) if rows else None


async def ways_of(reads: Reads, tenant: str, suppliers: Sequence[str]) -> dict[str, Way]:
    """How suppliers are reached, of whom somebody said so."""
    rows = await reads.fetch(_SQL["channels_of"], tenant, list(suppliers))
    return {row["supplier"]: to_way(row["way"]) for row in rows}


def to_way(value: Any) -> Way:
    """A way as rows give it: JSON that was read already, or its text."""
    if isinstance(value, str | bytes):
        value = msgspec.json.decode(value)
    way: Way = msgspec.convert(value, Way)
    return way


async def ways_to_read(reads: Reads) -> list[Reached]:
    """The ways that have an inbox, of all tenants."""
    rows = await reads.fetch(_SQL["ways_to_read"], CHANNELS_MAX)
    return [
        Reached(tenant=row["tenant"], supplier=row["supplier"], way=to_way(row["way"]))
        for row in rows
    ]


async def bundles_over(
    reads: Reads, tenant: str, supplier: str, controls: Sequence[int]
) -> list[int]:
    """Of bundles, by their numbers, those that left and of whose orders none is open."""
    rows = await reads.fetch(_SQL["bundles_over"], tenant, supplier, list(controls))
    return [row["control"] for row in rows]


async def standing_of(reads: Reads, tenant: str, purchase_order: str) -> Standing | None:
    """Where a purchase order stands that was taken over; None where it never was."""
    rows = await reads.fetch(_SQL["letter"], tenant, purchase_order)
    if not rows:
        return None
    row = rows[0]
    return Standing(
        purchase_order=purchase_order,
        state=row["state"],
        number=row["number"],
        lines=_lines(row["lines"]),
        bundle=row["bundle"],
    )


async def meant_by(
    reads: Reads, tenant: str, supplier: str, number: str
) -> tuple[str, tuple[LetterLine, ...]] | None:
    """The purchase order that a supplier means by a number, and what it asks for."""
    rows = await reads.fetch(_SQL["letter_by_number"], tenant, supplier, number)
    return (rows[0]["purchase_order"], _lines(rows[0]["lines"])) if rows else None


def _lines(value: Any) -> tuple[LetterLine, ...]:
    if isinstance(value, str | bytes):
        return msgspec.json.decode(value, type=tuple[LetterLine, ...])
    return msgspec.convert(value, tuple[LetterLine, ...])


async def letters_in(
    reads: Reads, tenant: str, supplier: str, control: int
) -> tuple[str, ...] | None:
    """The orders of the bundle with a control number; None where there is no such bundle."""
    rows = await reads.fetch(_SQL["bundle_by_control"], tenant, supplier, control)
    return tuple(rows[0]["letters"]) if rows else None


async def list_channels(reads: Reads, tenant: str) -> list[dict[str, Any]]:
    """All ways, with what waits and what is in trouble."""
    rows = await reads.fetch(_SQL["channels"], tenant, CHANNELS_MAX)
    return [dict(row) for row in rows]


async def letters_of_order(reads: Reads, tenant: str, order_id: str) -> list[dict[str, Any]]:
    """How the purchase orders of an order travel."""
    rows = await reads.fetch(_SQL["letters_of_order"], tenant, order_id, PAGE_MAX)
    return [dict(row) for row in rows]


async def list_page(
    reads: Reads,
    name: str,
    tenant: str,
    before: tuple[int, str] | None,
    only: Any,
    limit: int,
) -> Sequence[Mapping[str, Any]]:
    """Up to `limit` + 1 rows of a list of things, the newest first."""
    return await reads.fetch(_SQL[name], tenant, *(before or (None, None)), only, limit + 1)


async def list_unreachable(reads: Reads, tenant: str) -> list[tuple[str, int]]:
    """Suppliers who owe an answer to orders and have no way of their own."""
    rows = await reads.fetch(_SQL["unreachable"], tenant, PAGE_MAX)
    return [(row["supplier"], row["orders"]) for row in rows]


async def orders_of_supplier(
    reads: Reads,
    tenant: str,
    supplier: str,
    statuses: Sequence[str],
    before: tuple[int, str] | None,
    limit: int,
) -> Sequence[Mapping[str, Any]]:
    """Up to `limit` + 1 of a supplier's own purchase orders, the newest first."""
    return await reads.fetch(
        _SQL["portal_orders"],
        tenant,
        *(before or (None, None)),
        supplier,
        list(statuses),
        limit + 1,
    )


async def order_of_supplier(
    reads: Reads, tenant: str, supplier: str, order_id: str, own_id: str
) -> Any | None:
    """One of a supplier's own purchase orders as its document; None where it has none such."""
    rows = await reads.fetch(_SQL["portal_order"], tenant, supplier, order_id, own_id)
    return rows[0]["body"] if rows else None


async def doubted_bundle_of(
    reads: Reads, tenant: str, purchase_order: str
) -> tuple[str, tuple[str, ...]] | None:
    """The bundle of an order and its orders, where it is not known to have arrived."""
    rows = await reads.fetch(_SQL["doubted_bundle"], tenant, purchase_order)
    return (rows[0]["id"], tuple(rows[0]["letters"])) if rows else None
