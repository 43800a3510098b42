"""A batch that is decided before it has its partition's lock, while the one before it commits.

It stands on a look at one turn of the head, and on what the batch before it is about to write. It
is written by one statement if the turn is then still the right one; else it was never decided.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from typing_extensions import override

from shopwire.kernel.batch import Batch, Verdict
from shopwire.kernel.commands import Outcome
from shopwire.kernel.events import NewEvent
from shopwire.kernel.handlers import Handlers
from shopwire.kernel.items import Ticket
from shopwire.kernel.rows import Row
from shopwire.kernel.storage import Claim, Claimed, Look, Move, Storage, TurnMoved, Work, Writing

AHEAD_COMMANDS_MIN: Final = 16
"""Fewer commands wait for the batch before them to commit: each batch costs something by itself."""
AHEAD_COMMANDS_MAX: Final = 256
"""Commands decided ahead at once, so that the next are decided while these are written."""
AHEAD_PAUSE_BATCHES: Final = 16
"""Batches that lock the head first, after somebody else was found to hold it as well."""

_Identity = tuple[str, str, str, str]
_NOTHING: Final = Writing(rows={}, events={}, answers=())


class _LockFirst(Exception):
    """There is no look without the lock."""


class Flight:
    """A decided batch on its way to its commit."""

    __slots__ = (
        "_answered",
        "landed",
        "look",
        "over",
        "started_ms",
        "tickets",
        "turn",
        "verdict",
        "writing",
    )

    def __init__(self, tickets: Sequence[Ticket], look: Look, turn: int) -> None:
        self.tickets = tickets
        self.landed = False
        """Whether it is known to have committed."""
        self.over = asyncio.Event()
        """Set once that is known, or what failed of it is settled."""
        self.started_ms = 0.0
        self.look = look
        self.turn = turn
        """At which it may be written."""
        self.writing: Writing = _NOTHING
        self.verdict = Verdict()
        self._answered: dict[_Identity, Claimed] | None = None

    @property
    def turn_after(self) -> int:
        """At which the next batch may be written, once this one has committed."""
        return self.turn if self.writing.nothing else self.turn + 1

    def told(self, claim: Claim) -> Claimed | None:
        """What the table will say of this key, where this batch answers it."""
        if self._answered is None:
            self._answered = {
                _identity(one): Claimed(mine=False, fingerprint=one.fingerprint, outcome=outcome)
                for one, outcome in self.writing.answers
            }
        return self._answered.get(_identity(claim))

    def changed(self, kind: type[Row], groups: Collection[tuple[str, str]]) -> list[Row]:
        """Its rows of these groups, as they will stand."""
        return [row for row in self.writing.rows.get(kind, ()) if row.group in groups]


class _Ahead(Work):
    """What a batch reads of a look and of the flight before it; what it writes is kept."""

    def __init__(self, storage: Storage, partition: int, before: Flight | None) -> None:
        self._storage, self._partition, self._before = storage, partition, before
        self.now_ms = 0
        self.turn = 0
        self.look: Look | None = None
        self.writing = _NOTHING

    @override
    async def read(
        self, claims: Sequence[Claim], wanted: Mapping[type[Row], Sequence[tuple[str, str]]]
    ) -> tuple[list[Claimed], dict[type[Row], list[Row]]]:
        look = await self._storage.look(self._partition, claims, wanted)
        if look is None:
            raise _LockFirst
        self.look, self.now_ms, self.turn = look, look.now_ms, look.turn
        if (before := self._before) is None:
            return look.claimed, look.rows
        if look.turn not in (before.turn, before.turn_after):
            raise TurnMoved
        self.turn = before.turn_after
        claimed = [
            before.told(claim) or found for claim, found in zip(claims, look.claimed, strict=True)
        ]
        rows = {
            kind: _over(look.rows[kind], before, kind, groups) for kind, groups in wanted.items()
        }
        return claimed, rows

    @override
    async def write(
        self,
        rows: Mapping[type[Row], Sequence[Row]],
        events: Mapping[int, Sequence[NewEvent]],
        answers: Sequence[tuple[Claim, Outcome]],
        born: Collection[type[Row]] = (),
    ) -> None:
        self.writing = Writing(rows=rows, events=events, answers=answers, born=born)

    @override
    async def advance_all(self, moves: Sequence[Move]) -> list[bool]:
        raise NotImplementedError("steps move positions, which is done under the lock")


async def decide_ahead(
    storage: Storage,
    handlers: Handlers,
    partition: int,
    tickets: Sequence[Ticket],
    before: Flight | None,
) -> Flight | None:
    """Decides commands of one partition as they would be after `before`; writes nothing.

    None where they have to be decided under the lock. Raises TurnMoved where somebody else has had
    it since `before`, and what `Storage.look` raises.
    """
    work = _Ahead(storage, partition, before)
    try:
        verdict = await Batch(work, tickets, handlers, write_ahead=len(tickets) + 1).run()
    except _LockFirst:
        return None
    if work.look is None:
        raise RuntimeError("a batch was decided without a look")
    flight = Flight(tickets, work.look, work.turn)
    flight.writing, flight.verdict = work.writing, verdict
    return flight


def _over(
    rows: Sequence[Row], before: Flight, kind: type[Row], groups: Sequence[tuple[str, str]]
) -> list[Row]:
    """What was read, with what the batch before makes of it: it may not be in the table yet."""
    changed = before.changed(kind, set(groups))
    if not changed:
        return list(rows)
    return list({row.key: row for row in (*rows, *changed)}.values())


def _identity(claim: Claim) -> _Identity:
    return (claim.tenant, claim.principal, claim.operation, claim.key)
