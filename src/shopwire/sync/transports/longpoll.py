"""Long-poll: the last door that every network lets through. One request, one answer, no memory.

Each request opens a session, says what the client holds, and ends it with the answer; so any hub
can take the next one. What it answers are the messages of the protocol, in their order.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from shopwire.kernel.errors import (
    BodyTooLarge,
    InvalidField,
    MalformedRequest,
    MethodNotAllowed,
    ShopwireError,
    TooManyTopics,
)
from shopwire.sync.arrivals import CallerOf, address_of_scope, arrival_of_scope
from shopwire.sync.codes import CloseCode
from shopwire.sync.hub import Hub
from shopwire.sync.limits import POLL_WAIT_MS_MAX
from shopwire.sync.protocol import PROTOCOL, Hello, Sub
from shopwire.sync.transports.refusals import refuse

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

_SUB_ID: Final = 1
_QUIET: Final = (b'{"t":"welcome"', b'{"t":"live"', b'{"t":"beat"', b'{"t":"expiring"')
"""Messages that are no reason to answer."""
_HEADERS: Final = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
]


class Poll(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a request says."""

    topics: list[str]
    have: dict[str, int] = {}
    epoch: int | None = None
    wait_ms: int = POLL_WAIT_MS_MAX
    """How long to wait where there is no news."""


class _PollWire:
    """Keeps frames until there is an answer worth giving."""

    def __init__(self, bytes_max: int) -> None:
        self.frames: list[bytes] = []
        self.worth = asyncio.Event()
        self.closed: CloseCode | None = None
        self._bytes, self._bytes_max = 0, bytes_max
        self._live = self._news = False

    def send(self, kind: int, frame: bytes) -> None:
        """Keeps a frame; news count once what was asked for is complete."""
        self.frames.append(frame)
        self._bytes += len(frame)
        self._live = self._live or frame.startswith(b'{"t":"live"')
        self._news = self._news or not frame.startswith(_QUIET)
        if (self._live and self._news) or self._bytes > self._bytes_max:
            self.worth.set()

    def ping(self) -> None:
        """There is nothing to ping: the request itself is the sign of life."""

    def progressed(self) -> bool:
        """A request that waits is not silent."""
        return True

    def close(self, code: CloseCode) -> None:
        """The hub ends the session."""
        self.closed = code
        self.worth.set()


async def serve_poll(
    hub: Hub, callers: CallerOf, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answers one request: at once where there is news, else when there is, or time is up."""
    try:
        caller, address = await callers(arrival_of_scope(scope)), address_of_scope(scope)
        hub.admit(caller, address)
        asked = await _read(hub, scope, receive)
    except ShopwireError as problem:
        await refuse(send, problem)
        return
    wire = _PollWire(hub.limits.write_high_bytes)
    session = hub.open(wire, caller, address)
    gone = asyncio.create_task(_until_gone(receive))
    worth = asyncio.create_task(wire.worth.wait())
    try:
        # A reset ends what the request stands on; the server starts everything anew by itself.
        session.standing = Sub(_SUB_ID, asked.topics)
        started_over = asked.epoch is not None and asked.epoch != hub.fanout.epoch
        session.hello(Hello(PROTOCOL, asked.epoch))
        if not started_over:
            session.sub(Sub(_SUB_ID, asked.topics, asked.have, asked.epoch))
        await asyncio.wait(
            (worth, gone),
            timeout=asked.wait_ms / 1_000,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if not gone.done():
            wire.frames.append(hub.fanout.beat_frame())
            await _answer(send, wire)
    finally:
        session.on_closed()
        for task in (worth, gone):
            task.cancel()
        await asyncio.gather(worth, gone, return_exceptions=True)


async def _answer(send: Send, wire: _PollWire) -> None:
    ended = b""
    if wire.closed is not None:
        told = {"code": int(wire.closed), "reason": wire.closed.reason}
        ended = b',"close":%b' % msgspec.json.encode(told)
    body = b'{"messages":[%b]%b}' % (b",".join(wire.frames), ended)
    headers = [*_HEADERS, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _read(hub: Hub, scope: Scope, receive: Receive) -> Poll:
    if scope["method"] != "POST":
        raise MethodNotAllowed(method=scope["method"], allowed="POST")
    limits = hub.limits
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise MalformedRequest(field="body", reason="it was cut off")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limits.message_bytes_max:
            raise BodyTooLarge(bytes_max=limits.message_bytes_max)
    try:
        asked = msgspec.json.decode(body, type=Poll)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        reason, _, field = str(problem).partition(" - at `$")
        raise MalformedRequest(field=field.strip("`.") or "body", reason=reason) from None
    if not asked.topics:
        raise MalformedRequest(field="topics", reason="at least one topic is needed")
    if len(asked.topics) > limits.topics_max:
        raise TooManyTopics(topics_max=limits.topics_max)
    if not 0 <= asked.wait_ms <= POLL_WAIT_MS_MAX:
        reason = f"0 to {POLL_WAIT_MS_MAX}"
        raise InvalidField(
            f"wait_ms takes {reason}.", field="wait_ms", reason=reason, value=asked.wait_ms
        )
    return asked


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
