"""Runs, quarantined rows, and what each supplier said last."""

from typing import Final, Literal

from shopwire.kernel.rows import Row
from shopwire.modules.feeds.api import Altered, AlteredGroup, Digest, Kept, Reading
from shopwire.modules.feeds.events import FeedKind, Hold, ImportDocument, LimitsDocument, Status
from shopwire.modules.feeds.limits import (
    PRICE_FACTOR_DEFAULT,
    PRICE_MOVE_PERCENT_DEFAULT,
    PRICE_MOVED_PERCENT_DEFAULT,
    SHRUNK_PERCENT_DEFAULT,
    SKUS_MIN_DEFAULT,
    UNDO_KEPT_MS,
    ZEROED_PERCENT_DEFAULT,
)

FEEDS: Final = "feeds"
"""The key whose partition all runs live in."""
ENDED: Final[tuple[Status, ...]] = ("finished", "failed", "interrupted")
"""States of a run that has come to an end, one or another, and can be undone and mended."""
RECENT: Final = "recent"
"""Entity of the topic that lists the latest runs."""
RECENT_RUNS_MAX: Final = 20
"""Runs in that list."""


class Run(Row, frozen=True, kw_only=True):
    """One import."""

    table = "import_run"
    group_field = "id"
    key_fields = ("id",)

    id: str
    version: int = 0
    supplier: str
    profile: str
    source: str
    status: Status = "running"
    kind: FeedKind = "partial"
    reading: Reading = Reading()
    rows: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    kept: int = 0
    """Bad rows that are in quarantine; less than `quarantined` where the limit was reached."""
    mended: int = 0
    dropped: int = 0
    discontinued: int = 0
    altered: int = 0
    """Entries of its changes so far; each is a row of ImportChange."""
    undone_to: int = 0
    """Entries with this number or a higher one are put back; 0 where no undo began."""
    restored: int = 0
    stayed: int = 0
    hold: Hold = Hold()
    pruned_to: int = 0
    """Changes and quarantined rows up to this number are kept no more."""
    held_parts: int = 0
    """Pieces of the feed that are kept."""
    decided_by: str = ""
    notes: tuple[str, ...] = ()
    started_at_ms: int
    finished_at_ms: int | None = None
    error: str | None = None

    def document(self) -> ImportDocument:
        """The run as the console shows it."""
        return ImportDocument(
            id=self.id,
            supplier=self.supplier,
            profile=self.profile,
            source=self.source,
            status=self.status,
            rows=self.rows,
            changed=self.changed,
            unchanged=self.unchanged,
            quarantined=self.quarantined,
            kind=self.kind,
            mended=self.mended,
            dropped=self.dropped,
            discontinued=self.discontinued,
            altered=self.altered,
            restored=self.restored,
            stayed=self.stayed,
            hold=self.hold if self.hold.reasons else None,
            decided_by=self.decided_by,
            notes=self.notes,
            started_at_ms=self.started_at_ms,
            finished_at_ms=self.finished_at_ms,
            error=self.error,
            undo_until_ms=self.undo_until_ms,
            kept=self.held_parts > 0,
        )

    @property
    def undo_until_ms(self) -> int | None:
        """Until when it can be undone and its rows mended; None where it cannot."""
        return undo_until_ms(self.status, self.finished_at_ms, self.pruned_to)


def undo_until_ms(status: str, finished_at_ms: int | None, pruned_to: int) -> int | None:
    """Until when a run can be undone and its rows mended; None where it cannot."""
    if status not in ENDED or pruned_to or finished_at_ms is None:
        return None
    return finished_at_ms + UNDO_KEPT_MS


class Recent(Row, frozen=True, kw_only=True):
    """The latest runs, newest first."""

    table = "import_recent"
    group_field = "id"
    key_fields = ("id",)

    id: str = RECENT
    version: int = 0
    runs: tuple[str, ...] = ()


