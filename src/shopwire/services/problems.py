"""Every error that HTTP answers, in the shape of the kernel's table."""

import math
import re
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from shopwire.kernel.errors import (
    BodyTooLarge,
    InternalError,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    ShopwireError,
)
from shopwire.kernel.ids import new_id

_log: Final = structlog.get_logger()
AnyRequest = Request[Any, Any, Any]


def answer(problem: ShopwireError, headers: dict[str, str] | None = None) -> Response[bytes]:
    """A problem as an HTTP answer; temporary ones say when to come back."""
    sent = dict(headers or {})
    if problem.temporary:
        wait_ms = problem.data.get("retry_ms") or 1_000
        sent["Retry-After"] = str(max(1, math.ceil(wait_ms / 1_000)))
    return Response(
        msgspec.json.encode(problem.body()),
        status_code=problem.status,
        headers=sent,
        media_type="application/json",
    )


def on_known(_request: AnyRequest, problem: ShopwireError) -> Response[bytes]:
    """An error of the table: as it is."""
    return answer(problem)


def on_http(request: AnyRequest, problem: HTTPException) -> Response[bytes]:
    """Litestar's own refusals, told in our words."""
    status, path = problem.status_code, request.scope["path"]
    match status:
        case 404:
            return answer(NotFound(f"There is nothing at {path}.", what="path", id=path))
        case 405:
            allowed = (problem.headers or {}).get("allow", "")
            refusal = MethodNotAllowed(method=request.scope["method"], allowed=allowed)
            return answer(refusal, {"Allow": allowed} if allowed else None)
        case 413:
            limit = request.route_handler.resolve_request_max_body_size()
            return answer(BodyTooLarge(bytes_max=limit))
        case _ if status >= 500:
            return on_defect(request, problem)
        case _:
            return answer(MalformedRequest(**_blame(problem)))


def on_defect(request: AnyRequest, problem: Exception) -> Response[bytes]:
    """Anything unexpected: told without details, which are in the log under the incident's id."""
    incident = new_id()
    path = request.scope["path"]
    _log.error("http.defect", incident=incident, path=path, exc_info=problem)
    return answer(InternalError(incident=incident))


def _blame(problem: HTTPException) -> dict[str, str]:
    """Which field was wrong and why, as far as Litestar knows."""
    extra = problem.extra
    if isinstance(problem, ValidationException) and isinstance(extra, list) and extra:
        first = extra[0]
        if isinstance(first, dict):
            return {"field": str(first.get("key", "")), "reason": str(first.get("message", ""))}
    named = re.search(r"parameter '(\w+)'", problem.detail)
    return {"field": named[1] if named else "", "reason": problem.detail}
