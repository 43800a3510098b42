"""What a person does with sources besides commands: try one out, keep a secret, read one's own.

Secrets take no command: what is in the log is there for good, and is read by more than one.
"""

import asyncio
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from shopwire.kernel.errors import InvalidField, MalformedRequest, QueueFull
from shopwire.kernel.fetching import Marks
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.kernel.validation import check_name
from shopwire.modules.feeds.saved import profile_by_name
from shopwire.modules.sources.api import PutSource
from shopwire.modules.sources.checking import check_ids, check_source
from shopwire.services.feed_preview import Preview, preview_feed
from shopwire.services.places import FeedPlaces

LOOKS_MAX: Final = 2
"""Sources that are tried out at once; one more is told to come again."""
LOOK_RETRY_MS: Final = 5_000
"""When somebody may come again who found all places taken."""
LOOK_ROWS: Final = 20
"""Rows that are shown of a feed that is only tried out."""
SECRET_TEXT_BYTES_MAX: Final = 64 * 1024
"""Size of a secret that is sent; a larger one is refused."""
_PRIVATE: Final = {"cache-control": "no-store"}


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source that is to be tried out."""

    source: PutSource
    secret_text: str = ""
    """The secret as it was just typed; blank: the one that is kept."""


class Looked(msgspec.Struct, kw_only=True):
    """What a look found."""

    bytes: int = 0
    """As they came over the line; 0 where no file waits."""
    file: str = ""
    """Its name, where it has one."""
    more: bool = False
    """Further files wait."""
    preview: Preview | None = None
    """None where nothing is there yet."""


def source_desk_routes(
    reads: Reads, places: FeedPlaces, secret_of: Callable[[str], str]
) -> list[Any]:
    """The endpoints below `/api/sources` and `/api/secrets` that only operators may ask for."""
    free = asyncio.Semaphore(LOOKS_MAX)

    @post(
        "/api/sources/test",
        status_code=200,
        summary="Look at a source before it is kept",
        description="The body has `source`, as `sources.put_source` takes it, and `secret_text`."
        " Nothing is imported, kept or moved.",
    )
    async def test(request: Request[Any, Any, Any]) -> Response[bytes]:
        wanted = _wanted(await request.body())
        check_source(wanted.source)
        if wanted.source.place.kind == "push":
            reason = "what is pushed comes when its sender wants"
            raise InvalidField(f"place.kind: {reason}.", field="place.kind", reason=reason)
        if free.locked():
            raise QueueFull(queue="looks at sources", retry_ms=LOOK_RETRY_MS)
        async with free:
            found = await _look(reads, places, wanted)
        return Response(msgspec.json.encode(found), media_type="application/json")

    @get("/api/secrets", summary="Names of the secrets that sources and ways can use")
    async def names() -> dict[str, list[str]]:
        return {"items": await asyncio.to_thread(places.secret_names)}

    @post(
        "/api/secrets/{name:str}",
        status_code=200,
        summary="Keep a secret under a name",
        description="The body is the text. It can be replaced and used, and never be read again.",
    )
    async def keep(name: FromPath[str], request: Request[Any, Any, Any]) -> dict[str, str]:
        text = _text(await request.body())
        await asyncio.to_thread(places.keep_secret, name, text)
        return {"name": name}

    @post(
        "/api/sources/{supplier:str}/signing-secret",
        status_code=200,
        summary="What a supplier signs its pushed feeds with",
        description="For that supplier alone. It signs whatever else it sends with the same.",
    )
    async def signing(supplier: FromPath[str]) -> Response[bytes]:
        check_name(supplier, "supplier")
        check_ids(supplier, "main")
        body = msgspec.json.encode({"secret": secret_of(f"supplier:{supplier}")})
        return Response(body, media_type="application/json", headers=_PRIVATE)

    return [test, names, keep, signing]


def _wanted(body: bytes) -> Wanted:
    try:
        return msgspec.json.decode(body, type=Wanted)
    except msgspec.DecodeError as problem:
        raise MalformedRequest(str(problem), field="body", reason=str(problem)) from problem


def _text(body: bytes) -> str:
    if len(body) > SECRET_TEXT_BYTES_MAX:
        reason = f"it has at most {SECRET_TEXT_BYTES_MAX} bytes"
        raise InvalidField(f"secret: {reason}.", field="secret", reason=reason)
    try:
        return body.decode()
    except UnicodeDecodeError:
        reason = "it is text in UTF-8"
        raise InvalidField(f"secret: {reason}.", field="secret", reason=reason) from None


async def _look(reads: Reads, places: FeedPlaces, wanted: Wanted) -> Looked:
    """Opens the place and reads the first rows; raises what stands against either."""
    source = wanted.source
    chosen = source.profile and await profile_by_name(reads, DEFAULT_TENANT, source.profile)
    adapters = places.only_looking(source.place.secret, wanted.secret_text)
    async with adapters[source.place.kind].open(source.place, Marks()) as fetched:
        if fetched.file is None:
            return Looked()
        preview = await asyncio.to_thread(
            preview_feed,
            fetched.file,
            supplier=source.supplier,
            profile=chosen or None,
            encoding=source.encoding,
            currency=source.currency,
            rows_max=LOOK_ROWS,
            sketch=True,
        )
        return Looked(
            bytes=fetched.bytes,
            file=PurePosixPath(fetched.marks.name).name,
            more=fetched.more,
            preview=preview,
        )
