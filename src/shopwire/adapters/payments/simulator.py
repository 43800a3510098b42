"""A provider that exists only here: realistic, repeatable, and able to misbehave.

It does what real ones do: takes each request once by its id, keeps books of its own, sends signed
webhooks, and now and then is slow, away, or loses its answer after the work was done. Which of
these, the card's token says (`scripts`), or the dice of a seed.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, Literal

import msgspec
from typing_extensions import override

from shopwire.adapters.payments.books import Book, Entry, MemoryBook
from shopwire.adapters.payments.courier import Courier, Deliver, Notice, Sleep
from shopwire.adapters.payments.scripts import Chaos, Script, script_of
from shopwire.kernel.clock import Clock, SystemClock
from shopwire.kernel.errors import MalformedRequest
from shopwire.kernel.payments import (
    PROVIDER_ANSWER_MS_MAX,
    PROVIDER_RETRY_MS,
    Authorisation,
    Charge,
    EventKind,
    PaymentProvider,
    ProviderEvent,
    Settlement,
    Standing,
)
from shopwire.kernel.trade_errors import ProviderUnavailable
from shopwire.kernel.webhooks import verify

LATE_MS: Final = 20_000
"""How late a late webhook is."""
PENDING_MS: Final = 1_500
"""How long a shopper's bank takes to be asked."""

_KINDS: Final[dict[str, EventKind]] = {
    "charge.authorised": "authorised",
    "charge.declined": "declined",
    "charge.captured": "captured",
    "charge.voided": "voided",
    "charge.refunded": "refunded",
    "refund.failed": "refund_failed",
    "dispute.taken": "charged_back",
    "dispute.won": "charge_returned",
}


