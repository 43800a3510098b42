"""What a proved webhook comes to: kept always, booked if it says something new."""

from typing import Any, Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision
from shopwire.kernel.errors import NotFound, ShopwireError
from shopwire.kernel.payments import Authorisation, ProviderEvent
from shopwire.kernel.rows import Row, View
from shopwire.kernel.trade_errors import AmountExceeded
from shopwire.kernel.validation import check_amount, check_name
from shopwire.modules.payments.api import RecordProviderEvent, ReplayWebhook
from shopwire.modules.payments.domain import Movement, Outcome, Payment, Received, about
from shopwire.modules.payments.events import PaymentAuthorised, PaymentDeclined
from shopwire.modules.payments.machine import Machine

MOVES: Final = frozenset(
    {"captured", "refunded", "refund_failed", "charged_back", "charge_returned"}
)
"""Events about an amount that moved, or would have."""


def do_record_provider_event(
    command: RecordProviderEvent, view: View, context: Context
) -> Decision:
    """Takes a webhook; a refusal is its outcome, for a person to see, and not this command's."""
    group = about(command.order_id, command.provider, command.event.id)
    known = view.one(Received, group, command.provider, command.event.id)
    received = known or Received(
        tenant=context.tenant,
        about=group,
        provider=command.provider,
        id=command.event.id,
        order_id=command.order_id,
        name=command.event.name,
        outcome="early",
        error="",
        event=command.event,
        raw=command.raw,
        tries=0,
        received_at_ms=context.now_ms,
        settled_at_ms=context.now_ms,
    )
    if command.refused:
        ended = replace(received, outcome="refused", error=command.refused)
        return _answer(None, [_settled(ended, context)], ended)
    if known is not None and known.outcome != "early":
        return _answer(None, [], known)
    return _take(received, view, context)


def do_replay_webhook(command: ReplayWebhook, view: View, context: Context) -> Decision:
    """Takes a kept webhook again, whatever came of it before."""
    group = about(command.order_id, command.provider, command.webhook_id)
    received = view.one(Received, group, command.provider, command.webhook_id)
    if received is None:
        raise NotFound(what="webhook", id=command.webhook_id)
    return _take(received, view, context)


def _take(received: Received, view: View, context: Context) -> Decision:
    machine = _machine(received.order_id, view, context)
    received = _settled(_tried(received, machine), context)
    rows: list[Row] = [received]
    if machine is not None and received.outcome == "applied":
        waiting = [
            one
            for one in view.all(Received, received.about)
            if one.outcome == "early" and one.key != received.key
        ]
        rows += [_settled(one, context) for one in _retried(waiting, machine)]
    return _answer(machine, rows, received)


def _retried(waiting: list[Received], machine: Machine) -> list[Received]:
    """Those of the early ones that say something now; one may make way for another."""
    taken: list[Received] = []
    waiting.sort(key=lambda one: (one.received_at_ms, one.id))
    progress = True
    while progress:
        progress = False
        for one in list(waiting):
            tried = _tried(one, machine)
            if tried.outcome != "early":
                waiting.remove(one)
                taken.append(tried)
                progress = True
    return taken


def _tried(received: Received, machine: Machine | None) -> Received:
    """The webhook with what came of it."""
    outcome: Outcome
    error = ""
    if received.event.kind == "other":
        outcome = "unknown_kind"
    elif machine is None or machine.payment.provider != received.provider:
        outcome = "unknown_payment"
    else:
        try:
            with machine.attempt():
                applied = _apply(received, machine)
            outcome = "applied" if applied else "unchanged"
        except ShopwireError as problem:
            # What nobody told yet may come; a capture beyond the promise will never be right.
            early = isinstance(problem, AmountExceeded | NotFound)
            early = early and received.event.kind != "captured"
            outcome = "early" if early else "refused"
            error = type(problem).__name__
    raw = "" if outcome in ("applied", "unchanged") else received.raw
    return replace(received, outcome=outcome, error=error, raw=raw)


def _apply(received: Received, machine: Machine) -> bool:
    event = received.event
    _check(event, machine)
    movement, reason = event.movement_id, event.reason or event.kind
    match event.kind:
        case "authorised":
            return machine.authorise(event.reference, event.amount_minor, event.currency)
        case "declined":
            return machine.decline(reason, event.reference)
        case "captured":
            return machine.capture(movement, event.amount_minor, event.movement_reference)
        case "voided":
            return machine.void(event.reason)
        case "refunded":
            return machine.refund(movement, event.amount_minor, event.movement_reference)
        case "capture_failed":
            return machine.fail("capture", movement, reason)
        case "refund_failed":
            return machine.fail_stranger(movement, event.amount_minor, reason)
        case "charged_back":
            return machine.charge_back(movement, event.amount_minor, event.reason)
        case "charge_returned":
            return machine.return_charge(movement, event.amount_minor)
        case _:
            return False


def _check(event: ProviderEvent, machine: Machine) -> None:
    if event.kind in MOVES:
        check_name(event.movement_id, "movement_id")
        check_amount(event.amount_minor, "amount_minor", least=1)
    if event.currency:
        machine.check_currency(event.currency)
    machine.know(event.reference)


def _machine(order_id: str, view: View, context: Context) -> Machine | None:
    payment = view.one(Payment, order_id) if order_id else None
    if payment is None:
        return None
    return Machine(payment, view.all(Movement, order_id), context)


def _settled(received: Received, context: Context) -> Received:
    return replace(received, tries=received.tries + 1, settled_at_ms=context.now_ms)


def _answer(machine: Machine | None, rows: list[Row], received: Received) -> Decision:
    result: dict[str, Any] = {"outcome": received.outcome, "promise": None}
    if received.error:
        result["error"] = received.error
    if machine is None:
        return Decision(put=rows, result=result)
    if received.outcome == "applied":
        result["promise"] = _promise(machine)
    return Decision(put=[*machine.rows, *rows], events=machine.events, result=result)


def _promise(machine: Machine) -> Authorisation | None:
    """What the order has to be told, where the webhook was the first to say it."""
    payment = machine.payment
    kinds = {type(event) for event in machine.events}
    if PaymentAuthorised in kinds:
        return Authorisation(
            state="approved",
            reference=payment.reference,
            amount_minor=payment.authorised_minor,
            currency=payment.currency,
        )
    if PaymentDeclined in kinds:
        return Authorisation(
            state="declined",
            reference=payment.reference,
            currency=payment.currency,
            reason=payment.reason,
        )
    return None
