"""A batch that is decided before it has its partitions' locks, while the one before it commits.

It stands on a look at one turn of each head, or on what is known of that turn without one, and on
what the batch before it is about to write. It is written by one statement if the turns are then
still the right ones; else it was never decided.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from typing_extensions import override

from shopwire.kernel.batch import Batch, Verdict
from shopwire.kernel.clock import Clock
from shopwire.kernel.commands import Outcome
from shopwire.kernel.events import NewEvent
from shopwire.kernel.handlers import Handlers
from shopwire.kernel.items import Item, tickets_of
from shopwire.kernel.kept import Kept, made_by, proves
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


class _LookFirst(Exception):
    """What was taken for granted is not proven by what is to be written."""


class Flight:
    """A decided batch on its way to its commit."""

    __slots__ = (
        "_answered",
        "in_vain",
        "items",
        "kept",
        "landed",
        "look",
        "over",
        "started_ms",
        "turns",
        "verdict",
        "writing",
    )

    def __init__(self, items: Sequence[Item], look: Look, turns: Mapping[int, int]) -> None:
        self.items = items
        self.landed = False
        """Whether it is known to have committed."""
        self.over = asyncio.Event()
        """Set once that is known, or what failed of it is settled."""
        self.started_ms = 0.0
        self.look = look
        self.turns = turns
        """Of each head that it needs, at which it may be written."""
        self.writing: Writing = _NOTHING
        self.verdict = Verdict()
        self.in_vain = False
        """Whether it was decided without a look before, on what nothing would have proven."""
        self.kept: Kept | None = None
        """What is known of its partition behind it, if it commits."""
        self._answered: dict[_Identity, Claimed] | None = None

    def turns_behind(self, look: Look) -> dict[int, int]:
        """Those of that look, which is of before or after this commit, once it has committed.

        Raises TurnMoved where the look has seen somebody else in one of its heads.
        """
        counted = 0 if self.writing.nothing else 1
        turns = dict(look.turns)
        for partition, seen in look.turns.items():
            if (mine := self.turns.get(partition)) is None:
                continue
            if seen not in (mine, mine + counted):
                raise TurnMoved
            turns[partition] = mine + counted
        return turns

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

    def __init__(
        self,
        storage: Storage,
        partitions: Sequence[int],
        before: Flight | None,
        kept: Kept | None,
        made: frozenset[type[Row]],
    ) -> None:
        self._storage, self._partitions, self._before = storage, partitions, before
        self._kept, self._made = kept, made
        self._free = 0
        self.wanted: Mapping[type[Row], Sequence[tuple[str, str]]] = {}
        self.rows: dict[type[Row], list[Row]] = {}
        """What was read, as the batch before leaves it."""
        self.now_ms = 0
        self.turns: Mapping[int, int] = {}
        self.look: Look | None = None
        self.writing = _NOTHING
        self._moves: dict[tuple[str, int], Move] = {}

    @override
    async def read(
        self, claims: Sequence[Claim], wanted: Mapping[type[Row], Sequence[tuple[str, str]]]
    ) -> tuple[list[Claimed], dict[type[Row], list[Row]]]:
        look, before = self._known(claims, wanted), self._before
        if look is None:
            look = await self._storage.look(self._partitions, claims, wanted)
        if look is None:
            raise _LockFirst
        self.look, self.now_ms, self.turns = look, look.now_ms, look.turns
        self.wanted, self.rows, claimed = wanted, look.rows, look.claimed
        if before is not None:
            self.turns = before.turns_behind(look)
            claimed = [
                before.told(claim) or found
                for claim, found in zip(claims, look.claimed, strict=True)
            ]
            if not look.remembered:
                self.rows = {
                    kind: _over(look.rows[kind], before, kind, groups)
                    for kind, groups in wanted.items()
                }
        self._free = sum(one.mine for one in claimed)
        return claimed, self.rows

    def _known(
        self, claims: Sequence[Claim], wanted: Mapping[type[Row], Sequence[tuple[str, str]]]
    ) -> Look | None:
        """What a look would tell, where that is known without one."""
        if self._kept is None or not self._made:
            return None
        return self._kept.look(claims, wanted, self._made)

    def keep(self, look: Look, clock: Clock) -> Kept | None:
        """What is known of the partition behind this batch, once it is decided.

        Raises _LookFirst where it was decided on what nothing will prove.
        """
        proven = proves(self.writing, self.wanted, self._made, self._free)
        if look.remembered and not proven:
            raise _LookFirst
        if len(self.turns) > 1:
            return None
        ((partition, turn),) = self.turns.items()
        kept = self._kept
        if self._made and not look.remembered:
            if kept is None or kept.turn != turn or kept.is_over:
                kept = Kept(partition, turn, look, clock)
            some = {kind: groups for kind, groups in self.wanted.items() if kind not in self._made}
            kept.add(some, self.rows)
        if kept is None or kept.turn != turn:
            return None
        kept.follow(self.writing, look.now_ms)
        return kept

    @override
    async def write(
        self,
        rows: Mapping[type[Row], Sequence[Row]],
        events: Mapping[int, Sequence[NewEvent]],
        answers: Sequence[tuple[Claim, Outcome]],
        born: Collection[type[Row]] = (),
    ) -> None:
        moves = tuple(self._moves.values())
        self.writing = Writing(rows=rows, events=events, answers=answers, born=born, moves=moves)

    @override
    async def advance_all(self, moves: Sequence[Move]) -> list[bool]:
        """Taken for granted: a position that is elsewhere then shows when it is written."""
        for move in moves:
            at = (move.consumer, move.partition)
            moved = self._moves.pop(at, None)
            if moved is None:
                self._moves[at] = move
            elif (moved.expected, moved.to) != (move.to, move.expected):
                raise _LockFirst  # two steps of one consumer: the table says which is right
        return [True] * len(moves)


async def decide_ahead(
    storage: Storage,
    handlers: Handlers,
    partitions: Sequence[int],
    items: Sequence[Item],
    before: Flight | None,
    clock: Clock,
    kept: Kept | None = None,
) -> Flight | None:
    """Decides what is in these partitions as it would be after `before`; writes nothing.

    Without a look where `kept`, what is known of the only one of them, tells all that one would.
    None where it has to be decided under the locks. Raises TurnMoved where somebody else has had
    one of them since `before`, and what `Storage.look` raises.
    """
    made = made_by(tickets_of(items)) if len(partitions) == 1 else frozenset()
    work = _Ahead(storage, partitions, before, kept, made)
    weight = sum(item.weight for item in items)
    try:
        verdict = await Batch(work, items, handlers, write_ahead=weight + 1).run()
        if work.look is None:
            raise RuntimeError("a batch was decided without a look")
        kept = work.keep(work.look, clock)
    except _LockFirst:
        return None
    except _LookFirst:
        flight = await decide_ahead(storage, handlers, partitions, items, before, clock)
        if flight is not None:
            flight.in_vain = True
        return flight
    flight = Flight(items, work.look, work.turns)
    flight.writing, flight.verdict = work.writing, verdict
    flight.kept = kept
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
