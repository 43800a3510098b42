"""What every PaymentProvider does.

Subclass `PaymentConformance` and provide the fixture `target`.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Literal, Protocol, TypeVar

import pytest
from msgspec.structs import replace

from shopwire.kernel.errors import MalformedRequest
from shopwire.kernel.payments import (
    Charge,
    EventKind,
    PaymentProvider,
    ProviderEvent,
    Settlement,
)
from shopwire.kernel.trade_errors import ProviderUnavailable, SignatureInvalid
from shopwire.kernel.webhooks import TOLERANCE_MS_MAX

TRIES_MAX: Final = 20
"""Calls until a provider that is away or loses answers has to have answered."""
AMOUNT: Final = 10_000

Card = Literal["good", "declined", "pending", "lost", "away"]
T = TypeVar("T")


class Target(Protocol):
    """An adapter, and the world on its other side."""

    @property
    def provider(self) -> PaymentProvider:
        """The adapter under test."""
        ...

    @property
    def now_ms(self) -> int:
        """The time at which webhooks are signed."""
        ...

    def method(self, card: Card) -> str:
        """The provider's token for a card that behaves so."""
        ...

    def taken(self, charge_id: str) -> tuple[int, int]:
        """Captured and refunded, as the provider's own books say."""
        ...

    async def confirm(self, charge_id: str) -> None:
        """The shopper's bank approves a pending charge."""
        ...

    async def webhooks(self) -> Sequence[tuple[Mapping[str, str], bytes]]:
        """Everything that was sent so far: headers with lower-case names, and the raw body."""
        ...

    def sign(self, body: bytes) -> Mapping[str, str]:
        """What the provider would send with this body."""
        ...


