"""How payments are decided: every command works on one payment, under its cart's head."""

from collections.abc import Iterable
from typing import Any, Final, TypeVar

from shopwire.kernel.commands import Command, Context, Decision, Handler
from shopwire.kernel.errors import AlreadyExists, InvalidField, NotFound
from shopwire.kernel.ids import home_of_order
from shopwire.kernel.money import exponent_of
from shopwire.kernel.rows import Need, View
from shopwire.kernel.validation import check_amount, check_name
from shopwire.modules.orders.api import NotePayment
from shopwire.modules.payments.api import (
    BookPayable,
    OpenPayment,
    RecordAuthorisation,
    RecordCapture,
    RecordDecline,
    RecordFailure,
    RecordProviderEvent,
    RecordRefund,
    RecordVoid,
    ReplayWebhook,
    RequestCapture,
    RequestRefund,
    RequestVoid,
)
from shopwire.modules.payments.domain import Movement, Payment, Received, about, document_of
from shopwire.modules.payments.events import PaymentFacts, PaymentOpened
from shopwire.modules.payments.machine import Machine
from shopwire.modules.payments.received import do_record_provider_event, do_replay_webhook

C = TypeVar("C", bound=Command)


def needs_of_payment(command: Any) -> Iterable[Need]:
    """The payment and all of its movements."""
    return (Need(Payment, command.order_id), Need(Movement, command.order_id))


def do_open_payment(command: OpenPayment, view: View, context: Context) -> Decision:
    """Notes what is to be paid; raises AlreadyExists where the id stands for something else."""
    order_id = check_name(command.order_id, "order_id")
    if not home_of_order(order_id):
        reason = "it is no cart with the number of an attempt"
        raise InvalidField(field="order_id", reason=reason, value=order_id)
    exponent_of(command.currency)
    payment = Payment(
        tenant=context.tenant,
        order_id=order_id,
        version=1,
        provider=check_name(command.provider, "provider"),
        method=check_name(command.method, "method"),
        currency=command.currency,
        amount_minor=check_amount(command.amount_minor, "amount_minor", least=1),
        context=command.context,
        opened_at_ms=context.now_ms,
    )
    known = view.one(Payment, order_id)
    if known is not None:
        wanted = (payment.provider, payment.method, payment.currency, payment.amount_minor)
        if wanted != (known.provider, known.method, known.currency, known.amount_minor):
            raise AlreadyExists(what="payment", id=order_id)
        return Decision(result={"applied": False, "state": known.state})
    facts = PaymentFacts(context=payment.context, amount_minor=payment.amount_minor)
    event = PaymentOpened(
        entity=order_id, version=1, document=document_of(payment, ()), facts=facts
    )
    return Decision(put=[payment], events=[event], result={"applied": True, "state": "opened"})


def do_record_authorisation(command: RecordAuthorisation, view: View, context: Context) -> Decision:
    """See Machine.authorise."""
    machine = _machine(command.order_id, view, context)
    applied = machine.authorise(command.reference, command.amount_minor, command.currency)
    return _decided(machine, applied=applied)


def do_record_decline(command: RecordDecline, view: View, context: Context) -> Decision:
    """See Machine.decline."""
    machine = _machine(command.order_id, view, context)
    reason = check_name(command.reason, "reason")
    return _decided(machine, applied=machine.decline(reason, command.reference))


def do_request_capture(command: RequestCapture, view: View, context: Context) -> Decision:
    """See Machine.ask_capture."""
    machine = _machine(command.order_id, view, context)
    _check_wanted(command.amount_minor, command.capture_id, "capture_id")
    applied = machine.ask_capture(command.capture_id, command.amount_minor, final=command.final)
    return _decided(machine, applied=applied)


def do_record_capture(command: RecordCapture, view: View, context: Context) -> Decision:
    """See Machine.capture."""
    machine = _machine(command.order_id, view, context)
    amount = check_amount(command.amount_minor, "amount_minor", least=1)
    capture_id = check_name(command.capture_id, "capture_id")
    applied = machine.capture(capture_id, amount, command.reference, tell=True)
    return _decided(machine, applied=applied)


def do_request_void(command: RequestVoid, view: View, context: Context) -> Decision:
    """See Machine.give_back; a payment that never began needs nothing."""
    if view.one(Payment, command.order_id) is None:
        return Decision(result={"applied": False, "way": "none", "state": "unknown"})
    machine = _machine(command.order_id, view, context)
    way = machine.give_back(None, check_name(command.reason, "reason"))
    return _decided(machine, applied=bool(machine.events), way=way)


