"""Who watches a topic, each with what sends a frame to it."""

from array import array
from collections.abc import Iterator
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
        self._places: array[int] | None = None

    def changed(self) -> None:
        """Somebody came or left; called by whoever changes it."""
        self._places = None

    def places(self, late: AbstractSet["Session"]) -> "array[int]":
        """The places of all of them who have one, but for those who are `late`."""
        if not late:
            if self._places is None:
                self._places = array("I", [s.place for s in self if s.place != NO_PLACE])
            return self._places
        return array("I", [s.place for s in self if s not in late and s.place != NO_PLACE])


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
        audience = self.ticks if session.short else self.plain
        audience[session] = session.push
        audience.changed()

    def discard(self, session: "Session") -> None:
        """The session watches no more."""
        for audience in (self.plain, self.ticks):
            if audience.pop(session, None) is not None:
                audience.changed()

    def clear(self) -> None:
        """Nobody watches any more."""
        for audience in (self.plain, self.ticks):
            audience.clear()
            audience.changed()
