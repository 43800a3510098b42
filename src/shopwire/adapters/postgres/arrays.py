"""Texts on their way into a statement: as one text that PostgreSQL reads as an array.

The driver would look at each of them several times before it writes it, at seven times the price.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from shopwire.kernel.errors import ConstraintRefused

_encode: Final = msgspec.json.Encoder().encode
_SPECIAL: Final = re.compile(r'["\\]')
_PARAMETER: Final = re.compile(r"\$(\d+)::text\[\]")


def text_array(texts: Sequence[str]) -> str:
    """A `text[]` as PostgreSQL spells it; raises ConstraintRefused for what is no text."""
    try:
        spelt = _encode(texts)
    except UnicodeEncodeError as problem:
        raise ConstraintRefused(
            "The database cannot hold a value.", constraint="value"
        ) from problem
    if b"\\" in spelt:
        # JSON has names for letters that an array has as they are.
        quoted = ",".join(['"' + _SPECIAL.sub(r"\\\g<0>", text) + '"' for text in texts])
        return "{" + quoted + "}"
    return "{" + spelt[1:-1].decode() + "}"


def text_arrays(rows: Iterable[Sequence[str]], width: int) -> list[str]:
    """An array for each of the `width` columns of these rows."""
    columns = list(zip(*rows, strict=True))
    return [text_array(column) for column in columns] if columns else ["{}"] * width


def taking_texts(query: str) -> str:
    """A query whose arguments of the type `text[]` come as `text_array` spells them."""
    return _PARAMETER.sub(r"$\1::text::text[]", query)
