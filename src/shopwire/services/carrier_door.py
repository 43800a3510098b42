"""The door of carriers: where a parcel was seen, signed by whoever says so."""

from typing import Any, Final, Literal

import msgspec
from litestar import Request, Response, post
from litestar.params import FromPath

from shopwire.kernel.clock import Clock
from shopwire.kernel.commands import Command
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.kernel.validation import check_name
from shopwire.kernel.write_path import WritePath
from shopwire.modules.shipping.api import RecordTracking, TrackingNotice, TrackingStatus
from shopwire.modules.shipping.parcel_commands import carrier_name, tracking_number
from shopwire.modules.shipping.store import find_shipments
from shopwire.services.notices import (
    NOTICE_BYTES_MAX,
    SecretsOf,
    apply_or_keep,
    prove,
    read,
)


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    tracking: str
    status: TrackingStatus
    at_ms: int
    event: str | None = None
    """The carrier's own name for what it saw; the webhook's id if it has none."""


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    type: Literal["tracking.updated"]
    data: _Seen


_DECODER: Final = msgspec.json.Decoder(_Message)


def carrier_routes(
    write_path: WritePath, reads: Reads, secrets_of: SecretsOf, clock: Clock
) -> list[Any]:
    """The endpoint `POST /api/webhooks/carriers/{carrier}`."""

    @post(
        "/api/webhooks/carriers/{carrier:str}",
        status_code=200,
        request_max_body_size=NOTICE_BYTES_MAX,
        summary="A carrier saw a parcel",
        description="Signed as a Standard Webhook. What belongs to no known parcel is kept where "
        "people see it, and applied as soon as the parcel is known.",
    )
    async def take_tracking(
        request: Request[Any, Any, Any], carrier: FromPath[str]
    ) -> Response[bytes]:
        proved = await prove(request, "carrier", carrier, secrets_of, clock)
        seen: _Seen = read(proved, _DECODER).data
        notice = TrackingNotice(
            carrier=carrier_name(carrier),
            tracking=tracking_number(seen.tracking),
            event=check_name(seen.event or proved.id, "event"),
            status=seen.status,
            at_ms=seen.at_ms,
        )
        shipments = await find_shipments(reads, DEFAULT_TENANT, notice.carrier, notice.tracking)
        commands: list[Command] = [
            RecordTracking(
                shipment=shipment, event=notice.event, status=notice.status, at_ms=notice.at_ms
            )
            for shipment in shipments
        ]
        return await apply_or_keep(write_path, proved, notice, commands)

    return [take_tracking]