class _Data(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook of the simulated provider is about."""

    charge: str = ""
    reference: str = ""
    movement: str = ""
    movement_reference: str = ""
    amount_minor: int = 0
    currency: str = ""
    reason: str = ""


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook's body."""

    type: str
    data: _Data


class Simulator(PaymentProvider):
    """See PaymentProvider. `secrets` sign and prove its webhooks: the first one signs."""

    def __init__(
        self,
        secrets: Sequence[str],
        *,
        book: Book | None = None,
        deliver: Deliver | None = None,
        seed: int = 0,
        chaos: Chaos | None = None,
        clock: Clock | None = None,
        sleep: Sleep = asyncio.sleep,
        answer_ms_max: int = PROVIDER_ANSWER_MS_MAX,
    ) -> None:
        self.book = book or MemoryBook()
        self._secrets = secrets
        self._seed, self._chaos = seed, chaos
        self._sleep, self._answer_ms_max = sleep, answer_ms_max
        self.courier = Courier(secrets[0], deliver, clock or SystemClock(), sleep)
        self._held: dict[str, Notice] = {}
        """News of promises that wait for the news of their capture."""

    @property
    @override
    def name(self) -> str:
        return "simulator"

    # -- calls --------------------------------------------------------------------------------

    @override
    async def authorise(self, charge: Charge) -> Authorisation:
        async with self._call(charge, "authorise") as call:
            entry = call.entry
            if not entry.verdict:
                entry.reason = call.script.decline
                entry.verdict = "declined" if entry.reason else "approved"
                if entry.voided:
                    entry.verdict, entry.reason = "declined", "voided"
                elif call.script.pending:
                    entry.verdict = "pending"
                    self.courier.run(self._confirm_later(charge.id))
                call.news()
            return _authorisation(entry)

    @override
    async def capture(
        self, charge: Charge, capture_id: str, amount_minor: int, *, final: bool = True
    ) -> Settlement:
        async with self._call(charge, f"capture/{capture_id}") as call:
            entry, refused = call.entry, call.entry.refused.get(f"capture/{capture_id}", "")
            if capture_id not in entry.captures and not refused:
                refused = call.script.capture_fails or _no_capture(entry, amount_minor)
                if refused == "expired":
                    entry.voided, entry.released_minor = True, entry.amount_minor
                if refused:
                    entry.refused[f"capture/{capture_id}"] = refused
                else:
                    entry.captures[capture_id] = amount_minor
                    if final:
                        entry.released_minor = entry.amount_minor - entry.captured_minor
                    call.tell("charge.captured", capture_id, amount_minor)
                    if call.script.charged_back:
                        entry.disputed[f"dispute_{capture_id}"] = amount_minor
                        call.tell("dispute.taken", f"dispute_{capture_id}", amount_minor)
            return _settlement(entry, capture_id, entry.captures, refused)

    @override
    async def void(self, charge: Charge) -> Settlement:
        async with self._call(charge, "void") as call:
            entry = call.entry
            if entry.captured_minor and not entry.left_minor and not entry.voided:
                return Settlement(
                    state="refused", reference=_reference(entry.id), reason="captured"
                )
            if not entry.voided:
                entry.voided = True
                entry.released_minor += entry.left_minor
                if entry.verdict == "pending":
                    entry.verdict, entry.reason = "declined", "voided"
                call.tell("charge.voided", "", 0)
            return Settlement(state="done", reference=_reference(entry.id))

    @override
    async def refund(self, charge: Charge, refund_id: str, amount_minor: int) -> Settlement:
        async with self._call(charge, f"refund/{refund_id}") as call:
            entry, refused = call.entry, call.entry.refused.get(f"refund/{refund_id}", "")
            if refund_id not in entry.refunds and not refused:
                refused = call.script.refund_fails
                if amount_minor > entry.captured_minor - entry.refunded_minor:
                    refused = "amount_too_large"
                if refused:
                    entry.refused[f"refund/{refund_id}"] = refused
                else:
                    entry.refunds[refund_id] = amount_minor
                    call.tell("charge.refunded", refund_id, amount_minor)
            settled = _settlement(entry, refund_id, entry.refunds, refused)
            if call.script.refund_returns and refund_id in entry.refunds:
                entry.returned[refund_id] = entry.refunds.pop(refund_id)
                entry.refused[f"refund/{refund_id}"] = "account_closed"
                call.tell("refund.failed", refund_id, amount_minor, "account_closed")
            return settled

    @override
    async def fetch(self, charge: Charge) -> Standing:
        async with self._call(charge, "fetch") as call:
            entry = call.entry
            known = entry.verdict and entry.reason != "voided"
            captures = {
                name: _settlement(entry, name, entry.captures, "") for name in entry.captures
            }
            refunds = {name: _settlement(entry, name, entry.refunds, "") for name in entry.refunds}
            for name, reason in entry.refused.items():
                kind, _, movement = name.partition("/")
                refused = _settlement(entry, movement, {}, reason)
                (captures if kind == "capture" else refunds)[movement] = refused
            return Standing(
                authorisation=_authorisation(entry) if known else None,
                voided=entry.voided,
                captures=captures,
                refunds=refunds,
            )

    @override
    def read_webhook(self, headers: Mapping[str, str], body: bytes, now_ms: int) -> ProviderEvent:
        webhook_id = verify(self._secrets, headers, body, now_ms=now_ms)
        try:
            message = msgspec.json.decode(body, type=_Message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            raise MalformedRequest(field="body", reason=str(problem)) from None
        data = message.data
        return ProviderEvent(
            id=webhook_id,
            kind=_KINDS.get(message.type, "other"),
            name=message.type,
            charge_id=data.charge,
            reference=data.reference,
            movement_id=data.movement,
            movement_reference=data.movement_reference,
            amount_minor=data.amount_minor,
            currency=data.currency,
            reason=data.reason,
        )

    @override
    async def close(self) -> None:
        await self.courier.close()
        self.book.close()

    # -- for those who play the world outside -------------------------------------------------

    def confirm(self, charge_id: str) -> None:
        """The shopper's bank has answered: a pending charge is approved or declined now."""
        with self.book.open(charge_id) as entry:
            if entry.verdict != "pending":
                return
            entry.verdict = "declined" if entry.reason else "approved"
            call = _Call(entry, self._script(entry.method, charge_id))
            call.news()
        self.courier.run(self._tell(call))

    def win_dispute(self, charge_id: str, capture_id: str) -> None:
        """The shopper's bank gives back what it took."""
        with self.book.open(charge_id) as entry:
            dispute = f"dispute_{capture_id}"
            call = _Call(entry, self._script(entry.method, charge_id))
            call.tell("dispute.won", dispute, entry.disputed.pop(dispute))
        self.courier.run(self._tell(call))

    # -- how a call goes ----------------------------------------------------------------------

    @asynccontextmanager
    async def _call(self, charge: Charge, name: str) -> AsyncIterator["_Call"]:
        """One call: what it does is kept at once, whatever becomes of its answer."""
        script = self._script(charge.method, charge.id)
        with self.book.open(charge.id) as entry:
            tries = entry.tries[name] = entry.tries.get(name, 0) + 1
            _check_same(entry, charge)
            call = _Call(entry, script)
            away = tries <= script.away
            if not away:
                yield call
        if away:
            raise self._unavailable()
        await self._tell(call)
        if script.slow_ms:
            await self._sleep(min(script.slow_ms, self._answer_ms_max) / 1_000)
        if tries <= script.away + script.lost or script.slow_ms > self._answer_ms_max:
            raise self._unavailable()

    async def _tell(self, call: "_Call") -> None:
        """Sends the webhooks of a call, when its card says so."""
        charge_id, telling = call.entry.id, call.script.telling
        for kind, notice in call.notices:
            match telling:
                case "never":
                    continue
                case "before":
                    await self._bring_first(notice)
                case "late":
                    self.courier.send(notice, wait_ms=LATE_MS)
                case "reversed" if kind == "charge.authorised":
                    self._held[charge_id] = notice
                case "reversed" if charge_id in self._held:
                    self.courier.run(self._bring_both(notice, self._held.pop(charge_id)))
                case _:
                    self.courier.send(notice)
                    if telling == "twice":
                        self.courier.send(notice)

    async def _bring_first(self, notice: Notice) -> None:
        """Waits for the shop to take it, but no longer than the caller waits for its answer."""
        bringing = asyncio.create_task(self.courier.bring(notice))
        self.courier.keep(bringing)
        await asyncio.wait({bringing}, timeout=self._answer_ms_max / 1_000)
        if not bringing.done():
            raise self._unavailable()

    async def _bring_both(self, first: Notice, second: Notice) -> None:
        await self.courier.bring(first)
        await self.courier.bring(second)

    async def _confirm_later(self, charge_id: str) -> None:
        await self._sleep(PENDING_MS / 1_000)
        self.confirm(charge_id)

    def _script(self, method: str, charge_id: str) -> Script:
        return script_of(method, charge_id, self._seed, self._chaos)

    def _unavailable(self) -> ProviderUnavailable:
        return ProviderUnavailable(provider=self.name, retry_ms=PROVIDER_RETRY_MS)


class _Call:
    """What one call changes, and what is told of it."""

    def __init__(self, entry: Entry, script: Script) -> None:
        self.entry, self.script = entry, script
        self.notices: list[tuple[str, Notice]] = []

    def news(self) -> None:
        """Tells what became of the promise, if anything did."""
        if self.entry.verdict == "approved":
            self.tell("charge.authorised", "", self.entry.amount_minor)
        elif self.entry.verdict == "declined":
            self.tell("charge.declined", "", 0, self.entry.reason)

    def tell(self, kind: str, movement: str, amount_minor: int, reason: str = "") -> None:
        """One webhook; its id is the same whenever the same thing is told."""
        entry = self.entry
        data = _Data(
            charge=entry.id,
            reference=_reference(entry.id),
            movement=movement,
            movement_reference=_reference(f"{entry.id}/{movement}") if movement else "",
            amount_minor=amount_minor,
            currency=entry.currency,
            reason=reason,
        )
        body = msgspec.json.encode(_Message(type=kind, data=data))
        webhook_id = "evt_" + hashlib.sha256(body).hexdigest()[:24]
        self.notices.append((kind, Notice(webhook_id, body)))


def _check_same(entry: Entry, charge: Charge) -> None:
    """An id stands for one charge; another amount under it is the caller's defect."""
    told = (charge.amount_minor, charge.currency, charge.method)
    if entry.currency and told != (entry.amount_minor, entry.currency, entry.method):
        raise ValueError(f"charge {charge.id} was asked for with other terms before")
    entry.amount_minor, entry.currency, entry.method = told


def _authorisation(entry: Entry) -> Authorisation:
    approved = entry.verdict == "approved"
    state: Literal["approved", "declined", "pending"] = "pending"
    if entry.verdict in ("approved", "declined"):
        state = "approved" if approved else "declined"
    return Authorisation(
        state=state,
        reference=_reference(entry.id),
        amount_minor=entry.amount_minor if approved else 0,
        currency=entry.currency,
        reason=entry.reason if state == "declined" else "",
    )


def _no_capture(entry: Entry, amount_minor: int) -> str:
    """Why nothing can be taken; empty where it can."""
    if entry.verdict != "approved":
        return entry.reason or entry.verdict or "unknown_charge"
    if entry.voided:
        return "voided"
    return "" if amount_minor <= entry.left_minor else "amount_too_large"


def _settlement(entry: Entry, movement: str, done: Mapping[str, int], refused: str) -> Settlement:
    reference = _reference(f"{entry.id}/{movement}")
    if refused:
        return Settlement(state="refused", reference=reference, reason=refused)
    return Settlement(state="done", reference=reference, amount_minor=done[movement])


def _reference(text: str) -> str:
    """The provider's own id for something of ours."""
    return "sim_" + hashlib.sha256(text.encode()).hexdigest()[:20]
