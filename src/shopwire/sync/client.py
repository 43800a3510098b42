"""A Python client of the protocol: for services, tests, benchmarks and the demo."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect
from typing_extensions import override

from shopwire.sync.client_commands import Asking, Done
from shopwire.sync.codes import least_wait_ms, may_reconnect
from shopwire.sync.reducer import Change, Held, Message, ProtocolBroken, Replica, decode_server

LIVE_AGE_MS_MAX: Final = 3_000
"""An older proof is no longer live but delayed."""
DELAYED_AGE_MS_MAX: Final = 10_000
"""An older proof is stale."""
BACKOFF_MS_MIN: Final = 500
"""First wait before a reconnect, at most; jittered."""
BACKOFF_MS_MAX: Final = 30_000
"""Longest wait before a reconnect."""
DEAD_AFTER_BEATS: Final = 2.5
"""Beats missed before a connection is asked for a sign of life, and then cut."""
ANSWER_S_MAX: Final = 15.0
"""Wait for a command's answer over all of its sendings, unless the caller says otherwise."""

_LOG: Final = logging.getLogger(__name__)
_encode: Final = msgspec.json.Encoder().encode

Status = Literal["live", "delayed", "stale", "offline"]
_ABNORMAL: Final = 1006
_NO_CODE: Final = 1005


class _Listener(WSListener):
    """Hands frames on; one per connection."""

    def __init__(self, client: "SyncClient") -> None:
        super().__init__()
        self._client = client
        self.code = _ABNORMAL

    @override
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            try:
                self._client.on_message(decode_server(frame.get_payload_as_bytes()))
            except ProtocolBroken as problem:
                _LOG.warning("the server broke the protocol: %s", problem)
                self._client.broken = True
                transport.disconnect()
        elif frame.msg_type == WSMsgType.CLOSE:
            self.code = int.from_bytes(frame.get_payload_as_bytes()[:2], "big") or _NO_CODE
            transport.send_close(frame.get_close_code())
            transport.disconnect()


