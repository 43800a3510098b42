"""What happened to imports. For operators only."""

from typing import Literal

import msgspec

from shopwire.kernel.events import Event

Status = Literal[
    "running", "held", "rejected", "finished", "failed", "interrupted", "undoing", "undone"
]
"""Held: it waits for a person, and nothing of it is in effect. Interrupted: its process ended
before the feed did; what had taken effect stays, and the file may be sent again. Undone: what it
changed is put back, as far as nothing newer changed it."""
FeedKind = Literal["full", "partial"]
"""Full: what it does not name, the supplier has no more. Partial: it says nothing of the rest."""

Rule = Literal["zeroed", "price_moved", "shrunk"]


class HoldReason(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that a feed is over: `count` of `of` SKUs, where `limit_percent` is the most."""

    rule: Rule
    count: int
    of: int
    limit_percent: int


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One SKU that a held feed would change; costs in minor units of `currency`."""

    sku: str
    field: Literal["stock", "cost", "missing"]
    before: int
    now: int
    currency: str = ""


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """What a held feed would do: the reasons, how many of what, and the worst examples."""

    reasons: tuple[HoldReason, ...] = ()
    products: int = 0
    offers: int = 0
    counts: int = 0
    discontinued: int = 0
    examples: tuple[Example, ...] = ()
    kept: bool = True
    """Whether the feed itself is kept, so that it can be approved."""


class ImportDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the console shows it, also while it goes on."""

    id: str
    supplier: str
    profile: str
    source: str
    status: Status
    kind: FeedKind
    rows: int
    changed: int
    unchanged: int
    quarantined: int
    mended: int
    """Quarantined rows that a person mended; they are in effect now."""
    dropped: int
    """Quarantined rows that a person set aside."""
    discontinued: int
    """SKUs that a full feed no longer named."""
    altered: int
    """Products of which it changed something; each is an entry of its changes."""
    restored: int
    """Things that an undo put back."""
    stayed: int
    """Things that an undo left, since something newer had changed them."""
    hold: Hold | None
    decided_by: str
    """Who approved or rejected a held feed, or had it undone."""
    notes: tuple[str, ...]
    started_at_ms: int
    finished_at_ms: int | None
    error: str | None
    undo_until_ms: int | None = None
    """Until when it can be undone and its rows mended; None where it cannot."""
    kept: bool = False
    """Whether the file is kept: that of a held feed, or of one whose approval was cut off."""


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


class ImportHeld(Event, frozen=True, kw_only=True):
    """A feed would do too much at once; it waits for a person."""

    event_type = "feeds.import_held"
    topic_kind = "import"
    audience = "operator"

    document: ImportDocument


class ImportDecided(Event, frozen=True, kw_only=True):
    """A person approved or rejected a held feed."""

    event_type = "feeds.import_decided"
    topic_kind = "import"
    audience = "operator"

    document: ImportDocument


class ImportMended(Event, frozen=True, kw_only=True):
    """A quarantined row was mended and is in effect, or was set aside."""

    event_type = "feeds.import_mended"
    topic_kind = "import"
    audience = "operator"

    document: ImportDocument


class ImportPruned(Event, frozen=True, kw_only=True):
    """What an undo would need is kept no more."""

    event_type = "feeds.import_pruned"
    topic_kind = "import"
    audience = "operator"

    document: ImportDocument


class ImportUndone(Event, frozen=True, kw_only=True):
    """What a run changed is being put back, or is put back."""

    event_type = "feeds.import_undone"
    topic_kind = "import"
    audience = "operator"

    document: ImportDocument


class LimitsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """From where on a supplier's feeds are held; see FeedLimits for each."""

    supplier: str
    zeroed_percent: int
    price_moved_percent: int
    price_move_percent: int
    shrunk_percent: int
    skus_min: int
    price_factor: int


class LimitsPut(Event, frozen=True, kw_only=True):
    """A supplier's feeds are held from somewhere else on."""

    event_type = "feeds.limits_put"
    topic_kind = "feed_limits"
    audience = "operator"

    document: LimitsDocument


class RecentDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The latest runs, so that a console knows whom to watch."""

    runs: tuple[str, ...]


class RecentChanged(Event, frozen=True, kw_only=True):
    """A run was added to the latest ones."""

    event_type = "feeds.recent_changed"
    topic_kind = "imports"
    audience = "operator"

    document: RecentDocument
