"""What screens read of accounts."""

from typing import Any

from litestar import get

from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.modules.access.store import list_accounts


def routes(reads: Reads) -> list[Any]:
    """The module's HTTP handlers."""

    @get("/api/accounts", summary="Accounts, by name")
    async def accounts() -> dict[str, list[dict[str, Any]]]:
        return {"items": await list_accounts(reads, DEFAULT_TENANT)}

    return [accounts]
