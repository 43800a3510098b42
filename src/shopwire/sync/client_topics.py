"""Which topics a Python client wants, and what it knows of each. Does no I/O."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from shopwire.sync.reducer import Message

SUB_TOPICS_MAX: Final = 500
"""Topics in one message; more are asked for in several."""
SUB_CHARS_MAX: Final = 18_000
"""Characters of topics in one message: with versions, in any script, it stays below 128 KiB."""


class Refusal(NamedTuple):
    """Why a topic cannot be had, or no longer."""

    code: int
    reason: str
    """`not_allowed`, `unknown_kind`, `malformed`; `withdrawn`, `expired`, `unauthenticated`."""
    message: str


class Topics:
    """Wanted topics in their order, subs without an answer, refusals."""

    def __init__(self) -> None:
        self.wanted: dict[str, None] = {}
        self.refused: dict[str, Refusal] = {}
        self.open: dict[int, frozenset[str]] = {}
        """Subs without their `live` yet, with their topics."""

    @property
    def complete(self) -> bool:
        """Whether every sub was answered."""
        return not self.open

    def add(self, topics: Iterable[str]) -> list[str]:
        """Wants topics; returns those that are new."""
        fresh = [topic for topic in dict.fromkeys(topics) if topic not in self.wanted]
        self.wanted.update(dict.fromkeys(fresh))
        return fresh

    def remove(self, topics: Iterable[str]) -> list[str]:
        """Wants topics no more; returns those that were wanted."""
        gone = [topic for topic in topics if self.wanted.pop(topic, self) is None]
        for topic in gone:
            self.refused.pop(topic, None)
        return gone

    def is_live(self, topic: str) -> bool:
        """Whether a topic is wanted, answered for and not refused."""
        return (
            topic in self.wanted
            and topic not in self.refused
            and not any(topic in topics for topics in self.open.values())
        )

    def deny(self, message: Message) -> str | None:
        """Takes the refusal of one topic; returns the topic, None where it names none of ours."""
        data: dict[str, Any] = message.get("data") or {}
        topic = data.get("topic")
        if not isinstance(topic, str) or topic not in self.wanted:
            return None
        reason = str(data.get("reason", ""))
        self.refused[topic] = Refusal(message["code"], reason, message["message"])
        return topic

    def revoke(self, topic: str, reason: str) -> bool:
        """The caller may no longer see a topic; says whether it was wanted."""
        if topic not in self.wanted:
            return False
        self.refused[topic] = Refusal(1010, reason, "The caller may no longer see this topic.")
        return True

    def retry_refused(self) -> list[str]:
        """The caller is another one: what was refused may be had now."""
        again = list(self.refused)
        self.refused.clear()
        return again


def portions(topics: Iterable[str]) -> Iterator[list[str]]:
    """Topics in portions that fit into one message."""
    part: list[str] = []
    chars = 0
    for topic in topics:
        if part and (len(part) == SUB_TOPICS_MAX or chars + len(topic) > SUB_CHARS_MAX):
            yield part
            part, chars = [], 0
        part.append(topic)
        chars += len(topic)
    if part:
        yield part
