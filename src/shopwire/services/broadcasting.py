"""How one change goes to many screens: at once where the system can do that, else one by one."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Literal

from shopwire.adapters.ring.opening import open_ring
from shopwire.services.findings import Finding
from shopwire.sync.broadcast import Broadcast

BroadcastWay = Literal["auto", "direct"]
"""`auto`: to all at once where the kernel offers it; `direct`: to each screen by itself."""


def _nobody(event: str, **facts: object) -> None:
    """Takes no notice."""


@asynccontextmanager
async def broadcasting(
    way: BroadcastWay, log: Callable[..., object] = _nobody
) -> AsyncIterator[Broadcast]:
    """What a hub tells many screens with. Never fails: without a ring each is told by itself.

    Args:
        way: What was set.
        log: Hears `broadcast.way` with the way that is taken, and the reason where it is `direct`.
    """
    if way == "direct":
        log("broadcast.way", way="direct", reason="set so")
        yield Broadcast()
        return
    try:
        ring = open_ring()
    except OSError as problem:
        log("broadcast.way", way="direct", reason=_said(problem))
        yield Broadcast()
        return
    log("broadcast.way", way="io_uring", screens_max=ring.sockets_max)
    try:
        yield Broadcast(ring)
    finally:
        ring.close()


def broadcast_finding(way: BroadcastWay) -> Finding:
    """Which way is taken here, and why not the faster one."""
    if way == "direct":
        return Finding("broadcast", "ok", "to each screen by itself, as it is set")
    try:
        ring = open_ring()
    except OSError as problem:
        remedy = "Nothing has to be done: docs/operating/running.md, Many screens."
        return Finding("broadcast", "note", f"to each screen by itself: {_said(problem)}", remedy)
    ring.close()
    return Finding("broadcast", "ok", f"io_uring, to up to {ring.sockets_max} screens at once")


def _said(problem: OSError) -> str:
    return f"io_uring: {problem.strerror or problem}"
