"""What the doors of carriers and suppliers share: a proved notice is applied, or kept."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from litestar import Request, Response

from shopwire.kernel.clock import Clock
from shopwire.kernel.commands import Command, Envelope
from shopwire.kernel.errors import (
    BodyTooLarge,
    ErrorBody,
    InvalidField,
    KeyReused,
    MalformedRequest,
    NotFound,
)
from shopwire.kernel.trade_errors import SignatureInvalid
from shopwire.kernel.validation import check_name
from shopwire.kernel.webhooks import verify
from shopwire.kernel.write_path import WritePath
from shopwire.modules.shipping.api import KeepNotice, Notice
from shopwire.services.answers import answer

NOTICE_BYTES_MAX: Final = 65_536
"""Size of a notice's body; a larger one is refused before its signature is computed."""

SecretsOf = Callable[[str], Sequence[str]]
"""Secrets with which `carrier:<name>` or `supplier:<name>` may sign; none for a stranger."""

_decode_error: Final = msgspec.json.Decoder(ErrorBody).decode


class Proved(msgspec.Struct, frozen=True, kw_only=True):
    """A notice whose sender is known."""

    source: str
    id: str
    body: bytes


async def prove(
    request: Request[Any, Any, Any], kind: str, name: str, secrets_of: SecretsOf, clock: Clock
) -> Proved:
    """Reads a notice's raw body and proves it. Raises BodyTooLarge, SignatureInvalid.

    A sender without a secret is refused like one with a wrong signature: who is known here is
    nobody's business.
    """
    source = f"{kind}:{check_name(name, kind)}"
    body = await request.body()
    if len(body) > NOTICE_BYTES_MAX:
        raise BodyTooLarge(bytes_max=NOTICE_BYTES_MAX)
    secrets = secrets_of(source)
    headers = {key.lower(): value for key, value in request.headers.items()}
    if not secrets:
        raise SignatureInvalid(reason="no signature matches")
    webhook_id = verify(secrets, headers, body, now_ms=clock.now_ms())
    if b"\\u0000" in body:
        raise MalformedRequest(field="body", reason="a text contains the character U+0000")
    return Proved(source=source, id=webhook_id, body=body)


def read(proved: Proved, decoder: msgspec.json.Decoder[Any]) -> Any:
    """The notice as a value; raises InvalidField, MalformedRequest."""
    try:
        return decoder.decode(proved.body)
    except msgspec.ValidationError as problem:
        reason, _, field = str(problem).partition(" - at `$")
        raise InvalidField(field=field.strip("`.") or "body", reason=reason) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise MalformedRequest(field="body", reason=str(problem)) from None


async def apply_or_keep(
    write_path: WritePath, proved: Proved, notice: Notice, commands: Sequence[Command]
) -> Response[bytes]:
    """Sends the commands once; keeps the notice where there are none, or one is refused.

    What may pass is answered as such, so that the sender comes again. 200 means that it need not:
    `applied`, or `kept` with the reason, for a person to look at.
    """
    because = "" if commands else NotFound.__name__
    for number, command in enumerate(commands):
        envelope = Envelope(command=command, key=f"{proved.id}/{number}", principal=proved.source)
        outcome = await write_path.submit(envelope)
        if outcome.ok:
            continue
        problem = _decode_error(outcome.body)
        if problem.temporary or outcome.status >= 500 or problem.name == KeyReused.__name__:
            return answer(outcome)
        because = problem.name
    if not because:
        return _told({"status": "applied"})
    keep = KeepNotice(source=proved.source, id=proved.id, notice=notice, because=because)
    kept = await write_path.submit(Envelope(command=keep, key=proved.id, principal=proved.source))
    return _told({"status": "kept", "because": because}) if kept.ok else answer(kept)


def _told(told: Mapping[str, str]) -> Response[bytes]:
    return Response(msgspec.json.encode(told), status_code=200, media_type="application/json")
