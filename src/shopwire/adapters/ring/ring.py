"""The same bytes to many sockets by one call of the kernel.

Each socket has a *place*: an entry of the ring, and a file of the ring's own table. So an entry
means the socket and not its number, which the process may have given to another connection
meanwhile: what was not taken out in time is sent to nobody else.

Between two calls all entries name the start of one buffer and one length. To prepare a broadcast is
to copy the bytes and the numbers of the places, and to write the length where it is another one.
Nothing is ever waited for: a socket that is full says so.
"""

import ctypes
import errno
import mmap
import os
import socket
import struct
from array import array
from collections.abc import Iterable, Iterator
from typing import Final

from shopwire.adapters.ring.kernel import (
    ENTRY_ADDRESS_AT,
    ENTRY_BYTES,
    ENTRY_FORMAT,
    ENTRY_LENGTH_AT,
    FEATURE_SINGLE_MMAP,
    FIXED_FILE,
    OFFSET_ENTRIES,
    OP_SEND,
    RESULT_BYTES,
    RESULT_VALUE_AT,
    RESULT_WORDS,
    SETUP_CQSIZE,
    Kernel,
    Params,
)
from shopwire.adapters.ring.limits import (
    RING_BYTES_MAX,
    RING_ENTERS_MAX,
    RING_FILL_SHARE,
    RING_SENDS_MAX,
    RING_SOCKETS_MAX,
)

NO_PLACE: Final = -1
UNKNOWN: Final = -1
"""Sent, of a socket of which nobody can say what it took: it must not be written to any more."""
_WORD: Final = 0xFFFF_FFFF
_QUADS: Final = ENTRY_BYTES // 8
_ENTRY_WORDS: Final = ENTRY_BYTES // 4
_AGAIN: Final = frozenset({errno.EINTR, errno.EAGAIN, errno.EBUSY})


