"""What a process knows of a partition without looking, because it was the last to write there."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from shopwire.kernel.clock import Clock
from shopwire.kernel.items import Ticket
from shopwire.kernel.rows import Row
from shopwire.kernel.storage import Claim, Claimed, Look, Writing

KEPT_MS_MAX: Final = 2_000
"""How long rows are kept; then the next batch looks anew, and takes the database's time anew."""
KEPT_GROUPS_MAX: Final = 4_096
"""Groups of rows that are kept of one partition; all are forgotten where another one comes."""
LOOK_BATCHES: Final = 64
"""Batches that look, after one that had not and would have had to: another may come soon."""

_FREE: Final = Claimed(mine=True, fingerprint=b"")
"""What is taken for granted of a key; storing its answer is refused where it is not so."""

_Group = tuple[str, str]
_Wanted = Mapping[type[Row], Sequence[_Group]]


class Kept:
    """Rows of one partition as they are at one turn of its head, all of each group.

    They are used by a batch that is written at that turn or not at all, so it makes no difference
    whether they were read or remembered. Only what has never been read is taken for granted: that
    keys are free and that rows which commands make are not there, see `proves`.
    """

    __slots__ = (
        "_at_ms",
        "_clock",
        "_count",
        "_groups",
        "_last_ms",
        "_now_ms",
        "partition",
        "turn",
    )

    def __init__(self, partition: int, turn: int, look: Look, clock: Clock) -> None:
        """Args: `turn` is the one at which a batch that stands on `look` is written."""
        self.partition, self.turn = partition, turn
        self._clock = clock
        # The database took its time before it answered: what is counted on from here is never
        # ahead of it.
        self._now_ms, self._at_ms = look.now_ms, clock.monotonic_ms()
        self._last_ms = look.now_ms
        """Of the last batch. One that looked may be ahead of what is counted, whose parts of a
        millisecond are left out: in a partition the time never goes back."""
        self._groups: dict[type[Row], dict[_Group, dict[tuple[str, ...], Row]]] = {}
        self._count = 0

    @property
    def is_over(self) -> bool:
        """Whether it was kept long enough."""
        return self._clock.monotonic_ms() - self._at_ms > KEPT_MS_MAX

    def look(
        self, claims: Sequence[Claim], wanted: _Wanted, made: frozenset[type[Row]]
    ) -> Look | None:
        """What a look would find; None where only a look can tell."""
        if self.is_over:
            return None
        passed_ms = self._clock.monotonic_ms() - self._at_ms
        rows: dict[type[Row], list[Row]] = {}
        for kind, groups in wanted.items():
            found = rows[kind] = []
            if kind in made:
                continue
            held = self._groups.get(kind, {})
            for group in groups:
                if (some := held.get(group)) is None:
                    return None
                found += some.values()
        return Look(
            turns={self.partition: self.turn},
            now_ms=max(self._now_ms + int(passed_ms), self._last_ms),
            claimed=[_FREE] * len(claims),
            rows=rows,
            remembered=True,
        )

    def add(self, wanted: _Wanted, rows: Mapping[type[Row], Iterable[Row]]) -> None:
        """Groups that were read at this turn, with all of their rows."""
        self._count += sum(len(groups) for groups in wanted.values())
        if self._count > KEPT_GROUPS_MAX:
            self._groups, self._count = {}, 0
            return
        for kind, groups in wanted.items():
            held = self._groups.setdefault(kind, {})
            held.update((group, {}) for group in groups)
            for row in rows[kind]:
                held[row.group][row.key] = row

    def follow(self, writing: Writing, now_ms: int) -> None:
        """Goes on to the turn after a batch that writes this, at that time, at the present one."""
        self._last_ms = max(self._last_ms, now_ms)
        for kind, changed in writing.rows.items():
            if held := self._groups.get(kind):
                for row in changed:
                    if (group := held.get(row.group)) is not None:
                        group[row.key] = row
        if not writing.nothing:
            self.turn += 1


def made_by(tickets: Iterable[Ticket]) -> frozenset[type[Row]]:
    """Kinds of which each of these commands makes a row; none where some of them make none."""
    made: frozenset[type[Row]] = frozenset()
    last = None
    for ticket in tickets:
        if ticket.handler is last:
            continue
        last = ticket.handler
        if not last.makes or len(ticket.whole) > 1:
            return frozenset()
        made |= last.makes
    return made


def proves(writing: Writing, wanted: _Wanted, made: frozenset[type[Row]], free: int) -> bool:
    """Whether what is written is refused where something was wrongly taken for granted.

    That is: as many keys were `free` as get an answer, and each group of a kind that is `made`,
    of which a row is the whole group, gets its row as a new one.
    """
    return len(writing.answers) == free and all(
        kind in writing.born and len(writing.rows.get(kind, ())) == len(groups)
        for kind, groups in wanted.items()
        if kind in made
    )
