"""Runs of sources: one at a time, by whoever holds its lease; what follows from how they end."""

import hashlib
from typing import Final

import msgspec
from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.rows import Row, View
from shopwire.modules.sources.api import BeginFetch, FinishFetch, RenewFetch, Trigger
from shopwire.modules.sources.domain import Fetch, Source, Supply, closed, opened
from shopwire.modules.sources.events import Came, FetchBegan, FetchEnded
from shopwire.modules.sources.limits import BREAKER_FAILURES, LEASE_MS, REASON_CHARS_MAX
from shopwire.modules.sources.schedule import next_slot, open_ms, recent, retry_at
from shopwire.modules.sources.standing import supply_told, whole_supply

WORKS: Final = frozenset({"taken", "unchanged", "nothing_new", "held"})
"""Outcomes after which the source is known to work."""
GOOD: Final = frozenset({"taken", "unchanged"})
"""Outcomes after which the supplier's data is as good as new."""


_SILENT: Final = "nothing was heard of the run any more"
_GONE: Final = "its process ended in the middle of it; it is fetched again"


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """What a command that began a run, or could not, came to."""

    began: bool
    reason: str = ""
    retry_ms: int = 0
    fence: int = 0
    run: str = ""
    """The id for the import."""
    asked: bool = False
    """Somebody asked for it: also what is known already is taken."""


def do_begin_fetch(command: BeginFetch, view: View, context: Context) -> Decision:
    """Gives the right to a run, if nobody has it and the source is due.

    A run of which nothing was heard until its lease ran out, or whose process is known to be gone,
    is written down as lost.
    """
    at_ms = command.at_ms
    known = view.one(Source, command.supplier, command.name)
    supply = view.one(Supply, command.supplier)
    if known is None or supply is None or known.state != "active":
        return _not_begun("there is no such source, or it rests")
    # An import ends the one of the same supplier before it, so their sources take turns.
    gone = command.name, command.gone
    busy_ms = max(
        0 if (one.name, one.fence) == gone else one.lease_until_ms or 0
        for one in view.all(Source, command.supplier)
    )
    if at_ms < busy_ms:
        return _not_begun("a run is under way", busy_ms - at_ms)
    rows: list[Row] = []
    source = known
    if known.began_ms is not None:
        seen_gone = (known.name, known.fence) == gone
        rows.append(_line(known, _lost(known, at_ms, _GONE if seen_gone else _SILENT)))
        due_ms = known.due_ms if known.due_ms is not None else at_ms
        source = replace(known, due_ms=due_ms, why=known.why or known.running_why)
    why = command.trigger or source.why
    if command.trigger is None:
        if source.due_ms is None or at_ms < source.due_ms or why is None:
            return _not_begun("it is not due")
        if supply.retry_ms is not None and at_ms < supply.retry_ms:
            return _not_begun("the supplier's breaker is open", supply.retry_ms - at_ms)
    assert why is not None
    until_ms = at_ms + LEASE_MS
    source = replace(
        source,
        version=source.version + 1,
        due_ms=None,
        why=None,
        fence=source.fence + 1,
        began_ms=at_ms,
        lease_until_ms=until_ms,
        running_why=why,
    )
    event = FetchBegan(entity=source.entity, version=source.version, document=source.document())
    if supply.breaker != "closed" and command.trigger is None:
        # One source is the probe; the others wait until it has come to something.
        probing = replace(supply, breaker="half_open", retry_ms=until_ms)
    else:
        probing = supply
    sources = [*(one for one in view.all(Source, source.supplier) if one.name != source.name)]
    told, events = supply_told(probing, supply, [*sources, source], at_ms)
    begun = Begun(began=True, fence=source.fence, run=context.new_id("run"), asked=why == "asked")
    return Decision(put=[source, *rows, *told], events=[event, *events], result=begun)


def _lost(source: Source, at_ms: int, reason: str) -> FinishFetch:
    return FinishFetch(
        supplier=source.supplier,
        name=source.name,
        fence=source.fence,
        at_ms=at_ms,
        outcome="lost",
        reason=reason,
    )


def _not_begun(reason: str, retry_ms: int = 0) -> Decision:
    return Decision(result=Begun(began=False, reason=reason, retry_ms=retry_ms))


def do_renew_fetch(command: RenewFetch, view: View, context: Context) -> Decision:
    """Lets a run live on; `applied` says whether it still has the right to."""
    del context
    known = view.one(Source, command.supplier, command.name)
    if known is None or known.fence != command.fence or known.lease_until_ms is None:
        return Decision(result={"applied": False})
    others = [one for one in view.all(Source, command.supplier) if one.name != known.name]
    if any((one.lease_until_ms or 0) > command.at_ms for one in others):
        # It was silent so long that another of the supplier's began: that one has the turn.
        return Decision(result={"applied": False})
    until_ms = max(known.lease_until_ms, command.at_ms + LEASE_MS)
    rows: list[Row] = [replace(known, lease_until_ms=until_ms)]
    supply = view.one(Supply, command.supplier)
    if supply is not None and supply.breaker == "half_open":
        rows.append(replace(supply, retry_ms=until_ms))
    return Decision(put=rows, result={"applied": True})


