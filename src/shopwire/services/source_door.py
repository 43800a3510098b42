"""The door by which suppliers push their feeds, signed by whoever sends them."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.params import FromPath

from shopwire.kernel.clock import Clock
from shopwire.kernel.commands import Outcome
from shopwire.kernel.errors import BodyTooLarge, MalformedRequest, NotFound, QueueFull
from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.kernel.storage import Claim
from shopwire.kernel.trade_errors import SignatureInvalid
from shopwire.kernel.validation import check_name
from shopwire.kernel.webhooks import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, verify
from shopwire.kernel.write_path import WritePath
from shopwire.modules.sources.store import push_source
from shopwire.services.answers import answer
from shopwire.services.leases import held_lease
from shopwire.services.sourcing import Sourcing

PUSH_BYTES_MAX: Final = 32 * 1024 * 1024
"""Size of a pushed feed; its signature needs all of it at once. A larger one is refused: it has
to be fetched."""
PUSHES_MAX: Final = 4
"""Pushed feeds that are held in memory at once; one more is told to come again."""
PUSH_SECONDS_MAX: Final = 120
"""Time in which a pushed feed has to be here; more is refused."""
PUSH_RETRY_MS: Final = 5_000
"""When somebody may come again who found all places taken."""
_OPERATION: Final = "sources.push"

SecretsOf = Callable[[str], Sequence[str]]


def source_routes(
    write_path: WritePath,
    reads: Reads,
    sourcing: Sourcing,
    secrets_of: SecretsOf,
    clock: Clock,
) -> list[Any]:
    """The endpoint `POST /api/webhooks/feeds/{supplier}`."""
    places = asyncio.Semaphore(PUSHES_MAX)

    @post(
        "/api/webhooks/feeds/{supplier:str}",
        status_code=200,
        request_max_body_size=None,
        summary="A supplier pushes its feed",
        description="The body is the file, signed as a Standard Webhook with the supplier's secret."
        " The same webhook-id again is answered with the first answer.",
    )
    async def take_push(
        request: Request[Any, Any, Any], supplier: FromPath[str]
    ) -> Response[bytes]:
        source = f"supplier:{check_name(supplier, 'supplier')}"
        _check_headers(request)
        if places.locked():
            raise QueueFull(retry_ms=PUSH_RETRY_MS)
        async with places:
            body = await _received(request)
            secrets = secrets_of(source)
            if not secrets:
                raise SignatureInvalid(reason="no signature matches")
            headers = {key.lower(): value for key, value in request.headers.items()}
            webhook_id = verify(secrets, headers, body, now_ms=clock.now_ms())
            # Only who proved who it is learns what there is.
            name = await push_source(reads, DEFAULT_TENANT, supplier)
            if name is None:
                raise NotFound(what="source", id=f"{supplier}: none that is pushed")
            return answer(
                await _once(write_path, source, webhook_id, sourcing, supplier, name, body)
            )

    return [take_push]


async def _once(
    write_path: WritePath,
    principal: str,
    webhook_id: str,
    sourcing: Sourcing,
    supplier: str,
    name: str,
    body: bytes,
) -> Outcome:
    """Takes it in under its sender's id; what may pass leaves the id free for another try."""
    claim = Claim(
        tenant=DEFAULT_TENANT,
        principal=principal,
        operation=_OPERATION,
        key=webhook_id,
        fingerprint=hashlib.sha256(body).digest()[:16],
    )
    leased = await write_path.claim_lease(claim)
    if isinstance(leased, Outcome):
        return leased
    async with held_lease(write_path, leased) as held:
        came = await sourcing.take(supplier, name, BytesIO(body), len(body))
        told = {
            "status": came.outcome, "rows": came.rows, "run": came.run, "reason": came.reason,
        }  # fmt: skip
        outcome = Outcome(status=200, body=msgspec.json.encode(told))
        await write_path.finish_lease(held[0], outcome)
    return outcome


def _check_headers(request: Request[Any, Any, Any]) -> None:
    """Turns away who has nothing to prove before a byte of the body is taken."""
    for name in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER):
        if not request.headers.get(name):
            raise SignatureInvalid(reason="a header is missing")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > PUSH_BYTES_MAX:
        raise BodyTooLarge(bytes_max=PUSH_BYTES_MAX)


async def _received(request: Request[Any, Any, Any]) -> bytes:
    """The whole body; raises BodyTooLarge, MalformedRequest."""
    pieces, size = [], 0
    try:
        async with asyncio.timeout(PUSH_SECONDS_MAX):
            async for piece in request.stream():
                size += len(piece)
                if size > PUSH_BYTES_MAX:
                    raise BodyTooLarge(bytes_max=PUSH_BYTES_MAX)
                pieces.append(piece)
    except TimeoutError:
        reason = f"it took longer than {PUSH_SECONDS_MAX} s"
        raise MalformedRequest(field="body", reason=reason) from None
    if not size:
        raise MalformedRequest(field="body", reason="it is empty; send the file as the body")
    return b"".join(pieces)
