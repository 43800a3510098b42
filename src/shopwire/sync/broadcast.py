"""One frame to many clients: each by its own wire, or all at once where the system can do that.

A session that may be told together with others has a *place*. Its wire promises two things: while
it has bytes that wait for its socket, the session is not writable, so that nobody sends past them;
and it leaves before its socket is closed.
"""

from array import array
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Final, Protocol, cast

from shopwire.sync.limits import BROADCAST_SCREENS_MIN
from shopwire.sync.readers import Audience
from shopwire.sync.waiting import NO_PLACE, TEXT, Send, Wire

if TYPE_CHECKING:
    from shopwire.sync.session import Session

Failed = list[tuple["Session", Exception]]
"""Those who could not be told, each with what its wire raised."""

_FIN_TEXT: Final = 0x81
"""First byte of a WebSocket frame that is a whole text."""
_LONG: Final = 126
_LONGER: Final = 127
"""Where the second byte is one of these the length stands in the two or the eight that follow."""
_HEAD_BYTES_MAX: Final = 10


class Together(Protocol):
    """What sends the same to many sockets at once; `adapters/ring` is one."""

    @property
    def bytes_max(self) -> int:
        """Longest that it takes."""
        ...

    @property
    def usable(self) -> bool:
        """Whether it still works."""
        ...

    def join(self, file: int) -> int:
        """A place for a socket, or NO_PLACE."""
        ...

    def leave(self, place: int) -> None:
        """Lets go of it."""
        ...

    def send(self, places: "array[int]", data: bytes) -> list[tuple[int, int]]:
        """Sends; the places where not all went out, with how much did, or -1 if nobody knows."""
        ...

    def send_groups(self, groups: "Iterable[tuple[array[int], bytes]]") -> list[tuple[int, int]]:
        """The same for several groups, each with its own bytes."""
        ...


class PlacedWire(Wire, Protocol):
    """A wire that can go on where somebody else stopped."""

    def rest(self, data: bytes) -> None:
        """Bytes of a frame, as they are on the wire: goes before everything else."""
        ...

    def cut(self) -> None:
        """Ends the connection without a word: nobody knows where in a frame it is."""
        ...


class Broadcast:
    """Who has a place, and how frames go out."""

    def __init__(self, together: Together | None = None) -> None:
        """Args: `together`, where there is such a thing; without it nobody has a place."""
        self._together = together
        self._placed: dict[int, Session] = {}

    def join(self, session: "Session", file: int) -> bool:
        """From now on the session, whose wire is a PlacedWire, is told with others; if it can."""
        if self._together is None:
            return False
        place = self._together.join(file)
        if place == NO_PLACE:
            return False
        session.place = place
        self._placed[place] = session
        _moved(session)
        return True

    def leave(self, session: "Session") -> None:
        """Its socket is about to be closed."""
        if session.place != NO_PLACE:
            assert self._together is not None
            self._together.leave(session.place)
            del self._placed[session.place]
            session.place = NO_PLACE
            _moved(session)

    def to_audience(self, audience: Audience, late: AbstractSet["Session"], frame: bytes) -> Failed:
        """Sends to all of them but `late`, of which all are in it."""
        count = len(audience) - len(late)
        if not self._worth(count, frame):
            sends: Iterable[Send] = list(audience.values())
            if late:
                sends = [send for session, send in audience.items() if session not in late]
            return _each(sends, frame, audience)
        failed = self._at_once(audience.places(late), frame)
        if others := audience.unplaced(late):
            failed += _each([session.push for session in others], frame, others)
        return failed

    def to_sessions(self, sessions: Sequence["Session"], frame: bytes) -> Failed:
        """Sends to all of them."""
        if not self._worth(len(sessions), frame):
            return _each([session.push for session in sessions], frame, sessions)
        places = array("I", [s.place for s in sessions if s.place != NO_PLACE])
        failed = self._at_once(places, frame)
        if len(places) < len(sessions):
            others = [session for session in sessions if session.place == NO_PLACE]
            failed += _each([session.push for session in others], frame, others)
        return failed

    def to_groups(self, groups: "Sequence[tuple[array[int], bytes]]") -> Failed:
        """Sends to the places of each group its own frame; nobody is in two groups."""
        failed: Failed = []
        small: list[tuple[array[int], bytes]] = []
        for places, frame in groups:
            if self._worth(len(places), frame):
                failed += self._at_once(places, frame)
            else:
                small.append((places, frame))
        longest = max((frame for _, frame in small), key=len, default=b"")
        if not self._worth(sum(len(places) for places, _ in small), longest):
            for places, frame in small:
                sessions = [self._placed[place] for place in places]
                failed += _each([session.push for session in sessions], frame, sessions)
            return failed
        assert self._together is not None
        told = [(places, head_of(frame) + frame) for places, frame in small]
        if undone := self._together.send_groups(told):
            data_of = {place: data for places, data in told for place in places}
            failed += self._go_on([(place, sent, data_of[place]) for place, sent in undone])
        return failed

    def _worth(self, count: int, frame: bytes) -> bool:
        """Whether so many are told faster at once, and whether that can be done at all."""
        together = self._together
        return (
            together is not None
            and count >= BROADCAST_SCREENS_MIN
            and len(frame) + _HEAD_BYTES_MAX <= together.bytes_max
            and together.usable
        )

    def _at_once(self, places: "array[int]", frame: bytes) -> Failed:
        assert self._together is not None
        data = head_of(frame) + frame
        undone = self._together.send(places, data)
        return self._go_on([(place, sent, data) for place, sent in undone]) if undone else []

    def _go_on(self, undone: Iterable[tuple[int, int, bytes]]) -> Failed:
        """Hands over what did not go out: place, how much did, the whole."""
        failed: Failed = []
        for place, sent, data in undone:
            session = self._placed[place]
            wire = cast("PlacedWire", session.wire)
            try:
                if sent < 0:
                    wire.cut()
                else:
                    wire.rest(data[sent:])
            except Exception as problem:  # noqa: BLE001 - one client's trouble is its own
                failed.append((session, problem))
        return failed


def _moved(session: "Session") -> None:
    """Whoever watches something by then is not told by the place that it had, or had not."""
    for state in session.watched.values():
        state.sessions.changed()


def head_of(frame: bytes) -> bytes:
    """What stands before a text on a WebSocket, from a server: nothing there is masked."""
    size = len(frame)
    if size < _LONG:
        return bytes((_FIN_TEXT, size))
    if size < 1 << 16:
        return bytes((_FIN_TEXT, _LONG)) + size.to_bytes(2, "big")
    return bytes((_FIN_TEXT, _LONGER)) + size.to_bytes(8, "big")


def _each(sends: Iterable[Send], frame: bytes, sessions: Iterable["Session"]) -> Failed:
    """One after the other, without a look at a session but for those that fail."""
    failed: Failed = []
    for send in sends:
        try:
            send(TEXT, frame)
        except Exception as problem:  # noqa: BLE001 - one client's trouble is its own
            failed += [(session, problem) for session in sessions if session.push is send]
    return failed
