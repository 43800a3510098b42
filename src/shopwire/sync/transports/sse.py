"""Server-sent events: the same session, its topics fixed, its cursor in the event's id."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from typing_extensions import override

from shopwire.kernel.errors import MalformedRequest, ShopwireError, TooManyTopics
from shopwire.sync.arrivals import CallerOf, address_of_scope, arrival_of_scope
from shopwire.sync.codes import CloseCode
from shopwire.sync.documents import NOTHING
from shopwire.sync.hub import Hub
from shopwire.sync.limits import SSE_TOPICS_MAX, Limits
from shopwire.sync.protocol import PROTOCOL, Hello, Sub
from shopwire.sync.transports.queued import QueuedWire
from shopwire.sync.transports.refusals import refuse

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

_SUB_ID: Final = 1
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class _Wanted(msgspec.Struct, frozen=True):
    """What a request asks for."""

    topics: tuple[str, ...]
    have: dict[str, int]
    epoch: int | None


class _EventWire(QueuedWire):
    """Wraps each frame into an event whose id says what was sent up to it."""

    def __init__(self, hub: Hub, limits: Limits, topics: Sequence[str]) -> None:
        super().__init__(limits)
        self._hub = hub
        self._topics = topics

    @override
    def send(self, kind: int, frame: bytes) -> None:
        """Queues a frame as an event."""
        cursor = b"" if frame.startswith(b'{"t":"beat"') else b"id: %b\n" % self._cursor()
        super().send(kind, b"%bdata: %b\n\n" % (cursor, frame))

    def _cursor(self) -> bytes:
        fanout, session = self._hub.fanout, self.session
        if session is None:
            return b"0:"
        versions: list[str] = []
        for name in self._topics:
            state = session.watched.get(name)
            version = NOTHING if state is None else session.held(state)
            versions.append("-" if version == NOTHING else str(version))
        return f"{fanout.epoch}:{'.'.join(versions)}".encode()


async def serve_events(
    hub: Hub, callers: CallerOf, scope: Scope, receive: Receive, send: Send
) -> None:
    """One event stream, until the client leaves or the server stops."""
    try:
        caller, address = await callers(arrival_of_scope(scope)), address_of_scope(scope)
        hub.admit(caller, address)
        wanted = read_request(scope)
        for topic in wanted.topics:
            hub.rights.check(caller, topic)
    except ShopwireError as problem:
        await refuse(send, problem)
        return
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    wire = _EventWire(hub, hub.limits, wanted.topics)
    session = hub.open(wire, caller, address)
    wire.session = session

    async def body(data: bytes) -> None:
        await send({"type": "http.response.body", "body": data, "more_body": True})

    session.standing = Sub(_SUB_ID, list(wanted.topics))
    pump = asyncio.create_task(wire.pump(body))
    gone = asyncio.create_task(_until_gone(receive))
    try:
        started_over = wanted.epoch is not None and wanted.epoch != hub.fanout.epoch
        session.hello(Hello(PROTOCOL, wanted.epoch))
        if not started_over:
            session.sub(Sub(_SUB_ID, list(wanted.topics), wanted.have, wanted.epoch))
        await asyncio.wait((pump, gone), return_when=asyncio.FIRST_COMPLETED)
        if pump.done() and not gone.done():
            await body(_goodbye(pump.result()))
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        session.on_closed()
        for task in (pump, gone):
            task.cancel()
        await asyncio.gather(pump, gone, return_exceptions=True)


def read_request(scope: Scope) -> _Wanted:
    """Reads topics and cursor; raises MalformedRequest, TooManyTopics."""
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    topics = tuple(dict.fromkeys(value for name, value in query if name == "topic"))
    if not topics:
        raise MalformedRequest(field="topic", reason="at least one topic is needed")
    if len(topics) > SSE_TOPICS_MAX:
        raise TooManyTopics(topics_max=SSE_TOPICS_MAX)
    headers = {name.lower(): value for name, value in scope["headers"]}
    cursor = headers.get(b"last-event-id", b"").decode("latin-1")
    if cursor:
        return _read_cursor(cursor, topics)
    have: dict[str, int] = {}
    epoch: int | None = None
    for name, value in query:
        if name == "have":
            topic, _, version = value.rpartition("@")
            have[topic] = _number(version, "have")
        elif name == "epoch":
            epoch = _number(value, "epoch")
    return _Wanted(topics, have, epoch)


def _read_cursor(cursor: str, topics: tuple[str, ...]) -> _Wanted:
    """Going on silently with a cursor that is not understood would hide a gap."""
    epoch, _, rest = cursor.partition(":")
    versions = rest.split(".")
    if len(versions) != len(topics):
        raise MalformedRequest(field="Last-Event-ID", reason="it belongs to other topics")
    have = {
        topic: _number(version, "Last-Event-ID")
        for topic, version in zip(topics, versions, strict=True)
        if version != "-"
    }
    return _Wanted(topics, have, _number(epoch, "Last-Event-ID"))


def _number(text: str, field: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 16:
        raise MalformedRequest(field=field, reason="a whole number was expected")
    return int(text)


def _goodbye(code: CloseCode) -> bytes:
    return b"event: close\ndata: %b\n\n" % msgspec.json.encode(
        {"code": int(code), "reason": code.reason}
    )


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
