"""What happened to imports. For operators only."""

from typing import Literal

import msgspec

from shopwire.kernel.events import Event


class ImportDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the console shows it, also while it goes on."""

    id: str
    supplier: str
    profile: str
    source: str
    status: Literal["running", "finished", "failed"]
    rows: int
    changed: int
    unchanged: int
    quarantined: int
    notes: tuple[str, ...]
    started_at_ms: int
    finished_at_ms: int | None
    error: str | None


class ImportStarted(Event, frozen=True, kw_only=True):
    """A run began."""

    event_type = "feeds.import_started"
    topic_kind = "import"
    audience = "operator"

    document: ImportDocument


class ImportProgressed(Event, frozen=True, kw_only=True):
    """A part of the feed took effect."""

    event_type = "feeds.import_progressed"
    topic_kind = "import"
    audience = "operator"

    document: ImportDocument


class ImportFinished(Event, frozen=True, kw_only=True):
    """A run ended, well or not."""

    event_type = "feeds.import_finished"
    topic_kind = "import"
    audience = "operator"

    document: ImportDocument


class RecentDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The latest runs, so that a console knows whom to watch."""

    runs: tuple[str, ...]


class RecentChanged(Event, frozen=True, kw_only=True):
    """A run was added to the latest ones."""

    event_type = "feeds.recent_changed"
    topic_kind = "imports"
    audience = "operator"

    document: RecentDocument