def do_record_void(command: RecordVoid, view: View, context: Context) -> Decision:
    """See Machine.void."""
    machine = _machine(command.order_id, view, context)
    return _decided(machine, applied=machine.void(command.reason))


def do_request_refund(command: RequestRefund, view: View, context: Context) -> Decision:
    """See Machine.ask_refund."""
    machine = _machine(command.order_id, view, context)
    _check_wanted(command.amount_minor, command.refund_id, "refund_id")
    way = machine.ask_refund(command.refund_id, command.amount_minor, command.reason)
    return _decided(machine, applied=bool(machine.events), way=way)


def do_record_refund(command: RecordRefund, view: View, context: Context) -> Decision:
    """See Machine.refund."""
    machine = _machine(command.order_id, view, context)
    amount = check_amount(command.amount_minor, "amount_minor", least=1)
    refund_id = check_name(command.refund_id, "refund_id")
    return _decided(machine, applied=machine.refund(refund_id, amount, command.reference))


def do_record_failure(command: RecordFailure, view: View, context: Context) -> Decision:
    """See Machine.fail."""
    machine = _machine(command.order_id, view, context)
    reason = check_name(command.reason, "reason")
    return _decided(machine, applied=machine.fail(command.kind, command.movement_id, reason))


def do_book_payable(command: BookPayable, view: View, context: Context) -> Decision:
    """See Machine.owe."""
    machine = _machine(command.order_id, view, context)
    exponent_of(command.currency)
    machine.owe(
        check_name(command.payable_id, "payable_id"),
        check_name(command.supplier, "supplier"),
        check_amount(command.amount_minor, "amount_minor", least=1),
        command.currency,
    )
    return _decided(machine, applied=True)


def _machine(order_id: str, view: View, context: Context) -> Machine:
    payment = view.one(Payment, order_id)
    if payment is None:
        raise NotFound(what="payment", id=order_id)
    return Machine(payment, view.all(Movement, order_id), context)


def _decided(machine: Machine, *, applied: bool, way: str | None = None) -> Decision:
    payment = machine.payment
    result: dict[str, Any] = {"applied": applied, "state": payment.state}
    if way is not None:
        result["way"] = way
    return Decision(put=machine.rows, events=machine.events, result=result, then=machine.then)


def _check_wanted(amount_minor: int | None, movement_id: str | None, field: str) -> None:
    if amount_minor is not None:
        check_amount(amount_minor, "amount_minor", least=1)
    if movement_id is None:
        return
    if check_name(movement_id, field).startswith("."):
        reason = "ids that begin with a point are the payment's own"
        raise InvalidField(field=field, reason=reason, value=movement_id)


def _webhook_group(command: RecordProviderEvent | ReplayWebhook) -> str:
    webhook_id = command.webhook_id if isinstance(command, ReplayWebhook) else command.event.id
    return about(command.order_id, command.provider, webhook_id)


def _needs_of_webhook(command: RecordProviderEvent | ReplayWebhook) -> Iterable[Need]:
    received = Need(Received, _webhook_group(command))
    return (received, *needs_of_payment(command)) if command.order_id else (received,)


def _webhook_key(command: RecordProviderEvent | ReplayWebhook) -> str:
    """A webhook about no payment of ours has a home of its own."""
    return home_of_order(command.order_id) or _webhook_group(command)


def _telling(command: RecordCapture) -> Iterable[Command]:
    return (NotePayment(order_id=command.order_id, state="", refunded_minor=0),)


def _handler(command: type[C], decide: Any, includes: Any = None) -> Handler[C]:
    return Handler(
        command=command,
        partition_key=lambda one: home_of_order(one.order_id),  # type: ignore[attr-defined]
        needs=needs_of_payment,
        decide=decide,
        includes=includes,
    )


HANDLERS: Final[tuple[Handler[Any], ...]] = (
    _handler(OpenPayment, do_open_payment),
    _handler(RecordAuthorisation, do_record_authorisation),
    _handler(RecordDecline, do_record_decline),
    _handler(RequestCapture, do_request_capture),
    _handler(RecordCapture, do_record_capture, _telling),
    _handler(RequestVoid, do_request_void),
    _handler(RecordVoid, do_record_void),
    _handler(RequestRefund, do_request_refund),
    _handler(RecordRefund, do_record_refund),
    _handler(RecordFailure, do_record_failure),
    _handler(BookPayable, do_book_payable),
    Handler(
        command=RecordProviderEvent,
        partition_key=_webhook_key,
        needs=_needs_of_webhook,
        decide=do_record_provider_event,
    ),
    Handler(
        command=ReplayWebhook,
        partition_key=_webhook_key,
        needs=_needs_of_webhook,
        decide=do_replay_webhook,
    ),
)
