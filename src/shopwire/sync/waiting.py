"""Small parts of a session: its wire, its state, what it waits for, how often it may speak."""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

from shopwire.sync.codes import CloseCode

if TYPE_CHECKING:
    from shopwire.sync.documents import TopicState
    from shopwire.sync.session import Session


NO_PLACE: Final = -1
"""Of a session whose frames go through its wire alone; see `broadcast.py`."""
TEXT: Final = 1
"""The only kind of frame that is sent: WebSocket's opcode of a text message."""

Send = Callable[[int, bytes], object]
"""Sends a frame of a kind; picows' own method is one, with nothing of ours in between."""


class Wire(Protocol):
    """What a transport does for a session."""

    @property
    def send(self) -> Send:
        """Takes a frame; never blocks, and never calls back into the session's flush."""
        ...

    def ping(self) -> None:
        """Asks the other side for a sign of life, where the transport can."""
        ...

    def progressed(self) -> bool:
        """Whether the other side took bytes since the last call."""
        ...

    def close(self, code: CloseCode) -> None:
        """Ends the connection after what was sent, or without it if that does not move."""
        ...


class State(Enum):
    """Of a connection; docs/protocol/sync-v1.md section 10."""

    OPENING = 1
    OPEN = 2
    CLOSING = 3


class Ticket:
    """A sub that waits for its `live`."""

    __slots__ = ("id", "left", "required", "session")

    def __init__(self, session: "Session", sub: int | None) -> None:
        self.session: Session | None = session
        """None after a reset: then the live never comes."""
        self.id = sub
        """None where nobody asked, so that nobody is told."""
        self.left = 0
        """Topics whose document was not read yet."""
        self.required: Sequence[int] = ()
        """Head that the hub must have reached, so that a state read early is whole."""

    def precede(self, others: Iterable["Ticket"], state: "TopicState") -> None:
        """No sub becomes live while a document of its topics is still read in another view."""
        if self.left:
            for other in others:
                other.left += 1
                state.waiting.append(other)


class Bucket:
    """Tokens that come back at a rate, one a message."""

    __slots__ = ("_burst", "_rate", "_refill_ms", "_tokens")

    def __init__(self, per_s: int, burst: int, now_ms: float) -> None:
        self._rate, self._burst = per_s / 1_000, float(burst)
        self._tokens, self._refill_ms = self._burst, now_ms

    def wait_ms(self, now_ms: float) -> int:
        """Takes one token: 0. Where there is none: how long it takes until there is one."""
        refill = (now_ms - self._refill_ms) * self._rate
        self._tokens = min(self._burst, self._tokens + refill)
        self._refill_ms = now_ms
        if self._tokens >= 1:
            self._tokens -= 1
            return 0
        return int((1 - self._tokens) / self._rate) + 1


def later(one: Sequence[int], other: Sequence[int]) -> Sequence[int]:
    """The later of two heads, by partition; `()` is before everything."""
    if not one or one is other:
        return other
    return tuple(map(max, one, other)) if other else one
