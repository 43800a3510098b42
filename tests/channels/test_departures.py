"""When orders leave: cut-offs of a supplier's own day, a pace, or as many as fill a departure."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.channels.world import WEBHOOK, Remembered, road
from tests.modules.shop import error_of, memory_shop
from tests.shipping.desk import plan_of, po

from shopwire.modules.shipping.api import Departures, SetSupplierRules
from shopwire.modules.shipping.departures import leaves_at

BERLIN = "Europe/Berlin"


def ms(text: str) -> int:
    """A moment of UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


@pytest.mark.parametrize(
    ("rules", "ready", "leaves"),
    [
        # Thursday, 12:30 in Berlin: at four the same day; at the very moment; then the next day.
        (Departures(zone=BERLIN, cutoffs=("16:00",)), "2026-11-26T11:30", "2026-11-26T15:00"),
        (Departures(zone=BERLIN, cutoffs=("16:00",)), "2026-11-26T15:00", "2026-11-26T15:00"),
        (Departures(zone=BERLIN, cutoffs=("16:00",)), "2026-11-26T15:01", "2026-11-27T15:00"),
        (
            Departures(zone=BERLIN, cutoffs=("16:00", "09:30")),
            "2026-11-26T15:01",
            "2026-11-27T08:30",
        ),
        # Friday evening, on weekdays only: Monday.
        (
            Departures(zone=BERLIN, cutoffs=("16:00",), weekdays=(1, 2, 3, 4, 5)),
            "2026-11-27T18:00",
            "2026-11-30T15:00",
        ),
        # A night in which 02:30 does not come, and one in which it comes twice.
        (Departures(zone=BERLIN, cutoffs=("02:30",)), "2026-03-29T00:00", "2026-03-29T01:30"),
        (Departures(zone=BERLIN, cutoffs=("02:30",)), "2026-10-25T00:00", "2026-10-25T00:30"),
        (Departures(every_ms=15 * 60_000), "2026-11-26T11:31", "2026-11-26T11:45"),
        (Departures(every_ms=15 * 60_000), "2026-11-26T11:45", "2026-11-26T11:45"),
        (
            Departures(every_ms=15 * 60_000, weekdays=(1,), zone=BERLIN),
            "2026-11-26T11:31",
            "2026-11-29T23:00",
        ),
        (Departures(weekdays=(1, 2, 3, 4, 5)), "2026-11-28T11:31", "2026-11-30T00:00"),
        (Departures(), "2026-11-28T11:31", "2026-11-28T11:31"),
    ],
)
def test_orders_leave_at_the_next_departure(rules, ready, leaves):
    assert leaves_at(rules, ms(ready)) == ms(leaves)


CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))


@given(
    st.lists(CLOCKS, min_size=1, max_size=3, unique=True).map(tuple),
    st.sets(st.integers(1, 7), min_size=1).map(sorted).map(tuple),
    st.sampled_from(["UTC", BERLIN, "America/New_York", "Pacific/Apia", "Australia/Lord_Howe"]),
    st.integers(ms("2011-12-01T00:00"), ms("2030-01-01T00:00")),
    st.integers(0, 8 * 24 * 3_600_000),
)
def test_a_departure_is_never_missed_and_never_before_the_order(cutoffs, days, zone, ready, later):
    rules = Departures(zone=zone, cutoffs=cutoffs, weekdays=days)
    first = leaves_at(rules, ready)
    assert first >= ready
    assert leaves_at(rules, first) == first
    # Whoever is ready later leaves later, and whoever is ready before it leaves with it.
    assert leaves_at(rules, ready + later) >= first
    assert leaves_at(rules, max(ready, first - 1)) == first


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("rules", "field"),
    [
        (Departures(zone="Mars/Base"), "zone"),
        (Departures(zone="../../etc/passwd"), "zone"),
        (Departures(cutoffs=("24:00",)), "cutoffs"),
        (Departures(cutoffs=("16:00", "16:00")), "cutoffs"),
        (Departures(weekdays=()), "weekdays"),
        (Departures(weekdays=(0,)), "weekdays"),
        (Departures(every_ms=1), "every_ms"),
        (Departures(every_ms=60_000, cutoffs=("16:00",)), "every_ms"),
        (Departures(orders=-1), "orders"),
    ],
)
async def test_rules_that_name_no_departure_are_refused(rules, field):
    async with memory_shop() as shop:
        refused = await shop.ask(SetSupplierRules(supplier="acme", departures=rules))
        assert error_of(refused)["data"]["field"] == f"departures.{field}"


@pytest.mark.anyio
@pytest.mark.postgres
async def test_orders_wait_for_their_departure_until_it_is_full(database_url):
    medium = Remembered()
    tomorrow = Departures(every_ms=7 * 24 * 3_600_000, orders=3)
    orders = [f"cart-{number:04}-abc.1" for number in range(3)]
    async with road(database_url, {"webhook": medium}, way=WEBHOOK, gather_ms=100) as it:
        await it.shop.do(SetSupplierRules(supplier="acme", departures=tomorrow))
        for one in orders[:2]:
            await it.shop.do(plan_of({"acme": {"A": 1}}, order_id=one))
        planned = await it.shop.document(f"purchase_order:{po('acme', orders[0])}")
        assert planned["status"] == "planned"
        await it.shop.do(plan_of({"acme": {"A": 1}}, order_id=orders[2]))

        async def left() -> bool:
            return len(medium.orders) == 3

        await it.until(left)
