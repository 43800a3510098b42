"""One payment while a decision works on it: changes, events and lines of the ledger together."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from shopwire.kernel.commands import Command, Context
from shopwire.kernel.errors import AlreadyExists, RuleBroken, ShopwireError
from shopwire.kernel.rows import Row
from shopwire.kernel.trade_errors import AmountExceeded, PaymentState
from shopwire.modules.orders.api import NotePayment
from shopwire.modules.payments.domain import (
    MOVEMENTS_MAX,
    POSTINGS,
    Movement,
    Payment,
    Transfer,
    document_of,
)
from shopwire.modules.payments.events import (
    BookedKind,
    MovementKind,
    MovementRequested,
    MovementState,
    PaymentEvent,
    PaymentFacts,
)


class Till:
    """What a decision has done to a payment so far."""

    def __init__(self, payment: Payment, movements: Iterable[Movement], context: Context) -> None:
        self.payment = payment
        self.movements = {(one.kind, one.id): one for one in movements}
        self.events: list[PaymentEvent] = []
        self.then: list[Command] = []
        """What tells the order."""
        self._context = context
        self._lines: list[Transfer] = []
        self._before = payment
        self._touched: dict[tuple[MovementKind, str], None] = {}

    @property
    def rows(self) -> list[Row]:
        """What is to be put."""
        changed: list[Row] = [self.movements[key] for key in self._touched]
        payment = [self.payment] if self.payment != self._before else []
        return [*payment, *changed, *self._lines]

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Leaves everything as it was where what is inside is refused."""
        before = (self.payment, dict(self.movements), len(self.events), len(self._lines))
        touched = dict(self._touched)
        try:
            yield
        except ShopwireError:
            self.payment, self.movements, events, lines = before
            del self.events[events:], self._lines[lines:]
            self._touched = touched
            raise

    @property
    def _is_untold(self) -> bool:
        """Whether nothing has come of this promise yet that an order learns by the log."""
        payment = self.payment
        return (
            payment.verdict == "approved"
            and not (payment.captured_minor or payment.released_minor or payment.reason)
            and all(one.state == "requested" for one in self.movements.values())
        )

    def check_currency(self, currency: str) -> None:
        """Raises RuleBroken where somebody speaks of other money than this payment's."""
        if currency != self.payment.currency:
            reason = f"{currency} was told and {self.payment.currency} asked for"
            raise RuleBroken(rule="one_currency", reason=reason)

    def _change(self, **fields: object) -> None:
        self.payment = replace(self.payment, **fields)

    def _put(self, movement: Movement) -> None:
        key = (movement.kind, movement.id)
        self.movements[key] = movement
        self._touched[key] = None

    def _tell(
        self,
        kind: type[PaymentEvent],
        movement: Movement | None = None,
        *,
        amount_minor: int = 0,
        reference: str = "",
        reason: str = "",
        told: bool = False,
    ) -> None:
        """The event of a change, with the document as it is now; `told` tells the order as well."""
        if told:
            note = NotePayment(
                order_id=self.payment.order_id,
                state=self.payment.state,
                refunded_minor=self.payment.refunded_minor,
            )
            self.then.append(note)
        facts = PaymentFacts(
            context=self.payment.context,
            kind=movement.kind if movement else None,
            movement_id=movement.id if movement else "",
            amount_minor=movement.amount_minor if movement else amount_minor,
            reference=movement.reference if movement else reference or self.payment.reference,
            reason=(movement.reason if movement else "") or reason,
            told=told,
        )
        self._publish(kind, facts)

    def _publish(self, kind: type[PaymentEvent], facts: PaymentFacts) -> None:
        self._change(version=self.payment.version + 1)
        self.events.append(
            kind(
                entity=self.payment.order_id,
                version=self.payment.version,
                document=document_of(self.payment, self.movements.values()),
                facts=facts,
            )
        )

    def _ask(
        self,
        kind: MovementKind,
        movement_id: str,
        amount_minor: int,
        *,
        reason: str = "",
        final: bool = False,
    ) -> None:
        """A movement that an activity will carry out."""
        if len(self.movements) >= MOVEMENTS_MAX:
            reason = f"a payment has up to {MOVEMENTS_MAX} movements"
            raise RuleBroken(rule="movements_max", reason=reason)
        if kind == "void":
            self._change(voiding=True)
        movement = self._new(kind, movement_id, amount_minor, reason=reason, final=final)
        self._put(movement)
        self._tell(MovementRequested, movement)

    def _new(
        self,
        kind: MovementKind,
        movement_id: str,
        amount_minor: int,
        *,
        state: MovementState = "requested",
        reason: str = "",
        final: bool = False,
    ) -> Movement:
        return Movement(
            tenant=self.payment.tenant,
            order_id=self.payment.order_id,
            kind=kind,
            id=movement_id,
            amount_minor=amount_minor,
            final=final,
            state=state,
            reason=reason,
            asked_at_ms=self._context.now_ms,
            settled_at_ms=None if state == "requested" else self._context.now_ms,
        )

    def _settle(
        self,
        kind: MovementKind,
        movement_id: str,
        amount_minor: int,
        reference: str,
        *,
        final: bool = False,
        reason: str = "",
    ) -> None:
        """Money moved: the movement is done, and the ledger says so in the same transaction."""
        known = self.movements.get((kind, movement_id))
        known = known or self._new(kind, movement_id, amount_minor, final=final)
        first = self._post(kind, f"{kind}/{movement_id}", amount_minor)
        self._put(
            replace(
                known,
                state="done",
                reference=reference,
                reason=reason or known.reason,
                posting=first,
                settled_at_ms=self._context.now_ms,
            )
        )

    def _reverse(self, done: Movement, reason: str) -> None:
        """What was booked is booked back; no line is ever taken out."""
        self._post(done.kind, f"{done.kind}/{done.id}/reversed", done.amount_minor, back=True)
        self._put(replace(done, state="reversed", reason=reason))

    def _post(
        self,
        kind: BookedKind,
        posting: str,
        amount_minor: int,
        *,
        back: bool = False,
        currency: str = "",
    ) -> int:
        """Writes the lines of one posting; returns the number of the first."""
        first = self.payment.entries + 1
        for debit, credit in POSTINGS[kind]:
            self._change(entries=self.payment.entries + 1)
            self._lines.append(
                Transfer(
                    tenant=self.payment.tenant,
                    order_id=self.payment.order_id,
                    seq=self.payment.entries,
                    posting=posting,
                    debit=credit if back else debit,
                    credit=debit if back else credit,
                    amount_minor=amount_minor,
                    currency=currency or self.payment.currency,
                    command_id=self._context.command_id,
                    at_ms=self._context.now_ms,
                )
            )
        return first

    def _open(self, kind: MovementKind) -> list[Movement]:
        return [
            one for one in self.movements.values() if one.kind == kind and one.state == "requested"
        ]

    def _drop(
        self, movements: Iterable[Movement], reason: str, *, state: MovementState = "dropped"
    ) -> None:
        for one in movements:
            ended = replace(one, state=state, reason=reason, settled_at_ms=self._context.now_ms)
            self._put(ended)

    def _drop_uncovered(self, reason: str) -> None:
        """Takes refunds back that wait for money which will not be there, the newest first."""
        waiting = sorted(self._open("refund"), key=lambda one: (one.asked_at_ms, one.id))
        while waiting and self.payment.left_to_return < 0:
            one = waiting.pop()
            self._drop([one], reason)
            self._change(refunding_minor=self.payment.refunding_minor - one.amount_minor)

    def _next_id(self, kind: MovementKind) -> str:
        """The next number of its kind; ids that others chose do not begin with a point."""
        number = 1 + sum(1 for key in self.movements if key[0] == kind)
        return f".{kind}-{number}"

    def _same(self, kind: MovementKind, movement_id: str, amount_minor: int | None) -> bool:
        """An id that is known already means what it meant first."""
        if amount_minor not in (None, self.movements[kind, movement_id].amount_minor):
            raise AlreadyExists(what=kind, id=movement_id)
        return False

    def _check_promised(self) -> None:
        if self.payment.verdict == "waiting":
            raise PaymentState(payment=self.payment.order_id, state=self.payment.state)

    def _check_amount(self, known: Movement | None, amount_minor: int) -> None:
        if known is not None and known.amount_minor != amount_minor:
            reason = f"{amount_minor} moved and {known.amount_minor} were asked for"
            raise RuleBroken(rule="amount_as_asked", reason=reason)

    def _exceeded(self, requested: int, left: int) -> AmountExceeded:
        return AmountExceeded(
            payment=self.payment.order_id, requested_minor=requested, left_minor=max(0, left)
        )
