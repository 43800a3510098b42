"""What the console reads of routing."""

import re
from typing import Any, Final

from litestar import get
from litestar.params import FromPath, FromQuery

from shopwire.kernel.errors import MalformedRequest
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.kernel.validation import check_name
from shopwire.modules.routing.scoring import PRIOR, PRIOR_WEIGHT, UNKNOWN, WEIGHTS
from shopwire.modules.routing.store import (
    WAITING_MAX,
    list_scores,
    list_waiting,
    read_route,
    read_rules,
)

_PLACE: Final = re.compile(r"(?P<moment>[0-9]{1,15})/(?P<id>[A-Za-z0-9_.-]{1,200})")


def routes(reads: Reads) -> list[Any]:
    """The module's HTTP handlers."""

    @get("/api/orders/{order_id:str}/route", summary="Who sends what of an order, and why")
    async def route(order_id: FromPath[str]) -> dict[str, Any]:
        check_name(order_id, "order_id")
        return await read_route(reads, DEFAULT_TENANT, order_id)

    @get("/api/routing/waiting", summary="Orders that wait for a person, the oldest first")
    async def waiting(
        limit: FromQuery[int] = WAITING_MAX, cursor: FromQuery[str | None] = None
    ) -> dict[str, Any]:
        return await list_waiting(reads, DEFAULT_TENANT, after=_place(cursor), limit=limit)

    @get("/api/routing/scores", summary="How well suppliers keep their word, and their terms")
    async def scores() -> dict[str, Any]:
        return {
            "items": await list_scores(reads, DEFAULT_TENANT),
            "unknown": UNKNOWN,
            "prior": PRIOR,
            "prior_weight": PRIOR_WEIGHT,
            "weights": WEIGHTS,
        }

    @get("/api/routing/rules", summary="How suppliers are weighed")
    async def rules() -> dict[str, Any]:
        return await read_rules(reads, DEFAULT_TENANT)

    return [route, waiting, scores, rules]


def _place(cursor: str | None) -> tuple[int, str] | None:
    if cursor is None:
        return None
    found = _PLACE.fullmatch(cursor)
    if found is None:
        raise MalformedRequest(field="cursor", reason="it is none that was given out")
    return int(found["moment"]), found["id"]
