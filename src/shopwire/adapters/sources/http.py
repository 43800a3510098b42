"""A feed at an address: asked for whether it changed, taken piece by piece, unpacked with care."""

import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Final, Never
from urllib.parse import quote, urljoin, urlsplit

import httpx2
from typing_extensions import override

from shopwire.adapters.outbound import CONNECT_S_MAX, NOTHING, Allowed, guarded_client
from shopwire.adapters.sources.spool import (
    Bounds,
    SecretFiles,
    Spool,
    in_time,
    spooled,
    too_large,
)
from shopwire.kernel.fetching import (
    IDLE_SECONDS_MAX,
    REDIRECTS_MAX,
    UNPACK_FREE_BYTES,
    UNPACK_RATIO_MAX,
    FeedSource,
    Fetched,
    Marks,
    Place,
)
from shopwire.kernel.source_errors import SourceRefused, SourceUnreachable

SECRET_PLACE: Final = "{secret}"  # noqa: S105 - where a secret goes, and none itself
"""What an address has in place of its secret."""
RETRY_SECONDS_MAX: Final = 6 * 3_600
"""Longest rest that a source may ask for."""
_NO_FEEDS: Final = ("text/html", "application/xhtml", "image/", "video/", "audio/", "font/")
"""Kinds of content that are never a feed: a login page, a picture."""
_MEANT: Final = {
    401: "it wants another secret",
    403: "it lets nobody in with this secret",
    404: "there is nothing at this address",
    410: "there is nothing there any more",
}
_PIECE_BYTES: Final = 64 * 1024


class HttpSource(FeedSource):
    """GET with the marks of the last answer; each redirect is looked at before it is followed."""

    def __init__(
        self, secrets: SecretFiles, allowed: Allowed = NOTHING, bounds: Bounds | None = None
    ) -> None:
        self._secrets, self._allowed = secrets, allowed
        self._bounds = bounds or Bounds()

    @override
    @asynccontextmanager
    async def open(self, place: Place, marks: Marks) -> AsyncIterator[Fetched]:
        address, headers = self._request(place, marks)
        async with spooled(self._bounds) as spool:
            async with (
                in_time(self._bounds),
                guarded_client(self._allowed, timeout_s=IDLE_SECONDS_MAX) as client,
            ):
                fetched = await self._fetch(client, place, address, headers, marks, spool)
            # The line is closed by now: an import may take longer than it should be held.
            yield fetched

    def _request(self, place: Place, marks: Marks) -> tuple[str, dict[str, str]]:
        headers = {"Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": "Shopwire"}
        address = place.address
        if place.secret:
            secret = self._secrets.read(place.secret)
            if SECRET_PLACE in address:
                address = address.replace(SECRET_PLACE, quote(secret, safe=""))
            elif secret.isascii() and secret.isprintable():
                headers[place.header] = secret
            else:
                raise SourceRefused(reason="the secret has characters that no header has")
        if marks.etag:
            headers["If-None-Match"] = marks.etag
        if marks.last_modified:
            headers["If-Modified-Since"] = marks.last_modified
        return address, headers

    async def _fetch(
        self,
        client: httpx2.AsyncClient,
        place: Place,
        address: str,
        headers: dict[str, str],
        marks: Marks,
        spool: Spool,
    ) -> Fetched:
        try:
            for _ in range(REDIRECTS_MAX + 1):
                request = client.build_request("GET", address, headers=headers)
                request.extensions["timeout"] = _timeouts()
                response = await client.send(request, stream=True)
                try:
                    if response.status_code not in (301, 302, 303, 307, 308):
                        return await _taken(response, place, marks, spool)
                    address, headers = _onwards(address, headers, place, response)
                finally:
                    await response.aclose()
        except httpx2.TimeoutException as problem:
            reason = f"nothing came for {IDLE_SECONDS_MAX} s"
            if isinstance(problem, httpx2.ConnectTimeout):
                reason = "no connection came about"
            raise SourceUnreachable(f"It does not answer: {reason}.", reason=reason) from None
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
            raise SourceRefused(reason="its address cannot be used") from None
        except httpx2.HTTPError as problem:
            # The text of some of these has the address in it, and with that perhaps the secret.
            reason = _because(problem)
            raise SourceUnreachable(reason=reason) from None
        reason = f"it redirects more than {REDIRECTS_MAX} times"
        raise SourceRefused(f"The source gives no feed: {reason}.", reason=reason)


def _timeouts() -> dict[str, float]:
    idle = float(IDLE_SECONDS_MAX)
    return {"connect": CONNECT_S_MAX, "read": idle, "write": idle, "pool": idle}


