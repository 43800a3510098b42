"""Public documents by address, for caches: what stands at a version stands there for ever.

    GET /topics/stock%3AA            the newest, good for a second
    GET /topics/stock%3AA@7.12       version 12 of epoch 7, or nothing: never another one

A cache can only lead back to an older state where one address means several: so each document has
one address, spelt in one way, and an address that is not known right now is not kept by anybody.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

import msgspec

from shopwire.kernel.errors import MethodNotAllowed, NotFound, ShopwireError, StorageUnavailable
from shopwire.kernel.identity import ANONYMOUS
from shopwire.kernel.log import EventLog
from shopwire.sync.hub import Hub
from shopwire.sync.rights import Rights
from shopwire.sync.transports.refusals import NO_STORE, refuse

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

NEWEST_KEPT: Final = b"public, max-age=1, stale-while-revalidate=10, stale-if-error=86400"
"""Shown for a second, for ten more while a cache asks, for a day while we are away."""
VERSION_KEPT: Final = b"public, max-age=31536000, immutable"
UNESCAPED: Final = "!*'()"
"""Beside letters, digits and `-_.~` what `encodeURIComponent` leaves as it is."""
RETRY_MS: Final = 1_000
_BASE: Final = "/topics/"
_RIGHTS: Final = Rights()


class Place(msgspec.Struct, frozen=True):
    """What an address means."""

    topic: str
    epoch: int | None = None
    version: int | None = None


class Found(msgspec.Struct, frozen=True):
    """A document, and where in history it stands."""

    epoch: int
    version: int
    document: bytes


def address_of(topic: str, epoch: int | None = None, version: int | None = None) -> str:
    """The one address of a topic, or of one state of it."""
    named = _BASE + quote(topic, safe=UNESCAPED)
    return named if epoch is None else f"{named}@{epoch}.{version}"


def read_address(raw_path: bytes) -> Place | None:
    """What an address means; None where it is not spelt as `address_of` spells it."""
    name, at, state = raw_path.decode("latin-1").removeprefix(_BASE).partition("@")
    try:
        topic = unquote_to_bytes(name).decode()
    except UnicodeDecodeError:
        return None
    place = Place(topic)
    if at:
        epoch, dot, version = state.partition(".")
        if not (dot and epoch.isdigit() and version.isdigit() and len(state) <= 40):
            return None
        place = Place(topic, int(epoch), int(version))
    spelt = address_of(place.topic, place.epoch, place.version)
    return place if spelt.encode() == raw_path else None


class DocumentDoor:
    """ASGI application for `/topics/...`. What the hub holds is answered from there."""

    def __init__(self, hub: Hub, log: EventLog) -> None:
        self._hub, self._log = hub, log
        self._reading: dict[str, asyncio.Task[Found]] = {}
        self.reads = 0
        """Reads of the database since the start: however many ask at once, one a topic."""

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answers GET and HEAD."""
        try:
            if scope["method"] not in {"GET", "HEAD"}:
                raise MethodNotAllowed(method=scope["method"], allowed="GET, HEAD")
            place = read_address(scope.get("raw_path") or quote(scope["path"]).encode())
            if place is None:
                raise NotFound(what="document", id=str(scope["path"])[:255])
            _RIGHTS.check(ANONYMOUS, place.topic)
            found = await self._find(place)
        except ShopwireError as problem:
            await refuse(send, problem, [NO_STORE])
            return
        await _answer(scope, send, place, found)

    async def _find(self, place: Place) -> Found:
        """Raises NotFound, StorageUnavailable."""
        fanout = self._hub.fanout
        state = fanout.topics.get(place.topic)
        if state is not None and state.loaded:
            for version, document in ((state.version, state.document), *state.history):
                if place.version in {None, version} and place.epoch in {None, fanout.epoch}:
                    return _existing(place, Found(fanout.epoch, version, document))
        found = await self._read(place.topic)
        if place.version not in {None, found.version} or place.epoch not in {None, found.epoch}:
            raise NotFound(what="document", id=address_of(place.topic, place.epoch, place.version))
        return _existing(place, found)

    async def _read(self, topic: str) -> Found:
        task = self._reading.get(topic)
        if task is None:
            task = self._reading[topic] = asyncio.create_task(self._load(topic))
            task.add_done_callback(lambda _: self._reading.pop(topic, None))
        return await asyncio.shield(task)

    async def _load(self, topic: str) -> Found:
        self.reads += 1
        before = await self._log.heads()
        documents = await self._log.documents(self._hub.fanout.tenant, [topic])
        after = await self._log.heads()
        if before.epoch != after.epoch:
            # Restored just now: whose state this is cannot be told.
            raise StorageUnavailable(retry_ms=RETRY_MS)
        if not documents:
            return Found(after.epoch, 0, b"null")
        return Found(after.epoch, documents[0].version, documents[0].body)


def _existing(place: Place, found: Found) -> Found:
    if found.version == 0:
        raise NotFound(what="document", id=place.topic)
    return found


async def _answer(scope: Scope, send: Send, place: Place, found: Found) -> None:
    tag = b'"%d.%d"' % (found.epoch, found.version)
    kept = NEWEST_KEPT if place.version is None else VERSION_KEPT
    own = address_of(place.topic, found.epoch, found.version)
    headers = [
        (b"etag", tag),
        (b"cache-control", kept),
        (b"content-location", own.encode()),
        (b"access-control-allow-origin", b"*"),
    ]
    asked = dict(scope["headers"]).get(b"if-none-match", b"")
    if tag in [one.strip().removeprefix(b"W/") for one in asked.split(b",")]:
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    body = b'{"topic":%b,"epoch":%d,"v":%d,"doc":%b}' % (
        msgspec.json.encode(place.topic),
        found.epoch,
        found.version,
        found.document,
    )
    headers += [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
