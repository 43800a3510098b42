"""The rules of a payment, one by one."""

import pytest
from tests.payments.desk import AMOUNT, ORDER, Desk

from shopwire.kernel.errors import AlreadyExists, InvalidField, NotFound, RuleBroken
from shopwire.kernel.trade_errors import AmountExceeded, PaymentState
from shopwire.modules.payments.api import (
    OpenPayment,
    RecordAuthorisation,
    RecordCapture,
    RecordDecline,
    RecordFailure,
    RecordRefund,
    RecordVoid,
    RequestCapture,
    RequestRefund,
    RequestVoid,
)
from shopwire.modules.payments.domain import MOVEMENTS_MAX, Transfer

APPROVED = RecordAuthorisation(
    order_id=ORDER, reference="ch_1", amount_minor=AMOUNT, currency="EUR"
)
CAPTURE = RequestCapture(order_id=ORDER)
VOID = RequestVoid(order_id=ORDER, reason="cancelled")


def captured(capture_id: str = ".capture-1", amount_minor: int = AMOUNT) -> RecordCapture:
    return RecordCapture(order_id=ORDER, capture_id=capture_id, amount_minor=amount_minor)


def refund(refund_id: str, amount_minor: int | None = None) -> RequestRefund:
    return RequestRefund(order_id=ORDER, refund_id=refund_id, amount_minor=amount_minor)


def refunded(refund_id: str, amount_minor: int) -> RecordRefund:
    return RecordRefund(order_id=ORDER, refund_id=refund_id, amount_minor=amount_minor)


@pytest.fixture
def desk():
    desk = Desk()
    desk.open()
    return desk


@pytest.fixture
def paid(desk):
    for command in (APPROVED, CAPTURE, captured()):
        desk.do(command)
    return desk


# -- the promise ------------------------------------------------------------------------------


def test_a_payment_opens_once_and_echoes_its_context(desk):
    desk.open()
    (event,) = desk.events
    assert event.event_type == "payments.payment_opened"
    assert event.home == "cart-12345678"
    assert event.facts.context == {"skus": ["A"]}
    assert desk.payment.state == "opened"


def test_the_same_id_for_another_amount_is_refused(desk):
    with pytest.raises(AlreadyExists):
        desk.open(amount_minor=AMOUNT + 1)


def test_an_id_without_a_cart_is_refused():
    with pytest.raises(InvalidField):
        Desk().open(order_id="nowhere")


def test_the_shoppers_token_is_in_no_event(desk):
    desk.do(
        OpenPayment(
            order_id="cart-12345678.2",
            amount_minor=5,
            currency="EUR",
            provider="p",
            method="SECRET",
        )
    )
    assert "SECRET" not in repr(desk.events)


def test_an_authorisation_is_taken_once(desk):
    assert desk.do(APPROVED) == {"applied": True, "state": "authorised"}
    assert desk.do(APPROVED) == {"applied": False, "state": "authorised"}
    assert len(desk.events) == 2


@pytest.mark.parametrize(
    ("amount_minor", "currency"), [(AMOUNT - 1, "EUR"), (AMOUNT + 1, "EUR"), (AMOUNT, "USD")]
)
def test_a_promise_of_other_money_is_refused(desk, amount_minor, currency):
    other = RecordAuthorisation(
        order_id=ORDER, reference="ch_1", amount_minor=amount_minor, currency=currency
    )
    with pytest.raises(RuleBroken):
        desk.do(other)


def test_a_decline_after_the_promise_is_an_old_story(desk):
    desk.do(APPROVED)
    result = desk.do(RecordDecline(order_id=ORDER, reason="timeout"))
    assert result == {"applied": False, "state": "authorised"}


def test_a_promise_after_a_decline_is_noted_and_given_back(desk):
    desk.do(RecordDecline(order_id=ORDER, reason="do_not_honor"))
    assert desk.payment.state == "declined"
    desk.do(APPROVED)
    assert desk.payment.voiding
    assert desk.do(CAPTURE)["applied"] is False
    desk.do(RecordVoid(order_id=ORDER))
    assert desk.payment.state == "voided"


def test_a_void_before_the_answer_waits_for_it_and_nothing_is_captured(desk):
    assert desk.do(VOID)["way"] == "void"
    desk.do(APPROVED)
    assert (desk.payment.state, desk.payment.voiding) == ("authorised", True)
    assert desk.do(CAPTURE)["applied"] is False
    desk.do(RecordVoid(order_id=ORDER))
    assert (desk.payment.state, desk.payment.left_to_capture) == ("voided", 0)


def test_a_promise_that_comes_after_the_void_is_void(desk):
    desk.do(VOID)
    desk.do(RecordVoid(order_id=ORDER))
    assert desk.payment.state == "voided"
    desk.do(APPROVED)
    assert (desk.payment.state, desk.payment.voiding) == ("voided", False)


def test_a_decline_ends_the_void_that_waited_for_the_answer(desk):
    desk.do(VOID)
    desk.do(RecordDecline(order_id=ORDER, reason="expired_card"))
    assert (desk.payment.state, desk.payment.voiding) == ("declined", False)
    assert desk.movement("void", ".void-1").state == "dropped"


