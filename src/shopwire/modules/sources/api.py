"""What others may ask of sources."""

from typing import Literal

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.fetching import Marks, Place
from shopwire.modules.feeds.events import FeedKind

AsOf = Literal["none", "modified", "fetched"]
"""Which moment a feed's counts speak of: not known; the file's own time; when it was fetched."""
WhenStale = Literal["sell_on", "growing_buffer", "pause"]
Outcome = Literal["taken", "unchanged", "nothing_new", "held", "failed", "lost"]
"""`unchanged`: the source said that its last feed holds. `nothing_new`: no newer file is there.
`held`: a person has to look at it first. `lost`: the process died, or was cut off."""
Trigger = Literal["schedule", "retry", "asked", "push"]


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a source is looked at: every so many minutes, or once a day."""

    every_minutes: int | None = None
    daily_at: str | None = None
    """`HH:MM` on a clock of `time_zone`."""
    time_zone: str = "UTC"


class PutSource(Command, frozen=True, kw_only=True):
    """Where a supplier's feed comes from and when; replaces the source of this name."""

    operation = "sources.put_source"

    supplier: str
    name: str = "main"
    place: Place
    schedule: Schedule | None = None
    """None: only when somebody asks for it, or when it is pushed."""
    profile: str | None = None
    encoding: str | None = None
    currency: str = "EUR"
    feed: FeedKind | None = None
    """Full: what it does not name is discontinued. None: what the profile says."""
    as_of: AsOf = "none"


class PauseSource(Command, frozen=True, kw_only=True):
    """A source is not looked at until further notice, or is again."""

    operation = "sources.pause_source"

    supplier: str
    name: str = "main"
    paused: bool = True


class RemoveSource(Command, frozen=True, kw_only=True):
    """A source is no more; what it brought stays."""

    operation = "sources.remove_source"

    supplier: str
    name: str = "main"


class RunNow(Command, frozen=True, kw_only=True):
    """Looks at a source at once, whatever its schedule and its breaker say."""

    operation = "sources.run_now"

    supplier: str
    name: str = "main"


class PutRule(Command, frozen=True, kw_only=True):
    """What the shop sells of a supplier whose data is stale, and when it is."""

    operation = "sources.put_rule"

    supplier: str
    when_stale: WhenStale = "sell_on"
    units_per_hour: int = 0
    """Units of each SKU that are kept back for each hour begun since the data is stale."""
    share_bp_per_hour: int = 0
    """Besides, so many hundredths of a percent of each count."""
    units_max: int = 0
    """Where the units stop to grow; 0 for never."""
    share_bp_max: int = 10_000
    """Where the share stops to grow."""
    late_after_minutes: int | None = None
    """None: half as long again as the schedule, and a little."""
    stale_after_minutes: int | None = None
    """None: three times the schedule."""


# -- what the shop itself tells -----------------------------------------------------------------


class BeginFetch(Command, frozen=True, kw_only=True):
    """Takes the right to run a source, for a while; only one holds it."""

    operation = "sources.begin_fetch"
    internal = True

    supplier: str
    name: str
    at_ms: int
    trigger: Trigger | None = None
    """None: as the row says."""
    gone: int | None = None
    """Fence of a run whose process is known to be gone: its lease is over, whatever it says."""


class RenewFetch(Command, frozen=True, kw_only=True):
    """A run is alive."""

    operation = "sources.renew_fetch"
    internal = True

    supplier: str
    name: str
    fence: int
    at_ms: int


class FinishFetch(Command, frozen=True, kw_only=True):
    """What came of a run; one whose right went to another changes nothing any more."""

    operation = "sources.finish_fetch"
    internal = True

    supplier: str
    name: str
    fence: int
    at_ms: int
    outcome: Outcome
    bytes: int = 0
    rows: int = 0
    run: str | None = None
    """The import's id, where there was one."""
    file: str = ""
    error: str = ""
    """Name of the error in the table."""
    reason: str = ""
    temporary: bool = False
    """Whether it may pass by itself."""
    retry_ms: int = 0
    """How long the far side asked to be left alone."""
    marks: Marks | None = None
    """What to remember; None leaves what was."""
    more: bool = False


class NoteGood(Command, frozen=True, kw_only=True):
    """Good data of a supplier came by another way: an upload, a program."""

    operation = "sources.note_good"
    internal = True

    supplier: str
    at_ms: int
    run: str = ""
    """The import that brought it; it may be one of a source that a person had to look at."""


class JudgeSupply(Command, frozen=True, kw_only=True):
    """How old a supplier's data is by now, and what follows from it."""

    operation = "sources.judge_supply"
    internal = True

    supplier: str
    at_ms: int
