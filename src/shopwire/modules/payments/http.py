"""What operators read of payments; webhooks come in through a service's door."""

from typing import Any

from litestar import get
from litestar.params import FromPath, FromQuery

from shopwire.kernel.errors import MalformedRequest
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.kernel.validation import check_name
from shopwire.modules.payments.store import WEBHOOKS_SHOWN_MAX, explain_payment, list_received


def routes(reads: Reads) -> list[Any]:
    """The module's HTTP handlers."""

    @get("/api/payments/{order_id:str}", summary="A payment, every amount of it explained")
    async def payment(order_id: FromPath[str]) -> dict[str, Any]:
        return await explain_payment(reads, DEFAULT_TENANT, check_name(order_id, "order_id"))

    @get(
        "/api/webhooks/received",
        summary="Webhooks that were proved, newest first",
        description="`open` shows those that nothing came of yet: early, unknown or refused.",
    )
    async def received(
        limit: FromQuery[int] = WEBHOOKS_SHOWN_MAX,
        cursor: FromQuery[str | None] = None,
        open: FromQuery[bool] = False,  # noqa: A002 - the name in the URL
    ) -> dict[str, Any]:
        before = _place(cursor)
        return await list_received(
            reads, DEFAULT_TENANT, open_only=open, before=before, limit=limit
        )

    return [payment, received]


def _place(cursor: str | None) -> tuple[int, str, str] | None:
    if cursor is None:
        return None
    moment, _, rest = cursor.partition("/")
    provider, _, webhook_id = rest.partition("/")
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 15 and provider):
        raise MalformedRequest(field="cursor", reason="it is none that was given out")
    return int(moment), provider, webhook_id
