"""What the console reads of pricing."""

from typing import Any

from litestar import get
from litestar.params import FromPath

from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.kernel.validation import check_name
from shopwire.modules.pricing.reading import (
    Why,
    explain_price,
    read_history,
    read_promotions,
    read_rates,
    read_rules,
)


def routes(reads: Reads) -> list[Any]:
    """The module's HTTP handlers."""

    @get("/api/price-rules", summary="The shop's price rules")
    async def price_rules() -> dict[str, Any]:
        return await read_rules(reads, DEFAULT_TENANT)

    @get("/api/price-rules/history", summary="Versions of the price rules, newest first")
    async def price_rules_history() -> dict[str, Any]:
        return {"items": await read_history(reads, DEFAULT_TENANT)}

    @get("/api/price-rates", summary="The exchange rates that costs are converted by")
    async def price_rates() -> dict[str, Any]:
        return await read_rates(reads, DEFAULT_TENANT)

    @get("/api/promotions", summary="Promotions, the latest to end first")
    async def promotions() -> dict[str, Any]:
        return {"items": await read_promotions(reads, DEFAULT_TENANT)}

    @get("/api/prices/{sku:str}/why", summary="Why a SKU's price is what it is, step by step")
    async def price_why(sku: FromPath[str]) -> Why:
        return await explain_price(reads, DEFAULT_TENANT, check_name(sku, "sku"))

    return [price_rules, price_rules_history, price_rates, promotions, price_why]
