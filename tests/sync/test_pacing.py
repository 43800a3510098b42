"""Cheap flushes come soon, dear ones seldom; a full machine makes nobody later than need be."""

import pytest

from shopwire.adapters.limits import NOTIFY_SPACING_MS_MAX, NOTIFY_SPACING_MS_MIN
from shopwire.adapters.postgres.hints import next_spacing_ms
from shopwire.sync.limits import FLUSH_INTERVAL_MS_MAX, FLUSH_SHARE_EASY, FLUSH_SHARE_MAX
from shopwire.sync.pacing import next_flush_s

TICK_MS = 10.0


def test_a_flush_for_few_screens_is_followed_by_the_next_soon():
    assert next_flush_s(5.0, 5.0002, 0.0001, TICK_MS) == pytest.approx(
        5.0 + 0.0001 / FLUSH_SHARE_EASY
    )


def test_a_flush_for_many_screens_keeps_the_tick():
    assert next_flush_s(5.0, 5.003, 0.003, TICK_MS) == pytest.approx(5.010)


def test_a_flush_longer_than_the_tick_leaves_as_much_time_to_others():
    assert next_flush_s(5.0, 5.020, 0.020, TICK_MS) == pytest.approx(5.0 + 0.020 / FLUSH_SHARE_MAX)


def test_a_flush_that_waited_for_the_machine_is_not_made_to_wait_again():
    """8 ms of CPU in 90 ms: a rest as long as the 90 would be the machine's load over again."""
    assert next_flush_s(5.0, 5.090, 0.008, TICK_MS) == pytest.approx(5.098)


def test_no_wait_is_longer_than_its_limit():
    assert next_flush_s(5.0, 5.4, 0.4, TICK_MS) <= 5.4 + FLUSH_INTERVAL_MS_MAX / 1_000


def test_a_tick_of_zero_waits_for_nothing_but_its_share():
    assert next_flush_s(5.0, 5.001, 0.001, 0) == pytest.approx(5.002)


def test_hints_follow_each_commit_until_several_fall_into_a_pause():
    spacing_ms = NOTIFY_SPACING_MS_MIN
    assert next_spacing_ms(spacing_ms, given=1) == NOTIFY_SPACING_MS_MIN
    for _ in range(5):
        spacing_ms = next_spacing_ms(spacing_ms, given=8)
    assert spacing_ms == NOTIFY_SPACING_MS_MAX
    for _ in range(5):
        spacing_ms = next_spacing_ms(spacing_ms, given=1)
    assert spacing_ms == NOTIFY_SPACING_MS_MIN
