"""What a doctor says of one piece."""

from typing import Literal

import msgspec

Verdict = Literal["ok", "note", "warn", "fail"]
"""`note` asks for nothing; `fail` keeps a shop from starting."""


class Finding(msgspec.Struct, frozen=True):
    """One piece: whether it is right, what was seen, how to mend it."""

    name: str
    verdict: Verdict
    seen: str
    remedy: str = ""