def do_finish_fetch(command: FinishFetch, view: View, context: Context) -> Decision:
    """Writes a run down, says when the next one is due, opens or closes the breaker."""
    known = view.one(Source, command.supplier, command.name)
    supply = view.one(Supply, command.supplier)
    if known is None or supply is None or known.fence != command.fence or known.began_ms is None:
        return Decision(result={"applied": False})
    line = _line(known, command)
    came = Came(**{name: getattr(line, name) for name in Came.__struct_fields__})
    source = replace(
        known,
        version=known.version + 1,
        began_ms=None,
        lease_until_ms=None,
        running_why=None,
        # Who wants another run by now may have changed what the feed means.
        marks=known.marks if known.due_ms is not None else command.marks or known.marks,
        last=came,
    )
    works = command.outcome in WORKS
    source = _worked(source, command) if works else _failed(source, command, context.command_id)
    after = closed(supply) if works else _counted(supply, source, command)
    if command.outcome in GOOD:
        after = replace(after, good_ms=max(command.at_ms, supply.good_ms or 0))
    others = [one for one in view.all(Source, source.supplier) if one.name != source.name]
    told, events = supply_told(after, supply, [*others, source], command.at_ms)
    event = FetchEnded(entity=source.entity, version=source.version, document=source.shown())
    result = {"applied": True, "due_ms": source.due_ms}
    return Decision(put=[source, line, *told], events=[event, *events], result=result)


def _line(source: Source, command: FinishFetch) -> Fetch:
    began_ms = source.began_ms if source.began_ms is not None else command.at_ms
    return Fetch(
        tenant=source.tenant,
        supplier=source.supplier,
        name=source.name,
        fence=source.fence,
        why=source.running_why or "schedule",
        began_ms=began_ms,
        ended_ms=max(command.at_ms, began_ms),
        outcome=command.outcome,
        bytes=command.bytes,
        rows=command.rows,
        run=command.run,
        file=command.file,
        error=command.error,
        reason=command.reason[:REASON_CHARS_MAX],
    )


def _worked(source: Source, command: FinishFetch) -> Source:
    # What failed within the hour stays counted: one that comes and goes has the same budget.
    source = replace(source, failures=0)
    soon_ms = command.at_ms if command.more else _slot(source, command.at_ms)
    return _due(source, soon_ms, "schedule")


def _failed(source: Source, command: FinishFetch, chance_of: str) -> Source:
    """One more failure: what may pass is tried again soon, what may not by the schedule."""
    failed_at = recent(source.failed_at, command.at_ms)
    source = replace(source, failures=source.failures + 1, failed_at=failed_at)
    retry_ms = retry_at(
        command.at_ms,
        source.failures,
        failed_at,
        chance=_chance(chance_of),
        asked_ms=command.retry_ms,
    )
    if source.place.kind == "push":
        return source  # its sender sends it again
    if command.temporary:
        return _due(source, retry_ms, "retry")
    slot_ms = _slot(source, command.at_ms)
    return _due(source, None if slot_ms is None else max(slot_ms, retry_ms), "schedule")


def _slot(source: Source, at_ms: int) -> int | None:
    return next_slot(source.schedule, at_ms, anchor_ms=source.anchor_ms)


def _due(source: Source, due_ms: int | None, why: Trigger) -> Source:
    """The source due at a moment, unless it rests or somebody wants it before."""
    if source.state != "active" or source.due_ms is not None:
        return source
    return replace(source, due_ms=due_ms, why=None if due_ms is None else why)


def _counted(supply: Supply, source: Source, command: FinishFetch) -> Supply:
    """The breaker after a failure: it opens after several in a row, and when its probe failed."""
    failures = supply.breaker_failures + 1
    counted = replace(supply, breaker_failures=failures)
    reason = f"{source.name}: {command.reason or command.error}"[:REASON_CHARS_MAX]
    if supply.breaker == "half_open" or failures >= BREAKER_FAILURES:
        return opened(counted, command.at_ms, reason, open_ms(supply.opened))
    return counted


def _chance(text: str) -> float:
    """A number from 0 to 1 that a replay of the same command makes again."""
    return hashlib.sha256(text.encode()).digest()[0] / 255


RUN_HANDLERS: Final = (
    Handler(
        command=BeginFetch,
        partition_key=lambda command: command.supplier,
        needs=whole_supply,
        decide=do_begin_fetch,
    ),
    Handler(
        command=RenewFetch,
        partition_key=lambda command: command.supplier,
        needs=whole_supply,
        decide=do_renew_fetch,
    ),
    Handler(
        command=FinishFetch,
        partition_key=lambda command: command.supplier,
        needs=whole_supply,
        decide=do_finish_fetch,
    ),
)
