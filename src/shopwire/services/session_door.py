"""Sessions: how a visitor, an operator or a program gets a token, keeps it and gives it back."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

import msgspec
from litestar import Request, Response, delete, get, post

from shopwire.adapters.security.tickets import TICKET_MS
from shopwire.adapters.security.tokens import Tokens, new_shopper
from shopwire.kernel.access_errors import Forbidden, Unauthenticated, WrongPassword
from shopwire.kernel.errors import InvalidField, MalformedRequest
from shopwire.kernel.identity import Caller, Role
from shopwire.services.callers import COOKIE, Callers
from shopwire.sync.crowd import address_of

SHOPPER_SESSION_MS: Final = 30 * 24 * 3_600_000
"""A visitor stays the same one for this long after the last refresh."""
OPERATOR_SESSION_MS: Final = 12 * 3_600_000
"""A working day; then an operator logs in again or refreshes before."""

CheckPassword = Callable[[str, str, str], Awaitable[Role | None]]
"""(user, password, address) to the user's role, None where they do not fit; slow on purpose."""


class SessionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who somebody wants to be."""

    role: Literal["shopper", "operator"]
    user: str = ""
    password: str = ""


class SessionAnswer(msgspec.Struct, frozen=True):
    """Who somebody is."""

    subject: str
    role: Role
    expires_at_ms: int | None
    token: str | None = None
    """For clients that send it themselves; browsers have it as a cookie."""


class SessionDoor:
    """Makes sessions; HTTP is only one way to call it."""

    def __init__(
        self,
        tokens: Tokens,
        callers: Callers,
        *,
        open_to_all: bool,
        check_password: CheckPassword | None = None,
    ) -> None:
        """Args: `open_to_all` lets everybody be an operator: only on loopback."""
        self._tokens = tokens
        self._callers = callers
        self._open = open_to_all
        self._check_password = check_password

    async def begin(self, asked: SessionRequest, now: Caller, address: str = "") -> SessionAnswer:
        """A session; a shopper who has one keeps the subject. Raises WrongPassword."""
        if asked.role == "shopper":
            ours = now.role == "shopper" and not now.issuer
            subject = now.subject if ours else new_shopper()
            return self._session("shopper", subject, SHOPPER_SESSION_MS)
        if self._open and not asked.user:
            return self._session("operator", "local", OPERATOR_SESSION_MS)
        if self._check_password is None:
            raise WrongPassword
        role = await self._check_password(asked.user, asked.password, address)
        if role != "operator":
            raise WrongPassword
        return self._session("operator", asked.user, OPERATOR_SESSION_MS)

    def refresh(self, caller: Caller) -> SessionAnswer:
        """The same session, from now on; raises Unauthenticated, Forbidden."""
        if caller.expires_at_ms is None:
            raise Unauthenticated(reason="there is no session")
        if caller.issuer:
            raise Unauthenticated(reason="this session is another issuer's: ask it for a token")
        if caller.role == "shopper":
            return self._session("shopper", caller.subject, SHOPPER_SESSION_MS)
        if caller.role == "operator":
            return self._session("operator", caller.subject, OPERATOR_SESSION_MS)
        raise Forbidden(operation="sessions.refresh", role=caller.role, allowed=["shopper"])

    def ticket(self, caller: Caller) -> dict[str, Any]:
        """For a connection that cannot send headers."""
        return {"ticket": self._callers.ticket(caller), "expires_in_ms": TICKET_MS}

    def _session(self, role: Role, subject: str, ttl_ms: int) -> SessionAnswer:
        token, caller = self._tokens.issue(role, subject, ttl_ms=ttl_ms)
        return SessionAnswer(caller.subject, caller.role, caller.expires_at_ms, token)


def session_routes(door: SessionDoor) -> list[Any]:
    """The endpoints below `/api/sessions`, and `/api/tickets`."""

    @post("/api/sessions", status_code=200, summary="Begin a session, or log in")
    async def begin(request: Request[Any, Any, Any]) -> Response[bytes]:
        asked = _read(await request.body())
        peer = request.client.host if request.client else ""
        address = address_of(peer, request.headers.get("x-forwarded-for", ""))
        return _with_cookie(request, await door.begin(asked, request.state.caller, address))

    @get("/api/sessions/me", summary="Who I am")
    async def me(request: Request[Any, Any, Any]) -> dict[str, Any]:
        caller: Caller = request.state.caller
        return {
            "subject": caller.subject,
            "role": caller.role,
            "supplier": caller.supplier,
            "expires_at_ms": caller.expires_at_ms,
        }

    @post("/api/sessions/refresh", status_code=200, summary="Go on with a session")
    async def refresh(request: Request[Any, Any, Any]) -> Response[bytes]:
        return _with_cookie(request, door.refresh(request.state.caller))

    @delete("/api/sessions", status_code=204, summary="End a session in this browser")
    async def end(request: Request[Any, Any, Any]) -> Response[None]:
        gone = Response(None, status_code=204)
        gone.delete_cookie(COOKIE, path="/")
        return gone

    @post("/api/tickets", status_code=200, summary="A ticket for one connection")
    async def ticket(request: Request[Any, Any, Any]) -> dict[str, Any]:
        return door.ticket(request.state.caller)

    return [begin, me, refresh, end, ticket]


def _read(body: bytes) -> SessionRequest:
    try:
        return msgspec.json.decode(body, type=SessionRequest)
    except msgspec.ValidationError as problem:
        reason, _, field = str(problem).partition(" - at `$")
        raise InvalidField(field=field.strip("`.") or "body", reason=reason) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise MalformedRequest(field="body", reason=str(problem)) from None


def _with_cookie(request: Request[Any, Any, Any], session: SessionAnswer) -> Response[bytes]:
    answered = Response(
        msgspec.json.encode(session),
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )
    lasts_ms = {"shopper": SHOPPER_SESSION_MS}.get(session.role, OPERATOR_SESSION_MS)
    answered.set_cookie(
        COOKIE,
        session.token,
        max_age=lasts_ms // 1_000,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answered
