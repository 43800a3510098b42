"""When a source is looked at: schedules over clocks that move, tries that grow rarer."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.kernel.errors import InvalidField
from shopwire.modules.sources.api import Schedule
from shopwire.modules.sources.limits import (
    FAILED_TRIES_AN_HOUR_MAX,
    HOUR_MS,
    OPEN_MS_MAX,
    RETRY_MS_MAX,
)
from shopwire.modules.sources.schedule import check_schedule, next_slot, open_ms, recent, retry_at

BERLIN = "Europe/Berlin"
moments = st.integers(1_500_000_000_000, 2_200_000_000_000)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000)


def utc(moment_ms: int | None) -> str:
    assert moment_ms is not None
    return datetime.fromtimestamp(moment_ms / 1_000, UTC).isoformat()[:16]


@pytest.mark.parametrize(
    ("after", "at", "then"),
    [
        ("2026-11-26T05:29:59+00:00", "06:30", "2026-11-26T05:30"),
        ("2026-11-26T05:30:00+00:00", "06:30", "2026-11-27T05:30"),
        ("2026-07-01T12:00:00+00:00", "00:00", "2026-07-01T22:00"),
        # The clocks go from 02:00 to 03:00: 02:30 is not there, and comes when they have moved.
        ("2026-03-29T00:00:00+00:00", "02:30", "2026-03-29T01:30"),
        ("2026-03-29T01:30:00+00:00", "02:30", "2026-03-30T00:30"),
        # They go from 03:00 back to 02:00: 02:30 is there twice, and comes once.
        ("2026-10-25T00:00:00+00:00", "02:30", "2026-10-25T00:30"),
        ("2026-10-25T00:30:00+00:00", "02:30", "2026-10-26T01:30"),
    ],
)
def test_a_time_of_day_follows_the_clocks_of_its_zone(after, at, then):
    schedule = Schedule(daily_at=at, time_zone=BERLIN)
    assert utc(next_slot(schedule, ms(after))) == then


@given(moments, st.integers(1, 10_080), st.integers(0, 10**9))
def test_runs_that_were_missed_are_made_up_once(after, minutes, behind):
    """The next one lies after now, on the schedule's own grid, however long nobody looked."""
    schedule = Schedule(every_minutes=minutes)
    anchor = after - behind
    slot = next_slot(schedule, after, anchor_ms=anchor)
    assert slot is not None
    assert after < slot <= after + minutes * 60_000
    assert (slot - anchor) % (minutes * 60_000) == 0


@given(moments, st.integers(0, 23), st.integers(0, 59))
def test_every_day_has_one_run(after, hour, minute):
    schedule = Schedule(daily_at=f"{hour:02}:{minute:02}", time_zone="America/New_York")
    slots = [after]
    for _ in range(5):
        slot = next_slot(schedule, slots[-1])
        assert slot is not None
        slots.append(slot)
    apart = [later - earlier for earlier, later in pairwise(slots[1:])]
    assert all(22 * HOUR_MS <= one <= 26 * HOUR_MS for one in apart)
    assert 0 < slots[1] - after <= 26 * HOUR_MS


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "schedule"),
        ({"every_minutes": 5, "daily_at": "06:00"}, "schedule"),
        ({"every_minutes": 0}, "schedule.every_minutes"),
        ({"daily_at": "24:00"}, "schedule.daily_at"),
        ({"daily_at": "06:00", "time_zone": "Mars/Olympus"}, "schedule.time_zone"),
        ({"daily_at": "06:00", "time_zone": "../../etc/passwd"}, "schedule.time_zone"),
    ],
)
def test_a_schedule_that_never_comes_is_refused(fields, field):
    with pytest.raises(InvalidField) as caught:
        check_schedule(Schedule(**fields))
    assert caught.value.data["field"] == field


@given(moments, st.integers(1, 60), st.floats(0, 1), st.integers(0, 10**12))
def test_tries_grow_rarer_within_bounds(at, failures, chance, asked):
    moment = retry_at(at, failures, (at,), chance=chance, asked_ms=asked)
    assert at + 15_000 <= moment <= at + max(RETRY_MS_MAX, OPEN_MS_MAX)
    assert retry_at(at, failures, (at,), chance=0) >= retry_at(at, failures, (at,), chance=chance)


@given(st.lists(st.integers(0, 2 * HOUR_MS), max_size=200))
def test_no_hour_has_more_failed_tries_than_its_budget(waits):
    """Whoever tries as soon as it may never fails more often than the budget says."""
    at, failed_at, tried = 0, (), []
    for wait in waits:
        failed_at = recent(failed_at, at)
        tried.append(at)
        # It worked in between, so that this failure is the first in a row.
        at = max(at + wait % 60_000, retry_at(at, 1, failed_at, chance=1))
    for moment in tried:
        assert sum(moment - HOUR_MS < one <= moment for one in tried) <= FAILED_TRIES_AN_HOUR_MAX


@given(st.integers(0, 1_000))
def test_a_breaker_stays_open_longer_each_time_and_never_for_ever(opened):
    assert open_ms(opened) <= open_ms(opened + 1) <= OPEN_MS_MAX