def _because(problem: Exception) -> str:
    if isinstance(problem, httpx2.ConnectError):
        return "no connection came about"
    return f"the connection broke off ({type(problem).__name__})"


def _onwards(
    address: str, headers: dict[str, str], place: Place, response: httpx2.Response
) -> tuple[str, dict[str, str]]:
    """Where a redirect leads. A secret goes to no other host, and never from TLS to plain text."""
    target = urljoin(address, response.headers.get("location", ""))
    before, after = urlsplit(address), urlsplit(target)
    if after.scheme not in ("http", "https") or not after.hostname or target == address:
        raise SourceRefused(
            "The source redirects to nowhere.", reason="its redirect leads to no address"
        )
    if before.scheme == "https" and after.scheme == "http":
        raise SourceRefused(
            "The source redirects to an address without TLS.",
            reason="its redirect leads from https to http",
        )
    if (before.scheme, before.netloc) != (after.scheme, after.netloc):
        headers = {key: value for key, value in headers.items() if key != place.header}
    return target, headers


async def _taken(response: httpx2.Response, place: Place, marks: Marks, spool: Spool) -> Fetched:
    status = response.status_code
    if status == 304:
        if not (marks.etag or marks.last_modified):
            raise SourceRefused(
                reason="it says that nothing changed, and was not asked", status=304
            )
        return Fetched(marks=marks, confirmed=True)
    if status != 200:
        _refuse(response)
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith(_NO_FEEDS):
        raise SourceRefused(
            f"The source sends {kind[:60]}: that is no feed.", reason=f"it sends {kind[:60]}"
        )
    length = response.headers.get("content-length", "")
    bytes_max = spool.bytes_max
    if length.isdecimal() and int(length) > bytes_max:
        raise too_large(bytes_max, f"it announces {length} bytes")
    unpack = _unpacker(response.headers.get("content-encoding", ""), bytes_max)
    async for piece in response.aiter_raw(_PIECE_BYTES):
        first = True
        for part in unpack(piece):
            await spool.take(part, len(piece) if first else 0)
            first = False
        if first:
            await spool.take(b"", len(piece))
    for part in unpack(b""):
        await spool.take(part, 0)
    stamp = response.headers.get("last-modified", "")
    found = Marks(
        etag=response.headers.get("etag", "")[:500],
        last_modified=stamp[:100],
        name=urlsplit(place.address).path.rpartition("/")[2][:200],
        bytes=spool.size,
        modified_ms=_moment_ms(stamp),
        digest=spool.done(),
    )
    return Fetched(file=spool.file, marks=found, bytes=spool.came)


def _refuse(response: httpx2.Response) -> Never:
    status = response.status_code
    if status in (408, 425, 429) or status >= 500:
        asked = response.headers.get("retry-after", "")
        seconds = min(int(asked), RETRY_SECONDS_MAX) if asked.isdecimal() else 0
        raise SourceUnreachable(reason=f"it answered {status}", retry_ms=seconds * 1_000)
    reason = _MEANT.get(status, f"it answered {status}")
    raise SourceRefused(f"The source answered {status}: {reason}.", reason=reason, status=status)


def _unpacker(encoding: str, bytes_max: int) -> Callable[[bytes], Iterator[bytes]]:
    """Unpacks a body that was packed for the way, in pieces and within its limits.

    Raises SourceTooLarge for one that grows too much, and SourceRefused for a packing that was not
    asked for. An empty piece means the end.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return lambda piece: iter((piece,) if piece else ())
    if name not in ("gzip", "x-gzip"):
        raise SourceRefused(reason=f"it is packed as {name[:40]!r}, which was not asked for")
    inflater = zlib.decompressobj(wbits=31)
    came = grown = 0

    def unpack(piece: bytes) -> Iterator[bytes]:
        nonlocal came, grown
        came += len(piece)
        left = piece
        if not piece and not inflater.eof:
            raise SourceUnreachable("It broke off.", reason="the packed body has no end")
        while left and not inflater.eof:
            try:
                part = inflater.decompress(left, _PIECE_BYTES)
            except zlib.error:
                raise SourceRefused(reason="its packed body cannot be unpacked") from None
            left = inflater.unconsumed_tail
            grown += len(part)
            if grown > min(bytes_max, UNPACK_FREE_BYTES + came * UNPACK_RATIO_MAX):
                raise too_large(bytes_max, f"{came} bytes unpack to more than {grown - 1}")
            if part:
                yield part

    return unpack


def _moment_ms(stamp: str) -> int:
    try:
        return int(parsedate_to_datetime(stamp).timestamp() * 1_000) if stamp else 0
    except (ValueError, TypeError, OverflowError):
        return 0
