"""How suppliers and offers are kept, and what screens read of them."""

from typing import Any, Final

from shopwire.kernel.checks import SqlCheck
from shopwire.kernel.queries import Reads, load_queries
from shopwire.kernel.rows import Table
from shopwire.modules.suppliers.domain import Offer, Supplier

_SQL: Final = load_queries("shopwire.modules.suppliers")

TABLES: Final = tuple(
    Table(kind, _SQL[f"load_{kind.table}"], _SQL[f"save_{kind.table}"])
    for kind in (Supplier, Offer)
)

CHECKS: Final = (
    SqlCheck("suppliers.offers", _SQL["audit_offer_documents"]),
    SqlCheck("suppliers.suppliers", _SQL["audit_supplier_documents"]),
)

SUPPLIERS_MAX: Final = 1_000
"""Suppliers that one list shows."""


async def list_suppliers(reads: Reads, tenant: str) -> list[dict[str, Any]]:
    """Every supplier with the number of its offers, by name."""
    rows = await reads.fetch(_SQL["suppliers_with_offers"], tenant, SUPPLIERS_MAX)
    return [dict(row) for row in rows]


async def list_offers(reads: Reads, tenant: str, sku: str) -> list[dict[str, Any]]:
    """Who offers a SKU, cheapest first."""
    return [dict(row) for row in await reads.fetch(_SQL["offers_of_sku"], tenant, sku)]
