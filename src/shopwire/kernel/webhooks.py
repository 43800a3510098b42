"""Standard Webhooks 1.0 (standardwebhooks.com): who sent a message, and when, proved by a secret.

Pure functions over the raw body: nothing is parsed before its signature is known to be right. The
clock is an argument. They serve every webhook that comes in and every one that goes out.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Final

from shopwire.kernel.errors import SetupProblem
from shopwire.kernel.trade_errors import SignatureInvalid

ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"
TOLERANCE_MS_MAX: Final = 5 * 60_000
"""How far a message's time may lie from ours, in either direction."""
SECRET_BYTES_MIN: Final = 24
"""Shorter secrets can be guessed; the standard allows 24 to 64 bytes."""
SECRET_BYTES_MAX: Final = 64
"""Longer ones than the standard allows are a mistake of copying."""
SIGNATURES_MAX: Final = 16
"""Signatures that one message may carry; while secrets rotate there are two."""

_PREFIX: Final = "whsec_"
_VERSION: Final = "v1"
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")
"""No point: it separates the signed parts, and an id with one could pass for another message."""
_SECONDS: Final = re.compile(r"[0-9]{1,12}")


def secret_bytes(secret: str) -> bytes:
    """The key that a `whsec_...` text stands for; raises SetupProblem for one that is none.

    The text itself is in no message.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
        reason = f"it must be whsec_ and {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes in base64"
        raise SetupProblem(
            f"A webhook's secret cannot be used: {reason}.", what="webhook secret", reason=reason
        )
    return key


def new_secret(key: bytes) -> str:
    """The text of a secret made from random bytes; raises SetupProblem for too few or too many."""
    secret = _PREFIX + base64.b64encode(key).decode()
    secret_bytes(secret)
    return secret


def sign(secrets: Sequence[str], webhook_id: str, body: bytes, *, now_ms: int) -> dict[str, str]:
    """The headers that prove a body: one signature a secret, so that a receiver may hold either."""
    if not _ID.fullmatch(webhook_id):
        raise ValueError(f"{webhook_id!r} is no id of a webhook")
    stamp = str(now_ms // 1_000)
    signatures = [_signature(secret_bytes(one), webhook_id, stamp, body) for one in secrets]
    return {
        ID_HEADER: webhook_id,
        TIMESTAMP_HEADER: stamp,
        SIGNATURE_HEADER: " ".join(f"{_VERSION},{one}" for one in signatures),
    }


def verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now_ms: int) -> str:
    """The message's id, if one of the secrets signed exactly this body within the tolerance.

    `headers` have lower-case names. `body` is what came over the wire: one that was parsed and
    written again has another signature. Raises SignatureInvalid; `reason` says what was wrong,
    and never how a right signature would look.
    """
    webhook_id = headers.get(ID_HEADER, "")
    stamp = headers.get(TIMESTAMP_HEADER, "")
    carried = headers.get(SIGNATURE_HEADER, "").split()
    if not webhook_id or not stamp or not carried:
        raise SignatureInvalid(reason="a header is missing")
    if not _ID.fullmatch(webhook_id):
        raise SignatureInvalid(reason="the id is malformed")
    if not _SECONDS.fullmatch(stamp):
        raise SignatureInvalid(reason="the timestamp is malformed")
    if len(carried) > SIGNATURES_MAX:
        raise SignatureInvalid(reason="too many signatures")
    offered = [text for version, _, text in (one.partition(",") for one in carried)
               if version == _VERSION]  # fmt: skip
    if not _any_right(secrets, offered, webhook_id, stamp, body):
        raise SignatureInvalid(reason="no signature matches")
    # Only a genuine message learns that it is late: the time of a forged one means nothing.
    check_time(int(stamp) * 1_000, now_ms)
    return webhook_id


def check_time(sent_at_ms: int, now_ms: int) -> None:
    """Raises SignatureInvalid for a message from too long ago, or from the future."""
    if abs(now_ms - sent_at_ms) > TOLERANCE_MS_MAX:
        reason = "it is too old" if sent_at_ms < now_ms else "it comes from the future"
        raise SignatureInvalid(reason=reason)


def _any_right(
    secrets: Sequence[str], offered: Sequence[str], webhook_id: str, stamp: str, body: bytes
) -> bool:
    """Compares every pair, the right one early or late, in the same time."""
    right = False
    for secret in secrets:
        expected = _signature(secret_bytes(secret), webhook_id, stamp, body).encode()
        for signature in offered:
            right |= hmac.compare_digest(expected, signature.encode("utf-8", "surrogateescape"))
    return right


def _signature(key: bytes, webhook_id: str, stamp: str, body: bytes) -> str:
    signed = f"{webhook_id}.{stamp}.".encode() + body
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
