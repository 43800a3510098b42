"""The door of suppliers: what they accept, refuse and ship, signed by whoever says so."""

from typing import Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.params import FromPath

from shopwire.kernel.clock import Clock
from shopwire.kernel.errors import InvalidField
from shopwire.kernel.write_path import WritePath
from shopwire.modules.shipping.api import (
    AcknowledgementNotice,
    Notice,
    ParcelNotice,
    Units,
)
from shopwire.modules.shipping.notice_commands import commands_of
from shopwire.services.notices import (
    NOTICE_BYTES_MAX,
    SecretsOf,
    apply_or_keep,
    prove,
    read,
)


class _Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    purchase_order: str
    lines: tuple[Units, ...]
    supplier_reference: str | None = None
    booked_at_ms: int | None = None
    sequence: int | None = None


class _Refused(msgspec.Struct, frozen=True, kw_only=True):
    purchase_order: str
    reason: str = "refused"
    supplier_reference: str | None = None


class _Shipped(msgspec.Struct, frozen=True, kw_only=True):
    purchase_order: str
    reference: str
    carrier: str
    tracking: str
    lines: tuple[Units, ...]
    shipped_at_ms: int | None = None


class _Acknowledgement(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="purchase_order.acknowledged"
):
    data: _Acknowledged


class _Refusal(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="purchase_order.refused"
):
    data: _Refused


class _Shipment(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="purchase_order.shipped"
):
    data: _Shipped


_DECODER: Final = msgspec.json.Decoder(_Acknowledgement | _Refusal | _Shipment)


def supplier_routes(write_path: WritePath, secrets_of: SecretsOf, clock: Clock) -> list[Any]:
    """The endpoint `POST /api/webhooks/suppliers/{supplier}`."""

    @post(
        "/api/webhooks/suppliers/{supplier:str}",
        status_code=200,
        request_max_body_size=NOTICE_BYTES_MAX,
        summary="A supplier accepts, refuses or ships a purchase order",
        description="Signed as a Standard Webhook. A supplier speaks of its own purchase orders; "
        "what does not fit is kept where people see it.",
    )
    async def take_word(
        request: Request[Any, Any, Any], supplier: FromPath[str]
    ) -> Response[bytes]:
        proved = await prove(request, "supplier", supplier, secrets_of, clock)
        notice = _notice(read(proved, _DECODER))
        return await apply_or_keep(
            write_path, proved, notice, commands_of(proved.source, notice, ())
        )

    return [take_word]


def _notice(message: _Acknowledgement | _Refusal | _Shipment) -> Notice:
    if isinstance(message, _Shipment):
        return ParcelNotice(**msgspec.structs.asdict(message.data))
    if isinstance(message, _Refusal):
        told = message.data
        if not told.reason:
            raise InvalidField(field="data.reason", reason="it is empty")
        return AcknowledgementNotice(
            purchase_order=told.purchase_order,
            lines=(),
            supplier_reference=told.supplier_reference,
            reason=told.reason,
        )
    return AcknowledgementNotice(**msgspec.structs.asdict(message.data))
