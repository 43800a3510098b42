"""What can be found out about a feed from its start: encoding, and the sign of the decimals.

Nothing here guesses: what has no proof stays open, and the summary shows what was found.
"""

import re
from collections.abc import Iterable
from typing import Final, Literal

from shopwire.modules.feeds.limits import SAMPLE_BYTES

Convention = Literal[".", ",", ""]
"""The sign of the decimals; blank: none is known."""

_WIDE_SHARE_MIN: Final = 0.4
"""Share of zero bytes on one side of each pair that makes a text one of two bytes a letter."""
_SINGLE_ROWS_MIN: Final = 3
"""Lines that have to speak for Windows-1252; a single broken byte in a row does not."""
_MULTI: Final = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_HIGH: Final = re.compile(rb"[\x80-\xff]+")
_UNDEFINED: Final = frozenset(b"\x81\x8d\x8f\x90\x9d")
_SIGNS: Final = frozenset(
    (
        b"\x80\x82\x84\x85\x91\x92\x93\x94\x96\x97\x99\xa0\xa1\xa3\xa5\xa7\xa9\xab\xae"
        b"\xb0\xb1\xb2\xb3\xb5\xb7\xbb\xbc\xbd\xbe\xbf\xd7"
    ).decode("cp1252")
)
"""Signs that stand in texts, such as those of currencies, degrees and quotes."""
_AMOUNT: Final = re.compile(r"[+-]?[\d.,'\u2019 \xa0\u202f]*\d[\d.,]*")


def encoding_of(start: bytes) -> str:
    """utf-8, utf-16-le, utf-16-be or cp1252: what the first bytes of an unmarked text prove.

    A text that has letters of UTF-8 is that, whatever else is broken in it.
    """
    start = start[:SAMPLE_BYTES]
    pairs = len(start) // 2
    if pairs >= 8:
        for first, name in ((0, "utf-16-le"), (1, "utf-16-be")):
            letters, zeros = start[first : pairs * 2 : 2], start[1 - first : pairs * 2 : 2]
            mostly = zeros.count(0) > pairs * _WIDE_SHARE_MIN
            if mostly and letters[:16].isascii() and 0 not in letters[:16]:
                return name
    if start.isascii() or _MULTI.search(start):
        return "utf-8"
    return "cp1252" if _speaks_for_single(start) else "utf-8"


def _speaks_for_single(start: bytes) -> bool:
    """Whether all high bytes are letters or signs of Windows-1252, in several lines."""
    rows = 0
    for line in start.splitlines():
        found = _HIGH.findall(line)
        for run in found:
            if _UNDEFINED.intersection(run):
                return False
            if not all(one.isalpha() or one in _SIGNS for one in run.decode("cp1252")):
                return False
        rows += bool(found)
    return rows >= _SINGLE_ROWS_MIN


def convention_of(amounts: Iterable[str]) -> Convention:
    """The sign of the decimals that amounts prove; blank where none does, or both are proven."""
    proven = {proof for text in amounts if (proof := proof_of(text))}
    return proven.pop() if len(proven) == 1 else ""


def proof_of(text: str) -> Convention:
    """What one amount proves by itself: `12,5` a comma, `1,234.50` and `12.50` a point.

    `1,234` and `1.234` prove nothing: each is two numbers.
    """
    match = _AMOUNT.search(text)
    plain = match.group() if match else ""
    point, comma = plain.rfind("."), plain.rfind(",")
    if point >= 0 and comma >= 0:
        one_of_last = plain.count("." if point > comma else ",") == 1
        return ("." if point > comma else ",") if one_of_last else ""
    sign: Convention = "." if point >= 0 else "," if comma >= 0 else ""
    if not sign:
        return ""
    if plain.count(sign) > 1:  # 1.234.567: it stands for the thousands
        return "," if sign == "." else "."
    whole, _, rest = plain.strip("+-").partition(sign)
    if len(rest) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0"):
        return ""
    return sign
