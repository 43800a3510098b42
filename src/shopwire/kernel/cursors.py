"""Places in lists, as callers carry them from one page to the next."""

import base64
import binascii
from types import GenericAlias
from typing import Any, Final

import msgspec

from shopwire.kernel.errors import MalformedRequest

NUMBER_MAX: Final = 2**62
"""A larger number is none that was given out, and the database could not compare with it."""


def write_cursor(*place: Any) -> str:
    """The place of the last thing on a page."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def before_place(cursor: str | None, *kinds: type) -> Any:
    """The place that a cursor stands for; raises MalformedRequest for one never given out."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
        place = msgspec.json.decode(raw, type=GenericAlias(tuple, kinds))
    except (binascii.Error, ValueError, msgspec.MsgspecError) as problem:
        raise _refused(str(problem)) from None
    for part in place:
        if isinstance(part, str) and "\0" in part:
            raise _refused("a text contains the character U+0000")
        if isinstance(part, int) and not -NUMBER_MAX < part < NUMBER_MAX:
            raise _refused("a number is out of range")
    return place


def after_number(cursor: str | None) -> int:
    """The number after which a page begins, 0 for the first page."""
    place = before_place(cursor, int)
    return place[0] if place else 0


def _refused(reason: str) -> MalformedRequest:
    return MalformedRequest("The cursor is none that was given out.", field="cursor", reason=reason)
