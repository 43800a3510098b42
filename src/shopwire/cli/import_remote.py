"""Sends a feed to a running server: the same import, behind its HTTP door."""

import contextlib
import ssl
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

import msgspec

from shopwire.kernel.errors import ErrorBody, SetupProblem, ShopwireError, error_table
from shopwire.services.importing import ImportRequest, Summary

PIECE_BYTES: Final = 256 * 1024
ANSWER_S_MAX: Final = 3_600.0
"""How long the server may take for a feed before the command gives up; the import goes on."""

Sent = Callable[[int], None]
"""Told how many bytes have been sent."""


def send_feed(url: str, request: ImportRequest, file: Path, sent: Sent) -> Summary:
    """Sends a file and returns the server's summary; raises what the server answered instead.

    Raises SetupProblem where there is no server at `url`, or none of ours.
    """
    split = urlsplit(url)
    if split.scheme not in ("http", "https") or not split.hostname:
        reason = "it looks like http://127.0.0.1:8000"
        raise SetupProblem(f"{url!r} is no address of a server.", what="server", reason=reason)
    connection = (
        HTTPSConnection(
            split.hostname, split.port, timeout=ANSWER_S_MAX, context=ssl.create_default_context()
        )
        if split.scheme == "https"
        else HTTPConnection(split.hostname, split.port, timeout=ANSWER_S_MAX)
    )
    with contextlib.closing(connection):
        try:
            return _exchange(
                connection, f"{split.path.rstrip('/')}/api/imports", request, file, sent
            )
        except (OSError, HTTPException) as problem:
            raise SetupProblem(
                f"The server at {split.netloc} did not answer: {problem!r}",
                what="server",
                reason="see that it runs; the same command again does no harm",
            ) from problem


def _exchange(
    connection: HTTPConnection, path: str, request: ImportRequest, file: Path, sent: Sent
) -> Summary:
    wanted = {
        "supplier": request.supplier,
        "source": request.source,
        "profile": request.profile,
        "encoding": request.encoding,
        "currency": request.currency,
        "as_of_ms": request.as_of_ms,
        "dry_run": "true" if request.dry_run else None,
        "afresh": "true" if request.afresh else None,
    }
    query = urlencode({name: value for name, value in wanted.items() if value is not None})
    headers = {
        "Idempotency-Key": request.run,
        "Content-Type": "application/octet-stream",
        "Content-Length": str(file.stat().st_size),
    }
    # A server that refuses a feed while it comes has said why before it hung up.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.request("POST", f"{path}?{query}", body=_pieces(file, sent), headers=headers)
    return _summary(connection.getresponse())


def _pieces(file: Path, sent: Sent) -> Iterator[bytes]:
    total = 0
    with file.open("rb") as stream:
        while piece := stream.read(PIECE_BYTES):
            yield piece
            total += len(piece)
            sent(total)


def _summary(response: HTTPResponse) -> Summary:
    content = response.read()
    try:
        if response.status == 200:
            return msgspec.json.decode(content, type=Summary)
        error = msgspec.json.decode(content, type=ErrorBody)
    except msgspec.DecodeError as problem:
        reason = f"it answered {response.status} and something that is not of ours"
        raise SetupProblem(
            "This is no server of Shopwire.", what="server", reason=reason
        ) from problem
    kind: type[ShopwireError] = error_table().get(error.code, ShopwireError)
    known = {name: value for name, value in error.data.items() if name in kind.fields}
    raise kind(error.message, **known)
