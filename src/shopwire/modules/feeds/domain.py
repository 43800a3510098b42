"""Runs, quarantined rows, and what each supplier said last."""

from typing import Final, Literal

from shopwire.kernel.rows import Row
from shopwire.modules.feeds.events import ImportDocument

FEEDS: Final = "feeds"
"""The key whose partition all runs live in."""
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
    status: Literal["running", "finished", "failed"] = "running"
    rows: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    kept: int = 0
    """Bad rows that are in quarantine; less than `quarantined` where the limit was reached."""
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
            notes=self.notes,
            started_at_ms=self.started_at_ms,
            finished_at_ms=self.finished_at_ms,
            error=self.error,
        )


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


class FeedRow(Row, frozen=True, kw_only=True):
    """What a supplier said last of one product."""

    table = "feed_row"
    group_field = "entity"
    key_fields = ("entity", "supplier")

    entity: str
    supplier: str
    product: str
    offers: str
    stock: str
