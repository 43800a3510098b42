"""The ring alone: what arrives where, what is said to be missing, what a broken kernel leaves."""

import ctypes
import errno
import fcntl
import os
import socket
from array import array
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopwire.adapters.ring.kernel import ENTER, ENTRY_BYTES, Kernel
from shopwire.adapters.ring.limits import RING_BYTES_MAX, RING_SENDS_MAX
from shopwire.adapters.ring.opening import open_ring
from shopwire.adapters.ring.ring import NO_PLACE, UNKNOWN, Ring

SMALL = 16


def refusal():
    """Why the kernel does not offer it; what it then does with it is what is tested."""
    try:
        Ring(SMALL).close()
    except OSError as problem:
        return str(problem)
    return ""


pytestmark = pytest.mark.skipif(bool(refusal()), reason=f"no io_uring here: {refusal()}")


@pytest.fixture
def ring():
    with_places = Ring(SMALL)
    yield with_places
    with_places.close()


class Pair:
    """A socket in the ring, what a transport would keep for it, and the other side."""

    def __init__(self, ring, buffer_bytes=0) -> None:
        self.mine, self.theirs = socket.socketpair()
        for end in (self.mine, self.theirs):
            end.setblocking(False)
        if buffer_bytes:
            self.mine.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
        self.ring = ring
        self.place = ring.join(self.mine.fileno())
        self.waiting = b""
        self.sent = bytearray()
        self.heard = bytearray()

    def read(self, size=1 << 20):
        try:
            part = self.theirs.recv(size)
        except BlockingIOError:
            return
        self.heard += part

    def write(self, data=b""):
        self.waiting += data
        try:
            self.waiting = self.waiting[self.mine.send(self.waiting) :]
        except BlockingIOError:
            return

    def close(self):
        if self.place != NO_PLACE:
            self.ring.leave(self.place)
        self.mine.close()
        self.theirs.close()


@pytest.fixture
def pairs(ring):
    some = [Pair(ring) for _ in range(5)]
    yield some
    for pair in some:
        pair.close()


def places(pairs):
    return array("I", [pair.place for pair in pairs])


def test_each_gets_every_frame_in_order_also_where_the_ring_begins_anew(ring, pairs):
    for number in range(3 * SMALL):
        assert ring.send(places(pairs), b"%d," % number) == []
    wanted = b"".join(b"%d," % number for number in range(3 * SMALL))
    for pair in pairs:
        pair.read()
        assert pair.heard == wanted


def test_more_than_a_portion_goes_out_in_several(monkeypatch, ring, pairs):
    monkeypatch.setattr("shopwire.adapters.ring.ring.RING_SENDS_MAX", 2)
    assert RING_SENDS_MAX > 2
    assert ring.send(places(pairs), b"all of you") == []
    for pair in pairs:
        pair.read()
        assert pair.heard == b"all of you"


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("RING_SENDS_MAX", 2),
        ("RING_BYTES_MAX", 40),
        ("RING_SENDS_MAX", 9),
    ],
)
def test_each_group_gets_its_own_and_then_all_the_same(monkeypatch, ring, pairs, limit, value):
    frames = [b"%d" % number * (10 + number) for number in range(5)]
    groups = [([pair], frame) for pair, frame in zip(pairs, frames, strict=True)]
    monkeypatch.setattr(f"shopwire.adapters.ring.ring.{limit}", value)
    for _ in range(SMALL):
        assert ring.send_groups([(places(some), frame) for some, frame in groups]) == []
        assert ring.send(places(pairs), b"|all|") == []
    for pair, frame in zip(pairs, frames, strict=True):
        pair.read()
        assert pair.heard == (frame + b"|all|") * SMALL


@pytest.mark.parametrize("share", [1, 100])
def test_a_length_is_everybodys_or_it_is_taken_back(ring, pairs, share):
    """Of entries that say too much, a client would get what is behind its frame."""
    ring.fill_share = share
    late = Pair(ring)
    pairs.append(late)
    frames = [b"to all", b"to two of you", b"to all", b"to all of you", b"to all of you"]
    for frame in frames:
        some = pairs[:2] if b"two" in frame else pairs
        assert ring.send(places(some), frame) == []
    assert ring.send_groups([(places(pairs[:1]), b"one"), (places(pairs[1:2]), b"another")]) == []
    newest = Pair(ring)
    pairs.append(newest)
    assert ring.send(places(pairs), b"to all of you") == []
    whole = b"".join(frames)
    for number, pair in enumerate(pairs):
        pair.read()
        own = {0: whole + b"one", 1: whole + b"another"}.get(number, whole.replace(frames[1], b""))
        assert pair.heard == (b"" if pair is newest else own) + b"to all of you"


