"""Stripe's own ways: what goes over the wire, what its errors mean, its signature, its events."""

import contextlib
import json
from typing import Any

import pytest
from tests.payments.stripe_server import (
    KEY,
    PATIENCE_MS,
    SECRET,
    Stripe,
    sign,
    stripe_server,
)

from shopwire.adapters.payments.stripe import StripeProvider
from shopwire.kernel.payments import Charge, ProviderEvent
from shopwire.kernel.trade_errors import ProviderUnavailable, SignatureInvalid

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning"),  # Stripe's use of httpx
]

NOW_MS = 1_800_000_000_000
VISA = "pm_card_visa"


def charge(method: str = VISA, order_id: str = "cart-00000001.1") -> Charge:
    return Charge(id=order_id, amount_minor=10_000, currency="EUR", method=method)


class Both:
    """The adapter and the server that it talks to."""

    def __init__(self, provider: StripeProvider, books: Stripe, address: str) -> None:
        self.provider, self.books, self.address = provider, books, address

    @property
    def intent(self) -> dict[str, Any]:
        (intent,) = self.books.intents.values()
        return intent

    def told(self) -> list[ProviderEvent]:
        return [
            self.provider.read_webhook(headers, body, NOW_MS) for headers, body in self.books.sent
        ]


@pytest.fixture
async def both():
    async with stripe_server(NOW_MS) as (books, address):
        provider = StripeProvider(KEY, [SECRET], api_base=address, answer_ms_max=PATIENCE_MS)
        yield Both(provider, books, address)
        await provider.close()


@pytest.mark.parametrize("fault", ["500", "409", "429", "reset", "garbage"])
@pytest.mark.parametrize("call", ["authorise", "capture", "void", "refund", "fetch"])
async def test_what_leaves_the_outcome_unknown_is_no_outcome(both, fault, call):
    calls = {
        "authorise": lambda: both.provider.authorise(charge()),
        "capture": lambda: both.provider.capture(charge(), "c1", 1_000),
        "void": lambda: both.provider.void(charge()),
        "refund": lambda: both.provider.refund(charge(), "r1", 1_000),
        "fetch": lambda: both.provider.fetch(charge()),
    }
    both.books.faults.append(fault)
    with pytest.raises(ProviderUnavailable) as refusal:
        await calls[call]()
    assert refusal.value.data["provider"] == "stripe"


async def test_a_server_that_does_not_answer_is_given_up_in_time(both):
    async with stripe_server(NOW_MS) as (books, address):
        provider = StripeProvider(KEY, [SECRET], api_base=address, answer_ms_max=500)
        books.faults.append("hang")
        with pytest.raises(ProviderUnavailable):
            await provider.authorise(charge())
        books.faults.clear()  # one that was given up before it was read hung for nobody
        answer = None
        while answer is None:  # as the rows do
            with contextlib.suppress(ProviderUnavailable):
                answer = await provider.authorise(charge())
        assert answer.state == "approved"
        await provider.close()


async def test_a_wrong_key_is_our_defect_and_is_not_told(both):
    wrong = StripeProvider("sk_test_WRONG", [SECRET], api_base=both.address)
    with pytest.raises(RuntimeError) as refusal:
        await wrong.authorise(charge())
    assert "WRONG" not in str(refusal.value)
    await wrong.close()


async def test_the_same_charge_on_other_terms_is_our_defect(both):
    await both.provider.authorise(charge())
    other = Charge(id=charge().id, amount_minor=1, currency="EUR", method=VISA)
    with pytest.raises(RuntimeError, match="IdempotencyError"):
        await both.provider.authorise(other)


async def test_an_intent_of_other_money_is_never_taken_for_ours(both):
    await both.provider.authorise(charge())
    for other in (
        Charge(id="x.1", amount_minor=1, currency="EUR", method=VISA, reference="pi_1"),
        Charge(id="x.1", amount_minor=10_000, currency="USD", method=VISA, reference="pi_1"),
    ):
        with pytest.raises(RuntimeError, match="other money"):
            await both.provider.authorise(other)
        with pytest.raises(RuntimeError, match="other money"):
            await both.provider.fetch(other)


