"""Frames of one flush: clients that lack the same items share one."""

from shopwire.sync.limits import SHORT_FRAMES_MAX
from shopwire.sync.protocol import batch_frame, short_frame


class Bundles:
    """Lists of items, by number. 0 is the empty one; each other is an earlier one and an item.

    Which items a client lacks is so found with one look-up a topic, however many it lacks.
    """

    __slots__ = ("_frames", "_items", "_shorter", "_shorts")

    def __init__(self) -> None:
        self._shorter = [0]
        self._items = [b""]
        self._frames: dict[int, bytes] = {}
        self._shorts: dict[int, bytes] = {}

    def adding(self, item: bytes) -> "dict[int, int]":
        """The number of a bundle with `item` behind it, by the number of the bundle without."""
        return _Adding(self, item)

    def longer(self, bundle: int, item: bytes) -> int:
        """A new bundle."""
        self._shorter.append(bundle)
        self._items.append(item)
        return len(self._items) - 1

    def frame(self, bundle: int) -> bytes:
        """The frame of a bundle that is not empty, encoded once."""
        frame = self._frames.get(bundle)
        if frame is None:
            frame = self._frames[bundle] = self._encode(bundle)
        return frame

    def short(self, bundle: int) -> bytes:
        """The same for clients that read ticks."""
        frame = self._shorts.get(bundle)
        if frame is None:
            frame = self._shorts[bundle] = short_frame(self.frame(bundle))
        return frame

    def _encode(self, bundle: int) -> bytes:
        if not self._shorter[bundle]:
            return self._items[bundle]
        items = []
        while bundle:
            items.append(self._items[bundle])
            bundle = self._shorter[bundle]
        return batch_frame(reversed(items))


class _Adding(dict[int, int]):
    __slots__ = ("_bundles", "_item")

    def __init__(self, bundles: Bundles, item: bytes) -> None:
        super().__init__()
        self._bundles = bundles
        self._item = item

    def __missing__(self, bundle: int) -> int:
        self[bundle] = found = self._bundles.longer(bundle, self._item)
        return found


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