def test_a_void_of_nothing_does_nothing():
    assert Desk().do(VOID) == {"applied": False, "way": "none", "state": "unknown"}


# -- captures ---------------------------------------------------------------------------------


def test_nothing_is_captured_before_it_is_promised(desk):
    with pytest.raises(PaymentState):
        desk.do(CAPTURE)


def test_a_capture_is_asked_for_once_and_booked_once(desk):
    desk.do(APPROVED)
    assert desk.do(CAPTURE)["applied"] is True
    assert desk.do(CAPTURE)["applied"] is False
    assert desk.payment.capturing_minor == AMOUNT
    assert desk.do(captured()) == {"applied": True, "state": "captured"}
    assert desk.do(captured()) == {"applied": False, "state": "captured"}
    assert len(desk.all(Transfer)) == 2
    assert desk.balance("provider_clearing") == AMOUNT


def test_several_partial_captures_take_no_more_than_was_promised(desk):
    desk.do(APPROVED)
    for number, amount in enumerate((4_000, 5_000)):
        part = RequestCapture(
            order_id=ORDER, capture_id=f"c{number}", amount_minor=amount, final=False
        )
        desk.do(part)
        desk.do(captured(f"c{number}", amount))
        assert desk.payment.state == "partly_captured"
    with pytest.raises(AmountExceeded) as refusal:
        desk.do(RequestCapture(order_id=ORDER, capture_id="c3", amount_minor=1_001))
    assert refusal.value.data["left_minor"] == 1_000
    desk.do(CAPTURE)
    desk.do(captured(".capture-3", 1_000))
    assert desk.payment.state == "captured"


def test_a_final_capture_frees_the_rest(desk):
    desk.do(APPROVED)
    desk.do(RequestCapture(order_id=ORDER, capture_id="part", amount_minor=7_500))
    assert desk.do(CAPTURE)["applied"] is False
    desk.do(captured("part", 7_500))
    assert desk.payment.released_minor == 2_500
    assert desk.payment.state == "captured"


def test_the_same_capture_for_another_amount_is_refused(desk):
    desk.do(APPROVED)
    desk.do(RequestCapture(order_id=ORDER, capture_id="c", amount_minor=100, final=False))
    with pytest.raises(AlreadyExists):
        desk.do(RequestCapture(order_id=ORDER, capture_id="c", amount_minor=200, final=False))
    with pytest.raises(RuleBroken):
        desk.do(captured("c", 200))


def test_more_than_was_promised_is_never_booked(desk):
    desk.do(APPROVED)
    with pytest.raises(AmountExceeded):
        desk.do(captured("stranger", AMOUNT + 1))


def test_money_taken_before_the_promise_was_heard_of_is_booked(desk):
    desk.do(captured("c"))
    assert desk.payment.state == "captured"
    assert desk.do(APPROVED)["applied"] is False


def test_a_capture_that_fails_is_seen_and_may_be_asked_for_again(desk):
    desk.do(APPROVED)
    desk.do(CAPTURE)
    failure = RecordFailure(
        order_id=ORDER, kind="capture", movement_id=".capture-1", reason="processing_error"
    )
    desk.do(failure)
    assert desk.do(failure)["applied"] is False
    assert (desk.payment.state, desk.payment.reason) == ("failed", "processing_error")
    assert desk.events[-1].event_type == "payments.payment_failed"
    desk.do(CAPTURE)
    desk.do(captured(".capture-2"))
    assert (desk.payment.state, desk.payment.reason) == ("captured", "")


def test_a_capture_after_the_promise_ran_out_ends_the_payment(desk):
    desk.do(APPROVED)
    desk.do(CAPTURE)
    desk.do(refund("part", 1_000))
    desk.do(
        RecordFailure(order_id=ORDER, kind="capture", movement_id=".capture-1", reason="expired")
    )
    assert (desk.payment.state, desk.payment.left_to_capture) == ("failed", 0)
    assert desk.movement("refund", "part").state == "dropped"
    assert desk.do(VOID)["way"] == "none"


def test_a_promise_that_ran_out_by_itself_is_a_failure(desk):
    desk.do(APPROVED)
    desk.do(RecordVoid(order_id=ORDER, reason="expired"))
    assert (desk.payment.state, desk.payment.reason) == ("failed", "expired")


# -- giving back ------------------------------------------------------------------------------


def test_giving_up_voids_a_promise_and_refunds_what_was_taken(desk):
    desk.do(APPROVED)
    assert desk.do(VOID) == {"applied": True, "state": "authorised", "way": "void"}
    assert desk.do(VOID)["applied"] is False
    desk.do(RecordVoid(order_id=ORDER))
    assert desk.do(VOID) == {"applied": False, "state": "voided", "way": "none"}


