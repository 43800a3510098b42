"""The door of the suppliers' portal: a supplier sees and answers its own purchase orders."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromQuery, QueryParameter

from shopwire.kernel.commands import Envelope, check_key
from shopwire.kernel.cursors import before_place, write_cursor
from shopwire.kernel.errors import InvalidField, MalformedRequest, NotFound
from shopwire.kernel.identity import Caller
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.purchasing import ShipTo
from shopwire.kernel.queries import Reads
from shopwire.kernel.validation import check_name
from shopwire.kernel.write_path import WritePath
from shopwire.modules.channels.store import order_of_supplier, orders_of_supplier
from shopwire.modules.shipping.api import RecordCancellation, Units
from shopwire.services.answers import answer

AddressOf = Callable[[str, str], Awaitable[ShipTo | None]]
PAGE_MAX: Final = 50
"""Purchase orders that one page shows."""
BODY_BYTES_MAX: Final = 16_384
"""Size of an answer to a cancellation; a larger one is refused."""
PRINCIPAL: Final = "activity:channels.portal"
"""Who writes a supplier's answer down: the door, which has looked whose it is."""
OPEN: Final = ("sending", "timed_out", "sent", "acknowledged", "partly_shipped", "cancelling")
"""States in which a supplier still has something to do."""
DONE: Final = ("shipped", "delivered", "refused", "cancelled")
_STATE: Final = QueryParameter(name="state")
"""The framework keeps the word for itself as an argument's name."""


class CancellationAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a supplier says to units that it was asked not to ship."""

    purchase_order: str
    lines: tuple[Units, ...]
    """What it was asked for, as it saw it: in total since the order was sent."""
    agrees: bool
    """All of them will not be shipped; if not, they were shipped already, or will be."""


_decode: Final = msgspec.json.Decoder(CancellationAnswer).decode


def portal_routes(write_path: WritePath, reads: Reads, address_of: AddressOf) -> list[Any]:
    """The endpoints below `/api/portal`; the guard lets only suppliers in."""

    @get("/api/portal/orders", summary="A supplier's own purchase orders, the newest first")
    async def orders(
        request: Request[Any, Any, Any],
        status: Annotated[Literal["open", "done"], _STATE] = "open",
        cursor: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        rows = await orders_of_supplier(
            reads,
            DEFAULT_TENANT,
            _supplier(request),
            OPEN if status == "open" else DONE,
            before_place(cursor, int, str),
            PAGE_MAX,
        )
        items = [await _shown(row, address_of) for row in rows[:PAGE_MAX]]
        following = None
        if len(rows) > PAGE_MAX:
            last = rows[PAGE_MAX - 1]
            following = write_cursor(last["planned_at_ms"], last["id"])
        return {"items": items, "next": following}

    @post(
        "/api/portal/cancellations",
        status_code=200,
        request_max_body_size=BODY_BYTES_MAX,
        summary="A supplier answers a cancellation",
    )
    async def answer_cancellation(request: Request[Any, Any, Any]) -> Response[bytes]:
        told = _read(await request.body())
        key = check_key(request.headers.get("idempotency-key", ""))
        own_id, supplier = check_name(told.purchase_order, "purchase_order"), _supplier(request)
        order_id = own_id.partition("/")[0]
        if await order_of_supplier(reads, DEFAULT_TENANT, supplier, order_id, own_id) is None:
            raise NotFound(what="purchase order", id=own_id)
        # What was asked since it looked is not what it answers: its own numbers are taken.
        none = tuple(Units(sku=one.sku, quantity=0) for one in told.lines)
        command = RecordCancellation(
            purchase_order=own_id, asked=told.lines, cancelled=told.lines if told.agrees else none
        )
        outcome = await write_path.submit(
            Envelope(command=command, key=f"{supplier}/{key}"[:200], principal=PRINCIPAL)
        )
        return answer(outcome)

    return [orders, answer_cancellation]


def _supplier(request: Request[Any, Any, Any]) -> str:
    """Whose portal it is; the guard has looked that there is one."""
    caller: Caller = request.state.caller
    if caller.role != "supplier" or not caller.supplier:
        # An operator is let through every guard, and has the console.
        raise NotFound(what="portal", id=caller.subject)
    return caller.supplier


async def _shown(row: Mapping[str, Any], address_of: AddressOf) -> dict[str, Any]:
    """A purchase order without whose order it is; where it goes only while it has to go there."""
    body = dict(row["body"])
    body.pop("order_id", None)
    ship_to = None
    if row["status"] in OPEN:
        ship_to = await address_of(DEFAULT_TENANT, row["order_id"])
    return {
        "topic": f"purchase_order:{row['id']}",
        "version": row["version"],
        "doc": body,
        "number": row["number"],
        "ship_to": msgspec.to_builtins(ship_to),
    }


def _read(body: bytes) -> CancellationAnswer:
    try:
        return _decode(body)
    except msgspec.ValidationError as problem:
        reason, _, field = str(problem).partition(" - at `$")
        raise InvalidField(field=field.strip("`.") or "body", reason=reason) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise MalformedRequest(field="body", reason=str(problem)) from None
