"""What one observation makes of a supplier's tallies: pure, and each case counts once."""

from msgspec.structs import replace

from shopwire.modules.routing.api import Observe
from shopwire.modules.routing.domain import Watch
from shopwire.modules.routing.scoring import Tallies, added


def observed(watch: Watch, tallies: Tallies, seen: Observe) -> tuple[Watch, Tallies]:
    """The purchase order and the tallies after it; the same observation again changes nothing."""
    match seen.what:
        case "promised":
            return replace(watch, lead_ms=seen.lead_ms), tallies
        case "planned":
            return replace(watch, planned=max(watch.planned, seen.planned)), tallies
        case "sent":
            return _sent(watch, seen), tallies
        case "answered":
            return _answered(watch, tallies, seen)
        case "late":
            return _late(watch, tallies)
        case "shipped":
            return _shipped(watch, tallies, seen)
        case "short":
            return _short(watch, tallies, seen)


def _sent(watch: Watch, seen: Observe) -> Watch:
    if watch.sent_at_ms is not None:
        return watch
    return replace(watch, sent_at_ms=seen.at_ms, answer_due_ms=seen.due_ms)


def _answered(watch: Watch, tallies: Tallies, seen: Observe) -> tuple[Watch, Tallies]:
    """`accepted` and `refused` of what is seen are totals of the purchase order."""
    if watch.sent_at_ms is None and seen.sent_at_ms is not None:
        watch = replace(watch, sent_at_ms=seen.sent_at_ms, answer_due_ms=seen.sent_due_ms)
    planned = max(watch.planned, seen.planned)
    accepted = max(0, seen.accepted - watch.accepted)
    refused = max(0, seen.refused - watch.refused)
    # What was accepted before and is refused now was withdrawn.
    open_units = max(0, planned - watch.accepted - watch.refused)
    withdrawn = max(0, refused + accepted - open_units)
    direct = refused - min(refused, withdrawn)
    tallies = added(
        tallies,
        units=accepted + direct,
        refused=direct,
        promised=accepted,
        withdrawn=refused - direct,
        sold=accepted + direct,
        short=max(0, refused - watch.short),
    )
    first = watch.answered_at_ms is None
    if first and not watch.answer_counted:
        in_time = watch.answer_due_ms is None or seen.at_ms <= watch.answer_due_ms
        tallies = added(tallies, answers=1, answers_in_time=int(in_time))
    if first and watch.sent_at_ms is not None:
        tallies = added(tallies, answer_ms=max(0, seen.at_ms - watch.sent_at_ms))
    watch = replace(
        watch,
        planned=planned,
        accepted=max(watch.accepted, seen.accepted),
        refused=max(watch.refused, seen.refused),
        answered_at_ms=seen.at_ms if first else watch.answered_at_ms,
        ship_due_ms=seen.due_ms if first else watch.ship_due_ms,
        answer_counted=True,
        short=max(watch.short, seen.refused),
    )
    return watch, tallies


def _late(watch: Watch, tallies: Tallies) -> tuple[Watch, Tallies]:
    """What is overdue was not in time, whether or not it comes later."""
    if watch.answered_at_ms is None:
        if watch.answer_counted:
            return watch, tallies
        return replace(watch, answer_counted=True), added(tallies, answers=1)
    if watch.parcel_counted or watch.lead_ms is not None:
        # Where a lead time was promised, the parcel itself tells whether it was kept.
        return watch, tallies
    return replace(watch, parcel_counted=True), added(tallies, parcels=1)


def _shipped(watch: Watch, tallies: Tallies, seen: Observe) -> tuple[Watch, Tallies]:
    """The first parcel counts; against the lead time, or else what the shop allows."""
    if watch.shipped_at_ms is not None:
        return watch, tallies
    since = watch.answered_at_ms if watch.answered_at_ms is not None else watch.sent_at_ms
    due = watch.ship_due_ms
    if watch.lead_ms is not None and since is not None:
        due = since + watch.lead_ms
    if not watch.parcel_counted:
        in_time = due is None or seen.at_ms <= due
        tallies = added(tallies, parcels=1, parcels_in_time=int(in_time))
    if since is not None:
        tallies = added(tallies, parcel_ms=max(0, seen.at_ms - since))
    return replace(watch, shipped_at_ms=seen.at_ms, parcel_counted=True), tallies


def _short(watch: Watch, tallies: Tallies, seen: Observe) -> tuple[Watch, Tallies]:
    """A count says the same shortage again and again: only what is new of it counts."""
    more = max(0, seen.short - watch.short)
    return replace(watch, short=watch.short + more), added(tallies, sold=more, short=more)
