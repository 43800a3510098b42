"""How old a supplier's data may be, and what the shop sells then. Pure: time is an argument."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from shopwire.kernel.limits import QUANTITY_MAX
from shopwire.modules.sources.domain import NOTHING, Source, Supply
from shopwire.modules.sources.events import Caution, RuleDocument, SupplyState
from shopwire.modules.sources.limits import (
    GROWN_HOURS_MAX,
    HOUR_MS,
    LATE_GRACE_MS,
    STALE_MS_MIN,
    UNSCHEDULED_MS,
)
from shopwire.modules.sources.schedule import interval_ms

_MINUTE_MS = 60_000


def judged(supply: Supply, sources: Iterable[Source], at_ms: int) -> Supply:
    """The supplier's standing at a moment, and when it means something else.

    What the shop sells follows the age of its data alone: why it is old changes nothing about the
    danger. `judge_ms` lies after `at_ms`, or is None where time alone changes nothing.
    """
    there = [one for one in sources if one.state != "removed"]
    late_after, stale_after = _limits(supply.rule, there)
    since_ms = supply.since_ms if supply.good_ms is None else supply.good_ms
    late_ms = None if late_after is None else since_ms + late_after
    stale_ms = None if stale_after is None else since_ms + stale_after
    caution, step_ms = _caution(supply.rule, stale_ms, at_ms)
    moments = [one for one in (late_ms, stale_ms, step_ms) if one is not None and one > at_ms]
    return replace(
        supply,
        state=_state(supply, there, late_ms, stale_ms, at_ms),
        late_ms=late_ms,
        stale_ms=stale_ms,
        caution=caution,
        judge_ms=min(moments, default=None),
    )


def _limits(rule: RuleDocument, sources: Sequence[Source]) -> tuple[int | None, int | None]:
    """After how long data is late, and stale; None where nothing is expected."""
    late = None if rule.late_after_minutes is None else rule.late_after_minutes * _MINUTE_MS
    stale = None if rule.stale_after_minutes is None else rule.stale_after_minutes * _MINUTE_MS
    if sources:
        every = min(_expected_ms(one) for one in sources)
        if late is None:
            late = every + max(every // 2, LATE_GRACE_MS)
        if stale is None:
            stale = max(3 * every, STALE_MS_MIN)
    if stale is not None and late is not None:
        late = min(late, stale)
    return late, stale


def _expected_ms(source: Source) -> int:
    """How often a source should bring data, or say that there is nothing new.

    A folder that was looked at and holds no file says nothing about the data, so there its
    schedule does not tell.
    """
    every = interval_ms(source.schedule) or UNSCHEDULED_MS
    return every if source.place.kind == "http" else max(every, UNSCHEDULED_MS)


def _state(
    supply: Supply,
    sources: Sequence[Source],
    late_ms: int | None,
    stale_ms: int | None,
    at_ms: int,
) -> SupplyState:
    if sources and all(one.state == "paused" for one in sources):
        return "paused"
    if supply.breaker != "closed":
        return "failed"
    if stale_ms is not None and at_ms >= stale_ms:
        return "stale"
    if supply.good_ms is None and sources:
        # Nothing good ever came: that is no fresh data, however young the source is.
        return "failed" if any(one.failures for one in sources) else "late"
    if late_ms is not None and at_ms >= late_ms:
        return "late"
    return "fresh"


def _caution(rule: RuleDocument, stale_ms: int | None, at_ms: int) -> tuple[Caution, int | None]:
    """What is kept back, and when more of it will be."""
    if stale_ms is None or at_ms < stale_ms or rule.when_stale == "sell_on":
        return NOTHING, None
    if rule.when_stale == "pause":
        return Caution(everything=True), None
    hours = (at_ms - stale_ms) // HOUR_MS + 1
    now, then = _grown(rule, hours), _grown(rule, hours + 1)
    return now, stale_ms + hours * HOUR_MS if then != now else None


def _grown(rule: RuleDocument, hours: int) -> Caution:
    hours = min(hours, GROWN_HOURS_MAX)
    units = min(rule.units_per_hour * hours, rule.units_max or QUANTITY_MAX)
    return Caution(units=units, share_bp=min(rule.share_bp_per_hour * hours, rule.share_bp_max))
