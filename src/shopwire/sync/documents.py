"""One topic as the hub holds it: its newest document, a little history, and who watches."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from shopwire.sync.digests import digest_of, line_of
from shopwire.sync.limits import HISTORY_DOCUMENT_BYTES_MAX, HISTORY_VERSIONS_MAX
from shopwire.sync.protocol import Digest, differ_frame, patch_item, same_frame, snap_item
from shopwire.sync.readers import Readers
from shopwire.sync.topics import PUBLIC, View

if TYPE_CHECKING:
    from shopwire.sync.waiting import Ticket

NOTHING: Final = -1
"""Version of which a client got nothing yet."""

_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode: Final = msgspec.json.Encoder().encode


def shallow_diff(before: bytes, after: bytes) -> tuple[bytes, list[str]] | None:
    """Fields to set (a JSON object) and to remove; None where one of the two is no object.

    Values are compared as they are written: documents are encoded in one way only.
    """
    if not (before.startswith(b"{") and after.startswith(b"{")):
        return None
    old, new = _fields(before), _fields(after)
    changed = {name: raw for name, raw in new.items() if old.get(name) != raw}
    gone = [name for name in old if name not in new]
    return _encode(changed), gone


class TopicState:
    """The newest known state of a topic, with items encoded once for all who need the same.

    Every state carries the whole document, so the newest version wins whatever came first: that is
    how a snapshot read from the database and changes tailed from the log are merged.
    """

    __slots__ = (
        "_line",
        "at_ms",
        "document",
        "ephemeral",
        "flushed",
        "heads",
        "history",
        "items",
        "loaded",
        "name",
        "sessions",
        "version",
        "view",
        "waiting",
    )

    def __init__(self, name: str, *, ephemeral: bool = False, view: View = PUBLIC) -> None:
        self.name = name
        self.view = view
        """What of it is held here; of a view that hides something there is a state of its own."""
        self.ephemeral = ephemeral
        self.version = 0
        self.flushed = 0
        """Version that everybody who watches has, but for those with the topic in `pending`."""
        self.document = b"null"
        self.at_ms = 0
        self.loaded = ephemeral
        """Whether the database was asked: before that, "never existed" is not known."""
        self.heads: Sequence[int] = ()
        """Heads of the moment it was read: until the tail is there, it may be ahead of others."""
        self.history: deque[tuple[int, bytes]] = deque(maxlen=HISTORY_VERSIONS_MAX)
        self.items: dict[int, bytes] = {}
        self.sessions = Readers()
        self._line: bytes | None = None
        self.waiting: list[Ticket] = []
        """Subs that become live when this topic is loaded."""

    def update(self, version: int, document: bytes, at_ms: int) -> bool:
        """Takes a state if it is newer; says whether it was."""
        if version <= self.version:
            return False
        if not self.sessions:
            self.history.clear()
        elif self.loaded and len(self.document) <= HISTORY_DOCUMENT_BYTES_MAX:
            self.history.append((self.version, self.document))
        self.version, self.document, self.at_ms = version, document, at_ms
        self.items.clear()
        self._line = None
        return True

    def forget(self) -> None:
        """Keeps the newest document alone: nobody watches any more."""
        self.history.clear()
        self.items.clear()

    def line(self, version: int) -> bytes | None:
        """What the topic adds to a digest at a version; None for one that is not known any more."""
        if version == self.version:
            if self._line is None:
                self._line = line_of(self.name, version, self.document)
            return self._line
        document = self._earlier(version)
        return line_of(self.name, version, document) if document is not None else None

    def steps(self, base: int) -> list[bytes] | None:
        """The items that bring a client from version `base` to the newest.

        None where they have to be read from the log first.
        """
        return [self.item(base)]

    def kept(self, base: int) -> bool:
        """Whether what changed since a version is known, so that it need not be sent whole."""
        return self._earlier(base) is not None

    def item(self, base: int) -> bytes:
        """What brings a client from version `base` to the newest: a patch if it is smaller."""
        found = self.items.get(base)
        if found is None:
            found = self.items[base] = self._make(base)
        return found

    def _make(self, base: int) -> bytes:
        snap = self.items.get(NOTHING)
        if snap is None:
            snap = snap_item(self.name, self.version, self.document, self.at_ms)
            self.items[NOTHING] = snap
        if base == NOTHING:
            return snap
        before = self._earlier(base)
        diff = shallow_diff(before, self.document) if before is not None else None
        if diff is None:
            return snap
        changed, gone = diff
        patch = patch_item(
            self.name, base, self.version, changed=changed, gone=gone, at_ms=self.at_ms
        )
        return patch if len(patch) < len(snap) else snap

    def _earlier(self, version: int) -> bytes | None:
        """The document of a version before the newest; nearly everybody has the one before it."""
        for known, document in reversed(self.history):
            if known == version:
                return document
        return None


def compare(watched: Mapping[str, TopicState], message: Digest) -> tuple[bytes, bool]:
    """The answer to a digest, and whether the client holds what the server has.

    A topic of which the version is not known any more, or which is not watched, differs; one of
    which news are on their way is compared as it was.
    """
    hashes: dict[str, str] = {}
    lines: list[bytes] = []
    for name in sorted(message.topics):
        state = watched.get(name)
        line = state.line(message.topics[name]) if state is not None else None
        hashes[name] = digest_of([line]) if line is not None else ""
        lines.append(line or b"")
    if b"" not in lines and digest_of(lines) == message.hash:
        return same_frame(message.id), True
    return differ_frame(message.id, hashes), False