async def test_an_unknown_payment_method_is_our_defect(both):
    with pytest.raises(RuntimeError, match="resource_missing"):
        await both.provider.authorise(charge("pm_nobody"))


async def test_an_intent_is_made_first_and_confirmed_second(both):
    await both.provider.authorise(charge())
    assert both.books.requests == [
        ("POST", "/v1/payment_intents"),
        ("POST", "/v1/payment_intents/pi_1/confirm"),
    ]
    assert both.intent["metadata"] == {"order_id": charge().id}
    assert (both.intent["currency"], both.intent["amount"]) == ("eur", 10_000)


async def test_a_repeated_answer_is_not_believed_but_looked_after(both):
    """Stripe repeats an answer byte for byte, also when it is true no more."""
    await both.provider.authorise(charge())
    both.books.expire("pi_1")
    again = await both.provider.authorise(charge())
    assert (again.state, again.reason) == ("declined", "voided")


async def test_a_card_that_needs_its_owner_says_where(both):
    pending = await both.provider.authorise(charge("pm_card_authenticationRequired"))
    assert pending.state == "pending"
    assert pending.next_url == "https://hooks.stripe.example/redirect/pi_1"
    both.books.authenticate("pi_1", passed=False)
    (event,) = both.told()
    assert (event.kind, event.reason) == ("declined", "payment_intent_authentication_failure")
    standing = await both.provider.fetch(charge("pm_card_authenticationRequired"))
    assert standing.authorisation is not None
    assert standing.authorisation.reason == event.reason


async def test_a_decline_without_a_code_of_the_bank_has_stripes(both):
    declined = await both.provider.authorise(charge("pm_card_chargeDeclinedExpiredCard"))
    assert declined.reason == "expired_card"


async def test_a_promise_that_ran_out_refuses_the_capture_as_that(both):
    wanted = charge("pm_capture_expired")
    await both.provider.authorise(wanted)
    for _ in range(2):
        refused = await both.provider.capture(wanted, "c1", 10_000)
        assert (refused.state, refused.reason) == ("refused", "expired")
    again = await both.provider.capture(wanted, "c2", 10_000)
    assert (again.state, again.reason) == ("refused", "expired")
    assert [event.kind for event in both.told()] == ["authorised", "voided"]
    assert both.told()[1].reason == "expired"
    assert (await both.provider.fetch(wanted)).voided


async def test_a_refund_that_the_bank_has_to_decide_is_pending_until_then(both):
    wanted = charge("pm_refund_pending")
    await both.provider.authorise(wanted)
    await both.provider.capture(wanted, "c1", 10_000)
    assert (await both.provider.refund(wanted, "r1", 400)).state == "pending"
    (refund_id,) = both.books.refunds
    assert both.told()[-1].kind == "nothing"
    both.books.settle_refund(refund_id, "succeeded")
    done = await both.provider.refund(wanted, "r1", 400)
    assert (done.state, done.amount_minor) == ("done", 400)
    event = both.told()[-1]
    assert (event.kind, event.movement_id, event.amount_minor) == ("refunded", "r1", 400)
    both.books.settle_refund(refund_id, "failed")
    event = both.told()[-1]
    assert (event.kind, event.movement_id) == ("refund_failed", "r1")
    assert event.reason == "lost_or_stolen_card"
    assert (await both.provider.fetch(wanted)).refunds["r1"].reason == event.reason


async def test_all_refunds_are_found_over_several_pages(both):
    wanted = charge()
    await both.provider.authorise(wanted)
    await both.provider.capture(wanted, "c1", 10_000)
    for n in range(130):  # 130 at once would share the time that one has
        await both.provider.refund(wanted, f"r{n}", 10)
    assert len((await both.provider.fetch(wanted)).refunds) == 130