class QuarantinedRow(Row, frozen=True, kw_only=True):
    """A row that could not be used, as it came."""

    table = "import_quarantine"
    group_field = "run"
    key_fields = ("run", "seq")
    append_only = True

    run: str
    seq: int
    line: int
    column_name: str
    code: str
    reason: str
    remedy: str
    raw: str
    cells: dict[str, str]


class Mend(Row, frozen=True, kw_only=True):
    """What became of a quarantined row; it is settled once."""

    table = "import_mend"
    group_field = "place"
    key_fields = ("place",)

    place: str
    """Run and number of the row, as `<run>#<seq>`."""
    run: str
    seq: int
    outcome: Literal["mended", "dropped"]
    by: str
    at_ms: int
    raw: str


def place_of(run: str, seq: int) -> str:
    """Under what the mend of a quarantined row is kept."""
    return f"{run}#{seq}"


class ImportChange(Row, frozen=True, kw_only=True):
    """What a run changed of one product, as it was before and after."""

    table = "import_change"
    group_field = "run"
    key_fields = ("run", "seq")
    append_only = True

    run: str
    seq: int
    entity: str
    altered: tuple[Altered, ...]
    said_was: Digest
    said_now: Digest


class ImportIntent(Row, frozen=True, kw_only=True):
    """What a part of a run is about to change; empty once that is written down.

    `run` is the place of a mend, or of a lane of a run: parts in different lanes are under way at
    once.
    """

    table = "import_intent"
    group_field = "run"
    key_fields = ("run",)
    blind = True

    run: str
    groups: tuple[AlteredGroup, ...] = ()


def lane_of(run: str, lane: int) -> str:
    """Under what the intent of a part is kept; that of the first lane under its run's id."""
    return f"{run}+{lane}" if lane else run


class ImportKept(Row, frozen=True, kw_only=True):
    """Something that an undo left, since something newer had changed it."""

    table = "import_left"
    group_field = "run"
    key_fields = ("run", "seq")
    append_only = True

    run: str
    seq: int
    kept: Kept


class HeldPart(Row, frozen=True, kw_only=True):
    """A piece of a held feed, packed, as base64; empty once it is decided about."""

    table = "import_held"
    group_field = "run"
    key_fields = ("run", "part")
    blind = True

    run: str
    part: int
    data: str


class FeedText(Row, frozen=True, kw_only=True):
    """What stretches of a supplier's feeds were found to be, packed, as base64; or blank.

    It says nothing of the shop and can be lost: then the text is read row by row.
    """

    table = "feed_text"
    group_field = "supplier"
    key_fields = ("supplier", "kind", "piece")
    blind = True

    supplier: str
    kind: str
    piece: int
    reading: str
    data: str


class FeedLimits(Row, frozen=True, kw_only=True):
    """From where on a supplier's feeds are held."""

    table = "feed_limits"
    group_field = "supplier"
    key_fields = ("supplier",)

    supplier: str
    version: int = 0
    zeroed_percent: int = ZEROED_PERCENT_DEFAULT
    price_moved_percent: int = PRICE_MOVED_PERCENT_DEFAULT
    price_move_percent: int = PRICE_MOVE_PERCENT_DEFAULT
    shrunk_percent: int = SHRUNK_PERCENT_DEFAULT
    skus_min: int = SKUS_MIN_DEFAULT
    price_factor: int = PRICE_FACTOR_DEFAULT

    def document(self) -> LimitsDocument:
        """The limits as operators see them."""
        return LimitsDocument(
            supplier=self.supplier,
            zeroed_percent=self.zeroed_percent,
            price_moved_percent=self.price_moved_percent,
            price_move_percent=self.price_move_percent,
            shrunk_percent=self.shrunk_percent,
            skus_min=self.skus_min,
            price_factor=self.price_factor,
        )


class FeedRow(Row, frozen=True, kw_only=True):
    """What a supplier said last of one product."""

    table = "feed_row"
    group_field = "entity"
    key_fields = ("entity", "supplier")
    born_often = True

    entity: str
    supplier: str
    product: str
    offers: str
    stock: str
    mark: int = 0
    aside: str = ""
    rest: int = 0
