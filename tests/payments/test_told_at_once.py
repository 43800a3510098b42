"""Money that was taken: its order hears of it in the same transaction, or by the log in turn."""

import pytest
from tests.payments.desk import AMOUNT, ORDER, Desk, told

from shopwire.kernel.events import Position, Recorded, encode_event
from shopwire.modules.orders.api import NotePayment
from shopwire.modules.orders.consumers import react
from shopwire.modules.payments.api import (
    RecordAuthorisation,
    RecordCapture,
    RecordFailure,
    RequestCapture,
    RequestVoid,
)

PART = AMOUNT // 4
APPROVED = RecordAuthorisation(
    order_id=ORDER, reference="ch_1", amount_minor=AMOUNT, currency="EUR"
)
CAPTURED = NotePayment(order_id=ORDER, state="captured", refunded_minor=0)


def asked(capture_id: str, amount_minor: int = PART) -> RequestCapture:
    return RequestCapture(
        order_id=ORDER, capture_id=capture_id, amount_minor=amount_minor, final=False
    )


def taken(capture_id: str, amount_minor: int = PART) -> RecordCapture:
    return RecordCapture(order_id=ORDER, capture_id=capture_id, amount_minor=amount_minor)


@pytest.fixture
def desk():
    desk = Desk()
    desk.open()
    return desk


def noted_by_the_log(desk: Desk) -> list[NotePayment]:
    """What the consumer sends after the newest event of the payment."""
    event = encode_event(desk.events[-1], tenant="main", command_id="c")
    return list(
        react(
            Recorded(
                position=Position(1, 0, 0),
                tenant=event.tenant,
                topic=event.topic,
                version=event.version,
                event_type=event.event_type,
                document=event.document,
                facts=event.facts,
                command_id=event.command_id,
                recorded_at_ms=1,
            )
        )
    )


def test_the_first_money_taken_is_told_at_once_and_once(desk):
    for command in (APPROVED, RequestCapture(order_id=ORDER), taken(".capture-1", AMOUNT)):
        desk.do(command)
    assert desk.then == [CAPTURED]
    assert noted_by_the_log(desk) == []
    desk.do(taken(".capture-1", AMOUNT))
    assert desk.then == [CAPTURED]


@pytest.mark.parametrize(
    "before",
    [
        (asked("a"), taken("a"), asked("b")),
        (asked("a"), RecordFailure(order_id=ORDER, kind="capture", movement_id="a", reason="x")),
        (
            RequestVoid(order_id=ORDER, reason="late"),
            RecordFailure(order_id=ORDER, kind="void", movement_id=".void-1", reason="x"),
        ),
    ],
)
def test_after_other_news_it_waits_for_its_turn_in_the_log(desk, before):
    for command in (APPROVED, *before):
        desk.do(command)
    desk.then.clear()
    desk.do(taken("b"))
    assert desk.then == []
    assert noted_by_the_log(desk) == [
        NotePayment(order_id=ORDER, state=desk.payment.state, refunded_minor=0)
    ]


def test_what_a_webhook_says_first_comes_by_the_log(desk):
    desk.do(APPROVED)
    desk.hear(told("captured", movement_id="c"))
    assert desk.then == []
    assert noted_by_the_log(desk) == [CAPTURED]
