"""What the console reads of suppliers."""

from typing import Any

from litestar import get
from litestar.params import FromPath

from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.kernel.validation import check_name
from shopwire.modules.suppliers.store import list_offers, list_suppliers


def routes(reads: Reads) -> list[Any]:
    """The module's HTTP handlers."""

    @get("/api/suppliers", summary="Suppliers and how much they offer")
    async def suppliers() -> dict[str, Any]:
        return {"items": await list_suppliers(reads, DEFAULT_TENANT)}

    @get("/api/offers/{sku:str}", summary="Who offers a SKU, cheapest first")
    async def offers(sku: FromPath[str]) -> dict[str, Any]:
        check_name(sku, "sku")
        return {"sku": sku, "items": await list_offers(reads, DEFAULT_TENANT, sku)}

    return [suppliers, offers]
