"""Names as parts of URLs."""

import re
import unicodedata


def words_of(text: str) -> list[str]:
    """The words of a text as a search compares them: lower case, without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.findall(r"[^\W_]+", plain)


def slug_of(text: str) -> str:
    """A name in lower case, accents dropped, everything between words a hyphen.

    Letters of every script stay; what has neither letters nor digits becomes `x`.
    """
    return "-".join(words_of(text)) or "x"
