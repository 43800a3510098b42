"""Names as parts of URLs."""

import re
import unicodedata


def slug_of(text: str) -> str:
    """A name in lower case, accents dropped, everything between words a hyphen.

    Letters of every script stay; what has neither letters nor digits becomes `x`.
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[\W_]+", "-", plain).strip("-") or "x"
