"""What others may ask of feeds: the record of a run. The import itself is `services.importing`."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import force_setattr

from shopwire.kernel.commands import Command
from shopwire.kernel.validation import storable
from shopwire.modules.feeds.events import FeedKind, Hold
from shopwire.modules.feeds.limits import (
    IMPORT_LANES,
    PRICE_FACTOR_DEFAULT,
    PRICE_MOVE_PERCENT_DEFAULT,
    PRICE_MOVED_PERCENT_DEFAULT,
    SHRUNK_PERCENT_DEFAULT,
    SKUS_MIN_DEFAULT,
    ZEROED_PERCENT_DEFAULT,
)

LaneNumber = Annotated[int, msgspec.Meta(ge=0, lt=IMPORT_LANES)]
"""Which of the parts of an import that are under way at once."""


class BadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that could not be used, with what a person needs to mend it."""

    line: int
    column: str = ""
    code: str
    reason: str
    remedy: str
    raw: str
    cells: dict[str, str] = {}
    """Its cells by column, where it came apart into cells and they are not too long."""

    def __post_init__(self) -> None:
        # One character that the database cannot hold would end the whole run.
        for name in ("column", "reason", "raw"):
            force_setattr(self, name, storable(getattr(self, name)))
        cells = {storable(name): storable(cell) for name, cell in self.cells.items()}
        force_setattr(self, "cells", cells)


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """What a supplier last said of one product, in short: one digest a kind of news."""

    key: str
    product: str = ""
    offers: str = ""
    stock: str = ""
    mark: int = 0
    """Of the rows that say it, as they were read then: they need not be mapped to know them
    again. 0 where they cannot be told so."""
    rest: int = 0
    """The same of all their cells but the counts, so that nothing else of them need be mapped."""
    aside: str = ""
    """What these rows count for beside their number, see `quick`."""

    @property
    def rest_kept(self) -> int:
        """`rest` as it is kept: who changes `mark` without it, as a former release, ends it."""
        return self.rest ^ self.mark if self.rest else 0

    @property
    def said(self) -> tuple[str, str, str]:
        """What is compared; how it was read is none of it."""
        return self.product, self.offers, self.stock


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a feed: each is in exactly one of changed, unchanged, quarantined."""

    rows: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: int = 0


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How a feed is read: kept with its run, so that its rows can be mended and it can wait."""

    name: str = ""
    """The supplier as it is called; `supplier` of a run is the same."""
    profile: dict[str, Any] = {}
    encoding: str | None = None
    currency: str = "EUR"
    decimal: str = ""
    delimiter: str = ""
    format: str = "table"
    columns: tuple[str, ...] = ()
    as_of_ms: int | None = None
    afresh: bool = False
    folder: str = ""
    force: bool = False
    """Taken whatever it would do; one that goes on after a cut is taken so, too."""


class Altered(msgspec.Struct, frozen=True, kw_only=True):
    """What a run changed of one thing: fields before and after.

    `was` is None where it was not there. A long value of `now` is only told by its mark.
    """

    what: Literal["product", "offer", "stock"]
    id: str
    """A product's id, or a SKU."""
    supplier: str = ""
    was: dict[str, Any] | None
    now: dict[str, Any]