class Ring:
    """Sockets in places, and one way to send to many of them. For the thread that made it."""

    bytes_max: Final = RING_BYTES_MAX
    fill_share = RING_FILL_SHARE

    def __init__(self, sockets_max: int = RING_SOCKETS_MAX, kernel: Kernel | None = None) -> None:
        """Raises OSError where the kernel does not offer it, or not to us."""
        self._kernel = kernel or Kernel()
        self.sockets_max: Final = sockets_max
        params = Params(cq_entries=sockets_max, flags=SETUP_CQSIZE)
        self._fd = self._kernel.setup(sockets_max, params)
        try:
            self._kernel.register_files(self._fd, [NO_PLACE] * sockets_max)
            self._share(params)
        except BaseException:
            os.close(self._fd)
            raise
        self._free: list[int] = []
        self._next = 0
        self.usable = True
        """False once the kernel did not do as it should, and after `close`."""

    def join(self, file: int) -> int:
        """A place for an open socket, which has to be nonblocking; NO_PLACE where there is none."""
        if not self.usable or not (self._free or self._next < self.sockets_max):
            return NO_PLACE
        if self._free:
            place = self._free.pop()
        else:
            place, self._next = self._next, self._next + 1
            self._lengths[place] = self._length
        try:
            self._kernel.put_file(self._fd, place, file)
        except OSError:
            # Not a file that a ring may hold: whatever it is, it is written to as ever.
            self._free.append(place)
            return NO_PLACE
        return place

    def leave(self, place: int) -> None:
        """Lets go of the socket: until then it stays open, whoever closes it."""
        if self._fd >= 0:
            self._kernel.put_file(self._fd, place, NO_PLACE)
            self._free.append(place)

    def send(self, places: "array[int]", data: bytes) -> list[tuple[int, int]]:
        """Sends the same to all places, no place twice; returns what is not done.

        That is places with how many bytes their sockets took before they were full or broken, which
        is all the same here: whoever writes the rest learns which. Raises ValueError for more than
        `bytes_max`.
        """
        size = len(data)
        self._bytes[:size] = data
        undone: list[tuple[int, int]] = []
        if size != self._length and len(places) * self.fill_share < self._next:
            sizes, starts = array("i", [size]) * len(places), array("I", [0]) * len(places)
            self._various(places, sizes, starts, undone)
            return undone
        self._fill(size)
        for first in range(0, len(places), RING_SENDS_MAX):
            some = places[first : first + RING_SENDS_MAX]
            self._portion(some, array("i", [size]) * len(some), undone)
        return undone

    def send_groups(self, groups: "Iterable[tuple[array[int], bytes]]") -> list[tuple[int, int]]:
        """As `send`, to several groups at once, each with its own bytes; no place is in two."""
        undone: list[tuple[int, int]] = []
        places, sizes, starts, used = array("I"), array("i"), array("I"), 0
        for some, data in groups:
            size = len(data)
            if len(places) + len(some) > RING_SENDS_MAX or used + size > RING_BYTES_MAX:
                self._various(places, sizes, starts, undone)
                places, sizes, starts, used = array("I"), array("i"), array("I"), 0
            self._bytes[used : used + size] = data
            places.extend(some)
            sizes.extend([size] * len(some))
            starts.extend([used] * len(some))
            used += size
        self._various(places, sizes, starts, undone)
        return undone

    def close(self) -> None:
        """Gives everything back; sockets that are still in their places are let go."""
        self.usable = False
        if self._fd < 0:
            return
        views = (self._queue, self._results, self._words, self._addresses, self._lengths)
        for view in views:
            view.release()
        self._rings.close()
        self._entries.close()
        os.close(self._fd)
        self._fd = -1

    # -- inside -------------------------------------------------------------------------------

    def _share(self, params: Params) -> None:
        """Maps what the kernel and this process both see, and writes every entry."""
        if not params.features & FEATURE_SINGLE_MMAP:
            raise OSError(errno.ENOSYS, "io_uring is too old")
        sq, cq, entries = params.sq_off, params.cq_off, params.sq_entries
        results = cq.results, cq.results + params.cq_entries * RESULT_BYTES
        self._rings = mmap.mmap(self._fd, max(sq.array + entries * 4, results[1]))
        self._entries = mmap.mmap(self._fd, entries * ENTRY_BYTES, offset=OFFSET_ENTRIES)
        self._words = memoryview(self._rings).cast("I")
        self._queue = self._words[sq.array // 4 : sq.array // 4 + entries]
        self._results = memoryview(self._rings)[slice(*results)].cast("i")
        self._head_at, self._tail_at = sq.head // 4, sq.tail // 4
        self._seen_at, self._done_at = cq.head // 4, cq.tail // 4
        buffer = ctypes.create_string_buffer(RING_BYTES_MAX)
        self._bytes = memoryview(buffer).cast("B")
        self._start = ctypes.addressof(buffer)
        flags = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
        for place in range(self.sockets_max):
            entry = (OP_SEND, FIXED_FILE, 0, place, 0, self._start, 0, flags, place)
            struct.pack_into(ENTRY_FORMAT, self._entries, place * ENTRY_BYTES, *entry)
        self._addresses = memoryview(self._entries).cast("Q")[ENTRY_ADDRESS_AT::_QUADS]
        self._lengths = memoryview(self._entries).cast("I")[ENTRY_LENGTH_AT::_ENTRY_WORDS]
        self._length = 0

    def _fill(self, size: int) -> None:
        """Writes a length into all entries that are in use."""
        if size != self._length:
            self._lengths[: self._next] = array("I", [size]) * self._next
            self._length = size

    def _various(
        self,
        places: "array[int]",
        sizes: "array[int]",
        starts: "array[int]",
        undone: list[tuple[int, int]],
    ) -> None:
        """Sends to each place so much from so far on, and makes all entries alike again."""
        try:
            for place, size, start in zip(places, sizes, starts, strict=True):
                self._lengths[place] = size
                self._addresses[place] = self._start + start
            self._portion(places, sizes, undone)
        finally:
            for place in places:
                self._addresses[place] = self._start
                self._lengths[place] = self._length

    def _portion(
        self, places: "array[int]", sizes: "array[int]", undone: list[tuple[int, int]]
    ) -> None:
        count = len(places)
        if not self.usable:
            undone += [(place, 0) for place in places]
            return
        tail = self._words[self._tail_at]
        room = len(self._queue) - tail % len(self._queue)
        with memoryview(places) as numbers:
            self._queue[tail % len(self._queue) :][:count] = numbers[:room]
            if count > room:
                self._queue[: count - room] = numbers[room:]
        self._words[self._tail_at] = (tail + count) & _WORD
        # The kernel looks at these words in the call that follows, on this very processor.
        if self._enter(count):
            if not self._all_sent(sizes):
                known = self._known(count)
                wanted = zip(places, sizes, strict=True)
                undone += [(p, max(0, known[p])) for p, size in wanted if known[p] != size]
            self._words[self._seen_at] = self._words[self._done_at]
        else:
            self._give_up(places, (self._words[self._head_at] - tail) & _WORD, sizes, undone)

    def _enter(self, count: int) -> bool:
        """Whether all sends of a portion were done."""
        left = count
        for _ in range(RING_ENTERS_MAX):
            try:
                left -= self._kernel.enter(self._fd, left, count)
            except OSError as problem:
                if problem.errno not in _AGAIN:
                    return False
            if self._done() == count:
                return True
        return False

    def _done(self) -> int:
        done: int = (self._words[self._done_at] - self._words[self._seen_at]) & _WORD
        return done

    def _news(self, count: int) -> Iterator["memoryview[int]"]:
        """The newest results, in one piece or in two."""
        whole = len(self._results) // RESULT_WORDS
        first = self._words[self._seen_at] % whole
        end = min(first + count, whole)
        yield self._results[first * RESULT_WORDS : end * RESULT_WORDS]
        if first + count > whole:
            yield self._results[: (first + count - whole) * RESULT_WORDS]

    def _all_sent(self, sizes: "array[int]") -> bool:
        """Whether all went out whole. Results come in the order of the sends, since none waits."""
        first = 0
        with memoryview(sizes) as wanted:
            for words in self._news(len(sizes)):
                values = words[RESULT_VALUE_AT::RESULT_WORDS]
                if values != wanted[first : first + len(values)]:
                    return False
                first += len(values)
        return True

    def _known(self, count: int) -> dict[int, int]:
        """What the newest results say, by place."""
        known: dict[int, int] = {}
        for words in self._news(count):
            known |= zip(words[::RESULT_WORDS], words[RESULT_VALUE_AT::RESULT_WORDS], strict=True)
        return known

    def _give_up(
        self,
        places: "array[int]",
        taken: int,
        sizes: "array[int]",
        undone: list[tuple[int, int]],
    ) -> None:
        """The kernel stopped in the middle: says what is known, and never calls it again."""
        self.usable = False
        known = self._known(self._done())
        for number, place in enumerate(places):
            sent = known.get(place, UNKNOWN if number < taken else 0)
            if sent != sizes[number]:
                undone.append((place, max(0, sent) if place in known else sent))
