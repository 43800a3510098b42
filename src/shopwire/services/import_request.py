"""What an import is asked for, and what comes of it."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from shopwire.kernel.commands import Outcome
from shopwire.kernel.errors import ErrorBody, InternalError, ShopwireError, error_table
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.modules.feeds.api import BadRow, Counts
from shopwire.modules.feeds.events import FeedKind, Hold
from shopwire.modules.feeds.profile import Profile
from shopwire.modules.feeds.reading import Detected


class ImportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which feed, of whom, read how."""

    run: str
    """The run's id: the same run again has no second effect."""
    supplier: str
    source: str
    """Where the feed came from: a file's name."""
    profile: Profile | str | None = None
    kind: FeedKind | None = None
    """Full: what it does not name is discontinued. None: what the profile says."""
    encoding: str | None = None
    """Goes before the profile's."""
    currency: str = "EUR"
    as_of_ms: int | None = None
    """The moment the feed's counts speak of."""
    folder: Path | None = None
    """Where files lie that a mapping looks things up in."""
    dry_run: bool = False
    afresh: bool = False
    """Compare with the shop itself instead of with what the supplier said last."""
    force: bool = False
    """Take it whatever it would do: a person has looked at it."""
    keep: bool = False
    """Keep the file until the run has ended, so that it goes on by itself where it is cut off: for
    files that nobody else has any more."""
    turn: str = ""
    """Goes before the keys of a run that begins anew: what is sent then is not what was sent."""
    principal: str = "import"
    tenant: str = DEFAULT_TENANT


def origin_of(source: str) -> str:
    """Where a feed comes from, whatever its file is called this time: a source's name, or a file.

    A source says `main: stock-2026-11-27.csv`.
    """
    return source.partition(": ")[0]


class Tally(msgspec.Struct, kw_only=True):
    """What became of things of one kind."""

    applied: int = 0
    unchanged: int = 0
    refused: int = 0


class Summary(msgspec.Struct, kw_only=True):
    """What came of an import; `rows` is the sum of changed, unchanged and quarantined."""

    id: str
    supplier: str
    profile: str
    source: str
    status: str
    dry_run: bool
    kind: FeedKind = "partial"
    rows: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    discontinued: int = 0
    """SKUs that a full feed no longer named."""
    products: Tally
    offers: Tally
    stock: Tally
    detected: Detected
    notes: list[str] = []
    bad_rows: list[BadRow] = []
    hold: Hold | None = None
    """Why it is held, and what it would do; a dry run tells whether it would be."""
    error: str | None = None


Progress = Callable[[Counts, int], None]
"""Told after each chunk: the rows so far, and the place in the file in bytes."""


def error_of(outcome: Outcome) -> ShopwireError:
    """A refusal as the error that it was made from; one that nobody knows is an InternalError."""
    return raised_from(msgspec.json.decode(outcome.body, type=ErrorBody))


def raised_from(told: ErrorBody) -> ShopwireError:
    """The same of an error as data."""
    kind = error_table().get(told.code, InternalError)
    known = {name: value for name, value in told.data.items() if name in kind.fields}
    return kind(told.message, **known)
