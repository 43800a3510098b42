"""What a provider tells: applied once, kept always, taken again when its time has come."""

import pytest
from tests.payments.desk import AMOUNT, ORDER, Desk, told

from shopwire.kernel.errors import NotFound
from shopwire.kernel.payments import Authorisation
from shopwire.modules.payments.api import (
    RecordAuthorisation,
    RecordCapture,
    RecordProviderEvent,
    ReplayWebhook,
    RequestCapture,
    RequestVoid,
)
from shopwire.modules.payments.domain import MOVEMENTS_MAX, Movement, Transfer

APPROVED = RecordAuthorisation(
    order_id=ORDER, reference="ch_1", amount_minor=AMOUNT, currency="EUR"
)
VOID = RequestVoid(order_id=ORDER, reason="cancelled")
PAID = (
    APPROVED,
    RequestCapture(order_id=ORDER),
    RecordCapture(order_id=ORDER, capture_id=".capture-1", amount_minor=AMOUNT),
)


@pytest.fixture
def desk():
    desk = Desk()
    desk.open()
    return desk


@pytest.fixture
def paid(desk):
    for command in PAID:
        desk.do(command)
    return desk


PROMISE = Authorisation(state="approved", reference="ch_1", amount_minor=AMOUNT, currency="EUR")


def test_a_webhook_is_applied_once_and_kept(desk):
    assert desk.hear(told("authorised")) == {"outcome": "applied", "promise": PROMISE}
    assert desk.hear(told("authorised")) == {"outcome": "applied", "promise": None}
    assert desk.received("w").tries == 1
    assert desk.received("w").raw == ""


def test_a_webhook_that_was_not_the_first_to_tell_completes_nothing(desk):
    desk.do(APPROVED)
    assert desk.hear(told("authorised")) == {"outcome": "unchanged", "promise": None}


def test_the_first_news_of_a_decline_or_of_money_taken_is_passed_on(desk):
    assert desk.hear(told("captured", movement_id="c"))["promise"] == PROMISE
    other = Desk()
    other.open()
    declined = other.hear(told("declined", reason="expired_card"))["promise"]
    assert (declined.state, declined.reason) == ("declined", "expired_card")


def test_what_is_known_and_moves_nothing_leaves_nothing_to_look_at(desk):
    assert desk.hear(told("nothing"))["outcome"] == "unchanged"


def test_what_nobody_knows_is_kept_with_its_body(desk):
    assert desk.hear(told("other"))["outcome"] == "unknown_kind"
    assert desk.received("w").raw == "raw of w"


def test_a_webhook_about_no_payment_is_kept(desk):
    result = desk.hear(told("authorised"), order_id="cart-other000.1")
    assert result == {"outcome": "unknown_payment", "promise": None}
    assert desk.hear(told("authorised", "w2"), order_id="")["outcome"] == "unknown_payment"


def test_a_webhook_of_another_provider_changes_nothing(desk):
    command = RecordProviderEvent(provider="other", order_id=ORDER, event=told("authorised"))
    assert desk.do(command)["outcome"] == "unknown_payment"
    assert desk.payment.state == "opened"


def test_a_webhook_of_other_money_is_refused_and_kept(desk):
    result = desk.hear(told("authorised", currency="USD"))
    assert result == {"outcome": "refused", "promise": None, "error": "RuleBroken"}
    assert desk.hear(told("captured", "w2", movement_id="c", amount_minor=AMOUNT * 2)) == {
        "outcome": "refused",
        "promise": None,
        "error": "AmountExceeded",
    }
    assert desk.payment.state == "opened"


def test_what_comes_too_early_is_applied_as_soon_as_it_can_be(desk):
    assert desk.hear(told("capture_failed", "w4", movement_id="x"))["outcome"] == "early"
    assert desk.hear(told("charged_back", "w3", movement_id="d"))["outcome"] == "early"
    early = told("refunded", "w2", movement_id="r", amount_minor=400)
    assert desk.hear(early)["outcome"] == "early"
    desk.hear(told("captured", "w1", movement_id="c"))
    assert {desk.received(f"w{number}").outcome for number in range(1, 4)} == {"applied"}
    assert desk.received("w4").outcome == "early"
    assert desk.payment.refunded_minor == 400
    assert desk.payment.state == "charged_back"


def test_the_end_of_a_story_that_is_told_first_leaves_nothing_to_come(desk):
    desk.hear(told("captured", "w0", movement_id="c"))
    desk.hear(told("charge_returned", "w1", movement_id="d"))
    desk.hear(told("refund_failed", "w2", movement_id="r"))
    for late in (
        told("charged_back", "w3", movement_id="d"),
        told("refunded", "w4", movement_id="r"),
    ):
        assert desk.hear(late)["outcome"] == "unchanged"
    assert desk.movement("chargeback", "d").state == "reversed"
    assert desk.payment.state == "captured"
    assert [line.posting for line in desk.all(Transfer)][2:] == [
        *["chargeback/d"] * 2, *["chargeback/d/reversed"] * 2,
    ]  # fmt: skip


@pytest.mark.parametrize(("movement_id", "amount_minor"), [("", 5), ("c", 0), ("c", -1)])
def test_a_webhook_that_moves_nothing_nameable_is_refused(desk, movement_id, amount_minor):
    event = told("captured", movement_id=movement_id, amount_minor=amount_minor)
    assert desk.hear(event)["outcome"] == "refused"


def test_a_webhook_that_is_refused_half_way_leaves_nothing_of_its_half(desk):
    """Money that comes after a void has to go back, and there is no room to ask for it."""
    desk.do(APPROVED)
    for number in range(MOVEMENTS_MAX - 2):
        part = RequestCapture(order_id=ORDER, capture_id=f"c{number}", amount_minor=1, final=False)
        desk.do(part)
    desk.do(VOID)
    assert len(desk.all(Movement)) == MOVEMENTS_MAX
    before = desk.payment
    result = desk.hear(told("captured", movement_id="stranger", amount_minor=100))
    assert (result["outcome"], result["error"]) == ("refused", "RuleBroken")
    assert desk.payment == before
    assert desk.all(Transfer) == []


def test_a_chargeback_is_booked_as_lost(paid):
    paid.hear(told("charged_back", movement_id="d", amount_minor=4_000, reason="fraudulent"))
    assert paid.payment.state == "charged_back"
    assert paid.balance("chargebacks") == 4_000


def test_a_webhook_that_the_database_refused_is_kept_as_that(desk):
    command = RecordProviderEvent(
        provider="simulator", order_id=ORDER, event=told("authorised"), refused="ConstraintRefused"
    )
    assert desk.do(command)["outcome"] == "refused"
    assert desk.payment.state == "opened"
    replay = ReplayWebhook(provider="simulator", webhook_id="w", order_id=ORDER)
    assert desk.do(replay) == {"outcome": "applied", "promise": PROMISE}
    assert desk.received("w").error == ""


def test_a_replay_of_nothing_is_refused(desk):
    with pytest.raises(NotFound):
        desk.do(ReplayWebhook(provider="simulator", webhook_id="x", order_id=ORDER))
