"""What shipping does outside: it hands purchase orders over, asks for them, cancels them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from shopwire.kernel.activities import Activity, Job
from shopwire.kernel.commands import Command
from shopwire.kernel.events import Recorded
from shopwire.kernel.purchasing import (
    LineAnswer,
    OrderedLine,
    ShipTo,
    SupplierAnswer,
    SupplierChannel,
    SupplierOrder,
)
from shopwire.kernel.trade_errors import ProviderUnavailable
from shopwire.modules.routing.events import RouteReleased
from shopwire.modules.shipping.api import (
    AcknowledgePurchaseOrder,
    BeginSending,
    RecordCancellation,
    RecordSending,
    RecordShipment,
    RefusePurchaseOrder,
    Units,
)
from shopwire.modules.shipping.events import (
    PurchaseOrderAcknowledged,
    PurchaseOrderCancelled,
    PurchaseOrderCancelling,
    PurchaseOrderLate,
    PurchaseOrderLost,
    PurchaseOrderPlanned,
    PurchaseOrderSending,
    PurchaseOrderSent,
    PurchaseOrderTimedOut,
)
from shopwire.modules.shipping.store import DUE

SEEN_BY_CLOCK_MS: Final = 60_000
"""What is due later than this is found in time by looks that no event asks for: they are more
frequent by far."""

AddressOf = Callable[[str, str], Awaitable[ShipTo | None]]
"""Where the goods of a tenant's order go; it is read when it is needed and kept nowhere else."""

CALLS_MAX: Final = 16
"""Questions to suppliers of one kind under way at once; the others wait in their rows."""
SENDINGS_MAX: Final = 64
"""Purchase orders that are handed over at once, or begin to be; the others wait in their rows. What
came of them is written by partition, so that a few at once would be a transaction each."""
BEGUN_MAX: Final = 10_000
"""Purchase orders that this process remembers to have begun; of others it asks first."""


async def no_address(_tenant: str, _order_id: str) -> ShipTo | None:
    """For a shop whose suppliers need none."""
    return None


def activities(
    channel: SupplierChannel, address_of: AddressOf = no_address
) -> tuple[Activity, ...]:
    """The work that needs the suppliers' channel."""
    work = _Work(channel, address_of)
    return (
        Activity(
            name="shipping.begin_sending",
            wakes_on=_types(
                PurchaseOrderPlanned, PurchaseOrderLost, PurchaseOrderCancelled, RouteReleased
            ),
            due=DUE["begin"],
            perform=work.begin,
            concurrency_max=SENDINGS_MAX,
        ),
        Activity(
            name="shipping.send_purchase_order",
            wakes_on=_types(PurchaseOrderSending),
            due=DUE["send"],
            perform=work.send,
            concurrency_max=SENDINGS_MAX,
            notice=work.notice_sending,
        ),
        Activity(
            name="shipping.ask_purchase_order",
            wakes_on=_types(
                PurchaseOrderTimedOut,
                PurchaseOrderSent,
                PurchaseOrderLate,
                PurchaseOrderAcknowledged,
            ),
            due=DUE["ask"],
            perform=work.ask,
            concurrency_max=CALLS_MAX,
            notice=_is_asked_soon,
        ),
        Activity(
            name="shipping.cancel_purchase_order",
            wakes_on=_types(
                PurchaseOrderCancelling,
                PurchaseOrderSent,
                PurchaseOrderTimedOut,
                PurchaseOrderLost,
                PurchaseOrderAcknowledged,
            ),
            due=DUE["cancel"],
            perform=work.cancel,
            concurrency_max=CALLS_MAX,
            notice=_has_cancelling,
        ),
    )


def _types(*kinds: Any) -> frozenset[str]:
    return frozenset(kind.event_type for kind in kinds)


class _Due(msgspec.Struct, frozen=True, kw_only=True):
    """Of a purchase order's document, when its supplier's word is due."""

    due_at_ms: int | None


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    cancelling: int


class _Lines(msgspec.Struct, frozen=True, kw_only=True):
    """Of a purchase order's document, what is to be cancelled of it."""

    lines: tuple[_Line, ...]


_due: Final = msgspec.json.Decoder(_Due).decode
_lines: Final = msgspec.json.Decoder(_Lines).decode


def _is_asked_soon(event: Recorded) -> bool:
    """Whether the supplier is asked before whoever looks by the clock has seen it."""
    due_at_ms = _due(event.document).due_at_ms
    return due_at_ms is None or due_at_ms < event.recorded_at_ms + SEEN_BY_CLOCK_MS


def _has_cancelling(event: Recorded) -> bool:
    """Whether units are asked back."""
    return any(line.cancelling for line in _lines(event.document).lines)


