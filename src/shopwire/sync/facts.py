"""A topic of which every transition counts: an order, a payment, a shipment.

A screen that shows the state of things may skip what was between; one that tells a story may not.
So each version goes out by itself, in order, to slow clients too, and after a pause where the log
still has it.
"""

from collections.abc import Sequence
from typing import Final

from typing_extensions import override

from shopwire.sync.documents import NOTHING, TopicState, shallow_diff
from shopwire.sync.protocol import patch_item, snap_item
from shopwire.sync.topics import View

Transition = tuple[int, bytes, int]
"""Version, document, moment of its commit."""

FACT_VERSIONS_MAX: Final = 64
"""Latest transitions of a watched topic that are kept; earlier ones are read from the log."""
FACTS_READ_MAX: Final = 500
"""Transitions that one client is told of after a pause; who missed more gets a snapshot."""


class FactState(TopicState):
    """See TopicState. `steps` has one item for each version, or none where some must be read."""

    __slots__ = ("_told", "reading", "unread")

    def __init__(self, name: str, view: View) -> None:
        super().__init__(name, view=view)
        self._told: list[Transition] = []
        """Transitions without a gap, up to the newest."""
        self.reading = False
        """Whether earlier ones are being read."""
        self.unread = 0
        """The log does not have what follows versions below this one."""

    @override
    def update(self, version: int, document: bytes, at_ms: int) -> bool:
        """A version that does not follow the last one is the first that is known."""
        follows = version == self.version + 1
        if not super().update(version, document, at_ms):
            return False
        self.history.clear()
        if not follows or not self.sessions:
            self._told.clear()
        self._told.append((version, document, at_ms))
        if len(self._told) > FACT_VERSIONS_MAX and not self.reading:
            del self._told[: -FACT_VERSIONS_MAX // 2]
        return True

    @override
    def forget(self) -> None:
        """See TopicState."""
        super().forget()
        self._told.clear()

    @property
    def first(self) -> int:
        """The first version that can be told by itself."""
        return self._told[0][0] if self._told else self.version + 1

    def read(self, base: int, transitions: Sequence[Transition]) -> None:
        """Takes what the log has behind `base`; where it has not all of it, that is noted."""
        self.reading = False
        found = [one for one in transitions if base < one[0] < self.first]
        versions = [one[0] for one in found]
        if versions == list(range(base + 1, self.first)):
            self._told = [*found, *self._told]
        elif not versions or versions != list(range(base + 1, base + 1 + len(versions))):
            self.unread = max(self.unread, self.first - 1)
        # Else the read was overtaken, with nobody watching: whoever lacks the rest asks again.

    @override
    def kept(self, base: int) -> bool:
        return base >= self.unread and self.version - base <= FACTS_READ_MAX

    @override
    def steps(self, base: int) -> list[bytes] | None:
        if base == NOTHING or not self.kept(base):
            return [self.item(NOTHING)]
        if base + 1 < self.first and base < self.version:
            return None
        return [self._step(version) for version in range(base + 1, self.version + 1)]

    def _step(self, version: int) -> bytes:
        """From one version to the next; the items are kept under the versions they lead to."""
        key = -version - 1  # apart from those by their base
        found = self.items.get(key)
        if found is None:
            found = self.items[key] = self._make_step(version - self.first)
        return found

    def _make_step(self, at: int) -> bytes:
        version, document, at_ms = self._told[at]
        snap = snap_item(self.name, version, document, at_ms)
        if at == 0:
            # Its base is what the client has, and is not held here: said whole.
            return snap
        diff = shallow_diff(self._told[at - 1][1], document)
        if diff is None:
            return snap
        changed, gone = diff
        patch = patch_item(self.name, version - 1, version, changed=changed, gone=gone, at_ms=at_ms)
        return patch if len(patch) < len(snap) else snap
