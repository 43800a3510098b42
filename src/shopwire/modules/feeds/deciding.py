"""How a person decides about runs: held feeds, limits, quarantined rows, an undo."""

from typing import Final

from msgspec.structs import asdict, replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.errors import InvalidField, NotFound, RuleBroken
from shopwire.kernel.names import slug_of
from shopwire.kernel.rows import Need, Row, View
from shopwire.kernel.validation import check_name, check_text
from shopwire.modules.feeds.api import (
    ApproveRun,
    BeginUndo,
    Digest,
    HoldRun,
    IntendMend,
    KeepPart,
    KeepTexts,
    NoteMend,
    NoteUndone,
    PruneRun,
    PutLimits,
    RecoverMend,
    RejectRun,
    ResumeRun,
)
from shopwire.modules.feeds.commands import change_rows, forgotten
from shopwire.modules.feeds.domain import (
    ENDED,
    FEEDS,
    FeedLimits,
    FeedRow,
    FeedText,
    HeldPart,
    ImportIntent,
    ImportKept,
    Mend,
    Run,
    place_of,
)
from shopwire.modules.feeds.events import (
    ImportDecided,
    ImportHeld,
    ImportMended,
    ImportProgressed,
    ImportPruned,
    ImportUndone,
    LimitsPut,
)
from shopwire.modules.feeds.limits import KEPT_SHOWN_MAX, PRUNE_ENTRIES_MAX, UNDO_KEPT_MS

PERCENT_FIELDS: Final = ("zeroed_percent", "price_moved_percent", "shrunk_percent")
"""Shares: 0 to 100, where 100 means that no feed is held for it."""
MOVE_PERCENT_MAX: Final = 100_000
"""The most that may count as no far move of a cost."""


def do_put_limits(command: PutLimits, view: View, context: Context) -> Decision:
    """Says from where on a supplier's feeds are held; the same again changes nothing."""
    check_name(command.supplier, "supplier")
    for field in PERCENT_FIELDS:
        _check_range(field, getattr(command, field), 0, 100)
    _check_range("price_move_percent", command.price_move_percent, 1, MOVE_PERCENT_MAX)
    _check_range("skus_min", command.skus_min, 1, 1_000_000)
    _check_range("price_factor", command.price_factor, 2, 1_000_000)
    known = view.one(FeedLimits, command.supplier)
    version = known.version if known is not None else 0
    limits = FeedLimits(tenant=context.tenant, version=version, **asdict(command))
    if limits == known:
        return Decision(result={"applied": False, "reason": "unchanged"})
    limits = replace(limits, version=version + 1)
    event = LimitsPut(entity=limits.supplier, version=limits.version, document=limits.document())
    return Decision(put=[limits], events=[event], result={"applied": True})


