"""Decides commands of payments over rows in memory, and holds every decision to the bounds."""

import itertools
from collections.abc import Iterable
from typing import Any

from shopwire.kernel.commands import Command, Context, Decision, Handler
from shopwire.kernel.payments import EventKind, ProviderEvent
from shopwire.kernel.rows import Row
from shopwire.kernel.working_set import WorkingSet
from shopwire.modules.payments.api import OpenPayment, RecordProviderEvent
from shopwire.modules.payments.commands import HANDLERS
from shopwire.modules.payments.domain import Movement, Payment, Received, Transfer
from shopwire.modules.payments.events import PaymentEvent

ORDER = "cart-12345678.1"
AMOUNT = 10_000


class Desk:
    """One shop's payments, decided one command after the other."""

    def __init__(self, handlers: Iterable[Handler[Any]] = HANDLERS) -> None:
        self._handlers = {handler.command: handler for handler in handlers}
        self._rows: dict[type[Row], dict[tuple[str, ...], Row]] = {}
        self._numbers = itertools.count(1)
        self.events: list[PaymentEvent] = []
        self.then: list[Command] = []
        """What belongs to the commands; nobody here decides it."""

    def do(self, command: Command) -> Any:
        """Decides, keeps what was decided, returns the result; raises what refuses it."""
        decision = self._decide(command)
        for row in decision.put:
            self._rows.setdefault(type(row), {})[row.key] = row
        for event in decision.events:
            assert isinstance(event, PaymentEvent)
            self.events.append(event)
        self.then += decision.then
        self.check()
        return decision.result

    def open(self, order_id: str = ORDER, amount_minor: int = AMOUNT) -> None:
        self.do(
            OpenPayment(
                order_id=order_id,
                amount_minor=amount_minor,
                currency="EUR",
                provider="simulator",
                method="card",
                context={"skus": ["A"]},
            )
        )

    def hear(self, told: ProviderEvent, order_id: str = ORDER) -> Any:
        command = RecordProviderEvent(
            provider="simulator", order_id=order_id, event=told, raw=f"raw of {told.id}"
        )
        return self.do(command)

    @property
    def payment(self) -> Payment:
        (payment,) = self.all(Payment)
        return payment

    def movement(self, kind: str, movement_id: str) -> Movement:
        (found,) = [m for m in self.all(Movement) if (m.kind, m.id) == (kind, movement_id)]
        return found

    def received(self, webhook_id: str) -> Received:
        (found,) = [one for one in self.all(Received) if one.id == webhook_id]
        return found

    def all(self, kind: type[Any]) -> list[Any]:
        return list(self._rows.get(kind, {}).values())

    def balance(self, account: str) -> int:
        lines = self.all(Transfer)
        debits = sum(line.amount_minor for line in lines if line.debit == account)
        return debits - sum(line.amount_minor for line in lines if line.credit == account)

    def check(self) -> None:
        """What the schema and the audit hold."""
        for payment in self.all(Payment):
            assert 0 <= payment.refunded_minor <= payment.captured_minor
            assert payment.captured_minor <= payment.authorised_minor <= payment.amount_minor
            assert payment.left_to_capture >= 0
            assert payment.left_to_return >= 0
            assert 0 <= payment.charged_back_minor <= payment.captured_minor
            assert payment.verdict == "approved" or payment.authorised_minor == 0
            mine = [m for m in self.all(Movement) if m.order_id == payment.order_id]
            assert payment.capturing_minor == total(mine, "capture", "requested")
            assert payment.captured_minor == total(mine, "capture", "done")
            assert payment.refunding_minor == total(mine, "refund", "requested")
            assert payment.refunded_minor == total(mine, "refund", "done")
            assert payment.charged_back_minor == total(mine, "chargeback", "done")
            assert payment.voiding == bool(total(mine, "void", "requested"))
            lines = [line for line in self.all(Transfer) if line.order_id == payment.order_id]
            assert sorted(line.seq for line in lines) == list(range(1, payment.entries + 1))
            versions = [e.version for e in self.events if e.entity == payment.order_id]
            assert versions == list(range(1, payment.version + 1))
            last = [e for e in self.events if e.entity == payment.order_id][-1].document
            assert (last.state, last.voiding) == (payment.state, payment.voiding)
            assert last.refunding_minor == payment.refunding_minor
        paid = sum(one.captured_minor for one in self.all(Payment))
        back = sum(one.refunded_minor for one in self.all(Payment))
        lost = sum(one.charged_back_minor for one in self.all(Payment))
        assert self.balance("revenue") == -paid
        assert (self.balance("refunds"), self.balance("chargebacks")) == (back, lost)
        assert self.balance("provider_clearing") == paid - back - lost
        assert self.balance("customer") == 0

    def _decide(self, command: Command) -> Decision:
        handler = self._handlers[type(command)]
        needs = frozenset(handler.needs(command))
        rows = WorkingSet()
        for kind in {need.kind for need in needs}:
            groups = [("main", need.group) for need in needs if need.kind is kind]
            rows.hold(kind, groups, [row for row in self.all(kind) if row.group in groups])
        number = next(self._numbers)
        context = Context(
            tenant="main", principal="test", command_id=f"command-{number}", now_ms=1_000 + number
        )
        decision = handler.decide(command, rows.view("main", needs), context)
        rows.check("main", needs, decision.put)
        return decision


def total(movements: Iterable[Movement], kind: str, state: str) -> int:
    return sum(m.amount_minor for m in movements if (m.kind, m.state) == (kind, state))


def told(
    kind: EventKind,
    webhook_id: str = "w",
    *,
    amount_minor: int = AMOUNT,
    movement_id: str = "",
    reason: str = "",
    currency: str = "EUR",
) -> ProviderEvent:
    return ProviderEvent(
        id=webhook_id,
        kind=kind,
        name=f"sim.{kind}",
        charge_id=ORDER,
        reference="ch_1",
        movement_id=movement_id,
        movement_reference=f"ref-{movement_id}",
        amount_minor=amount_minor,
        currency=currency,
        reason=reason,
    )
