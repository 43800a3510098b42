"""What the console reads of pricing."""

from typing import Any

from litestar import get

from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.modules.pricing.store import read_rules


def routes(reads: Reads) -> list[Any]:
    """The module's HTTP handlers."""

    @get("/api/price-rules", summary="The shop's price rules")
    async def price_rules() -> dict[str, Any]:
        return await read_rules(reads, DEFAULT_TENANT)

    return [price_rules]