def test_giving_up_while_money_is_being_taken_refunds_it_afterwards(desk):
    desk.do(APPROVED)
    desk.do(CAPTURE)
    assert desk.do(VOID)["way"] == "refund"
    assert desk.do(VOID)["way"] == "none"
    desk.do(captured())
    assert (desk.payment.state, desk.payment.refunding_minor) == ("captured", AMOUNT)
    desk.do(refunded(".refund-1", AMOUNT))
    assert desk.payment.state == "refunded"
    assert desk.balance("provider_clearing") == 0


def test_giving_up_half_a_capture_refunds_it_and_voids_the_rest(desk):
    desk.do(APPROVED)
    desk.do(RequestCapture(order_id=ORDER, capture_id="c", amount_minor=3_000, final=False))
    desk.do(captured("c", 3_000))
    desk.do(VOID)
    assert (desk.payment.refunding_minor, desk.payment.voiding) == (3_000, True)
    desk.do(refunded(".refund-1", 3_000))
    desk.do(RecordVoid(order_id=ORDER))
    assert (desk.payment.state, desk.payment.released_minor) == ("refunded", 7_000)


def test_money_that_was_taken_in_spite_of_a_void_goes_back(desk):
    desk.do(APPROVED)
    desk.do(VOID)
    desk.do(captured("elsewhere"))
    assert desk.movement("void", ".void-1").state == "dropped"
    assert desk.payment.refunding_minor == AMOUNT
    assert desk.movement("refund", ".refund-1").reason == "late"


def test_a_void_that_fails_is_seen(desk):
    desk.do(APPROVED)
    desk.do(VOID)
    desk.do(RecordFailure(order_id=ORDER, kind="void", movement_id=".void-1", reason="locked"))
    assert (desk.payment.state, desk.payment.voiding) == ("failed", False)
    assert desk.do(VOID)["way"] == "void"


def test_a_refund_is_given_once_by_its_id(paid):
    for _ in range(3):
        assert paid.do(refund("return-1", 2_500))["way"] == "refund"
    for _ in range(3):
        paid.do(refunded("return-1", 2_500))
    assert paid.payment.refunded_minor == 2_500
    assert paid.payment.state == "partly_refunded"
    with pytest.raises(AlreadyExists):
        paid.do(refund("return-1", 2_600))


def test_refunds_never_exceed_what_was_taken(paid):
    paid.do(refund("a", 6_000))
    with pytest.raises(AmountExceeded) as refusal:
        paid.do(refund("b", 4_001))
    assert refusal.value.data == {"payment": ORDER, "requested_minor": 4_001, "left_minor": 4_000}
    paid.do(refund("b"))
    assert paid.payment.refunding_minor == AMOUNT
    with pytest.raises(AmountExceeded):
        paid.do(refund("c"))


def test_a_refund_of_all_before_the_capture_is_a_void(desk):
    desk.do(APPROVED)
    assert desk.do(refund("return-1"))["way"] == "void"
    assert desk.do(refund("return-1"))["way"] == "void"
    assert desk.do(CAPTURE)["applied"] is False
    desk.do(RecordVoid(order_id=ORDER))
    assert desk.payment.state == "voided"


def test_a_partial_refund_before_the_capture_waits_for_it(desk):
    desk.do(APPROVED)
    assert desk.do(refund("line", 1_000))["way"] == "refund"
    desk.do(CAPTURE)
    desk.do(captured())
    desk.do(refunded("line", 1_000))
    assert desk.payment.state == "partly_refunded"


def test_a_partial_refund_before_the_promise_is_refused(desk):
    with pytest.raises(PaymentState):
        desk.do(refund("line", 1_000))


def test_a_refund_that_fails_frees_its_amount_for_another(paid):
    paid.do(refund("a"))
    paid.do(RecordFailure(order_id=ORDER, kind="refund", movement_id="a", reason="closed_account"))
    assert (paid.payment.state, paid.payment.reason) == ("captured", "closed_account")
    paid.do(refund("b"))
    paid.do(refunded("b", AMOUNT))
    assert (paid.payment.state, paid.payment.reason) == ("refunded", "")


def test_a_refund_that_comes_back_is_booked_back(paid):
    paid.do(refund("a", 3_000))
    paid.do(refunded("a", 3_000))
    paid.do(
        RecordFailure(order_id=ORDER, kind="refund", movement_id="a", reason="returned_by_bank")
    )
    assert paid.movement("refund", "a").state == "reversed"
    assert (paid.payment.refunded_minor, paid.balance("refunds")) == (0, 0)
    assert [line.posting for line in paid.all(Transfer)][-2:] == ["refund/a/reversed"] * 2
    assert paid.do(refunded("a", 3_000))["applied"] is False


def test_a_failure_of_something_unknown_is_refused(paid):
    with pytest.raises(NotFound):
        paid.do(RecordFailure(order_id=ORDER, kind="refund", movement_id="x", reason="no"))


def test_ids_of_others_cannot_take_the_payments_own(paid):
    with pytest.raises(InvalidField):
        paid.do(refund(".refund-1", 1))


def test_a_payment_has_a_limit_of_movements(paid):
    for number in range(MOVEMENTS_MAX - 1):
        paid.do(refund(f"r{number}", 1))
    with pytest.raises(RuleBroken):
        paid.do(refund("one-more", 1))
