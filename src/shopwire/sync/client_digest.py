"""A Python client's proof that it equals the server when nothing moves: sync-v1.md section 14."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from shopwire.sync.digests import digest_of_documents
from shopwire.sync.reducer import Held

IDLE_MS: Final = 15_000
"""Quiet on the connection after which a digest is sent."""
DIGEST_TOPICS_MAX: Final = 500
"""Topics in one digest; the next one goes on behind them."""
DIGEST_CHARS_MAX: Final = 18_000
"""Characters of topics in one digest: it stays below 128 KiB."""


class DigestCounts(NamedTuple):
    """How often what is held was compared, and how much differed."""

    checked: int
    """Digests that were answered."""
    differed: int
    """Topics that differed and were fetched again."""


class Proofs:
    """Which digest is asked for next, and what its answer says. Does no I/O."""

    def __init__(self, entries: Callable[[], Mapping[str, Held]]) -> None:
        """Args: `entries` tells what is live and held, by topic."""
        self.counts = DigestCounts(0, 0)
        self.supported = True
        self._entries = entries
        self._from = 0
        self._asked: tuple[int, dict[str, int]] | None = None

    def ask(self, number: int) -> dict[str, Any] | None:
        """The next digest as a message; None where nothing is held or the server knows none."""
        part = self._next_part() if self.supported and self._asked is None else {}
        if not part:
            return None
        versions = {topic: held.version for topic, held in part.items()}
        self._asked = (number, versions)
        whole = {topic: (held.version, held.document) for topic, held in part.items()}
        digest = digest_of_documents(whole)
        return {"t": "digest", "id": number, "topics": versions, "hash": digest}

    def same(self, number: int) -> None:
        """The server has the same."""
        if self._take(number) is not None:
            self._count(0)

    def differ(self, number: int, topics: Iterable[str], hashes: Mapping[str, str]) -> list[str]:
        """The server has something else; returns the topics that are wrong here.

        What moved since is another version, and an empty hash says that the server cannot tell:
        neither says anything about what is held.
        """
        versions = self._take(number)
        if versions is None:
            return []
        held = self._entries()
        wrong = [
            topic
            for topic in topics
            if (mine := held.get(topic)) is not None
            and mine.version == versions.get(topic)
            and hashes.get(topic) != ""
            and digest_of_documents({topic: (mine.version, mine.document)}) != hashes.get(topic)
        ]
        self._count(len(wrong))
        return wrong

    def refused(self, number: int | None) -> bool:
        """A server that knows no digests says so once; whether this was that."""
        if number is None or self._take(number) is None:
            return False
        self.supported = False
        return True

    def lost(self) -> None:
        """The connection is gone: no answer comes."""
        self._asked = None

    def _take(self, number: int) -> dict[str, int] | None:
        if self._asked is None or self._asked[0] != number:
            return None
        versions, self._asked = self._asked[1], None
        return versions

    def _count(self, differed: int) -> None:
        checked, before = self.counts
        self.counts = DigestCounts(checked + 1, before + differed)

    def _next_part(self) -> dict[str, Held]:
        held = sorted(self._entries().items())
        if self._from >= len(held):
            self._from = 0
        part: dict[str, Held] = {}
        chars = 0
        for topic, one in held[self._from : self._from + DIGEST_TOPICS_MAX]:
            chars += len(topic)
            if part and chars > DIGEST_CHARS_MAX:
                break
            part[topic] = one
        self._from += len(part)
        return part
