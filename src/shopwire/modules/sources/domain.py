"""Sources and how their suppliers stand, as rows."""

from typing import Final, Literal

from msgspec.structs import replace

from shopwire.kernel.fetching import Marks, Place
from shopwire.kernel.rows import Row
from shopwire.modules.feeds.events import FeedKind
from shopwire.modules.sources.api import AsOf, Outcome, Schedule, Trigger
from shopwire.modules.sources.events import (
    Breaker,
    Came,
    Caution,
    RuleDocument,
    SourceDocument,
    SourceState,
    SupplyDocument,
    SupplyState,
)

NOTHING: Final = Caution()
"""Everything is offered."""


class Source(Row, frozen=True, kw_only=True):
    """One place that a supplier's feed comes from. All of a supplier's live in one partition."""

    table = "source"
    group_field = "supplier"
    key_fields = ("supplier", "name")

    supplier: str
    name: str
    version: int = 0
    place: Place
    schedule: Schedule | None = None
    profile: str | None = None
    encoding: str | None = None
    currency: str = "EUR"
    feed: FeedKind | None = None
    as_of: AsOf = "none"
    state: SourceState = "active"
    anchor_ms: int = 0
    """From when on its schedule counts."""
    due_ms: int | None = None
    why: Trigger | None = None
    """Why it is due."""
    fence: int = 0
    """Number of its last run: only who holds it may finish that run."""
    began_ms: int | None = None
    """None where no run is under way."""
    lease_until_ms: int | None = None
    """Until when the run is taken to be alive."""
    running_why: Trigger | None = None
    failures: int = 0
    failed_at: tuple[int, ...] = ()
    """Failures of the last hour."""
    marks: Marks = Marks()
    last: Came | None = None

    @property
    def entity(self) -> str:
        """The id of its topic."""
        return f"{self.supplier}/{self.name}"

    def shown(self) -> SourceDocument | None:
        """Its document; None where it was removed."""
        return None if self.state == "removed" else self.document()

    def document(self) -> SourceDocument:
        """The source as operators see it."""
        return SourceDocument(
            supplier=self.supplier,
            name=self.name,
            place=self.place,
            schedule=self.schedule,
            profile=self.profile,
            encoding=self.encoding,
            currency=self.currency,
            feed=self.feed,
            as_of=self.as_of,
            state=self.state,
            running_since_ms=self.began_ms,
            due_ms=self.due_ms,
            trigger=self.running_why if self.began_ms is not None else self.why,
            failures=self.failures,
            last=self.last,
        )


class Supply(Row, frozen=True, kw_only=True):
    """How a supplier's data stands: its age, the breaker before its sources, what follows."""

    table = "supply"
    group_field = "supplier"
    key_fields = ("supplier",)

    supplier: str
    version: int = 0
    rule: RuleDocument = RuleDocument()
    since_ms: int
    """When it was first expected to have data."""
    good_ms: int | None = None
    state: SupplyState = "fresh"
    late_ms: int | None = None
    stale_ms: int | None = None
    caution: Caution = NOTHING
    judge_ms: int | None = None
    """When its age means something else."""
    breaker: Breaker = "closed"
    breaker_reason: str = ""
    breaker_failures: int = 0
    opened: int = 0
    """How often the breaker opened in a row."""
    retry_ms: int | None = None
    """Until when none of its sources is looked at."""

    def document(self, sources: tuple[str, ...]) -> SupplyDocument:
        """It as operators see it."""
        return SupplyDocument(
            supplier=self.supplier,
            state=self.state,
            good_ms=self.good_ms,
            late_ms=self.late_ms,
            stale_ms=self.stale_ms,
            rule=self.rule,
            caution=self.caution,
            breaker=self.breaker,
            breaker_reason=self.breaker_reason,
            breaker_failures=self.breaker_failures,
            retry_ms=self.retry_ms,
            sources=sources,
        )


class Fetch(Row, frozen=True, kw_only=True):
    """One run of a source, written when it is over."""

    table = "source_fetch"
    group_field = "supplier"
    key_fields = ("supplier", "name", "fence")
    append_only = True

    supplier: str
    name: str
    fence: int
    why: Literal["schedule", "retry", "asked", "push"]
    began_ms: int
    ended_ms: int
    outcome: Outcome
    bytes: int = 0
    rows: int = 0
    run: str | None = None
    file: str = ""
    error: str = ""
    reason: str = ""


def opened(supply: Supply, at_ms: int, reason: str, wait_ms: int) -> Supply:
    """The breaker open: nothing is tried before `at_ms` and the wait."""
    return replace(
        supply,
        breaker="open",
        breaker_reason=reason,
        opened=supply.opened + 1,
        retry_ms=at_ms + wait_ms,
    )


def closed(supply: Supply) -> Supply:
    """The breaker closed: a source of the supplier works."""
    return replace(
        supply, breaker="closed", breaker_reason="", breaker_failures=0, opened=0, retry_ms=None
    )