async def test_what_somebody_did_in_stripes_own_pages_has_stripes_ids(both):
    wanted = charge()
    await both.provider.authorise(wanted)
    both.books._route("POST", "/v1/payment_intents/pi_1/capture", {"amount_to_capture": "9000"})
    both.books._route("POST", "/v1/refunds", {"payment_intent": "pi_1", "amount": "500"})
    captured, refunded = both.told()[1:]
    assert (captured.movement_id, captured.amount_minor) == ("ch_pi_1", 9_000)
    assert refunded.movement_id == refunded.movement_reference
    assert refunded.amount_minor == 500
    assert (refunded.charge_id, refunded.reference) == ("", "pi_1")
    standing = await both.provider.fetch(wanted)
    assert standing.captures["ch_pi_1"].amount_minor == 9_000
    refused = await both.provider.void(wanted)
    assert (refused.state, refused.reason) == ("refused", "captured")


async def test_a_dispute_is_found_by_the_intent(both):
    dispute = {
        "id": "dp_1", "object": "dispute", "amount": 700, "currency": "eur",
        "payment_intent": "pi_1", "reason": "fraudulent", "status": "needs_response",
    }  # fmt: skip
    for kind in ("created", "funds_withdrawn", "funds_reinstated", "closed"):
        both.books.tell(f"charge.dispute.{kind}", dispute)
    told = both.told()
    assert [one.kind for one in told] == ["nothing", "charged_back", "charge_returned", "nothing"]
    taken = told[1]
    assert (taken.reference, taken.movement_id, taken.amount_minor) == ("pi_1", "dp_1", 700)
    assert taken.reason == "fraudulent"


async def test_long_ids_of_ours_do_not_meet_in_stripes_short_keys(both):
    wanted = charge(order_id="c" * 190 + ".1")
    await both.provider.authorise(wanted)
    await both.provider.capture(wanted, "x" * 100, 10_000)
    for last in ("a", "b"):
        await both.provider.refund(wanted, "r" * 180 + last, 100)
    assert len(both.books.refunds) == 2


# -- the signature ----------------------------------------------------------------------------


BODY = json.dumps({"id": "evt_1", "type": "invoice.paid", "data": {"object": {}}}).encode()


async def test_while_a_secret_rotates_either_signature_is_right(both):
    rotating = sign(BODY, NOW_MS, "whsec_new", SECRET)
    assert both.provider.read_webhook(rotating, BODY, NOW_MS).kind == "other"
    two = StripeProvider(KEY, ["whsec_new", SECRET], api_base=both.address)
    assert two.read_webhook(sign(BODY, NOW_MS), BODY, NOW_MS).id == "evt_1"
    await two.close()
    with pytest.raises(SignatureInvalid):
        both.provider.read_webhook(sign(BODY, NOW_MS, "whsec_old"), BODY, NOW_MS)


@pytest.mark.parametrize(
    "header",
    [
        "", "t=", "t=1", "v1=abc", "t=x,v1=abc", "t=1,t=2,v1=abc", "t=-1,v1=abc", "t=1800000000",
        "t=\uff11,v1=abc", "t=1800000000,v1=\u00e9", "t=1800000000,v0={right}", ",,,", "=" * 5_000,
        "t=" + "9" * 5_000 + ",v1=abc",
    ],
)  # fmt: skip
async def test_a_malformed_header_proves_nothing(both, header):
    right = sign(BODY, NOW_MS)["stripe-signature"].partition("v1=")[2]
    shown = {"stripe-signature": header.replace("{right}", right)}
    with pytest.raises(SignatureInvalid):
        both.provider.read_webhook(shown, BODY, NOW_MS)


async def test_a_refusal_tells_neither_the_secret_nor_the_right_signature(both):
    right = sign(BODY, NOW_MS)["stripe-signature"].partition("v1=")[2]
    with pytest.raises(SignatureInvalid) as refusal:
        both.provider.read_webhook({"stripe-signature": "t=1800000000,v1=00"}, BODY, NOW_MS)
    told = repr(refusal.value.body())
    assert right not in told
    assert SECRET not in told