def _check_range(field: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InvalidField(
            f"{field} is from {least} to {most}.",
            field=field,
            reason="out of range",
            value=value,
        )


def do_keep_part(command: KeepPart, view: View, context: Context) -> Decision:
    """Keeps a piece of a feed; the same piece again changes nothing."""
    known = _in_state(view, command.run, "running")
    part = HeldPart(tenant=context.tenant, run=command.run, part=command.part, data=command.data)
    if not command.whole:
        return Decision(put=[part])
    run = replace(known, version=known.version + 1, held_parts=command.part + 1)
    event = ImportProgressed(entity=run.id, version=run.version, document=run.document())
    return Decision(put=[run, part], events=[event])


def do_resume_run(command: ResumeRun, view: View, _context: Context) -> Decision:
    """Lets a feed that was cut off go on; it counts anew, and what it did before is not news."""
    known = _in_state(view, command.run, "running")
    if not known.held_parts:
        raise RuleBroken(
            "The file of the import is not kept.",
            rule="an import goes on from its kept bytes",
            reason="send the same file again",
        )
    run = _anew(known)
    if run == replace(known, version=run.version):
        return Decision(result=known.document())
    event = ImportProgressed(entity=run.id, version=run.version, document=run.document())
    return Decision(put=[run], events=[event], result=run.document())


def _anew(known: Run) -> Run:
    """A run that begins again; rows that are in quarantine already stay there."""
    return replace(
        known,
        version=known.version + 1,
        status="running",
        rows=known.kept,
        changed=0,
        unchanged=0,
        quarantined=known.kept,
        notes=(),
        finished_at_ms=None,
        error=None,
    )


def do_keep_texts(command: KeepTexts, view: View, context: Context) -> Decision:
    """Keeps what stretches of text are; the same again changes nothing."""
    if view.one(Run, command.run) is None:
        raise NotFound(what="import", id=command.run)
    return Decision(
        put=[
            FeedText(
                tenant=context.tenant,
                supplier=command.supplier,
                kind=command.kind,
                piece=piece,
                reading=command.reading,
                data=data,
            )
            for piece, data in enumerate(command.pieces, command.first)
        ]
    )


def do_hold_run(command: HoldRun, view: View, _context: Context) -> Decision:
    """Holds a run for a person."""
    known = _in_state(view, command.run, "running")
    run = replace(
        known,
        version=known.version + 1,
        status="held",
        rows=command.counts.rows,
        changed=command.counts.changed,
        unchanged=command.counts.unchanged,
        quarantined=command.counts.quarantined,
        hold=command.hold,
        held_parts=command.parts,
        notes=command.notes,
    )
    rows: list[Row] = [run]
    if not command.hold.kept:
        rows += forgotten(run)
        rows[0] = replace(run, held_parts=0)
    event = ImportHeld(entity=run.id, version=run.version, document=run.document())
    return Decision(put=rows, events=[event], result=run.document())


def do_approve_run(command: ApproveRun, view: View, _context: Context) -> Decision:
    """Lets a held feed go on; it counts anew, since the shop may have changed while it waited.

    One that was approved before goes on in the name of who approved it.
    """
    known = _in_state(view, command.run, "held", "running", "failed")
    if known.status != "held" and not known.held_parts:
        _in_state(view, command.run, "held")
    if not known.hold.kept:
        raise RuleBroken(
            "The feed is too large to be kept.",
            rule="a held feed is approved from its kept bytes",
            reason="send it again, and approve it at once",
        )
    run = replace(_anew(known), decided_by=known.decided_by or command.by)
    event = ImportDecided(entity=run.id, version=run.version, document=run.document())
    return Decision(put=[run], events=[event], result=run.document())


def do_reject_run(command: RejectRun, view: View, context: Context) -> Decision:
    """Ends a held feed without effect, and forgets its bytes."""
    known = _in_state(view, command.run, "held")
    run = replace(
        known,
        version=known.version + 1,
        status="rejected",
        held_parts=0,
        decided_by=context.principal,
        finished_at_ms=context.now_ms,
        error=check_text(command.reason, "reason") or None,
    )
    event = ImportDecided(entity=run.id, version=run.version, document=run.document())
    return Decision(put=[run, *forgotten(known)], events=[event], result=run.document())


def do_note_mend(command: NoteMend, view: View, context: Context) -> Decision:
    """Settles a quarantined row, once; what it changed is the run's, so that an undo knows it."""
    known = _in_state(view, command.run, *ENDED)
    _check_kept(known)
    if not 1 <= command.seq <= known.kept:
        raise NotFound(what="quarantined row", id=f"{command.run}/{command.seq}")
    place = place_of(command.run, command.seq)
    settled = view.one(Mend, place)
    if settled is not None:
        raise RuleBroken(
            f"The row is {settled.outcome} already.",
            rule="a quarantined row is settled once",
            reason=f"{settled.outcome} by {settled.by}",
        )
    mended = command.outcome == "mended"
    run = replace(
        known,
        version=known.version + 1,
        mended=known.mended + mended,
        dropped=known.dropped + (not mended),
        altered=known.altered + len(command.altered),
    )
    mend = Mend(
        tenant=context.tenant,
        place=place,
        run=command.run,
        seq=command.seq,
        outcome=command.outcome,
        by=command.by,
        at_ms=context.now_ms,
        raw=command.raw,
    )
    event = ImportMended(entity=run.id, version=run.version, document=run.document())
    rows: list[Row] = [run, mend, *change_rows(known, command.altered)]
    if mended:
        rows.append(ImportIntent(tenant=context.tenant, run=place))
    return Decision(put=rows, events=[event], result=run.document())


def do_intend_mend(command: IntendMend, view: View, context: Context) -> Decision:
    """Writes down what a mended row is about to change; nothing begins in a run that is undone."""
    known = _in_state(view, command.run, *ENDED)
    _check_kept(known)
    place = place_of(known.id, command.seq)
    return Decision(put=[ImportIntent(tenant=context.tenant, run=place, groups=command.groups)])


def do_recover_mend(command: RecoverMend, view: View, context: Context) -> Decision:
    """Makes what a cut off mend changed a part of its run, also where the run's undo has begun."""
    known = _in_state(view, command.run, *ENDED, "undoing")
    altered = known.altered + len(command.altered)
    begun = known.status == "undoing"
    run = replace(
        known,
        version=known.version + 1,
        altered=altered,
        # Nothing is put back before all that was cut off is known.
        undone_to=altered + 1 if begun else known.undone_to,
    )
    rows: list[Row] = [run, *change_rows(known, command.altered)]
    rows.append(ImportIntent(tenant=context.tenant, run=place_of(known.id, command.seq)))
    event = ImportMended(entity=run.id, version=run.version, document=run.document())
    return Decision(put=rows, events=[event], result=run.document())


def do_undo_run(command: BeginUndo, view: View, _context: Context) -> Decision:
    """Begins to put back what a run changed, or goes on with it where that was cut off."""
    known = _in_state(view, command.run, *ENDED, "undoing", "undone")
    if known.status in ("undoing", "undone"):
        return Decision(result=known.document())
    _check_kept(known)
    run = replace(
        known,
        version=known.version + 1,
        status="undoing",
        undone_to=known.altered + 1,
        decided_by=command.by,
    )
    event = ImportUndone(entity=run.id, version=run.version, document=run.document())
    return Decision(put=[run], events=[event], result=run.document())


def do_prune_run(command: PruneRun, view: View, context: Context) -> Decision:
    """Forgets a part of what nobody needs any more; raises RuleBroken while somebody may."""
    known = _in_state(view, command.run, *ENDED, "undone", "rejected")
    if context.now_ms < (known.finished_at_ms or context.now_ms) + UNDO_KEPT_MS:
        raise RuleBroken(
            "The import can still be undone.",
            rule="what an undo needs is kept as long as one is offered",
            reason=f"it ended less than {UNDO_KEPT_MS // 86_400_000} days ago",
        )
    last = max(known.altered, known.kept)
    run = replace(
        known,
        version=known.version + 1,
        pruned_to=min(last, known.pruned_to + PRUNE_ENTRIES_MAX),
        held_parts=0,
    )
    event = ImportPruned(entity=run.id, version=run.version, document=run.document())
    return Decision(put=[run, *forgotten(known)], events=[event], result=run.document())


def _check_kept(run: Run) -> None:
    """Raises RuleBroken where what an undo or a mend needs has gone."""
    if run.pruned_to:
        raise RuleBroken(
            "What the import changed is kept no more.",
            rule=f"an import is undone within {UNDO_KEPT_MS // 86_400_000} days",
            reason="import a feed with what is right",
        )


def do_note_undone(command: NoteUndone, view: View, context: Context) -> Decision:
    """Writes down that a part of a run is put back, and what its supplier said before it."""
    known = _in_state(view, command.run, "undoing")
    if command.down_to >= known.undone_to:
        return Decision(result=known.document())  # this part was written down before
    run = replace(
        known,
        version=known.version + 1,
        undone_to=command.down_to,
        status="undone" if command.down_to <= 1 else "undoing",
        restored=known.restored + command.restored,
        stayed=known.stayed + len(command.kept),
    )
    supplier = slug_of(known.supplier)
    said: dict[str, FeedRow] = {}
    for group in command.said:
        found = said.get(group.key) or view.one(FeedRow, group.key, supplier)
        if found is not None and group.said_was and group.said_now:
            said[group.key] = replace(found, **_said_before(found, group.said_was, group.said_now))
    rows: list[Row] = [run, *said.values()]
    rows += [
        ImportKept(tenant=context.tenant, run=run.id, seq=known.stayed + number, kept=kept)
        for number, kept in enumerate(command.kept, 1)
        if known.stayed + number <= KEPT_SHOWN_MAX
    ]
    event = ImportUndone(entity=run.id, version=run.version, document=run.document())
    return Decision(put=rows, events=[event], result=run.document())


def _said_before(found: FeedRow, was: Digest, now: Digest) -> dict[str, str | int]:
    """What was said before the run, of what nothing newer was said since."""
    back: dict[str, str | int] = {
        name: getattr(was, name)
        for name in ("product", "offers", "stock")
        if getattr(found, name) == getattr(now, name)
    }
    # A mark is of all three: rows that say some of each are none that ever came.
    whole = len(back) == 3
    kept = was if whole else Digest(key=was.key)
    return back | {"mark": kept.mark, "aside": kept.aside, "rest": kept.rest_kept}


_DONE: Final = {
    "running": "is still going on",
    "held": "waits for a decision",
    "rejected": "was rejected",
    "undoing": "is being undone",
    "undone": "was undone",
    "finished": "is finished",
    "failed": "has failed",
    "interrupted": "was interrupted",
}


def _in_state(view: View, run_id: str, *states: str) -> Run:
    """Raises NotFound, and RuleBroken where the run is in none of these states."""
    run = view.one(Run, run_id)
    if run is None:
        raise NotFound(what="import", id=run_id)
    if run.status not in states:
        raise RuleBroken(
            f"The import {_DONE[run.status]}.",
            rule=f"this needs an import that is {' or '.join(states)}",
            reason=f"it {_DONE[run.status]}",
        )
    return run


DECIDING_HANDLERS: Final = (
    Handler(
        command=PutLimits,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (Need(FeedLimits, command.supplier),),
        decide=do_put_limits,
    ),
    Handler(
        command=KeepPart,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (Need(Run, command.run),),
        decide=do_keep_part,
    ),
    Handler(
        command=ResumeRun,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (Need(Run, command.run),),
        decide=do_resume_run,
    ),
    Handler(
        command=KeepTexts,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (Need(Run, command.run),),
        decide=do_keep_texts,
    ),
    Handler(
        command=HoldRun,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (Need(Run, command.run),),
        decide=do_hold_run,
    ),
    Handler(
        command=ApproveRun,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (Need(Run, command.run),),
        decide=do_approve_run,
    ),
    Handler(
        command=RejectRun,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (Need(Run, command.run),),
        decide=do_reject_run,
    ),
    Handler(
        command=BeginUndo,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (Need(Run, command.run),),
        decide=do_undo_run,
    ),
    Handler(
        command=NoteMend,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (
            Need(Run, command.run),
            Need(Mend, place_of(command.run, command.seq)),
        ),
        decide=do_note_mend,
    ),
    Handler(
        command=IntendMend,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (Need(Run, command.run),),
        decide=do_intend_mend,
    ),
    Handler(
        command=PruneRun,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (Need(Run, command.run),),
        decide=do_prune_run,
    ),
    Handler(
        command=RecoverMend,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (Need(Run, command.run),),
        decide=do_recover_mend,
    ),
    Handler(
        command=NoteUndone,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (
            Need(Run, command.run),
            *(Need(FeedRow, group.key) for group in command.said),
        ),
        decide=do_note_undone,
    ),
)