class PaymentConformance:
    """Subclass it and provide the fixture `target`."""

    _numbers = itertools.count(1)

    def _charge(self, target: Target, card: Card = "good", amount: int = AMOUNT) -> Charge:
        return Charge(
            id=f"cart-{next(self._numbers):08d}.1",
            amount_minor=amount,
            currency="EUR",
            method=target.method(card),
        )

    async def _paid(self, target: Target) -> Charge:
        charge = self._charge(target)
        await target.provider.authorise(charge)
        await target.provider.capture(charge, "c1", AMOUNT)
        return charge

    # -- the promise --------------------------------------------------------------------------

    async def test_a_good_card_is_approved_once_and_for_the_whole_amount(
        self, target: Target
    ) -> None:
        """Asked again, the answer is the same value."""
        charge = self._charge(target)
        first = await target.provider.authorise(charge)
        assert (first.state, first.amount_minor, first.currency) == ("approved", AMOUNT, "EUR")
        assert first.reference
        assert await target.provider.authorise(charge) == first
        known = replace(charge, reference=first.reference)
        assert await target.provider.authorise(known) == first
        assert target.taken(charge.id) == (0, 0)

    async def test_a_declined_card_says_why_and_again_the_same(self, target: Target) -> None:
        """A decline is an answer, never an exception."""
        charge = self._charge(target, "declined")
        first = await target.provider.authorise(charge)
        assert (first.state, first.amount_minor) == ("declined", 0)
        assert first.reason == "insufficient_funds"
        assert await target.provider.authorise(charge) == first

    @pytest.mark.parametrize("card", ["good", "declined"])
    async def test_answer_look_and_webhook_say_the_same(self, target: Target, card: Card) -> None:
        """Whoever completes an order brings the same value."""
        charge = self._charge(target, card)
        answer = await target.provider.authorise(charge)
        assert (await target.provider.fetch(charge)).authorisation == answer
        kind: EventKind = "authorised" if card == "good" else "declined"
        event = await self._event(target, charge, kind)
        assert (event.reference, event.amount_minor) == (answer.reference, answer.amount_minor)
        assert (event.currency, event.reason) == (answer.currency, answer.reason)

    async def test_a_pending_charge_is_approved_when_the_bank_has_answered(
        self, target: Target
    ) -> None:
        """The call tells that it is open; a look and a webhook tell the end."""
        charge = self._charge(target, "pending")
        assert (await target.provider.authorise(charge)).state == "pending"
        await target.confirm(charge.id)
        standing = await target.provider.fetch(charge)
        assert standing.authorisation is not None
        assert standing.authorisation.state == "approved"
        assert await target.provider.authorise(charge) == standing.authorisation
        assert (await self._event(target, charge, "authorised")).amount_minor == AMOUNT

    async def test_of_a_charge_that_nobody_asked_for_nothing_is_known(self, target: Target) -> None:
        """A look promises nothing and shuts no door."""
        charge = self._charge(target)
        standing = await target.provider.fetch(charge)
        assert (standing.authorisation, standing.voided) == (None, False)
        assert (await target.provider.authorise(charge)).state == "approved"

    async def test_a_hundred_at_once_are_one_charge(self, target: Target) -> None:
        """And every one of them gets the same answer in the end."""
        charge = self._charge(target)
        answers = await self._hundred(lambda: target.provider.authorise(charge))
        assert len({(one.state, one.reference) for one in answers}) == 1

    # -- captures -----------------------------------------------------------------------------

    async def test_a_capture_takes_its_amount_once_by_its_id(self, target: Target) -> None:
        """The same id again has the same answer and no effect."""
        charge = await self._paid(target)
        again = await target.provider.capture(charge, "c1", AMOUNT)
        assert (again.state, again.amount_minor) == ("done", AMOUNT)
        assert target.taken(charge.id) == (AMOUNT, 0)
        event = await self._event(target, charge, "captured")
        assert (event.movement_id, event.amount_minor) == ("c1", AMOUNT)
        standing = await target.provider.fetch(charge)
        assert standing.captures["c1"].amount_minor == AMOUNT
        assert not standing.voided

    async def test_several_captures_take_the_promise_in_parts(self, target: Target) -> None:
        """Each is told by its own id; the final one frees the rest."""
        charge = self._charge(target)
        await target.provider.authorise(charge)
        await target.provider.capture(charge, "c1", 2_000, final=False)
        await target.provider.capture(charge, "c2", 3_000, final=False)
        await target.provider.capture(charge, "c3", 4_000)
        assert target.taken(charge.id) == (9_000, 0)
        refused = await target.provider.capture(charge, "c4", 1_000)
        assert refused.state == "refused"
        captures = (await target.provider.fetch(charge)).captures
        done = {name: one.amount_minor for name, one in captures.items() if one.state == "done"}
        assert done == {"c1": 2_000, "c2": 3_000, "c3": 4_000}
        told = [one for one in await self._events(target, charge) if one.kind == "captured"]
        assert {one.movement_id: one.amount_minor for one in told} == done

    async def test_more_than_was_promised_is_refused(self, target: Target) -> None:
        """For good: the same id again is refused again."""
        charge = self._charge(target)
        await target.provider.authorise(charge)
        for _ in range(2):
            refused = await target.provider.capture(charge, "c1", AMOUNT + 1)
            assert refused == replace(refused, state="refused", amount_minor=0)
            assert refused.reason == "amount_too_large"
        assert target.taken(charge.id) == (0, 0)

    @pytest.mark.parametrize("card", ["declined", "good"])
    async def test_nothing_is_taken_that_was_not_promised(self, target: Target, card: Card) -> None:
        """A declined charge, and one that nobody asked for yet."""
        charge = self._charge(target, card)
        if card == "declined":
            await target.provider.authorise(charge)
        assert (await target.provider.capture(charge, "c1", 1)).state == "refused"
        assert target.taken(charge.id) == (0, 0)

    async def test_a_hundred_equal_captures_at_once_take_the_money_once(
        self, target: Target
    ) -> None:
        """Whatever the provider answers to those that came while one was under way."""
        charge = self._charge(target)
        await target.provider.authorise(charge)
        answers = await self._hundred(lambda: target.provider.capture(charge, "c1", 7_000))
        assert {one.amount_minor for one in answers} == {7_000}
        assert target.taken(charge.id) == (7_000, 0)

    # -- voids --------------------------------------------------------------------------------

    async def test_a_void_frees_the_promise_for_good(self, target: Target) -> None:
        """Twice is once; nothing can be taken afterwards."""
        charge = self._charge(target)
        approved = await target.provider.authorise(charge)
        for _ in range(2):
            assert (await target.provider.void(charge)).state == "done"
        standing = await target.provider.fetch(charge)
        assert (standing.voided, standing.authorisation) == (True, approved)
        refused = await target.provider.capture(charge, "c1", AMOUNT)
        assert (refused.state, refused.reason) == ("refused", "voided")
        assert (await self._event(target, charge, "voided")).reference == approved.reference

    async def test_a_void_shuts_the_door_before_anybody_came(self, target: Target) -> None:
        """An authorisation that was under way meanwhile finds it shut."""
        charge = self._charge(target)
        assert (await target.provider.void(charge)).state == "done"
        late = await target.provider.authorise(charge)
        assert (late.state, late.reason, late.amount_minor) == ("declined", "voided", 0)
        standing = await target.provider.fetch(charge)
        assert (standing.voided, standing.authorisation) == (True, None)

    async def test_money_that_was_taken_cannot_be_voided(self, target: Target) -> None:
        """It has to be refunded."""
        charge = await self._paid(target)
        refused = await target.provider.void(charge)
        assert (refused.state, refused.reason) == ("refused", "captured")
        assert target.taken(charge.id) == (AMOUNT, 0)

    async def test_after_a_partial_capture_a_void_frees_the_rest(self, target: Target) -> None:
        """What was taken stays taken."""
        charge = self._charge(target)
        await target.provider.authorise(charge)
        await target.provider.capture(charge, "c1", 2_000, final=False)
        assert (await target.provider.void(charge)).state == "done"
        assert (await target.provider.capture(charge, "c2", 1)).state == "refused"
        assert target.taken(charge.id) == (2_000, 0)

    # -- refunds ------------------------------------------------------------------------------

    async def test_refunds_give_back_parts_each_once_by_its_id(self, target: Target) -> None:
        """Never more than was taken."""
        charge = await self._paid(target)
        for _ in range(2):
            for refund_id, amount in (("r1", 2_500), ("return/1", 4_000)):
                done = await target.provider.refund(charge, refund_id, amount)
                assert (done.state, done.amount_minor) == ("done", amount)
        refused = await target.provider.refund(charge, "r3", 3_501)
        assert (refused.state, refused.reason) == ("refused", "amount_too_large")
        assert target.taken(charge.id) == (AMOUNT, 6_500)
        refunds = (await target.provider.fetch(charge)).refunds
        done_ids = {name for name, one in refunds.items() if one.state == "done"}
        assert done_ids == {"r1", "return/1"}
        told = [one for one in await self._events(target, charge) if one.kind == "refunded"]
        assert [(one.movement_id, one.amount_minor) for one in told] == [
            ("r1", 2_500),
            ("return/1", 4_000),
        ]

    async def test_a_hundred_equal_refunds_at_once_give_the_money_back_once(
        self, target: Target
    ) -> None:
        """Whatever the provider answers to those that came while one was under way."""
        charge = await self._paid(target)
        answers = await self._hundred(lambda: target.provider.refund(charge, "r1", 3_000))
        assert {one.amount_minor for one in answers} == {3_000}
        assert target.taken(charge.id) == (AMOUNT, 3_000)

    # -- answers that do not come -------------------------------------------------------------

    @pytest.mark.parametrize("card", ["lost", "away"])
    async def test_tried_until_it_answers_everything_happens_once(
        self, target: Target, card: Card
    ) -> None:
        """Lost after it was done, or away before anything was: the caller cannot tell."""
        charge, lost = self._charge(target, card), 0

        async def until(call: Callable[[], Awaitable[T]]) -> T:
            nonlocal lost
            for _ in range(TRIES_MAX):
                try:
                    return await call()
                except ProviderUnavailable:
                    lost += 1
            raise AssertionError("it never answered")

        provider = target.provider
        approved = await until(lambda: provider.authorise(charge))
        assert approved.state == "approved"
        captured: Settlement = await until(lambda: provider.capture(charge, "c1", 6_000))
        refunded: Settlement = await until(lambda: provider.refund(charge, "r1", 1_000))
        assert (captured.amount_minor, refunded.amount_minor) == (6_000, 1_000)
        assert lost >= 3
        assert target.taken(charge.id) == (6_000, 1_000)

    async def test_what_was_done_before_the_answer_was_lost_can_be_looked_up(
        self, target: Target
    ) -> None:
        """The caller that gave up need not ask for it again."""
        charge = self._charge(target, "lost")
        with pytest.raises(ProviderUnavailable) as refusal:
            await target.provider.authorise(charge)
        assert refusal.value.data["provider"] == target.provider.name
        standing = await self._until_known(target, charge)
        assert standing == "approved"

    # -- webhooks -----------------------------------------------------------------------------

    async def test_only_what_the_provider_signed_is_read(self, target: Target) -> None:
        """Not with another body, another signature, none, or at another time."""
        await self._paid(target)
        provider, now_ms = target.provider, target.now_ms
        headers, body = (await target.webhooks())[0]
        assert provider.read_webhook(headers, body, now_ms).kind == "authorised"
        for shown, forged in self._forgeries(headers, body):
            with pytest.raises(SignatureInvalid):
                provider.read_webhook(shown, forged, now_ms)
        for off_ms in (TOLERANCE_MS_MAX + 60_000, -TOLERANCE_MS_MAX - 60_000):
            with pytest.raises(SignatureInvalid):
                provider.read_webhook(headers, body, now_ms + off_ms)

    @pytest.mark.parametrize(
        "body", [b"", b"{}", b"[]", b"nonsense", b'{"type": 5}', b"\xff\xfe", b"[" * 50_000]
    )
    async def test_what_is_signed_and_cannot_be_read_is_malformed(
        self, target: Target, body: bytes
    ) -> None:
        """A refusal, never a defect."""
        with pytest.raises((MalformedRequest, SignatureInvalid)):
            target.provider.read_webhook(target.sign(body), body, target.now_ms)

    async def test_what_nobody_knows_is_read_as_something_else(self, target: Target) -> None:
        """It is kept for a person to see."""
        _, body = await self._some_webhook(target)
        other = body.replace(b"charge.authorised", b"invoice.sent").replace(
            b"payment_intent.amount_capturable_updated", b"invoice.sent"
        )
        assert other != body
        event = target.provider.read_webhook(target.sign(other), other, target.now_ms)
        assert (event.kind, event.name) == ("other", "invoice.sent")

    # -- helpers ------------------------------------------------------------------------------

    def _forgeries(
        self, headers: Mapping[str, str], body: bytes
    ) -> list[tuple[Mapping[str, str], bytes]]:
        found: list[tuple[Mapping[str, str], bytes]] = [
            (headers, body + b" "),
            (headers, body.replace(b"EUR", b"USD").replace(b"eur", b"usd")),
            (headers, b""),
            ({}, body),
        ]
        for name, value in headers.items():
            without = {other: text for other, text in headers.items() if other != name}
            broken = [value[:-4] + "AAAA", value.upper(), "", "é", f"{value}\udcff", "1" * 500]
            found.append((without, body))
            found += [({**headers, name: one}, body) for one in broken if one != value]
        return found

    async def _hundred(self, call: Callable[[], Awaitable[T]]) -> list[T]:
        async def one() -> T:
            for _ in range(TRIES_MAX):
                try:
                    return await call()
                except ProviderUnavailable:
                    await asyncio.sleep(0)
            raise AssertionError("it never answered")

        return await asyncio.gather(*(one() for _ in range(100)))

    async def _until_known(self, target: Target, charge: Charge) -> str:
        for _ in range(TRIES_MAX):
            try:
                standing = await target.provider.fetch(charge)
            except ProviderUnavailable:
                continue
            if standing.authorisation is not None:
                return standing.authorisation.state
        return "unknown"

    async def _some_webhook(self, target: Target) -> tuple[Mapping[str, str], bytes]:
        await target.provider.authorise(self._charge(target))
        return (await target.webhooks())[0]

    async def _events(self, target: Target, charge: Charge) -> list[ProviderEvent]:
        events = [
            target.provider.read_webhook(headers, body, target.now_ms)
            for headers, body in await target.webhooks()
        ]
        return [event for event in events if event.charge_id == charge.id]

    async def _event(self, target: Target, charge: Charge, kind: EventKind) -> ProviderEvent:
        (event,) = [one for one in await self._events(target, charge) if one.kind == kind]
        return event