class SyncClient:
    """Keeps a Replica of its topics in step with a server, over reconnects.

    `await client.start()`, `client.subscribe([...])`, `await client.until(lambda: ...)`, read
    `client.replica`, `await client.stop()`. `on_change` hears of every change.
    """

    def __init__(
        self,
        url: str,
        *,
        on_change: Callable[[Change], None] | None = None,
        seed: int | None = None,
        backoff_ms_min: float = BACKOFF_MS_MIN,
    ) -> None:
        self.url = url
        self.replica = Replica()
        self.errors: list[Message] = []
        """Errors that the server sent."""
        self.close_code: int | None = None
        """How the last connection ended."""
        self.connections = 0
        self.broken = False
        self.head: list[int] = []
        self._on_change = on_change
        self._topics: dict[str, None] = {}
        self._subs: dict[int, frozenset[str]] = {}
        self._next_id = 1
        self._transport: WSTransport | None = None
        self._welcomed = False
        self._said: int | None = None
        """Epoch in the last hello: where it is another one, a reset follows the welcome."""
        self._proof_ms = 0.0
        self._heard = time.monotonic()
        self._proof_at = 0.0
        self._beat_ms = 2_000
        self._failures = 0
        self._backoff_ms_min = backoff_ms_min
        # Only spreads reconnects; nothing secret hangs on it.
        self._random = random.Random(seed)  # noqa: S311
        self._task: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._asking = Asking(self._say, self._take_id, self._until_welcomed)

    # -- for users ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Begins to connect; returns at once."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Closes and ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            self._transport, self._welcomed = None, False
            self._asking.lost()

    def subscribe(self, topics: Iterable[str]) -> None:
        """Adds topics; takes effect at once, or on connecting."""
        fresh = [topic for topic in dict.fromkeys(topics) if topic not in self._topics]
        self._topics.update(dict.fromkeys(fresh))
        if fresh and self._welcomed:
            self._sub(fresh, self.replica.versions)

    def unsubscribe(self, topics: Iterable[str]) -> None:
        """Drops topics and what is held of them."""
        gone = [topic for topic in topics if self._topics.pop(topic, self) is None]
        for topic in gone:
            self.replica.docs.pop(topic, None)
            self.replica.missed.pop(topic, None)
        if gone and self._welcomed:
            self._say({"t": "unsub", "id": self._take_id(), "topics": gone})

    async def send(
        self, operation: str, body: Any, *, key: str, timeout_s: float = ANSWER_S_MAX
    ) -> Done:
        """Sends a command, over reconnects, with one key; raises CommandRefused.

        TimeoutError where no answer came: its outcome is unknown, and the same key asks again.
        """
        async with asyncio.timeout(timeout_s):
            return await self._asking.send(operation, body, key)

    def held(self, topic: str) -> Held | None:
        """Version and document of a topic, None where nothing is known yet."""
        return self.replica.docs.get(topic)

    @property
    def age_ms(self) -> float:
        """Time since the server is known to have held everything."""
        return self._proof_ms + (time.monotonic() - self._proof_at) * 1_000

    @property
    def status(self) -> Status:
        """How far what is held can be believed."""
        if not self._welcomed:
            return "offline"
        if self.age_ms > DELAYED_AGE_MS_MAX:
            return "stale"
        return "live" if not self._subs and self.age_ms <= LIVE_AGE_MS_MAX else "delayed"

    async def until(self, condition: Callable[[], bool], timeout_s: float | None = 10.0) -> None:
        """Waits until a condition holds; it is looked at after every message."""
        if condition():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (condition, future)
        self._waiters.append(entry)
        try:
            await asyncio.wait_for(future, timeout_s)
        finally:
            if entry in self._waiters:
                self._waiters.remove(entry)

    async def until_live(self, timeout_s: float = 10.0) -> None:
        """Waits until everything that was subscribed is live."""
        await self.until(lambda: self._welcomed and not self._subs, timeout_s)

    async def _until_welcomed(self) -> None:
        await self.until(lambda: self._welcomed, None)

    def cut(self) -> None:
        """Breaks the connection without a word, as a network does."""
        if self._transport is not None:
            self._transport.disconnect(False)

    # -- messages -----------------------------------------------------------------------------

    def on_message(self, message: Message) -> None:
        """One message of the server."""
        self._heard = time.monotonic()
        kind = message["t"]
        change = self.replica.apply(message)
        if kind == "welcome":
            self._welcome(message)
        elif kind == "reset":
            self._subs.clear()
            if self._topics:
                self._sub(list(self._topics), {})
        elif kind == "beat":
            self._prove(message)
        elif kind == "live":
            self._lived(message["id"])
        elif kind == "done":
            self._asking.settle(message)
        elif kind == "error":
            self._failed(message)
        if change.missed:
            self._sub(list(change.missed), {})
        if self._on_change is not None and (change.topics or change.dropped):
            self._on_change(change)
        self._look()

    def _welcome(self, message: Message) -> None:
        self._beat_ms = message["beat_ms"]
        self._prove(message)
        self._welcomed = True
        if self._transport is not None:
            self._watch_over(self._transport)
        if self._topics and self._said in {None, message["epoch"]}:
            self._sub(list(self._topics), self.replica.versions)

    def _failed(self, message: Message) -> None:
        if self._asking.settle(message):
            return
        self.errors.append(message)
        if message["code"] == 1011 and message["id"] is not None:
            self._subs.pop(message["id"], None)

    def _lived(self, sub: int) -> None:
        self._failures = 0
        topics = self._subs.pop(sub, frozenset())
        still = topics & self.replica.missed.keys()
        if still:
            # The answer did not close the gap; this server is behind what another one showed.
            loop = asyncio.get_running_loop()
            loop.call_later(BACKOFF_MS_MIN / 1_000, self._again, still)

    def _again(self, topics: frozenset[str]) -> None:
        still = [topic for topic in topics if topic in self.replica.missed]
        if still and self._welcomed:
            self._sub(still, {})

    def _prove(self, message: Message) -> None:
        self._proof_ms = message["lag_ms"]
        self._proof_at = time.monotonic()
        self.head = message["head"]

    def _sub(self, topics: list[str], have: dict[str, int]) -> None:
        sub = self._take_id()
        self._subs[sub] = frozenset(topics)
        known = {topic: have[topic] for topic in topics if topic in have}
        self._say(
            {"t": "sub", "id": sub, "topics": topics, "have": known, "epoch": self.replica.epoch}
        )

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _say(self, message: dict[str, Any]) -> None:
        if self._transport is not None:
            self._transport.send(WSMsgType.TEXT, _encode(message))

    # -- the connection -----------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            code = await self._connect()
            self._transport, self._welcomed = None, False
            self._subs.clear()
            self._asking.lost()
            self.close_code = code
            self._look()
            if not may_reconnect(code) and not self.broken:
                _LOG.warning("%s closed for good with %s", self.url, code)
                return
            self.broken = False
            ceiling = min(BACKOFF_MS_MAX, self._backoff_ms_min * 2**self._failures)
            self._failures = min(self._failures + 1, 16)
            wait_ms = max(self._random.uniform(0, ceiling), least_wait_ms(code))
            await asyncio.sleep(wait_ms / 1_000)

    async def _connect(self) -> int:
        """One connection from hello to its end; returns the close code."""
        listener = _Listener(self)
        try:
            transport, _ = await ws_connect(
                lambda: listener, self.url, websocket_handshake_timeout=5
            )
        except (OSError, TimeoutError) as problem:
            _LOG.info("%s: %s", self.url, problem)
            return _ABNORMAL
        except Exception as problem:  # noqa: BLE001 - a refused handshake, by several types
            _LOG.warning("%s refused the handshake: %s", self.url, problem)
            return _ABNORMAL
        self._transport = transport
        self.connections += 1
        self._heard = time.monotonic()
        self._said = self.replica.epoch
        self._say({"t": "hello", "proto": 1, "epoch": self._said})
        self._watch_over(transport)
        try:
            await transport.wait_disconnected()
        finally:
            if self._watcher is not None:
                self._watcher.cancel()
            transport.disconnect(False)
        return listener.code

    def _watch_over(self, transport: WSTransport) -> None:
        """Begins to watch, at the pace that is known now."""
        if self._watcher is not None:
            self._watcher.cancel()
        self._watcher = asyncio.create_task(self._watch(transport))

    async def _watch(self, transport: WSTransport) -> None:
        """A half-open connection looks healthy: only messages prove that it lives."""
        asked = False
        while True:
            wait_ms = self._beat_ms * (1 if asked else DEAD_AFTER_BEATS)
            quiet_ms = (time.monotonic() - self._heard) * 1_000
            if quiet_ms < wait_ms:
                asked = False
                await asyncio.sleep((wait_ms - quiet_ms) / 1_000)
            elif asked:
                transport.disconnect(False)
                return
            else:
                asked = True
                self._say({"t": "ping", "id": self._take_id()})
                await asyncio.sleep(self._beat_ms / 1_000)

    def _look(self) -> None:
        """Wakes those whose condition holds now."""
        for entry in list(self._waiters):
            condition, future = entry
            if not future.done() and condition():
                future.set_result(None)
                self._waiters.remove(entry)
