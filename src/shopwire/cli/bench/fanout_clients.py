"""The screens of bench `fanout`: as little client as a socket needs, so that the server shows."""

import asyncio
import json
import re
import resource
import sys
import time
from collections.abc import Sequence
from typing import Final, cast

from typing_extensions import override

_NUMBER: Final = re.compile(rb'"n":(\d+)')
_HANDSHAKE: Final = (
    b"GET /sync HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
PARSED_MAX: Final = 10_000
"""Different frames that are remembered as read; then all are forgotten."""
_TOGETHER: Final = 100
"""Connections opened at once."""
_LIVE_S_MAX: Final = 20
"""Wait for them to be live; longer is a defect."""


class Arrivals:
    """What came to all screens together."""

    def __init__(self, number: re.Pattern[bytes] = _NUMBER) -> None:
        """Args: `number` finds the numbers of changes in a frame."""
        self._number = number
        self.frames = 0
        self.bytes = 0
        self.deliveries = 0
        self.first = 0
        self.last_at: dict[int, float] = {}
        """Change to the moment at which the last screen had it, or a later one."""
        self.screens_at: dict[int, int] = {}
        """Change to the number of screens that have it, or a later one."""
        self._parsed: dict[bytes, list[int]] = {}

    def start(self, first: int) -> None:
        """Counts anew, changes after `first`."""
        self.frames = self.bytes = self.deliveries = 0
        self.first = first
        self.last_at.clear()
        self.screens_at.clear()
        self._parsed.clear()

    def numbers(self, payload: bytes) -> list[int]:
        """The changes in a frame; one that many screens get is read once."""
        known = self._parsed.get(payload)
        if known is None:
            if len(self._parsed) >= PARSED_MAX:
                self._parsed.clear()
            found = self._number.findall(payload)
            known = self._parsed[payload] = [int(number) for number in found]
        return known

    def take(self, payload: bytes, seen: int) -> int:
        """Notes a frame of one screen; returns the newest change that the screen now has."""
        numbers = self.numbers(payload)
        if not numbers:
            return seen
        newest = max(numbers)
        self.frames += 1
        self.bytes += len(payload)
        self.deliveries += len(numbers)
        now = time.monotonic()
        for number in range(max(seen, self.first) + 1, newest + 1):
            self.last_at[number] = now
            self.screens_at[number] = self.screens_at.get(number, 0) + 1
        return max(seen, newest)


_PING: Final = 0x9
"""The opcode of a control frame that asks for an answer."""


class Screen(asyncio.Protocol):
    """One connection: shakes hands, subscribes, hands frames to the arrivals."""

    def __init__(self, arrivals: Arrivals, topics: Sequence[str], token: str = "") -> None:
        self._arrivals = arrivals
        self._topics = topics
        self._token = {"token": token} if token else {}
        self._seen = 0
        self._transport: asyncio.Transport | None = None
        self.renew()

    def renew(self) -> None:
        """Makes ready for another connection."""
        self._rest = b""
        self._open = False
        self.live: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def hello(self) -> None:
        """Says who it is and what it wants."""
        self.say({"t": "hello", "proto": 1, "epoch": None, "short": True, **self._token})
        self.say({"t": "sub", "id": 1, "topics": list(self._topics)})

    def heard(self, payload: bytes) -> None:
        """Hands a message to the arrivals."""
        self._seen = self._arrivals.take(payload, self._seen)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self.handshake())

    def handshake(self) -> bytes:
        """What it asks for."""
        return _HANDSHAKE

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self.live.done():
            self.live.set_exception(exc or ConnectionError("closed before live"))

    @override
    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        at = 0
        if not self._open:
            at = data.find(b"\r\n\r\n") + 4
            if at < 4:
                self._rest = data
                return
            self._open = True
            self.hello()
        self._rest = data[self._frames(data, at) :]

    def _frames(self, data: bytes, at: int) -> int:
        """Takes whole frames; returns where the first unfinished one starts."""
        end = len(data)
        while end - at >= 2:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif size == 127:
                size, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if start + size > end:
                break
            payload, kind = data[start : start + size], data[at] & 0x0F
            at = start + size
            if kind == _PING:
                self._pong(payload)
            elif payload.startswith(b'{"t":"live"') and not self.live.done():
                self.live.set_result(None)
            else:
                self.heard(payload)
        return at

    def _pong(self, payload: bytes) -> None:
        """A sign of life, as a browser gives it by itself: the server cuts who is silent."""
        if self._transport is not None:
            self._transport.write(b"\x8a" + bytes([0x80 | len(payload)]) + b"\0\0\0\0" + payload)

    def say(self, message: dict[str, object]) -> None:
        """Sends a message."""
        self.send(json.dumps(message).encode())

    def send(self, data: bytes) -> None:
        """Sends a text as it is."""
        size = bytes([0xFE]) + len(data).to_bytes(2, "big")
        if len(data) < 126:
            size = bytes([0x80 | len(data)])
        if self._transport is not None:
            self._transport.write(b"\x81" + size + b"\0\0\0\0" + data)

    def close(self) -> None:
        """Leaves."""
        if self._transport is not None:
            self._transport.abort()


async def open_screens(
    port: int, wishes: Sequence[Sequence[str]], arrivals: Arrivals, *, tokens: bool = False
) -> list[Screen]:
    """One screen for each list of topics, all live on return; `tokens`: each shows its own."""
    screens: list[Screen] = []
    for start in range(0, len(wishes), _TOGETHER):
        made = await asyncio.gather(
            *(
                _open(port, topics, arrivals, f"sh_{start + number}" if tokens else "")
                for number, topics in enumerate(wishes[start : start + _TOGETHER])
            )
        )
        await asyncio.wait_for(asyncio.gather(*(screen.live for screen in made)), _LIVE_S_MAX)
        screens += made
    return screens


async def _open(port: int, topics: Sequence[str], arrivals: Arrivals, token: str) -> Screen:
    loop = asyncio.get_running_loop()
    _, screen = await loop.create_connection(
        lambda: Screen(arrivals, topics, token), "127.0.0.1", port
    )
    return screen


def allow_files() -> int:
    """As many open files as the machine grants: a connection is one on either side."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most if most != resource.RLIM_INFINITY else sys.maxsize