def test_a_group_that_is_too_long_leaves_no_trace(ring, pairs):
    groups = [(places(pairs[:1]), b"short"), (places(pairs[1:2]), b"x" * (RING_BYTES_MAX + 1))]
    with pytest.raises(ValueError, match="different structures"):
        ring.send_groups(groups)
    assert ring.send(places(pairs), b"as ever") == []
    for pair in pairs:
        pair.read()
        assert pair.heard.endswith(b"as ever")


def test_groups_that_do_not_fit_together_go_out_in_several_portions(ring, pairs):
    frames = [b"%d" % number * (RING_BYTES_MAX // 2 - 1_000) for number in range(5)]
    each = [array("I", [pair.place]) for pair in pairs]
    assert ring.send_groups(zip(each, frames, strict=True)) == []
    for pair, frame in zip(pairs, frames, strict=True):
        pair.read()
        assert pair.heard == frame


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("send"), st.integers(1, 20_000)),
            st.tuples(st.just("some"), st.integers(1, 20_000), st.integers(0, 3)),
            st.tuples(st.just("groups"), st.integers(1, 20_000), st.integers(1, 20_000)),
            st.tuples(st.just("read"), st.integers(0, 3), st.integers(1, 30_000)),
            st.tuples(st.just("drain"), st.integers(0, 3)),
            st.tuples(st.just("renew"), st.integers(0, 3)),
        ),
        max_size=60,
    )
)
def test_with_the_rest_written_by_somebody_every_stream_is_whole(steps):
    """Whoever has bytes waiting is left out, as a session that is not writable."""
    ring = Ring(4)
    ring.fill_share = 3
    pairs = [Pair(ring, 4_096 * (1 + number)) for number in range(4)]
    for number, (what, *facts) in enumerate(steps):
        if what in ("send", "some"):
            data = bytes([number % 251]) * facts[0]
            ready = [pair for pair in pairs if not pair.waiting]
            ready = [pair for pair in ready if what == "send" or pair is pairs[facts[1]]]
            undone = dict(ring.send(places(ready), data))
            for pair in ready:
                pair.sent += data
                if pair.place in undone:
                    assert 0 <= undone[pair.place] < len(data)
                    pair.write(data[undone[pair.place] :])
        elif what == "groups":
            ready = [pair for pair in pairs if not pair.waiting]
            groups = [
                (ready[half::2], bytes([(number + half) % 251]) * size)
                for half, size in enumerate(facts)
            ]
            undone = dict(ring.send_groups([(places(some), data) for some, data in groups]))
            for pair, data in [(pair, data) for some, data in groups for pair in some]:
                pair.sent += data
                if pair.place in undone:
                    pair.write(data[undone[pair.place] :])
        elif what == "read":
            pairs[facts[0]].read(facts[1])
        elif what == "drain":
            pairs[facts[0]].write()
        else:
            pairs[facts[0]].close()
            pairs[facts[0]] = Pair(ring, 4_096)
    for pair in pairs:
        while len(pair.heard) < len(pair.sent):
            pair.read()
            pair.write()
        assert pair.heard == pair.sent
        pair.close()
    ring.close()


def test_a_number_that_another_connection_got_is_not_written_to(ring, pairs):
    number = pairs[0].mine.fileno()
    pairs[0].mine.close()  # without a word to the ring
    stranger, theirs = socket.socketpair()
    with stranger, theirs:
        theirs.setblocking(False)
        if number not in (stranger.fileno(), theirs.fileno()):
            os.dup2(stranger.fileno(), number)
        assert ring.send(places(pairs), b"not yours") == []
        with pytest.raises(BlockingIOError):
            theirs.recv(1)
    pairs[0].read()
    assert pairs[0].heard == b"not yours"


def test_who_leaves_is_let_go_at_once_and_gets_nothing(ring, pairs):
    left = pairs[0]
    ring.leave(left.place)
    undone = ring.send(places(pairs), b"who is there?")
    assert undone == [(left.place, 0)]
    left.mine.close()
    assert left.theirs.recv(1) == b""
    left.place = NO_PLACE


def test_a_broken_socket_is_its_own_trouble(ring, pairs):
    pairs[2].theirs.close()
    assert ring.send(places(pairs), b"still here") == [(pairs[2].place, 0)]
    for pair in pairs[:2] + pairs[3:]:
        pair.read()
        assert pair.heard == b"still here"


def test_an_entry_that_the_kernel_does_not_even_try_is_its_own_trouble(ring, pairs):
    ring._entries[pairs[1].place * ENTRY_BYTES] = 0xFF
    assert ring.send(places(pairs), b"still here") == [(pairs[1].place, 0)]
    for pair in [pairs[0], *pairs[2:]]:
        pair.read()
        assert pair.heard == b"still here"


