"""Names as parts of URLs."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

SLUGS_KEPT: Final = 128
"""Names whose slug is remembered, the latest: each row of a feed names its supplier several times.
"""
_WORD: Final = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """The words of a text as a search compares them: lower case, without accents."""
    plain = text.casefold()
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain)
        plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return _WORD.findall(plain)


def compact_of(text: str) -> str:
    """A maker's number or a brand as two are compared: `AB-12 c` and `ab12C` are one; may be blank.

    Letters and digits alone, in lower case, without accents.
    """
    return "".join(words_of(text))


@lru_cache(maxsize=SLUGS_KEPT)
def slug_of(text: str) -> str:
    """A name in lower case, accents dropped, everything between words a hyphen.

    Letters of every script stay; what has neither letters nor digits becomes `x`.
    """
    return "-".join(words_of(text)) or "x"
