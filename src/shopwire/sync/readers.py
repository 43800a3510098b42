"""Who watches a topic, each with what sends a frame to it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shopwire.sync.waiting import Send

if TYPE_CHECKING:
    from shopwire.sync.session import Session


class Readers:
    """Sessions in the order in which they came, those that read ticks apart from the others.

    A frame goes to `plain.values()` or `ticks.values()` without a look at any session: a thousand
    of them do not fit into a processor's cache, and to look at one costs as much as to send.
    """

    __slots__ = ("plain", "ticks")

    def __init__(self) -> None:
        self.plain: dict[Session, Send] = {}
        """Those who get frames as they are written in the specification."""
        self.ticks: dict[Session, Send] = {}
        """Those who asked for the short form."""

    def __len__(self) -> int:
        return len(self.plain) + len(self.ticks)

    def __iter__(self) -> Iterator["Session"]:
        yield from self.plain
        yield from self.ticks

    def add(self, session: "Session") -> None:
        """From now on the session watches; its form is settled by then."""
        (self.ticks if session.short else self.plain)[session] = session.push

    def discard(self, session: "Session") -> None:
        """The session watches no more."""
        self.plain.pop(session, None)
        self.ticks.pop(session, None)

    def clear(self) -> None:
        """Nobody watches any more."""
        self.plain.clear()
        self.ticks.clear()
