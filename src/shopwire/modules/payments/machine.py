"""The state machine of a payment: pure rules over its amounts, its movements and the ledger.

What the provider tells is true and is booked, in whichever order it comes; what was asked for is
bounded by what is left. Where an order was given up, money that still arrives is sent back.
"""

from typing import Final

from msgspec.structs import replace

from shopwire.kernel.errors import NotFound, RuleBroken
from shopwire.modules.payments.events import (
    MovementKind,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentChargedBack,
    PaymentDeclined,
    PaymentFacts,
    PaymentFailed,
    PaymentRefunded,
    PaymentVoided,
    SupplierOwed,
)
from shopwire.modules.payments.till import Till

GONE: Final = frozenset({"expired", "voided", "canceled"})
"""Reasons of a failed capture which mean that the promise is over, too."""
RETURNED: Final = "returned"
"""Reason of the event of a chargeback that was won."""


class Machine(Till):
    """The rules. Each tells whether it changed anything, or which way money goes back."""

    def know(self, reference: str) -> None:
        """The provider's own id, whoever tells it first; it is no news to anybody outside."""
        if reference and not self.payment.reference:
            self._change(reference=reference)

    # -- what the provider said of the promise ------------------------------------------------

    def authorise(self, reference: str, amount_minor: int, currency: str) -> bool:
        """The provider promises; where that comes too late, the promise is given back."""
        self.check_currency(currency)
        if self.payment.verdict == "approved":
            return False
        if amount_minor != self.payment.amount_minor:
            reason = f"{amount_minor} were promised and {self.payment.amount_minor} asked for"
            raise RuleBroken(rule="authorised_in_full", reason=reason)
        late = self.payment.verdict
        self._change(
            verdict="approved",
            authorised_minor=amount_minor,
            # A void that came first has shut the door: nothing is left to give back.
            released_minor=amount_minor if late == "voided" else 0,
            reference=reference or self.payment.reference,
            reason="",
        )
        self._tell(PaymentAuthorised, amount_minor=amount_minor, reference=reference)
        if late == "declined":
            self._ask("void", self._next_id("void"), amount_minor, reason="late")
        return True

    def decline(self, reason: str, reference: str) -> bool:
        """The provider declines; after a promise, or a void, that is an old story."""
        if self.payment.verdict != "waiting":
            return False
        self._change(
            verdict="declined",
            reason=reason,
            voiding=False,
            reference=reference or self.payment.reference,
        )
        self._drop(self._open("void"), "declined")
        self._tell(PaymentDeclined, reason=reason, reference=reference)
        return True

    # -- captures -----------------------------------------------------------------------------

    def ask_capture(self, capture_id: str | None, amount_minor: int | None, *, final: bool) -> bool:
        """Take what is promised; nothing where nothing is left, or all is given up."""
        if capture_id is not None and ("capture", capture_id) in self.movements:
            return self._same("capture", capture_id, amount_minor)
        self._check_promised()
        left = self.payment.left_to_capture
        if any(one.final for one in self._open("capture")):
            left = 0
        wanted = left if amount_minor is None else amount_minor
        if self.payment.given_up or not wanted:
            return False
        if wanted > left:
            raise self._exceeded(wanted, left)
        self._change(capturing_minor=self.payment.capturing_minor + wanted, reason="")
        self._ask("capture", capture_id or self._next_id("capture"), wanted, final=final)
        return True

    def capture(
        self, capture_id: str, amount_minor: int, reference: str, *, tell: bool = False
    ) -> bool:
        """Money was taken, asked for or not; `tell` its order at once, if that is the first news.

        What went before reaches the order by the log, maybe later than this: told at once, this
        would be overwritten by what is older.
        """
        told = tell and self._is_untold
        known = self.movements.get(("capture", capture_id))
        if known is not None and known.state == "done":
            return False
        self._check_amount(known, amount_minor)
        payment = self.payment
        waiting = known is not None and known.state == "requested"
        capturing = payment.capturing_minor - (amount_minor if waiting else 0)
        captured = payment.captured_minor + amount_minor
        promised = payment.verdict == "approved"
        authorised = payment.authorised_minor if promised else payment.amount_minor
        room = authorised - captured - capturing
        if room < 0:
            raise self._exceeded(amount_minor, room + amount_minor)
        if not promised:
            # Money that was taken was promised, also where that news has not come yet.
            self._change(verdict="approved", authorised_minor=authorised)
            self._tell(PaymentAuthorised, amount_minor=authorised)
        final = known.final if known is not None else True
        self._change(
            capturing_minor=capturing,
            captured_minor=captured,
            released_minor=room if final else min(self.payment.released_minor, room),
            reason="",
            voiding=False,
        )
        self._drop(self._open("void"), "captured")
        self._settle("capture", capture_id, amount_minor, reference, final=final)
        self._drop_uncovered("nothing is left of it")
        self._tell(PaymentCaptured, self.movements["capture", capture_id], told=told)
        if payment.given_up:
            self.give_back(None, "late")
        return True

    # -- giving back --------------------------------------------------------------------------

    def give_back(self, void_id: str | None, reason: str) -> str:
        """Everything, whatever stands: tells whether by `void`, `refund` or `none`."""
        payment, way = self.payment, "none"
        if payment.owed > 0:
            self._ask_refund(self._next_id("refund"), payment.owed, reason)
            way = "refund"
        finishing = any(one.final for one in self._open("capture"))
        promised = payment.left_to_capture if payment.verdict == "approved" else 0
        if payment.verdict == "waiting":
            promised = payment.amount_minor
        if payment.voiding:
            return "void"
        if promised and not finishing:
            self._change(voiding=True)
            self._ask("void", void_id or self._next_id("void"), promised, reason=reason)
            way = "void" if way == "none" else way
        return way

    def void(self, reason: str) -> bool:
        """The promise is over: given back as asked, or it ran out by itself."""
        payment, asked = self.payment, self._open("void")
        if payment.verdict in ("declined", "voided"):
            return False
        release = payment.authorised_minor - payment.captured_minor
        if payment.verdict == "approved" and payment.released_minor == release and not asked:
            return False
        for one in asked:
            self._put(replace(one, state="done", settled_at_ms=self._context.now_ms))
        self._drop(self._open("capture"), "voided", state="failed")
        self._change(
            verdict="voided" if payment.verdict == "waiting" else payment.verdict,
            released_minor=release if payment.verdict == "approved" else 0,
            capturing_minor=0,
            voiding=False,
            # Nobody wanted it: an order may wait for this money.
            reason="" if asked else reason or "voided",
        )
        self._drop_uncovered("voided")
        self._tell(PaymentVoided, asked[0] if asked else None, reason=reason)
        return True

    def ask_refund(self, refund_id: str, amount_minor: int | None, reason: str) -> str:
        """Give back a part or all: tells whether by `void` or `refund`."""
        for kind in ("refund", "void"):
            if (kind, refund_id) in self.movements:
                self._same(kind, refund_id, amount_minor)
                return kind
        payment = self.payment
        untaken = not (payment.captured_minor or payment.capturing_minor or payment.refunding_minor)
        left = payment.owed if payment.given_up else payment.left_to_return
        if payment.verdict == "waiting" and not payment.voiding:
            left = payment.amount_minor
        wanted = left if amount_minor is None else amount_minor
        if wanted > left or not wanted:
            raise self._exceeded(wanted, left)
        if untaken and wanted == left:
            return self.give_back(refund_id, reason)
        self._check_promised()
        self._ask_refund(refund_id, wanted, reason)
        return "refund"

    def _ask_refund(self, refund_id: str, amount_minor: int, reason: str) -> None:
        self._change(refunding_minor=self.payment.refunding_minor + amount_minor)
        self._ask("refund", refund_id, amount_minor, reason=reason)

    def refund(self, refund_id: str, amount_minor: int, reference: str) -> bool:
        """Money was given back, asked for or not."""
        known = self.movements.get(("refund", refund_id))
        if known is not None and known.state in ("done", "reversed", "failed"):
            return False  # a failure is the provider's last word on an id
        self._check_amount(known, amount_minor)
        payment = self.payment
        if amount_minor > payment.captured_minor - payment.refunded_minor:
            raise self._exceeded(amount_minor, payment.captured_minor - payment.refunded_minor)
        waiting = known is not None and known.state == "requested"
        self._change(
            refunding_minor=payment.refunding_minor - (amount_minor if waiting else 0),
            refunded_minor=payment.refunded_minor + amount_minor,
            reason="",
        )
        self._settle("refund", refund_id, amount_minor, reference)
        self._drop_uncovered("nothing is left of it")
        self._tell(PaymentRefunded, self.movements["refund", refund_id])
        return True

    # -- goods ---------------------------------------------------------------------------------

    def owe(self, payable_id: str, supplier: str, amount_minor: int, currency: str) -> None:
        """Goods were shipped and are owed for; that it is booked once, the ledger's key holds."""
        self._post("payable", f"payable/{payable_id}", amount_minor, currency=currency)
        facts = PaymentFacts(
            context=self.payment.context,
            kind="payable",
            movement_id=payable_id,
            amount_minor=amount_minor,
            currency=currency,
            reference=supplier,
        )
        self._publish(SupplierOwed, facts)

    # -- what went wrong ----------------------------------------------------------------------

    def fail(self, kind: MovementKind, movement_id: str, reason: str) -> bool:
        """A movement will never happen, or a refund came back; raises NotFound for no movement."""
        known = self.movements.get((kind, movement_id))
        if known is None:
            raise NotFound(what=kind, id=movement_id)
        reversed_refund = kind == "refund" and known.state == "done"
        if known.state != "requested" and not reversed_refund:
            return False
        payment = self.payment
        if reversed_refund:
            self._change(refunded_minor=payment.refunded_minor - known.amount_minor, reason=reason)
            self._reverse(known, reason)
        else:
            asked = replace(known, state="failed", reason=reason)
            self._put(replace(asked, settled_at_ms=self._context.now_ms))
            match kind:
                case "capture":
                    capturing = payment.capturing_minor - known.amount_minor
                    self._change(capturing_minor=capturing, reason=reason)
                case "refund":
                    refunding = payment.refunding_minor - known.amount_minor
                    self._change(refunding_minor=refunding, reason=reason)
                case _:
                    self._change(voiding=False, reason=reason)
        if kind == "capture" and reason in GONE:
            # What others still want of it will be refused for the same reason.
            self._change(released_minor=self.payment.released_minor + self.payment.left_to_capture)
            self._drop_uncovered(reason)
        self._tell(PaymentFailed, self.movements[kind, movement_id])
        return True

    def charge_back(self, dispute_id: str, amount_minor: int, reason: str) -> bool:
        """The shopper's bank took money back; that is beyond what anybody here allows."""
        if ("chargeback", dispute_id) in self.movements:
            return False
        payment = self.payment
        left = payment.captured_minor - payment.charged_back_minor
        if not 1 <= amount_minor <= left:
            raise self._exceeded(amount_minor, left)
        self._change(charged_back_minor=payment.charged_back_minor + amount_minor)
        self._settle("chargeback", dispute_id, amount_minor, dispute_id, reason=reason)
        self._tell(PaymentChargedBack, self.movements["chargeback", dispute_id])
        return True

    def fail_stranger(self, refund_id: str, amount_minor: int, reason: str) -> bool:
        """A refund that nobody here asked for, and that nobody told of yet, came to nothing."""
        if ("refund", refund_id) in self.movements:
            return self.fail("refund", refund_id, reason)
        self._put(self._new("refund", refund_id, amount_minor, state="failed", reason=reason))
        self._tell(PaymentFailed, self.movements["refund", refund_id])
        return True

    def return_charge(self, dispute_id: str, amount_minor: int) -> bool:
        """A chargeback was won: the money came back to us."""
        known = self.movements.get(("chargeback", dispute_id))
        if known is not None and known.state != "done":
            return False
        if known is None:
            # It was taken and came back; that it was taken is told later, and is booked by then.
            self._settle("chargeback", dispute_id, amount_minor, dispute_id)
        else:
            left = self.payment.charged_back_minor - known.amount_minor
            self._change(charged_back_minor=left)
        self._reverse(self.movements["chargeback", dispute_id], RETURNED)
        self._tell(PaymentChargedBack, self.movements["chargeback", dispute_id])
        return True
