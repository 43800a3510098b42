"""What happened to sources. For operators only."""

from typing import Literal

import msgspec
from typing_extensions import override

from shopwire.kernel.events import Event
from shopwire.kernel.fetching import Place
from shopwire.modules.feeds.events import FeedKind
from shopwire.modules.sources.api import AsOf, Outcome, Schedule, Trigger

SourceState = Literal["active", "paused", "removed"]
SupplyState = Literal["fresh", "late", "stale", "failed", "paused"]
Breaker = Literal["closed", "open", "half_open"]


class Came(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of a source's last run."""

    began_ms: int
    ended_ms: int
    outcome: Outcome
    bytes: int = 0
    rows: int = 0
    run: str | None = None
    error: str = ""
    reason: str = ""


class SourceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A source as the console shows it; secrets are names."""

    supplier: str
    name: str
    place: Place
    schedule: Schedule | None
    profile: str | None
    encoding: str | None
    currency: str
    feed: FeedKind | None
    as_of: AsOf
    state: SourceState
    running_since_ms: int | None
    due_ms: int | None
    """When it is looked at next, unless the supplier's breaker is open until later."""
    trigger: Trigger | None
    failures: int
    """In a row."""
    last: Came | None


class SourceEvent(Event, frozen=True, kw_only=True):
    """A change of a source."""

    topic_kind = "source"
    audience = "operator"

    document: SourceDocument | None

    @property
    @override
    def home(self) -> str:
        return self.entity.partition("/")[0]


class SourcePut(SourceEvent, frozen=True, kw_only=True):
    """There is a source, or it is another one."""

    event_type = "sources.source_put"


class SourcePaused(SourceEvent, frozen=True, kw_only=True):
    """A source rests, or no longer."""

    event_type = "sources.source_paused"


class SourceRemoved(SourceEvent, frozen=True, kw_only=True):
    """A source is no more."""

    event_type = "sources.source_removed"


class RunAsked(SourceEvent, frozen=True, kw_only=True):
    """Somebody wants a source to be looked at now."""

    event_type = "sources.run_asked"


class FetchBegan(SourceEvent, frozen=True, kw_only=True):
    """A run began."""

    event_type = "sources.fetch_began"


class FetchEnded(SourceEvent, frozen=True, kw_only=True):
    """A run ended, well or not."""

    event_type = "sources.fetch_ended"


class Caution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept back of each pool of a supplier; nothing where its data is good."""

    units: int = 0
    share_bp: int = 0
    everything: bool = False


class RuleDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant's rule for one supplier."""

    when_stale: Literal["sell_on", "growing_buffer", "pause"] = "sell_on"
    units_per_hour: int = 0
    share_bp_per_hour: int = 0
    units_max: int = 0
    share_bp_max: int = 10_000
    late_after_minutes: int | None = None
    stale_after_minutes: int | None = None


class SupplyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How a supplier's data stands."""

    supplier: str
    state: SupplyState
    good_ms: int | None
    """When good data came last."""
    late_ms: int | None
    """From when on it is late; None where nothing is expected."""
    stale_ms: int | None
    rule: RuleDocument
    caution: Caution
    breaker: Breaker
    breaker_reason: str
    breaker_failures: int
    retry_ms: int | None
    """When an open breaker lets one source be tried."""
    sources: tuple[str, ...]
    """Names of its sources."""


class SupplyEvent(Event, frozen=True, kw_only=True):
    """A change of how a supplier's data stands."""

    topic_kind = "supply"
    audience = "operator"

    document: SupplyDocument


class SupplyChanged(SupplyEvent, frozen=True, kw_only=True):
    """It stands differently; what is sold is as before."""

    event_type = "sources.supply_changed"


class CautionChanged(SupplyEvent, frozen=True, kw_only=True):
    """Something else than before is kept back of the supplier's pools."""

    event_type = "sources.caution_changed"


EVENTS = (
    SourcePut, SourcePaused, SourceRemoved, RunAsked, FetchBegan, FetchEnded, SupplyChanged,
    CautionChanged,
)  # fmt: skip
"""All of the module's."""
