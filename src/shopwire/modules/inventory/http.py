"""What screens read of the inventory."""

import re
from typing import Any, Final

from litestar import get
from litestar.params import FromPath, FromQuery

from shopwire.kernel.errors import MalformedRequest, NotFound
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.kernel.validation import check_name
from shopwire.modules.inventory.store import LEDGER_LINES_MAX, explain_stock


def routes(reads: Reads) -> list[Any]:
    """The module's HTTP handlers."""

    @get("/api/stock/{sku:str}/ledger", summary="Every unit of a SKU explained")
    async def stock_ledger(
        sku: FromPath[str],
        limit: FromQuery[int] = LEDGER_LINES_MAX,
        cursor: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        check_name(sku, "sku")
        explained = await explain_stock(
            reads, DEFAULT_TENANT, sku, before=_place(cursor), limit=limit
        )
        if not explained["pools"]:
            raise NotFound(what="stock", id=sku)
        return explained

    return [stock_ledger]


_PLACE: Final = re.compile(r"[0-9]{1,15}/[0-9]{1,15}/[^\0]+")


def _place(cursor: str | None) -> tuple[int, str, int] | None:
    if cursor is None:
        return None
    moment, _, rest = cursor.partition("/")
    number, _, supplier = rest.partition("/")
    if not _PLACE.fullmatch(cursor):
        raise MalformedRequest(field="cursor", reason="it is none that was given out")
    return int(moment), supplier, int(number)
