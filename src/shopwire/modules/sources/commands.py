"""How sources are put, run by one process at a time, and how their suppliers' standing follows."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.errors import NotFound, RuleBroken
from shopwire.kernel.fetching import Marks
from shopwire.kernel.rows import Row, View
from shopwire.modules.sources.api import (
    JudgeSupply,
    NoteGood,
    PauseSource,
    PutRule,
    PutSource,
    RemoveSource,
    RunNow,
)
from shopwire.modules.sources.checking import check_ids, check_rule, check_source
from shopwire.modules.sources.domain import Source, Supply
from shopwire.modules.sources.events import (
    RuleDocument,
    RunAsked,
    SourceEvent,
    SourcePaused,
    SourcePut,
    SourceRemoved,
    SupplyEvent,
)
from shopwire.modules.sources.limits import SOURCES_A_SUPPLIER_MAX
from shopwire.modules.sources.running import RUN_HANDLERS
from shopwire.modules.sources.schedule import next_slot
from shopwire.modules.sources.standing import supply_told, whole_supply

_SETTINGS: Final = (
    "place", "schedule", "profile", "encoding", "currency", "feed", "as_of",
)  # fmt: skip
_READING: Final = frozenset(_SETTINGS) - {"schedule"}
"""Those that make the same file mean something else."""


def do_put_source(command: PutSource, view: View, context: Context) -> Decision:
    """Keeps where a feed comes from; a new one is looked at at once."""
    check_source(command)
    known = view.one(Source, command.supplier, command.name)
    others = [one for one in view.all(Source, command.supplier) if one is not known]
    if known is None and len([one for one in others if one.state != "removed"]) >= (
        SOURCES_A_SUPPLIER_MAX
    ):
        raise RuleBroken(
            f"A supplier has at most {SOURCES_A_SUPPLIER_MAX} sources.",
            rule="sources_a_supplier_max",
            reason="remove one first",
        )
    if command.place.kind == "push" and any(
        one.place.kind == "push" and one.state != "removed" for one in others
    ):
        raise RuleBroken(
            "A supplier pushes to one source.", rule="one_push", reason="remove the other first"
        )
    settings = {name: getattr(command, name) for name in _SETTINGS}
    if known is not None and known.state != "removed":
        changed = {name for name in _SETTINGS if getattr(known, name) != settings[name]}
        if not changed:
            return Decision(result={"applied": False, "reason": "unchanged"})
    else:
        changed = set(_SETTINGS)
    source = known or Source(
        tenant=context.tenant, supplier=command.supplier, name=command.name, place=command.place
    )
    source = replace(source, **settings, state="active" if _is_new(known) else source.state)
    if changed & _READING:
        source = replace(source, marks=Marks(), failures=0, failed_at=())
    if source.state == "active":
        source = _scheduled(source, context.now_ms, at_once=bool(changed & _READING))
    return _changed(SourcePut, source, others, view, context.tenant, context.now_ms)


def _is_new(known: Source | None) -> bool:
    return known is None or known.state == "removed"


def _scheduled(source: Source, now_ms: int, *, at_once: bool) -> Source:
    """When an active source is due: now, or when its schedule says."""
    if source.place.kind == "push":
        return replace(source, due_ms=None, why=None)
    source = replace(source, anchor_ms=now_ms)
    due_ms = now_ms if at_once else next_slot(source.schedule, now_ms, anchor_ms=now_ms)
    return replace(source, due_ms=due_ms, why=None if due_ms is None else "schedule")


def do_pause_source(command: PauseSource, view: View, context: Context) -> Decision:
    """Lets a source rest, or wakes it: then it is looked at at once."""
    known, others = _known(view, command.supplier, command.name)
    state = "paused" if command.paused else "active"
    if known.state == state:
        return Decision(result={"applied": False, "reason": "unchanged"})
    if command.paused:
        source = replace(known, state="paused", due_ms=None, why=None)
    else:
        source = _scheduled(replace(known, state="active"), context.now_ms, at_once=True)
    return _changed(SourcePaused, source, others, view, context.tenant, context.now_ms)


def do_remove_source(command: RemoveSource, view: View, context: Context) -> Decision:
    """Ends a source; its runs stay on record."""
    known, others = _known(view, command.supplier, command.name)
    source = replace(known, state="removed", due_ms=None, why=None)
    return _changed(SourceRemoved, source, others, view, context.tenant, context.now_ms)


def do_run_now(command: RunNow, view: View, context: Context) -> Decision:
    """Makes a source due now, and lets it past an open breaker."""
    known, _ = _known(view, command.supplier, command.name)
    if known.place.kind == "push":
        raise RuleBroken("It is pushed by its sender.", rule="push", reason="nothing can be run")
    if known.state == "paused":
        raise RuleBroken("The source is paused.", rule="paused", reason="go on with it first")
    if known.why == "asked":
        # It waits to be run already; a second wish would be for the same look.
        return Decision(result={"applied": False, "fence": known.fence})
    source = replace(
        known, due_ms=context.now_ms, why="asked", failed_at=(), version=known.version + 1
    )
    event = RunAsked(entity=source.entity, version=source.version, document=source.document())
    rows: list[Row] = [source]
    events: list[SourceEvent | SupplyEvent] = [event]
    supply = view.one(Supply, command.supplier)
    if supply is not None and supply.retry_ms is not None and supply.retry_ms > context.now_ms:
        sources = [*_others(view, source), source]
        rows_of, told = supply_told(
            replace(supply, retry_ms=context.now_ms), supply, sources, context.now_ms
        )
        rows += rows_of
        events += told
    return Decision(put=rows, events=events, result={"applied": True, "fence": source.fence})


def do_put_rule(command: PutRule, view: View, context: Context) -> Decision:
    """Keeps what the shop sells of a supplier whose data is stale; it holds at once."""
    check_rule(command)
    names = RuleDocument.__struct_fields__
    rule = RuleDocument(**{name: getattr(command, name) for name in names})
    known = view.one(Supply, command.supplier)
    if known is not None and known.rule == rule:
        return Decision(result={"applied": False, "reason": "unchanged"})
    supply = known or _new_supply(context.tenant, command.supplier, context.now_ms)
    sources = view.all(Source, command.supplier)
    rows, events = supply_told(replace(supply, rule=rule), known, sources, context.now_ms)
    return Decision(put=rows, events=events, result={"applied": True})


def do_note_good(command: NoteGood, view: View, context: Context) -> Decision:
    """Good data came by another way; of a supplier that nothing is expected of it says nothing."""
    del context
    known = view.one(Supply, command.supplier)
    if known is None:
        return Decision(result={"applied": False})
    sources = view.all(Source, command.supplier)
    # A feed that was held, and is in effect now: when its source says that it holds, it does.
    rows: list[Row] = [
        replace(one, marks=replace(one.marks, good=True, run=""))
        for one in sources
        if not one.marks.good and one.marks.run == command.run
    ]
    if known.good_ms is not None and command.at_ms <= known.good_ms:
        return Decision(put=rows, result={"applied": bool(rows)})
    supply = replace(known, good_ms=command.at_ms)
    told, events = supply_told(supply, known, sources, command.at_ms)
    return Decision(put=[*rows, *told], events=events, result={"applied": True})


def do_judge_supply(command: JudgeSupply, view: View, context: Context) -> Decision:
    """Looks at the age of a supplier's data."""
    del context
    known = view.one(Supply, command.supplier)
    if known is None:
        return Decision(result={"applied": False})
    sources = view.all(Source, command.supplier)
    rows, events = supply_told(known, known, sources, command.at_ms)
    return Decision(put=rows, events=events, result={"applied": bool(events)})


