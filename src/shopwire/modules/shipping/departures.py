"""When a supplier's purchase orders leave: pure arithmetic over a calendar."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.validation import check_name
from shopwire.modules.shipping.api import Departures

CUTOFFS_MAX: Final = 24
"""Moments of a day at which orders leave."""
EVERY_MS_MIN: Final = 60_000
"""Shortest pace at which orders leave together."""
EVERY_MS_MAX: Final = 7 * 24 * 3_600_000
"""Longest pace."""
ORDERS_MAX: Final = 10_000
"""So many orders at most wait for a departure; a rule that asks for more is a mistake."""
DAYS_AHEAD: Final = 9
"""Days that are looked at for the next departure: a week, and what a change of clocks moves."""

_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def check_departures(rules: Departures) -> Departures:
    """Returns rules that name a next departure at any time, or raises InvalidField."""
    _zone(rules.zone)
    if len(rules.cutoffs) > CUTOFFS_MAX or len(set(rules.cutoffs)) != len(rules.cutoffs):
        raise _bad("cutoffs", f"up to {CUTOFFS_MAX} moments, each once")
    for one in rules.cutoffs:
        if not _CLOCK.fullmatch(one):
            raise _bad("cutoffs", f"{one[:20]!r} is no HH:MM")
    days = set(rules.weekdays)
    if not days or not days <= set(range(1, 8)) or len(days) != len(rules.weekdays):
        raise _bad("weekdays", "from 1, Monday, to 7, Sunday, each once")
    if rules.every_ms and not EVERY_MS_MIN <= rules.every_ms <= EVERY_MS_MAX:
        raise _bad("every_ms", f"0, or from {EVERY_MS_MIN} to {EVERY_MS_MAX}")
    if rules.every_ms and rules.cutoffs:
        raise _bad("every_ms", "orders leave at cut-offs or at a pace, not both")
    if not 0 <= rules.orders <= ORDERS_MAX:
        raise _bad("orders", f"from 0 to {ORDERS_MAX}")
    return rules


def leaves_at(rules: Departures | None, ready_ms: int) -> int:
    """The first departure at or after the moment at which an order is ready, in milliseconds.

    A cut-off that a change of clocks skips is passed when the clocks have moved; one that comes
    twice is the first.
    """
    if rules is None or not (rules.cutoffs or rules.every_ms or len(rules.weekdays) < 7):
        return ready_ms
    zone = _zone(rules.zone)
    ready = datetime.fromtimestamp(ready_ms / 1_000, UTC)
    if rules.every_ms:
        at_ms = -(-ready_ms // rules.every_ms) * rules.every_ms
        day = datetime.fromtimestamp(at_ms / 1_000, UTC).astimezone(zone)
        return at_ms if day.isoweekday() in rules.weekdays else _opens(rules, day.date(), zone)
    local = ready.astimezone(zone)
    if not rules.cutoffs:
        return (
            ready_ms if local.isoweekday() in rules.weekdays else _opens(rules, local.date(), zone)
        )
    # The day before, too: where clocks move, a cut-off of it may come after midnight.
    for ahead in range(-1, DAYS_AHEAD):
        day_of = local.date() + timedelta(days=ahead)
        if day_of.isoweekday() not in rules.weekdays:
            continue
        moments = sorted(_moment(day_of, one, zone) for one in rules.cutoffs)
        for at_ms in moments:
            if at_ms >= ready_ms:
                return at_ms
    raise AssertionError("every week has one of its weekdays")


def _opens(rules: Departures, today: date, zone: ZoneInfo) -> int:
    """The beginning of the next day on which orders leave."""
    for ahead in range(1, DAYS_AHEAD):
        day = today + timedelta(days=ahead)
        if day.isoweekday() in rules.weekdays:
            return _moment(day, "00:00", zone)
    raise AssertionError("every week has one of its weekdays")


def _moment(day: date, clock: str, zone: ZoneInfo) -> int:
    hour, minute = map(int, clock.split(":"))
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
    return int(local.timestamp() * 1_000)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(check_name(name, "departures.zone"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _bad("zone", f"{name[:40]!r} is no time zone; Europe/Berlin is one") from None


def _bad(field: str, reason: str) -> InvalidField:
    where = f"departures.{field}"
    return InvalidField(f"{where} cannot be used: {reason}.", field=where, reason=reason)
