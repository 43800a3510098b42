"""Whatever order a provider's webhooks come in, and however often: the same sums at the end."""

from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.payments.desk import AMOUNT, ORDER, Desk, told

from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.payments import ProviderEvent
from shopwire.modules.payments.api import (
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


class Truth(msgspec.Struct):
    """What really happened at the provider."""

    events: list[ProviderEvent]
    captured: int = 0
    refunded: int = 0
    charged_back: int = 0


@st.composite
def truths(draw: st.DrawFn) -> Truth:
    """A history that one provider can have: money moves within what there is."""
    truth = Truth([told("authorised", "authorised")])

    def tell(kind: Any, movement_id: str, amount_minor: int) -> None:
        webhook_id = f"{kind}-{movement_id}"
        event = told(kind, webhook_id, movement_id=movement_id, amount_minor=amount_minor)
        truth.events.append(event)

    for number in range(draw(st.integers(min_value=0, max_value=3))):
        left = AMOUNT - truth.captured
        if not left:
            break
        amount = draw(st.integers(min_value=1, max_value=left))
        truth.captured += amount
        tell("captured", f"c{number}", amount)
    if not truth.captured:
        if draw(st.booleans()):
            tell("voided", "", 0)
        return truth
    for number in range(draw(st.integers(min_value=0, max_value=4))):
        left = truth.captured - truth.refunded
        if not left:
            break
        amount = draw(st.integers(min_value=1, max_value=left))
        tell("refunded", f"r{number}", amount)
        if draw(st.integers(min_value=0, max_value=3)):
            truth.refunded += amount
        else:
            tell("refund_failed", f"r{number}", amount)
    for number in range(draw(st.integers(min_value=0, max_value=2))):
        left = truth.captured - truth.charged_back
        if not left:
            break
        amount = draw(st.integers(min_value=1, max_value=left))
        tell("charged_back", f"d{number}", amount)
        if draw(st.booleans()):
            tell("charge_returned", f"d{number}", amount)
        else:
            truth.charged_back += amount
    return truth


def sums(desk: Desk) -> dict[str, int]:
    payment = desk.payment
    return {
        "captured": payment.captured_minor,
        "refunded": payment.refunded_minor,
        "charged_back": payment.charged_back_minor,
        "released": payment.released_minor if payment.captured_minor else 0,
    }


def heard(events: Sequence[ProviderEvent]) -> Desk:
    desk = Desk()
    desk.open()
    for event in events:
        desk.hear(event)
    return desk


@settings(max_examples=300, deadline=None)
@given(truth=truths(), data=st.data())
def test_any_order_and_any_repetition_ends_in_the_truth(truth, data):
    doubled = data.draw(st.lists(st.sampled_from(truth.events), max_size=6))
    order = data.draw(st.permutations([*truth.events, *doubled]))
    desk, straight = heard(order), heard(truth.events)
    assert sums(desk) == sums(straight)
    assert sums(desk) | {"released": 0} == {
        "captured": truth.captured,
        "refunded": truth.refunded,
        "charged_back": truth.charged_back,
        "released": 0,
    }
    outcomes = {one.outcome for one in desk.all(type(desk.received("authorised")))}
    assert outcomes <= {"applied", "unchanged"} or not truth.captured


@settings(max_examples=300, deadline=None)
@given(truth=truths(), data=st.data())
def test_no_order_of_ours_and_theirs_moves_more_than_there_is(truth, data):
    """Our own wishes and answers between the webhooks: `Desk.check` holds every bound."""
    ids = st.sampled_from(["c0", "c1", ".capture-1", ".refund-1", "r0", "r1", "new"])
    amounts = st.integers(min_value=1, max_value=AMOUNT + 1)
    ours = st.one_of(
        st.builds(RequestCapture, order_id=st.just(ORDER), amount_minor=st.none() | amounts,
                  capture_id=st.none() | st.sampled_from(["c0", "c1"]), final=st.booleans()),
        st.builds(RecordCapture, order_id=st.just(ORDER), capture_id=ids, amount_minor=amounts),
        st.builds(RequestRefund, order_id=st.just(ORDER), amount_minor=st.none() | amounts,
                  refund_id=st.sampled_from(["r0", "r1", "r2"])),
        st.builds(RecordRefund, order_id=st.just(ORDER), refund_id=ids, amount_minor=amounts),
        st.builds(RequestVoid, order_id=st.just(ORDER), reason=st.just("cancelled")),
        st.builds(RecordVoid, order_id=st.just(ORDER), reason=st.sampled_from(["", "expired"])),
        st.builds(RecordDecline, order_id=st.just(ORDER), reason=st.just("no")),
        st.builds(RecordAuthorisation, order_id=st.just(ORDER), reference=st.just("ch_1"),
                  amount_minor=st.just(AMOUNT), currency=st.just("EUR")),
        st.builds(RecordFailure, order_id=st.just(ORDER), movement_id=ids,
                  kind=st.sampled_from(["capture", "void", "refund"]),
                  reason=st.sampled_from(["expired", "processing_error"])),
    )  # fmt: skip
    steps = data.draw(st.lists(ours | st.sampled_from(truth.events), max_size=25))
    desk = Desk()
    desk.open()
    for step in steps:
        before = (desk.payment, len(desk.events))
        try:
            desk.hear(step) if isinstance(step, ProviderEvent) else desk.do(step)
        except ShopwireError:
            assert before == (desk.payment, len(desk.events))
