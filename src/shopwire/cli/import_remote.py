"""Sends a feed to a running server: the same import, behind its HTTP door."""

import contextlib
import ssl
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import SplitResult, urlencode, urlsplit

import msgspec

from shopwire.kernel.errors import ErrorBody, SetupProblem, ShopwireError, error_table
from shopwire.services.importing import ImportRequest, Summary

T = TypeVar("T")
PIECE_BYTES: Final = 256 * 1024
ANSWER_S_MAX: Final = 3_600.0
"""How long the server may take for a feed before the command gives up; the import goes on."""

Sent = Callable[[int], None]
"""Told how many bytes have been sent."""


def send_feed(url: str, request: ImportRequest, file: Path, sent: Sent) -> Summary:
    """Sends a file and returns the server's summary; raises what the server answered instead.

    Raises SetupProblem where there is no server at `url`, or none of ours.
    """
    connection, split = _connected(url)
    with contextlib.closing(connection), _answering(split.netloc):
        return _exchange(connection, f"{split.path.rstrip('/')}/api/imports", request, file, sent)


def ask_server(url: str, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
    """Asks a server for something, or to do something; raises what it answered instead."""
    connection, split = _connected(url)
    headers = {"Content-Type": "application/json"}
    if key is not None:
        headers["Idempotency-Key"] = key
    content = None if body is None else msgspec.json.encode(body)
    with contextlib.closing(connection), _answering(split.netloc):
        where = f"{split.path.rstrip('/')}{path}"
        connection.request(method, where, body=content, headers=headers)
        return _read(connection.getresponse(), Any)


def download(url: str, path: str, out: Path) -> int:
    """Writes what a server answers into a file; how many bytes that are.

    Raises what it answered instead, and SetupProblem where the answer breaks off.
    """
    connection, split = _connected(url)
    with contextlib.closing(connection), _answering(split.netloc):
        connection.request("GET", f"{split.path.rstrip('/')}{path}")
        response = connection.getresponse()
        if response.status != 200:
            _read(response, Any)
        size = 0
        with out.open("wb") as file:
            while piece := response.read(PIECE_BYTES):
                size += file.write(piece)
        return size


def _connected(url: str) -> tuple[HTTPConnection, SplitResult]:
    split = urlsplit(url)
    if split.scheme not in ("http", "https") or not split.hostname:
        reason = "it looks like http://127.0.0.1:8000"
        raise SetupProblem(f"{url!r} is no address of a server.", what="server", reason=reason)
    if split.scheme == "https":
        context = ssl.create_default_context()
        return HTTPSConnection(
            split.hostname, split.port, timeout=ANSWER_S_MAX, context=context
        ), split
    return HTTPConnection(split.hostname, split.port, timeout=ANSWER_S_MAX), split


@contextlib.contextmanager
def _answering(netloc: str) -> Iterator[None]:
    try:
        yield
    except (OSError, HTTPException) as problem:
        raise SetupProblem(
            f"The server at {netloc} did not answer: {problem!r}",
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
        "kind": request.kind,
        "force": "true" if request.force else None,
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
    return _read(connection.getresponse(), Summary)


def _pieces(file: Path, sent: Sent) -> Iterator[bytes]:
    total = 0
    with file.open("rb") as stream:
        while piece := stream.read(PIECE_BYTES):
            yield piece
            total += len(piece)
            sent(total)


def _read(response: HTTPResponse, kind_of_answer: type[T]) -> T:
    content = response.read()
    try:
        if response.status == 200:
            return msgspec.json.decode(content, type=kind_of_answer)
        error = msgspec.json.decode(content, type=ErrorBody)
    except msgspec.DecodeError as problem:
        reason = f"it answered {response.status} and something that is not of ours"
        raise SetupProblem(
            "This is no server of Shopwire.", what="server", reason=reason
        ) from problem
    kind: type[ShopwireError] = error_table().get(error.code, ShopwireError)
    known = {name: value for name, value in error.data.items() if name in kind.fields}
    raise kind(error.message, **known)
