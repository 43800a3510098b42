"""Values in short, to tell later whether they are still what they were."""

import hashlib
from typing import Any, Final

import msgspec

MARKED_CHARS_MAX: Final = 200
"""Length up to which a value's JSON is kept as it is; of a longer one only a digest is."""

_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def mark_of(value: Any) -> Any:
    """A value as JSON knows it, or `#` and a digest where that would be long.

    Two values have the same mark where they have the same JSON.
    """
    body = _encode(value)
    if len(body) <= MARKED_CHARS_MAX:
        return msgspec.json.decode(body)
    return "#" + hashlib.blake2b(body, digest_size=16).hexdigest()
