"""What a database would hold, in dictionaries."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from shopwire.adapters.hints import Hints
from shopwire.kernel.clock import Clock, SystemClock
from shopwire.kernel.commands import Outcome
from shopwire.kernel.errors import LogCorrupt
from shopwire.kernel.events import NewEvent, Position, Recorded
from shopwire.kernel.limits import PARTITIONS_DEFAULT
from shopwire.kernel.log import Document
from shopwire.kernel.rows import Row

Topic = tuple[str, str]
"""Tenant and topic."""
Identity = tuple[str, str, str, str]
"""Tenant, principal, operation, key."""
Constraint = Callable[[Any], str | None]
"""Names the rule that a row breaks: the twin of a CHECK in the schema."""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is remembered: answered, or leased."""

    fingerprint: bytes
    outcome: Outcome | None = None
    fence: int = 0
    until_ms: int
    """End of the lease, or the moment at which the answer may be forgotten."""


class MemoryState:
    """Shared by everything that is opened on it, as a database is by its clients."""

    def __init__(
        self,
        partitions: int = PARTITIONS_DEFAULT,
        *,
        clock: Clock | None = None,
        constraints: Mapping[type[Row], Constraint] | None = None,
    ) -> None:
        self.partitions = partitions
        self.clock = clock or SystemClock()
        self.constraints = dict(constraints or {})
        self.epoch = 1
        self.heads = [asyncio.Lock() for _ in range(partitions)]
        """The head's lock; whoever holds it is the partition's only writer."""
        self.turns = [0] * partitions
        """How often each head was held by a transaction that committed."""
        self.events: list[list[Recorded]] = [[] for _ in range(partitions)]
        self.documents: dict[Topic, Document] = {}
        self.positions: dict[tuple[str, int], int] = {}
        self.answers: dict[Identity, Answered] = {}
        self.rows: dict[type[Row], dict[tuple[str, ...], Row]] = {}
        self.hints = Hints(partitions)

    def new_epoch(self) -> int:
        """What a restore or a failover does: every open writer is fenced from now on."""
        self.epoch += 1
        return self.epoch

    def age_answers(self, by_ms: int) -> None:
        """Makes every lease and answer older, so that tests need not wait a week."""
        self.answers = {
            key: msgspec.structs.replace(held, until_ms=held.until_ms - by_ms)
            for key, held in self.answers.items()
        }

    def recorded(
        self,
        partition: int,
        events: Sequence[NewEvent],
        now_ms: int,
        *,
        ahead: int = 0,
        documents: dict[Topic, Document],
    ) -> list[Recorded]:
        """The events with their offsets, after `ahead` that are not yet committed.

        Puts their documents into `documents`, the transaction's own. Raises LogCorrupt for a
        version that does not grow by one.
        """
        first = len(self.events[partition]) + ahead
        rows: list[Recorded] = []
        for offset, event in enumerate(events, first):
            topic = (event.tenant, event.topic)
            held = documents.get(topic) or self.documents.get(topic)
            if event.version != (held.version if held else 0) + 1:
                reason = f"{event.topic} cannot go to version {event.version}"
                raise LogCorrupt(partition=partition, offset=offset, reason=reason)
            documents[topic] = Document(event.topic, event.version, event.document, now_ms)
            position = Position(self.epoch, partition, offset)
            rows.append(
                Recorded(
                    position,
                    event.tenant,
                    event.topic,
                    event.version,
                    event.event_type,
                    event.document,
                    event.facts,
                    event.command_id,
                    now_ms,
                )
            )
        return rows
