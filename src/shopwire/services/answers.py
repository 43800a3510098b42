"""An outcome as an HTTP answer: its stored bytes, what marks a repeat, when to come back."""

import math

import msgspec
from litestar import Response

from shopwire.kernel.commands import Outcome
from shopwire.kernel.errors import ErrorBody


def headers_of(outcome: Outcome) -> dict[str, str]:
    """What marks a repeat, and when a refusal that may pass is to be tried again."""
    headers = {"Idempotency-Replayed": "true"} if outcome.replayed else {}
    if not outcome.ok:
        problem = msgspec.json.decode(outcome.body, type=ErrorBody)
        if problem.temporary:
            wait_ms = problem.data.get("retry_ms") or 1_000
            headers["Retry-After"] = str(max(1, math.ceil(wait_ms / 1_000)))
    return headers


def answer(outcome: Outcome) -> Response[bytes]:
    """The same bytes for every repeat; a refusal that may pass says when to ask again."""
    return Response(
        outcome.body,
        status_code=outcome.status,
        headers=headers_of(outcome),
        media_type="application/json",
    )
