"""Checks of single values, the same at every door."""

import re
from typing import Final

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.limits import MONEY_MINOR_MAX, NAME_CHARS_MAX, QUANTITY_MAX, TEXT_CHARS_MAX

_HALVES: Final = re.compile("[\ud800-\udfff]")
"""Surrogates: no letters by themselves, and nothing that UTF-8 has bytes for."""


def check_name(value: str, field: str) -> str:
    """Returns a SKU, an id, a name as it is, or raises InvalidField.

    It has 1 to NAME_CHARS_MAX printable characters and no space at its ends, so that two names
    that look alike are alike.
    """
    reason = None
    if not value:
        reason = "it is empty"
    elif len(value) > NAME_CHARS_MAX:
        reason = f"it has more than {NAME_CHARS_MAX} characters"
    elif not value.isprintable():
        reason = "it has characters that cannot be printed"
    elif value != value.strip():
        reason = "it begins or ends with a space"
    if reason:
        raise InvalidField(
            f"{field} cannot be used: {reason}.", field=field, reason=reason, value=value[:60]
        )
    return value


def storable(text: str) -> str:
    """A text from elsewhere as PostgreSQL can hold it: NUL and halves of letters are spelt out."""
    if "\0" not in text and not _HALVES.search(text):
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def check_text(value: str, field: str, *, chars_max: int = TEXT_CHARS_MAX) -> str:
    """Returns a description as it is; raises InvalidField if too long or with NUL in it."""
    if len(value) > chars_max or "\0" in value:
        reason = "a NUL character" if "\0" in value else f"over {chars_max} characters"
        raise InvalidField(f"{field} has {reason}.", field=field, reason=reason, value=value[:60])
    return value


def check_quantity(value: int, *, least: int, field: str = "quantity") -> int:
    """Returns a number of units from `least` to QUANTITY_MAX, or raises InvalidField."""
    return _check_range(value, least, QUANTITY_MAX, field)


def check_amount(value: int, field: str, *, least: int = 0) -> int:
    """Returns an amount in minor units from `least` to MONEY_MINOR_MAX, or raises InvalidField."""
    return _check_range(value, least, MONEY_MINOR_MAX, field)


def _check_range(value: int, least: int, most: int, field: str) -> int:
    if not least <= value <= most:
        raise InvalidField(
            f"{field} must lie from {least} to {most}.",
            field=field,
            reason="out of range",
            value=value,
        )
    return value
