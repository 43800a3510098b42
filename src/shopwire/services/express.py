"""Doors that are asked many times a second, past the framework: the same guard, the same words.

What Litestar does for one request (a handler copied for its guards, three layers of middleware,
connection objects) takes longer than a webhook that says what is known already. The routes stay
in its table, for the schema, for other methods and for whatever spells an address differently.
"""

import gzip
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
import structlog
from litestar.config.cors import CORSConfig

from shopwire.kernel.errors import BodyTooLarge, InternalError, ShopwireError
from shopwire.kernel.identity import Caller
from shopwire.kernel.ids import new_id
from shopwire.services.route_rights import RouteGuard
from shopwire.sync.transports.refusals import refuse

COMPRESSED_BYTES_MIN: Final = 1_024
"""Smaller answers are sent as they are: compressing them costs more than it saves."""
COMPRESSION_LEVEL: Final = 5
"""Of gzip."""

_log: Final = structlog.get_logger()

Headers = list[tuple[bytes, bytes]]


class Asked(msgspec.Struct, frozen=True):
    """One request that was let in."""

    caller: Caller
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes
    name: str
    """What stands in the place of the address; empty where it has none."""


class Told(msgspec.Struct, frozen=True):
    """Its answer, as JSON."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = {}


class QuickDoor(msgspec.Struct, frozen=True, kw_only=True):
    """A door that takes POST at one address, or at one with a name as its last part."""

    template: str
    """The address as rights and figures name it, for example `/api/webhooks/payments/{provider}`.
    """
    bytes_max: int
    """Longest body; a longer one is refused with BodyTooLarge."""
    take: Callable[[Asked], Awaitable[Told]]
    """Raises errors of the table; anything else is a defect."""


class Express:
    """ASGI application of some doors."""

    def __init__(self, doors: Iterable[QuickDoor], guard: RouteGuard, cors: CORSConfig) -> None:
        self._guard, self._cors = guard, cors
        shared = cors.simple_headers | {
            "access-control-allow-headers": ", ".join(sorted(set(cors.allow_headers))),
            "access-control-allow-methods": ", ".join(sorted(set(cors.allow_methods))),
        }
        self._shared = _encoded(shared)
        self._exact: dict[str, QuickDoor] = {}
        self._named: dict[str, tuple[QuickDoor, str]] = {}
        for door in doors:
            folder, _, last = door.template.rpartition("/")
            if last.startswith("{"):
                self._named[folder] = (door, last.strip("{}"))
            else:
                self._exact[door.template] = door

    def takes(self, scope: Mapping[str, Any]) -> bool:
        """Whether the request is for one of the doors; notes which in the scope."""
        if scope["method"] != "POST":
            return False
        path: str = scope["path"]
        return path in self._exact or (path.rpartition("/")[0] in self._named and path[-1] != "/")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers a request that `takes` let through."""
        path: str = scope["path"]
        door, name, parameters = self._exact.get(path), "", {}
        if door is None:
            folder, _, name = path.rpartition("/")
            door, parameter = self._named[folder]
            parameters = {parameter: name}
        scope["path_template"] = door.template
        headers = {
            key.decode("latin-1").lower(): value.decode("latin-1")
            for key, value in scope["headers"]
        }
        origin = headers.get("origin")
        sent = [] if origin is None else self._told_to(origin)
        try:
            caller = await self._guard.admit(scope, door.template, parameters)
            body = await _read(receive, headers, door.bytes_max)
            if body is None:
                return  # nobody is there any more
            told = await door.take(Asked(caller, headers, body, name))
        except ShopwireError as problem:
            await refuse(send, problem, sent)
            return
        except Exception as problem:  # noqa: BLE001 - told without details, which are in the log
            incident = new_id()
            _log.error("http.defect", incident=incident, path=path, exc_info=problem)
            await refuse(send, InternalError(incident=incident), sent)
            return
        answer = told.body
        if len(answer) >= COMPRESSED_BYTES_MIN and "gzip" in headers.get("accept-encoding", ""):
            answer = gzip.compress(answer, COMPRESSION_LEVEL)
            sent += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
        sent += [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(answer)),
            *_encoded(told.headers),
        ]
        await send({"type": "http.response.start", "status": told.status, "headers": sent})
        await send({"type": "http.response.body", "body": answer, "more_body": False})

    def _told_to(self, origin: str) -> Headers:
        """What a browser has to know before a page of that origin may read the answer."""
        if self._cors.is_allow_all_origins or not self._cors.is_origin_allowed(origin):
            return [*self._shared]
        told = (b"access-control-allow-origin", origin.encode("latin-1"))
        return [*self._shared, told, (b"vary", b"Origin")]


def _encoded(headers: Mapping[str, str]) -> Headers:
    return [(name.lower().encode(), text.encode()) for name, text in headers.items()]


async def _read(receive: Any, headers: Mapping[str, str], bytes_max: int) -> bytes | None:
    """The body; None where the client left in the middle. Raises BodyTooLarge."""
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > bytes_max:
        raise BodyTooLarge(bytes_max=bytes_max)
    parts, length = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > bytes_max:
            raise BodyTooLarge(bytes_max=bytes_max)
        if not message.get("more_body", False):
            return b"".join(parts)
