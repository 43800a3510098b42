"""What the table of keys says of claims."""

from collections.abc import Sequence
from typing import Final

import msgspec

from shopwire.kernel.commands import Outcome
from shopwire.kernel.storage import Claim, Claimed

_held: Final = msgspec.json.Decoder(list[tuple[int, str, int | None, str | None, int]]).decode
_FREE: Final = Claimed(mine=True, fingerprint=b"")
"""Of a key of which nothing is known."""


def scope_of(claim: Claim) -> tuple[str, str, str, str]:
    """In which a key is unique."""
    return (claim.tenant, claim.principal, claim.operation, claim.key)


def claimed_of(
    claims: Sequence[Claim], held: bytes | None, now_ms: int
) -> tuple[list[Claimed], bool]:
    """What the query `claim` found, and whether some of it is over."""
    answers, over = [_FREE] * len(claims), False
    for number, fingerprint, status, body, until_ms in _held(held) if held else ():
        if until_ms <= now_ms:
            over = True
            continue
        answers[number - 1] = claimed_by(
            bytes.fromhex(fingerprint),
            status,
            None if body is None else bytes.fromhex(body),
            until_ms - now_ms,
        )
    return answers, over


def claimed_by(fingerprint: bytes, status: int | None, body: bytes | None, left_ms: int) -> Claimed:
    """What is there already: an answer, or a lease that runs `left_ms` longer."""
    if status is None or body is None:
        return Claimed(mine=False, fingerprint=fingerprint, retry_ms=left_ms)
    return Claimed(mine=False, fingerprint=fingerprint, outcome=Outcome(status=status, body=body))
