"""What is asked of providers: captures, voids and refunds that the rows say are open.

A job's id is the movement's, and so is the provider's idempotency key: done twice, it has one
effect. Where the answer does not come, the provider's books are read; where they do not say
either, the job stays open and is done again, with growing waits.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import msgspec

from shopwire.kernel.activities import Activity, Job
from shopwire.kernel.commands import Command
from shopwire.kernel.events import Recorded
from shopwire.kernel.payments import (
    PROVIDER_RETRY_MS,
    Charge,
    PaymentProvider,
    Settlement,
    Standing,
)
from shopwire.kernel.trade_errors import ProviderUnavailable
from shopwire.modules.payments.api import RecordCapture, RecordFailure, RecordRefund, RecordVoid
from shopwire.modules.payments.events import MovementKind, MovementRequested, PaymentCaptured
from shopwire.modules.payments.store import DUE_CAPTURE, DUE_REFUND, DUE_VOID

CALLS_MAX: Final = 64
"""Calls of one kind under way at once; the others wait in their rows."""


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Of a request's facts, what is asked for."""

    kind: str


class _Refunding(msgspec.Struct, frozen=True, kw_only=True):
    """Of a payment's document, what is to be given back."""

    refunding_minor: int


_asked: Final = msgspec.json.Decoder(_Asked).decode
_standing: Final = msgspec.json.Decoder(_Refunding).decode


class _Task(msgspec.Struct, frozen=True, kw_only=True):
    """A job's payload."""

    order_id: str
    movement_id: str
    movement_minor: int
    final: bool
    provider: str
    method: str
    reference: str
    amount_minor: int
    currency: str

    @property
    def charge(self) -> Charge:
        return Charge(
            id=self.order_id,
            amount_minor=self.amount_minor,
            currency=self.currency,
            method=self.method,
            reference=self.reference,
        )


def _is_asked(kind: MovementKind, asked: Recorded) -> bool:
    """Whether money is to move in this way."""
    return _asked(asked.facts).kind == kind


def _may_refund(event: Recorded) -> bool:
    """Whether a refund was asked for, or one that waited for its capture may go."""
    if event.event_type == MovementRequested.event_type:
        return _is_asked("refund", event)
    return _standing(event.document).refunding_minor > 0


class _Teller:
    """Does the jobs, each at the provider of its payment."""

    def __init__(self, providers: Mapping[str, PaymentProvider]) -> None:
        self._providers = providers

    async def capture(self, job: Job) -> Sequence[Command]:
        """Takes promised money."""
        task, provider = self._read(job)
        try:
            came = await provider.capture(
                task.charge, task.movement_id, task.movement_minor, final=task.final
            )
        except ProviderUnavailable:
            came = Settlement(state="pending")
        if came.state == "pending":
            came = _known((await provider.fetch(task.charge)).captures, task)
        if came.state == "refused":
            return (_failure(task, "capture", came.reason),)
        return (
            RecordCapture(
                order_id=task.order_id,
                capture_id=task.movement_id,
                amount_minor=came.amount_minor,
                reference=came.reference,
            ),
        )

    async def void(self, job: Job) -> Sequence[Command]:
        """Gives a promise back; money that was taken in between is booked, and so goes back."""
        task, provider = self._read(job)
        try:
            came = await provider.void(task.charge)
        except ProviderUnavailable:
            came = Settlement(state="pending")
        if came.state == "done":
            return (RecordVoid(order_id=task.order_id),)
        standing = await provider.fetch(task.charge)
        if standing.voided:
            return (RecordVoid(order_id=task.order_id),)
        if came.state == "pending":
            raise _away(task)
        return (*_taken(task, standing), _failure(task, "void", came.reason))

    async def refund(self, job: Job) -> Sequence[Command]:
        """Gives captured money back."""
        task, provider = self._read(job)
        try:
            came = await provider.refund(task.charge, task.movement_id, task.movement_minor)
        except ProviderUnavailable:
            came = Settlement(state="pending")
        if came.state == "pending":
            came = _known((await provider.fetch(task.charge)).refunds, task)
        if came.state == "refused":
            return (_failure(task, "refund", came.reason),)
        return (
            RecordRefund(
                order_id=task.order_id,
                refund_id=task.movement_id,
                amount_minor=came.amount_minor,
                reference=came.reference,
            ),
        )

    def _read(self, job: Job) -> tuple[_Task, PaymentProvider]:
        task = msgspec.convert(job.payload, _Task)
        provider = self._providers.get(task.provider)
        if provider is None:
            detail = f"No provider {task.provider!r} is set up here, and a payment waits for it."
            raise ProviderUnavailable(detail, provider=task.provider, retry_ms=PROVIDER_RETRY_MS)
        return task, provider


def _known(settled: Mapping[str, Settlement], task: _Task) -> Settlement:
    """What the provider's books say of the movement; raises while they say nothing final."""
    found = settled.get(task.movement_id)
    if found is None or found.state == "pending":
        raise _away(task)
    return found


def _away(task: _Task) -> ProviderUnavailable:
    return ProviderUnavailable(provider=task.provider, retry_ms=PROVIDER_RETRY_MS)


def _failure(task: _Task, kind: MovementKind, reason: str) -> Command:
    return RecordFailure(
        order_id=task.order_id,
        kind=kind,
        movement_id=task.movement_id,
        reason=reason or "refused",
    )


def _taken(task: _Task, standing: Standing) -> Sequence[Command]:
    return [
        RecordCapture(
            order_id=task.order_id,
            capture_id=capture_id,
            amount_minor=capture.amount_minor,
            reference=capture.reference,
        )
        for capture_id, capture in standing.captures.items()
        if capture.state == "done"
    ]


def activities(providers: Mapping[str, PaymentProvider]) -> tuple[Activity, ...]:
    """The module's work outside, for the providers by their names."""
    teller = _Teller(providers)
    asked = MovementRequested.event_type
    return (
        Activity(
            name="payments.capture_payment",
            wakes_on=frozenset({asked}),
            due=DUE_CAPTURE,
            perform=teller.capture,
            concurrency_max=CALLS_MAX,
            notice=partial(_is_asked, "capture"),
        ),
        Activity(
            name="payments.void_payment",
            wakes_on=frozenset({asked}),
            due=DUE_VOID,
            perform=teller.void,
            concurrency_max=CALLS_MAX,
            notice=partial(_is_asked, "void"),
        ),
        Activity(
            name="payments.refund_payment",
            wakes_on=frozenset({asked, PaymentCaptured.event_type}),
            due=DUE_REFUND,
            perform=teller.refund,
            concurrency_max=CALLS_MAX,
            notice=_may_refund,
        ),
    )