class AlteredGroup(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run changed of one product, and what its supplier was known to say before."""

    key: str
    altered: tuple[Altered, ...] = ()
    said_was: Digest | None = None
    said_now: Digest | None = None


class StartRun(Command, frozen=True, kw_only=True):
    """An import begins."""

    operation = "feeds.start_run"

    run: str
    supplier: str
    profile: str
    source: str
    kind: FeedKind = "partial"
    reading: Reading = Reading()


class NoteIntent(Command, frozen=True, kw_only=True):
    """A part of a feed is about to take effect: what it may change, as it is before.

    Where the process dies before the part is written down, the next run of the supplier finds out
    from this what of it took effect.
    """

    operation = "feeds.note_intent"
    internal = True

    run: str
    lane: LaneNumber = 0
    """Which of the parts that are under way at once it is; what was meant there before is over."""
    groups: tuple[AlteredGroup, ...]


class NoteChunk(Command, frozen=True, kw_only=True):
    """A part of a feed took effect: remembers its digests, keeps its bad rows, tells how far."""

    operation = "feeds.note_chunk"

    run: str
    supplier: str
    counts: Counts
    digests: tuple[Digest, ...] = ()
    bad_rows: tuple[BadRow, ...] = ()
    altered: tuple[AlteredGroup, ...] = ()
    discontinued: int = 0
    """SKUs that the feed no longer names, of this part."""
    marks: tuple[Digest, ...] = ()
    """Marks of what is said as before; taken only where that is still what was said last."""
    lane: LaneNumber | None = None
    """Where its intent was written down. None: it had none, or it tells all that an interrupted
    run had meant."""
    intent: tuple[AlteredGroup, ...] = ()
    """What the next part in its lane is about to change: as by NoteIntent."""


class FinishRun(Command, frozen=True, kw_only=True):
    """An import ended; with `error` it failed there, and what was before stays."""

    operation = "feeds.finish_run"

    run: str
    counts: Counts
    notes: tuple[str, ...] = ()
    error: str | None = None
    interrupted: bool = False
    """Its process ended before the feed did; `error` says what is to be done."""
    keep: bool = False
    """Whether the bytes of a feed that a person approved are kept, to be tried again."""


class PutLimits(Command, frozen=True, kw_only=True):
    """From where on a supplier's feeds are held for a person; what is left out is the default."""

    operation = "feeds.put_limits"

    supplier: str
    zeroed_percent: int = ZEROED_PERCENT_DEFAULT
    """Of the SKUs that it has stock of, how many a feed may set to nothing."""
    price_moved_percent: int = PRICE_MOVED_PERCENT_DEFAULT
    """Of the SKUs that a feed names, how many costs may move far."""
    price_move_percent: int = PRICE_MOVE_PERCENT_DEFAULT
    """A cost that moves by more than this moves far."""
    shrunk_percent: int = SHRUNK_PERCENT_DEFAULT
    """Of the SKUs that it offers, how many a full feed may leave out."""
    skus_min: int = SKUS_MIN_DEFAULT
    """With fewer SKUs than this, shares mean nothing and no feed is held."""
    price_factor: int = PRICE_FACTOR_DEFAULT
    """A row whose cost is this many times what it was, or this part of it, is quarantined."""


class KeepPart(Command, frozen=True, kw_only=True):
    """Keeps a piece of a feed, packed and as base64: it is about to be held, or may be cut off."""

    operation = "feeds.keep_part"
    internal = True

    run: str
    part: int
    data: str
    whole: bool = False
    """With this piece all of a feed is kept that goes on: where it is cut off, it goes on from
    what is kept."""


class ResumeRun(Command, frozen=True, kw_only=True):
    """A feed that was cut off goes on from its kept bytes. Whoever sends it takes it in then."""

    operation = "feeds.resume_run"
    internal = True

    run: str


class KeepTexts(Command, frozen=True, kw_only=True):
    """Keeps what stretches of a supplier's feed are found to be: pieces, packed and as base64.

    They take the place of those that have the same numbers from `first` on; blank ones are
    forgotten. `reading` is all that says how such a text is read.
    """

    operation = "feeds.keep_texts"
    internal = True

    run: str
    supplier: str
    kind: FeedKind
    reading: str
    first: int
    pieces: tuple[str, ...]


class HoldRun(Command, frozen=True, kw_only=True):
    """A feed would do too much at once: it waits for a person."""

    operation = "feeds.hold_run"
    internal = True

    run: str
    counts: Counts
    hold: Hold
    parts: int
    """Pieces of the feed that are kept."""
    notes: tuple[str, ...] = ()


class ApproveRun(Command, frozen=True, kw_only=True):
    """A person wants a held feed to take effect. Whoever sends it takes the feed in then.

    One that was approved and cut off, or failed with its bytes kept, goes on by the same.
    """

    operation = "feeds.approve_run"
    internal = True

    run: str
    by: str


class RejectRun(Command, frozen=True, kw_only=True):
    """A person does not want a held feed; nothing of it takes effect."""

    operation = "feeds.reject_run"

    run: str
    reason: str = ""


class NoteMend(Command, frozen=True, kw_only=True):
    """A quarantined row was mended and is in effect, or is set aside."""

    operation = "feeds.note_mend"
    internal = True

    run: str
    seq: int
    outcome: Literal["mended", "dropped"]
    by: str
    raw: str = ""
    """The row as it was mended."""
    altered: tuple[AlteredGroup, ...] = ()


class IntendMend(Command, frozen=True, kw_only=True):
    """A quarantined row is about to take effect: what it may change, as it is before.

    Where the process dies before that is written down, whoever mends the row or undoes its run
    finds out from this what of it took effect.
    """

    operation = "feeds.intend_mend"
    internal = True

    run: str
    seq: int
    groups: tuple[AlteredGroup, ...]


class RecoverMend(Command, frozen=True, kw_only=True):
    """What a mend that was cut off had put into effect: it is the run's, so that an undo knows."""

    operation = "feeds.recover_mend"
    internal = True

    run: str
    seq: int
    altered: tuple[AlteredGroup, ...]


class BeginUndo(Command, frozen=True, kw_only=True):
    """What a run changed shall be put back. Whoever sends it puts it back then."""

    operation = "feeds.undo_run"
    internal = True

    run: str
    by: str


class PruneRun(Command, frozen=True, kw_only=True):
    """Forgets a part of what only the undo of a run, or a mend, would need; the run's sums stay.

    It is refused before UNDO_KEPT_MS are over. The next part goes with the next such command.
    """

    operation = "feeds.prune_run"
    internal = True

    run: str


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Something that an undo left as it is, since something newer had changed it."""

    what: Literal["product", "offer", "stock"]
    id: str
    supplier: str = ""
    fields: tuple[str, ...]


class NoteUndone(Command, frozen=True, kw_only=True):
    """A part of a run was put back: the entries from `down_to` on, newest first."""

    operation = "feeds.note_undone"
    internal = True

    run: str
    down_to: int
    """All entries of its changes with this number or a higher one are put back."""
    said: tuple[AlteredGroup, ...] = ()
    restored: int = 0
    kept: tuple[Kept, ...] = ()
