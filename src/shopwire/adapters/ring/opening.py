"""A ring where there is one that works; else why there is none."""

import errno
import resource
import socket
from array import array
from typing import Final

from shopwire.adapters.ring.limits import RING_SOCKETS_MAX, RING_SOCKETS_MIN
from shopwire.adapters.ring.ring import NO_PLACE, Ring

_PROBE: Final = b"is it there?"


def open_ring() -> Ring:
    """A ring that was seen to work; raises OSError that says why there is none."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    sockets = RING_SOCKETS_MAX
    while files != resource.RLIM_INFINITY and sockets > files and sockets > RING_SOCKETS_MIN:
        sockets //= 2
    ring = _largest(sockets)
    try:
        _try(ring)
    except BaseException:
        ring.close()
        raise
    return ring


def _largest(sockets: int) -> Ring:
    while True:
        try:
            return Ring(sockets)
        except OSError as problem:
            if problem.errno != errno.ENOMEM or sockets <= RING_SOCKETS_MIN:
                raise
        sockets //= 2


def _try(ring: Ring) -> None:
    """Raises OSError where a send does not arrive, or a socket stays open that was let go.

    Kernels before 6.5 may keep it for a second, during which its other side learns nothing.
    """
    mine, theirs = socket.socketpair()
    with mine, theirs:
        mine.setblocking(False)
        theirs.setblocking(False)
        place = ring.join(mine.fileno())
        if place == NO_PLACE or ring.send(array("I", [place]), _PROBE):
            raise OSError(errno.EOPNOTSUPP, "io_uring does not send here")
        if theirs.recv(len(_PROBE)) != _PROBE:
            raise OSError(errno.EIO, "io_uring sends something else here")
        ring.leave(place)
        mine.close()
        try:
            theirs.recv(1)
        except BlockingIOError:
            raise OSError(errno.EBUSY, "this kernel's io_uring lets go of sockets late") from None