# -- what they share ----------------------------------------------------------------------------


def _changed(
    kind: type[SourceEvent],
    source: Source,
    others: Sequence[Source],
    view: View,
    tenant: str,
    now_ms: int,
) -> Decision:
    """A source as it is from now on, and its supplier's standing with it."""
    source = replace(source, version=source.version + 1)
    event = kind(entity=source.entity, version=source.version, document=source.shown())
    known = view.one(Supply, source.supplier)
    supply = known or _new_supply(tenant, source.supplier, now_ms)
    rows, events = supply_told(supply, known, [*others, source], now_ms, anyway=True)
    return Decision(put=[source, *rows], events=[event, *events], result={"applied": True})


def _new_supply(tenant: str, supplier: str, now_ms: int) -> Supply:
    return Supply(tenant=tenant, supplier=supplier, since_ms=now_ms)


def _known(view: View, supplier: str, name: str) -> tuple[Source, list[Source]]:
    check_ids(supplier, name)
    known = view.one(Source, supplier, name)
    if known is None or known.state == "removed":
        raise NotFound(what="source", id=f"{supplier}/{name}")
    return known, _others(view, known)


def _others(view: View, source: Source) -> list[Source]:
    return [one for one in view.all(Source, source.supplier) if one.name != source.name]


HANDLERS: Final = (
    Handler(
        command=PutSource,
        partition_key=lambda command: command.supplier,
        needs=whole_supply,
        decide=do_put_source,
    ),
    Handler(
        command=PauseSource,
        partition_key=lambda command: command.supplier,
        needs=whole_supply,
        decide=do_pause_source,
    ),
    Handler(
        command=RemoveSource,
        partition_key=lambda command: command.supplier,
        needs=whole_supply,
        decide=do_remove_source,
    ),
    Handler(
        command=RunNow,
        partition_key=lambda command: command.supplier,
        needs=whole_supply,
        decide=do_run_now,
    ),
    Handler(
        command=PutRule,
        partition_key=lambda command: command.supplier,
        needs=whole_supply,
        decide=do_put_rule,
    ),
    Handler(
        command=NoteGood,
        partition_key=lambda command: command.supplier,
        needs=whole_supply,
        decide=do_note_good,
    ),
    Handler(
        command=JudgeSupply,
        partition_key=lambda command: command.supplier,
        needs=whole_supply,
        decide=do_judge_supply,
    ),
    *RUN_HANDLERS,
)