class _Work:
    """The calls. What came of each is told by commands; nothing is kept here that matters."""

    def __init__(self, channel: SupplierChannel, address_of: AddressOf) -> None:
        self._channel = channel
        self._address_of = address_of
        self._begun: dict[str, None] = {}

    def notice_sending(self, event: Recorded) -> bool:
        """Remembers one that was begun with its plan: only who holds the office sends it.

        This process holds it since before, so that nobody can have sent it yet.
        """
        if event.version == 1:
            self._remember(event.tenant, event.topic.partition(":")[2], 1)
        return True

    def _remember(self, tenant: str, own_id: str, attempts: int) -> None:
        while len(self._begun) >= BEGUN_MAX:
            self._begun.pop(next(iter(self._begun)))
        self._begun[_begun(tenant, own_id, attempts)] = None

    async def begin(self, job: Job) -> Sequence[Command]:
        """Notes in the rows that it leaves, so that a cancellation from now on asks the supplier.

        That this process began it is remembered: then it alone knows that nobody sent it before.
        """
        own_id = job.payload["purchase_order"]
        self._remember(job.tenant, own_id, job.payload["attempts"] + 1)
        return [BeginSending(purchase_order=own_id)]

    async def send(self, job: Job) -> Sequence[Command]:
        """Hands it over. Whoever cannot know whether somebody sent it before asks first."""
        payload = job.payload
        own_id, supplier = payload["purchase_order"], payload["supplier"]
        order = SupplierOrder(
            id=own_id,
            supplier=supplier,
            lines=tuple(OrderedLine(**line) for line in payload["lines"]),
            ship_to=await self._address_of(job.tenant, payload["order_id"]),
        )
        fresh = _begun(job.tenant, own_id, payload["attempts"])
        try:
            known = None
            if fresh not in self._begun:
                known = await self._channel.fetch(supplier, own_id)
            self._begun.pop(fresh, None)
            answer = known or await self._channel.send(order)
        except ProviderUnavailable:
            return [RecordSending(purchase_order=own_id, outcome="timed_out")]
        return told(own_id, answer)

    async def ask(self, job: Job) -> Sequence[Command]:
        """Asks what became of it; a silent supplier is asked again later."""
        own_id, asked = job.payload["purchase_order"], job.payload["asked"]
        try:
            answer = await self._channel.fetch(job.payload["supplier"], own_id)
        except ProviderUnavailable:
            return [RecordSending(purchase_order=own_id, outcome="timed_out", asked=asked)]
        if answer is None:
            return [RecordSending(purchase_order=own_id, outcome="unknown", asked=asked)]
        return told(own_id, answer, asked)

    async def cancel(self, job: Job) -> Sequence[Command]:
        """Asks for units back; without an answer it is asked again, the same units in total."""
        own_id = job.payload["purchase_order"]
        lines = tuple(LineAnswer(**line) for line in job.payload["lines"])
        answer = await self._channel.cancel(job.payload["supplier"], own_id, lines)
        asked = _units(lines)
        given = asked if answer.never_received else _units(answer.lines)
        return [
            RecordCancellation(
                purchase_order=own_id,
                asked=asked,
                cancelled=given,
                unanswered=answer.never_received,
            )
        ]


def _begun(tenant: str, own_id: str, attempts: int) -> str:
    return f"{tenant} {own_id} {attempts}"


def told(own_id: str, answer: SupplierAnswer, asked: int | None = None) -> list[Command]:
    """What a supplier's answer says, as commands; each has no effect where it was known."""
    commands: list[Command] = []
    if answer.state == "acknowledged":
        commands.append(
            AcknowledgePurchaseOrder(
                purchase_order=own_id,
                lines=_units(answer.lines),
                supplier_reference=answer.supplier_reference,
                booked_at_ms=answer.booked_at_ms,
                sequence=answer.sequence,
            )
        )
    elif answer.state == "refused":
        commands.append(
            RefusePurchaseOrder(
                purchase_order=own_id,
                reason=answer.reason,
                supplier_reference=answer.supplier_reference,
            )
        )
    if answer.state == "received" or asked is not None:
        commands.append(
            RecordSending(
                purchase_order=own_id,
                outcome="received",
                supplier_reference=answer.supplier_reference,
                asked=asked,
            )
        )
    commands += [
        RecordShipment(
            purchase_order=own_id,
            reference=parcel.reference,
            carrier=parcel.carrier,
            tracking=parcel.tracking,
            lines=_units(parcel.lines),
            shipped_at_ms=parcel.shipped_at_ms,
        )
        for parcel in answer.shipments
    ]
    return commands


def _units(lines: Iterable[LineAnswer]) -> tuple[Units, ...]:
    return tuple(Units(sku=line.sku, quantity=line.quantity) for line in lines)


def ship_to_of(address: Mapping[str, Any]) -> ShipTo:
    """An address as rows keep it, as suppliers get it."""
    return ShipTo(
        name=address["name"],
        lines=tuple(address["lines"]),
        postal_code=address["postal_code"],
        city=address["city"],
        country=address["country"],
        region=address.get("region", ""),
        phone=address.get("phone", ""),
    )
