"""Data that comes by another way than a source is as good."""

from collections.abc import Iterable
from typing import Final

import msgspec

from shopwire.kernel.commands import Command
from shopwire.kernel.events import Recorded
from shopwire.kernel.module import Consumer
from shopwire.kernel.names import slug_of
from shopwire.modules.feeds.events import ImportFinished
from shopwire.modules.sources.api import NoteGood


class _Run(msgspec.Struct, frozen=True):
    id: str
    supplier: str
    status: str
    finished_at_ms: int | None = None


_decode: Final = msgspec.json.Decoder(_Run).decode


def note_good(recorded: Recorded) -> Iterable[Command]:
    """An import that ended well renews its supplier's data, whoever began it."""
    run = _decode(recorded.document)
    if run.status != "finished" or run.finished_at_ms is None:
        return ()
    good = NoteGood(supplier=slug_of(run.supplier), at_ms=run.finished_at_ms, run=run.id)
    return (good,)


CONSUMERS: Final = (
    Consumer(
        name="sources.imports",
        event_types=frozenset({ImportFinished.event_type}),
        react=note_good,
    ),
)
