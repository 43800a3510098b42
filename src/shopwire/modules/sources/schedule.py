"""When a source is looked at: by its schedule, and after a failure. Pure: time is an argument."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shopwire.kernel.errors import InvalidField
from shopwire.modules.sources.api import Schedule
from shopwire.modules.sources.limits import (
    EVERY_MINUTES_MAX,
    FAILED_TRIES_AN_HOUR_MAX,
    HOUR_MS,
    OPEN_MS_MAX,
    OPEN_MS_MIN,
    RETRY_MS_MAX,
    RETRY_MS_MIN,
)

_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 24 * HOUR_MS


def check_schedule(schedule: Schedule) -> None:
    """Raises InvalidField for one that never comes, comes twice over, or has no such clock."""
    if (schedule.every_minutes is None) == (schedule.daily_at is None):
        raise _invalid("schedule", "name either every_minutes or daily_at")
    minutes = schedule.every_minutes
    if minutes is not None and not 1 <= minutes <= EVERY_MINUTES_MAX:
        raise _invalid("schedule.every_minutes", f"it lies from 1 to {EVERY_MINUTES_MAX}")
    if schedule.daily_at is not None and not _CLOCK.fullmatch(schedule.daily_at):
        raise _invalid("schedule.daily_at", "it is no time as in 06:30")
    _zone(schedule.time_zone)


def next_slot(schedule: Schedule | None, after_ms: int, *, anchor_ms: int = 0) -> int | None:
    """The first moment of a schedule after another one; None where there is no schedule.

    `every_minutes` counts from `anchor_ms`, so that a late run does not push the later ones. A
    time of day that the zone skips that day comes when the clocks have moved on; one that it has
    twice comes once, the first time.
    """
    if schedule is None:
        return None
    if schedule.every_minutes is not None:
        step = schedule.every_minutes * _MINUTE_MS
        return anchor_ms + ((after_ms - anchor_ms) // step + 1) * step
    hour, minute = (int(part) for part in str(schedule.daily_at).split(":"))
    zone = _zone(schedule.time_zone)
    day = datetime.fromtimestamp(after_ms / 1_000, zone).date() - timedelta(days=1)
    while True:
        # One that does not exist is read with the offset from before: it comes when clocks moved.
        local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
        moment_ms = int(local.timestamp()) * 1_000
        if moment_ms > after_ms:
            return moment_ms
        day += timedelta(days=1)


def interval_ms(schedule: Schedule | None) -> int | None:
    """How far apart a schedule's runs are; None where there is none."""
    if schedule is None:
        return None
    return _DAY_MS if schedule.every_minutes is None else schedule.every_minutes * _MINUTE_MS


def recent(failed_at: Sequence[int], at_ms: int) -> tuple[int, ...]:
    """The failures of the last hour, this one with them; no more than the budget has."""
    kept = [one for one in (*failed_at, at_ms) if one > at_ms - HOUR_MS]
    return tuple(kept[-FAILED_TRIES_AN_HOUR_MAX:])


def retry_at(
    at_ms: int, failures: int, failed_at: Sequence[int], *, chance: float, asked_ms: int = 0
) -> int:
    """When a failed source is tried again.

    The wait doubles with each failure in a row; `chance` (0 to 1) takes up to half of it away, so
    that many sources do not come at once. Where the hour's budget is used up it rests until the
    first of its failures is an hour ago. `asked_ms` is what the far side asked for.
    """
    wait_ms = min(RETRY_MS_MAX, RETRY_MS_MIN << min(max(0, failures - 1), 20))
    moment_ms = at_ms + max(int(wait_ms * (1 - chance / 2)), min(asked_ms, OPEN_MS_MAX))
    if len(failed_at) >= FAILED_TRIES_AN_HOUR_MAX:
        moment_ms = max(moment_ms, failed_at[0] + HOUR_MS)
    return moment_ms


def open_ms(opened: int) -> int:
    """How long a breaker stays open, by how often it was opened in a row before."""
    return min(OPEN_MS_MAX, OPEN_MS_MIN << min(opened, 20))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _invalid("schedule.time_zone", "no such time zone, as in Europe/Berlin") from None


def _invalid(field: str, reason: str) -> InvalidField:
    return InvalidField(f"{field}: {reason}.", field=field, reason=reason)
