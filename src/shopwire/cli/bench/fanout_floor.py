"""The floors of bench `fanout`: the same bytes to the same connections, and nothing else.

One is a loop of `socket.send`, the other hands all sends to io_uring at once. What they cost is the
kernel's, and what is above them is a server's own.
"""

import os
import socket
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server
from typing_extensions import override

from shopwire.adapters.ring.opening import open_ring
from shopwire.adapters.ring.ring import Ring
from shopwire.sync.broadcast import head_of
from shopwire.sync.protocol import short_frame

Watching = dict[str, dict[int, socket.socket]]
"""The sockets of those who watch a topic."""


class _Watcher(WSListener):
    """One connection: notes what it wants, says that it is live."""

    def __init__(self, watching: Watching) -> None:
        super().__init__()
        self._watching = watching
        self._socket: socket.socket | None = None

    @override
    def on_ws_connected(self, transport: WSTransport) -> None:
        under = transport.underlying_transport.get_extra_info("socket")
        self._socket = socket.socket(fileno=os.dup(under.fileno()))

    @override
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            return
        message = msgspec.json.decode(frame.get_payload_as_bytes())
        if message["t"] != "sub" or self._socket is None:
            return
        for topic in message["topics"]:
            self._watching.setdefault(topic, {})[self._socket.fileno()] = self._socket
        transport.send(WSMsgType.TEXT, b'{"t":"live","id":%d}' % message["id"])

    @override
    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self._socket is not None:
            for sockets in self._watching.values():
                sockets.pop(self._socket.fileno(), None)
            self._socket.close()


@asynccontextmanager
async def bare_sends(feed: Any, port: socket.socket) -> AsyncIterator[None]:
    """Screens at a port, to which the feed's changes are sent one by one."""
    watching: Watching = {}

    def send(topic: str, frame: str) -> None:
        data = _data_of(frame)
        for one in watching.get(topic, {}).values():
            one.send(data)

    feed.broadcast = send
    async with _door(watching, port):
        yield


@asynccontextmanager
async def bare_ring(feed: Any, port: socket.socket) -> AsyncIterator[None]:
    """The same by one call for all. Raises OSError where the kernel does not offer it."""
    watching: Watching = {}
    joined: dict[int, int] = {}
    places: dict[str, array[int]] = {}
    ring = open_ring()

    def send(topic: str, frame: str) -> None:
        sockets = watching.get(topic, {}).values()
        # All screens are there before the first change that counts, and stay.
        if topic not in places or len(places[topic]) != len(sockets):
            places[topic] = array("I", [_place(ring, joined, one) for one in sockets])
        ring.send(places[topic], _data_of(frame))

    feed.broadcast = send
    async with _door(watching, port):
        yield
    ring.close()


def _place(ring: Ring, joined: dict[int, int], one: socket.socket) -> int:
    file = one.fileno()
    if file not in joined:
        joined[file] = ring.join(file)
    return joined[file]


def _data_of(frame: str) -> bytes:
    tick = short_frame(frame.encode())
    return head_of(tick) + tick


@asynccontextmanager
async def _door(watching: Watching, port: socket.socket) -> AsyncIterator[None]:
    server = await ws_create_server(lambda _: _Watcher(watching), sock=port)
    async with server:
        yield