def test_a_full_ring_has_no_place_until_somebody_leaves(ring):
    many = [Pair(ring) for _ in range(SMALL)]
    assert ring.join(many[0].mine.fileno()) == NO_PLACE
    gone = many.pop()
    gone.close()
    again = Pair(ring)
    assert again.place == gone.place
    for pair in [*many, again]:
        pair.close()


def test_what_is_no_open_file_gets_no_place_and_takes_none(ring):
    for _ in range(2 * SMALL):
        assert ring.join(9_999) == NO_PLACE
    pair = Pair(ring)
    assert pair.place != NO_PLACE
    pair.close()


def test_a_frame_that_is_too_long_is_refused_before_anything_is_sent(ring, pairs):
    with pytest.raises(ValueError, match="different structures"):
        ring.send(places(pairs), b"x" * (RING_BYTES_MAX + 1))
    for pair in pairs:
        pair.read()
        assert pair.heard == b""


def test_a_program_that_is_started_does_not_inherit_the_ring(ring):
    assert fcntl.fcntl(ring._fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_closing_gives_every_descriptor_back():
    before = descriptors()
    for _ in range(3):
        ring = open_ring()
        assert descriptors() > before
        ring.close()
        ring.close()
        ring.leave(0)
    assert descriptors() == before


class Stopping(Kernel):
    """A kernel that does as it is told in `script` when it is called to send."""

    def __init__(self) -> None:
        super().__init__()
        self.script = []

    def enter(self, ring, submit, wait):
        if not self.script:
            return super().enter(ring, submit, wait)
        step = self.script.pop(0)
        if isinstance(step, int):
            return super().enter(ring, min(step, submit), 0)
        raise OSError(step[0], "as scripted")


@pytest.fixture
def stopping():
    kernel = Stopping()
    ring = Ring(SMALL, kernel)
    pairs = [Pair(ring) for _ in range(5)]
    yield kernel, ring, pairs
    ring.close()
    for pair in pairs:
        pair.close()


@pytest.mark.parametrize("script", [[(errno.EINTR,)], [2, (errno.EAGAIN,), 1], [(errno.EBUSY,), 0]])
def test_an_interrupted_call_is_made_again_for_the_others(stopping, script):
    kernel, ring, pairs = stopping
    kernel.script = list(script)
    assert ring.send(places(pairs), b"once") == []
    assert ring.usable
    for pair in pairs:
        pair.read()
        assert pair.heard == b"once"


@pytest.mark.parametrize("script", [[2, (errno.EBADF,)], [2] + [0] * 7])
def test_a_kernel_that_stops_in_the_middle_is_not_asked_again(stopping, script):
    kernel, ring, pairs = stopping
    kernel.script = list(script)
    undone = ring.send(places(pairs), b"once")
    assert undone == [(pair.place, 0) for pair in pairs[2:]]
    assert not ring.usable
    assert ring.join(0) == NO_PLACE
    assert ring.send(places(pairs), b"twice") == [(pair.place, 0) for pair in pairs]
    for pair in pairs:
        pair.read()
    assert [bytes(pair.heard) for pair in pairs] == [b"once"] * 2 + [b""] * 3


def test_of_a_send_that_was_taken_and_not_told_nobody_knows(stopping):
    kernel, ring, pairs = stopping

    def forget(ring_fd, submit, wait):
        Kernel.enter(kernel, ring_fd, 3, 0)
        ring._words[ring._done_at] = ring._words[ring._seen_at] + 1
        raise OSError(errno.EIO, "lost two results")

    kernel.enter = forget
    undone = dict(ring.send(places(pairs), b"once"))
    assert undone == {pair.place: UNKNOWN for pair in pairs[1:3]} | {
        pair.place: 0 for pair in pairs[3:]
    }


def test_a_kernel_without_it_says_so(monkeypatch):
    real = Kernel._checked

    def refuse(self, number, ring, *arguments: int):
        if number == ENTER:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        return real(self, number, ring, *arguments)

    monkeypatch.setattr(Kernel, "_checked", refuse)
    with pytest.raises(OSError, match="does not send here"):
        open_ring()
    monkeypatch.setattr(ctypes, "sizeof", lambda _: 4)
    with pytest.raises(OSError, match="64 bits"):
        open_ring()


def test_a_kernel_that_lets_go_late_is_not_used(monkeypatch):
    monkeypatch.setattr(Ring, "leave", lambda _ring, _place: None)
    with pytest.raises(OSError, match="late"):
        open_ring()


def test_a_smaller_ring_is_taken_where_there_is_no_memory(monkeypatch):
    real = Kernel.setup

    def poor(self, entries, params):
        if entries > 4_096:
            raise OSError(errno.ENOMEM, "no memory")
        return real(self, entries, params)

    monkeypatch.setattr(Kernel, "setup", poor)
    ring = open_ring()
    assert ring.sockets_max == 4_096
    ring.close()
