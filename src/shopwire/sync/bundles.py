"""Frames of one flush: clients that lack the same items share one."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING

from shopwire.sync.limits import SHORT_FRAMES_MAX
from shopwire.sync.protocol import batch_frame, short_frame

if TYPE_CHECKING:
    from shopwire.sync.session import Session

Items = Sequence[bytes]


class Bundles:
    """Lists of items, by number. 0 is the empty one; each other is an earlier one and more items.

    Which items a client lacks is so found with one look-up a topic, however many it lacks.
    """

    __slots__ = ("_frames", "_items", "_short", "_shorter")

    def __init__(self, *, short: bool) -> None:
        """Args: `short` is for clients that read ticks."""
        self._short = short
        self._shorter = [0]
        self._items: list[Items] = [()]
        self._frames: dict[int, bytes] = {}

    def adding(self, items: Items) -> "dict[int, int]":
        """The number of a bundle with `items` behind it, by the number of the bundle without."""
        return _Adding(self, items)

    def longer(self, bundle: int, items: Items) -> int:
        """A new bundle."""
        self._shorter.append(bundle)
        self._items.append(items)
        return len(self._items) - 1

    def frame(self, bundle: int) -> bytes:
        """The frame of a bundle that is not empty, encoded once."""
        frame = self._frames.get(bundle)
        if frame is None:
            whole = self._encode(bundle)
            frame = self._frames[bundle] = short_frame(whole) if self._short else whole
        return frame

    def _encode(self, bundle: int) -> bytes:
        parts: list[Items] = []
        while bundle:
            parts.append(self._items[bundle])
            bundle = self._shorter[bundle]
        items = [item for part in reversed(parts) for item in part]
        return items[0] if len(items) == 1 else batch_frame(items)


class _Adding(dict[int, int]):
    __slots__ = ("_bundles", "_items")

    def __init__(self, bundles: Bundles, items: Items) -> None:
        super().__init__()
        self._bundles = bundles
        self._items = items

    def __missing__(self, bundle: int) -> int:
        self[bundle] = found = self._bundles.longer(bundle, self._items)
        return found


class Lacking:
    """Who lacks what of several topics: clients of one form, by their places where they have one.

    A thousand places are a few kilobytes, and nothing of them is looked at but by what is written
    in C; a thousand sessions do not fit into a processor's cache.
    """

    __slots__ = ("_bundles", "_items", "_places", "_sessions")

    def __init__(self, *, short: bool) -> None:
        """Args: `short` is for clients that read ticks."""
        self._bundles = Bundles(short=short)
        self._places: dict[bytes, array[int]] = {}
        """Whoever watches exactly the same is looked at once."""
        self._items: dict[bytes, list[bytes]] = {}
        self._sessions: dict[Session, int] = {}

    def add(self, places: "array[int]", others: "Iterable[Session]", items: Items) -> None:
        """All of these lack the items of one topic; each topic is added once."""
        if places:
            key = places.tobytes()
            self._places[key] = places
            self._items.setdefault(key, []).extend(items)
        more: dict[int, int] | None = None
        for session in others:
            more = self._bundles.adding(items) if more is None else more
            self._sessions[session] = more[self._sessions.get(session, 0)]

    def by_places(self) -> "list[tuple[array[int], bytes]]":
        """Places, each in one group, with the frame of the group."""
        if len(self._places) == 1:
            ((key, places),) = self._places.items()
            return [(places, self._bundles.frame(self._bundles.longer(0, self._items[key])))]
        lacking: dict[int, int] = {}
        for key, places in self._places.items():
            more = self._bundles.adding(self._items[key])
            before = map(lacking.get, places, repeat(0))
            lacking.update(zip(places, map(more.__getitem__, before), strict=True))
        alike: defaultdict[int, array[int]] = defaultdict(partial(array, "I"))
        for place, bundle in lacking.items():
            alike[bundle].append(place)
        return [(some, self._bundles.frame(bundle)) for bundle, some in alike.items()]

    def by_sessions(self) -> "list[tuple[list[Session], bytes]]":
        """The same for those without a place."""
        alike: defaultdict[int, list[Session]] = defaultdict(list)
        for session, bundle in self._sessions.items():
            alike[bundle].append(session)
        return [(some, self._bundles.frame(bundle)) for bundle, some in alike.items()]


class ShortFrames(dict[bytes, bytes]):
    """Frames for clients that read ticks, by the whole ones; each is made once for all of them.

    Emptied after each flush: what only one client gets would be kept for nobody.
    """

    __slots__ = ()

    def __missing__(self, frame: bytes) -> bytes:
        if len(self) >= SHORT_FRAMES_MAX:
            self.clear()
        self[frame] = found = short_frame(frame)
        return found


Frames = dict[tuple[bytes, ...], bytes]
"""Batches of one flush, encoded once for all clients that lack the same."""


def framed(items: list[bytes], frames: Frames) -> bytes:
    """Items as one frame, shared by all clients that lack the same."""
    if len(items) == 1:
        return items[0]
    key = tuple(items)
    frame = frames.get(key)
    if frame is None:
        frame = frames[key] = batch_frame(items)
    return frame
