"""An error of the numbered table as the answer of a plain ASGI application."""

import math
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec

from shopwire.kernel.errors import ShopwireError

NO_STORE = (b"cache-control", b"no-store")
"""A refusal that no cache keeps: the address may mean something in a moment."""


async def refuse(
    send: Callable[[Any], Awaitable[None]],
    problem: ShopwireError,
    headers: Iterable[tuple[bytes, bytes]] = (),
) -> None:
    """Answers a request with a refusal; one that may pass says when to come back."""
    body = msgspec.json.encode(problem.body())
    told = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        *headers,
    ]
    if problem.temporary:
        wait_ms = problem.data.get("retry_ms") or 1_000
        told.append((b"retry-after", b"%d" % max(1, math.ceil(wait_ms / 1_000))))
    await send({"type": "http.response.start", "status": problem.status, "headers": told})
    await send({"type": "http.response.body", "body": body, "more_body": False})
