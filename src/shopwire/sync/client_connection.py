"""The connection of a Python client: one at a time, for as long as it is wanted."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect
from typing_extensions import override

from shopwire.kernel.clock import Clock
from shopwire.sync.client_hubs import Hubs
from shopwire.sync.codes import least_wait_ms, may_reconnect
from shopwire.sync.reducer import Message, ProtocolBroken, decode_server

BACKOFF_MS_MIN: Final = 500
"""First wait before a reconnect, at most; jittered."""
BACKOFF_MS_MAX: Final = 30_000
"""Longest wait before a reconnect."""
DEAD_AFTER_BEATS: Final = 2.5
"""Beats missed before a connection is asked for a sign of life, and then cut."""
CONNECT_S_MAX: Final = 5.0
"""Time that a handshake may take; then another hub, or the same one, is tried."""
PING_MS: Final = 10_000
"""Silence of ours after which the server gets a sign of life."""

_LOG: Final = logging.getLogger(__name__)
_encode: Final = msgspec.json.Encoder().encode

_ABNORMAL: Final = 1006
_NO_CODE: Final = 1005


class _Listener(WSListener):
    """Hands frames on; one per connection."""

    def __init__(self, owner: "Connection") -> None:
        super().__init__()
        self._owner = owner
        self.code = _ABNORMAL

    @override
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            try:
                self._owner.heard(decode_server(frame.get_payload_as_bytes()))
            except ProtocolBroken as problem:
                _LOG.warning("the server broke the protocol: %s", problem)
                self._owner.broken = True
                transport.disconnect()
        elif frame.msg_type == WSMsgType.CLOSE:
            self.code = int.from_bytes(frame.get_payload_as_bytes()[:2], "big") or _NO_CODE
            transport.send_close(frame.get_close_code())
            transport.disconnect()


class Connection:
    """Connects, says hello, watches for signs of life, and comes back after a wait."""

    def __init__(
        self,
        hubs: Hubs,
        clock: Clock,
        chance: random.Random,
        *,
        hello: Callable[[], Awaitable[dict[str, Any]]],
        message: Callable[[Message], None],
        lost: Callable[[], None],
        backoff_ms_min: float,
    ) -> None:
        """Nothing is connected before `run`.

        Args:
            hubs: where to.
            clock: asked for its monotonic time only.
            chance: spreads the waits.
            hello: makes the first message.
            message: takes each message that comes; may raise ProtocolBroken.
            lost: hears that a connection ended, or that none could be made.
            backoff_ms_min: ceiling of the first wait.
        """
        self.count = 0
        """Connections that were made."""
        self.close_code: int | None = None
        self.broken = False
        self.heard_ms = clock.monotonic_ms()
        """When the server was heard last."""
        self._hubs = hubs
        self._clock = clock
        self._random = chance
        self._hello = hello
        self._message = message
        self._on_lost = lost
        self._backoff_ms_min = backoff_ms_min
        self._transport: WSTransport | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._beat_ms: float = 2_000
        self._spoke_ms = self.heard_ms
        self._failures = 0

    async def run(self) -> None:
        """Until it is cancelled, or the server says never to come back."""
        try:
            while True:
                code = await self._once()
                self._gone(code)
                if not may_reconnect(code) and not self.broken:
                    _LOG.warning("%s closed for good with %s", self._hubs.current, code)
                    return
                self.broken = False
                self._hubs.failed()
                ceiling = min(BACKOFF_MS_MAX, self._backoff_ms_min * 2**self._failures)
                self._failures = min(self._failures + 1, 16)
                wait_ms = max(self._random.uniform(0, ceiling), least_wait_ms(code))
                await asyncio.sleep(wait_ms / 1_000)
        finally:
            if self._transport is not None:
                self._gone(None)

    def heard(self, message: Message) -> None:
        """One message of the server."""
        self.heard_ms = self._clock.monotonic_ms()
        self._message(message)

    def say(self, message: dict[str, Any]) -> None:
        """Sends a message; loses it where there is no connection."""
        if self._transport is not None:
            self._spoke_ms = self._clock.monotonic_ms()
            self._transport.send(WSMsgType.TEXT, _encode(message))

    def cut(self) -> None:
        """Breaks the connection without a word, as a network does."""
        if self._transport is not None:
            self._transport.disconnect(False)

    def proven(self) -> None:
        """Something went live: what is tried next starts from the shortest wait."""
        self._failures = 0

    def watch(self, beat_ms: float) -> None:
        """Begins to watch, at the pace that is known now."""
        self._beat_ms = beat_ms
        if self._watcher is not None:
            self._watcher.cancel()
        if self._transport is not None:
            self._watcher = asyncio.create_task(self._watch(self._transport))

    def _gone(self, code: int | None) -> None:
        self._transport = None
        self.close_code = code if code is not None else self.close_code
        self._on_lost()

    async def _once(self) -> int:
        """One connection from hello to its end; returns the close code."""
        listener = _Listener(self)
        address = self._hubs.current
        try:
            transport, _ = await ws_connect(
                lambda: listener, address, websocket_handshake_timeout=CONNECT_S_MAX
            )
        except (OSError, TimeoutError) as problem:
            _LOG.info("%s: %s", address, problem)
            return _ABNORMAL
        except Exception as problem:  # noqa: BLE001 - a refused handshake, by several types
            _LOG.warning("%s refused the handshake: %s", address, problem)
            return _ABNORMAL
        try:
            hello = await self._hello()
            self._transport = transport
            self.count += 1
            self.heard_ms = self._clock.monotonic_ms()
            self.say(hello)
            self.watch(self._beat_ms)
            await transport.wait_disconnected()
        finally:
            if self._watcher is not None:
                self._watcher.cancel()
            transport.disconnect(False)
        return listener.code

    async def _watch(self, transport: WSTransport) -> None:
        """A half-open connection looks healthy: only messages prove that it lives."""
        asked = False
        while True:
            wait_ms = self._beat_ms * (1 if asked else DEAD_AFTER_BEATS)
            now = self._clock.monotonic_ms()
            if now - self._spoke_ms >= PING_MS:
                self._ping()
            quiet_ms = now - self.heard_ms
            if quiet_ms < wait_ms:
                asked = False
                await asyncio.sleep((wait_ms - quiet_ms) / 1_000)
            elif asked:
                transport.disconnect(False)
                return
            else:
                asked = True
                self._ping()
                await asyncio.sleep(self._beat_ms / 1_000)

    def _ping(self) -> None:
        # Its pong is not waited for by number: whatever comes is a sign of life.
        self.say({"t": "ping", "id": 0})
