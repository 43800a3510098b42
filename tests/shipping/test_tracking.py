"""A parcel's status does not depend on the order of the carrier's words, nor on repetitions."""

from hypothesis import given
from hypothesis import strategies as st

from shopwire.modules.shipping.api import Units
from shopwire.modules.shipping.domain import Shipment
from shopwire.modules.shipping.tracking import PROGRESS, tracked

WORDS = st.lists(
    st.tuples(
        st.sampled_from([*PROGRESS, "exception", "delivered", "returned_to_sender"]),
        st.integers(1, 50),
    ),
    max_size=8,
)


def parcel() -> Shipment:
    return Shipment(
        tenant="main",
        order_id="cart-0000-abc.1",
        id="cart-0000-abc.1/S1",
        purchase_order="cart-0000-abc.1/acme",
        supplier="acme",
        reference="P1",
        carrier="dhl",
        tracking="1",
        lines=(Units(sku="A", quantity=1),),
        shipped_at_ms=1,
    )


def told(*words: tuple[str, int]) -> str:
    shipment = parcel()
    for status, at_ms in words:
        shipment = tracked(shipment, status, at_ms)
    return shipment.status


@given(WORDS, st.data())
def test_any_order_and_any_repetition_come_to_the_same(words, data):
    again = data.draw(st.permutations(words + words[: len(words) // 2]))
    assert told(*again) == told(*words)


@given(WORDS)
def test_it_never_goes_back_on_its_way(words):
    shipment = parcel()
    for status, at_ms in words:
        after = tracked(shipment, status, at_ms)
        assert PROGRESS.index(after.progress) >= PROGRESS.index(shipment.progress)
        if shipment.status == "delivered":
            assert after.status in ("delivered", "returned_to_sender")
        if shipment.status == "returned_to_sender":
            assert after.status == "returned_to_sender"
        shipment = after


def test_words_that_are_late_do_not_bring_it_back():
    assert told(("out_for_delivery", 5), ("in_transit", 3)) == "out_for_delivery"
    assert told(("delivered", 9), ("out_for_delivery", 10)) == "delivered"
    assert told(("returned_to_sender", 9), ("delivered", 10)) == "returned_to_sender"


def test_a_problem_shows_until_the_parcel_is_seen_after_it():
    assert told(("in_transit", 3), ("exception", 5)) == "exception"
    assert told(("in_transit", 3), ("exception", 5), ("in_transit", 7)) == "in_transit"
    assert told(("in_transit", 7), ("exception", 5)) == "in_transit"
    assert told(("out_for_delivery", 3), ("exception", 5), ("in_transit", 7)) == "out_for_delivery"
