"""What a request says about its caller, whichever server took it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec

from shopwire.kernel.identity import Caller
from shopwire.sync.crowd import address_of


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials as they came; nothing of it is believed yet."""

    authorization: str = ""
    cookie: str = ""
    ticket: str = ""


CallerOf = Callable[[Arrival], Awaitable[Caller]]
"""Who it is; raises what the door answers: Unauthenticated, TokenExpired, TicketUsed.

It may have to ask: a ticket is struck off for all processes, an issuer may have a new key."""


def arrival_of_scope(scope: Mapping[str, Any]) -> Arrival:
    """Of an ASGI request."""
    headers = {name.lower(): value for name, value in scope["headers"]}
    return arrival(
        headers.get(b"authorization", b"").decode("latin-1"),
        headers.get(b"cookie", b"").decode("latin-1"),
        scope["query_string"].decode("latin-1"),
    )


def address_of_scope(scope: Mapping[str, Any]) -> str:
    """Where an ASGI request comes from; empty where the server does not say."""
    headers = {name.lower(): value for name, value in scope["headers"]}
    forwarded = headers.get(b"x-forwarded-for", b"").decode("latin-1")
    client = scope.get("client")
    return address_of(client[0], forwarded) if client else ""


def arrival(authorization: str | None, cookie: str | None, query: str) -> Arrival:
    """Of the parts of any request; `query` is what stands behind the question mark."""
    tickets: Iterable[str] = parse_qs(query).get("ticket", ()) if "ticket=" in query else ()
    return Arrival(
        authorization=authorization or "",
        cookie=cookie or "",
        ticket=next(iter(tickets), ""),
    )
