"""Who watches a topic, each with what sends a frame to it."""

from array import array
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from shopwire.sync.waiting import NO_PLACE, Send

if TYPE_CHECKING:
    from shopwire.sync.session import Session


class Audience(dict["Session", Send]):
    """Sessions that get the same frames, in the order in which they came."""

    __slots__ = ("_places",)

    def __init__(self) -> None:
        super().__init__()
        self._places: array[int] | None = array("I")

    def join(self, session: "Session") -> None:
        """One more, who has a place by now or never gets one."""
        known = len(self)
        self[session] = session.push
        # To look at all of them again costs a broadcast to a thousand screens a tenth.
        if self._places is not None and len(self) > known and session.place != NO_PLACE:
            self._places.append(session.place)

    def changed(self) -> None:
        """Somebody left, or has another place; told by whoever did that."""
        self._places = None if self else array("I")

    def places(self, late: AbstractSet["Session"]) -> "array[int]":
        """The places of all of them who have one, but for those who are `late`; not to be kept."""
        if self._places is None:
            self._places = array("I", [s.place for s in self if s.place != NO_PLACE])
        if not late:
            return self._places
        left_out = {session.place for session in late}
        return array("I", [place for place in self._places if place not in left_out])

    def unplaced(self, late: AbstractSet["Session"]) -> "Sequence[Session]":
        """All others of them, but for those who are `late`."""
        if len(self.places(frozenset())) == len(self):
            return ()
        return [s for s in self if s.place == NO_PLACE and s not in late]


class Readers:
    """Sessions in the order in which they came, those that read ticks apart from the others.

    A frame goes to `plain.values()` or `ticks.values()` without a look at any session: a thousand
    of them do not fit into a processor's cache, and to look at one costs as much as to send.
    """

    __slots__ = ("plain", "ticks")

    def __init__(self) -> None:
        self.plain = Audience()
        """Those who get frames as they are written in the specification."""
        self.ticks = Audience()
        """Those who asked for the short form."""

    def __len__(self) -> int:
        return len(self.plain) + len(self.ticks)

    def __iter__(self) -> Iterator["Session"]:
        yield from self.plain
        yield from self.ticks

    def add(self, session: "Session") -> None:
        """From now on the session watches; its form is settled by then."""
        (self.ticks if session.short else self.plain).join(session)

    def discard(self, session: "Session") -> None:
        """The session watches no more."""
        for audience in (self.plain, self.ticks):
            if audience.pop(session, None) is not None:
                audience.changed()

    def changed(self) -> None:
        """One of them has another place."""
        self.plain.changed()
        self.ticks.changed()

    def clear(self) -> None:
        """Nobody watches any more."""
        for audience in (self.plain, self.ticks):
            audience.clear()
            audience.changed()
