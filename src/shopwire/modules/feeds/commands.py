"""How the record of a run is kept."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from shopwire.kernel.commands import Context, Decision, Handler
from shopwire.kernel.errors import AlreadyExists, NotFound
from shopwire.kernel.rows import Need, Row, View
from shopwire.modules.feeds.api import (
    AlteredGroup,
    Counts,
    Digest,
    FinishRun,
    NoteChunk,
    NoteIntent,
    StartRun,
)
from shopwire.modules.feeds.domain import (
    FEEDS,
    RECENT,
    RECENT_RUNS_MAX,
    FeedRow,
    HeldPart,
    ImportChange,
    ImportIntent,
    QuarantinedRow,
    Recent,
    Run,
    lane_of,
)
from shopwire.modules.feeds.events import (
    ImportFinished,
    ImportProgressed,
    ImportStarted,
    RecentChanged,
    RecentDocument,
    Status,
)
from shopwire.modules.feeds.limits import IMPORT_LANES, MENDABLE_CHARS_MAX, QUARANTINED_ROWS_MAX


def do_start_run(command: StartRun, view: View, context: Context) -> Decision:
    """Opens the record of a run."""
    if view.one(Run, command.run) is not None:
        raise AlreadyExists(what="import", id=command.run)
    run = Run(
        tenant=context.tenant,
        id=command.run,
        version=1,
        supplier=command.supplier,
        profile=command.profile,
        source=command.source,
        kind=command.kind,
        reading=command.reading,
        started_at_ms=context.now_ms,
    )
    known = view.one(Recent, RECENT) or Recent(tenant=context.tenant)
    runs = (run.id, *known.runs)[:RECENT_RUNS_MAX]
    recent = replace(known, version=known.version + 1, runs=runs)
    events = [
        ImportStarted(entity=run.id, version=1, document=run.document()),
        RecentChanged(
            entity=RECENT, version=recent.version, document=RecentDocument(runs=recent.runs)
        ),
    ]
    return Decision(put=[run, recent], events=events, result={"id": run.id})


def do_note_intent(command: NoteIntent, view: View, context: Context) -> Decision:
    """Writes down what a part of the feed is about to change; called before its effect."""
    _running(view, command.run)
    place = lane_of(command.run, command.lane)
    return Decision(put=[ImportIntent(tenant=context.tenant, run=place, groups=command.groups)])


def do_note_chunk(command: NoteChunk, view: View, context: Context) -> Decision:
    """Writes down what a part of the feed came to; called after its effect."""
    known = _running(view, command.run)
    room = max(0, QUARANTINED_ROWS_MAX - known.kept)
    bad_rows = command.bad_rows[:room]
    run = replace(
        _counted(known, command.counts),
        version=known.version + 1,
        kept=known.kept + len(bad_rows),
        discontinued=known.discontinued + command.discontinued,
        altered=known.altered + len(command.altered),
    )
    rows: list[Row] = [run, *change_rows(known, command.altered)]
    lanes: Iterable[int] = () if command.lane is None else (command.lane,)
    if command.lane is None and command.altered:
        lanes = range(IMPORT_LANES)
    rows += [
        ImportIntent(tenant=context.tenant, run=lane_of(run.id, lane), groups=command.intent)
        for lane in lanes
    ]
    rows += [
        FeedRow(
            tenant=context.tenant,
            entity=digest.key,
            supplier=command.supplier,
            product=digest.product,
            offers=digest.offers,
            stock=digest.stock,
            mark=digest.mark,
            aside=digest.aside,
            rest=digest.rest_kept,
        )
        for digest in command.digests
    ]
    rows += _marked(command, view)
    rows += [
        QuarantinedRow(
            tenant=context.tenant,
            run=run.id,
            seq=known.kept + number,
            line=bad.line,
            column_name=bad.column,
            code=bad.code,
            reason=bad.reason,
            remedy=bad.remedy,
            raw=bad.raw,
            cells=mendable(bad.cells),
        )
        for number, bad in enumerate(bad_rows, 1)
    ]
    event = ImportProgressed(entity=run.id, version=run.version, document=run.document())
    return Decision(put=rows, events=[event])


def do_finish_run(command: FinishRun, view: View, context: Context) -> Decision:
    """Closes the record of a run."""
    known = _running(view, command.run)
    run = replace(
        _counted(known, command.counts),
        version=known.version + 1,
        status=_end_of(command),
        notes=command.notes,
        finished_at_ms=context.now_ms,
        error=command.error,
        held_parts=known.held_parts if command.keep else 0,
    )
    gone = [] if command.keep else forgotten(known)
    event = ImportFinished(entity=run.id, version=run.version, document=run.document())
    return Decision(put=[run, *gone], events=[event], result=run.document())


def _end_of(command: FinishRun) -> Status:
    if command.interrupted:
        return "interrupted"
    return "failed" if command.error else "finished"


def change_rows(run: Run, altered: Sequence[AlteredGroup]) -> list[Row]:
    """What a part of a run changed, as rows that follow those which are there."""
    nothing = Digest(key="")
    return [
        ImportChange(
            tenant=run.tenant,
            run=run.id,
            seq=run.altered + number,
            entity=group.key,
            altered=group.altered,
            said_was=group.said_was or nothing,
            said_now=group.said_now or nothing,
        )
        for number, group in enumerate(altered, 1)
    ]


def forgotten(run: Run) -> list[Row]:
    """The kept pieces of a run, emptied."""
    return [
        HeldPart(tenant=run.tenant, run=run.id, part=part, data="")
        for part in range(run.held_parts)
    ]


def mendable(cells: dict[str, str]) -> dict[str, str]:
    """The cells of a bad row that are kept: all of them or, where they are too long, none."""
    return cells if sum(map(len, cells.values())) <= MENDABLE_CHARS_MAX else {}


def _marked(command: NoteChunk, view: View) -> list[Row]:
    """Rows that get another mark, where they still say what was compared: an undo may have come."""
    found = [(one, view.one(FeedRow, one.key, command.supplier)) for one in command.marks]
    return [
        replace(row, mark=one.mark, aside=one.aside, rest=one.rest_kept)
        for one, row in found
        if row is not None and (row.product, row.offers, row.stock) == one.said
    ]


def _running(view: View, run_id: str) -> Run:
    run = view.one(Run, run_id)
    if run is None or run.status != "running":
        raise NotFound(what="running import", id=run_id)
    return run


def _counted(run: Run, counts: Counts) -> Run:
    return replace(
        run,
        rows=counts.rows,
        changed=counts.changed,
        unchanged=counts.unchanged,
        quarantined=counts.quarantined,
    )


HANDLERS: Final = (
    Handler(
        command=StartRun,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (Need(Run, command.run), Need(Recent, RECENT)),
        decide=do_start_run,
    ),
    Handler(
        command=NoteIntent,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (Need(Run, command.run),),
        decide=do_note_intent,
        lines=lambda command: len(command.groups),
    ),
    Handler(
        command=NoteChunk,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (
            Need(Run, command.run),
            *(Need(FeedRow, digest.key) for digest in (*command.digests, *command.marks)),
        ),
        decide=do_note_chunk,
        lines=lambda command: len(command.altered) + len(command.bad_rows) + len(command.intent),
    ),
    Handler(
        command=FinishRun,
        partition_key=lambda _: FEEDS,
        needs=lambda command: (Need(Run, command.run),),
        decide=do_finish_run,
    ),
)
