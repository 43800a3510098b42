"""Transitions of a topic for a Python client, each told once and in order."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from shopwire.sync.reducer import Change, Held

_LOG: Final = logging.getLogger(__name__)


class Fact(NamedTuple):
    """One version of a topic."""

    topic: str
    version: int
    document: Any
    first: bool
    """Whether the telling begins here; it did not happen while somebody listened."""
    skipped: int
    """Versions between the one told before and this one that the server no longer had."""


FactHandler = Callable[[Fact], None]


@dataclass(eq=False)
class _Follower:
    topic: str
    handler: FactHandler
    epoch: int | None
    told: int | None = field(default=None)


class Facts:
    """Who follows which topic, and what each was told last."""

    def __init__(self, epoch: Callable[[], int | None]) -> None:
        """Args: `epoch` tells the log's life that versions belong to now."""
        self._epoch = epoch
        self._followers: list[_Follower] = []

    def follow(self, topic: str, held: Held | None, handler: FactHandler) -> Callable[[], None]:
        """Tells what is held first, then each version that is taken; returns how to end it."""
        follower = _Follower(topic, handler, self._epoch())
        self._followers.append(follower)
        if held is not None:
            self._tell(follower, held)

        def stop() -> None:
            if follower in self._followers:
                self._followers.remove(follower)

        return stop

    def took(self, change: Change) -> None:
        """What one message did."""
        for topic, held in change.steps:
            for follower in list(self._followers):
                if follower.topic == topic and follower in self._followers:
                    self._tell(follower, held)

    def _tell(self, follower: _Follower, held: Held) -> None:
        if follower.epoch != self._epoch():
            # Versions of another life of the log count anew.
            follower.epoch, follower.told = self._epoch(), None
        told = follower.told
        if told is not None and held.version <= told:
            return
        follower.told = held.version
        skipped = 0 if told is None else held.version - told - 1
        fact = Fact(follower.topic, held.version, held.document, told is None, skipped)
        try:
            follower.handler(fact)
        except Exception:  # noqa: BLE001 - whatever the handler raises, the log has it
            # One that fails must not keep the others, or the connection, from what comes.
            _LOG.exception("a follower of %s failed at version %s", fact.topic, fact.version)
