"""What others may ask of feeds: the record of a run. The import itself is `services.importing`."""

import msgspec

from shopwire.kernel.commands import Command


class BadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that could not be used, with what a person needs to mend it."""

    line: int
    column: str = ""
    code: str
    reason: str
    remedy: str
    raw: str


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """What a supplier last said of one product, in short: one digest a kind of news."""

    key: str
    product: str = ""
    offers: str = ""
    stock: str = ""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a feed: each is in exactly one of changed, unchanged, quarantined."""

    rows: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: int = 0


class StartRun(Command, frozen=True, kw_only=True):
    """An import begins."""

    operation = "feeds.start_run"

    run: str
    supplier: str
    profile: str
    source: str


class NoteChunk(Command, frozen=True, kw_only=True):
    """A part of a feed took effect: remembers its digests, keeps its bad rows, tells how far."""

    operation = "feeds.note_chunk"

    run: str
    supplier: str
    counts: Counts
    digests: tuple[Digest, ...] = ()
    bad_rows: tuple[BadRow, ...] = ()


class FinishRun(Command, frozen=True, kw_only=True):
    """An import ended; with `error` it failed there, and what was before stays."""

    operation = "feeds.finish_run"

    run: str
    counts: Counts
    notes: tuple[str, ...] = ()
    error: str | None = None
